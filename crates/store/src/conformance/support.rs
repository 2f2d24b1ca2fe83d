//! What the cases say over and over.

use std::sync::Arc;

use crate::{Direction, JobClaim, Order, Position, Read, Slice, Store, StoreError, Unique, Window, Write};

/// Runs the steps in one transaction and commits.
pub(super) async fn commit<T>(store: &Arc<dyn Store>, steps: impl AsyncFnOnce(&mut Box<dyn Write>) -> T) -> T {
    let mut transaction = store.write().await.unwrap();
    let done = steps(&mut transaction).await;
    transaction.commit().await.unwrap();
    done
}

/// A view on committed data.
pub(super) async fn read(store: &Arc<dyn Store>) -> Box<dyn Read> {
    store.read().await.unwrap()
}

/// The rule that a refused step would have broken.
pub(super) fn taken<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Unique {
    match result {
        Err(StoreError::Taken(rule)) => rule,
        other => panic!("expected a broken rule of uniqueness, got {other:?}"),
    }
}

/// A window on everything, oldest first.
pub(super) fn whole() -> Window {
    Window { order: Order::Asc, start: None, direction: Direction::Forward, limit: 1_000 }
}

/// Claims a job in a transaction of its own.
pub(super) async fn taken_over(store: &Arc<dyn Store>, claim: JobClaim) -> bool {
    let mut transaction = store.write().await.unwrap();
    let claimed = transaction.claim(&claim).await.unwrap();
    transaction.commit().await.unwrap();
    claimed
}

/// The items alone.
pub(super) fn items<T>(slice: Slice<T>) -> Vec<T> {
    slice.items.into_iter().map(|(_, item)| item).collect()
}

/// Walks a list from end to end and back, in both orders and in windows of several sizes, and compares with what it
/// should be in ascending order.
pub(super) async fn walk<T>(expected: &[String], name: impl Fn(&T) -> String, list: impl AsyncFn(Window) -> Slice<T>) {
    let mut descending = expected.to_vec();
    descending.reverse();
    for (order, expected) in [(Order::Asc, expected), (Order::Desc, descending.as_slice())] {
        walk_order(order, &[Direction::Forward, Direction::Backward], expected, &name, &list).await;
    }
}

/// The same in one order.
pub(super) async fn walk_order<T>(
    order: Order,
    directions: &[Direction],
    expected: &[String],
    name: impl Fn(&T) -> String,
    list: impl AsyncFn(Window) -> Slice<T>,
) {
    let length = expected.len();
    for limit in [1, 2, 3, length - 1, length, length + 1] {
        for direction in directions {
            let mut seen: Vec<String> = Vec::new();
            let mut start: Option<Position> = None;
            loop {
                let window = Window { order, start, direction: *direction, limit: limit.try_into().unwrap() };
                let slice = list(window).await;
                assert!(slice.items.len() <= limit, "{limit} at most");
                let names: Vec<String> = slice.items.iter().map(|(_, item)| name(item)).collect();
                let edge = match direction {
                    Direction::Forward => slice.items.last(),
                    Direction::Backward => slice.items.first(),
                };
                start = edge.map(|(position, _)| position.clone());
                seen = match direction {
                    Direction::Forward => [seen, names].concat(),
                    Direction::Backward => [names, seen].concat(),
                };
                assert_eq!(slice.more, seen.len() < length, "{order:?} {direction:?} {limit}: {seen:?}");
                if !slice.more {
                    break;
                }
            }
            assert_eq!(seen, expected, "{order:?} {direction:?} in windows of {limit}");
        }
    }
}
