//! Tests of policies: where policies and schema come from, what Cedar alone says, and that nothing is recorded.

use cedarkeep_model::{
    BindingMode, PolicyVersion, PolicyVersionId, SchemaStatus, SchemaVersion, ScopeType, ValidationMode, ZoneId,
};
use cedarkeep_service::{
    Code, Decision, DecisionRequest, Error, Expectation, GivenPolicy, GivenSchema, NewPolicyDraft, NewSetDraft,
    PolicyTest, PolicyTestResult, PolicyTestRun, PolicyTests, TestedPolicies, TestedSchema,
};
use cedarkeep_tests::in_process::{InProcess, entries, schema_version};
use serde_json::{Value, json};

const PERMIT: &str = "permit (principal, action, resource);";
const FORBID: &str = "forbid (principal, action, resource);";

fn request() -> PolicyTest {
    PolicyTest {
        name: None,
        principal: "User::\"alice\"".parse().unwrap(),
        action: "Action::\"read\"".parse().unwrap(),
        resource: "Doc::\"1\"".parse().unwrap(),
        context: json!({}),
        entities: None,
        expect: None,
    }
}

fn expecting(decision: Decision, reason: &[&str], num_errors: Option<u64>) -> PolicyTest {
    let reason = reason.iter().map(|id| (*id).to_owned()).collect();
    PolicyTest { expect: Some(Expectation { decision, reason, num_errors }), ..request() }
}

fn tests(policies: TestedPolicies) -> PolicyTests {
    PolicyTests {
        policies,
        schema: TestedSchema::Default,
        validation: ValidationMode::Strict,
        entities: json!([]),
        requests: vec![request()],
    }
}

fn text(policies: &str) -> TestedPolicies {
    TestedPolicies::Given(GivenPolicy::Text(policies.to_owned()))
}

async fn run(it: &InProcess, zone: ZoneId, tests: PolicyTests) -> Result<PolicyTestRun, Error> {
    it.service.test_policies(&InProcess::call(), zone, tests).await
}

/// What came of the only request.
async fn one(it: &InProcess, zone: ZoneId, tests: PolicyTests) -> PolicyTestResult {
    let results = run(it, zone, tests).await.unwrap().results;
    let [result] = results.try_into().unwrap();
    result
}

async fn refused(it: &InProcess, zone: ZoneId, policies: TestedPolicies) -> Code {
    run(it, zone, tests(policies)).await.unwrap_err().code()
}

/// A published version for each text, each of a policy of its own.
async fn versions(it: &InProcess, zone: ZoneId, texts: &[&str]) -> Vec<PolicyVersion> {
    let mut versions = Vec::new();
    for text in texts {
        let policy = it.policy(zone, &it.service.new_request_id()).await;
        versions.push(it.version(zone, policy, text).await);
    }
    versions
}

/// Binds a new version of a new set with these policies.
async fn bind(it: &InProcess, zone: ZoneId, pinned: &[PolicyVersion], scope: ScopeType, target: Option<&str>) {
    let set = it.set(zone, &it.service.new_request_id(), scope).await;
    let version = it.set_version(zone, set, pinned).await.record.id;
    let target = target.map(str::to_owned);
    it.service.bind(&InProcess::call(), zone, version, BindingMode::Active, target).await.unwrap();
}

fn ids(pinned: &[PolicyVersion]) -> Vec<String> {
    pinned.iter().map(|version| format!("{}/policy0", version.policy_id)).collect()
}

