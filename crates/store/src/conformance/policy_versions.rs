//! Policy versions.

use std::{collections::BTreeSet, sync::Arc};

use cedarkeep_model::{Digest, Origin, OwnerType, Policy, PolicyVersion, PolicyVersionId, SchemaVersion, ZoneId};

use super::{
    samples::{SCHEMA, archived, at, id, policy, policy_version, schema, zone},
    support::{commit, items, read, taken, whole},
};
use crate::{ArchivedFilter, Store, Unique, VersionHead};

/// A zone with a schema and two policies.
async fn prepared(store: &Arc<dyn Store>, number: u64) -> ZoneId {
    let zone = zone(number);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_schema(&schema(zone.id, SCHEMA)).await.unwrap();
        to.insert_policy(&policy(zone.id, 1)).await.unwrap();
        to.insert_policy(&policy(zone.id, 2)).await.unwrap();
    })
    .await;
    zone.id
}

/// From text and from JSON, with a text form and without; the texts to the byte.
pub async fn policy_versions_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = prepared(store, 1).await;
    let policy = policy(zone, 1);
    let text = policy_version(&policy, 11, 1);
    let json = PolicyVersion {
        origin: Origin::Json,
        cedar_raw: None,
        owner_type: OwnerType::Platform,
        permits: 0,
        created_at: at(21),
        cedar_json: format!("{{\"text\": \"{}\",\r\n  \"n\": 9007199254740993}}", "x".repeat(300_000)),
        ..policy_version(&policy, 12, 2)
    };
    commit(store, async |to| {
        to.insert_policy_version(&text).await.unwrap();
        to.insert_policy_version(&json).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy_version(zone, policy.id, text.id).await.unwrap(), Some(text.clone()));
    assert_eq!(from.policy_version(zone, policy.id, json.id).await.unwrap(), Some(json.clone()));
    let listed = from.policy_versions(zone, policy.id, ArchivedFilter::Any, &whole()).await.unwrap();
    assert_eq!(items(listed), [text, json]);
}

/// Lists and counts keep to the policy too.
pub async fn a_policy_version_is_found_under_its_own_policy_only(store: &Arc<dyn Store>) {
    let zone = prepared(store, 1).await;
    let (first, second) = (policy(zone, 1), policy(zone, 2));
    let version = policy_version(&first, 11, 1);
    commit(store, async |to| to.insert_policy_version(&version).await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.policy_version(zone, first.id, version.id).await.unwrap(), Some(version.clone()));
    assert_eq!(from.policy_version(zone, second.id, version.id).await.unwrap(), None);
    assert_eq!(from.policy_version(zone, first.id, id(12)).await.unwrap(), None);
    for (policy, number) in [(first.id, 1), (second.id, 0), (id(3), 0)] {
        let listed = from.policy_versions(zone, policy, ArchivedFilter::Any, &whole()).await.unwrap();
        assert_eq!(listed.items.len(), number);
        let count = from.count_policy_versions(zone, policy, ArchivedFilter::Any).await.unwrap();
        assert_eq!(count, u64::try_from(number).unwrap());
    }
}

/// Each policy counts for itself.
pub async fn numbers_of_policy_versions_are_taken_once(store: &Arc<dyn Store>) {
    let zone = prepared(store, 1).await;
    let (first, second) = (policy(zone, 1), policy(zone, 2));
    commit(store, async |to| {
        to.insert_policy_version(&policy_version(&first, 11, 1)).await.unwrap();
        to.insert_policy_version(&policy_version(&second, 12, 1)).await.unwrap();
    })
    .await;
    for late in [policy_version(&first, 13, 1), policy_version(&first, 11, 2), policy_version(&second, 11, 2)] {
        let mut transaction = store.write().await.unwrap();
        assert_eq!(taken(transaction.insert_policy_version(&late).await), Unique::Other);
    }
    let mut from = read(store).await;
    assert_eq!(from.count_policy_versions(zone, first.id, ArchivedFilter::Any).await.unwrap(), 1);
    assert_eq!(from.count_policy_versions(zone, second.id, ArchivedFilter::Any).await.unwrap(), 1);
}

