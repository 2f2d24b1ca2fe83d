//! Keyset windows over every list: both orders, both directions, several sizes, with items of equal times.

use std::sync::Arc;

use cedarkeep_model::{
    Binding, BindingMode, Event, Policy, PolicySchema, PolicySet, PolicySetState, PolicySetVersion, PolicyVersion,
    SetVersionRecord, Timestamp, Zone, ZoneId,
};

use super::{
    samples::{SCHEMA, at, attestation, binding, id, key, new_event, policy, policy_set, policy_version},
    samples::{schema, set_version, zone},
    support::{commit, items, read, walk, walk_order, whole},
    world::{World, world},
};
use crate::{
    ArchivedFilter, BindingFilter, Direction, Order, PolicyFilter, PolicySetFilter, Position, Store, Window, ZoneFilter,
};

/// Numbers in their order by creation, with ties that the id breaks, and written in another order.
const MOMENTS: [(u64, i64); 7] = [(3, 1), (7, 1), (2, 2), (1, 3), (5, 3), (6, 3), (4, 9)];

fn written() -> impl Iterator<Item = (u64, Timestamp)> {
    let mut shuffled = MOMENTS;
    shuffled.sort_unstable();
    shuffled.into_iter().map(|(number, seconds)| (100 + number, at(seconds)))
}

fn expected() -> Vec<String> {
    MOMENTS.iter().map(|(number, _)| id::<ZoneId>(100 + number).to_string()).collect()
}

/// By creation, then id.
pub async fn zones_are_listed_through_windows(store: &Arc<dyn Store>) {
    commit(store, async |to| {
        for (number, created_at) in written() {
            to.insert_zone(&Zone { created_at, ..zone(number) }, b"key").await.unwrap();
        }
    })
    .await;
    let list = async |window| read(store).await.zones(&ZoneFilter::default(), &window).await.unwrap();
    walk(&expected(), |zone: &Zone| zone.id.to_string(), list).await;
}

/// By creation, then version.
pub async fn schemas_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let version = |number: u64| id::<ZoneId>(number).to_string();
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for (number, created_at) in written() {
            to.insert_schema(&PolicySchema { created_at, ..schema(zone.id, &version(number)) }).await.unwrap();
        }
    })
    .await;
    let list = async |window| read(store).await.schemas(zone.id, None, &window).await.unwrap();
    walk(&expected(), |schema: &PolicySchema| schema.version.to_string(), list).await;
}

/// By creation, then id; the filter narrows what the window runs over.
pub async fn policies_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for (number, created_at) in written() {
            to.insert_policy(&Policy { created_at, ..policy(zone.id, number) }).await.unwrap();
            let other = policy(zone.id, 500 + number);
            to.insert_policy(&Policy { created_at, description: None, ..other }).await.unwrap();
        }
    })
    .await;
    let filter = PolicyFilter { query_description: vec!["50%".to_owned()], ..PolicyFilter::default() };
    let list = async |window| read(store).await.policies(zone.id, &filter, &window).await.unwrap();
    walk(&expected(), |policy: &Policy| policy.id.to_string(), list).await;
}

/// By creation, then id.
pub async fn policy_versions_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let (owner, other) = (policy(zone.id, 1), policy(zone.id, 2));
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_schema(&schema(zone.id, SCHEMA)).await.unwrap();
        to.insert_policy(&owner).await.unwrap();
        to.insert_policy(&other).await.unwrap();
        for (number, created_at) in written() {
            let version = PolicyVersion { created_at, ..policy_version(&owner, number, number) };
            to.insert_policy_version(&version).await.unwrap();
            to.insert_policy_version(&policy_version(&other, 500 + number, number)).await.unwrap();
        }
    })
    .await;
    let list = async |window| {
        read(store).await.policy_versions(zone.id, owner.id, ArchivedFilter::Living, &window).await.unwrap()
    };
    walk(&expected(), |version: &PolicyVersion| version.id.to_string(), list).await;
}

