//! The state of a zone after each of its events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedarkeep_model::{Event, EventKind};

use super::Fault;
use crate::record::{Bound, History, Slot, number, text};

/// What stands after an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) revision: u64,
    pub(crate) slots: BTreeMap<Slot, Bound>,
    /// Versions of policies and sets.
    pub(crate) archived: BTreeSet<String>,
    pub(crate) published: BTreeSet<String>,
    /// Whether it could be seen: not between two events of one transaction.
    pub(crate) visible: bool,
}

impl State {
    pub(crate) fn bound(&self, version: &str) -> bool {
        self.slots.values().any(|bound| bound.version == version)
    }

    pub(crate) fn active(&self, version: &str) -> bool {
        self.slots.values().any(|bound| bound.version == version && bound.slot.mode == "active")
    }

    pub(crate) fn holds(&self, binding: &str) -> bool {
        self.slots.values().any(|bound| bound.id == binding)
    }
}

/// What an event did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A version of a policy or a set, with its number and digest.
    Published {
        id: String,
        of: String,
        number: u64,
        sha: String,
    },
    Bound {
        to: Bound,
        from: Option<Bound>,
    },
    Unbound {
        from: Bound,
        revision: u64,
    },
    Archived {
        version: String,
    },
    Other,
}

/// The states after 0, 1, 2 … events, and what each event did.
pub(crate) struct Timeline {
    pub(crate) states: Vec<State>,
    /// At the place of an event's number; the first is none.
    pub(crate) changes: Vec<Change>,
}

fn change(event: &Event) -> Change {
    let body = &event.body;
    match event.kind {
        EventKind::PolicyVersionCreated => Change::Published {
            id: text(body, "policy_version_id"),
            of: text(body, "policy_id"),
            number: number(body, "version"),
            sha: text(body, "sha"),
        },
        EventKind::SetVersionCreated => Change::Published {
            id: text(body, "policy_set_version_id"),
            of: text(body, "policy_set_id"),
            number: number(body, "version"),
            sha: text(body, "manifest_sha"),
        },
        EventKind::PolicyVersionArchived => Change::Archived { version: text(body, "policy_version_id") },
        EventKind::SetVersionArchived => Change::Archived { version: text(body, "policy_set_version_id") },
        EventKind::Bound => {
            let from = body["from"].is_object().then(|| Bound::of(&body["from"]));
            Change::Bound { to: Bound::of(&body["to"]), from }
        }
        EventKind::Unbound => Change::Unbound { from: Bound::of(&body["from"]), revision: number(body, "revision") },
        _ => Change::Other,
    }
}

/// The numbers of the events have no gaps, and each carries the digest of the one before.
pub(crate) fn chain(history: &History) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut before = None;
    for (event, expected) in history.events.iter().zip(1..) {
        if event.seq != expected {
            faults.push(Fault::new(format!("event {} stands where event {expected} should", event.seq)).at(event.seq));
            break;
        }
        if event.prev_sha256 != before || event.recompute().unwrap() != event.sha256 {
            faults.push(Fault::new("the chain of events is broken").at(event.seq));
        }
        before = Some(event.sha256);
    }
    faults
}

impl Timeline {
    pub(crate) fn of(history: &History) -> Result<Self, Fault> {
        let (begun, revision) = history.begun;
        let mut state = State { revision, visible: true, ..State::default() };
        let mut timeline = Self { states: vec![state.clone()], changes: vec![Change::Other] };
        let mut newest: HashMap<String, u64> = HashMap::new();
        for (place, event) in history.events.iter().enumerate() {
            let change = change(event);
            let next = history.events.get(place + 1);
            let fault = |what: String| Fault::new(what).at(event.seq);
            state.apply(history, &change, event.seq > begun).map_err(fault)?;
            if let Change::Published { of, number, .. } = &change {
                let newest = newest.entry(of.clone()).or_default();
                *newest += 1;
                if newest != number {
                    return Err(fault(format!("version {number} of {of} stands where version {newest} should")));
                }
            }
            state.visible = next.is_none_or(|next| !goes_with(event, &change, next));
            timeline.states.push(state.clone());
            timeline.changes.push(change);
        }
        Ok(timeline)
    }

    /// How many events there are.
    pub(crate) fn last(&self) -> usize {
        self.states.len() - 1
    }

    /// The number of the event that made this revision.
    pub(crate) fn made(&self, revision: u64) -> Option<usize> {
        self.states.iter().position(|state| state.revision == revision)
    }
}

