//! What is read of a zone's answers. The fields are those of `schemas/openapi.json`, of which only what is used is read.

use cedarkeep_model::{
    BindingId, BindingMode, BoundVersionEvent, Digest, KeyState, Manifest, PolicySetId, PolicySetVersionId,
    PolicyVersionId, PublicKey, ScopeType, StandingBinding, Timestamp, ZoneKeyRecord,
};
use cedarkeep_verify::PolicyPart;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A set version.
#[derive(Deserialize)]
pub(super) struct SetVersion {
    pub(super) manifest: Manifest,
}

/// A schema version.
#[derive(Deserialize)]
pub(super) struct Schema {
    pub(super) cedar_schema_json: Box<RawValue>,
}

/// A policy version.
#[derive(Deserialize)]
pub(super) struct Policy {
    pub(super) id: PolicyVersionId,
    cedar_json: Box<RawValue>,
    cedar_raw: Option<String>,
}

impl From<Policy> for PolicyPart {
    fn from(policy: Policy) -> Self {
        let cedar_json = policy.cedar_json.get().to_owned();
        Self { policy_version_id: policy.id, cedar_json, cedar_raw: policy.cedar_raw }
    }
}

/// A signing key.
#[derive(Deserialize)]
pub(super) struct Key {
    kid: String,
    state: KeyState,
    jwk: PublicKey,
    revoke_requested_at: Option<Timestamp>,
    revoked_seq: Option<u64>,
}

impl From<Key> for ZoneKeyRecord {
    fn from(key: Key) -> Self {
        let revoke_requested = key.revoke_requested_at.is_some();
        Self { kid: key.kid, state: key.state, public: key.jwk, revoke_requested, revoked_seq: key.revoked_seq }
    }
}

/// A binding.
#[derive(Deserialize)]
pub(super) struct WireBinding {
    id: BindingId,
    mode: BindingMode,
    scope_type: ScopeType,
    scope_target_id: String,
    policy_set_id: PolicySetId,
    policy_set_version_id: PolicySetVersionId,
    manifest_sha: Digest,
    revision: u64,
    created_at: Timestamp,
    created_by: String,
}

impl From<WireBinding> for StandingBinding {
    fn from(binding: WireBinding) -> Self {
        let bound = BoundVersionEvent {
            binding_id: binding.id,
            mode: binding.mode,
            scope_type: binding.scope_type,
            scope_target_id: binding.scope_target_id,
            policy_set_id: binding.policy_set_id,
            policy_set_version_id: binding.policy_set_version_id,
            manifest_sha: binding.manifest_sha,
            revision: binding.revision,
        };
        Self { bound, created_at: binding.created_at, created_by: binding.created_by }
    }
}
