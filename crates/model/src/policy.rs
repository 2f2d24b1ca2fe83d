//! Policies and their versions.

use serde::{Deserialize, Serialize};

use crate::{
    Description, Digest, Name, OwnerType, PolicyId, PolicyVersionId, SchemaVersion, Timestamp, ZoneId, text::word,
};

word!(
    /// The form in which the content of a policy version came, and from which it is loaded ever after.
    Origin {
        /// Cedar text.
        Text => "text",
        /// Cedar policy-set JSON.
        Json => "json",
    }
);

/// When and by whom something was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// A policy: a name and a row of immutable versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Its zone.
    pub zone_id: ZoneId,
    /// Unique in the zone among the living.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// Counts the changes of this object, from 1.
    pub revision: u64,
    /// The newest version's number; none before the first is published.
    pub latest_version: Option<u64>,
    /// The newest version's id.
    pub latest_version_id: Option<PolicyVersionId>,
    /// The schema version that the newest version was validated against.
    pub latest_schema_version: Option<SchemaVersion>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Option<String>,
    /// Set once it is archived.
    pub archived: Option<Archived>,
}

impl Policy {
    /// The entity tag (RFC 9110, section 8.8.3), the same for every representation of this state.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}

/// One immutable version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Its id.
    pub id: PolicyVersionId,
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its policy.
    pub policy_id: PolicyId,
    /// 1, 2, 3 … within the policy, without gaps.
    pub version: u64,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// The schema version it was validated against.
    pub schema_version: SchemaVersion,
    /// The content digest: SHA-256 over JCS of the Cedar policy-set JSON.
    pub sha: Digest,
    /// The form it came in.
    pub origin: Origin,
    /// The text: the publisher's bytes, or what was printed for content that came as JSON; absent when no text says
    /// exactly the same.
    pub cedar_raw: Option<String>,
    /// The Cedar policy-set JSON with plain integers, statements in source order.
    pub cedar_json: String,
    /// How many static policies, templates and template links it has with effect `permit`.
    pub permits: u64,
    /// When it was published.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Set once it is archived.
    pub archived: Option<Archived>,
}

impl PolicyVersion {
    /// The entity tag: all that can change is whether it is archived.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", if self.archived.is_some() { 2 } else { 1 })
    }
}
