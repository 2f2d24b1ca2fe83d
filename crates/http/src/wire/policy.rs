//! Policies.

use cedarkeep_model as model;
use cedarkeep_service::{NewPolicy, PolicyPatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{body::RequestBody, wire::kinds};

/// A policy: a name and a row of immutable versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Policy {
    #[schema(value_type = kinds::Id)]
    id: model::PolicyId,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = Option<kinds::Description>, required)]
    description: Option<model::Description>,
    #[schema(value_type = kinds::OwnerType)]
    owner_type: model::OwnerType,
    /// The number of the newest version; null before the first.
    #[schema(required)]
    latest_version: Option<u64>,
    #[schema(value_type = Option<kinds::Id>, required)]
    latest_version_id: Option<model::PolicyVersionId>,
    /// The schema version that the newest version was validated against.
    #[schema(value_type = Option<kinds::SchemaVersionName>, required)]
    latest_schema_version: Option<model::SchemaVersion>,
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

impl From<model::Policy> for Policy {
    fn from(policy: model::Policy) -> Self {
        Self {
            id: policy.id,
            zone_id: policy.zone_id,
            name: policy.name,
            description: policy.description,
            owner_type: policy.owner_type,
            latest_version: policy.latest_version,
            latest_version_id: policy.latest_version_id,
            latest_schema_version: policy.latest_schema_version,
            created_at: policy.created_at,
            created_by: policy.created_by,
            updated_at: policy.updated_at,
            updated_by: policy.updated_by,
            archived_at: policy.archived.map(|archived| archived.at),
        }
    }
}

/// A new policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Readers", "description": "Who may read documents"}))]
pub(crate) struct PolicyCreate {
    /// Unique in the zone among the living.
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<model::Description>,
}

impl From<PolicyCreate> for NewPolicy {
    fn from(body: PolicyCreate) -> Self {
        Self { name: body.name, description: body.description }
    }
}

impl RequestBody for PolicyCreate {}

/// Changes to a policy; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Readers of documents"}))]
pub(crate) struct PolicyUpdate {
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = kinds::Name, required = false)]
    name: Option<model::Name>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "super::nullable")]
    #[schema(value_type = Option<kinds::Description>)]
    #[expect(clippy::option_option, reason = "a value, null and nothing mean three things")]
    description: Option<Option<model::Description>>,
}

impl From<PolicyUpdate> for PolicyPatch {
    fn from(body: PolicyUpdate) -> Self {
        Self { name: body.name, description: body.description }
    }
}

impl RequestBody for PolicyUpdate {}
