//! Policy set versions and their manifests.

use std::sync::Arc;

use cedarkeep_model::{
    OwnerType, Policy, PolicySetVersion, PolicyVersion, SchemaVersion, ScopeType, SetVersionRecord, ValidationMode,
};

use super::{
    samples::{
        archived, at, attestation, id, name, policy, policy_set, policy_version, schema, set_version, statement,
    },
    support::{commit, items, read, taken, whole},
    world::{World, world},
};
use crate::{ArchivedFilter, Store, Unique};

fn attested(record: SetVersionRecord, active: bool) -> PolicySetVersion {
    let attestation = statement(&record, 1);
    PolicySetVersion { record, attestation, attestations: 1, active, archived: None }
}

/// Writes the version with its attestation.
async fn publish(store: &Arc<dyn Store>, version: &SetVersionRecord) {
    commit(store, async |to| {
        to.insert_set_version(version).await.unwrap();
        to.insert_attestation(&attestation(version, 1)).await.unwrap();
    })
    .await;
}

/// With the statement of the newest attestation, and whether it is bound active.
pub async fn set_versions_come_back_as_written(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, .. } = world(store, 1).await;
    let other = SetVersionRecord {
        owner_type: OwnerType::Platform,
        scope_type: ScopeType::Zone,
        validation: ValidationMode::Off,
        created_at: at(41),
        ..set_version(&set, 22, 2, &[pinned])
    };
    publish(store, &other).await;
    let (first, second) = (attested(version, true), attested(other, false));
    let mut from = read(store).await;
    assert_eq!(from.set_version(zone.id, set.id, first.record.id).await.unwrap(), Some(first.clone()));
    assert_eq!(from.set_version(zone.id, set.id, second.record.id).await.unwrap(), Some(second.clone()));
    let listed = from.set_versions(zone.id, set.id, ArchivedFilter::Any, &whole()).await.unwrap();
    assert_eq!(items(listed), [first, second]);
}

/// Lists and counts keep to the set too.
pub async fn a_set_version_is_found_under_its_own_set_only(store: &Arc<dyn Store>) {
    let World { zone, set, version, .. } = world(store, 1).await;
    commit(store, async |to| to.insert_policy_set(&policy_set(zone.id, 3)).await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.set_of_version(zone.id, version.id).await.unwrap(), Some(set.id));
    assert_eq!(from.set_of_version(zone.id, id(99)).await.unwrap(), None);
    assert_eq!(from.set_version(zone.id, id(3), version.id).await.unwrap(), None);
    assert_eq!(from.set_version(zone.id, set.id, id(99)).await.unwrap(), None);
    for (set, number) in [(set.id, 1), (id(3), 0), (id(4), 0)] {
        let listed = from.set_versions(zone.id, set, ArchivedFilter::Any, &whole()).await.unwrap();
        assert_eq!(listed.items.len(), number);
        let count = from.count_set_versions(zone.id, set, ArchivedFilter::Any).await.unwrap();
        assert_eq!(count, u64::try_from(number).unwrap());
    }
}

/// Each set counts for itself.
pub async fn numbers_of_set_versions_are_taken_once(store: &Arc<dyn Store>) {
    let World { zone, set, pinned, .. } = world(store, 1).await;
    let other = policy_set(zone.id, 3);
    let pins = [pinned];
    commit(store, async |to| {
        to.insert_policy_set(&other).await.unwrap();
        to.insert_set_version(&set_version(&other, 22, 1, &pins)).await.unwrap();
    })
    .await;
    for late in [set_version(&set, 23, 1, &pins), set_version(&set, 21, 2, &pins), set_version(&other, 21, 2, &pins)] {
        let mut transaction = store.write().await.unwrap();
        assert_eq!(taken(transaction.insert_set_version(&late).await), Unique::Other);
    }
    assert_eq!(read(store).await.all_set_versions(zone.id).await.unwrap(), [(set.id, id(21)), (other.id, id(22))]);
}

/// It can be archived once, and lists can be asked for either kind.
pub async fn archiving_a_set_version_leaves_its_content_alone(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, .. } = world(store, 1).await;
    let newer = set_version(&set, 22, 2, &[pinned]);
    publish(store, &newer).await;
    commit(store, async |to| to.archive_set_version(zone.id, newer.id, &archived(90)).await.unwrap()).await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.archive_set_version(zone.id, newer.id, &archived(91)).await), Unique::Other);
    drop(transaction);
    let living = attested(version, true);
    let gone = PolicySetVersion { archived: Some(archived(90)), ..attested(newer, false) };
    let mut from = read(store).await;
    assert_eq!(from.set_version(zone.id, set.id, gone.record.id).await.unwrap(), Some(gone.clone()));
    let sides = [
        (ArchivedFilter::Living, vec![living.clone()]),
        (ArchivedFilter::Only, vec![gone.clone()]),
        (ArchivedFilter::Any, vec![living, gone]),
    ];
    for (filter, expected) in sides {
        let count = from.count_set_versions(zone.id, set.id, filter).await.unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap());
        assert_eq!(items(from.set_versions(zone.id, set.id, filter, &whole()).await.unwrap()), expected);
    }
}