/// It can be archived once, and lists can be asked for either kind.
pub async fn archiving_a_policy_version_leaves_its_content_alone(store: &Arc<dyn Store>) {
    let zone = prepared(store, 1).await;
    let policy = policy(zone, 1);
    let (old, new) = (policy_version(&policy, 11, 1), policy_version(&policy, 12, 2));
    commit(store, async |to| {
        to.insert_policy_version(&old).await.unwrap();
        to.insert_policy_version(&new).await.unwrap();
        to.archive_policy_version(zone, old.id, &archived(90)).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.archive_policy_version(zone, old.id, &archived(91)).await), Unique::Other);
    drop(transaction);
    let gone = PolicyVersion { archived: Some(archived(90)), ..old };
    let mut from = read(store).await;
    assert_eq!(from.policy_version(zone, policy.id, gone.id).await.unwrap(), Some(gone.clone()));
    let sides = [
        (ArchivedFilter::Living, vec![new.clone()]),
        (ArchivedFilter::Only, vec![gone.clone()]),
        (ArchivedFilter::Any, vec![gone, new]),
    ];
    for (filter, expected) in sides {
        let count = from.count_policy_versions(zone, policy.id, filter).await.unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap());
        assert_eq!(items(from.policy_versions(zone, policy.id, filter, &whole()).await.unwrap()), expected);
    }
}

