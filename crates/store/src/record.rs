//! Records that only the store and the service exchange.

use cedarkeep_model::{
    AttestationStatus, Binding, Digest, Envelope, PolicyId, PolicySetVersionId, PolicyVersion, PolicyVersionId,
    SchemaVersion, SetVersionRecord, Timestamp, Zone, ZoneId,
};

use crate::EventMark;

/// One attestation of a policy set version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestationRecord {
    /// The zone.
    pub zone_id: ZoneId,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// 1, 2, 3 … within the version, without gaps.
    pub seq: u64,
    /// Why it was made.
    pub status: AttestationStatus,
    /// The key that signed it.
    pub kid: String,
    /// The signed bytes, verbatim.
    pub envelope: Envelope,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What decisions in a zone follow, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneState {
    /// The zone with its settings and revision.
    pub zone: Zone,
    /// Every binding.
    pub bindings: Vec<Binding>,
    /// The zone's newest event.
    pub newest: Option<EventMark>,
}

/// Who uses a policy version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The living set versions that pin it, newest first, at most 100.
    pub set_versions: Vec<SetVersionRecord>,
    /// The bindings of such versions.
    pub bindings: Vec<Binding>,
}

/// The kept answer to a request that carried an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentAnswer {
    /// SHA-256 over principal, method, route and key.
    pub scope: Digest,
    /// SHA-256 of the request body.
    pub request: Digest,
    /// What the service answered, as JSON.
    pub answer: String,
    /// When.
    pub created_at: Timestamp,
}

/// A policy version without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionHead {
    /// Its id.
    pub id: PolicyVersionId,
    /// Its policy.
    pub policy_id: PolicyId,
    /// The schema version it was validated against.
    pub schema_version: SchemaVersion,
    /// The content digest.
    pub sha: Digest,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether its policy is archived.
    pub policy_archived: bool,
    /// Who published it.
    pub created_by: String,
}

impl VersionHead {
    /// The head of a version whose policy is known to live.
    #[must_use]
    pub fn of(version: &PolicyVersion) -> Self {
        Self {
            id: version.id,
            policy_id: version.policy_id,
            schema_version: version.schema_version.clone(),
            sha: version.sha,
            archived: version.archived.is_some(),
            policy_archived: false,
            created_by: version.created_by.clone(),
        }
    }
}
