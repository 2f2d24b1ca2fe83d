//! Drafts of policies.

use cedarkeep_model as model;
use cedarkeep_service::{Code, DraftWarning, GivenPolicy, NewPolicyDraft, PolicyDraftState};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// What is being written and not yet published: the next version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyDraft {
    #[schema(value_type = kinds::Id)]
    policy_id: model::PolicyId,
    /// The schema version that publishing validates against.
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    /// The text: as it came, or what says exactly the same as the JSON; null where there is none.
    #[schema(required)]
    cedar_raw: Option<String>,
    /// The Cedar policy-set JSON; null for text that Cedar cannot read. What came as JSON and cannot be read is given as
    /// it came.
    #[schema(value_type = Option<Object>, required)]
    cedar_json: Option<Box<RawValue>>,
    /// The version that it was begun from.
    #[schema(value_type = Option<kinds::Id>, required)]
    base_version_id: Option<model::PolicyVersionId>,
    /// What would stop its publication now; absent when there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<PolicyDraftWarning>,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    updated_by: String,
}

/// Something that would stop the publication of a policy draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyDraftWarning {
    /// The code that publishing would answer: `missing_cedar_content`, `invalid_cedar`, `schema_validation_failed`,
    /// `schema_version_archived`, `schema_version_not_found`, `too_large`.
    #[schema(example = "invalid_cedar")]
    r#type: &'static str,
    message: String,
    /// Line in the text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// Column in the text, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// The statement, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "policy0")]
    cedar_id: Option<String>,
}

impl From<DraftWarning> for PolicyDraftWarning {
    fn from(warning: DraftWarning) -> Self {
        let DraftWarning { code, message, line, column, cedar_id } = warning;
        Self { r#type: code.as_str(), message, line, column, cedar_id }
    }
}

impl TryFrom<PolicyDraftState> for PolicyDraft {
    type Error = Failure;

    fn try_from(state: PolicyDraftState) -> Result<Self, Failure> {
        let PolicyDraftState { draft, cedar_raw, cedar_json, warnings } = state;
        Ok(Self {
            policy_id: draft.policy_id,
            schema_version: draft.schema_version,
            cedar_raw,
            cedar_json: cedar_json.map(super::raw).transpose()?,
            base_version_id: draft.base_version_id,
            warnings: warnings.into_iter().map(PolicyDraftWarning::from).collect(),
            created_at: draft.created_at,
            updated_at: draft.updated_at,
            updated_by: draft.updated_by,
        })
    }
}

/// A policy draft, whole. It need not be right: content in at most one form, or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"cedar_raw": "permit (principal, action, resource);"}))]
pub(crate) struct PolicyDraftPut {
    /// The schema version to validate against; that of the base when left out, else the zone's default.
    #[schema(value_type = Option<kinds::SchemaVersionName>)]
    schema_version: Option<model::SchemaVersion>,
    /// Cedar text.
    cedar_raw: Option<String>,
    /// Cedar policy-set JSON, or the JSON of one policy.
    cedar_json: Option<Map<String, Value>>,
    /// The version of this policy to begin from: what is left out is taken from it.
    #[schema(value_type = Option<kinds::Id>)]
    base_version_id: Option<String>,
}

impl PolicyDraftPut {
    /// What the draft is to be.
    pub(crate) fn given(self) -> Result<NewPolicyDraft, Failure> {
        let given = match (self.cedar_raw, self.cedar_json) {
            (Some(_), Some(_)) => {
                let why = "give Cedar content in at most one form: cedar_raw (text) or cedar_json";
                return Err(Failure::new(Code::BadRequest, why));
            }
            (Some(text), None) => Some(GivenPolicy::Text(text)),
            (None, Some(json)) => Some(GivenPolicy::Json(Value::Object(json))),
            (None, None) => None,
        };
        let base_version_id = self.base_version_id.as_deref().map(super::base_version).transpose()?;
        Ok(NewPolicyDraft { schema_version: self.schema_version, given, base_version_id })
    }
}

impl RequestBody for PolicyDraftPut {}
