//! Bindings.

use std::sync::Arc;

use cedarkeep_model::{Binding, BindingMode, PolicySet, ScopeType};

use super::{
    samples::{binding, id, policy_set, policy_version, set_version},
    support::{commit, read, taken},
    world::{TARGET, World, world},
};
use crate::{Store, Unique, ZoneState};

/// By id and by slot.
pub async fn bindings_come_back_as_written(store: &Arc<dyn Store>) {
    let World { zone, binding, .. } = world(store, 1).await;
    let mut from = read(store).await;
    assert_eq!(from.binding(zone.id, binding.id).await.unwrap(), Some(binding.clone()));
    assert_eq!(from.slot(zone.id, ScopeType::User, TARGET, BindingMode::Active).await.unwrap(), Some(binding));
    assert_eq!(from.binding(zone.id, id(99)).await.unwrap(), None);
}

/// One stands there, the other is gone, and the same version may be bound again.
pub async fn binding_replaces_what_stands_in_the_slot(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, binding: first, .. } = world(store, 1).await;
    let newer = set_version(&set, 22, 2, &[pinned]);
    let second = binding(&newer, 32, BindingMode::Active, TARGET, 6);
    commit(store, async |to| {
        to.insert_set_version(&newer).await.unwrap();
        to.bind(&second).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.slot(zone.id, ScopeType::User, TARGET, BindingMode::Active).await.unwrap(), Some(second.clone()));
    assert_eq!(from.binding(zone.id, first.id).await.unwrap(), None);
    assert_eq!(from.bindings_of_set(zone.id, set.id).await.unwrap(), [second]);
    let back = binding(&version, 33, BindingMode::Active, TARGET, 7);
    commit(store, async |to| to.bind(&back).await.unwrap()).await;
    assert_eq!(from.bindings_of_set(zone.id, set.id).await.unwrap(), std::slice::from_ref(&back));
    let mut transaction = store.write().await.unwrap();
    let same_id = Binding { scope_target_id: "elsewhere".to_owned(), ..back.clone() };
    assert_eq!(taken(transaction.bind(&same_id).await), Unique::Other);
    drop(transaction);
    assert_eq!(from.bindings_of_set(zone.id, set.id).await.unwrap(), [back]);
}

/// Targets are compared to the byte.
pub async fn slots_differ_by_scope_target_and_mode(store: &Arc<dyn Store>) {
    let World { zone, pinned, binding: first, version, .. } = world(store, 1).await;
    let resources = PolicySet { scope_type: ScopeType::Resource, ..policy_set(zone.id, 3) };
    let other = set_version(&resources, 22, 1, &[pinned]);
    let bindings = [
        first,
        binding(&version, 32, BindingMode::Shadow, TARGET, 6),
        binding(&version, 33, BindingMode::Active, &TARGET.to_uppercase(), 7),
        binding(&version, 34, BindingMode::Active, &format!("{TARGET} "), 8),
        binding(&other, 35, BindingMode::Active, TARGET, 9),
    ];
    commit(store, async |to| {
        to.insert_policy_set(&resources).await.unwrap();
        to.insert_set_version(&other).await.unwrap();
        for binding in bindings.iter().skip(1) {
            to.bind(binding).await.unwrap();
        }
    })
    .await;
    let mut from = read(store).await;
    for binding in &bindings {
        let slot = from.slot(zone.id, binding.scope_type, &binding.scope_target_id, binding.mode).await.unwrap();
        assert_eq!(slot.as_ref(), Some(binding));
    }
    for (scope, target, mode) in [
        (ScopeType::Resource, TARGET, BindingMode::Shadow),
        (ScopeType::Session, TARGET, BindingMode::Active),
        (ScopeType::User, "", BindingMode::Active),
    ] {
        assert_eq!(from.slot(zone.id, scope, target, mode).await.unwrap(), None);
    }
}

