//! Zones know nothing of one another.

use std::sync::Arc;

use cedarkeep_model::{BindingMode, Description, Policy, PolicySet, SchemaStatus, ScopeType, SigningKey, ZoneId};

use super::{
    entities::entity,
    samples::{archived, at, id, name, set_version},
    support::{commit, items, read, whole},
    users::token_sha256,
    world::{TARGET, World, world},
};
use crate::{
    ArchivedFilter, BindingFilter, DecisionFilter, PolicyFilter, PolicySetFilter, ReSignJob, SignedVersions, Store,
};

/// Everything of the world can be read in its zone, and is its own.
pub(super) async fn stands(store: &Arc<dyn Store>, world: &World) {
    let zone = world.zone.id;
    let mut from = read(store).await;
    assert_eq!(from.zone(zone).await.unwrap().as_ref(), Some(&world.zone));
    assert_eq!(from.schema(zone, world.schema.version.as_str()).await.unwrap().as_ref(), Some(&world.schema));
    assert_eq!(from.policy(zone, world.policy.id).await.unwrap().as_ref(), Some(&world.policy));
    let pinned = from.policy_version(zone, world.policy.id, world.pinned.id).await.unwrap();
    assert_eq!(pinned.as_ref(), Some(&world.pinned));
    assert_eq!(from.policy_set(zone, world.set.id).await.unwrap().unwrap().set, world.set);
    let version = from.set_version(zone, world.set.id, world.version.id).await.unwrap().unwrap();
    assert_eq!((&version.record, version.active, version.archived), (&world.version, true, None));
    assert_eq!(from.attestations(zone, world.version.id).await.unwrap(), std::slice::from_ref(&world.attestation));
    assert_eq!(from.binding(zone, world.binding.id).await.unwrap().as_ref(), Some(&world.binding));
    assert_eq!(from.policy_draft(zone, world.policy.id).await.unwrap().as_ref(), Some(&world.policy_draft));
    assert_eq!(from.set_draft(zone, world.set.id).await.unwrap().as_ref(), Some(&world.set_draft));
    assert_eq!(items(from.entities(zone, None, &whole()).await.unwrap()), std::slice::from_ref(&world.entity));
    assert_eq!(items(from.divergences(zone, None, &whole()).await.unwrap()), std::slice::from_ref(&world.divergence));
    let logged = items(from.decisions(zone, &DecisionFilter::default(), &whole()).await.unwrap());
    assert_eq!(logged, std::slice::from_ref(&world.decision));
    assert_eq!(items(from.user_tokens(zone, &whole()).await.unwrap()), std::slice::from_ref(&world.user_token));
    let any = ArchivedFilter::Any;
    let (sets, policies) = (from.bundle_sets(zone, None, any).await, from.bundle_policies(zone, None, any).await);
    assert_eq!(sets.unwrap(), [(world.set.id, TARGET.to_owned())]);
    assert_eq!(policies.unwrap(), [(world.policy.id, TARGET.to_owned())]);
    assert_eq!(from.signing_keys(zone).await.unwrap(), std::slice::from_ref(&world.key));
    assert_eq!(items(from.events(zone, &whole()).await.unwrap()), std::slice::from_ref(&world.event));
}

