//! Organizations, and what happened in them.

use cedarkeep_model as model;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Permissions, kinds};
use crate::body::RequestBody;

/// An organization: it owns zones and service accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Organization {
    #[schema(value_type = kinds::Id)]
    id: model::OrganizationId,
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    /// A part of addresses, made from the first name; it never changes.
    #[schema(value_type = kinds::Slug)]
    label: model::Slug,
    /// Always false: this is no identity provider.
    sso_enabled: bool,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    /// What the caller may do, by kind of object; only with `expand[]=permissions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    permissions: Option<Permissions>,
}

impl Organization {
    /// As a caller sees it.
    pub(crate) fn new(organization: model::Organization, permissions: Option<Permissions>) -> Self {
        let model::Organization { id, name, label, created_at, updated_at, .. } = organization;
        Self { id, name, label, sso_enabled: false, created_at, updated_at, permissions }
    }
}

/// An organization to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme"}))]
pub(crate) struct OrganizationCreate {
    #[schema(value_type = kinds::Name)]
    pub(crate) name: model::Name,
}

impl RequestBody for OrganizationCreate {}

/// Changes to an organization; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Inc."}))]
pub(crate) struct OrganizationUpdate {
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(value_type = kinds::Name, required = false)]
    pub(crate) name: Option<model::Name>,
}

impl RequestBody for OrganizationUpdate {}

/// One recorded change in an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationEvent {
    #[schema(value_type = kinds::Id)]
    organization_id: model::OrganizationId,
    /// 1, 2, 3 … within the organization, without gaps.
    seq: u64,
    /// What happened, such as `credential.created`.
    #[schema(value_type = String)]
    kind: model::OrganizationEventKind,
    /// Who did it.
    actor: String,
    #[schema(value_type = kinds::Timestamp)]
    at: model::Timestamp,
    /// From what to what.
    #[schema(value_type = Object)]
    body: Value,
}

impl From<model::OrganizationEvent> for OrganizationEvent {
    fn from(event: model::OrganizationEvent) -> Self {
        let model::OrganizationEvent { organization_id, seq, kind, actor, at, body } = event;
        Self { organization_id, seq, kind, actor, at, body }
    }
}
