//! When each event can have happened: not before somebody asked for it, not after somebody was told of it, and in order.

use super::{
    Fault,
    fold::{Change, Timeline},
};
use crate::record::{Asked, Bound, History, Moment, Operation, Told};

/// Of each event, by its number.
pub(crate) struct Spans {
    /// The operations that can have caused it, refused ones left out.
    pub(crate) causes: Vec<Vec<usize>>,
    earliest: Vec<Moment>,
    latest: Vec<Moment>,
    begun: usize,
}

impl Spans {
    pub(crate) fn of(history: &History, timeline: &Timeline) -> Self {
        let begun = usize::try_from(history.begun.0).unwrap();
        let operations = || history.operations.iter().enumerate();
        let count = timeline.changes.len();
        let (mut causes, mut earliest, mut latest) =
            (vec![Vec::new(); count], vec![0; count], vec![Moment::MAX; count]);
        for (seq, change) in timeline.changes.iter().enumerate().skip(begun + 1) {
            let can = |operation: &Operation| !operation.refused() && can_cause(history, timeline, operation, change);
            causes[seq] = operations().filter(|(_, operation)| can(operation)).map(|(place, _)| place).collect();
            earliest[seq] = causes[seq].iter().map(|place| history.operations[*place].from).min().unwrap_or(0);
            let told =
                operations().filter(|(_, operation)| knows(operation, change)).map(|(_, operation)| operation.to);
            latest[seq] = told.min().unwrap_or(Moment::MAX);
        }
        for seq in 1..count {
            earliest[seq] = earliest[seq].max(earliest[seq - 1]);
        }
        for seq in (1..count).rev() {
            latest[seq - 1] = latest[seq - 1].min(latest[seq]);
        }
        Self { causes, earliest, latest, begun }
    }

    /// The first and the last state, by the number of their events, that can have stood at a moment of an operation.
    pub(crate) fn around(&self, operation: &Operation) -> (usize, usize) {
        let last = self.earliest.len() - 1;
        let first = (self.begun..last).find(|seq| self.latest[seq + 1] >= operation.from).unwrap_or(last);
        let last = (self.begun..=last).rev().find(|seq| self.earliest[*seq] <= operation.to).unwrap_or(self.begun);
        (first, last)
    }

    /// Whether an event can have happened by then.
    pub(crate) fn happened(&self, seq: usize, by: Moment) -> bool {
        self.earliest[seq] <= by
    }

    pub(crate) fn faults(&self, history: &History) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (event, seq) in history.events.iter().zip(1..).skip(self.begun) {
            let place = usize::try_from(seq).unwrap();
            if self.causes[place].is_empty() {
                faults.push(Fault::new(format!("nobody who was not refused asked for event {seq}")).at(event.seq));
            }
            if self.earliest[place] > self.latest[place] {
                let what = format!("event {seq} was told of before it, or one before it, was asked for");
                let causes = self.causes[place].iter();
                faults.push(causes.fold(Fault::new(what).at(event.seq), |fault, place| fault.by(*place)));
            }
        }
        faults
    }
}

fn can_cause(history: &History, timeline: &Timeline, operation: &Operation, change: &Change) -> bool {
    match (&operation.asked, change) {
        (Asked::PublishPolicy { policy, mark }, Change::Published { id, of, .. }) => {
            policy == of && history.policy_versions.get(id).is_some_and(|stored| stored.mark == *mark)
        }
        (Asked::PublishSet { set, pins }, Change::Published { id, of, .. }) => {
            set == of && history.set_versions.get(id).is_some_and(|stored| stored.pins == *pins)
        }
        (Asked::Bind { slot, version }, Change::Bound { to, .. }) => to.slot == *slot && to.version == *version,
        (Asked::Promote { binding }, Change::Bound { to, .. }) => {
            let shadow = shadow(timeline, binding);
            shadow.is_some_and(|shadow| to.version == shadow.version && to.slot == shadow.slot.active())
        }
        (Asked::Promote { binding } | Asked::Unbind { binding }, Change::Unbound { from, .. }) => from.id == *binding,
        (
            Asked::ArchivePolicyVersion { version } | Asked::ArchiveSetVersion { version },
            Change::Archived { version: archived },
        ) => version == archived,
        _ => false,
    }
}

fn shadow<'t>(timeline: &'t Timeline, binding: &str) -> Option<&'t Bound> {
    timeline.changes.iter().find_map(|change| match change {
        Change::Bound { to, .. } if to.id == binding => Some(to),
        _ => None,
    })
}

/// Whether the answer to an operation shows that the event has happened.
fn knows(operation: &Operation, change: &Change) -> bool {
    match (operation.told(), change) {
        (Some(Told::Version { id, .. }), Change::Published { id: published, .. }) => id == published,
        (Some(Told::Version { id, archived: true, .. }), Change::Archived { version }) => id == version,
        // The answer to an unbinding is the binding that stood there.
        (Some(Told::Binding(bound)), Change::Unbound { from, .. }) => {
            bound.id == from.id && matches!(operation.asked, Asked::Unbind { .. })
        }
        (Some(Told::Binding(bound)), Change::Bound { to, .. }) => bound.id == to.id,
        (Some(Told::Bindings(all)), Change::Bound { to, .. }) => all.iter().any(|bound| bound.id == to.id),
        (Some(Told::Decision(decided)), Change::Bound { to, .. }) => decided.revision >= to.revision,
        (Some(Told::Decision(decided)), Change::Unbound { revision, .. }) => decided.revision >= *revision,
        _ => false,
    }
}
