//! Many at once.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use cedarkeep_model::{BindingMode, Policy, ScopeType};
use tokio::task::JoinSet;

use super::{
    events::chain,
    samples::{binding, id, name, new_event, policy, zone},
    support::{commit, read, taken},
    world::{TARGET, World, world},
};
use crate::{PolicyFilter, Store, Unique, ZoneState};

/// Of whom every fifth goes away without committing.
pub async fn concurrent_writers_keep_the_chain_gapless(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    commit(store, async |to| to.insert_zone(&super::samples::zone(1), b"key").await.unwrap()).await;
    let mut writers = JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let mut transaction = store.write().await.unwrap();
            let revision = transaction.lock_zone(zone).await.unwrap().unwrap().revision;
            assert_eq!(transaction.bump_revision(zone).await.unwrap(), revision + 1);
            let event = transaction.append_event(zone, new_event(number)).await.unwrap();
            if number % 5 == 0 {
                return None;
            }
            transaction.commit().await.unwrap();
            Some(event)
        });
    }
    let mut committed: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    committed.sort_by_key(|event| event.seq);
    assert_eq!(chain(store, zone).await, committed);
    assert_eq!(committed.len(), 40);
    assert_eq!(read(store).await.zone(zone).await.unwrap().unwrap().revision, super::samples::zone(1).revision + 40);
}

/// To whoever asks after the acknowledgement.
pub async fn every_acknowledged_commit_is_there(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    commit(store, async |to| to.insert_zone(&super::samples::zone(1), b"key").await.unwrap()).await;
    let mut writers = JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let mut transaction = store.write().await.unwrap();
            transaction.insert_policy(&policy(zone, number)).await.unwrap();
            transaction.commit().await.unwrap();
            assert!(read(&store).await.policy(zone, id(number)).await.unwrap().is_some(), "{number}");
        });
    }
    writers.join_all().await;
    assert_eq!(read(store).await.count_policies(zone, &PolicyFilter::default()).await.unwrap(), 100);
}

/// An event and a policy in one transaction.
async fn publish(store: &Arc<dyn Store>, number: u64) {
    let zone = id(1);
    let mut transaction = store.write().await.unwrap();
    transaction.append_event(zone, new_event(number)).await.unwrap();
    transaction.insert_policy(&policy(zone, number)).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Lets the work come so many steps far and drops it; whether it was done before.
async fn leave_after(steps: u32, work: impl Future<Output = ()>) -> bool {
    let mut work = Box::pin(work);
    let mut left = steps;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// At whichever step of waiting, writing or committing; what they leave is whole or not there.
pub async fn writers_that_go_away_hold_nobody_up(store: &Arc<dyn Store>) {
    commit(store, async |to| to.insert_zone(&zone(1), b"key").await.unwrap()).await;
    let mut numbers = 0..;
    let mut number = || numbers.next().unwrap();
    let mut stayed = Vec::new();
    for steps in 0..32 {
        let [first, second, third, fourth] = std::array::from_fn(|_| number());
        let leave = |number| leave_after(steps, publish(store, number));
        tokio::join!(publish(store, first), leave(number()));
        tokio::join!(leave(number()), publish(store, second));
        tokio::join!(publish(store, third), leave(number()), leave(number()), publish(store, fourth));
        stayed.extend([first, second, third, fourth]);
    }
    let last = commit(store, async |to| to.append_event(id(1), new_event(9)).await.unwrap()).await;
    assert_eq!(chain(store, id(1)).await.last(), Some(&last));
    let mut from = read(store).await;
    for number in stayed {
        assert!(from.policy(id(1), id(number)).await.unwrap().is_some(), "{number} stayed");
    }
    let policies = from.count_policies(id(1), &PolicyFilter::default()).await.unwrap();
    assert_eq!(policies + 1, last.seq, "an event with every policy and a policy with every event");
}

/// Revision and bindings always agree, whatever is being bound meanwhile.
pub async fn zone_state_is_of_one_moment(store: &Arc<dyn Store>) {
    let World { zone, version, .. } = world(store, 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        let (store, done) = (Arc::clone(store), Arc::clone(&done));
        readers.spawn(async move {
            let mut from = read(&store).await;
            let mut last = zone.revision;
            while !done.load(Ordering::SeqCst) {
                let ZoneState { zone, bindings, .. } = from.zone_state(zone.id).await.unwrap().unwrap();
                assert!(zone.revision >= last, "never back");
                last = zone.revision;
                assert!(bindings.iter().any(|binding| binding.scope_target_id == TARGET));
                for binding in bindings {
                    assert_eq!(binding.revision, zone.revision);
                }
            }
        });
    }
    for number in 0..100 {
        commit(store, async |to| {
            let revision = to.bump_revision(zone.id).await.unwrap();
            to.bind(&binding(&version, 100 + number, BindingMode::Active, TARGET, revision)).await.unwrap();
            to.bind(&binding(&version, 300 + number, BindingMode::Shadow, TARGET, revision)).await.unwrap();
        })
        .await;
    }
    done.store(true, Ordering::SeqCst);
    readers.join_all().await;
}

/// Nor do two stand in it.
pub async fn a_slot_never_stands_empty_while_it_is_rebound(store: &Arc<dyn Store>) {
    let World { zone, set, version, .. } = world(store, 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, done) = (Arc::clone(store), Arc::clone(&done));
        tokio::spawn(async move {
            let mut from = read(&store).await;
            while !done.load(Ordering::SeqCst) {
                let slot = from.slot(zone.id, ScopeType::User, TARGET, BindingMode::Active).await.unwrap();
                assert!(slot.is_some());
                assert_eq!(from.bindings_of_set(zone.id, set.id).await.unwrap().len(), 1);
                let state = from.policy_set(zone.id, set.id).await.unwrap().unwrap();
                assert_eq!(state.active.unwrap().scope_target_id, TARGET);
            }
        })
    };
    for number in 0..100 {
        let next = binding(&version, 100 + number, BindingMode::Active, TARGET, 10 + number);
        commit(store, async |to| to.bind(&next).await.unwrap()).await;
    }
    done.store(true, Ordering::SeqCst);
    reader.await.unwrap();
}

/// The others are told so, and may try another.
pub async fn one_of_many_takes_a_name(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    commit(store, async |to| to.insert_zone(&super::samples::zone(1), b"key").await.unwrap()).await;
    let mut writers = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let named = Policy { name: name("wanted"), ..policy(zone, number) };
            let mut transaction = store.write().await?;
            transaction.insert_policy(&named).await?;
            transaction.commit().await
        });
    }
    let (winners, losers): (Vec<_>, Vec<_>) = writers.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((winners.len(), losers.len()), (1, 19));
    assert!(losers.into_iter().map(taken::<()>).all(|rule| rule == Unique::PolicyName));
    assert_eq!(read(store).await.count_policies(zone, &PolicyFilter::default()).await.unwrap(), 1);
}
