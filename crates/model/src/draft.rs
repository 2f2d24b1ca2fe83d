//! Drafts: what is being written and not yet published, one a policy and one a policy set.
//!
//! Nothing in a draft need be right: it may name a schema version that the zone does not have, hold text that is not
//! Cedar, or pin the same policy twice. Publishing decides.

use serde::{Deserialize, Serialize};

use crate::{
    Description, Digest, Name, Origin, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion,
    Timestamp, ZoneId,
};

/// The content of a policy draft, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftContent {
    /// The form it came in.
    pub origin: Origin,
    /// The text byte for byte, or the JSON as compact text.
    pub body: String,
}

/// The draft of a policy's next version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDraft {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its policy.
    pub policy_id: PolicyId,
    /// The schema version to validate against; the zone may not have it.
    pub schema_version: SchemaVersion,
    /// What has been written so far.
    pub content: Option<DraftContent>,
    /// The version it was begun from.
    pub base_version_id: Option<PolicyVersionId>,
    /// The number of the event that wrote this state: no other state of this or any other draft of the zone has it.
    pub revision: u64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

impl PolicyDraft {
    /// The entity tag; a draft that is thrown away and begun anew never has an old one again.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}

/// A policy version to be pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEntry {
    /// The policy.
    pub policy_id: PolicyId,
    /// The version.
    pub policy_version_id: PolicyVersionId,
    /// Its content digest, when the caller wants it checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<Digest>,
}

/// The draft of a policy set's next version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySetDraft {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its policy set.
    pub policy_set_id: PolicySetId,
    /// The versions to pin, in the order in which they were given.
    pub entries: Vec<NewEntry>,
    /// The schema version to pin; the zone may not have it.
    pub schema_version: SchemaVersion,
    /// The version it was begun from.
    pub base_version_id: Option<PolicySetVersionId>,
    /// The name that publishing gives to the set, if another one.
    pub name: Option<Name>,
    /// A note on the draft; a policy set has none, so it ends with the draft.
    pub description: Option<Description>,
    /// As [`PolicyDraft::revision`].
    pub revision: u64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

impl PolicySetDraft {
    /// As [`PolicyDraft::etag`].
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}
