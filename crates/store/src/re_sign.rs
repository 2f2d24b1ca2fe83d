//! What is exchanged about set versions that are to be signed again.

use cedarkeep_model::{PolicySetVersionId, Timestamp, ZoneId};

/// The set versions that are to be signed again for the sake of one key. Those that were refused for its sake are not
/// among them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReSignJob {
    /// This key signs now: the living versions whose newest attestation is by another one.
    With(String),
    /// This key is to be revoked: the versions, archived ones too, whose newest attestation is by it.
    AwayFrom(String),
}

impl ReSignJob {
    /// The id of the key that it is done for.
    #[must_use]
    pub fn kid(&self) -> &str {
        match self {
            Self::With(kid) | Self::AwayFrom(kid) => kid,
        }
    }
}

/// That a set version was not signed again, because it is not what was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReSignRefusal {
    /// The zone.
    pub zone_id: ZoneId,
    /// The key for whose sake it was looked at.
    pub kid: String,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// What is wrong with it.
    pub reason: String,
    /// When.
    pub refused_at: Timestamp,
}

/// How many set versions a key has to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignedVersions {
    /// Those that it ever signed.
    pub ever: u64,
    /// Those whose newest attestation is by it.
    pub newest: u64,
}
