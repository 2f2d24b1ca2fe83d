use proptest::{option, prelude::*, sample::select};
use serde_json::json;

use super::*;
use crate::{
    CompiledSet,
    testing::{Question, on_pool, set},
};

const ALL: [Option<DenyReason>; 4] =
    [None, Some(DenyReason::Forbidden), Some(DenyReason::NoPermit), Some(DenyReason::ForbidErrored)];

fn slot(reason: Option<DenyReason>) -> SlotDecision {
    SlotDecision {
        decision: if reason.is_none() { Decision::Allow } else { Decision::Deny },
        reason,
        determining: Vec::new(),
        errors: Vec::new(),
    }
}

fn rules(combination: ScopeCombination, session_required: bool) -> CombineRules {
    CombineRules { combination, session_required }
}

const INTERSECT: ScopeCombination = ScopeCombination::Intersect;
const UNION: ScopeCombination = ScopeCombination::Union;

#[test]
fn an_empty_zone_slot_denies_whatever_else_is_bound() {
    let allow = slot(None);
    let slots = SlotDecisions { zone: None, resource: Some(&allow), user: Some(&allow), session: Some(&allow) };
    for combination in [INTERSECT, UNION] {
        assert_eq!(combine(slots, rules(combination, false)).reason, Some(DenyReason::NoActivePolicySet));
    }
}

#[test]
fn a_required_session_must_be_bound() {
    let allow = slot(None);
    let zone = SlotDecisions { zone: Some(&allow), ..SlotDecisions::default() };
    assert_eq!(combine(zone, rules(INTERSECT, true)).reason, Some(DenyReason::SessionRequired));
    assert_eq!(combine(zone, rules(INTERSECT, false)).decision, Decision::Allow);
    assert_eq!(
        combine(SlotDecisions { session: Some(&allow), ..zone }, rules(INTERSECT, true)).decision,
        Decision::Allow
    );
}

#[test]
fn the_first_slot_that_denies_gives_the_reason() {
    let (allow, no_permit, forbidden) = (slot(None), slot(ALL[2]), slot(ALL[1]));
    let slots = SlotDecisions { zone: Some(&allow), resource: Some(&no_permit), user: Some(&forbidden), session: None };
    assert_eq!(combine(slots, rules(INTERSECT, false)).reason, Some(DenyReason::NoPermit));
    assert_eq!(
        combine(slots, rules(UNION, false)).reason,
        Some(DenyReason::Forbidden),
        "the zone permits, the user does not"
    );
}

#[test]
fn in_a_union_either_permits_and_either_forbids() {
    for zone in ALL {
        for resource in ALL {
            let (zone_slot, resource_slot) = (slot(zone), slot(resource));
            let slots =
                SlotDecisions { zone: Some(&zone_slot), resource: Some(&resource_slot), ..SlotDecisions::default() };
            let stands_against = |reason| zone == Some(reason) || resource == Some(reason);
            let expected = if stands_against(DenyReason::Forbidden) {
                Some(DenyReason::Forbidden)
            } else if stands_against(DenyReason::ForbidErrored) {
                Some(DenyReason::ForbidErrored)
            } else if zone.is_none() || resource.is_none() {
                None
            } else {
                Some(DenyReason::NoPermit)
            };
            assert_eq!(combine(slots, rules(UNION, false)).reason, expected, "{zone:?} {resource:?}");
        }
    }
}

fn bound() -> impl Strategy<Value = Option<Option<DenyReason>>> {
    option::of(select(ALL.to_vec()))
}

proptest! {
    /// Binding a user or session set, or under `intersect` a resource set, never turns a deny into an allow.
    #[test]
    fn narrower_slots_only_take_away(
        zone in bound(), resource in bound(), user in bound(), session in bound(), session_required: bool, union: bool,
    ) {
        let [zone, resource, user, session] = [zone, resource, user, session].map(|bound| bound.map(slot));
        let all = SlotDecisions { zone: zone.as_ref(), resource: resource.as_ref(), user: user.as_ref(), session: session.as_ref() };
        let rules = rules(if union { UNION } else { INTERSECT }, session_required);
        let overall = combine(all, rules);
        prop_assert_eq!(overall.reason.is_none(), overall.decision == Decision::Allow);
        if overall.decision == Decision::Allow {
            let mut fewer = vec![SlotDecisions { user: None, ..all }];
            if !union { fewer.push(SlotDecisions { resource: None, ..all }); }
            if !session_required { fewer.push(SlotDecisions { session: None, ..all }); }
            for slots in fewer {
                prop_assert_eq!(combine(slots, rules).decision, Decision::Allow);
            }
        }
    }
}

fn question(context: serde_json::Value) -> Question {
    Question::new("User::\"1\"", "Action::\"read\"", "Doc::\"1\"", context)
}

/// What the zone's and the resource's set say together.
fn union_of(zone: &CompiledSet, resource: &CompiledSet, question: &Question) -> Overall {
    let decide = |set: &CompiledSet| set.decide(&question.facts(set).unwrap(), question.rule).unwrap();
    let (zone, resource) = (decide(zone), decide(resource));
    let slots = SlotDecisions { zone: Some(&zone), resource: Some(&resource), ..SlotDecisions::default() };
    combine(slots, CombineRules { combination: ScopeCombination::Union, session_required: false })
}

#[test]
fn each_set_of_a_union_keeps_its_own_actions() {
    on_pool(|| {
        let with = |group: &str| {
            let schema = format!(
                "entity User; entity Doc; action a, b; action read in [{group}] appliesTo {{ principal: User, resource: Doc, context: {{n?: Long}} }};"
            );
            set(&schema, &["permit(principal, action in Action::\"a\", resource);"])
        };
        let (a, b) = (with("a"), with("b"));
        assert_eq!(union_of(&a, &b, &question(json!({}))).decision, Decision::Allow);
        assert_eq!(union_of(&b, &a, &question(json!({}))).decision, Decision::Allow);
        assert_eq!(union_of(&b, &b, &question(json!({}))).reason, Some(DenyReason::NoPermit));
    });
}

/// The union of sets with one schema is the set of all their policies.
#[test]
fn a_union_decides_as_one_set_would() {
    on_pool(|| {
        const SCHEMA: &str =
            "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc, context: {n?: Long} };";
        let policies = [
            "permit(principal, action, resource);",
            "forbid(principal, action, resource) when { context.n == 1 };",
            "permit(principal, action, resource) when { context has n && context.n == 2 };",
            "forbid(principal, action, resource) when { context has n && context.n == 1 };",
        ];
        for first in policies {
            for second in policies {
                let (one, apart) = (set(SCHEMA, &[first, second]), [set(SCHEMA, &[first]), set(SCHEMA, &[second])]);
                for context in [json!({}), json!({"n": 1}), json!({"n": 2})] {
                    let whole = question(context.clone()).ask(&one).unwrap();
                    let union = union_of(&apart[0], &apart[1], &question(context.clone()));
                    assert_eq!(
                        (union.decision, union.reason),
                        (whole.decision, whole.reason),
                        "{first} {second} {context}"
                    );
                }
            }
        }
    });
}