/// Every read that names the zone answers as if nothing had ever been there.
pub(super) async fn nothing_there(store: &Arc<dyn Store>, zone: ZoneId, world: &World) {
    let (policies, sets, bindings) = (PolicyFilter::default(), PolicySetFilter::default(), BindingFilter::default());
    let (policy, set, version) = (world.policy.id, world.set.id, world.version.id);
    let any = ArchivedFilter::Any;
    let mut from = read(store).await;
    assert_eq!(from.schema(zone, world.schema.version.as_str()).await.unwrap(), None);
    assert_eq!(items(from.schemas(zone, None, &whole()).await.unwrap()), []);
    assert_eq!(from.count_schemas(zone, None).await.unwrap(), 0);
    assert_eq!(from.policy(zone, policy).await.unwrap(), None);
    assert_eq!(items(from.policies(zone, &policies, &whole()).await.unwrap()), []);
    assert_eq!(from.count_policies(zone, &policies).await.unwrap(), 0);
    assert_eq!(from.policy_version(zone, policy, world.pinned.id).await.unwrap(), None);
    assert_eq!(items(from.policy_versions(zone, policy, any, &whole()).await.unwrap()), []);
    assert_eq!(from.count_policy_versions(zone, policy, any).await.unwrap(), 0);
    assert_eq!(from.policy_versions_by_id(zone, &[world.pinned.id]).await.unwrap(), []);
    assert_eq!(from.policy_version_heads(zone, &[world.pinned.id]).await.unwrap(), []);
    assert_eq!(from.policy_versions_by_sha(zone, policy, world.pinned.sha).await.unwrap(), []);
    assert_eq!(from.first_archived_version(zone, &[world.pinned.id]).await.unwrap(), None);
    let usage = from.usage(zone, world.pinned.id).await.unwrap();
    assert_eq!((usage.set_versions, usage.bindings), (vec![], vec![]));
    assert_eq!(from.policy_draft(zone, policy).await.unwrap(), None);
    assert_eq!(from.policies_with_draft(zone).await.unwrap(), []);
    assert_eq!(from.set_draft(zone, set).await.unwrap(), None);
    assert_eq!(from.sets_with_draft(zone).await.unwrap(), []);
    assert_eq!(from.policy_set(zone, set).await.unwrap(), None);
    assert_eq!(from.policy_set_named(zone, &world.set.name).await.unwrap(), None);
    assert_eq!(items(from.policy_sets(zone, &sets, &whole()).await.unwrap()), []);
    assert_eq!(from.count_policy_sets(zone, &sets).await.unwrap(), 0);
    assert_eq!(from.set_of_version(zone, version).await.unwrap(), None);
    assert_eq!(from.set_version(zone, set, version).await.unwrap(), None);
    assert_eq!(items(from.set_versions(zone, set, any, &whole()).await.unwrap()), []);
    assert_eq!(from.count_set_versions(zone, set, any).await.unwrap(), 0);
    for by_created_at in [true, false] {
        let pinned = from.set_version_policies(zone, version, by_created_at, &whole()).await.unwrap();
        assert_eq!(items(pinned), []);
    }
    assert_eq!(from.pinned_names(zone, version).await.unwrap(), []);
    assert_eq!(from.all_set_versions(zone).await.unwrap(), []);
    assert_eq!(from.binding(zone, world.binding.id).await.unwrap(), None);
    assert_eq!(from.binding_pinning_policy(zone, policy).await.unwrap(), None);
    assert_eq!(from.slot(zone, ScopeType::User, TARGET, BindingMode::Active).await.unwrap(), None);
    assert_eq!(from.bindings_of_set(zone, set).await.unwrap(), []);
    assert_eq!(items(from.bindings(zone, &bindings, &whole()).await.unwrap()), []);
    assert_eq!(from.count_bindings(zone, &bindings).await.unwrap(), 0);
    assert_eq!(from.entity(zone, &world.entity.entity_type, &world.entity.entity_id).await.unwrap(), None);
    assert_eq!(items(from.entities(zone, None, &whole()).await.unwrap()), []);
    assert_eq!(from.count_entities(zone, None).await.unwrap(), 0);
    assert_eq!(from.entities_revision(zone).await.unwrap(), 0);
    assert_eq!(items(from.entity_changes(zone, 0, &whole()).await.unwrap()), []);
    assert_eq!(items(from.divergences(zone, None, &whole()).await.unwrap()), []);
    assert_eq!(from.divergence_totals(zone).await.unwrap(), []);
    assert_eq!(items(from.decisions(zone, &DecisionFilter::default(), &whole()).await.unwrap()), []);
    assert_eq!(from.decision(zone, world.decision.decision_id).await.unwrap(), None);
    assert_eq!(from.policy_named(zone, &world.policy.name).await.unwrap(), None);
    assert_eq!(from.user_token(zone, world.user_token.id).await.unwrap(), None);
    assert_eq!(from.user_token_by_sha256(zone, token_sha256(1)).await.unwrap(), None);
    assert_eq!(items(from.user_tokens(zone, &whole()).await.unwrap()), []);
    assert_eq!(from.count_user_tokens(zone).await.unwrap(), 0);
    assert_eq!(from.bundle_sets(zone, None, any).await.unwrap(), []);
    assert_eq!(from.bundle_policies(zone, None, any).await.unwrap(), []);
    let job = ReSignJob::AwayFrom(world.key.kid.clone());
    assert_eq!(items(from.to_re_sign(zone, &job, &whole()).await.unwrap()), []);
    assert_eq!(from.count_to_re_sign(zone, std::slice::from_ref(&job)).await.unwrap(), 0);
    assert_eq!(from.signed_versions(zone, &world.key.kid).await.unwrap(), SignedVersions::default());
    assert_eq!(from.re_sign_refusals(zone).await.unwrap(), []);
}

