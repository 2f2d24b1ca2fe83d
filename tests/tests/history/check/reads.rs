//! Whether every read is explained by the state after some event, one that can have stood while it was read.

use std::collections::BTreeMap;

use super::{
    Fault,
    fold::{State, Timeline},
    span::Spans,
};
use crate::record::{Asked, Decided, History, Operation, Slot, Told};

pub(crate) fn check(history: &History, timeline: &Timeline, spans: &Spans) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (place, operation) in history.operations.iter().enumerate() {
        let Some(told) = operation.told() else { continue };
        let explained = read(history, timeline, spans, operation, told);
        faults.extend(explained.err().map(|what| Fault::new(what).by(place)));
    }
    faults.extend(no_way_back(history));
    faults.extend(own_writes(history, timeline, spans));
    faults
}

fn read(
    history: &History,
    timeline: &Timeline,
    spans: &Spans,
    operation: &Operation,
    told: &Told,
) -> Result<(), String> {
    let (first, last) = spans.around(operation);
    let span = format!("after events {first} to {last}");
    let ever = |holds: &dyn Fn(&State) -> bool| {
        timeline.states[first..=last.max(first)].iter().any(|state| state.visible && holds(state))
    };
    match (&operation.asked, told) {
        (Asked::Bindings, Told::Bindings(all)) => {
            let slots: BTreeMap<_, _> = all.iter().map(|bound| (bound.slot.clone(), bound.clone())).collect();
            if slots.len() != all.len() {
                return Err("two bindings of one slot were listed".to_owned());
            }
            if ever(&|state| state.slots == slots) {
                Ok(())
            } else {
                Err(format!("no state {span} has these bindings"))
            }
        }
        (Asked::SetVersion { version } | Asked::PolicyVersion { version }, Told::Version { .. }) => {
            let Told::Version { id, number, sha, archived, active } = told else { return Ok(()) };
            let stored = history.policy_versions.get(version).or_else(|| history.set_versions.get(version));
            let same = stored.is_some_and(|stored| (stored.number, &stored.sha) == (*number, sha));
            if id != version || !same {
                return Err(format!("{version} is {stored:?}"));
            }
            let fits =
                |state: &State| state.archived.contains(version) == *archived && state.active(version) == *active;
            if ever(&fits) { Ok(()) } else { Err(format!("{version} was so in no state {span}")) }
        }
        (Asked::Events, Told::Events(digests)) => {
            let same = history.events.iter().zip(digests).all(|(event, digest)| event.sha256.to_string() == *digest);
            if !same || digests.len() > history.events.len() {
                return Err("other events were listed than there are".to_owned());
            }
            let fits = (first..=last).contains(&digests.len()) && timeline.states[digests.len()].visible;
            if fits { Ok(()) } else { Err(format!("{} events were listed, it was {span}", digests.len())) }
        }
        (Asked::Decide { principal, at_least }, Told::Decision(decided)) => {
            let made = timeline.made(decided.revision).filter(|seq| timeline.states[*seq].visible);
            let made = made.ok_or_else(|| format!("there was no revision {}", decided.revision))?;
            if !spans.happened(made, operation.to) {
                return Err(format!("revision {} was not there yet", decided.revision));
            }
            if decided.revision < at_least.unwrap_or(0) {
                return Err(format!("revision {} is before the one that was demanded", decided.revision));
            }
            decision(history, &timeline.states[made], principal, decided)
        }
        _ => Ok(()),
    }
}

/// The slots are those of the revision, and what they hold comes to that decision.
fn decision(history: &History, state: &State, principal: &str, decided: &Decided) -> Result<(), String> {
    let concerns = |slot: &Slot| slot.scope == "zone" || slot.target == principal;
    let expected: BTreeMap<_, _> = state.slots.iter().filter(|(slot, _)| concerns(slot)).collect();
    let found: BTreeMap<_, _> = decided.slots.iter().map(|(slot, version, sha)| (slot, (version, sha))).collect();
    for (slot, (version, sha)) in &found {
        let bound = expected.get(slot).ok_or_else(|| format!("nothing was bound to {slot:?}"))?;
        if (&bound.version, &bound.manifest_sha) != (*version, *sha) {
            return Err(format!("bound to {slot:?} was {}, not {version}", bound.version));
        }
    }
    let active = |scope: &str| expected.iter().find(|(slot, _)| slot.scope == scope && slot.mode == "active");
    let missing = expected.keys().find(|slot| !found.contains_key(*slot));
    if let Some(slot) = missing.filter(|_| active("zone").is_some()) {
        return Err(format!("it leaves out {slot:?}"));
    }
    // Cedar's rule where no policy has a condition: one that permits, and none that forbids.
    let permits = |pin: &String| history.policy_versions.get(pin).is_some_and(|stored| stored.permits);
    let pins = |version: &str| history.set_versions.get(version).map(|stored| &stored.pins);
    let allows = |version: &str| pins(version).is_some_and(|pins| !pins.is_empty() && pins.iter().all(permits));
    let allowed = active("zone").is_some_and(|(_, bound)| allows(&bound.version))
        && active("user").is_none_or(|(_, bound)| allows(&bound.version));
    if allowed == decided.allowed { Ok(()) } else { Err(format!("allowed should be {allowed}")) }
}

