//! How a zone reads `AuthZEN` requests: as a part of its settings.

use std::collections::BTreeMap;

use cedarkeep_model as model;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the words of `AuthZEN` requests mean in the zone. Given, it is replaced whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"types": {"user": "App::User"}, "session_from": "session_id", "validate": false}))]
pub(crate) struct AuthzenSettings {
    /// From the types of subjects and resources to Cedar entity types; any other type is the entity type itself.
    types: BTreeMap<String, String>,
    /// The member of the context that carries the session; none when null.
    session_from: Option<String>,
    /// Whether requests and their entities must fit the schema.
    validate: bool,
}

impl From<model::AuthzenSettings> for AuthzenSettings {
    fn from(settings: model::AuthzenSettings) -> Self {
        let model::AuthzenSettings { types, session_from, validate } = settings;
        Self { types, session_from, validate }
    }
}

impl From<AuthzenSettings> for model::AuthzenSettings {
    fn from(body: AuthzenSettings) -> Self {
        let AuthzenSettings { types, session_from, validate } = body;
        Self { types, session_from, validate }
    }
}
