//! How the slots of a request come to one decision.

use cedarkeep_model::ScopeCombination;
use serde::Serialize;

use crate::evaluate::{Decision, DenyReason, SlotDecision};

/// What each slot says; none where no active binding stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct SlotDecisions<'a> {
    /// The zone's set.
    pub zone: Option<&'a SlotDecision>,
    /// The set bound to the resource.
    pub resource: Option<&'a SlotDecision>,
    /// The set bound to the principal.
    pub user: Option<&'a SlotDecision>,
    /// The set bound to the session.
    pub session: Option<&'a SlotDecision>,
}

/// The zone's settings that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CombineRules {
    /// How zone and resource slot are put together.
    pub combination: ScopeCombination,
    /// Whether a request needs a bound session.
    pub session_required: bool,
}

/// The decision of all slots together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Overall {
    /// Allow or deny.
    pub decision: Decision,
    /// Set on a deny: of the first slot that denies, in the order zone, resource, user, session.
    pub reason: Option<DenyReason>,
}

/// Allows when the zone slot is filled and every filled slot allows. Under `union` zone and resource count as one slot
/// with the policies of both. An empty zone slot denies whatever else is bound, so no narrower slot can ever grant.
#[must_use]
pub fn combine(slots: SlotDecisions<'_>, rules: CombineRules) -> Overall {
    let Some(zone) = slots.zone else { return Overall::deny(DenyReason::NoActivePolicySet) };
    if rules.session_required && slots.session.is_none() {
        return Overall::deny(DenyReason::SessionRequired);
    }
    let (first, second) = match (rules.combination, slots.resource) {
        (ScopeCombination::Union, Some(resource)) => (union_reason(&[zone, resource]), None),
        (_, resource) => (zone.reason, resource.and_then(|slot| slot.reason)),
    };
    let narrowing = [slots.user, slots.session].into_iter().flatten().find_map(|slot| slot.reason);
    match first.or(second).or(narrowing) {
        Some(reason) => Overall::deny(reason),
        None => Overall { decision: Decision::Allow, reason: None },
    }
}

/// Why all together deny; none if they allow. A slot allows only if none of its policies stands against it, so nothing
/// but the slots' own decisions is needed.
fn union_reason(slots: &[&SlotDecision]) -> Option<DenyReason> {
    let any = |reason| slots.iter().any(|slot| slot.reason == reason);
    [DenyReason::Forbidden, DenyReason::ForbidErrored]
        .into_iter()
        .find(|reason| any(Some(*reason)))
        .or_else(|| (!any(None)).then_some(DenyReason::NoPermit))
}

impl Overall {
    const fn deny(reason: DenyReason) -> Self {
        Self { decision: Decision::Deny, reason: Some(reason) }
    }
}

#[cfg(test)]
mod tests;
