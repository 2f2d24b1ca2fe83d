//! Policy versions.

use cedarkeep_model as model;
use cedarkeep_service::{Code, GivenPolicy, Published, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use super::{PolicyBinding, Warning};
use crate::{body::RequestBody, failure::Failure, query::Format, wire::kinds};

/// One immutable version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyVersion {
    #[schema(value_type = kinds::Id)]
    id: model::PolicyVersionId,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    #[schema(value_type = kinds::Id)]
    policy_id: model::PolicyId,
    /// 1, 2, 3 … within the policy, without gaps.
    version: u64,
    #[schema(value_type = kinds::OwnerType)]
    owner_type: model::OwnerType,
    /// The schema version it was validated against.
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    /// SHA-256 over the canonical form (RFC 8785) of the Cedar policy-set JSON.
    #[schema(value_type = kinds::Sha256)]
    sha: model::Digest,
    /// The policies as text; null with `format=json`, and where no text says exactly what the JSON says.
    #[schema(required)]
    cedar_raw: Option<String>,
    /// The policies as Cedar policy-set JSON; null with `format=cedar`.
    #[schema(value_type = Option<Object>, required)]
    cedar_json: Option<Box<RawValue>>,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    archived_at: Option<model::Timestamp>,
    #[schema(required)]
    archived_by: Option<String>,
    /// What the publisher should know; absent when there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<Warning>,
}

impl PolicyVersion {
    /// The version in the representations asked for: both unless one was named.
    pub(crate) fn new(version: model::PolicyVersion, format: Option<Format>) -> Result<Self, Failure> {
        let (archived_at, archived_by) = version.archived.map(|archived| (archived.at, archived.by)).unzip();
        let json = if format == Some(Format::Cedar) { None } else { Some(super::raw(version.cedar_json)?) };
        Ok(Self {
            id: version.id,
            zone_id: version.zone_id,
            policy_id: version.policy_id,
            version: version.version,
            owner_type: version.owner_type,
            schema_version: version.schema_version,
            sha: version.sha,
            cedar_raw: version.cedar_raw.filter(|_| format != Some(Format::Json)),
            cedar_json: json,
            created_at: version.created_at,
            created_by: version.created_by,
            archived_at,
            archived_by,
            warnings: Vec::new(),
        })
    }

    /// The version as its publisher sees it.
    pub(crate) fn published(
        published: Published<model::PolicyVersion>,
        format: Option<Format>,
    ) -> Result<Self, Failure> {
        let warnings = published.warnings.into_iter().map(Warning::from).collect();
        Ok(Self { warnings, ..Self::new(published.object, format)? })
    }
}

/// A new policy version: exactly one of the two forms of its content.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "schema_version": "2026-03-16",
    "cedar_raw": "permit (principal, action, resource);"
}))]
pub(crate) struct PolicyVersionCreate {
    /// The schema version to validate against.
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    /// Cedar text: static policies and templates.
    cedar_raw: Option<String>,
    /// Cedar policy-set JSON (`staticPolicies`, `templates`, `templateLinks`), or the JSON of one policy.
    cedar_json: Option<Map<String, Value>>,
}

impl PolicyVersionCreate {
    /// The schema version and the one form of the content that was given.
    pub(crate) fn given(self) -> Result<(model::SchemaVersion, GivenPolicy), Failure> {
        let given = match (self.cedar_raw, self.cedar_json) {
            (Some(text), None) => GivenPolicy::Text(text),
            (None, Some(json)) => GivenPolicy::Json(Value::Object(json)),
            (None, None) | (Some(_), Some(_)) => {
                let why = "give Cedar content in exactly one form: cedar_raw (text) or cedar_json";
                return Err(Failure::new(Code::MissingCedarContent, why));
            }
        };
        Ok((self.schema_version, given))
    }
}

impl RequestBody for PolicyVersionCreate {}

/// Where a policy version is used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionUsage {
    /// The policy set versions that pin it.
    set_versions: Vec<PinnedBy>,
    /// The bindings of those versions.
    bindings: Vec<PolicyBinding>,
}

/// A policy set version that pins the policy version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PinnedBy {
    #[schema(value_type = kinds::Id)]
    policy_set_id: model::PolicySetId,
    #[schema(value_type = kinds::Id)]
    policy_set_version_id: model::PolicySetVersionId,
    /// Its number within the set.
    version: u64,
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    #[schema(value_type = kinds::Sha256)]
    manifest_sha: model::Digest,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
}

impl From<Usage> for VersionUsage {
    fn from(usage: Usage) -> Self {
        let set_versions = usage.set_versions.into_iter().map(|record| PinnedBy {
            policy_set_id: record.policy_set_id,
            policy_set_version_id: record.id,
            version: record.version,
            schema_version: record.schema_version,
            manifest_sha: record.manifest_sha,
            created_at: record.created_at,
        });
        Self {
            set_versions: set_versions.collect(),
            bindings: usage.bindings.into_iter().map(PolicyBinding::from).collect(),
        }
    }
}