/// Every id of one stands in the other too.
pub async fn the_same_ids_in_two_zones_are_two_things(store: &Arc<dyn Store>) {
    let (one, two) = (world(store, 1).await, world(store, 2).await);
    assert_eq!(one.version.id, two.version.id);
    stands(store, &one).await;
    stands(store, &two).await;
}

/// Neither a zone that has nothing nor one that does not exist.
pub async fn a_foreign_zone_sees_nothing(store: &Arc<dyn Store>) {
    let world = world(store, 1).await;
    commit(store, async |to| to.insert_zone(&super::samples::zone(2), b"key").await.unwrap()).await;
    for zone in [id(2), id(3)] {
        nothing_there(store, zone, &world).await;
        let mut from = read(store).await;
        assert_eq!(from.attestations(zone, world.version.id).await.unwrap(), []);
        assert_eq!(from.signing_keys(zone).await.unwrap(), []);
        assert_eq!(items(from.events(zone, &whole()).await.unwrap()), []);
        assert_eq!(from.count_events(zone).await.unwrap(), 0);
    }
}

/// Whoever writes with one zone's id leaves the same ids elsewhere alone.
pub async fn writes_do_not_cross_zones(store: &Arc<dyn Store>) {
    let (one, two) = (world(store, 1).await, world(store, 2).await);
    let zone = two.zone.id;
    let changed = two.policy.name.to_string() + "!";
    let newer = set_version(&two.set, 22, 2, std::slice::from_ref(&two.pinned));
    commit(store, async |to| {
        to.bump_revision(zone).await.unwrap();
        to.update_zone(&cedarkeep_model::Zone { description: None, ..two.zone.clone() }).await.unwrap();
        let schema = cedarkeep_model::PolicySchema { status: SchemaStatus::Active, ..two.schema.clone() };
        to.update_schema(&schema).await.unwrap();
        let description = Some(Description::new("changed").unwrap());
        let policy = Policy { name: name(&changed), description, archived: Some(archived(90)), ..two.policy.clone() };
        to.update_policy(&policy).await.unwrap();
        to.archive_policy_version(zone, two.pinned.id, &archived(90)).await.unwrap();
        to.update_policy_set(&PolicySet { name: name(&changed), ..two.set.clone() }).await.unwrap();
        to.insert_set_version(&newer).await.unwrap();
        to.archive_set_version(zone, two.version.id, &archived(90)).await.unwrap();
        to.update_key(&SigningKey { signs_from: at(99), ..two.key.clone() }).await.unwrap();
        to.unbind(zone, two.binding.id).await.unwrap();
        to.put_entities(&[entity(zone, "App::User", "else", 6)]).await.unwrap();
        let uid = (two.entity.entity_type.clone(), two.entity.entity_id.clone());
        to.delete_entities(zone, 7, &[uid]).await.unwrap();
        to.delete_all_entities(zone, 8).await.unwrap();
        to.forget_decisions(zone, at(1_000), 9).await.unwrap();
        to.delete_policy_draft(zone, two.policy.id).await.unwrap();
        to.delete_set_draft(zone, two.set.id).await.unwrap();
        to.delete_user_token(zone, two.user_token.id).await.unwrap();
    })
    .await;
    stands(store, &one).await;
    commit(store, async |to| to.delete_zone(zone, at(99)).await.unwrap()).await;
    stands(store, &one).await;
}
