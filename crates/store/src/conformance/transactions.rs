//! Transactions.

use std::{future::poll_fn, sync::Arc, task::Poll};

use cedarkeep_model::Zone;

use super::{
    samples::{at, id, new_event, policy, zone},
    support::{commit, read, taken},
};
use crate::{Store, StoreError, Unique, ZoneFilter};

/// Of every kind of read, and before anybody else.
pub async fn a_transaction_reads_its_own_writes(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let mut transaction = store.write().await.unwrap();
    assert_eq!(transaction.count_zones(&ZoneFilter::default()).await.unwrap(), 0);
    transaction.insert_zone(&zone, b"key").await.unwrap();
    assert_eq!(transaction.zone(zone.id).await.unwrap(), Some(zone.clone()));
    assert_eq!(transaction.count_zones(&ZoneFilter::default()).await.unwrap(), 1);
    assert_eq!(transaction.zone_state(zone.id).await.unwrap().unwrap().zone, zone);
    transaction.insert_policy(&policy(zone.id, 1)).await.unwrap();
    assert_eq!(transaction.policy(zone.id, id(1)).await.unwrap(), Some(policy(zone.id, 1)));
    transaction.append_event(zone.id, new_event(1)).await.unwrap();
    assert_eq!(transaction.count_events(zone.id).await.unwrap(), 1);
    transaction.delete_zone(zone.id, at(9)).await.unwrap();
    assert_eq!(transaction.zone(zone.id).await.unwrap(), None);
}

/// Then everybody sees all of it, a view taken before too.
pub async fn nobody_else_sees_a_transaction_before_its_commit(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let mut early = read(store).await;
    assert_eq!(early.zone(zone.id).await.unwrap(), None);
    let mut transaction = store.write().await.unwrap();
    transaction.insert_zone(&zone, b"key").await.unwrap();
    transaction.insert_policy(&policy(zone.id, 1)).await.unwrap();
    for from in [&mut early, &mut read(store).await] {
        assert_eq!(from.zone(zone.id).await.unwrap(), None);
        assert_eq!(from.policy(zone.id, id(1)).await.unwrap(), None);
    }
    transaction.commit().await.unwrap();
    for from in [&mut early, &mut read(store).await] {
        assert_eq!(from.zone(zone.id).await.unwrap(), Some(zone.clone()));
        assert_eq!(from.policy(zone.id, id(1)).await.unwrap(), Some(policy(zone.id, 1)));
    }
}

/// The next transaction begins from what was committed.
pub async fn dropping_a_transaction_undoes_it(store: &Arc<dyn Store>) {
    let (kept, lost) = (zone(1), zone(2));
    commit(store, async |to| to.insert_zone(&kept, b"key").await.unwrap()).await;
    let mut transaction = store.write().await.unwrap();
    transaction.insert_zone(&lost, b"key").await.unwrap();
    transaction.bump_revision(kept.id).await.unwrap();
    transaction.put_meta("lost", b"lost").await.unwrap();
    drop(transaction);
    let mut next = store.write().await.unwrap();
    assert_eq!(next.zone(lost.id).await.unwrap(), None);
    assert_eq!(next.bump_revision(kept.id).await.unwrap(), kept.revision + 1);
    next.commit().await.unwrap();
    assert_eq!(read(store).await.zone(lost.id).await.unwrap(), None);
    assert_eq!(read(store).await.meta("lost").await.unwrap(), None);
}

/// Whatever the caller goes on to do.
pub async fn after_an_error_nothing_can_be_committed(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| to.insert_zone(&zone, b"key").await.unwrap()).await;
    let mut transaction = store.write().await.unwrap();
    transaction.put_meta("before", b"1").await.unwrap();
    let twin = Zone { id: id(2), ..zone.clone() };
    assert_eq!(taken(transaction.insert_zone(&twin, b"key").await), Unique::ZoneSlug);
    assert!(transaction.put_meta("after", b"1").await.is_err());
    assert!(transaction.append_event(zone.id, new_event(1)).await.is_err());
    assert!(matches!(transaction.commit().await, Err(StoreError::Unavailable(_))));
    let mut from = read(store).await;
    for key in ["before", "after"] {
        assert_eq!(from.meta(key).await.unwrap(), None);
    }
    assert_eq!(from.count_events(zone.id).await.unwrap(), 0);
    commit(store, async |to| to.append_event(zone.id, new_event(1)).await.unwrap()).await;
}

/// Neither those before nor those after.
pub async fn an_error_that_is_dropped_harms_nobody(store: &Arc<dyn Store>) {
    let zone = zone(1);
    for round in 1..=5 {
        commit(store, async |to| to.insert_zone(&super::samples::zone(10 + round), b"key").await.unwrap()).await;
        let mut transaction = store.write().await.unwrap();
        transaction.insert_zone(&zone, b"key").await.unwrap();
        assert!(transaction.bump_revision(id(99)).await.is_err(), "no such zone");
        drop(transaction);
        let mut transaction = store.write().await.unwrap();
        assert!(transaction.append_event(id(99), new_event(1)).await.is_err(), "no such zone");
        drop(transaction);
        assert_eq!(read(store).await.count_zones(&ZoneFilter::default()).await.unwrap(), round);
    }
    store.ready().await.unwrap();
}

/// Nobody knows what of the step is done.
pub async fn a_transaction_left_in_the_middle_of_a_step_cannot_commit(store: &Arc<dyn Store>) {
    let mut transaction = store.write().await.unwrap();
    for number in 1.. {
        let zone = zone(number);
        let mut step = transaction.insert_zone(&zone, b"key");
        // An engine may be so quick that a step has no middle; another one will.
        let left = poll_fn(|context| Poll::Ready(step.as_mut().poll(context).is_pending()));
        if left.await {
            break;
        }
    }
    assert!(transaction.commit().await.is_err());
    assert_eq!(read(store).await.count_zones(&ZoneFilter::default()).await.unwrap(), 0);
    commit(store, async |to| to.insert_zone(&zone(1), b"key").await.unwrap()).await;
}

/// And what was committed before it closed is kept.
pub async fn a_closed_store_says_so(store: &Arc<dyn Store>) {
    store.ready().await.unwrap();
    commit(store, async |to| to.insert_zone(&zone(1), b"key").await.unwrap()).await;
    store.close().await;
    assert!(matches!(store.read().await.err(), Some(StoreError::Unavailable(_))));
    assert!(matches!(store.write().await.err(), Some(StoreError::Unavailable(_))));
    assert!(matches!(store.ready().await.err(), Some(StoreError::Unavailable(_))));
}