#[tokio::test]
async fn every_source_of_policies() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let pinned = versions(&it, zone, &[PERMIT, PERMIT]).await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let version = it.set_version(zone, set, &pinned).await.record.id;
    it.service.bind(&InProcess::call(), zone, version, BindingMode::Active, None).await.unwrap();
    let schema = Some(schema_version());
    let draft =
        NewSetDraft { entries: Some(entries(&pinned[1..])), schema_version: schema.clone(), ..Default::default() };
    it.service.save_set_draft(&InProcess::call(), zone, set, draft).await.unwrap();
    let given = Some(GivenPolicy::Text(format!("{PERMIT}{PERMIT}")));
    let draft = NewPolicyDraft { schema_version: schema, given, base_version_id: None };
    it.service.save_policy_draft(&InProcess::call(), zone, pinned[0].policy_id, draft).await.unwrap();

    let all = json!({"op": "All"});
    let json = json!({"staticPolicies": {"mine": {"effect": "permit", "principal": all, "action": all, "resource": all,
        "conditions": []}}});
    let two_statements = vec!["policy0".to_owned(), "policy1".to_owned()];
    let backwards = pinned.iter().rev().map(|version| version.id).collect();
    let sources = [
        (text(&format!("{PERMIT}{PERMIT}")), two_statements.clone()),
        (TestedPolicies::Given(GivenPolicy::Json(json)), vec!["mine".to_owned()]),
        (TestedPolicies::Versions(backwards), ids(&pinned)),
        (TestedPolicies::SetVersion(version), ids(&pinned)),
        (TestedPolicies::PolicyDraft(pinned[0].policy_id), two_statements),
        (TestedPolicies::SetDraft(set), ids(&pinned[1..])),
        (TestedPolicies::Bound, ids(&pinned)),
    ];
    for (source, reason) in sources {
        let tests = PolicyTests { schema: TestedSchema::Version(schema_version()), ..tests(source.clone()) };
        let run = run(&it, zone, tests).await.unwrap();
        assert_eq!(run.results[0].reason, reason, "{source:?}");
        assert_eq!(run.results[0].decision, Some(Decision::Allow), "{source:?}");
        assert!(run.validation.unwrap().errors.is_empty(), "{source:?}");
    }
}

/// The zone's default schema knows no `Doc`, so which schema was taken shows in what fits.
#[tokio::test]
async fn the_schema_is_the_named_one_else_that_of_the_source_else_the_default() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let pinned = versions(&it, zone, &[PERMIT]).await;
    bind(&it, zone, &pinned, ScopeType::Zone, None).await;
    let given = Some(GivenPolicy::Text(PERMIT.to_owned()));
    let draft = NewPolicyDraft { schema_version: Some(schema_version()), given, base_version_id: None };
    it.service.save_policy_draft(&InProcess::call(), zone, pinned[0].policy_id, draft).await.unwrap();

    let fits = async |tests: PolicyTests| one(&it, zone, tests).await.request_error.is_none();
    assert!(fits(tests(TestedPolicies::Bound)).await, "the bound version names one");
    assert!(fits(tests(TestedPolicies::PolicyDraft(pinned[0].policy_id))).await, "the draft names one");
    assert!(!fits(tests(text(PERMIT))).await, "the default");
    assert!(!fits(tests(TestedPolicies::Versions(vec![pinned[0].id]))).await, "the default");
    let named = TestedSchema::Version(schema_version());
    assert!(fits(PolicyTests { schema: named, ..tests(text(PERMIT)) }).await);
    let given = "entity User, Doc; action read appliesTo { principal: User, resource: Doc };";
    let given = TestedSchema::Given(GivenSchema::Text(given.to_owned()));
    assert!(fits(PolicyTests { schema: given, ..tests(text(PERMIT)) }).await);
    let other = "entity Other; action read appliesTo { principal: Other, resource: Other };";
    let other = TestedSchema::Given(GivenSchema::Text(other.to_owned()));
    assert!(!fits(PolicyTests { schema: other, ..tests(TestedPolicies::Bound) }).await, "the named one first");

    it.service.set_default_schema(&InProcess::call(), zone, "test").await.unwrap();
    assert!(fits(tests(text(PERMIT))).await, "the new default");
}

/// Without validation and with no schema named, entities are all there is; a source that names a schema keeps its actions.
#[tokio::test]
async fn without_validation_there_may_be_no_schema() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policies = "permit (principal, action in Action::\"group\", resource);";
    let action =
        json!({"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": [{"type": "Action", "id": "group"}]});
    let off = |policies| PolicyTests { validation: ValidationMode::Off, entities: json!([action]), ..tests(policies) };
    let free = run(&it, zone, off(text(policies))).await.unwrap();
    assert!(free.validation.is_none());
    assert_eq!(free.results[0].decision, Some(Decision::Allow), "the given action counts");

    let named = PolicyTests { schema: TestedSchema::Version(schema_version()), ..off(text(policies)) };
    let held = one(&it, zone, named.clone()).await;
    assert_eq!((held.decision, held.request_error.is_some()), (None, true), "it is not that of the schema");
    let alone = one(&it, zone, PolicyTests { entities: json!([]), ..named }).await;
    assert_eq!(alone.decision, Some(Decision::Deny), "the schema's `read` is in no group");

    bind(&it, zone, &versions(&it, zone, &[PERMIT]).await, ScopeType::Zone, None).await;
    assert!(one(&it, zone, off(TestedPolicies::Bound)).await.request_error.is_some(), "the bound version names one");
}

