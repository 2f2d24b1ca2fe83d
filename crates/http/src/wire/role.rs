//! The roles that service accounts hold.

use cedarkeep_model as model;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kinds;
use crate::body::RequestBody;

/// A role that a service account holds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleGrant {
    /// What it may do.
    #[schema(value_type = kinds::Role)]
    role: model::Role,
    /// In this zone; in the whole organization when null or left out.
    #[serde(default)]
    #[schema(value_type = Option<kinds::Id>, required = false)]
    zone_id: Option<model::ZoneId>,
}

/// The roles of a service account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Roles {
    /// All of them.
    grants: Vec<RoleGrant>,
}

impl Roles {
    /// These roles.
    pub(crate) fn new(grants: Vec<model::RoleGrant>) -> Self {
        let grant = |model::RoleGrant { role, zone_id }| RoleGrant { role, zone_id };
        Self { grants: grants.into_iter().map(grant).collect() }
    }
}

/// The roles that a service account is to hold, and no others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"grants": [{"role": "author", "zone_id": "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11"}]}))]
pub(crate) struct RolesPut {
    /// All of them, at most 1,000.
    grants: Vec<RoleGrant>,
}

impl RequestBody for RolesPut {}

impl From<RolesPut> for Vec<model::RoleGrant> {
    fn from(body: RolesPut) -> Self {
        body.grants.into_iter().map(|RoleGrant { role, zone_id }| model::RoleGrant { role, zone_id }).collect()
    }
}
