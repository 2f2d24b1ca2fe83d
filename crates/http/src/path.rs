//! Ids in paths. What does not parse is answered exactly like what is not there: the service is asked for an object
//! that nobody can have made, so even the order of its checks is the same.

use std::str::FromStr;

use axum::{extract::FromRequestParts, http::request::Parts};
use cedarkeep_model::{
    BindingId, CredentialId, DecisionId, OrganizationId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId,
    SchemaVersion, ServiceAccountId, UserTokenId, ZoneId,
};
use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::{app::App, failure::Failure, wire::kinds};

/// The parameters of a path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let path = axum::extract::Path::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(found)| Self(found)).map_err(|_| Failure::not_found())
    }
}

/// The nil UUID (RFC 9562, section 5.9), which no id source draws.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Reads an id in the one spelling that we write; any other text stands for nobody.
fn id<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    id_or_nobody(&text).ok_or_else(|| de::Error::custom("not an id"))
}

/// The same of a text at hand.
pub(crate) fn id_or_nobody<T: FromStr>(text: &str) -> Option<T> {
    text.parse().or_else(|_| NOBODY.parse()).ok()
}

/// Reads a schema version; what cannot be the name of one becomes the empty text, which is none either.
fn schema_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = SchemaVersion::new(String::deserialize(deserializer)?);
    Ok(name.map(String::from).unwrap_or_default())
}

macro_rules! path {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Deserialize, IntoParams)]
        #[into_params(parameter_in = Path)]
        pub(crate) struct $name {
            $($(#[$field_doc])* #[serde(deserialize_with = "id")] #[param(value_type = kinds::Id)] pub(crate) $field: $type),+
        }
    };
}

path!(
    /// A zone.
    ZonePath {
        /// The zone.
        zone_id: ZoneId,
    }
);
path!(
    /// A policy of a zone.
    PolicyPath {
        /// The zone.
        zone_id: ZoneId,
        /// The policy.
        policy_id: PolicyId,
    }
);
path!(
    /// A version of a policy.
    #[expect(clippy::struct_field_names, reason = "the names of the parameters are part of the API")]
    PolicyVersionPath {
        /// The zone.
        zone_id: ZoneId,
        /// The policy.
        policy_id: PolicyId,
        /// The policy version.
        version_id: PolicyVersionId,
    }
);
path!(
    /// A policy set of a zone.
    PolicySetPath {
        /// The zone.
        zone_id: ZoneId,
        /// The policy set.
        policy_set_id: PolicySetId,
    }
);
path!(
    /// A version of a policy set.
    #[expect(clippy::struct_field_names, reason = "the names of the parameters are part of the API")]
    SetVersionPath {
        /// The zone.
        zone_id: ZoneId,
        /// The policy set.
        policy_set_id: PolicySetId,
        /// The policy set version.
        version_id: PolicySetVersionId,
    }
);

path!(
    /// A binding of a zone.
    BindingPath {
        /// The zone.
        zone_id: ZoneId,
        /// The binding.
        binding_id: BindingId,
    }
);

path!(
    /// A decision in the log of a zone.
    DecisionPath {
        /// The zone.
        zone_id: ZoneId,
        /// The decision.
        decision_id: DecisionId,
    }
);

path!(
    /// An organization.
    OrganizationPath {
        /// The organization.
        organization_id: OrganizationId,
    }
);

path!(
    /// A service account of an organization.
    ServiceAccountPath {
        /// The organization.
        organization_id: OrganizationId,
        /// The service account.
        service_account_id: ServiceAccountId,
    }
);

path!(
    /// A credential of a service account.
    #[expect(clippy::struct_field_names, reason = "the names of the parameters are part of the API")]
    CredentialPath {
        /// The organization.
        organization_id: OrganizationId,
        /// The service account.
        service_account_id: ServiceAccountId,
        /// The credential.
        credential_id: CredentialId,
    }
);

path!(
    /// A token of a zone that is bound to a user.
    UserTokenPath {
        /// The zone.
        zone_id: ZoneId,
        /// The token.
        user_token_id: UserTokenId,
    }
);

/// A signing key of a zone.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SigningKeyPath {
    /// The zone.
    #[serde(deserialize_with = "id")]
    #[param(value_type = kinds::Id)]
    pub(crate) zone_id: ZoneId,
    /// The key's id.
    pub(crate) kid: String,
}

/// An entity of a zone.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EntityPath {
    /// The zone.
    #[serde(deserialize_with = "id")]
    #[param(value_type = kinds::Id)]
    pub(crate) zone_id: ZoneId,
    /// The type in the entity's uid with its namespace, such as `App::User`.
    pub(crate) entity_type: String,
    /// The id in the entity's uid, percent-encoded; an empty one cannot be named here.
    pub(crate) entity_id: String,
}

/// A schema version of a zone.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SchemaPath {
    /// The zone.
    #[serde(deserialize_with = "id")]
    #[param(value_type = kinds::Id)]
    pub(crate) zone_id: ZoneId,
    /// The schema version, such as `2026-03-16`.
    #[serde(deserialize_with = "schema_version")]
    #[param(value_type = kinds::SchemaVersionName)]
    pub(crate) version: String,
}
