//! What service accounts prove themselves with.

use cedarkeep_model as model;
use cedarkeep_service::{CredentialPatch, IssuedCredential, NewCredential as Wanted, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kinds;
use crate::body::RequestBody;

/// A credential, without what is secret of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Credential {
    #[schema(value_type = kinds::Id)]
    id: model::CredentialId,
    /// With the secret it gets an access token.
    client_id: String,
    /// How it is presented: `client_secret` (for an access token) or `api_key` (with each request).
    #[schema(value_type = kinds::CredentialKind)]
    kind: model::CredentialKind,
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = Option<kinds::Description>, required)]
    description: Option<model::Description>,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    /// From when it is no longer good; null for never.
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    expires_at: Option<model::Timestamp>,
    /// When it was last used, to within some minutes.
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    last_used_at: Option<model::Timestamp>,
}

impl From<model::Credential> for Credential {
    fn from(credential: model::Credential) -> Self {
        let client_id = Service::client_id(&credential);
        let model::Credential { id, kind, name, description, created_at, created_by, expires_at, last_used_at, .. } =
            credential;
        Self { id, client_id, kind, name, description, created_at, created_by, expires_at, last_used_at }
    }
}

/// A credential that has just been made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewCredential {
    /// The secret, or the API key itself; shown only here.
    client_secret: String,
    #[serde(flatten)]
    known: Credential,
}

impl From<IssuedCredential> for NewCredential {
    fn from(issued: IssuedCredential) -> Self {
        Self { client_secret: issued.secret, known: issued.credential.into() }
    }
}

/// A credential to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "first", "kind": "client_secret", "expires_in_seconds": 7_776_000}))]
pub(crate) struct CredentialCreate {
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[serde(default)]
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<model::Description>,
    /// How it is to be presented; `client_secret` when left out.
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(value_type = kinds::CredentialKind, required = false)]
    kind: Option<model::CredentialKind>,
    /// How long it is good, up to 63,072,000 (two years); until it is taken back when left out.
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(nullable = false, minimum = 1, maximum = 63_072_000)]
    expires_in_seconds: Option<u64>,
}

impl RequestBody for CredentialCreate {
    const KEYED: bool = false;
}

impl From<CredentialCreate> for Wanted {
    fn from(body: CredentialCreate) -> Self {
        let CredentialCreate { name, description, kind, expires_in_seconds } = body;
        Self { kind: kind.unwrap_or(model::CredentialKind::ClientSecret), name, description, expires_in_seconds }
    }
}

/// Changes to a credential; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "second"}))]
#[expect(clippy::option_option, reason = "a value, null and nothing mean three things")]
pub(crate) struct CredentialUpdate {
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(value_type = kinds::Name, required = false)]
    name: Option<model::Name>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "crate::wire::nullable")]
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<Option<model::Description>>,
}

impl RequestBody for CredentialUpdate {}

impl From<CredentialUpdate> for CredentialPatch {
    fn from(body: CredentialUpdate) -> Self {
        let CredentialUpdate { name, description } = body;
        Self { name, description }
    }
}