/// By creation, then id.
pub async fn policy_sets_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for (number, created_at) in written() {
            to.insert_policy_set(&PolicySet { created_at, ..policy_set(zone.id, number) }).await.unwrap();
        }
    })
    .await;
    let filter = PolicySetFilter::default();
    let list = async |window| read(store).await.policy_sets(zone.id, &filter, &window).await.unwrap();
    walk(&expected(), |state: &PolicySetState| state.set.id.to_string(), list).await;
}

/// Those with an active binding first, each group newest first. Positions name the group in this order only.
pub async fn policy_sets_are_listed_by_status(store: &Arc<dyn Store>) {
    let World { zone, pinned, .. } = world(store, 1).await;
    let zone = zone.id;
    commit(store, async |to| {
        for (number, created_at) in written() {
            let set = PolicySet { created_at, ..policy_set(zone, number) };
            let version = set_version(&set, number, 1, std::slice::from_ref(&pinned));
            to.insert_policy_set(&set).await.unwrap();
            to.insert_set_version(&version).await.unwrap();
            if [1, 2, 7].contains(&(number - 100)) {
                to.bind(&binding(&version, number, BindingMode::Active, &number.to_string(), number)).await.unwrap();
                to.bind(&binding(&version, 300 + number, BindingMode::Active, "all", number)).await.unwrap();
            } else {
                to.bind(&binding(&version, number, BindingMode::Shadow, &number.to_string(), number)).await.unwrap();
            }
        }
    })
    .await;
    let by_status = PolicySetFilter { by_status: true, ..PolicySetFilter::default() };
    let list = async |window| read(store).await.policy_sets(zone, &by_status, &window).await.unwrap();
    let all = list(Window { order: Order::Desc, ..whole() }).await;
    let active = all.items.iter().filter(|(_, state)| state.active.is_some()).count();
    assert!(all.items.iter().all(|(position, state)| position.rank == i64::from(state.active.is_some())));
    let expected: Vec<String> =
        [vec![2], [1, 2, 7].map(|number| 100 + number).to_vec(), [4, 6, 5, 3].map(|number| 100 + number).to_vec()]
            .concat()
            .into_iter()
            .map(|number| id::<ZoneId>(number).to_string())
            .collect();
    assert_eq!(active, 4, "the one of the world too");
    walk_order(Order::Desc, &[Direction::Forward], &expected, |state| state.set.id.to_string(), list).await;
    let plain = read(store).await.policy_sets(zone, &PolicySetFilter::default(), &whole()).await.unwrap();
    assert!(plain.items.iter().all(|(position, _)| position.rank == 0));
}

/// By creation, then id.
pub async fn set_versions_are_listed_through_windows(store: &Arc<dyn Store>) {
    let World { zone, pinned, .. } = world(store, 1).await;
    let set = policy_set(zone.id, 3);
    commit(store, async |to| {
        to.insert_policy_set(&set).await.unwrap();
        to.insert_key(&key(zone.id, 2)).await.unwrap();
        for (number, created_at) in written() {
            let version =
                SetVersionRecord { created_at, ..set_version(&set, number, number, std::slice::from_ref(&pinned)) };
            to.insert_set_version(&version).await.unwrap();
            to.insert_attestation(&attestation(&version, 1)).await.unwrap();
        }
    })
    .await;
    let list =
        async |window| read(store).await.set_versions(zone.id, set.id, ArchivedFilter::Living, &window).await.unwrap();
    walk(&expected(), |version: &PolicySetVersion| version.record.id.to_string(), list).await;
}