/// The decisions of one instance, each with its place.
fn decisions(history: &History, instance: usize) -> Vec<(usize, &Operation, u64)> {
    let all = history.operations.iter().enumerate().filter(|(_, operation)| operation.instance == instance);
    let mut all: Vec<_> = all
        .filter_map(|(place, operation)| match operation.told() {
            Some(Told::Decision(decided)) => Some((place, operation, decided.revision)),
            _ => None,
        })
        .collect();
    all.sort_by_key(|(_, operation, _)| operation.from);
    all
}

fn instances(history: &History) -> usize {
    history.operations.iter().map(|operation| operation.instance + 1).max().unwrap_or(0)
}

/// One instance never decides by an older revision than it has already decided by, and no client that names the revision
/// that it has seen is answered by an older one anywhere.
fn no_way_back(history: &History) -> Vec<Fault> {
    let mut faults = Vec::new();
    for instance in 0..instances(history) {
        let all = decisions(history, instance);
        let mut ended = all.clone();
        ended.sort_by_key(|(_, operation, _)| operation.to);
        let (mut ended, mut newest) = (ended.into_iter().peekable(), None);
        for (place, operation, revision) in all {
            while let Some(before) = ended.next_if(|(_, other, _)| other.to < operation.from) {
                newest = newest.filter(|(_, newest)| *newest >= before.2).or(Some((before.0, before.2)));
            }
            if let Some((other, newest)) = newest.filter(|(_, newest)| *newest > revision) {
                let what = format!("the revision of instance {instance} goes back from {newest} to {revision}");
                faults.push(Fault::new(what).by(other).by(place));
            }
        }
    }
    let mut seen: BTreeMap<usize, (usize, u64)> = BTreeMap::new();
    let mut in_order: Vec<_> = history.operations.iter().enumerate().collect();
    in_order.sort_by_key(|(_, operation)| operation.from);
    for (place, operation) in in_order {
        let Some(Told::Decision(decided)) = operation.told() else { continue };
        let newest = seen.entry(operation.client).or_insert((place, 0));
        let demanded = matches!(operation.asked, Asked::Decide { at_least: Some(_), .. });
        if demanded && decided.revision < newest.1 {
            let what = format!("the revision of client {} goes back from {}", operation.client, newest.1);
            faults.push(Fault::new(what).by(newest.0).by(place));
        }
        if decided.revision > newest.1 {
            *newest = (place, decided.revision);
        }
    }
    faults
}

/// A change is visible to the next decision on the instance that answered it.
fn own_writes(history: &History, timeline: &Timeline, spans: &Spans) -> Vec<Fault> {
    let mut faults = Vec::new();
    let alone = |seq: usize| match &*spans.causes[seq] {
        [place] => Some(*place).filter(|place| {
            let operation = &history.operations[*place];
            operation.told().is_some() && operation.tries == 1
        }),
        _ => None,
    };
    let changed = |seq: &usize| timeline.states[*seq].revision > timeline.states[*seq - 1].revision;
    let made: Vec<_> = (1..timeline.states.len())
        .filter(changed)
        .filter_map(|seq| Some((alone(seq)?, timeline.states[seq].revision)))
        .collect();
    for instance in 0..instances(history) {
        for (place, operation, revision) in decisions(history, instance) {
            let before = made.iter().find(|(write, made)| {
                let write = &history.operations[*write];
                write.instance == instance && write.to < operation.from && *made > revision
            });
            if let Some((write, made)) = before {
                let what = format!("instance {instance} decides at {revision} after it acknowledged {made}");
                faults.push(Fault::new(what).by(*write).by(place));
            }
        }
    }
    faults
}
