//! What the slots point at, against what the events lead to.

use std::collections::BTreeMap;

use cedarkeep_model::{Slot, StandingBinding, canonical_bytes};

use super::{
    BINDINGS, PERIODS,
    case::{Standing, ZoneCase},
    parts::lines,
};
use crate::{
    case::at,
    report::{Found, settled},
    strict::read,
};

/// The bindings, now and over time, are what the events lead to.
pub(super) fn bindings(case: &ZoneCase<'_>) -> Result<Found<()>, String> {
    let said: Standing = at(BINDINGS, read(case.file(BINDINGS)))?;
    let led_to: BTreeMap<&Slot, StandingBinding> = case.history.bindings.standing().collect();
    let mut problems = differing(&said, &led_to);
    let whole = canonical_bytes(&Standing::of(led_to.values().cloned().collect()));
    if problems.is_empty() && whole.is_ok_and(|whole| whole != case.file(BINDINGS)) {
        problems.push(format!("{BINDINGS}: not in the order of the ids"));
    }
    let periods = lines(PERIODS, case.history.bindings.periods());
    if periods.is_ok_and(|periods| periods != case.file(PERIODS)) {
        problems.push(format!("{PERIODS}: not what the events tell"));
    }
    for period in case.history.bindings.periods() {
        let bound = &period.bound;
        let told = case.history.set_versions.get(bound.policy_set_version_id).map(|version| &version.created.what);
        let same = told.is_some_and(|told| {
            (told.policy_set_id, told.manifest_sha, told.scope_type)
                == (bound.policy_set_id, bound.manifest_sha, bound.scope_type)
        });
        if !same {
            let version = bound.policy_set_version_id;
            problems
                .push(format!("event {}: it binds version {version}, which was never so published", period.from.seq));
        }
    }
    settled((), &problems, format!("{} now, {} over time", led_to.len(), case.history.bindings.periods().len()))
}

/// Each slot that points elsewhere than the events lead to.
fn differing(said: &Standing, led_to: &BTreeMap<&Slot, StandingBinding>) -> Vec<String> {
    let mut left = led_to.clone();
    let mut problems = Vec::new();
    for binding in &said.bindings {
        let slot = binding.bound.slot();
        let name = describe(&slot);
        let points = binding.bound.policy_set_version_id;
        match left.remove(&slot) {
            Some(told) if told == *binding => {}
            Some(told) if told.bound.policy_set_version_id != points => problems.push(format!(
                "{name} points at version {points}, the events lead to {}",
                told.bound.policy_set_version_id
            )),
            Some(_) => problems.push(format!("{name}: its binding is not as its event tells")),
            None => problems.push(format!("{name} points at version {points}, the events lead to nothing there")),
        }
    }
    let rest = left.into_iter().map(|(slot, told)| {
        let version = told.bound.policy_set_version_id;
        format!("{} is empty, the events lead to version {version} there", describe(slot))
    });
    problems.into_iter().chain(rest).collect()
}

fn describe((scope, target, mode): &Slot) -> String {
    format!("the {mode} slot of {scope} {target}")
}
