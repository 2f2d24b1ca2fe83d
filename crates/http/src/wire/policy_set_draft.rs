//! Drafts of policy sets.

use cedarkeep_model as model;
use cedarkeep_service::{NewSetDraft, SetDraftState, SetDraftWarning};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::policy_set_version::ManifestGiven;
use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// What is being put together and not yet published: the next version of a policy set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicySetDraft {
    #[schema(value_type = kinds::Id)]
    policy_set_id: model::PolicySetId,
    manifest: DraftManifest,
    /// The schema version to pin.
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    /// The version that it was begun from.
    #[schema(value_type = Option<kinds::Id>, required)]
    base_version_id: Option<model::PolicySetVersionId>,
    /// The name that publishing gives to the set.
    #[schema(value_type = Option<kinds::Name>, required)]
    name: Option<model::Name>,
    /// A note on the draft; it ends with it.
    #[schema(value_type = Option<kinds::Description>, required)]
    description: Option<model::Description>,
    /// What would stop its publication now; absent when there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<PolicySetDraftWarning>,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    #[schema(value_type = kinds::Timestamp)]
    updated_at: model::Timestamp,
    updated_by: String,
}

/// The policy versions that a draft pins, in the order in which they were given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftManifest {
    entries: Vec<DraftEntry>,
}

/// One policy version that a draft pins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftEntry {
    #[schema(value_type = kinds::Id)]
    policy_id: model::PolicyId,
    #[schema(value_type = kinds::Id)]
    policy_version_id: model::PolicyVersionId,
    /// The content digest of that version, filled in by the server where the zone has the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<kinds::Sha256>)]
    sha: Option<model::Digest>,
}

/// Something that would stop the publication of a policy set draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicySetDraftWarning {
    /// `policy_version_archived`, `schema_version_mismatch`, `policy_version_not_found`, `manifest_duplicate_policy`,
    /// `manifest_empty`, `sha_mismatch`, `policy_archived`, `policy_set_name_conflict`, `schema_version_archived`,
    /// `schema_version_not_found`.
    #[schema(example = "policy_version_archived")]
    r#type: &'static str,
    message: String,
    /// The entry that it is about; absent when it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<kinds::Id>)]
    policy_id: Option<model::PolicyId>,
    /// The entry that it is about; absent when it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<kinds::Id>)]
    policy_version_id: Option<model::PolicyVersionId>,
    /// Only of `schema_version_mismatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<PolicySetDraftWarningDetail>,
}

/// The two schema versions that differ.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicySetDraftWarningDetail {
    /// The one that the draft names.
    #[schema(value_type = kinds::SchemaVersionName)]
    draft_schema_version: model::SchemaVersion,
    /// The one that the policy version was validated against.
    #[schema(value_type = kinds::SchemaVersionName)]
    policy_schema_version: model::SchemaVersion,
}

impl From<SetDraftWarning> for PolicySetDraftWarning {
    fn from(warning: SetDraftWarning) -> Self {
        let SetDraftWarning { kind, message, entry, schema_versions } = warning;
        let (policy_id, policy_version_id) = entry.map(|entry| (entry.policy_id, entry.policy_version_id)).unzip();
        let detail = schema_versions.map(|(draft_schema_version, policy_schema_version)| PolicySetDraftWarningDetail {
            draft_schema_version,
            policy_schema_version,
        });
        Self { r#type: kind, message, policy_id, policy_version_id, detail }
    }
}

impl From<SetDraftState> for PolicySetDraft {
    fn from(state: SetDraftState) -> Self {
        let SetDraftState { draft, warnings } = state;
        let entry = |entry: model::NewEntry| DraftEntry {
            policy_id: entry.policy_id,
            policy_version_id: entry.policy_version_id,
            sha: entry.sha,
        };
        Self {
            policy_set_id: draft.policy_set_id,
            manifest: DraftManifest { entries: draft.entries.into_iter().map(entry).collect() },
            schema_version: draft.schema_version,
            base_version_id: draft.base_version_id,
            name: draft.name,
            description: draft.description,
            warnings: warnings.into_iter().map(PolicySetDraftWarning::from).collect(),
            created_at: draft.created_at,
            updated_at: draft.updated_at,
            updated_by: draft.updated_by,
        }
    }
}

/// A policy set draft, whole. It need not be right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"base_version_id": "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a13", "name": "Production"}))]
pub(crate) struct PolicySetDraftPut {
    /// Which policy versions to pin; those of the base when left out.
    manifest: Option<ManifestGiven>,
    /// The schema version to pin; that of the base when left out, else the zone's default.
    #[schema(value_type = Option<kinds::SchemaVersionName>)]
    schema_version: Option<model::SchemaVersion>,
    /// The version of this set to begin from.
    #[schema(value_type = Option<kinds::Id>)]
    base_version_id: Option<String>,
    /// The name that publishing gives to the set.
    #[schema(value_type = Option<kinds::Name>)]
    name: Option<model::Name>,
    /// A note on the draft.
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<model::Description>,
}

impl PolicySetDraftPut {
    /// What the draft is to be.
    pub(crate) fn given(self) -> Result<NewSetDraft, Failure> {
        Ok(NewSetDraft {
            entries: self.manifest.map(ManifestGiven::given).transpose()?,
            schema_version: self.schema_version,
            base_version_id: self.base_version_id.as_deref().map(super::base_version).transpose()?,
            name: self.name,
            description: self.description,
        })
    }
}

impl RequestBody for PolicySetDraftPut {
    const LARGE: bool = true;
}
