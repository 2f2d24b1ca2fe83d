//! Policy versions and set versions, as the events of their publication tell of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    Digest, Event, EventKind, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion, ScopeType,
    Timestamp, ValidationMode,
};

/// What was recorded, when and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<T> {
    /// What.
    pub what: T,
    /// When.
    pub at: Timestamp,
    /// Of whom.
    pub by: String,
}

impl<T> Recorded<T> {
    fn of(event: &Event, what: T) -> Self {
        Self { what, at: event.at, by: event.actor.clone() }
    }
}

/// Counts a version in, which must be the next of its row.
fn next_number(event: &Event, newest: &mut u64, number: u64) -> Result<(), String> {
    *newest += 1;
    if *newest == number { Ok(()) } else { Err(format!("event {}: version {number} follows a gap", event.seq)) }
}

/// What the event of its publication says of a policy version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PolicyVersionEvent {
    /// Its policy.
    pub policy_id: PolicyId,
    /// Its id.
    pub policy_version_id: PolicyVersionId,
    /// Its number within its policy.
    pub version: u64,
    /// Its content digest.
    pub sha: Digest,
}

/// Every policy version that the events tell of.
#[derive(Debug, Default)]
pub struct PolicyVersions {
    versions: BTreeMap<PolicyVersionId, Recorded<PolicyVersionEvent>>,
    newest: BTreeMap<PolicyId, u64>,
}

impl PolicyVersions {
    /// Folds an event in; those of other kinds leave it as it is.
    ///
    /// # Errors
    /// When the version is not the next of its policy.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        if event.kind == EventKind::PolicyVersionCreated {
            let version: PolicyVersionEvent = event.read_body()?;
            next_number(event, self.newest.entry(version.policy_id).or_default(), version.version)?;
            self.versions.insert(version.policy_version_id, Recorded::of(event, version));
        }
        Ok(())
    }

    /// The version with this id.
    #[must_use]
    pub fn get(&self, id: PolicyVersionId) -> Option<&Recorded<PolicyVersionEvent>> {
        self.versions.get(&id)
    }

    /// The number of a policy's newest version; 0 when it has none.
    #[must_use]
    pub fn newest(&self, policy: PolicyId) -> u64 {
        self.newest.get(&policy).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.versions.len()
    }
}

/// What the event of its publication says of a set version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SetVersionEvent {
    /// Its policy set.
    pub policy_set_id: PolicySetId,
    /// Its id.
    pub policy_set_version_id: PolicySetVersionId,
    /// Its number within its set.
    pub version: u64,
    /// The manifest digest.
    pub manifest_sha: Digest,
    /// The slot that the set is made for.
    pub scope_type: ScopeType,
    /// The pinned schema version.
    pub schema_version: SchemaVersion,
    /// The digest of that schema.
    pub schema_sha: Digest,
    /// The digest over the texts of the pinned versions.
    pub texts_sha: Digest,
    /// Whether the policies were validated.
    pub validation: ValidationMode,
    /// The version of the Cedar library that read them.
    pub cedar_version: String,
    /// The key that attested it.
    pub kid: String,
}

#[derive(Deserialize)]
struct ReSignedEvent {
    policy_set_version_id: PolicySetVersionId,
    kid: String,
    attestation: u64,
    prev_sha256: Digest,
}

/// What an event says of an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The key that signed it.
    pub kid: String,
    /// The digest of the attestation before it; none of the first.
    pub prev_sha256: Option<Digest>,
}

/// A set version as the events tell of it.
#[derive(Debug)]
pub struct PublishedSetVersion {
    /// Its publication.
    pub created: Recorded<SetVersionEvent>,
    /// Its attestations, oldest first.
    pub attested: Vec<Recorded<Attested>>,
}

/// Every set version that the events tell of.
#[derive(Debug, Default)]
pub struct SetVersions {
    versions: BTreeMap<PolicySetVersionId, PublishedSetVersion>,
    newest: BTreeMap<PolicySetId, u64>,
}

impl SetVersions {
    /// Folds an event in; those of other kinds leave it as it is.
    ///
    /// # Errors
    /// When the version, or the attestation, is not the next of its row.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::SetVersionCreated => {
                let version: SetVersionEvent = event.read_body()?;
                next_number(event, self.newest.entry(version.policy_set_id).or_default(), version.version)?;
                let first = Attested { kid: version.kid.clone(), prev_sha256: None };
                let attested = vec![Recorded::of(event, first)];
                let created = Recorded::of(event, version);
                let id = created.what.policy_set_version_id;
                self.versions.insert(id, PublishedSetVersion { created, attested });
            }
            EventKind::SetVersionReSigned => self.re_signed(event)?,
            _ => {}
        }
        Ok(())
    }

    fn re_signed(&mut self, event: &Event) -> Result<(), String> {
        let ReSignedEvent { policy_set_version_id, kid, attestation, prev_sha256 } = event.read_body()?;
        let version = self.versions.get_mut(&policy_set_version_id);
        let version = version.ok_or_else(|| format!("event {}: nothing of that id was published", event.seq))?;
        let again = Attested { kid, prev_sha256: Some(prev_sha256) };
        version.attested.push(Recorded::of(event, again));
        if u64::try_from(version.attested.len()) == Ok(attestation) {
            Ok(())
        } else {
            Err(format!("event {}: attestation {attestation} follows a gap", event.seq))
        }
    }

    /// The version with this id.
    #[must_use]
    pub fn get(&self, id: PolicySetVersionId) -> Option<&PublishedSetVersion> {
        self.versions.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (PolicySetVersionId, &PublishedSetVersion)> {
        self.versions.iter().map(|(id, version)| (*id, version))
    }

    /// How many attestations they have.
    #[must_use]
    pub fn attestations(&self) -> usize {
        self.versions.values().map(|version| version.attested.len()).sum()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.versions.len()
    }
}