/// Whether two events are of one transaction: a shadow is promoted by emptying its slot and filling the one beside it.
fn goes_with(event: &Event, change: &Change, next: &Event) -> bool {
    let Change::Unbound { from, .. } = change else { return false };
    next.kind == EventKind::Bound
        && next.at == event.at
        && Bound::of(&next.body["to"]).version == from.version
        && Slot::of(&next.body["to"], "") == from.slot.active()
}

impl State {
    fn apply(&mut self, history: &History, change: &Change, counts: bool) -> Result<(), String> {
        match change {
            Change::Published { id, .. } => {
                if !self.published.insert(id.clone()) {
                    return Err(format!("{id} is published twice"));
                }
            }
            Change::Archived { version } => {
                let pinning = |bound: &Bound| history.set_versions.get(&bound.version);
                let pinned = |bound: &Bound| pinning(bound).is_some_and(|stored| stored.pins.contains(version));
                if self.slots.values().any(|bound| bound.version == *version || pinned(bound)) {
                    return Err(format!("{version} is archived while something bound uses it"));
                }
                if !self.archived.insert(version.clone()) {
                    return Err(format!("{version} is archived twice"));
                }
            }
            Change::Bound { to, from } => {
                self.next(to.revision, counts)?;
                if self.slots.get(&to.slot).map(|bound| &bound.id) != from.as_ref().map(|bound| &bound.id) {
                    return Err(format!("{} stands in the slot, {from:?} is replaced", self.standing(&to.slot)));
                }
                let stored = history.set_versions.get(&to.version);
                let pins = stored.map(|stored| stored.pins.clone()).unwrap_or_default();
                if pins.iter().chain([&to.version]).any(|version| self.archived.contains(version)) {
                    return Err(format!("{} is bound, and it or what it pins is archived", to.version));
                }
                self.slots.insert(to.slot.clone(), to.clone());
            }
            Change::Unbound { from, revision } => {
                self.next(*revision, counts)?;
                if self.slots.remove(&from.slot).is_none_or(|bound| bound.id != from.id) {
                    return Err(format!("{} is unbound and did not stand there", from.id));
                }
            }
            Change::Other => {}
        }
        Ok(())
    }

    fn standing(&self, slot: &Slot) -> String {
        self.slots.get(slot).map_or_else(|| "nothing".to_owned(), |bound| bound.id.clone())
    }

    /// Nothing but bindings counts the revision up here.
    fn next(&mut self, revision: u64, counts: bool) -> Result<(), String> {
        if counts && revision != self.revision + 1 {
            return Err(format!("revision {revision} follows revision {}", self.revision));
        }
        self.revision = revision;
        Ok(())
    }
}

/// What is stored in the end is what the events lead to, no more and no less.
pub(crate) fn stored(history: &History, timeline: &Timeline) -> Vec<Fault> {
    let mut faults = Vec::new();
    let last = &timeline.states[timeline.last()];
    if history.revision != last.revision {
        let what = format!("the zone is at revision {}, its events at {}", history.revision, last.revision);
        faults.push(Fault::new(what));
    }
    let mut slots = BTreeMap::new();
    for bound in &history.bindings {
        if let Some(other) = slots.insert(bound.slot.clone(), bound.clone()) {
            faults.push(Fault::new(format!("two bindings stand in one slot: {other:?} and {bound:?}")));
        }
    }
    if slots != last.slots {
        let what = format!("the bindings are {slots:?}, the events lead to {:?}", last.slots);
        faults.push(Fault::new(what));
    }
    let mut told = BTreeSet::new();
    for (seq, change) in (0..).zip(&timeline.changes) {
        let Change::Published { id, of, number, sha } = change else { continue };
        told.insert(id);
        let found = history.policy_versions.get(id).or_else(|| history.set_versions.get(id));
        let same = found.is_some_and(|stored| {
            let archived = last.archived.contains(id);
            stored.of == *of
                && stored.number == *number
                && stored.sha == *sha
                && stored.archived == archived
                && stored.active == last.active(id)
        });
        if !same {
            faults.push(Fault::new(format!("event {seq} tells of version {id}, stored is {found:?}")).at(seq));
        }
    }
    for id in history.policy_versions.keys().chain(history.set_versions.keys()).filter(|id| !told.contains(id)) {
        faults.push(Fault::new(format!("version {id} is stored, and no event tells of it")));
    }
    faults
}
