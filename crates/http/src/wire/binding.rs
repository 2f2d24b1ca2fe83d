//! Bindings.

use cedarkeep_model as model;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::kinds;

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
        }
    }
}