/// By policy, or by creation and then id.
pub async fn pinned_versions_are_listed_through_windows(store: &Arc<dyn Store>) {
    let World { zone, set, .. } = world(store, 1).await;
    let mut pins = Vec::new();
    for (number, created_at) in written() {
        // The later the policy, the lower its version's id.
        pins.push(PolicyVersion { created_at, ..policy_version(&policy(zone.id, 900 - number), number, 1) });
    }
    let version = set_version(&set, 22, 2, &pins);
    commit(store, async |to| {
        for pin in &pins {
            let number: u64 =
                pin.policy_id.to_string().get(24..).and_then(|end| u64::from_str_radix(end, 16).ok()).unwrap();
            to.insert_policy(&policy(zone.id, number)).await.unwrap();
            to.insert_policy_version(pin).await.unwrap();
        }
        to.insert_set_version(&version).await.unwrap();
    })
    .await;
    let list = async |by_created_at, window: Window| {
        read(store).await.set_version_policies(zone.id, version.id, by_created_at, &window).await.unwrap()
    };
    let name = |version: &PolicyVersion| version.id.to_string();
    walk(&expected(), name, async |window| list(true, window).await).await;
    pins.sort_by_key(|version| version.policy_id);
    let by_policy: Vec<String> = pins.iter().map(name).collect();
    walk(&by_policy, name, async |window| list(false, window).await).await;
}

/// By creation, then id.
pub async fn bindings_are_listed_through_windows(store: &Arc<dyn Store>) {
    let World { zone, version, binding: first, .. } = world(store, 1).await;
    commit(store, async |to| {
        to.unbind(zone.id, first.id).await.unwrap();
        for (number, created_at) in written() {
            let binding = binding(&version, number, BindingMode::Active, &number.to_string(), 900 - number);
            to.bind(&Binding { created_at, ..binding }).await.unwrap();
        }
    })
    .await;
    let list = async |window| read(store).await.bindings(zone.id, &BindingFilter::default(), &window).await.unwrap();
    walk(&expected(), |binding: &Binding| binding.id.to_string(), list).await;
}

/// By number.
pub async fn events_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_zone(&super::samples::zone(2), b"key").await.unwrap();
        for number in 1..=12 {
            to.append_event(zone.id, new_event(number)).await.unwrap();
            to.append_event(id(2), new_event(number)).await.unwrap();
        }
    })
    .await;
    let expected: Vec<String> = (1..=12).map(|seq: u64| seq.to_string()).collect();
    let list = async |window| read(store).await.events(zone.id, &window).await.unwrap();
    walk(&expected, |event: &Event| event.seq.to_string(), list).await;
}

/// As after an item that has gone since, or at a moment somebody chose.
pub async fn a_window_opens_where_no_item_stands(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for (number, seconds) in [(1, 1), (2, 2), (3, 3)] {
            let created_at = at(seconds);
            to.insert_policy(&Policy { created_at, ..policy(zone.id, number) }).await.unwrap();
        }
    })
    .await;
    let listed = async |order, direction, at: i64, id: &str| {
        let start = Some(Position { rank: 0, at, id: id.to_owned() });
        let window = Window { order, start, direction, limit: 10 };
        let slice = read(store).await.policies(zone.id, &PolicyFilter::default(), &window).await.unwrap();
        assert!(!slice.more);
        items(slice).into_iter().map(|policy| policy.created_at).collect::<Vec<_>>()
    };
    let between = at(2).micros();
    assert_eq!(listed(Order::Asc, Direction::Forward, between, "").await, [at(2), at(3)]);
    assert_eq!(listed(Order::Asc, Direction::Forward, between, "~").await, [at(3)]);
    assert_eq!(listed(Order::Asc, Direction::Backward, between, "~").await, [at(1), at(2)]);
    assert_eq!(listed(Order::Desc, Direction::Forward, between, "~").await, [at(2), at(1)]);
    assert_eq!(listed(Order::Desc, Direction::Backward, between, "").await, [at(3), at(2)]);
    assert_eq!(listed(Order::Asc, Direction::Forward, i64::MAX, "").await, []);
    assert_eq!(listed(Order::Asc, Direction::Backward, i64::MIN, "").await, []);
}
