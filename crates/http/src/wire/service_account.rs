//! Service accounts.

use cedarkeep_model as model;
use cedarkeep_service::{AccountPatch, NewAccount};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Permissions, kinds};
use crate::body::RequestBody;

/// A service account: a program that calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceAccount {
    #[schema(value_type = kinds::Id)]
    id: model::ServiceAccountId,
    #[schema(value_type = kinds::Id)]
    organization_id: model::OrganizationId,
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = Option<kinds::Description>, required)]
    description: Option<model::Description>,
    /// The person who answers for it: what it does counts as this person's where a zone demands two.
    #[schema(required)]
    owner: Option<String>,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    /// What the caller may do, by kind of object; only with `expand[]=permissions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    permissions: Option<Permissions>,
}

impl ServiceAccount {
    /// As a caller sees it.
    pub(crate) fn new(account: model::ServiceAccount, permissions: Option<Permissions>) -> Self {
        let model::ServiceAccount {
            id,
            organization_id,
            name,
            description,
            owner,
            created_at,
            created_by,
            updated_at,
            object_revision: _,
        } = account;
        Self { id, organization_id, name, description, owner, created_at, created_by, updated_at, permissions }
    }
}

/// A service account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Deployment pipeline", "owner": "dana@example.com"}))]
pub(crate) struct ServiceAccountCreate {
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[serde(default)]
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<model::Description>,
    /// The person who answers for it, 1 to 512 characters.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 512)]
    owner: Option<String>,
}

impl RequestBody for ServiceAccountCreate {}

impl From<ServiceAccountCreate> for NewAccount {
    fn from(body: ServiceAccountCreate) -> Self {
        let ServiceAccountCreate { name, description, owner } = body;
        Self { name, description, owner }
    }
}

/// Changes to a service account; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Pipeline"}))]
#[expect(clippy::option_option, reason = "a value, null and nothing mean three things")]
pub(crate) struct ServiceAccountUpdate {
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(value_type = kinds::Name, required = false)]
    name: Option<model::Name>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "crate::wire::nullable")]
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<Option<model::Description>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "crate::wire::nullable")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    owner: Option<Option<String>>,
}

impl RequestBody for ServiceAccountUpdate {}

impl From<ServiceAccountUpdate> for AccountPatch {
    fn from(body: ServiceAccountUpdate) -> Self {
        let ServiceAccountUpdate { name, description, owner } = body;
        Self { name, description, owner }
    }
}
