//! Policy schemas.

use cedarkeep_model as model;
use cedarkeep_service::{Code, GivenSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::{body::RequestBody, failure::Failure, query::Format, wire::kinds};

/// A version of the zone's Cedar schema.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaVersion {
    /// Unique in the zone.
    #[schema(value_type = kinds::SchemaVersionName)]
    version: model::SchemaVersion,
    #[schema(value_type = kinds::SchemaStatus)]
    status: model::SchemaStatus,
    /// Whether clients preselect it; no effect on decisions.
    is_default: bool,
    #[schema(value_type = kinds::OwnerType)]
    owner_type: model::OwnerType,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    /// The schema as text; null unless `format=cedar`.
    #[schema(required)]
    cedar_schema: Option<String>,
    /// The schema as JSON; null with `format=cedar`.
    #[schema(value_type = Option<Object>, required)]
    cedar_schema_json: Option<Box<RawValue>>,
    /// SHA-256 over the canonical form (RFC 8785) of the schema JSON.
    #[schema(value_type = kinds::Sha256)]
    schema_sha: model::Digest,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    deprecated_at: Option<model::Timestamp>,
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    archived_at: Option<model::Timestamp>,
}

impl SchemaVersion {
    /// The schema in one representation: JSON unless text was asked for.
    pub(crate) fn new(schema: model::PolicySchema, format: Option<Format>) -> Result<Self, Failure> {
        let (cedar_schema, cedar_schema_json) = match format {
            Some(Format::Cedar) => (Some(schema.cedar_schema), None),
            Some(Format::Json) | None => (None, Some(super::raw(schema.cedar_schema_json)?)),
        };
        Ok(Self {
            version: schema.version,
            status: schema.status,
            is_default: schema.is_default,
            owner_type: schema.owner_type,
            zone_id: schema.zone_id,
            cedar_schema,
            cedar_schema_json,
            schema_sha: schema.schema_sha,
            created_at: schema.created_at,
            created_by: schema.created_by,
            updated_at: schema.updated_at,
            deprecated_at: schema.deprecated_at,
            archived_at: schema.archived_at,
        })
    }
}

/// A new schema version: exactly one of the two forms of the schema.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "version": "2026-06-01",
    "cedar_schema": "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };"
}))]
pub(crate) struct SchemaCreate {
    #[schema(value_type = kinds::SchemaVersionName)]
    pub(crate) version: model::SchemaVersion,
    /// The schema as text.
    cedar_schema: Option<String>,
    /// The schema as JSON.
    cedar_schema_json: Option<Map<String, Value>>,
}

impl SchemaCreate {
    /// The version and the one form that was given.
    pub(crate) fn given(self) -> Result<(model::SchemaVersion, GivenSchema), Failure> {
        let given = match (self.cedar_schema, self.cedar_schema_json) {
            (Some(text), None) => GivenSchema::Text(text),
            (None, Some(json)) => GivenSchema::Json(Value::Object(json)),
            (None, None) | (Some(_), Some(_)) => {
                let why = "give the schema in exactly one form: cedar_schema (text) or cedar_schema_json";
                return Err(Failure::new(Code::MissingCedarContent, why));
            }
        };
        Ok((self.version, given))
    }
}

impl RequestBody for SchemaCreate {}

/// Changes to a schema version. Without a status the version becomes the zone's default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "deprecated"}))]
pub(crate) struct SchemaUpdate {
    #[schema(value_type = Option<kinds::SchemaStatus>)]
    pub(crate) status: Option<model::SchemaStatus>,
}

impl RequestBody for SchemaUpdate {
    const OPTIONAL: bool = true;
}
