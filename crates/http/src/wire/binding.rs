//! Bindings.

use cedarkeep_model as model;
use cedarkeep_service::{Code, Published};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Warning;
use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// A pointer from one slot to one policy set version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyBinding {
    #[schema(value_type = kinds::Id)]
    id: model::BindingId,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    #[schema(value_type = kinds::BindingMode)]
    mode: model::BindingMode,
    #[schema(value_type = kinds::ScopeType)]
    scope_type: model::ScopeType,
    /// The slot's target: the zone id, a Cedar entity uid, or a session id.
    scope_target_id: String,
    #[schema(value_type = kinds::TargetType)]
    target_type: model::TargetType,
    /// The same as `scope_target_id`.
    target_id: String,
    #[schema(value_type = kinds::Id)]
    policy_set_id: model::PolicySetId,
    #[schema(value_type = kinds::Id)]
    policy_set_version_id: model::PolicySetVersionId,
    /// The version's number within its set.
    version: u64,
    #[schema(value_type = kinds::Sha256)]
    manifest_sha: model::Digest,
    /// The zone's revision that this binding made.
    revision: u64,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    /// What the binder should know; absent when there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<Warning>,
}

impl From<model::Binding> for PolicyBinding {
    fn from(binding: model::Binding) -> Self {
        Self {
            id: binding.id,
            zone_id: binding.zone_id,
            mode: binding.mode,
            scope_type: binding.scope_type,
            target_id: binding.scope_target_id.clone(),
            scope_target_id: binding.scope_target_id,
            target_type: binding.scope_type.into(),
            policy_set_id: binding.policy_set_id,
            policy_set_version_id: binding.policy_set_version_id,
            version: binding.version,
            manifest_sha: binding.manifest_sha,
            revision: binding.revision,
            created_at: binding.created_at,
            created_by: binding.created_by,
            warnings: Vec::new(),
        }
    }
}

impl From<Published<model::Binding>> for PolicyBinding {
    fn from(published: Published<model::Binding>) -> Self {
        let warnings = published.warnings.into_iter().map(Warning::from).collect();
        Self { warnings, ..published.object.into() }
    }
}

/// A version to be bound to the slot of its set's scope.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "policy_set_version_id": "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a12",
    "mode": "shadow",
    "scope_target_id": "User::\"alice\""
}))]
pub(crate) struct BindingPut {
    #[schema(value_type = kinds::Id)]
    policy_set_version_id: String,
    #[schema(value_type = kinds::BindingMode)]
    mode: model::BindingMode,
    /// The zone id (or nothing) for zone sets, a Cedar entity uid for resource and user sets, a session id for session
    /// sets.
    scope_target_id: Option<String>,
}

impl RequestBody for BindingPut {}

impl BindingPut {
    /// The version, with an id that can be looked up, the mode and the target.
    pub(crate) fn given(self) -> Result<(model::PolicySetVersionId, model::BindingMode, Option<String>), Failure> {
        let unknown = |_| Failure::new(Code::NotFound, "there is no such policy set version");
        Ok((self.policy_set_version_id.parse().map_err(unknown)?, self.mode, self.scope_target_id))
    }
}
