//! Policy sets.

use std::sync::Arc;

use cedarkeep_model::{BindingMode, BoundVersion, OwnerType, PolicySet, PolicySetState, ScopeType};

use super::{
    samples::{archived, at, binding, id, name, policy_set, set_version, zone},
    support::{commit, items, read, taken, whole},
    world::{TARGET, world},
};
use crate::{ArchivedFilter, PolicySetFilter, Store, Unique};

const EVERYTHING: PolicySetFilter = PolicySetFilter {
    owner_types: Vec::new(),
    scope_types: Vec::new(),
    active: None,
    query: Vec::new(),
    query_name: Vec::new(),
    archived: ArchivedFilter::Any,
    by_status: false,
};

fn unbound(set: PolicySet) -> PolicySetState {
    PolicySetState { set, active: None, shadow: None }
}

/// With every optional member, and with none, of every scope.
pub async fn policy_sets_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let mut sets = vec![
        PolicySet { latest_version: Some(7), latest_version_id: Some(id(70)), ..policy_set(zone.id, 1) },
        PolicySet { updated_by: None, owner_type: OwnerType::Platform, ..policy_set(zone.id, 2) },
    ];
    for (number, scope_type) in (3..).zip(ScopeType::ALL) {
        sets.push(PolicySet { scope_type: *scope_type, ..policy_set(zone.id, number) });
    }
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for set in &sets {
            to.insert_policy_set(set).await.unwrap();
        }
    })
    .await;
    let mut from = read(store).await;
    let expected: Vec<_> = sets.into_iter().map(unbound).collect();
    for state in &expected {
        assert_eq!(from.policy_set(zone.id, state.set.id).await.unwrap().as_ref(), Some(state));
    }
    assert_eq!(from.policy_set(zone.id, id(99)).await.unwrap(), None);
    assert_eq!(from.count_policy_sets(zone.id, &EVERYTHING).await.unwrap(), u64::try_from(expected.len()).unwrap());
    assert_eq!(items(from.policy_sets(zone.id, &EVERYTHING, &whole()).await.unwrap()), expected);
}

/// Id, owner, scope and creation stay; what is absent is erased.
pub async fn updating_a_policy_set_writes_all_that_may_change(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let (before, neighbour) = (policy_set(zone.id, 1), policy_set(zone.id, 2));
    let full = PolicySet {
        name: name("other"),
        revision: 2,
        latest_version: Some(3),
        latest_version_id: Some(id(30)),
        updated_at: at(90),
        updated_by: None,
        archived: Some(archived(91)),
        ..before.clone()
    };
    let tried = PolicySet {
        owner_type: OwnerType::Platform,
        scope_type: ScopeType::Zone,
        created_at: at(92),
        created_by: "somebody else".to_owned(),
        ..full.clone()
    };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_policy_set(&before).await.unwrap();
        to.insert_policy_set(&neighbour).await.unwrap();
        to.update_policy_set(&tried).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy_set(zone.id, before.id).await.unwrap(), Some(unbound(full)));
    assert_eq!(from.policy_set(zone.id, neighbour.id).await.unwrap(), Some(unbound(neighbour)));
    commit(store, async |to| to.update_policy_set(&before).await.unwrap()).await;
    assert_eq!(from.policy_set(zone.id, before.id).await.unwrap(), Some(unbound(before)));
}

/// Archiving frees a name.
pub async fn policy_set_names_are_unique_among_the_living(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let (first, second) = (policy_set(zone.id, 1), policy_set(zone.id, 2));
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_policy_set(&first).await.unwrap();
        to.insert_policy_set(&second).await.unwrap();
    })
    .await;
    let twin = PolicySet { name: first.name.clone(), scope_type: ScopeType::Zone, ..policy_set(zone.id, 3) };
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_policy_set(&twin).await), Unique::PolicySetName);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    let renamed = PolicySet { name: first.name.clone(), ..second.clone() };
    assert_eq!(taken(transaction.update_policy_set(&renamed).await), Unique::PolicySetName);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    let same_id = PolicySet { name: name("fresh"), ..first.clone() };
    assert_eq!(taken(transaction.insert_policy_set(&same_id).await), Unique::Other);
    drop(transaction);
    assert_eq!(read(store).await.count_policy_sets(zone.id, &EVERYTHING).await.unwrap(), 2);
    assert_eq!(read(store).await.policy_set_named(zone.id, &first.name).await.unwrap(), Some(first.id));
    assert_eq!(read(store).await.policy_set_named(zone.id, &name("SET 1")).await.unwrap(), None, "case counts");
    assert_eq!(read(store).await.policy_set(zone.id, second.id).await.unwrap(), Some(unbound(second)));

    let gone = PolicySet { archived: Some(archived(90)), ..first };
    commit(store, async |to| {
        to.update_policy_set(&gone).await.unwrap();
        assert_eq!(to.policy_set_named(zone.id, &gone.name).await.unwrap(), None);
        to.insert_policy_set(&twin).await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.policy_set_named(zone.id, &gone.name).await.unwrap(), Some(twin.id));
    assert_eq!(read(store).await.policy_set(zone.id, gone.id).await.unwrap(), Some(unbound(gone)));
    assert_eq!(read(store).await.policy_set(zone.id, twin.id).await.unwrap(), Some(unbound(twin)));
}

/// One of each mode, the one of the highest revision; lists show the same as the set alone.
pub async fn a_policy_set_shows_its_most_recent_bindings(store: &Arc<dyn Store>) {
    let world = world(store, 1).await;
    let zone = world.zone.id;
    let second = set_version(&world.set, 22, 2, std::slice::from_ref(&world.pinned));
    let bound = |version_id: u64, version: u64, target: &str| {
        Some(BoundVersion { version_id: id(version_id), version, scope_target_id: target.to_owned() })
    };
    let shown = async || {
        let mut from = read(store).await;
        let state = from.policy_set(zone, world.set.id).await.unwrap().unwrap();
        assert_eq!(state.set, world.set);
        let listed = items(from.policy_sets(zone, &EVERYTHING, &whole()).await.unwrap());
        assert_eq!(listed, std::slice::from_ref(&state));
        (state.active, state.shadow)
    };
    assert_eq!(shown().await, (bound(21, 1, TARGET), None));
    commit(store, async |to| {
        to.insert_set_version(&second).await.unwrap();
        to.bind(&binding(&second, 32, BindingMode::Shadow, TARGET, 6)).await.unwrap();
        to.bind(&binding(&second, 30, BindingMode::Active, "b", 7)).await.unwrap();
        to.bind(&binding(&world.version, 33, BindingMode::Active, "a", 4)).await.unwrap();
    })
    .await;
    assert_eq!(shown().await, (bound(22, 2, "b"), bound(22, 2, TARGET)));
    commit(store, async |to| to.unbind(zone, id(30)).await.unwrap()).await;
    assert_eq!(shown().await, (bound(21, 1, TARGET), bound(22, 2, TARGET)));
    commit(store, async |to| {
        for number in [31, 32, 33] {
            to.unbind(zone, id(number)).await.unwrap();
        }
    })
    .await;
    assert_eq!(shown().await, (None, None));
}
