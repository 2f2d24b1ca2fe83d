//! Entities that a zone keeps.

use serde::{Deserialize, Serialize};

use crate::{Digest, ZoneId};

/// An entity of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRecord {
    /// Its zone.
    pub zone_id: ZoneId,
    /// The type in its uid, with the namespace.
    pub entity_type: String,
    /// The id in its uid.
    pub entity_id: String,
    /// Its Cedar entity JSON with nothing left implicit, in canonical form (RFC 8785, large integers escaped).
    pub body: String,
    /// SHA-256 of the body.
    pub sha: Digest,
    /// The zone's revision that brought the entity to what it is.
    pub changed_revision: u64,
}

impl EntityRecord {
    /// The entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.changed_revision)
    }
}

/// The last change of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityChange {
    /// It is this now.
    Kept(EntityRecord),
    /// It is there no longer.
    Deleted {
        /// The type in its uid.
        entity_type: String,
        /// The id in its uid.
        entity_id: String,
        /// The zone's revision that took it away.
        changed_revision: u64,
    },
}

impl EntityChange {
    /// Type and id in the uid.
    #[must_use]
    pub fn uid(&self) -> (&str, &str) {
        match self {
            Self::Kept(record) => (&record.entity_type, &record.entity_id),
            Self::Deleted { entity_type, entity_id, .. } => (entity_type, entity_id),
        }
    }

    /// The zone's revision that made it.
    #[must_use]
    pub fn changed_revision(&self) -> u64 {
        match self {
            Self::Kept(record) => record.changed_revision,
            Self::Deleted { changed_revision, .. } => *changed_revision,
        }
    }
}
