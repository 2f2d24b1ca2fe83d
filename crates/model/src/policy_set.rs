//! Policy sets, their versions and the bindings that point at them.

use serde::{Deserialize, Serialize};

use crate::{
    Archived, AttestationStatement, BindingId, BindingMode, Digest, Manifest, Name, OwnerType, PolicySetId,
    PolicySetVersionId, SchemaVersion, ScopeType, Timestamp, ValidationMode, ZoneId,
};

/// A policy set: a name, a scope and a row of immutable, attested versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySet {
    /// Its id.
    pub id: PolicySetId,
    /// Its zone.
    pub zone_id: ZoneId,
    /// Unique in the zone among the living.
    pub name: Name,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// The slot it is made for.
    pub scope_type: ScopeType,
    /// Counts the changes of this object, bindings of its versions included, from 1.
    pub revision: u64,
    /// The newest version's number.
    pub latest_version: Option<u64>,
    /// The newest version's id.
    pub latest_version_id: Option<PolicySetVersionId>,
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

/// A version that a slot points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundVersion {
    /// The version.
    pub version_id: PolicySetVersionId,
    /// Its number.
    pub version: u64,
    /// The slot's target.
    pub scope_target_id: String,
}

/// A policy set together with its most recent bindings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySetState {
    /// The set.
    pub set: PolicySet,
    /// Its most recent active binding.
    pub active: Option<BoundVersion>,
    /// Its most recent shadow binding.
    pub shadow: Option<BoundVersion>,
}

impl PolicySetState {
    /// The entity tag; binding and unbinding bump the set's revision too.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.set.revision)
    }
}

/// The immutable record of a policy set version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetVersionRecord {
    /// Its id.
    pub id: PolicySetVersionId,
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its policy set.
    pub policy_set_id: PolicySetId,
    /// 1, 2, 3 … within the set, without gaps.
    pub version: u64,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// The scope of its set.
    pub scope_type: ScopeType,
    /// The pinned schema version.
    pub schema_version: SchemaVersion,
    /// The digest of that schema.
    pub schema_sha: Digest,
    /// The pinned policy versions.
    pub manifest: Manifest,
    /// The manifest digest.
    pub manifest_sha: Digest,
    /// The digest over the texts of the pinned versions.
    pub texts_sha: Digest,
    /// Whether the policies were validated.
    pub validation: ValidationMode,
    /// The version of the Cedar library that read them.
    pub cedar_version: String,
    /// When it was published.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A policy set version with everything that is known about it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySetVersion {
    /// What never changes.
    pub record: SetVersionRecord,
    /// The statement of its newest attestation.
    pub attestation: AttestationStatement,
    /// How many attestations it has.
    pub attestations: u64,
    /// Whether an active binding points at it.
    pub active: bool,
    /// Set once it is archived.
    pub archived: Option<Archived>,
}

impl PolicySetVersion {
    /// The entity tag: what can change is the newest attestation, whether it is bound, whether it is archived.
    #[must_use]
    pub fn etag(&self) -> String {
        let state = u8::from(self.active) + 2 * u8::from(self.archived.is_some());
        format!("\"{}-{state}\"", self.attestations)
    }
}

/// A pointer from one slot to one policy set version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// Its zone.
    pub zone_id: ZoneId,
    /// Whether it decides or is only observed.
    pub mode: BindingMode,
    /// The slot's kind.
    pub scope_type: ScopeType,
    /// The slot's target: the zone id, an entity uid, or a session id.
    pub scope_target_id: String,
    /// The set of the version.
    pub policy_set_id: PolicySetId,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number within its set.
    pub version: u64,
    /// The version's manifest digest.
    pub manifest_sha: Digest,
    /// The zone's revision that this binding made.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl Binding {
    /// The entity tag: a binding never changes, it is replaced by another.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}
