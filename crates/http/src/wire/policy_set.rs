//! Policy sets.

use cedarkeep_model as model;
use cedarkeep_service::Code;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApplyManifest;
use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// A policy set together with its most recent bindings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicySetWithBinding)]
pub(crate) struct PolicySet {
    #[schema(value_type = kinds::Id)]
    id: model::PolicySetId,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = kinds::OwnerType)]
    owner_type: model::OwnerType,
    #[schema(value_type = kinds::ScopeType)]
    scope_type: model::ScopeType,
    #[schema(value_type = kinds::TargetType)]
    target_type: model::TargetType,
    /// The number of the newest version; null before the first.
    #[schema(required)]
    latest_version: Option<u64>,
    #[schema(value_type = Option<kinds::Id>, required)]
    latest_version_id: Option<model::PolicySetVersionId>,
    /// Whether any active binding points at a version of it.
    active: bool,
    /// `active` if any active binding stands, else `shadow`, else null.
    #[schema(value_type = Option<kinds::BindingMode>, required)]
    mode: Option<model::BindingMode>,
    /// The target of the most recent active binding.
    #[schema(required)]
    scope_target_id: Option<String>,
    /// The same as `scope_target_id`.
    #[schema(required)]
    target_id: Option<String>,
    /// The version of the most recent active binding.
    #[schema(required)]
    active_version: Option<u64>,
    #[schema(value_type = Option<kinds::Id>, required)]
    active_version_id: Option<model::PolicySetVersionId>,
    /// The version of the most recent shadow binding.
    #[schema(required)]
    shadow_version: Option<u64>,
    #[schema(value_type = Option<kinds::Id>, required)]
    shadow_version_id: Option<model::PolicySetVersionId>,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    #[schema(required)]
    updated_by: Option<String>,
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    archived_at: Option<model::Timestamp>,
}

impl From<model::PolicySetState> for PolicySet {
    fn from(state: model::PolicySetState) -> Self {
        let model::PolicySetState { set, active, shadow } = state;
        let mode = match (&active, &shadow) {
            (Some(_), _) => Some(model::BindingMode::Active),
            (None, Some(_)) => Some(model::BindingMode::Shadow),
            (None, None) => None,
        };
        let target = active.as_ref().map(|bound| bound.scope_target_id.clone());
        Self {
            id: set.id,
            zone_id: set.zone_id,
            name: set.name,
            owner_type: set.owner_type,
            scope_type: set.scope_type,
            target_type: set.scope_type.into(),
            latest_version: set.latest_version,
            latest_version_id: set.latest_version_id,
            active: active.is_some(),
            mode,
            scope_target_id: target.clone(),
            target_id: target,
            active_version: active.as_ref().map(|bound| bound.version),
            active_version_id: active.map(|bound| bound.version_id),
            shadow_version: shadow.as_ref().map(|bound| bound.version),
            shadow_version_id: shadow.map(|bound| bound.version_id),
            created_at: set.created_at,
            created_by: set.created_by,
            updated_at: set.updated_at,
            updated_by: set.updated_by,
            archived_at: set.archived.map(|archived| archived.at),
        }
    }
}

/// A new policy set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Production", "target_type": "zone"}))]
pub(crate) struct PolicySetCreate {
    /// Unique in the zone among the living.
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    /// `zone` when neither this nor `target_type` is given.
    #[schema(value_type = Option<kinds::ScopeType>)]
    scope_type: Option<model::ScopeType>,
    #[schema(value_type = Option<kinds::TargetType>)]
    target_type: Option<model::TargetType>,
    /// When given, a version is published with the set, in the same transaction.
    manifest: Option<ApplyManifest>,
}

impl PolicySetCreate {
    /// The name, the scope that the two members agree on, and the manifest.
    pub(crate) fn given(self) -> Result<(model::Name, model::ScopeType, Option<ApplyManifest>), Failure> {
        let scope = match (self.scope_type, self.target_type) {
            (Some(scope), Some(target)) if model::TargetType::from(scope) != target => {
                return Err(Failure::new(Code::BadRequest, "scope_type and target_type disagree; give one of them"));
            }
            (Some(scope), _) => scope,
            (None, Some(target)) => target.into(),
            (None, None) => model::ScopeType::Zone,
        };
        Ok((self.name, scope, self.manifest))
    }
}

impl RequestBody for PolicySetCreate {
    const LARGE: bool = true;
}

/// Changes to a policy set; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Production, Europe"}))]
pub(crate) struct PolicySetUpdate {
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = kinds::Name, required = false)]
    pub(crate) name: Option<model::Name>,
}

impl RequestBody for PolicySetUpdate {}