#[tokio::test]
async fn what_does_not_fit_is_said_and_the_rest_goes_on() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let misspelt =
        "permit (principal, action, resource);\npermit (principal, action, resource) when { principal.nmae == 1 };";
    let alice = json!([{"uid": {"type": "User", "id": "alice"}, "attrs": {"level": 3}, "parents": []}]);
    let tests = PolicyTests {
        schema: TestedSchema::Version(schema_version()),
        entities: alice.clone(),
        requests: vec![
            request(),
            PolicyTest { context: json!({"mfa": "yes"}), ..expecting(Decision::Deny, &[], None) },
            PolicyTest { entities: Some(json!([alice[0], alice[0]])), ..request() },
            PolicyTest { name: Some("last".to_owned()), ..expecting(Decision::Allow, &["policy0"], Some(1)) },
        ],
        ..tests(text(misspelt))
    };
    let PolicyTestRun { validation, results } = run(&it, zone, tests).await.unwrap();
    let findings = validation.unwrap();
    assert_eq!(findings.errors.len(), 1, "{findings:?}");
    assert_eq!((findings.errors[0].line, findings.errors[0].policy_id), (Some(2), None));
    let [first, unfit, twice, last] = results.try_into().unwrap();
    assert_eq!((first.decision, first.met, first.errors.len()), (Some(Decision::Allow), None, 1));
    assert_eq!((unfit.decision, unfit.met), (None, Some(false)), "no decision is no deny");
    assert!(unfit.request_error.unwrap().contains("mfa"));
    assert!(twice.request_error.unwrap().contains("twice"));
    assert_eq!((last.name.as_deref(), last.met), (Some("last"), Some(true)));
}

#[tokio::test]
async fn expectations_are_those_of_cedar_run_tests() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policies = format!("@id(\"all\") {PERMIT}{PERMIT}permit (principal, action, resource) when {{ principal.x }};");
    let (allow, deny) = (Decision::Allow, Decision::Deny);
    let cases = [
        (expecting(allow, &[], None), true),
        (expecting(allow, &[], Some(1)), true),
        (expecting(allow, &[], Some(0)), false),
        (expecting(allow, &["policy1"], None), true),
        (expecting(allow, &["policy1", "all"], Some(1)), true),
        (expecting(allow, &["policy2"], None), false),
        (expecting(allow, &["policy0", "nobody"], None), false),
        (expecting(deny, &[], None), false),
    ];
    let requests = cases.iter().map(|(test, _)| test.clone()).collect();
    let tests = PolicyTests { validation: ValidationMode::Off, requests, ..tests(text(&policies)) };
    let results = run(&it, zone, tests).await.unwrap().results;
    for ((test, met), result) in cases.iter().zip(results) {
        assert_eq!(result.met, Some(*met), "{:?}", test.expect);
    }
}

/// A decision denies when a `forbid` fails, a test shows what Cedar says; other slots have no say in a test.
#[tokio::test]
async fn cedar_alone_decides() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let failing = "forbid (principal, action, resource) when { principal.level > 3 };";
    let pinned = versions(&it, zone, &[PERMIT, failing]).await;
    bind(&it, zone, &pinned, ScopeType::Zone, None).await;
    bind(&it, zone, &versions(&it, zone, &[FORBID]).await, ScopeType::User, Some("User::\"alice\"")).await;
    let PolicyTest { principal, action, resource, context, .. } = request();
    let asked = DecisionRequest {
        principal,
        action,
        resource,
        context,
        session: None,
        entities: json!([]),
        explain: false,
        at_least_revision: None,
    };
    let decided = it.service.authorize(&InProcess::call(), zone, asked).await.unwrap();
    assert_eq!(decided.decision, Decision::Deny);
    let tested = one(&it, zone, tests(TestedPolicies::Bound)).await;
    assert_eq!(tested.decision, Some(Decision::Allow));
    let failed: Vec<_> = tested.errors.iter().map(|error| error.cedar_id.clone()).collect();
    assert_eq!((tested.reason, failed), (ids(&pinned[..1]), ids(&pinned[1..])));
}

#[tokio::test]
async fn bound_follows_the_zones_own_slot() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    assert_eq!(refused(&it, zone, TestedPolicies::Bound).await, Code::NotFound);
    bind(&it, zone, &versions(&it, zone, &[PERMIT]).await, ScopeType::User, Some("User::\"alice\"")).await;
    assert_eq!(refused(&it, zone, TestedPolicies::Bound).await, Code::NotFound, "that is another slot");
    for (policies, decision) in [(PERMIT, Decision::Allow), (FORBID, Decision::Deny)] {
        bind(&it, zone, &versions(&it, zone, &[policies]).await, ScopeType::Zone, None).await;
        assert_eq!(one(&it, zone, tests(TestedPolicies::Bound)).await.decision, Some(decision));
    }
}

