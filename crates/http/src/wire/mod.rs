//! The objects of the API as they stand on the wire: field names, nullability and types of the published clients, and
//! ours beside them.

mod apply;
mod attestation;
mod authzen;
mod authzen_evaluations;
mod authzen_search;
mod authzen_settings;
mod binding;
mod credential;
mod decision;
mod divergence;
mod entity;
mod error;
mod event;
pub(crate) mod kinds;
mod list;
mod logged_decision;
mod organization;
mod policy;
mod policy_draft;
mod policy_schema;
mod policy_set;
mod policy_set_draft;
mod policy_set_version;
mod policy_test;
mod policy_test_run;
mod policy_version;
mod role;
mod service_account;
mod signing_key;
mod user_token;
mod zone;
mod zone_settings;

use std::str::FromStr;

use cedarkeep_service::{Code, Warning as ServiceWarning};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub(crate) use self::{
    apply::{ApplyManifest, ApplyRequest, ApplyResult},
    attestation::{AttestationEnvelope, AttestationStatement},
    authzen::{AuthzenMetadata, EvaluationAnswer, EvaluationRequest},
    authzen_evaluations::{Asked, EvaluationsAnswer, EvaluationsRequest},
    authzen_search::{ActionSearchRequest, IntoSearch, ResourceSearchRequest, SearchAnswer, SubjectSearchRequest},
    authzen_settings::AuthzenSettings,
    binding::{BindingPut, PolicyBinding},
    credential::{Credential, CredentialCreate, CredentialUpdate, NewCredential},
    decision::{AuthorizeBatchRequest, AuthorizeRequest, Decision, DecisionList},
    divergence::Divergences,
    entity::{EntitiesChanged, EntitiesPut, Entity, EntityPut, entity_json},
    error::ErrorBody,
    event::{EventHead, ZoneEvent},
    list::{List, PageInfo, Paged, Pagination},
    logged_decision::LoggedDecision,
    organization::{Organization, OrganizationCreate, OrganizationEvent, OrganizationUpdate},
    policy::{Policy, PolicyCreate, PolicyUpdate},
    policy_draft::{PolicyDraft, PolicyDraftPut},
    policy_schema::{SchemaCreate, SchemaUpdate, SchemaVersion},
    policy_set::{PolicySet, PolicySetCreate, PolicySetUpdate},
    policy_set_draft::{PolicySetDraft, PolicySetDraftPut},
    policy_set_version::{PolicySetVersion, SetVersionCreate, SetVersionUpdate},
    policy_test::PolicyTestRequest,
    policy_test_run::PolicyTestRun,
    policy_version::{PolicyVersion, PolicyVersionCreate, VersionUsage},
    role::{Roles, RolesPut},
    service_account::{ServiceAccount, ServiceAccountCreate, ServiceAccountUpdate},
    signing_key::{KeyRotation, SigningKey, SigningKeyList},
    user_token::{NewUserToken, UserToken, UserTokenCreate},
    zone::{Oauth2Metadata, Permissions, Zone, ZoneCreate, ZoneUpdate},
};
use crate::failure::Failure;

/// Something that the caller should know about what it has just published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Warning {
    /// What it is about.
    #[schema(example = "no_permit")]
    code: String,
    /// What it means.
    message: String,
}

impl From<ServiceWarning> for Warning {
    fn from(warning: ServiceWarning) -> Self {
        Self { code: warning.code, message: warning.message }
    }
}

/// Stored JSON, which goes out verbatim.
fn raw(json: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(json).map_err(|_| Failure::internal())
}

/// The id of a version to begin a draft from. Text that is no id is an id that nothing has.
fn base_version<T: FromStr>(text: &str) -> Result<T, Failure> {
    let unknown = |_| {
        let why = "base_version_id is not an id, so there is no such version to begin from";
        Failure::new(Code::PolicyVersionNotFound, why)
    };
    text.parse().map_err(unknown)
}

/// A member that may be left out but is never null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Keeps null, which takes a value away, apart from an absent member, which leaves it as it is.
#[expect(clippy::option_option, reason = "a value, null and nothing mean three things")]
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A body that says nothing: the path names an object and what to do with it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

impl crate::body::RequestBody for Empty {
    const OPTIONAL: bool = true;
    const CONDITIONAL: bool = true;
}
