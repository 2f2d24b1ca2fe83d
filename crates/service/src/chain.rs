//! Following a zone's chain of events.

use cedarkeep_model::{Event, ZoneId};
use cedarkeep_store::{Direction, Order, Position, Read, Slice, StoreError, Window};

/// How many items are read at once.
const PAGE: u32 = 500;

/// Walks a list from its beginning, or from behind a position, to its end.
pub(crate) struct Pages {
    start: Option<Position>,
    done: bool,
    limit: u32,
}

impl Pages {
    pub(crate) const fn new() -> Self {
        Self::of(PAGE)
    }

    /// With so many items at once.
    pub(crate) const fn of(limit: u32) -> Self {
        Self { start: None, done: false, limit }
    }

    pub(crate) const fn behind(start: Option<Position>) -> Self {
        Self { start, done: false, limit: PAGE }
    }

    pub(crate) fn next_window(&self) -> Option<Window> {
        if self.done {
            return None;
        }
        Some(Window { order: Order::Asc, start: self.start.clone(), direction: Direction::Forward, limit: self.limit })
    }

    pub(crate) fn take<T>(&mut self, slice: Slice<T>) -> Vec<T> {
        self.done = !slice.more;
        self.start = slice.items.last().map(|(position, _)| position.clone());
        slice.items.into_iter().map(|(_, item)| item).collect()
    }
}

/// A zone's chain of events, followed so far.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    last: Option<Event>,
}

impl Chain {
    /// The number of the last event that was followed.
    pub(crate) fn seq(&self) -> u64 {
        self.last.as_ref().map_or(0, |event| event.seq)
    }

    /// Follows what has been added, giving each event to `fold`. Answers what is wrong with the chain or was not to the
    /// liking of `fold`.
    pub(crate) async fn advance(
        &mut self,
        read: &mut dyn Read,
        zone: ZoneId,
        mut fold: impl FnMut(&Event) -> Result<(), String> + Send,
    ) -> Result<Vec<String>, StoreError> {
        let mut problems = Vec::new();
        let behind = |event: &Event| {
            let at = i64::try_from(event.seq).unwrap_or(i64::MAX);
            Position { rank: 0, at, id: String::new() }
        };
        let mut pages = Pages::behind(self.last.as_ref().map(behind));
        while let Some(window) = pages.next_window() {
            let slice = read.events(zone, &window).await?;
            for event in pages.take(slice) {
                problems.extend(event.follows(self.last.as_ref()).and_then(|()| fold(&event)).err());
                self.last = Some(event);
            }
        }
        Ok(problems)
    }
}