#[tokio::test]
async fn sources_that_are_not_there_are_refused() {
    let it = InProcess::start().await;
    let (zone, elsewhere) = (it.zone().await.id, it.zone().await.id);
    let policy = it.policy(zone, "policy").await;
    let pinned = [it.version(zone, policy, PERMIT).await, it.version(zone, policy, FORBID).await];
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let version = it.set_version(zone, set, &pinned[..1]).await.record.id;
    let twice = TestedPolicies::Versions(pinned.iter().map(|version| version.id).collect());
    for (policies, code) in [
        (twice, Code::ManifestDuplicatePolicy),
        (TestedPolicies::Versions(vec![]), Code::BadRequest),
        (TestedPolicies::Versions(vec![PolicyVersionId::new(set.uuid())]), Code::PolicyVersionNotFound),
        (TestedPolicies::PolicyDraft(policy), Code::NotFound),
        (TestedPolicies::SetDraft(set), Code::NotFound),
        (text("// nothing"), Code::MissingCedarContent),
        (text("permit (principal, action);"), Code::InvalidCedar),
    ] {
        assert_eq!(refused(&it, zone, policies.clone()).await, code, "{policies:?}");
    }
    for policies in
        [TestedPolicies::SetVersion(version), TestedPolicies::PolicyDraft(policy), TestedPolicies::SetDraft(set)]
    {
        assert_eq!(refused(&it, elsewhere, policies.clone()).await, Code::NotFound, "{policies:?} of another zone");
    }
    let theirs = TestedPolicies::Versions(vec![pinned[0].id]);
    assert_eq!(refused(&it, elsewhere, theirs).await, Code::PolicyVersionNotFound, "of another zone");

    it.service.save_set_draft(&InProcess::call(), zone, set, NewSetDraft::default()).await.unwrap();
    assert_eq!(refused(&it, zone, TestedPolicies::SetDraft(set)).await, Code::ManifestEmpty);
    let unknown = TestedSchema::Version(SchemaVersion::new("unknown").unwrap());
    let unknown = run(&it, zone, PolicyTests { schema: unknown, ..tests(text(PERMIT)) }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::SchemaVersionNotFound);
    let many = PolicyTests { requests: vec![request(); 1_001], ..tests(text(PERMIT)) };
    assert_eq!(run(&it, zone, many).await.unwrap_err().code(), Code::BadRequest);
}

/// What is archived takes nothing new, but it still decides where it is bound, and so it can be tested.
#[tokio::test]
async fn what_is_archived_can_be_tested() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let pinned = versions(&it, zone, &[PERMIT]).await;
    let (policy, version) = (pinned[0].policy_id, pinned[0].id);
    it.service.archive_policy_version(&InProcess::call(), zone, policy, version).await.unwrap();
    it.service.set_schema_status(&InProcess::call(), zone, "test", SchemaStatus::Archived).await.unwrap();
    let schema = TestedSchema::Version(schema_version());
    let tests = PolicyTests { schema, ..tests(TestedPolicies::Versions(vec![version])) };
    assert_eq!(one(&it, zone, tests).await.decision, Some(Decision::Allow));
}

#[tokio::test]
async fn what_was_tampered_with_is_not_tested() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let pinned = versions(&it, zone, &[PERMIT]).await;
    bind(&it, zone, &pinned, ScopeType::Zone, None).await;
    it.tamper("UPDATE policy_versions SET cedar_raw = 'forbid (principal, action, resource);'").await;
    assert_eq!(refused(&it, zone, TestedPolicies::Bound).await, Code::IntegrityError);
    assert_eq!(refused(&it, zone, TestedPolicies::Versions(vec![pinned[0].id])).await, Code::IntegrityError);
}

#[tokio::test]
async fn nothing_is_recorded() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    bind(&it, zone, &versions(&it, zone, &[PERMIT]).await, ScopeType::Zone, None).await;
    let state = async || -> (Value, u64) {
        let mut store = it.store.read().await.unwrap();
        let zone_now = serde_json::to_value(store.zone(zone).await.unwrap().unwrap()).unwrap();
        (zone_now, store.count_events(zone).await.unwrap())
    };
    let before = state().await;
    for policies in [TestedPolicies::Bound, text(FORBID), text("permit (")] {
        drop(run(&it, zone, tests(policies)).await);
    }
    assert_eq!(state().await, before);
}
