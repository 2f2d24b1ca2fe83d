//! Drafts of policies and of policy sets.

use std::sync::Arc;

use cedarkeep_model::{DraftContent, NewEntry, Origin, PolicyDraft, PolicySetDraft};

use super::{
    samples::{AWKWARD, at, id, policy, policy_draft, policy_set, set_draft},
    support::{commit, read},
    world::{World, world},
};
use crate::Store;

/// With everything and with as little as there may be; what a draft names need not exist, save where it was begun.
pub async fn drafts_come_back_as_written(store: &Arc<dyn Store>) {
    let World { zone, policy: first, pinned, set, version, .. } = world(store, 1).await;
    let (other, other_set) = (policy(zone.id, 3), policy_set(zone.id, 3));
    let full = PolicyDraft { base_version_id: Some(pinned.id), ..policy_draft(&first) };
    let json = Some(DraftContent { origin: Origin::Json, body: "{\"not\": \"cedar\"".to_owned() });
    let bare = PolicyDraft { content: json, ..policy_draft(&other) };
    let full_set = PolicySetDraft { base_version_id: Some(version.id), ..set_draft(&set) };
    let bare_set = PolicySetDraft { entries: vec![], name: None, description: None, ..set_draft(&other_set) };
    commit(store, async |to| {
        to.insert_policy(&other).await.unwrap();
        to.insert_policy_set(&other_set).await.unwrap();
        to.put_policy_draft(&full).await.unwrap();
        to.put_policy_draft(&bare).await.unwrap();
        to.put_set_draft(&full_set).await.unwrap();
        to.put_set_draft(&bare_set).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy_draft(zone.id, first.id).await.unwrap(), Some(full));
    assert_eq!(from.policy_draft(zone.id, other.id).await.unwrap(), Some(bare));
    assert_eq!(from.policy_draft(zone.id, id(99)).await.unwrap(), None);
    assert_eq!(from.policies_with_draft(zone.id).await.unwrap(), [first.id, other.id]);
    assert_eq!(from.set_draft(zone.id, set.id).await.unwrap(), Some(full_set));
    assert_eq!(from.set_draft(zone.id, other_set.id).await.unwrap(), Some(bare_set));
    assert_eq!(from.set_draft(zone.id, id(99)).await.unwrap(), None);
    assert_eq!(from.sets_with_draft(zone.id).await.unwrap(), [set.id, other_set.id]);
}

/// Whole: what the new one leaves out is gone.
pub async fn a_draft_replaces_the_one_before(store: &Arc<dyn Store>) {
    let World { zone, policy, pinned, set, version, .. } = world(store, 1).await;
    let first = PolicyDraft { base_version_id: Some(pinned.id), ..policy_draft(&policy) };
    let first_set = PolicySetDraft { base_version_id: Some(version.id), ..set_draft(&set) };
    let second = PolicyDraft {
        schema_version: "2".to_owned().try_into().unwrap(),
        content: None,
        base_version_id: None,
        revision: 20,
        created_at: at(200),
        created_by: "other".to_owned(),
        updated_at: at(201),
        updated_by: AWKWARD.to_owned(),
        ..first.clone()
    };
    let entry = NewEntry { policy_id: id(1), policy_version_id: id(1), sha: None };
    let second_set = PolicySetDraft {
        entries: vec![entry],
        schema_version: "2".to_owned().try_into().unwrap(),
        base_version_id: None,
        name: None,
        description: None,
        revision: 20,
        created_at: at(200),
        created_by: "other".to_owned(),
        updated_at: at(201),
        updated_by: AWKWARD.to_owned(),
        ..first_set.clone()
    };
    commit(store, async |to| {
        to.put_policy_draft(&first).await.unwrap();
        to.put_set_draft(&first_set).await.unwrap();
    })
    .await;
    commit(store, async |to| {
        to.put_policy_draft(&second).await.unwrap();
        to.put_set_draft(&second_set).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy_draft(zone.id, policy.id).await.unwrap(), Some(second));
    assert_eq!(from.set_draft(zone.id, set.id).await.unwrap(), Some(second_set));
}

/// Only that one; throwing away what is not there is no error.
pub async fn a_draft_can_be_thrown_away(store: &Arc<dyn Store>) {
    let (one, two) = (world(store, 1).await, world(store, 2).await);
    commit(store, async |to| {
        for world in [&one, &two] {
            to.put_policy_draft(&policy_draft(&world.policy)).await.unwrap();
            to.put_set_draft(&set_draft(&world.set)).await.unwrap();
        }
    })
    .await;
    commit(store, async |to| {
        to.delete_policy_draft(one.zone.id, id(99)).await.unwrap();
        to.delete_set_draft(one.zone.id, id(99)).await.unwrap();
        to.delete_policy_draft(one.zone.id, one.policy.id).await.unwrap();
        to.delete_set_draft(one.zone.id, one.set.id).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.policy_draft(one.zone.id, one.policy.id).await.unwrap(), None);
    assert_eq!(from.set_draft(one.zone.id, one.set.id).await.unwrap(), None);
    assert_eq!(from.policies_with_draft(one.zone.id).await.unwrap(), []);
    assert_eq!(from.sets_with_draft(one.zone.id).await.unwrap(), []);
    let theirs = from.policy_draft(two.zone.id, two.policy.id).await.unwrap();
    assert_eq!(theirs, Some(policy_draft(&two.policy)));
    assert_eq!(from.set_draft(two.zone.id, two.set.id).await.unwrap(), Some(set_draft(&two.set)));
}

/// Of the zone.
pub async fn drafts_need_what_they_are_drafts_of(store: &Arc<dyn Store>) {
    let World { zone, policy: first, set, .. } = world(store, 1).await;
    let lost = policy_draft(&policy(zone.id, 3));
    let rootless = PolicyDraft { base_version_id: Some(id(99)), ..policy_draft(&first) };
    for draft in [lost, rootless] {
        assert!(store.write().await.unwrap().put_policy_draft(&draft).await.is_err());
    }
    let lost = set_draft(&policy_set(zone.id, 3));
    let rootless = PolicySetDraft { base_version_id: Some(id(99)), ..set_draft(&set) };
    for draft in [lost, rootless] {
        assert!(store.write().await.unwrap().put_set_draft(&draft).await.is_err());
    }
    let mut from = read(store).await;
    assert_eq!(from.policy_draft(zone.id, first.id).await.unwrap(), Some(policy_draft(&first)));
    assert_eq!(from.policies_with_draft(zone.id).await.unwrap(), [first.id]);
    assert_eq!(from.set_draft(zone.id, set.id).await.unwrap(), Some(set_draft(&set)));
    assert_eq!(from.sets_with_draft(zone.id).await.unwrap(), [set.id]);
}
