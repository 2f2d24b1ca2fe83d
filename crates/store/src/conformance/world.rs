//! A zone with one of everything.

use std::sync::Arc;

use cedarkeep_model::{
    Binding, BindingMode, Divergence, DivergenceTotal, EntityRecord, Event, LoggedDecision, Policy, PolicyDraft,
    PolicySchema, PolicySet, PolicySetDraft, PolicyVersion, SetVersionRecord, SigningKey, UserToken, Zone,
};

use super::{
    accounts,
    decisions::decision,
    entities::entity,
    samples::{SCHEMA, divergence, policy_draft, set_draft, set_version},
    samples::{
        answer, archived, at, attestation, binding, data_key, key, new_event, policy, policy_set, policy_version,
        schema, zone,
    },
    support::commit,
    users::{token_sha256, user_token},
};
use crate::{AttestationRecord, ReSignRefusal, Store};

/// What was written.
pub(super) struct World {
    pub(super) zone: Zone,
    pub(super) schema: PolicySchema,
    pub(super) policy: Policy,
    pub(super) pinned: PolicyVersion,
    pub(super) set: PolicySet,
    pub(super) version: SetVersionRecord,
    pub(super) attestation: AttestationRecord,
    pub(super) key: SigningKey,
    pub(super) binding: Binding,
    pub(super) policy_draft: PolicyDraft,
    pub(super) set_draft: PolicySetDraft,
    pub(super) divergence: Divergence,
    pub(super) decision: LoggedDecision,
    pub(super) entity: EntityRecord,
    pub(super) user_token: UserToken,
    pub(super) event: Event,
}

/// A zone with one of everything in it, archived things too: for tests of an engine's own.
pub async fn one_of_everything(store: &Arc<dyn Store>) {
    let World { zone, pinned, version, key, .. } = world(store, 1).await;
    let (zone_id, kid, policy_set_version_id) = (zone.id, key.kid, version.id);
    accounts::one_of_each(store).await;
    let refusal = ReSignRefusal { zone_id, kid, policy_set_version_id, reason: String::new(), refused_at: at(90) };
    commit(store, async |to| {
        to.archive_policy_version(zone.id, pinned.id, &archived(90)).await.unwrap();
        to.archive_set_version(zone.id, version.id, &archived(90)).await.unwrap();
        to.insert_re_sign_refusal(&refusal).await.unwrap();
        to.keep_answer(&answer(1, 0), at(0)).await.unwrap();
        to.put_meta("key", b"value").await.unwrap();
    })
    .await;
}

/// The target of the world's one binding.
pub(super) const TARGET: &str = "App::User::\"a \\\" ü\"";

/// The world of the zone with this number; all other ids are the same in every world.
pub(super) async fn world(store: &Arc<dyn Store>, number: u64) -> World {
    let zone = zone(number);
    let schema = schema(zone.id, SCHEMA);
    let mut policy = policy(zone.id, 1);
    let pinned = policy_version(&policy, 11, 1);
    policy.latest_version = Some(pinned.version);
    policy.latest_version_id = Some(pinned.id);
    policy.latest_schema_version = Some(pinned.schema_version.clone());
    let mut set = policy_set(zone.id, 2);
    let version = set_version(&set, 21, 1, std::slice::from_ref(&pinned));
    set.latest_version = Some(version.version);
    set.latest_version_id = Some(version.id);
    let attestation = attestation(&version, 1);
    let key = key(zone.id, 1);
    let binding = binding(&version, 31, BindingMode::Active, TARGET, 5);
    let (policy_draft, set_draft, divergence) = (policy_draft(&policy), set_draft(&set), divergence(zone.id, 1));
    let shadow_version_id = divergence.shadow_version_id;
    let total = DivergenceTotal { shadow_version_id, observed: 2, diverged: 1, would_allow: 1, failed: 1 };
    let user_token = user_token(zone.id, 1);
    let entity = entity(zone.id, "App::User", TARGET, 5);
    let decision = decision(zone.id, 1);
    let event = commit(store, async |to| {
        to.insert_zone(&zone, &data_key(number)).await.unwrap();
        to.insert_schema(&schema).await.unwrap();
        to.insert_policy(&policy).await.unwrap();
        to.insert_policy_version(&pinned).await.unwrap();
        to.insert_policy_set(&set).await.unwrap();
        to.insert_set_version(&version).await.unwrap();
        to.insert_key(&key).await.unwrap();
        to.insert_attestation(&attestation).await.unwrap();
        to.bind(&binding).await.unwrap();
        to.put_policy_draft(&policy_draft).await.unwrap();
        to.put_set_draft(&set_draft).await.unwrap();
        to.put_entities(std::slice::from_ref(&entity)).await.unwrap();
        to.insert_divergence(&divergence).await.unwrap();
        to.add_divergence_total(zone.id, &total).await.unwrap();
        to.insert_decisions(std::slice::from_ref(&decision)).await.unwrap();
        to.insert_user_token(&user_token, token_sha256(1)).await.unwrap();
        to.insert_bundle_set(zone.id, TARGET, set.id).await.unwrap();
        to.insert_bundle_policy(zone.id, TARGET, policy.id).await.unwrap();
        to.append_event(zone.id, new_event(1)).await.unwrap()
    })
    .await;
    World {
        zone,
        schema,
        policy,
        pinned,
        set,
        version,
        attestation,
        key,
        binding,
        policy_draft,
        set_draft,
        divergence,
        decision,
        entity,
        user_token,
        event,
    }
}
