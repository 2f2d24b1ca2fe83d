//! Who uses a policy version.

use std::sync::Arc;

use cedarkeep_model::{BindingMode, PolicyVersion, SetVersionRecord};

use super::{
    samples::{archived, at, binding, id, policy_version, set_version},
    support::{commit, read},
    world::{World, world},
};
use crate::{Store, Usage};

/// Newest first; an archived set version no longer counts.
pub async fn usage_names_the_living_set_versions_and_their_bindings(store: &Arc<dyn Store>) {
    let World { zone, set, policy, version, pinned, binding: active, .. } = world(store, 1).await;
    let unused = policy_version(&policy, 12, 2);
    let newer = SetVersionRecord { created_at: at(41), ..set_version(&set, 22, 2, std::slice::from_ref(&pinned)) };
    let gone = set_version(&set, 23, 3, std::slice::from_ref(&pinned));
    let other = set_version(&set, 24, 4, std::slice::from_ref(&PolicyVersion { id: id(13), ..unused.clone() }));
    let shadow = binding(&newer, 32, BindingMode::Shadow, "s", 6);
    commit(store, async |to| {
        to.insert_policy_version(&unused).await.unwrap();
        to.insert_policy_version(&policy_version(&policy, 13, 3)).await.unwrap();
        for version in [&newer, &gone, &other] {
            to.insert_set_version(version).await.unwrap();
        }
        to.archive_set_version(zone.id, gone.id, &archived(90)).await.unwrap();
        to.bind(&shadow).await.unwrap();
        to.bind(&binding(&other, 33, BindingMode::Active, "o", 7)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let expected = Usage { set_versions: vec![newer, version], bindings: vec![active, shadow] };
    assert_eq!(from.usage(zone.id, pinned.id).await.unwrap(), expected);
    let nobody = Usage { set_versions: vec![], bindings: vec![] };
    assert_eq!(from.usage(zone.id, unused.id).await.unwrap(), nobody);
    assert_eq!(from.usage(zone.id, id(99)).await.unwrap(), nobody);
}

/// A binding of an older one is named all the same.
pub async fn usage_names_at_most_a_hundred_set_versions(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, binding, .. } = world(store, 1).await;
    commit(store, async |to| {
        for number in 2..=102 {
            let newer = set_version(&set, 1_000 + number, number, std::slice::from_ref(&pinned));
            to.insert_set_version(&newer).await.unwrap();
        }
    })
    .await;
    let usage = read(store).await.usage(zone.id, pinned.id).await.unwrap();
    let numbers: Vec<u64> = usage.set_versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, (3..=102).rev().collect::<Vec<_>>());
    assert_eq!((usage.bindings, version.version), (vec![binding], 1));
}
