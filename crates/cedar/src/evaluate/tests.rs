use cedar_policy::{Entities, PolicySet};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    CedarError, Given, read_policy,
    testing::{generate, on_pool, policy_id, set},
};

const SCHEMA: &str = r#"
    entity Group; entity User in [Group] { age?: Long }; entity Doc;
    action "any"; action read, write in ["any"] appliesTo { principal: User, resource: Doc, context: { flag?: Bool, n?: Long } };"#;

const STRICT: EvaluateOptions = EvaluateOptions { validate: true, on_forbid_error: ForbidErrorRule::Deny };
const LENIENT: EvaluateOptions = EvaluateOptions { validate: false, on_forbid_error: ForbidErrorRule::Deny };
const CEDAR: EvaluateOptions = EvaluateOptions { validate: false, on_forbid_error: ForbidErrorRule::Cedar };

fn request(context: Value) -> DecisionRequest {
    let uid = |text: &str| text.parse().unwrap();
    DecisionRequest {
        principal: uid("User::\"1\""),
        action: uid("Action::\"read\""),
        resource: uid("Doc::\"1\""),
        context,
        entities: json!([]),
    }
}

fn decide(policies: &[&str], request: DecisionRequest, options: EvaluateOptions) -> SlotDecision {
    let policies: Vec<String> = policies.iter().map(|text| (*text).to_owned()).collect();
    on_pool(move || {
        let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
        set(SCHEMA, &policies).evaluate(&request, options).unwrap()
    })
}

