//! Policies.

use std::sync::Arc;

use cedarkeep_model::{OwnerType, Policy, SchemaVersion};

use super::{
    samples::{archived, at, id, name, policy, zone},
    support::{commit, items, read, taken, whole},
};
use crate::{ArchivedFilter, PolicyFilter, Store, Unique};

const EVERYTHING: PolicyFilter = PolicyFilter {
    ids: None,
    owner_types: Vec::new(),
    query: Vec::new(),
    query_name: Vec::new(),
    query_description: Vec::new(),
    archived: ArchivedFilter::Any,
};

/// With every optional member, and with none.
pub async fn policies_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let full = Policy {
        latest_version: Some(7),
        latest_version_id: Some(id(70)),
        latest_schema_version: Some(SchemaVersion::new("v.1").unwrap()),
        ..policy(zone.id, 1)
    };
    let bare = Policy { description: None, owner_type: OwnerType::Platform, updated_by: None, ..policy(zone.id, 2) };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_policy(&full).await.unwrap();
        to.insert_policy(&bare).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy(zone.id, full.id).await.unwrap(), Some(full.clone()));
    assert_eq!(from.policy(zone.id, bare.id).await.unwrap(), Some(bare.clone()));
    assert_eq!(from.policy(zone.id, id(3)).await.unwrap(), None);
    assert_eq!(items(from.policies(zone.id, &EVERYTHING, &whole()).await.unwrap()), [full, bare]);
    assert_eq!(from.count_policies(zone.id, &EVERYTHING).await.unwrap(), 2);
}

/// Id, owner and creation stay; what is absent is erased.
pub async fn updating_a_policy_writes_all_that_may_change(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let (before, neighbour) = (policy(zone.id, 1), policy(zone.id, 2));
    let full = Policy {
        name: name("other"),
        description: None,
        revision: 2,
        latest_version: Some(3),
        latest_version_id: Some(id(30)),
        latest_schema_version: Some(SchemaVersion::new("v").unwrap()),
        updated_at: at(90),
        updated_by: Some("other".to_owned()),
        archived: Some(archived(91)),
        ..before.clone()
    };
    let tried = Policy {
        owner_type: OwnerType::Platform,
        created_at: at(92),
        created_by: "somebody else".to_owned(),
        ..full.clone()
    };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_policy(&before).await.unwrap();
        to.insert_policy(&neighbour).await.unwrap();
        to.update_policy(&tried).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy(zone.id, before.id).await.unwrap(), Some(full));
    assert_eq!(from.policy(zone.id, neighbour.id).await.unwrap(), Some(neighbour));
    commit(store, async |to| to.update_policy(&before).await.unwrap()).await;
    assert_eq!(from.policy(zone.id, before.id).await.unwrap(), Some(before));
}

/// Archiving frees a name; case tells names apart.
pub async fn policy_names_are_unique_among_the_living(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let (first, second) = (policy(zone.id, 1), policy(zone.id, 2));
    let upper = Policy { name: name("POLICY 1"), ..policy(zone.id, 3) };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for policy in [&first, &second, &upper] {
            to.insert_policy(policy).await.unwrap();
        }
    })
    .await;
    let twin = Policy { name: first.name.clone(), ..policy(zone.id, 4) };
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_policy(&twin).await), Unique::PolicyName);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    let renamed = Policy { name: first.name.clone(), ..second.clone() };
    assert_eq!(taken(transaction.update_policy(&renamed).await), Unique::PolicyName);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    let same_id = Policy { name: name("fresh"), ..first.clone() };
    assert_eq!(taken(transaction.insert_policy(&same_id).await), Unique::Other);
    drop(transaction);
    assert_eq!(read(store).await.count_policies(zone.id, &EVERYTHING).await.unwrap(), 3);
    assert_eq!(read(store).await.policy(zone.id, second.id).await.unwrap(), Some(second));

    let gone = Policy { archived: Some(archived(90)), ..first.clone() };
    commit(store, async |to| {
        to.update_policy(&gone).await.unwrap();
        to.insert_policy(&twin).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.update_policy(&first).await), Unique::PolicyName, "coming back");
    drop(transaction);
    assert_eq!(read(store).await.policy(zone.id, first.id).await.unwrap(), Some(gone));
    assert_eq!(read(store).await.policy(zone.id, twin.id).await.unwrap(), Some(twin));
}
