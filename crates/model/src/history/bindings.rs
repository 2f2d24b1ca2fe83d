//! What the slots of a zone point at, now and over time, as the events tell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Binding, BindingId, BindingMode, Digest, Event, PolicySetId, PolicySetVersionId, ScopeType, Timestamp};

/// A slot: its kind, its target, and whether what stands there decides.
pub type Slot = (ScopeType, String, BindingMode);

/// A version in a slot, as the event of its binding says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundVersionEvent {
    /// The binding.
    pub binding_id: BindingId,
    /// Whether it decides or is only observed.
    pub mode: BindingMode,
    /// The slot's kind.
    pub scope_type: ScopeType,
    /// The slot's target.
    pub scope_target_id: String,
    /// The set of the version.
    pub policy_set_id: PolicySetId,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's manifest digest.
    pub manifest_sha: Digest,
    /// The zone's revision that the binding made.
    pub revision: u64,
}

impl BoundVersionEvent {
    /// The slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        (self.scope_type, self.scope_target_id.clone(), self.mode)
    }
}

/// The event by which something began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl Moment {
    fn of(event: &Event) -> Self {
        Self { seq: event.seq, at: event.at, by: event.actor.clone() }
    }
}

/// From when until when a version stood in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Period {
    /// What stood there.
    #[serde(flatten)]
    pub bound: BoundVersionEvent,
    /// From when.
    pub from: Moment,
    /// Until when; null while it stands.
    pub until: Option<Moment>,
}

/// A binding that stands: what both the server and the events say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingBinding {
    /// What stands where.
    #[serde(flatten)]
    pub bound: BoundVersionEvent,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl From<Binding> for StandingBinding {
    fn from(binding: Binding) -> Self {
        let bound = BoundVersionEvent {
            binding_id: binding.id,
            mode: binding.mode,
            scope_type: binding.scope_type,
            scope_target_id: binding.scope_target_id,
            policy_set_id: binding.policy_set_id,
            policy_set_version_id: binding.policy_set_version_id,
            manifest_sha: binding.manifest_sha,
            revision: binding.revision,
        };
        Self { bound, created_at: binding.created_at, created_by: binding.created_by }
    }
}

/// What the slots point at, and did.
#[derive(Debug, Default)]
pub struct BindingHistory {
    /// In the order in which they began.
    periods: Vec<Period>,
    /// Where in `periods` is what stands.
    standing: BTreeMap<Slot, usize>,
}

#[derive(Deserialize)]
struct BindingEvent {
    to: Option<BoundVersionEvent>,
    from: Option<BoundVersionEvent>,
}

impl BindingHistory {
    /// Folds in an event by which a slot was pointed at a version, or emptied.
    ///
    /// # Errors
    /// When what it takes away does not stand there.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        let BindingEvent { to, from } = event.read_body()?;
        let named = from.as_ref().or(to.as_ref()).map(BoundVersionEvent::slot);
        let Some(slot) = named.filter(|slot| to.as_ref().is_none_or(|to| to.slot() == *slot)) else {
            return Err(format!("event {}: it does not name one slot", event.seq));
        };
        let former = self.standing.remove(&slot).and_then(|at| self.periods.get_mut(at));
        let fits = former.as_ref().map(|period| &period.bound) == from.as_ref();
        if let Some(period) = former {
            period.until = Some(Moment::of(event));
        }
        if let Some(bound) = to {
            self.standing.insert(slot, self.periods.len());
            self.periods.push(Period { bound, from: Moment::of(event), until: None });
        }
        if fits { Ok(()) } else { Err(format!("event {}: what it replaces is not what stood in that slot", event.seq)) }
    }

    /// Everything that ever stood in a slot, in the order in which it began.
    #[must_use]
    pub fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// What stands now, by slot.
    pub fn standing(&self) -> impl Iterator<Item = (&Slot, StandingBinding)> {
        self.standing.iter().filter_map(|(slot, at)| {
            let Period { bound, from, .. } = self.periods.get(*at)?;
            let (bound, created_by) = (bound.clone(), from.by.clone());
            Some((slot, StandingBinding { bound, created_at: from.at, created_by }))
        })
    }
}
