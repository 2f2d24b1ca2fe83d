//! Policy schemas: the versioned Cedar schemas of a zone.

use serde::{Deserialize, Serialize};

use crate::{Digest, OwnerType, SchemaVersion, Timestamp, ZoneId, text::word};

word!(
    /// What may be done with a schema version.
    SchemaStatus {
        /// New policy versions may be published against it.
        Active => "active",
        /// Superseded, still accepted.
        Deprecated => "deprecated",
        /// Closed to new versions; what is pinned to it still decides.
        Archived => "archived",
    }
);

/// One version of a zone's Cedar schema. Its content never changes, its status does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySchema {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its name, unique in the zone.
    pub version: SchemaVersion,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// The schema as text: the publisher's bytes, or what was printed for one that came as JSON.
    pub cedar_schema: String,
    /// The Cedar schema JSON as it was stored at publish.
    pub cedar_schema_json: String,
    /// The schema digest: SHA-256 over JCS of that JSON.
    pub schema_sha: Digest,
    /// What may be done with it.
    pub status: SchemaStatus,
    /// Whether it is the zone's default.
    pub is_default: bool,
    /// Counts the changes of this object, from 1.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when it is deprecated.
    pub deprecated_at: Option<Timestamp>,
    /// Since when it is archived.
    pub archived_at: Option<Timestamp>,
}

impl PolicySchema {
    /// The entity tag; becoming or ceasing to be the default bumps the revision too.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}
