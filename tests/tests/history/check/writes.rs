//! Whether every write is explained: what was acknowledged is there, what was refused was refused for a reason, and what
//! was asked for once happened once.

use std::collections::HashMap;

use super::{
    Fault,
    fold::{Change, State, Timeline},
    span::Spans,
};
use crate::record::{Asked, History, Operation, Outcome, Told};

pub(crate) fn check(history: &History, timeline: &Timeline, spans: &Spans) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (place, operation) in history.operations.iter().enumerate() {
        let around = spans.around(operation);
        let states = &timeline.states[around.0..=around.1.max(around.0)];
        let found = match &operation.outcome {
            Outcome::Done(told) => acknowledged(history, timeline, states, operation, told),
            Outcome::Refused { status, code } => refusal(history, states, operation, *status, code),
            Outcome::Unknown(_) => Ok(()),
        };
        faults.extend(found.err().map(|what| Fault::new(what).by(place)));
    }
    faults.extend(once(history, timeline, spans));
    faults
}

/// What was acknowledged is there, as it was told.
fn acknowledged(
    history: &History,
    timeline: &Timeline,
    states: &[State],
    operation: &Operation,
    told: &Told,
) -> Result<(), String> {
    let ever = |holds: &dyn Fn(&State) -> bool| states.iter().any(|state| state.visible && holds(state));
    match (&operation.asked, told) {
        (Asked::PublishPolicy { mark, policy }, Told::Version { id, number, sha, .. }) => {
            let stored = history.policy_versions.get(id).ok_or_else(|| format!("{id} was acknowledged and is gone"))?;
            let same = (&stored.of, stored.number, &stored.sha, &stored.mark) == (policy, *number, sha, mark);
            if same { Ok(()) } else { Err(format!("{id} was acknowledged and is {stored:?}")) }
        }
        (Asked::PublishSet { set, pins }, Told::Version { id, number, sha, .. }) => {
            let stored = history.set_versions.get(id).ok_or_else(|| format!("{id} was acknowledged and is gone"))?;
            let same = (&stored.of, stored.number, &stored.sha, &stored.pins) == (set, *number, sha, pins);
            if same { Ok(()) } else { Err(format!("{id} was acknowledged and is {stored:?}")) }
        }
        (Asked::Bind { slot, version }, Told::Binding(bound)) => {
            let known = timeline.changes.iter().any(|change| matches!(change, Change::Bound { to, .. } if to == bound));
            let stood = ever(&|state| state.slots.get(slot) == Some(bound));
            let right = bound.version == *version && known && stood;
            if right { Ok(()) } else { Err(format!("{} was acknowledged and stood in no state", bound.id)) }
        }
        (Asked::Bind { slot, version }, Told::Version { id, .. }) => {
            let stands = |state: &State| state.slots.get(slot).is_some_and(|bound| bound.version == *version);
            let right = id == version && ever(&stands);
            if right { Ok(()) } else { Err(format!("{version} was acknowledged as bound and stood in no state")) }
        }
        (Asked::Promote { .. }, Told::Binding(bound)) => {
            let stood = ever(&|state| state.slots.get(&bound.slot) == Some(bound));
            if stood { Ok(()) } else { Err(format!("{} was promoted and stood in no state", bound.id)) }
        }
        (Asked::Unbind { binding }, Told::Binding(bound)) => {
            let gone = |change: &Change| matches!(change, Change::Unbound { from, .. } if from == bound);
            let right = bound.id == *binding && timeline.changes.iter().any(gone);
            if right { Ok(()) } else { Err(format!("{binding} was unbound, and no event says so")) }
        }
        (
            Asked::ArchivePolicyVersion { version } | Asked::ArchiveSetVersion { version },
            Told::Version { id, archived, .. },
        ) => {
            let right = id == version && *archived && ever(&|state| state.archived.contains(version));
            if right { Ok(()) } else { Err(format!("{version} was archived, and is not")) }
        }
        // The reads have a place of their own.
        _ => Ok(()),
    }
}

/// What was refused was refused for what stood then.
fn refusal(history: &History, states: &[State], operation: &Operation, number: u16, code: &str) -> Result<(), String> {
    let pins = |version: &str| history.set_versions.get(version).map(|stored| stored.pins.clone()).unwrap_or_default();
    let archived = |state: &State, version: &String| {
        state.archived.contains(version) || pins(version).iter().any(|pin| state.archived.contains(pin))
    };
    let used = |state: &State, version: &String| {
        state.bound(version) || state.slots.values().any(|bound| pins(&bound.version).contains(version))
    };
    let explained = |state: &State| match (&operation.asked, code) {
        (Asked::PublishSet { pins, .. }, "version_archived") => pins.iter().any(|pin| state.archived.contains(pin)),
        (Asked::Bind { version, .. }, "version_archived") => archived(state, version),
        (Asked::ArchivePolicyVersion { version } | Asked::ArchiveSetVersion { version }, "version_bound") => {
            used(state, version)
        }
        // What a shadow pointed at can be archived once it is gone.
        (Asked::Unbind { binding }, "not_found") | (Asked::Promote { binding }, "not_found" | "version_archived") => {
            !state.holds(binding)
        }
        _ => false,
    };
    if states.iter().filter(|state| state.visible).any(explained) {
        Ok(())
    } else {
        Err(format!("nothing explains the refusal {number} {code}"))
    }
}

/// What was asked for once happened once, however often it was repeated.
fn once(history: &History, timeline: &Timeline, spans: &Spans) -> Vec<Fault> {
    let mut faults = Vec::new();
    // Events that are alike have the same causes.
    let mut alike: HashMap<(&[usize], &str), Vec<u64>> = HashMap::new();
    for (seq, change) in timeline.changes.iter().enumerate() {
        let kind = match change {
            Change::Other => continue,
            Change::Published { .. } => "published",
            Change::Bound { .. } => "bound",
            Change::Unbound { .. } => "unbound",
            Change::Archived { .. } => "archived",
        };
        if !spans.causes[seq].is_empty() {
            alike.entry((&spans.causes[seq], kind)).or_default().push(u64::try_from(seq).unwrap());
        }
    }
    for ((causes, kind), seqs) in alike {
        if seqs.len() > causes.len() {
            let what = format!("{} times {kind}, asked for {} times", seqs.len(), causes.len());
            let fault = causes.iter().fold(Fault::new(what), |fault, place| fault.by(*place));
            faults.push(seqs.iter().fold(fault, |fault, seq| fault.at(*seq)));
        }
    }
    // Two that each made a policy version did not make the same.
    let mut made: HashMap<&String, usize> = HashMap::new();
    for (place, operation) in history.operations.iter().enumerate() {
        if let (Asked::PublishPolicy { .. }, Some(Told::Version { id, .. })) = (&operation.asked, operation.told())
            && let Some(other) = made.insert(id, place)
        {
            faults.push(Fault::new(format!("{id} was acknowledged to two")).by(other).by(place));
        }
    }
    faults
}
