//! Pages of lists, and the cursors between them.
//!
//! A cursor is a position in one list under one filter, sealed with a key of this installation: it says nothing, and a
//! cursor of another list, filter or zone does not open.

use std::fmt::Write as _;

use cedarkeep_attest::{SealingKey, base64url};
use cedarkeep_store::{Direction, Order, Position, Slice, Window};
use serde::{Deserialize, Serialize};

use crate::{Code, Error};

/// How many items a page has when nothing is said.
const DEFAULT_LIMIT: u32 = 50;

/// Which page of a list.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// The most items, 1 to 100; 50 when absent.
    pub limit: Option<u32>,
    /// The page that follows this cursor.
    pub after: Option<String>,
    /// The page that precedes this cursor.
    pub before: Option<String>,
    /// The list's order; newest first when nothing is said.
    pub order: Order,
    /// Whether to count the whole list.
    pub total_count: bool,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page follows; absent on the last.
    pub after_cursor: Option<String>,
    /// Where the page before precedes; absent on the first.
    pub before_cursor: Option<String>,
    /// The first item's own place in the list; absent on an empty page.
    pub start_cursor: Option<String>,
    /// The last item's own place in the list; absent on an empty page.
    pub end_cursor: Option<String>,
    /// How many items the list has, when asked.
    pub total_count: Option<u64>,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            after_cursor: self.after_cursor,
            before_cursor: self.before_cursor,
            start_cursor: self.start_cursor,
            end_cursor: self.end_cursor,
            total_count: self.total_count,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    position: Position,
    order: bool,
}

/// The cursors of one list under one filter.
pub(crate) struct Cursors<'a> {
    key: &'a SealingKey,
    list: String,
}

impl<'a> Cursors<'a> {
    /// `list` and `filter` are what a cursor belongs to.
    pub(crate) fn new(key: &'a SealingKey, list: &str, filter: &impl std::fmt::Debug) -> Self {
        let mut name = list.to_owned();
        // Writing to a String cannot fail; the Debug form tells any two filters of one type apart.
        let _ = write!(name, "?{filter:?}");
        Self { key, list: name }
    }

    /// The window that a page request opens.
    pub(crate) fn window(&self, page: &PageRequest) -> Result<Window, Error> {
        let (cursor, direction) = match (&page.after, &page.before) {
            (Some(_), Some(_)) => {
                return Err(Error::new(Code::BadRequest, "give after or before, not both"));
            }
            (Some(after), None) => (Some(after), Direction::Forward),
            (None, Some(before)) => (Some(before), Direction::Backward),
            (None, None) => (None, Direction::Forward),
        };
        let start = cursor.map(|cursor| self.open(cursor, page.order)).transpose()?;
        Ok(Window { order: page.order, start, direction, limit: page.limit.unwrap_or(DEFAULT_LIMIT) })
    }

    fn open(&self, cursor: &str, order: Order) -> Result<Position, Error> {
        let invalid = || {
            let message = "the cursor is not one of this list under these filters; start again without a cursor";
            Error::new(Code::InvalidCursor, message)
        };
        let sealed = base64url::decode_strict(cursor).map_err(|_| invalid())?;
        let plain = self.key.open(self.list.as_bytes(), &sealed).map_err(|_| invalid())?;
        let cursor: Cursor = serde_json::from_slice(&plain).map_err(|_| invalid())?;
        if cursor.order == (order == Order::Asc) { Ok(cursor.position) } else { Err(invalid()) }
    }

    fn seal(&self, position: &Position, order: Order) -> Result<String, Error> {
        let cursor = Cursor { position: position.clone(), order: order == Order::Asc };
        let sealed = self.key.seal(self.list.as_bytes(), &serde_json::to_vec(&cursor)?)?;
        Ok(base64url::encode(&sealed))
    }

    /// The page that a window showed. Items beyond `most_bytes` of `size` are left to the next page.
    pub(crate) fn page<T>(
        &self,
        window: &Window,
        slice: Slice<T>,
        total_count: Option<u64>,
        size: impl Fn(&T) -> usize,
    ) -> Result<Page<T>, Error> {
        let Slice { mut items, mut more } = slice;
        more |= cut(&mut items, window.direction, size);
        let (first, last) = (items.first().map(|item| &item.0), items.last().map(|item| &item.0));
        let (has_before, has_after) = match window.direction {
            Direction::Forward => (window.start.is_some(), more),
            Direction::Backward => (more, true),
        };
        let seal = |position: Option<&Position>| position.map(|place| self.seal(place, window.order)).transpose();
        let (start_cursor, end_cursor) = (seal(first)?, seal(last)?);
        let before_cursor = start_cursor.clone().filter(|_| has_before);
        let after_cursor = end_cursor.clone().filter(|_| has_after);
        let items = items.into_iter().map(|(_, item)| item).collect();
        Ok(Page { items, after_cursor, before_cursor, start_cursor, end_cursor, total_count })
    }
}

/// A page stops early at so many bytes of content.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Leaves only as many items as fit, at least one, next to the window's start. Answers whether any was taken away.
fn cut<T>(items: &mut Vec<(Position, T)>, direction: Direction, size: impl Fn(&T) -> usize) -> bool {
    let mut bytes = 0;
    let mut fits = |item: &(Position, T)| {
        bytes += size(&item.1);
        bytes <= MOST_BYTES
    };
    let keep = match direction {
        Direction::Forward => items.iter().take_while(|item| fits(item)).count(),
        Direction::Backward => items.iter().rev().take_while(|item| fits(item)).count(),
    };
    let surplus = items.len() - keep.max(1).min(items.len());
    match direction {
        Direction::Forward => items.truncate(items.len() - surplus),
        Direction::Backward => drop(items.drain(..surplus)),
    }
    surplus > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(id: &str) -> Position {
        Position { rank: 0, at: 1, id: id.to_owned() }
    }

    #[test]
    fn a_cursor_opens_only_in_its_own_list_filter_and_order() {
        let key = SealingKey::from_bytes([7; 32]);
        let cursors = Cursors::new(&key, "zone/policies", &"a");
        let cursor = cursors.seal(&position("x"), Order::Desc).unwrap();
        assert_eq!(cursors.open(&cursor, Order::Desc).unwrap(), position("x"));
        let others = [Cursors::new(&key, "zone/policies", &"b"), Cursors::new(&key, "zone/sets", &"a")];
        let other_key = SealingKey::from_bytes([8; 32]);
        assert!(others.iter().all(|other| other.open(&cursor, Order::Desc).is_err()));
        assert!(Cursors::new(&other_key, "zone/policies", &"a").open(&cursor, Order::Desc).is_err());
        assert!(cursors.open(&cursor, Order::Asc).is_err());
        assert_eq!(cursors.open("bm9uc2Vuc2U", Order::Desc).unwrap_err().code(), Code::InvalidCursor);
    }

    #[test]
    fn a_page_stops_early_but_never_empty() {
        let item = |id: &str| (position(id), ());
        let mut items = vec![item("a"), item("b"), item("c")];
        assert!(cut(&mut items, Direction::Forward, |()| MOST_BYTES));
        assert_eq!(items, vec![item("a")]);
        let mut items = vec![item("a"), item("b"), item("c")];
        assert!(cut(&mut items, Direction::Backward, |()| MOST_BYTES / 2));
        assert_eq!(items, vec![item("b"), item("c")]);
        let mut items = vec![item("a")];
        assert!(!cut(&mut items, Direction::Forward, |()| MOST_BYTES + 1));
    }
}
