//! Where shadows would have decided otherwise.

use std::sync::Arc;

use cedarkeep_model::{Divergence, DivergenceTotal, ScopeType, ZoneId};

use super::{
    samples::{at, divergence, id, zone},
    support::{commit, items, read, taken, walk, whole},
};
use crate::{Store, Unique};

/// Over an empty slot too; one for each slot of a decision.
pub async fn divergences_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    let full = divergence(zone, 1);
    let bare = Divergence {
        scope_type: ScopeType::Session,
        active_version_id: None,
        active_allowed: false,
        shadow_allowed: true,
        at: at(1),
        ..full.clone()
    };
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.insert_divergence(&full).await.unwrap();
        to.insert_divergence(&bare).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_divergence(&full).await), Unique::Other);
    drop(transaction);
    let mut from = read(store).await;
    assert_eq!(items(from.divergences(zone, None, &whole()).await.unwrap()), [bare, full]);
    assert_eq!(items(from.divergences(id(2), None, &whole()).await.unwrap()), []);
}

/// By time, then decision and slot; all or those of one shadow version.
pub async fn divergences_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    let mut expected = Vec::new();
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        for (number, seconds) in [(3, 1), (7, 1), (2, 2), (1, 3), (5, 3)] {
            for scope_type in [ScopeType::User, ScopeType::Zone] {
                let one = Divergence { at: at(seconds), scope_type, ..divergence(zone, number) };
                let other = divergence(zone, 100 + number);
                let other = Divergence { shadow_version_id: id(9), scope_type, at: at(seconds), ..other };
                to.insert_divergence(&one).await.unwrap();
                to.insert_divergence(&other).await.unwrap();
                expected.push(name(&one));
            }
        }
    })
    .await;
    let shadow = divergence(zone, 1).shadow_version_id;
    let list = async |window| read(store).await.divergences(zone, Some(shadow), &window).await.unwrap();
    walk(&expected, name, list).await;
    assert_eq!(items(read(store).await.divergences(zone, None, &whole()).await.unwrap()).len(), 20);
    assert_eq!(items(read(store).await.divergences(zone, Some(id(8)), &whole()).await.unwrap()), []);
}

fn name(divergence: &Divergence) -> String {
    format!("{} {}", divergence.decision_id, divergence.scope_type)
}

/// The oldest go; more than asked for stay only where times are equal; other zones keep theirs.
pub async fn old_divergences_are_forgotten(store: &Arc<dyn Store>) {
    let (zone, other) = (zone(1).id, zone(2).id);
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.insert_zone(&super::samples::zone(2), b"key").await.unwrap();
        for (number, seconds) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5)] {
            to.insert_divergence(&Divergence { at: at(seconds), ..divergence(zone, number) }).await.unwrap();
        }
        to.insert_divergence(&Divergence { at: at(0), ..divergence(other, 6) }).await.unwrap();
    })
    .await;
    for (kept, left) in [(9, 5), (5, 5), (4, 4), (2, 3), (1, 1), (0, 0)] {
        commit(store, async |to| to.forget_divergences(zone, kept).await.unwrap()).await;
        assert_eq!(count(store, zone).await, left, "{kept} to be kept");
        assert_eq!(count(store, other).await, 1);
    }
}

async fn count(store: &Arc<dyn Store>, zone: ZoneId) -> usize {
    items(read(store).await.divergences(zone, None, &whole()).await.unwrap()).len()
}

/// Each shadow version for itself, in each zone; forgetting divergences leaves them alone.
pub async fn divergence_totals_add_up(store: &Arc<dyn Store>) {
    let (zone, other) = (zone(1).id, zone(2).id);
    let total = |shadow, observed| DivergenceTotal {
        shadow_version_id: id(shadow),
        observed,
        diverged: 10 * observed,
        would_allow: 100 * observed,
        failed: 1_000 * observed,
    };
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.insert_zone(&super::samples::zone(2), b"key").await.unwrap();
        to.add_divergence_total(zone, &total(1, 1)).await.unwrap();
        to.add_divergence_total(zone, &total(2, 5)).await.unwrap();
        to.add_divergence_total(other, &total(1, 7)).await.unwrap();
    })
    .await;
    commit(store, async |to| {
        to.add_divergence_total(zone, &total(1, 2)).await.unwrap();
        to.forget_divergences(zone, 0).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let mut totals = from.divergence_totals(zone).await.unwrap();
    totals.sort_by_key(|total| total.shadow_version_id);
    assert_eq!(totals, [total(1, 3), total(2, 5)]);
    assert_eq!(from.divergence_totals(other).await.unwrap(), [total(1, 7)]);
    assert_eq!(from.divergence_totals(id(3)).await.unwrap(), []);
}
