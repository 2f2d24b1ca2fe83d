//! Schema versions.

use std::sync::Arc;

use cedarkeep_model::{Digest, OwnerType, PolicySchema, SchemaStatus, SchemaVersion, Zone};

use super::{
    samples::{SCHEMA, at, schema, zone},
    support::{commit, items, read, taken, whole},
};
use crate::{Store, Unique};

/// With every optional member, and with none; the texts to the byte.
pub async fn schemas_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let full = schema(zone.id, SCHEMA);
    let bare = PolicySchema {
        owner_type: OwnerType::Customer,
        status: SchemaStatus::Active,
        deprecated_at: None,
        archived_at: None,
        created_at: at(100),
        ..schema(zone.id, "A_b-c.1")
    };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_schema(&full).await.unwrap();
        to.insert_schema(&bare).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.schema(zone.id, SCHEMA).await.unwrap(), Some(full.clone()));
    assert_eq!(from.schema(zone.id, "A_b-c.1").await.unwrap(), Some(bare.clone()));
    assert_eq!(from.schema(zone.id, "a_b-c.1").await.unwrap(), None, "case counts");
    assert_eq!(items(from.schemas(zone.id, None, &whole()).await.unwrap()), [full, bare]);
    assert_eq!(from.count_schemas(zone.id, None).await.unwrap(), 2);
}

/// Only status, its times and the revision are written.
pub async fn updating_a_schema_leaves_its_content_alone(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let before = schema(zone.id, SCHEMA);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_schema(&before).await.unwrap();
        to.insert_schema(&schema(zone.id, "2")).await.unwrap();
    })
    .await;
    let expected = PolicySchema {
        status: SchemaStatus::Deprecated,
        revision: 9,
        updated_at: at(90),
        deprecated_at: Some(at(91)),
        archived_at: None,
        ..before.clone()
    };
    let tried = PolicySchema {
        owner_type: OwnerType::Customer,
        cedar_schema: "other".to_owned(),
        cedar_schema_json: "{}".to_owned(),
        schema_sha: Digest::of(b"other"),
        is_default: false,
        created_at: at(92),
        created_by: "other".to_owned(),
        ..expected.clone()
    };
    commit(store, async |to| to.update_schema(&tried).await.unwrap()).await;
    assert_eq!(read(store).await.schema(zone.id, SCHEMA).await.unwrap(), Some(expected));
    assert_eq!(read(store).await.schema(zone.id, "2").await.unwrap(), Some(schema(zone.id, "2")));
}

/// A schema version is published once.
pub async fn schema_versions_are_unique_within_a_zone(store: &Arc<dyn Store>) {
    let (zone, other) = (zone(1), zone(2));
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_zone(&other, b"key").await.unwrap();
        to.insert_schema(&schema(zone.id, SCHEMA)).await.unwrap();
        to.insert_schema(&schema(other.id, SCHEMA)).await.unwrap();
    })
    .await;
    let twin = PolicySchema { cedar_schema: "other".to_owned(), ..schema(zone.id, SCHEMA) };
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_schema(&twin).await), Unique::SchemaVersion);
    drop(transaction);
    assert_eq!(read(store).await.schema(zone.id, SCHEMA).await.unwrap(), Some(schema(zone.id, SCHEMA)));
    assert_eq!(read(store).await.count_schemas(zone.id, None).await.unwrap(), 1);
}

/// Whatever was written into [`PolicySchema::is_default`]; lists and counts can be asked for either kind.
pub async fn the_zone_says_which_schema_is_the_default(store: &Arc<dyn Store>) {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for (seconds, version) in ["1", SCHEMA, "3"].into_iter().enumerate() {
            let created_at = at(i64::try_from(seconds).unwrap());
            to.insert_schema(&PolicySchema { is_default: true, created_at, ..schema(zone.id, version) }).await.unwrap();
        }
    })
    .await;
    assert_eq!(by_default(store, &zone).await, (vec![SCHEMA.to_owned()], vec!["1".to_owned(), "3".to_owned()]));
    let changed = Zone { default_schema_version: SchemaVersion::new("3").unwrap(), ..zone };
    commit(store, async |to| to.update_zone(&changed).await.unwrap()).await;
    assert_eq!(by_default(store, &changed).await, (vec!["3".to_owned()], vec!["1".to_owned(), SCHEMA.to_owned()]));
    assert!(read(store).await.schema(changed.id, "3").await.unwrap().unwrap().is_default);
    assert!(!read(store).await.schema(changed.id, SCHEMA).await.unwrap().unwrap().is_default);
}

async fn by_default(store: &Arc<dyn Store>, zone: &Zone) -> (Vec<String>, Vec<String>) {
    let mut from = read(store).await;
    let mut sides = Vec::new();
    for side in [true, false] {
        let listed = items(from.schemas(zone.id, Some(side), &whole()).await.unwrap());
        assert!(listed.iter().all(|schema| schema.is_default == side));
        let count = from.count_schemas(zone.id, Some(side)).await.unwrap();
        assert_eq!(count, u64::try_from(listed.len()).unwrap());
        sides.push(listed.into_iter().map(|schema| schema.version.to_string()).collect());
    }
    let others = sides.pop().unwrap();
    (sides.pop().unwrap(), others)
}
