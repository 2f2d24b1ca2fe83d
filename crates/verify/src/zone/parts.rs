//! Putting the export of a zone together.

use std::collections::BTreeMap;

use cedarkeep_attest::Jwks;
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{
    Digest, Envelope, Event, History, Manifest, PolicySetVersionId, StandingBinding, ZoneId, ZoneKeyRecord,
};
use serde::Serialize;

use super::{
    BINDINGS, EVENTS, HEAD, KEYS, PERIODS, ZONE, attestation_prefix,
    case::{Declaration, Keys, Standing},
    manifest_path, schema_path,
};
use crate::{
    Evidence, EvidenceError, PolicyPart,
    case::{JWKS, attestation_path},
    parts::{canonical, policies, schema},
};

/// What the export of a zone is made of.
#[derive(Debug, Clone)]
pub struct ZoneParts {
    /// The zone.
    pub zone_id: ZoneId,
    /// All its events, by number.
    pub events: Vec<Event>,
    /// The signed head of the events.
    pub head: Envelope,
    /// The published keys.
    pub jwks: Jwks,
    /// Every key that the zone ever had, in any order.
    pub keys: Vec<ZoneKeyRecord>,
    /// What the slots point at, in any order.
    pub bindings: Vec<StandingBinding>,
    /// Every set version.
    pub versions: Vec<VersionPart>,
    /// The Cedar schema JSON of every schema version.
    pub schemas: Vec<String>,
    /// Every policy version that a set version pins, once.
    pub policies: Vec<PolicyPart>,
}

/// One set version.
#[derive(Debug, Clone)]
pub struct VersionPart {
    /// Its id.
    pub policy_set_version_id: PolicySetVersionId,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its attestations, oldest first.
    pub attestations: Vec<Envelope>,
}

impl Evidence {
    /// Puts the export of a zone together. Nothing is verified here: what was not right before is not right after. Blocks
    /// for the work on the pool: not for async workers.
    ///
    /// # Errors
    /// When a part is not JSON.
    pub fn of_zone(mut parts: ZoneParts, pool: &CedarPool) -> Result<Self, EvidenceError> {
        parts.keys.sort_by(|one, other| one.kid.cmp(&other.kid));
        let mut history = History::default();
        for event in &parts.events {
            // What does not fold is for the verification to say.
            let _ = history.apply(event);
        }
        let mut files = BTreeMap::from([
            (ZONE.to_owned(), canonical(ZONE, &Declaration::of(parts.zone_id))?),
            (EVENTS.to_owned(), lines(EVENTS, &parts.events)?),
            (HEAD.to_owned(), canonical(HEAD, &parts.head)?),
            (JWKS.to_owned(), canonical(JWKS, &parts.jwks.to_json())?),
            (KEYS.to_owned(), canonical(KEYS, &Keys { keys: parts.keys })?),
            (BINDINGS.to_owned(), canonical(BINDINGS, &Standing::of(parts.bindings))?),
            (PERIODS.to_owned(), lines(PERIODS, history.bindings.periods())?),
        ]);
        for version in parts.versions {
            let path = manifest_path(version.policy_set_version_id);
            let manifest = canonical(&path, &version.manifest)?;
            files.insert(path, manifest);
            let prefix = attestation_prefix(version.policy_set_version_id);
            for (number, envelope) in (1..).zip(&version.attestations) {
                let path = attestation_path(&prefix, number);
                let envelope = canonical(&path, envelope)?;
                files.insert(path, envelope);
            }
        }
        for text in parts.schemas {
            let schema = schema(&text)?;
            files.insert(schema_path(Digest::of(&schema)), schema);
        }
        files.extend(policies(parts.policies, pool)?);
        Ok(Self::new(files))
    }
}

/// Each in canonical form on a line of its own.
pub(super) fn lines<T: Serialize>(part: &str, items: &[T]) -> Result<Vec<u8>, EvidenceError> {
    let mut lines = Vec::new();
    for item in items {
        lines.extend(canonical(part, item)?);
        lines.push(b'\n');
    }
    Ok(lines)
}
