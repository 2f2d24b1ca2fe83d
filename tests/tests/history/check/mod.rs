//! The checker: whether what is stored and what every client was told can have come from one sequence of events.
//!
//! It knows nothing of servers. The events are folded into the state after each of them ([`fold`]); each event gets the
//! span of time in which it must have happened, from who asked for it and who was told of it ([`span`]); then every write
//! and every read must fit ([`writes`], [`reads`]).

mod fold;
mod reads;
mod span;
mod writes;

use std::fmt::Write as _;

use self::{fold::Timeline, span::Spans};
use crate::record::History;

/// Something that no sequence of events explains.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) what: String,
    /// The operations that it is about, by their place.
    pub(crate) operations: Vec<usize>,
    /// The events that it is about, by their number.
    pub(crate) events: Vec<u64>,
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), operations: Vec::new(), events: Vec::new() }
    }

    fn by(mut self, operation: usize) -> Self {
        self.operations.push(operation);
        self
    }

    fn at(mut self, event: u64) -> Self {
        self.events.push(event);
        self
    }
}

/// Everything that is wrong with a history.
pub(crate) fn check(history: &History) -> Vec<Fault> {
    let mut faults = fold::chain(history);
    if !faults.is_empty() {
        return faults;
    }
    let timeline = match Timeline::of(history) {
        Ok(timeline) => timeline,
        Err(fault) => return vec![fault],
    };
    faults.extend(fold::stored(history, &timeline));
    let spans = Spans::of(history, &timeline);
    faults.extend(spans.faults(history));
    faults.extend(writes::check(history, &timeline, &spans));
    faults.extend(reads::check(history, &timeline, &spans));
    faults
}

/// The first faults, each with the operations and events that it is about.
pub(crate) fn excerpt(history: &History, faults: &[Fault]) -> String {
    let mut text = format!("{} faults", faults.len());
    for fault in faults.iter().take(3) {
        write!(text, "\n- {}", fault.what).unwrap();
        for place in &fault.operations {
            let it = &history.operations[*place];
            write!(
                text,
                "\n    client {} at instance {}, {} to {} µs, {} tries: {:?}\n        {:?}",
                it.client, it.instance, it.from, it.to, it.tries, it.asked, it.outcome
            )
            .unwrap();
        }
        for seq in &fault.events {
            for event in history.events.iter().filter(|event| event.seq.abs_diff(*seq) <= 1) {
                write!(text, "\n    event {} {} {} {}", event.seq, event.at, event.kind, event.body).unwrap();
            }
        }
    }
    text
}
