//! Policy set versions and their manifests.

use std::borrow::Cow;

use cedarkeep_model as model;
use cedarkeep_service::{Code, NewEntry, Published};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Array, RefOr, Schema},
};

use super::{AttestationStatement, Warning};
use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// One immutable, attested version of a policy set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicySetVersion {
    #[schema(value_type = kinds::Id)]
    id: model::PolicySetVersionId,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    #[schema(value_type = kinds::Id)]
    policy_set_id: model::PolicySetId,
    /// 1, 2, 3 … within the set, without gaps.
    version: u64,
    #[schema(value_type = kinds::OwnerType)]
    owner_type: model::OwnerType,
    #[schema(value_type = kinds::ScopeType)]
    scope_type: model::ScopeType,
    /// The pinned schema version.
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    /// The pinned policy versions, by `policy_id` ascending.
    #[schema(value_type = PolicySetManifest)]
    manifest: model::Manifest,
    /// SHA-256 over the canonical form (RFC 8785) of the manifest.
    #[schema(value_type = kinds::Sha256)]
    manifest_sha: model::Digest,
    /// Whether an active binding points at it.
    active: bool,
    /// The statement of its newest attestation; the signature is at its own route.
    #[schema(value_type = AttestationStatement)]
    attestation: model::AttestationStatement,
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

impl From<model::PolicySetVersion> for PolicySetVersion {
    fn from(version: model::PolicySetVersion) -> Self {
        let model::PolicySetVersion { record, attestation, active, archived, .. } = version;
        let (archived_at, archived_by) = archived.map(|archived| (archived.at, archived.by)).unzip();
        Self {
            id: record.id,
            zone_id: record.zone_id,
            policy_set_id: record.policy_set_id,
            version: record.version,
            owner_type: record.owner_type,
            scope_type: record.scope_type,
            schema_version: record.schema_version,
            manifest: record.manifest,
            manifest_sha: record.manifest_sha,
            active,
            attestation,
            created_at: record.created_at,
            created_by: record.created_by,
            archived_at,
            archived_by,
            warnings: Vec::new(),
        }
    }
}

impl From<Published<model::PolicySetVersion>> for PolicySetVersion {
    fn from(published: Published<model::PolicySetVersion>) -> Self {
        let warnings = published.warnings.into_iter().map(Warning::from).collect();
        Self { warnings, ..published.object.into() }
    }
}

kinds::kind!(
    /// A manifest.
    PolicySetManifest => kinds::members(
        "Which policy versions a policy set version pins.",
        vec![("entries", manifest_entries(), "By `policy_id` ascending, each policy once.")],
    )
);

fn manifest_entries() -> RefOr<Schema> {
    let entry = kinds::members(
        "One pinned policy version.",
        vec![
            ("policy_id", kinds::reference::<kinds::Id>(), "The policy."),
            ("policy_version_id", kinds::reference::<kinds::Id>(), "The version of it that is pinned."),
            ("sha", kinds::reference::<kinds::Sha256>(), "The content digest of that version."),
        ],
    );
    Schema::Array(Array::new(entry)).into()
}

/// A new policy set version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "schema_version": "2026-03-16",
    "manifest": {"entries": [{
        "policy_id": "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11",
        "policy_version_id": "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a12"
    }]}
}))]
pub(crate) struct SetVersionCreate {
    /// The schema version to pin; every pinned policy version must have been validated against it.
    #[schema(value_type = kinds::SchemaVersionName)]
    schema_version: model::SchemaVersion,
    manifest: ManifestGiven,
}

/// Which policy versions to pin, in any order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestGiven {
    /// 1 to 10,000 entries, each policy once.
    #[schema(max_items = 10_000)]
    entries: Vec<EntryGiven>,
}

/// One policy version to pin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryGiven {
    #[schema(value_type = kinds::Id)]
    policy_id: String,
    #[schema(value_type = kinds::Id)]
    policy_version_id: String,
    /// When given, it must be the content digest of that version.
    #[schema(value_type = Option<kinds::Sha256>)]
    sha: Option<String>,
}

impl SetVersionCreate {
    /// The schema version and the entries, with ids that can be looked up.
    pub(crate) fn given(self) -> Result<(model::SchemaVersion, Vec<NewEntry>), Failure> {
        Ok((self.schema_version, self.manifest.given()?))
    }
}

impl ManifestGiven {
    /// The entries, with ids that can be looked up.
    pub(crate) fn given(self) -> Result<Vec<NewEntry>, Failure> {
        self.entries.into_iter().enumerate().map(|(index, entry)| entry.given(index)).collect()
    }
}

impl EntryGiven {
    /// Text that is no id is an id that the zone does not have, text that is no digest is not the stored one.
    fn given(self, index: usize) -> Result<NewEntry, Failure> {
        let unknown = |id: &str| {
            let why = format!("manifest.entries[{index}]: this zone has no policy version {id:?}");
            Failure::new(Code::PolicyVersionNotFound, why.chars().take(300).collect::<String>())
        };
        let mismatch = |_| {
            let why = format!(
                "manifest.entries[{index}].sha is not 64 lower-case hex digits; leave it out or give the stored one"
            );
            Failure::new(Code::ShaMismatch, why)
        };
        Ok(NewEntry {
            policy_id: self.policy_id.parse().map_err(|_| unknown(&self.policy_id))?,
            policy_version_id: self.policy_version_id.parse().map_err(|_| unknown(&self.policy_version_id))?,
            sha: self.sha.map(|sha| sha.parse()).transpose().map_err(mismatch)?,
        })
    }
}

impl RequestBody for SetVersionCreate {
    const LARGE: bool = true;
}

/// Binds a version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"active": true}))]
pub(crate) struct SetVersionUpdate {
    /// Must be true: it binds the version.
    active: bool,
    /// `active` when left out.
    #[schema(value_type = Option<kinds::BindingMode>)]
    mode: Option<model::BindingMode>,
    /// The slot's target; for zone sets the zone, and may be left out.
    scope_target_id: Option<String>,
}

impl SetVersionUpdate {
    /// The mode and the target to bind with.
    pub(crate) fn given(self) -> Result<(model::BindingMode, Option<String>), Failure> {
        if !self.active {
            let why = "active must be true: it binds this version; to roll back, bind another version";
            return Err(Failure::new(Code::BadRequest, why));
        }
        Ok((self.mode.unwrap_or(model::BindingMode::Active), self.scope_target_id))
    }
}

impl RequestBody for SetVersionUpdate {}
