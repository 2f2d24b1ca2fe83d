//! Zones.

use std::collections::BTreeMap;

use cedarkeep_model as model;
use cedarkeep_service::{NewZone, ZonePatch};
use serde::Serialize;
use utoipa::ToSchema;

use super::zone_settings::{ZoneSettings, body_with_settings};
use crate::{body::RequestBody, config::BaseUrl, wire::kinds};

/// A zone: the tenant that holds policies, policy sets, keys, bindings and events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Zone {
    #[schema(value_type = kinds::Id)]
    id: model::ZoneId,
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = kinds::Slug)]
    slug: model::Slug,
    #[schema(value_type = Option<kinds::Description>, required)]
    description: Option<model::Description>,
    /// The organization that owns it.
    #[schema(value_type = kinds::Id)]
    organization_id: model::OrganizationId,
    #[schema(value_type = kinds::OwnerType)]
    owner_type: model::OwnerType,
    /// Where the zone's keys and metadata are.
    protocols: Protocols,
    #[serde(flatten)]
    settings: ZoneSettings,
    /// The schema version that clients preselect; it has no effect on decisions.
    #[schema(value_type = kinds::SchemaVersionName)]
    default_schema_version: model::SchemaVersion,
    /// Counts what changes what decides; every decision carries it.
    revision: u64,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    /// What the caller may do, by kind of object; only with `expand[]=permissions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    permissions: Option<Permissions>,
}

/// Actions by kind of object.
pub(crate) type Permissions = BTreeMap<&'static str, BTreeMap<&'static str, bool>>;

/// The protocols that the zone speaks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Protocols {
    oauth2: Oauth2,
}

/// The OAuth 2.0 endpoints that exist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Oauth2 {
    /// The zone's base URL.
    issuer: String,
    /// The keys that verify attestations (RFC 7517).
    jwks_uri: String,
    /// RFC 8414 metadata.
    authorization_server_metadata: String,
}

impl Zone {
    /// The zone as a caller sees it who reached the server under this URL.
    pub(crate) fn new(zone: model::Zone, base: &BaseUrl, permissions: Option<Permissions>) -> Self {
        let issuer = issuer(base, zone.id);
        let protocols = Protocols {
            oauth2: Oauth2 {
                jwks_uri: jwks_uri(&issuer),
                authorization_server_metadata: format!("{issuer}/.well-known/oauth-authorization-server"),
                issuer,
            },
        };
        Self {
            id: zone.id,
            name: zone.name,
            slug: zone.slug,
            description: zone.description,
            organization_id: zone.organization_id,
            owner_type: zone.owner_type,
            protocols,
            settings: zone.settings.into(),
            default_schema_version: zone.default_schema_version,
            revision: zone.revision,
            created_at: zone.created_at,
            updated_at: zone.updated_at,
            permissions,
        }
    }
}

fn issuer(base: &BaseUrl, zone: model::ZoneId) -> String {
    format!("{base}/zones/{zone}")
}

fn jwks_uri(issuer: &str) -> String {
    format!("{issuer}/.well-known/jwks.json")
}

/// Authorization server metadata (RFC 8414, section 2) of a zone that issues no tokens of its own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Oauth2Metadata {
    issuer: String,
    jwks_uri: String,
    /// None: the zone has no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// None: the zone has no token endpoint.
    grant_types_supported: [&'static str; 0],
}

impl Oauth2Metadata {
    /// The metadata of a zone.
    pub(crate) fn new(base: &BaseUrl, zone: model::ZoneId) -> Self {
        let issuer = issuer(base, zone);
        Self { jwks_uri: jwks_uri(&issuer), issuer, response_types_supported: [], grant_types_supported: [] }
    }
}

body_with_settings!(
    /// A new zone.
    #[schema(example = json!({"name": "Acme", "description": "Documents and the agents that read them"}))]
    ZoneCreate {
        #[schema(value_type = kinds::Name)]
        name: model::Name,
        /// Made from the name when left out.
        #[schema(value_type = Option<kinds::Slug>)]
        slug: Option<model::Slug>,
        #[schema(value_type = Option<kinds::Description>)]
        description: Option<model::Description>,
        /// The caller's organization when left out.
        #[schema(value_type = Option<kinds::Id>)]
        organization_id: Option<model::OrganizationId>,
    }
);

impl From<ZoneCreate> for NewZone {
    fn from(body: ZoneCreate) -> Self {
        let settings = body.settings();
        let ZoneCreate { name, slug, description, organization_id, .. } = body;
        Self { name, slug, description, organization_id, settings }
    }
}

body_with_settings!(
    /// Changes to a zone; what is left out stays as it is.
    #[schema(example = json!({"deletion_protection": true}))]
    ZoneUpdate {
        #[serde(default, deserialize_with = "crate::wire::present")]
        #[schema(value_type = kinds::Name, required = false)]
        name: Option<model::Name>,
        #[serde(default, deserialize_with = "crate::wire::present")]
        #[schema(value_type = kinds::Slug, required = false)]
        slug: Option<model::Slug>,
        /// Null takes it away.
        #[serde(default, deserialize_with = "crate::wire::nullable")]
        #[schema(value_type = Option<kinds::Description>)]
        description: Option<Option<model::Description>>,
    }
);

impl From<ZoneUpdate> for ZonePatch {
    fn from(body: ZoneUpdate) -> Self {
        let settings = body.settings();
        let ZoneUpdate { name, slug, description, .. } = body;
        Self { name, slug, description, settings }
    }
}

impl RequestBody for ZoneCreate {
    fn unsupported(member: &str) -> bool {
        of_an_identity_provider(member)
    }
}

impl RequestBody for ZoneUpdate {
    fn unsupported(member: &str) -> bool {
        of_an_identity_provider(member)
    }
}

/// Members that the published clients can send and that mean nothing here.
fn of_an_identity_provider(member: &str) -> bool {
    const NAMES: [&str; 5] =
        ["protocols", "requires_invitation", "encryption_key", "external_sync_enabled", "user_identity_provider_id"];
    NAMES.contains(&member) || member.starts_with("default_")
}