/// Of all sets, archived ones too; equal times by id.
pub async fn all_set_versions_come_in_order_of_creation(store: &Arc<dyn Store>) {
    let World { zone, set, pinned, .. } = world(store, 1).await;
    let other = policy_set(zone.id, 3);
    let pins = [pinned];
    commit(store, async |to| {
        to.insert_policy_set(&other).await.unwrap();
        let late = SetVersionRecord { created_at: at(99), ..set_version(&set, 20, 2, &pins) };
        to.insert_set_version(&late).await.unwrap();
        to.insert_set_version(&set_version(&other, 22, 1, &pins)).await.unwrap();
        to.archive_set_version(zone.id, id(22), &archived(90)).await.unwrap();
    })
    .await;
    let expected = [(set.id, id(21)), (other.id, id(22)), (set.id, id(20))];
    assert_eq!(read(store).await.all_set_versions(zone.id).await.unwrap(), expected);
}

/// The largest that the model allows.
pub async fn a_manifest_of_ten_thousand_entries_comes_back_whole(store: &Arc<dyn Store>) {
    let World { zone, set, .. } = world(store, 1).await;
    let owned = (0..10_000_u64).map(|number| policy(zone.id, 20_000 + number));
    let pins: Vec<PolicyVersion> =
        owned.zip(40_000..).map(|(owner, number)| policy_version(&owner, number, 1)).collect();
    let version = set_version(&set, 22, 2, &pins);
    commit(store, async |to| {
        for pin in &pins {
            let name = name(&pin.policy_id.to_string());
            to.insert_policy(&Policy { id: pin.policy_id, name, ..policy(zone.id, 0) }).await.unwrap();
            to.insert_policy_version(pin).await.unwrap();
        }
        to.insert_set_version(&version).await.unwrap();
        to.insert_attestation(&attestation(&version, 1)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let whole_window = crate::Window { limit: 10_000, ..whole() };
    let listed = from.set_version_policies(zone.id, version.id, false, &whole_window).await.unwrap();
    assert!(!listed.more);
    assert!(items(listed) == pins, "every pinned version, by policy");
    let stored = from.set_version(zone.id, set.id, version.id).await.unwrap().unwrap();
    assert!(stored.record == version, "the manifest to the last entry");
}

/// What they are called today, not when they were pinned; archived ones too.
pub async fn pinned_policies_have_the_names_of_today(store: &Arc<dyn Store>) {
    let World { zone, set, pinned, policy: first, version, .. } = world(store, 1).await;
    let second = policy(zone.id, 3);
    let both = set_version(&set, 22, 2, &[pinned, policy_version(&second, 12, 1)]);
    let renamed = Policy { name: name("today"), archived: Some(archived(90)), ..first.clone() };
    commit(store, async |to| {
        to.insert_policy(&second).await.unwrap();
        to.insert_policy_version(&policy_version(&second, 12, 1)).await.unwrap();
        to.insert_set_version(&both).await.unwrap();
        to.update_policy(&renamed).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let mut names = from.pinned_names(zone.id, both.id).await.unwrap();
    names.sort();
    assert_eq!(names, [(first.id, "today".to_owned()), (second.id, second.name.to_string())]);
    assert_eq!(from.pinned_names(zone.id, version.id).await.unwrap(), [(first.id, "today".to_owned())]);
    assert_eq!(from.pinned_names(zone.id, id(99)).await.unwrap(), []);
}

/// Policy versions, schema and set must be of the same zone, and nothing is half written when they are not.
pub async fn set_versions_pin_what_the_zone_has(store: &Arc<dyn Store>) {
    let World { zone, set, pinned, policy: owner, .. } = world(store, 1).await;
    let other = world(store, 2).await;
    commit(store, async |to| {
        to.insert_policy_version(&policy_version(&other.policy, 12, 2)).await.unwrap();
        to.insert_policy_set(&policy_set(other.zone.id, 3)).await.unwrap();
        to.insert_schema(&schema(other.zone.id, "other")).await.unwrap();
    })
    .await;
    let foreign_pin = set_version(&set, 22, 2, &[policy_version(&owner, 12, 2)]);
    let foreign_set = set_version(&policy_set(zone.id, 3), 23, 1, std::slice::from_ref(&pinned));
    let foreign_schema = SetVersionRecord {
        schema_version: SchemaVersion::new("other").unwrap(),
        ..set_version(&set, 24, 2, std::slice::from_ref(&pinned))
    };
    for version in [foreign_pin, foreign_set, foreign_schema] {
        let mut transaction = store.write().await.unwrap();
        assert!(transaction.insert_set_version(&version).await.is_err(), "{version:?}");
    }
    assert_eq!(read(store).await.all_set_versions(zone.id).await.unwrap(), [(set.id, id(21))]);
    let mut transaction = store.write().await.unwrap();
    assert!(transaction.archive_set_version(zone.id, id(22), &archived(90)).await.is_err());
}
