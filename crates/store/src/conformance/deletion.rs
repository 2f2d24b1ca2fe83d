//! What is left of a deleted zone.

use std::sync::Arc;

use cedarkeep_model::{EventKind, NewEvent, Zone};

use super::{
    events::chain,
    isolation::{nothing_there, stands},
    samples::{at, id, new_event, zone},
    support::{commit, items, read, whole},
    world::world,
};
use crate::{Store, ZoneFilter};

/// With all in it.
pub async fn a_deleted_zone_is_gone(store: &Arc<dyn Store>) {
    let world = world(store, 1).await;
    let zone = world.zone.id;
    commit(store, async |to| to.delete_zone(zone, at(90)).await.unwrap()).await;
    nothing_there(store, zone, &world).await;
    let mut from = read(store).await;
    assert_eq!(from.zone(zone).await.unwrap(), None);
    assert_eq!(items(from.zones(&ZoneFilter::default(), &whole()).await.unwrap()), []);
    assert_eq!(from.count_zones(&ZoneFilter::default()).await.unwrap(), 0);
    assert_eq!(from.zone_state(zone).await.unwrap(), None);
    assert_eq!(from.revisions().await.unwrap(), []);
    assert_eq!(from.data_key(zone).await.unwrap(), None);
    assert_eq!(store.write().await.unwrap().lock_zone(zone).await.unwrap(), None);
}

/// Keys, events and attestations; its last event may be written before or after it is deleted.
pub async fn a_tombstone_keeps_its_record(store: &Arc<dyn Store>) {
    let world = world(store, 1).await;
    let zone = world.zone.id;
    let last = commit(store, async |to| {
        to.append_event(zone, new_event(2)).await.unwrap();
        to.delete_zone(zone, at(90)).await.unwrap();
        let new = NewEvent { kind: EventKind::ZoneDeleted, ..new_event(3) };
        to.append_event(zone, new).await.unwrap()
    })
    .await;
    let events = chain(store, zone).await;
    assert_eq!((events.len(), events.first(), events.last()), (3, Some(&world.event), Some(&last)));
    let mut from = read(store).await;
    assert_eq!(from.signing_keys(zone).await.unwrap(), [world.key]);
    assert_eq!(from.attestations(zone, world.version.id).await.unwrap(), [world.attestation]);
}

/// Not its id.
pub async fn a_deleted_zone_frees_its_slug(store: &Arc<dyn Store>) {
    let old = world(store, 1).await.zone;
    let heir = Zone { slug: old.slug.clone(), ..zone(2) };
    commit(store, async |to| {
        to.delete_zone(old.id, at(90)).await.unwrap();
        to.insert_zone(&heir, b"key").await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.zone(heir.id).await.unwrap(), Some(heir.clone()));
    let filter = ZoneFilter { slug: Some(old.slug.to_string()), ..ZoneFilter::default() };
    assert_eq!(items(read(store).await.zones(&filter, &whole()).await.unwrap()), [heir]);
    let mut transaction = store.write().await.unwrap();
    assert!(transaction.insert_zone(&zone(1), b"key").await.is_err());
}

/// Those with the same ids too.
pub async fn a_tombstone_leaves_other_zones_alone(store: &Arc<dyn Store>) {
    let (gone, living) = (world(store, 1).await, world(store, 2).await);
    commit(store, async |to| to.delete_zone(gone.zone.id, at(90)).await.unwrap()).await;
    stands(store, &living).await;
    assert_eq!(read(store).await.revisions().await.unwrap(), [(id(2), living.zone.revision)]);
}
