//! Zones, and the values of the whole installation.

use std::sync::Arc;

use cedarkeep_model::{OwnerType, Slug, Zone, ZoneSettings};

use super::{
    samples::{at, data_key, id, name, zone},
    support::{commit, items, read, taken, whole},
};
use crate::{Store, Unique, ZoneFilter};

/// [`Write::put_meta`](crate::Write::put_meta) keeps any bytes and replaces.
pub async fn values_of_the_installation_are_kept_and_replaced(store: &Arc<dyn Store>) {
    assert_eq!(read(store).await.meta("a").await.unwrap(), None);
    commit(store, async |to| {
        to.put_meta("a", &data_key(1)).await.unwrap();
        to.put_meta("empty", b"").await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.meta("a").await.unwrap(), Some(data_key(1)));
    assert_eq!(read(store).await.meta("empty").await.unwrap(), Some(Vec::new()));
    commit(store, async |to| to.put_meta("a", b"second").await.unwrap()).await;
    assert_eq!(read(store).await.meta("a").await.unwrap(), Some(b"second".to_vec()));
    assert_eq!(read(store).await.meta("A").await.unwrap(), None);
}

/// With every optional member, and with none.
pub async fn zones_come_back_as_written(store: &Arc<dyn Store>) {
    let full = zone(1);
    let bare = Zone {
        description: None,
        owner_type: OwnerType::Platform,
        settings: ZoneSettings::default(),
        created_at: at(-4_000_000_000),
        ..zone(2)
    };
    commit(store, async |to| {
        to.insert_zone(&full, &data_key(1)).await.unwrap();
        to.insert_zone(&bare, &data_key(2)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.zone(full.id).await.unwrap(), Some(full.clone()));
    assert_eq!(from.zone(bare.id).await.unwrap(), Some(bare.clone()));
    assert_eq!(from.zone(id(3)).await.unwrap(), None);
    assert_eq!(items(from.zones(&ZoneFilter::default(), &whole()).await.unwrap()), [bare, full]);
    assert_eq!(from.count_zones(&ZoneFilter::default()).await.unwrap(), 2);
}

/// Id, organization, owner, creation and the zone's revision stay.
pub async fn updating_a_zone_writes_what_may_change_and_nothing_else(store: &Arc<dyn Store>) {
    let before = zone(1);
    commit(store, async |to| to.insert_zone(&before, b"key").await.unwrap()).await;
    let other = Zone {
        slug: Slug::new("other").unwrap(),
        name: name("other"),
        description: None,
        settings: ZoneSettings::default(),
        default_schema_version: "2".to_owned().try_into().unwrap(),
        object_revision: 4,
        updated_at: at(99),
        ..before.clone()
    };
    let tried = Zone {
        organization_id: id(8),
        owner_type: OwnerType::Platform,
        revision: 77,
        created_at: at(98),
        created_by: "somebody else".to_owned(),
        ..other.clone()
    };
    commit(store, async |to| to.update_zone(&tried).await.unwrap()).await;
    assert_eq!(read(store).await.zone(before.id).await.unwrap(), Some(other));
    assert_eq!(read(store).await.data_key(before.id).await.unwrap(), Some(b"key".to_vec()));
}

/// Another organization may have the same slug.
pub async fn slugs_are_unique_within_an_organization(store: &Arc<dyn Store>) {
    let first = zone(1);
    let elsewhere = Zone { organization_id: id(9_001), slug: first.slug.clone(), ..zone(2) };
    let second = zone(3);
    commit(store, async |to| {
        for zone in [&first, &elsewhere, &second] {
            to.insert_zone(zone, b"key").await.unwrap();
        }
    })
    .await;
    let twin = Zone { slug: first.slug.clone(), ..zone(4) };
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_zone(&twin, b"key").await), Unique::ZoneSlug);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    let renamed = Zone { slug: first.slug.clone(), ..second.clone() };
    assert_eq!(taken(transaction.update_zone(&renamed).await), Unique::ZoneSlug);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_zone(&Zone { id: first.id, ..zone(5) }, b"key").await), Unique::Other);
    drop(transaction);
    let mut from = read(store).await;
    assert_eq!(from.zone(twin.id).await.unwrap(), None);
    assert_eq!(from.zone(second.id).await.unwrap(), Some(second));
    assert_eq!(from.count_zones(&ZoneFilter::default()).await.unwrap(), 3);
}

/// By one, answering the new number, and nothing else of the zone changes.
pub async fn the_revision_counts_up_alone(store: &Arc<dyn Store>) {
    let (zone, other) = (zone(1), zone(2));
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_zone(&other, b"key").await.unwrap();
        assert_eq!(to.bump_revision(zone.id).await.unwrap(), zone.revision + 1);
        assert_eq!(to.bump_revision(zone.id).await.unwrap(), zone.revision + 2);
    })
    .await;
    let bumped = Zone { revision: zone.revision + 2, ..zone };
    let mut from = read(store).await;
    assert_eq!(from.zone(bumped.id).await.unwrap(), Some(bumped));
    assert_eq!(from.zone(other.id).await.unwrap(), Some(other));
}

/// What an instance polls to see what it has missed.
pub async fn revisions_are_those_of_the_living_zones(store: &Arc<dyn Store>) {
    assert_eq!(read(store).await.revisions().await.unwrap(), []);
    commit(store, async |to| {
        for number in 1..=3 {
            to.insert_zone(&zone(number), b"key").await.unwrap();
        }
        to.bump_revision(id(2)).await.unwrap();
        to.delete_zone(id(3), at(9)).await.unwrap();
    })
    .await;
    let mut revisions = read(store).await.revisions().await.unwrap();
    revisions.sort_unstable();
    assert_eq!(revisions, [(id(1), 5), (id(2), 6)]);
}

/// And no other: neither one that never was nor a deleted one.
pub async fn locking_a_zone_answers_it(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| to.insert_zone(&zone, b"key").await.unwrap()).await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(transaction.lock_zone(id(2)).await.unwrap(), None);
    assert_eq!(transaction.lock_zone(zone.id).await.unwrap(), Some(zone.clone()));
    transaction.bump_revision(zone.id).await.unwrap();
    assert_eq!(transaction.lock_zone(zone.id).await.unwrap().unwrap().revision, zone.revision + 1);
    transaction.delete_zone(zone.id, at(9)).await.unwrap();
    assert_eq!(transaction.lock_zone(zone.id).await.unwrap(), None);
}