/// As many as a manifest may have; archived ones too, of any policy; what the zone does not have is left out.
pub async fn many_policy_versions_are_read_by_id(store: &Arc<dyn Store>) {
    const MANY: u64 = 1_201;
    let (zone, other) = (prepared(store, 1).await, prepared(store, 2).await);
    commit(store, async |to| {
        for number in 1..=MANY {
            let owner = policy(zone, 1 + number % 2);
            to.insert_policy_version(&policy_version(&owner, 1_000 + number, number)).await.unwrap();
        }
        to.archive_policy_version(zone, id(1_001), &archived(90)).await.unwrap();
        to.insert_policy_version(&policy_version(&policy(other, 1), 5_000, 1)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let mut ids: Vec<PolicyVersionId> = (1..=10_000).rev().map(|number| id(1_000 + number)).collect();
    let found = from.policy_versions_by_id(zone, &ids).await.unwrap();
    let found_ids: BTreeSet<_> = found.iter().map(|version| version.id).collect();
    assert_eq!(found.len(), found_ids.len(), "each once");
    assert_eq!(found_ids, (1..=MANY).map(|number| id(1_000 + number)).collect());
    let first = found.iter().find(|version| version.id == id(1_001)).unwrap();
    let written = policy_version(&policy(zone, 2), 1_001, 1);
    assert_eq!(*first, PolicyVersion { archived: Some(archived(90)), ..written });
    ids.truncate(0);
    assert_eq!(from.policy_versions_by_id(zone, &ids).await.unwrap(), []);
}

/// Of any policy of the zone, saying whether it or its policy is archived; what the zone does not have is left out.
pub async fn heads_say_what_is_archived(store: &Arc<dyn Store>) {
    let zone = prepared(store, 1).await;
    let (living, gone) = (policy(zone, 1), policy(zone, 2));
    let versions = [policy_version(&living, 11, 1), policy_version(&living, 12, 2), policy_version(&gone, 13, 1)];
    commit(store, async |to| {
        for version in &versions {
            to.insert_policy_version(version).await.unwrap();
        }
        to.archive_policy_version(zone, id(12), &archived(90)).await.unwrap();
        to.update_policy(&Policy { archived: Some(archived(90)), ..gone.clone() }).await.unwrap();
    })
    .await;
    let [first, second, third] = versions.map(|version| VersionHead::of(&version));
    let ids = [id(13), id(99), id(12), id(11)];
    let mut heads = read(store).await.policy_version_heads(zone, &ids).await.unwrap();
    heads.sort_by_key(|head| head.id);
    let (second, third) = (VersionHead { archived: true, ..second }, VersionHead { policy_archived: true, ..third });
    assert_eq!(heads, [first, second, third]);
    assert_eq!(read(store).await.policy_version_heads(zone, &[]).await.unwrap(), []);
}

/// Newest first, archived ones too, at most 20, and of this policy only.
pub async fn policy_versions_are_found_by_digest(store: &Arc<dyn Store>) {
    let zone = prepared(store, 1).await;
    let (first, second) = (policy(zone, 1), policy(zone, 2));
    let sha = Digest::of(b"same");
    let same = |owner, number, version| PolicyVersion { sha, ..policy_version(owner, number, version) };
    commit(store, async |to| {
        to.insert_policy_version(&same(&second, 2_000, 1)).await.unwrap();
        to.insert_policy_version(&policy_version(&first, 2_001, 1)).await.unwrap();
        for version in 2..=24 {
            to.insert_policy_version(&same(&first, 1_000 + version, version)).await.unwrap();
        }
        to.archive_policy_version(zone, id(1_024), &archived(90)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let found = from.policy_versions_by_sha(zone, first.id, sha).await.unwrap();
    assert_eq!(found.iter().map(|version| version.version).collect::<Vec<_>>(), (5..=24).rev().collect::<Vec<_>>());
    let newest = PolicyVersion { archived: Some(archived(90)), ..same(&first, 1_024, 24) };
    assert_eq!(found.first(), Some(&newest));
    assert_eq!(from.policy_versions_by_sha(zone, second.id, sha).await.unwrap(), [same(&second, 2_000, 1)]);
    assert_eq!(from.policy_versions_by_sha(zone, first.id, Digest::of(b"other")).await.unwrap(), []);
}

/// In the order in which they are given; what the zone does not have is not archived.
pub async fn the_first_archived_of_many_versions_is_found(store: &Arc<dyn Store>) {
    let (zone, other) = (prepared(store, 1).await, prepared(store, 2).await);
    commit(store, async |to| {
        for number in 1..=6 {
            to.insert_policy_version(&policy_version(&policy(zone, 1), 1_000 + number, number)).await.unwrap();
        }
        for number in [5, 2] {
            to.archive_policy_version(zone, id(1_000 + number), &archived(90)).await.unwrap();
        }
        to.insert_policy_version(&policy_version(&policy(other, 1), 1_001, 1)).await.unwrap();
        to.archive_policy_version(other, id(1_001), &archived(90)).await.unwrap();
    })
    .await;
    let ids = |numbers: &[u64]| numbers.iter().map(|number| id(1_000 + number)).collect::<Vec<PolicyVersionId>>();
    let mut from = read(store).await;
    let many: Vec<u64> = (6..10_000).chain([5, 2]).collect();
    for (numbers, expected) in [
        (&[][..], None),
        (&[1, 3, 4, 6, 99], None),
        (&[1, 2, 5], Some(id(1_002))),
        (&[6, 5, 2], Some(id(1_005))),
        (&many, Some(id(1_005))),
    ] {
        assert_eq!(from.first_archived_version(zone, &ids(numbers)).await.unwrap(), expected);
    }
}

/// Of the same zone.
pub async fn policy_versions_need_their_policy_and_schema(store: &Arc<dyn Store>) {
    let (zone, other) = (prepared(store, 1).await, prepared(store, 2).await);
    commit(store, async |to| {
        to.insert_policy(&policy(other, 3)).await.unwrap();
        to.insert_schema(&schema(other, "other")).await.unwrap();
    })
    .await;
    let lost = policy_version(&policy(zone, 3), 11, 1);
    let untyped = PolicyVersion {
        schema_version: SchemaVersion::new("other").unwrap(),
        ..policy_version(&policy(zone, 1), 12, 1)
    };
    for version in [lost, untyped] {
        let mut transaction = store.write().await.unwrap();
        assert!(transaction.insert_policy_version(&version).await.is_err(), "{version:?}");
    }
    assert_eq!(read(store).await.policy_versions_by_id(zone, &[id(11), id(12)]).await.unwrap(), []);
    let mut transaction = store.write().await.unwrap();
    assert!(transaction.archive_policy_version(zone, id(11), &archived(90)).await.is_err());
}