/// Only that one; unbinding what is not there is no error.
pub async fn unbinding_empties_a_slot(store: &Arc<dyn Store>) {
    let World { zone, version, binding: first, set, .. } = world(store, 1).await;
    let second = binding(&version, 32, BindingMode::Shadow, TARGET, 6);
    commit(store, async |to| {
        to.bind(&second).await.unwrap();
        to.unbind(zone.id, first.id).await.unwrap();
        to.unbind(zone.id, id(99)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.binding(zone.id, first.id).await.unwrap(), None);
    assert_eq!(from.slot(zone.id, ScopeType::User, TARGET, BindingMode::Active).await.unwrap(), None);
    assert_eq!(from.bindings_of_set(zone.id, set.id).await.unwrap(), [second]);
}

/// By revision, whatever their ids, and of no other set.
pub async fn bindings_of_a_set_come_oldest_first(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, binding: middle, .. } = world(store, 1).await;
    let other = policy_set(zone.id, 3);
    let others = set_version(&other, 22, 1, &[pinned]);
    let newest = binding(&version, 30, BindingMode::Active, "newest", 9);
    let oldest = binding(&version, 39, BindingMode::Active, "oldest", 2);
    let foreign = binding(&others, 40, BindingMode::Active, "foreign", 3);
    commit(store, async |to| {
        to.insert_policy_set(&other).await.unwrap();
        to.insert_set_version(&others).await.unwrap();
        for binding in [&newest, &oldest, &foreign] {
            to.bind(binding).await.unwrap();
        }
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.bindings_of_set(zone.id, set.id).await.unwrap(), [oldest, middle, newest]);
    assert_eq!(from.bindings_of_set(zone.id, other.id).await.unwrap(), [foreign]);
    assert_eq!(from.bindings_of_set(zone.id, id(99)).await.unwrap(), []);
}

/// And leave what stood there when it is not of the zone.
pub async fn bindings_need_their_version(store: &Arc<dyn Store>) {
    let World { zone, set, pinned, binding: first, .. } = world(store, 1).await;
    let other = world(store, 2).await;
    let theirs = set_version(&other.set, 22, 2, std::slice::from_ref(&other.pinned));
    commit(store, async |to| to.insert_set_version(&theirs).await.unwrap()).await;
    let lost = binding(&set_version(&set, 22, 2, &[pinned]), 32, BindingMode::Active, TARGET, 6);
    let mut transaction = store.write().await.unwrap();
    assert!(transaction.bind(&lost).await.is_err());
    drop(transaction);
    assert_eq!(read(store).await.bindings_of_set(zone.id, set.id).await.unwrap(), [first]);
}

/// Active or shadow, the oldest of them; whichever version of the policy is pinned.
pub async fn a_binding_that_pins_a_policy_is_found(store: &Arc<dyn Store>) {
    let World { zone, set, policy, version, pinned, binding: oldest, .. } = world(store, 1).await;
    let newer = policy_version(&policy, 12, 2);
    let idle = super::samples::policy(zone.id, 3);
    let later = set_version(&set, 22, 2, std::slice::from_ref(&newer));
    let unbound = set_version(&set, 23, 3, &[pinned, policy_version(&idle, 13, 1)]);
    let shadow = binding(&later, 30, BindingMode::Shadow, TARGET, 6);
    commit(store, async |to| {
        to.insert_policy(&idle).await.unwrap();
        to.insert_policy_version(&newer).await.unwrap();
        to.insert_policy_version(&policy_version(&idle, 13, 1)).await.unwrap();
        to.insert_set_version(&later).await.unwrap();
        to.insert_set_version(&unbound).await.unwrap();
        to.bind(&shadow).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(oldest.policy_set_version_id, version.id);
    assert_eq!(from.binding_pinning_policy(zone.id, policy.id).await.unwrap(), Some(oldest.clone()));
    assert_eq!(from.binding_pinning_policy(zone.id, idle.id).await.unwrap(), None);
    commit(store, async |to| to.unbind(zone.id, oldest.id).await.unwrap()).await;
    assert_eq!(from.binding_pinning_policy(zone.id, policy.id).await.unwrap(), Some(shadow.clone()));
    commit(store, async |to| to.unbind(zone.id, shadow.id).await.unwrap()).await;
    assert_eq!(from.binding_pinning_policy(zone.id, policy.id).await.unwrap(), None);
}

/// Or the zone alone.
pub async fn zone_state_has_the_zone_and_every_binding(store: &Arc<dyn Store>) {
    let World { zone, version, binding: first, .. } = world(store, 1).await;
    world(store, 2).await;
    let second = binding(&version, 30, BindingMode::Shadow, TARGET, 6);
    commit(store, async |to| to.bind(&second).await.unwrap()).await;
    let mut from = read(store).await;
    let mut state = from.zone_state(zone.id).await.unwrap().unwrap();
    state.bindings.sort_by_key(|binding| binding.revision);
    let newest = from.newest_event(zone.id).await.unwrap();
    let bindings = vec![first.clone(), second.clone()];
    assert_eq!(state, ZoneState { zone: zone.clone(), bindings, newest });
    commit(store, async |to| {
        to.unbind(zone.id, first.id).await.unwrap();
        to.unbind(zone.id, second.id).await.unwrap();
    })
    .await;
    let empty = ZoneState { zone: zone.clone(), bindings: vec![], newest };
    assert_eq!(from.zone_state(zone.id).await.unwrap(), Some(empty));
    assert_eq!(from.zone_state(id(99)).await.unwrap(), None);
}
