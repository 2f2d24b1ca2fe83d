//! Events.

use std::sync::Arc;

use cedarkeep_model::{Event, EventKind, NewEvent, ZoneId};

use super::{
    samples::{id, new_event, zone},
    support::{commit, items, read, whole},
};
use crate::{EventMark, Store};

/// Every event of the zone, checked: numbers from 1 without gaps, each digest right and naming the one before.
pub(super) async fn chain(store: &Arc<dyn Store>, zone: ZoneId) -> Vec<Event> {
    let mut from = read(store).await;
    let events = items(from.events(zone, &whole()).await.unwrap());
    let mut prev = None;
    for (seq, event) in (1..).zip(&events) {
        assert_eq!((event.zone_id, event.seq, event.prev_sha256), (zone, seq, prev));
        assert_eq!(event.recompute().unwrap(), event.sha256);
        prev = Some(event.sha256);
    }
    assert_eq!(from.count_events(zone).await.unwrap(), u64::try_from(events.len()).unwrap());
    events
}

/// By itself and with the state of its zone.
pub async fn the_newest_event_is_known(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| to.insert_zone(&zone, b"key").await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.newest_event(zone.id).await.unwrap(), None);
    for number in 0..3 {
        let mut appended = None;
        commit(store, async |to| appended = Some(to.append_event(zone.id, new_event(number)).await.unwrap())).await;
        let expected = appended.map(|event| EventMark { seq: event.seq, sha256: event.sha256 });
        assert_eq!(from.newest_event(zone.id).await.unwrap(), expected);
        assert_eq!(from.zone_state(zone.id).await.unwrap().unwrap().newest, expected);
    }
    assert_eq!(from.newest_event(id(99)).await.unwrap(), None);
}

/// Several in one transaction, of every kind, with any body; what is answered is what is stored.
pub async fn events_are_a_chain(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| to.insert_zone(&zone, b"key").await.unwrap()).await;
    assert_eq!(chain(store, zone.id).await, []);
    let mut expected = Vec::new();
    for (number, kind) in (0..).zip(EventKind::ALL) {
        let new = NewEvent { kind: *kind, ..new_event(number) };
        commit(store, async |to| {
            expected.push(to.append_event(zone.id, new.clone()).await.unwrap());
            expected.push(to.append_event(zone.id, new.clone()).await.unwrap());
        })
        .await;
        let last = expected.last().unwrap();
        assert_eq!((last.kind, &last.actor, last.at, &last.body), (new.kind, &new.actor, new.at, &new.body));
    }
    assert_eq!(chain(store, zone.id).await, expected);
}

/// Each counts from 1.
pub async fn events_of_zones_are_separate_chains(store: &Arc<dyn Store>) {
    commit(store, async |to| {
        to.insert_zone(&zone(1), b"key").await.unwrap();
        to.insert_zone(&zone(2), b"key").await.unwrap();
        for number in 1..=3 {
            to.append_event(id(1), new_event(number)).await.unwrap();
            to.append_event(id(2), new_event(10 * number)).await.unwrap();
        }
    })
    .await;
    let (first, second) = (chain(store, id(1)).await, chain(store, id(2)).await);
    assert_eq!((first.len(), second.len()), (3, 3));
    assert!(second.iter().zip(1..).all(|(event, number)| event.body == new_event(10 * number).body));
    assert_eq!(read(store).await.count_events(id(3)).await.unwrap(), 0);
}

/// Its numbers are drawn again.
pub async fn a_lost_transaction_leaves_no_gap(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.append_event(zone.id, new_event(1)).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    transaction.append_event(zone.id, new_event(2)).await.unwrap();
    assert_eq!(transaction.append_event(zone.id, new_event(3)).await.unwrap().seq, 3);
    drop(transaction);
    let event = commit(store, async |to| to.append_event(zone.id, new_event(4)).await.unwrap()).await;
    assert_eq!(event.seq, 2);
    assert_eq!(chain(store, zone.id).await.last(), Some(&event));
}
