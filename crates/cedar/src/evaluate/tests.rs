use serde_json::{Value, json};

use super::*;
use crate::{
    CedarError, Compiler, Given,
    index::Index,
    read_policy,
    testing::{Explained, Question, on_pool, pinned_text, policy_id, schema, set, store_of},
};

const SCHEMA: &str = r#"
    entity Group; entity User in [Group] { age?: Long }; entity Doc;
    action "any"; action read, write in ["any"] appliesTo { principal: User, resource: Doc, context: { flag?: Bool, n?: Long } };"#;

/// A question about reading a document, checked against the schema.
fn asking(context: Value) -> Question {
    Question::new("User::\"1\"", "Action::\"read\"", "Doc::\"1\"", context)
}

fn decide(policies: &[&str], question: Question) -> Explained {
    let policies: Vec<String> = policies.iter().map(|text| (*text).to_owned()).collect();
    on_pool(move || {
        let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
        question.ask(&set(SCHEMA, &policies)).unwrap()
    })
}

fn refused(question: Question) -> String {
    match on_pool(move || question.ask(&set(SCHEMA, &[PERMIT]))) {
        Err(EvaluateError::InvalidRequest(findings)) => findings[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same, checked and unchecked.
fn both(question: &Question) -> [Question; 2] {
    [true, false].map(|validate| Question { validate, ..question.clone() })
}

const PERMIT: &str = "permit(principal, action, resource);";

#[test]
fn deny_is_the_default_and_forbid_wins() {
    let decision = decide(&["permit(principal == User::\"2\", action, resource);"], asking(json!({})));
    assert_eq!((decision.decision, decision.reason), (Decision::Deny, Some(DenyReason::NoPermit)));
    assert!(decision.determining_policies.is_empty() && decision.errors.is_empty());

    let decision = decide(&[PERMIT], asking(json!({})));
    assert_eq!((decision.decision, decision.reason), (Decision::Allow, None));

    let forbid = "@note(\"no\") forbid(principal, action, resource);";
    let decision = decide(&[PERMIT, forbid], asking(json!({})));
    assert_eq!((decision.decision, decision.reason), (Decision::Deny, Some(DenyReason::Forbidden)));
    let [determining] = decision.determining_policies.as_slice() else { panic!("{decision:?}") };
    assert_eq!((determining.policy_id, determining.cedar_id.as_str()), (policy_id(2), "policy0"));
    assert_eq!((determining.name.as_str(), determining.effect), ("policy 2", Effect::Forbid));
    assert_eq!(determining.annotations["note"], "no");
}

#[test]
fn determining_policies_stand_in_the_order_of_manifest_and_source() {
    let decision = decide(&[&PERMIT.repeat(30), PERMIT], asking(json!({})));
    let ids: Vec<_> =
        decision.determining_policies.iter().map(|policy| (policy.policy_id, policy.cedar_id.clone())).collect();
    let expected = (0..30).map(|n| (policy_id(1), format!("policy{n}"))).chain([(policy_id(2), "policy0".to_owned())]);
    assert_eq!(ids, expected.collect::<Vec<_>>());
}

#[test]
fn a_slot_in_which_a_forbid_failed_denies() {
    const POLICIES: &[&str] = &[PERMIT, "forbid(principal, action, resource) when { context.n > 3 };"];
    // The member is missing: the forbid fails, and Cedar alone would allow.
    let decision = decide(POLICIES, asking(json!({})));
    assert_eq!((decision.decision, decision.reason), (Decision::Deny, Some(DenyReason::ForbidErrored)));
    assert!(decision.determining_policies.is_empty());
    let [error] = decision.errors.as_slice() else { panic!("{decision:?}") };
    assert_eq!((error.policy_id, error.cedar_id.as_str()), (policy_id(2), "policy0"));
    assert!(error.message.contains("`n`"), "{error:?}");

    let cedar = decide(POLICIES, Question { rule: ForbidErrorRule::Cedar, ..asking(json!({})) });
    assert_eq!((cedar.decision, cedar.errors), (Decision::Allow, decision.errors));

    // A permit that fails permits nothing; a forbid that holds outranks one that failed.
    let decision = decide(&["permit(principal, action, resource) when { context.n > 3 };"], asking(json!({})));
    assert_eq!((decision.reason, decision.errors.len()), (Some(DenyReason::NoPermit), 1));
    let both = &[
        PERMIT,
        "forbid(principal, action, resource) when { context.n > 3 };",
        "forbid(principal, action, resource);",
    ];
    assert_eq!(decide(both, asking(json!({}))).reason, Some(DenyReason::Forbidden));
    let only = &["forbid(principal, action, resource) when { context.n > 3 };"];
    assert_eq!(decide(only, asking(json!({}))).reason, Some(DenyReason::ForbidErrored));
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
    let (plain, passing) = small
        .spawn(move || {
            let facts = asking(json!({"flag": true})).facts(&compiled).unwrap();
            let passing = compiled.decide_in_passing(&facts, ForbidErrorRule::Cedar);
            (compiled.decide_plainly(&facts, ForbidErrorRule::Cedar), passing)
        })
        .unwrap()
        .join()
        .unwrap();
    // Cedar's authorizer would skip the forbid and allow.
    assert!(matches!(plain, Err(EvaluateError::RecursionLimit)), "{plain:?}");
    assert!(matches!(passing, Passing::AskCedar), "{passing:?}");
    assert_eq!(decide(&[PERMIT, &forbid], asking(json!({"flag": true}))).reason, Some(DenyReason::Forbidden));
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
            let decision = decide(&[PERMIT, &forbid], asking(json!({"n": count - 1})));
            let expected = if holds { Some(DenyReason::Forbidden) } else { None };
            assert_eq!((decision.reason, decision.errors.len()), (expected, 0), "{count}{operator}");
        }
    }
}

#[test]
fn the_action_hierarchy_of_the_schema_counts_whether_checked_or_not() {
    const POLICIES: &[&str] = &["permit(principal, action in Action::\"any\", resource);"];
    for question in both(&asking(json!({}))) {
        assert_eq!(decide(POLICIES, question).decision, Decision::Allow);
    }
}

#[test]
fn a_request_cannot_move_an_action_out_of_its_group() {
    let mut rewriting = asking(json!({}));
    rewriting.entities = json!([{"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": []}]);
    for question in both(&rewriting) {
        let message = refused(question);
        assert!(message.contains("Action::\"read\""), "{message}");
    }
}

#[test]
fn a_request_must_fit_the_schema_when_checked() {
    let with = |change: &dyn Fn(&mut Question)| {
        let mut question = asking(json!({}));
        change(&mut question);
        question
    };
    let stranger = with(&|question| question.request.principal = "Robot::\"1\"".parse().unwrap());
    let undeclared = with(&|question| question.request.action = "Action::\"fly\"".parse().unwrap());
    let swapped = with(&|Question { request, .. }| std::mem::swap(&mut request.principal, &mut request.resource));
    let misfit = with(&|question| {
        question.entities = json!([{"uid": {"type": "User", "id": "1"}, "attrs": {"age": "old"}, "parents": []}]);
    });
    for odd in [stranger, undeclared, swapped, misfit, asking(json!({"mfa": true})), asking(json!({"n": "one"}))] {
        let [checked, unchecked] = both(&odd);
        assert!(!refused(checked).is_empty());
        assert_eq!(decide(&[PERMIT], unchecked).decision, Decision::Allow);
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
        for question in both(&asking(context)) {
            refused(question);
        }
    }
}

#[test]
fn entities_of_the_request_count() {
    const POLICIES: &[&str] = &["permit(principal in Group::\"staff\", action, resource) when { principal.age > 17 };"];
    let mut asked = asking(json!({}));
    asked.entities = json!([{"uid": {"type": "User", "id": "1"}, "attrs": {"age": 18}, "parents": [{"type": "Group", "id": "staff"}]},
        {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []}]);
    for (with, without) in both(&asked).into_iter().zip(both(&asking(json!({})))) {
        assert_eq!(decide(POLICIES, with).decision, Decision::Allow);
        assert_eq!(decide(POLICIES, without).decision, Decision::Deny);
    }
}

#[test]
fn an_entity_with_thousands_of_ancestors_is_decided_on_the_pool() {
    const LEVELS: usize = 50;
    const WIDTH: usize = 90;
    on_pool(|| {
        let uid = |level: usize, place: usize| json!({"type": "Group", "id": format!("{level}/{place}")});
        let group = |level: usize, place: usize| {
            let parents = if level + 1 < LEVELS { vec![uid(level + 1, place)] } else { Vec::new() };
            json!({"uid": uid(level, place), "attrs": {}, "parents": parents})
        };
        let groups = (0..LEVELS).flat_map(|level| (0..WIDTH).map(move |place| group(level, place)));
        let parents: Vec<_> = (0..WIDTH).map(|place| uid(0, place)).collect();
        let user = json!({"uid": {"type": "User", "id": "1"}, "attrs": {}, "parents": parents});
        let entities: Vec<_> = groups.chain([user]).collect();
        let top = format!("permit(principal in Group::\"{}/0\", action, resource);", LEVELS - 1);
        let inside =
            format!("permit(principal, action, resource) when {{ principal in Group::\"{}/1\" }};", LEVELS - 1);
        for policy in [top, inside] {
            let set = set(SCHEMA, &[&policy]);
            let question = Question { store: store_of(&entities, set.schema()), ..asking(json!({})) };
            let facts = question.facts(&set).unwrap();
            assert!(matches!(set.decide_in_passing(&facts, question.rule), Passing::AskCedar));
            assert_eq!(question.decide(&set, &facts).unwrap().decision, Decision::Allow, "{policy}");
        }
    });
}

#[test]
fn the_words_on_the_wire() {
    assert_eq!(serde_json::to_value([Decision::Allow, Decision::Deny]).unwrap(), json!(["allow", "deny"]));
    let reasons = [
        DenyReason::NoActivePolicySet,
        DenyReason::SessionRequired,
        DenyReason::Forbidden,
        DenyReason::NoPermit,
        DenyReason::ForbidErrored,
    ];
    let words = json!(["no_active_policy_set", "session_required", "forbidden", "no_permit", "forbid_errored"]);
    assert_eq!(serde_json::to_value(reasons).unwrap(), words);
}

#[test]
fn a_decision_is_checked_when_its_turn_comes() {
    on_pool(|| {
        let compiled = Compiler::new(3).compile(&[pinned_text(1, PERMIT)], schema(SCHEMA)).unwrap();
        let facts = asking(json!({})).facts(&compiled).unwrap();
        let rule = ForbidErrorRule::Deny;
        let checked = |_| matches!(compiled.decide_in_passing(&facts, rule), Passing::Check);
        assert_eq!((0..7).map(checked).collect::<Vec<_>>(), [false, false, true, false, false, true, false]);
        assert_eq!(compiled.check(&facts, rule).unwrap().1, Agreement::Agreed);
        assert!(!compiled.is_distrusted());
    });
}

#[test]
fn a_set_whose_index_was_wrong_once_decides_plainly_ever_after() {
    on_pool(|| {
        let mut compiled = set(SCHEMA, &[PERMIT, "forbid(principal == User::\"1\", action, resource);"]);
        let facts = asking(json!({})).facts(&compiled).unwrap();
        let rule = ForbidErrorRule::Deny;
        // An index that knows of nothing but the permit.
        compiled.index = Index::new(set(SCHEMA, &[PERMIT]).member(0).map(|member| &*member.statement).into_iter());
        assert_eq!(compiled.decide(&facts, rule).unwrap().decision, Decision::Allow);
        let (answer, agreement) = compiled.check(&facts, rule).unwrap();
        assert_eq!((answer.reason, agreement), (Some(DenyReason::Forbidden), Agreement::Disagreed));
        assert!(compiled.is_distrusted());
        assert!(matches!(compiled.decide_in_passing(&facts, rule), Passing::AskCedar));
        assert_eq!(compiled.decide(&facts, rule).unwrap(), answer);
    });
}