fn refused(request: DecisionRequest, options: EvaluateOptions) -> String {
    let result = on_pool(move || set(SCHEMA, &["permit(principal, action, resource);"]).evaluate(&request, options));
    match result {
        Err(EvaluateError::InvalidRequest(findings)) => findings[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

const PERMIT: &str = "permit(principal, action, resource);";

#[test]
fn deny_is_the_default_and_forbid_wins() {
    let decision = decide(&["permit(principal == User::\"2\", action, resource);"], request(json!({})), STRICT);
    assert_eq!((decision.decision, decision.reason), (Decision::Deny, Some(DenyReason::NoPermit)));
    assert!(decision.determining_policies.is_empty() && decision.errors.is_empty());

    let decision = decide(&[PERMIT], request(json!({})), STRICT);
    assert_eq!((decision.decision, decision.reason), (Decision::Allow, None));

    let forbid = "@note(\"no\") forbid(principal, action, resource);";
    let decision = decide(&[PERMIT, forbid], request(json!({})), STRICT);
    assert_eq!((decision.decision, decision.reason), (Decision::Deny, Some(DenyReason::Forbidden)));
    let [determining] = decision.determining_policies.as_slice() else { panic!("{decision:?}") };
    assert_eq!((determining.policy_id, determining.cedar_id.as_str()), (policy_id(2), "policy0"));
    assert_eq!((determining.name.as_str(), determining.effect), ("policy 2", Effect::Forbid));
    assert_eq!(determining.annotations["note"], "no");
}

#[test]
fn determining_policies_stand_in_the_order_of_manifest_and_source() {
    let decision = decide(&[&PERMIT.repeat(30), PERMIT], request(json!({})), STRICT);
    let ids: Vec<_> =
        decision.determining_policies.iter().map(|policy| (policy.policy_id, policy.cedar_id.clone())).collect();
    let expected = (0..30).map(|n| (policy_id(1), format!("policy{n}"))).chain([(policy_id(2), "policy0".to_owned())]);
    assert_eq!(ids, expected.collect::<Vec<_>>());
}

#[test]
fn a_slot_in_which_a_forbid_failed_denies() {
    const POLICIES: &[&str] = &[PERMIT, "forbid(principal, action, resource) when { context.n > 3 };"];
    // The member is missing: the forbid fails, and Cedar alone would allow.
    let decision = decide(POLICIES, request(json!({})), STRICT);
    assert_eq!((decision.decision, decision.reason), (Decision::Deny, Some(DenyReason::ForbidErrored)));
    assert!(decision.determining_policies.is_empty());
    let [error] = decision.errors.as_slice() else { panic!("{decision:?}") };
    assert_eq!((error.policy_id, error.cedar_id.as_str()), (policy_id(2), "policy0"));
    assert!(error.message.contains("`n`"), "{error:?}");

    let cedar = decide(POLICIES, request(json!({})), EvaluateOptions { validate: true, ..CEDAR });
    assert_eq!((cedar.decision, cedar.errors), (Decision::Allow, decision.errors));

    // A permit that fails permits nothing; a forbid that holds outranks one that failed.
    let decision = decide(&["permit(principal, action, resource) when { context.n > 3 };"], request(json!({})), STRICT);
    assert_eq!((decision.reason, decision.errors.len()), (Some(DenyReason::NoPermit), 1));
    let both = &[
        PERMIT,
        "forbid(principal, action, resource) when { context.n > 3 };",
        "forbid(principal, action, resource);",
    ];
    assert_eq!(decide(both, request(json!({})), STRICT).reason, Some(DenyReason::Forbidden));
    let only = &["forbid(principal, action, resource) when { context.n > 3 };"];
    assert_eq!(decide(only, request(json!({})), STRICT).reason, Some(DenyReason::ForbidErrored));
}

#[test]
fn running_out_of_stack_is_never_a_decision() {
    let terms = vec!["context.flag"; 380].join(" && ");
    let forbid = format!("forbid(principal, action, resource) when {{ {terms} }};");
    let compiled = {
        let forbid = forbid.clone();
        on_pool(move || set(SCHEMA, &[PERMIT, &forbid]))
    };
    let small = std::thread::Builder::new().stack_size(400 << 10);
    let (plain, ours) = small
        .spawn(move || {
            let asked = request(json!({"flag": true}));
            let plain = Authorizer::new().is_authorized(
                &compiled.request(&asked, false).unwrap(),
                &compiled.policies,
                &Entities::empty(),
            );
            (plain.decision(), compiled.evaluate(&asked, CEDAR).map(|decision| decision.decision))
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(plain, cedar_policy::Decision::Allow, "Cedar skips the forbid");
    assert!(matches!(ours, Err(EvaluateError::RecursionLimit)), "{ours:?}");
    assert_eq!(decide(&[PERMIT, &forbid], request(json!({"flag": true})), STRICT).reason, Some(DenyReason::Forbidden));
}

#[test]
fn long_conditions_are_refused_or_decided_right() {
    for (count, accepted) in [(62, true), (380, true), (600, false), (5_000, false)] {
        for (operator, holds) in [(" || ", true), (" && ", false)] {
            let terms = (0..count).map(|n| format!("context.n == {n}")).collect::<Vec<_>>().join(operator);
            let forbid = format!("forbid(principal, action, resource) when {{ {terms} }};");
            if !accepted {
                let read = on_pool(move || read_policy(Given::Text(&forbid)));
                assert!(matches!(read, Err(CedarError::TooDeep(_))), "{count}");
                continue;
            }
            let decision = decide(&[PERMIT, &forbid], request(json!({"n": count - 1})), STRICT);
            let expected = if holds { Some(DenyReason::Forbidden) } else { None };
            assert_eq!((decision.reason, decision.errors.len()), (expected, 0), "{count}{operator}");
        }
    }
}

#[test]
fn the_action_hierarchy_of_the_schema_counts_whether_checked_or_not() {
    const POLICIES: &[&str] = &["permit(principal, action in Action::\"any\", resource);"];
    for options in [STRICT, LENIENT] {
        assert_eq!(decide(POLICIES, request(json!({})), options).decision, Decision::Allow);
    }
}

#[test]
fn a_request_cannot_move_an_action_out_of_its_group() {
    let mut rewriting = request(json!({}));
    rewriting.entities = json!([{"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": []}]);
    for options in [STRICT, LENIENT] {
        let message = refused(rewriting.clone(), options);
        assert!(message.contains("Action::\"read\""), "{message}");
    }
}

#[test]
fn a_request_must_fit_the_schema_when_checked() {
    let mut stranger = request(json!({}));
    stranger.principal = "Robot::\"1\"".parse().unwrap();
    let mut undeclared = request(json!({}));
    undeclared.action = "Action::\"fly\"".parse().unwrap();
    let mut swapped = request(json!({}));
    std::mem::swap(&mut swapped.principal, &mut swapped.resource);
    let mut misfit = request(json!({}));
    misfit.entities = json!([{"uid": {"type": "User", "id": "1"}, "attrs": {"age": "old"}, "parents": []}]);
    for odd in [stranger, undeclared, swapped, misfit, request(json!({"mfa": true})), request(json!({"n": "one"}))] {
        assert!(!refused(odd.clone(), STRICT).is_empty());
        assert_eq!(decide(&[PERMIT], odd, LENIENT).decision, Decision::Allow);
    }
}

#[test]
fn what_is_no_request_is_refused_checked_or_not() {
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let wide = json!(vec![1; 200_000]);
    for context in [
        json!(null),
        json!([]),
        json!({"a": null}),
        json!({"a": 1.5}),
        json!({"a": deep}),
        json!({"a": wide}),
        json!({"a": {"__extn": {"fn": "unknown", "arg": "x"}}}),
    ] {
        for options in [STRICT, LENIENT] {
            refused(request(context.clone()), options);
        }
    }
}

#[test]
fn entities_of_the_request_count() {
    const POLICIES: &[&str] = &["permit(principal in Group::\"staff\", action, resource) when { principal.age > 17 };"];
    let mut asked = request(json!({}));
    asked.entities = json!([{"uid": {"type": "User", "id": "1"}, "attrs": {"age": 18}, "parents": [{"type": "Group", "id": "staff"}]},
        {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []}]);
    for options in [STRICT, LENIENT] {
        assert_eq!(decide(POLICIES, asked.clone(), options).decision, Decision::Allow);
        assert_eq!(decide(POLICIES, request(json!({})), options).decision, Decision::Deny);
    }
}

#[test]
fn the_words_on_the_wire() {
    let decision = decide(&["forbid(principal, action, resource) when { context.n > 3 };"], request(json!({})), STRICT);
    let wire = serde_json::to_value(&decision).unwrap();
    assert_eq!((&wire["decision"], &wire["reason"]), (&json!("deny"), &json!("forbid_errored")));
    assert_eq!(
        serde_json::to_value([DenyReason::NoActivePolicySet, DenyReason::SessionRequired]).unwrap(),
        json!(["no_active_policy_set", "session_required"])
    );
}

/// A few entities: users and groups in groups, numbered so that no cycle can be.
fn entities() -> impl Strategy<Value = Value> {
    let parents = prop::collection::vec(prop::collection::btree_set(0..4_usize, 0..3), 8);
    parents.prop_map(|parents| {
        let entity = |kind: &str, number: usize, parents: Vec<Value>| {
            json!({"uid": {"type": kind, "id": number.to_string()}, "attrs": {"flag": number < 2, "b": {"c": number}}, "parents": parents})
        };
        let group = |number: &usize| json!({"type": "Group", "id": number.to_string()});
        let users = (0..4).map(|n| entity("User", n, parents[n].iter().map(group).collect()));
        let groups = (0..4).map(|n| entity("Group", n, parents[n + 4].iter().filter(|parent| **parent > n).map(group).collect()));
        Value::Array(users.chain(groups).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Decision, determining policies and errors are those of Cedar's own authorizer.
    #[test]
    fn a_slot_says_what_cedar_says(
        policies in prop::collection::vec(prop::collection::vec(generate::static_policy(), 1..12), 1..4),
        entities in entities(),
        (principal, resource) in (generate::uid(), generate::uid()),
        flag: bool,
    ) {
        let texts: Vec<String> = policies.iter().map(|statements| statements.concat()).collect();
        let uid = |(kind, number): (&str, usize)| format!("{kind}::\"{number}\"");
        let asked = DecisionRequest {
            principal: uid(principal).parse().unwrap(),
            action: "Action::\"read\"".parse().unwrap(),
            resource: uid(resource).parse().unwrap(),
            context: json!({"flag": flag, "a": {"b": {"c": 1}}}),
            entities,
        };
        let (ours, plain) = on_pool(move || {
            let compiled = set(SCHEMA, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let mut plain = PolicySet::new();
            for (number, text) in (1..).zip(&texts) {
                for policy in text.parse::<PolicySet>().unwrap().policies() {
                    plain.add(policy.new_id(cedar_policy::PolicyId::new(format!("{}/{}", policy_id(number), policy.id())))).unwrap();
                }
            }
            let schema: cedar_policy::Schema = SCHEMA.parse().unwrap();
            let entities = Entities::from_json_value(asked.entities.clone(), None).unwrap();
            let entities = entities.add_entities(schema.action_entities().unwrap(), None).unwrap();
            let response = Authorizer::new().is_authorized(&compiled.request(&asked, false).unwrap(), &plain, &entities);
            (compiled.evaluate(&asked, CEDAR).unwrap(), response)
        });
        prop_assert_eq!(ours.decision == Decision::Allow, plain.decision() == cedar_policy::Decision::Allow);
        let mut reasons: Vec<String> = plain.diagnostics().reason().map(ToString::to_string).collect();
        let mut found: Vec<String> = ours.determining_policies.iter().map(|policy| format!("{}/{}", policy.policy_id, policy.cedar_id)).collect();
        reasons.sort();
        found.sort();
        prop_assert_eq!(found, reasons);
        let mut errors: Vec<String> = plain.diagnostics().errors().map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string()).collect();
        let mut found: Vec<String> = ours.errors.iter().map(|error| format!("{}/{}", error.policy_id, error.cedar_id)).collect();
        errors.sort();
        found.sort();
        prop_assert_eq!(found, errors);
    }
}
