//! Putting an export together.

use std::collections::{BTreeMap, BTreeSet};

use cedarkeep_attest::{Jwks, envelope_statement};
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{Envelope, Manifest, PolicyVersionId, PublicKey, canonical_bytes, escape_longs, json};
use serde::Serialize;

use crate::{
    Evidence, EvidenceError, Subject,
    case::{JWKS, MANIFEST, REVOKED, Revoked, SCHEMA, VERSION, attestation_path},
    strict::canonical_cedar_json,
};

/// What an export is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The version that is asked about.
    pub subject: Subject,
    /// Its manifest.
    pub manifest: Manifest,
    /// The Cedar schema JSON as stored.
    pub schema_json: String,
    /// The pinned policy versions, in any order.
    pub policies: Vec<PolicyPart>,
    /// Every attestation of the version, oldest first.
    pub attestations: Vec<Envelope>,
    /// The zone's published keys; those that signed none of the attestations are left out.
    pub jwks: Jwks,
    /// The ids of the zone's revoked keys; again only those that signed an attestation are kept.
    pub revoked: BTreeSet<String>,
}

/// One pinned policy version.
#[derive(Debug, Clone)]
pub struct PolicyPart {
    /// Its id.
    pub policy_version_id: PolicyVersionId,
    /// The Cedar policy-set JSON with plain integers.
    pub cedar_json: String,
    /// The text, byte for byte, if there is one.
    pub cedar_raw: Option<String>,
}

impl Evidence {
    /// Puts an export together. Nothing is verified here: what was not right before is not right after. Blocks for the
    /// work on the pool: not for async workers.
    ///
    /// # Errors
    /// When a part is not JSON or an envelope has no statement.
    pub fn from_parts(parts: Parts, pool: &CedarPool) -> Result<Self, EvidenceError> {
        let mut files = BTreeMap::from([
            (VERSION.to_owned(), canonical(VERSION, &parts.subject)?),
            (MANIFEST.to_owned(), canonical(MANIFEST, &parts.manifest)?),
            (SCHEMA.to_owned(), schema(&parts.schema_json)?),
        ]);
        let named = signing_kids(&parts.attestations)?;
        files.insert(JWKS.to_owned(), canonical(JWKS, &named_keys(&parts.jwks, &named)?.to_json())?);
        let kids: BTreeSet<String> = parts.revoked.intersection(&named).cloned().collect();
        if !kids.is_empty() {
            files.insert(REVOKED.to_owned(), canonical(REVOKED, &Revoked { kids })?);
        }
        for (number, envelope) in (1..).zip(&parts.attestations) {
            let path = attestation_path("", number);
            let bytes = canonical(&path, envelope)?;
            files.insert(path, bytes);
        }
        files.extend(policies(parts.policies, pool)?);
        Ok(Self::new(files))
    }
}

pub(crate) fn canonical<T: Serialize>(part: &str, value: &T) -> Result<Vec<u8>, EvidenceError> {
    canonical_bytes(value).map_err(|error| wrong(part, &error))
}

pub(crate) fn schema(text: &str) -> Result<Vec<u8>, EvidenceError> {
    let value = json::parse(text.as_bytes()).map_err(|error| wrong(SCHEMA, &error))?;
    canonical(SCHEMA, &escape_longs(&value))
}

fn signing_kids(attestations: &[Envelope]) -> Result<BTreeSet<String>, EvidenceError> {
    let kid = |envelope| envelope_statement(envelope).map(|statement| statement.key_id);
    attestations.iter().map(kid).collect::<Result<_, _>>().map_err(|refusal| wrong("attestations", &refusal))
}

fn named_keys(jwks: &Jwks, named: &BTreeSet<String>) -> Result<Jwks, EvidenceError> {
    let keys: Vec<(PublicKey, String)> =
        named.iter().filter_map(|kid| Some((jwks.public_key(kid)?.clone(), kid.clone()))).collect();
    Jwks::from_keys(&keys).map_err(|refusal| wrong(JWKS, &refusal))
}

pub(crate) fn policies(parts: Vec<PolicyPart>, pool: &CedarPool) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
    let mut files = BTreeMap::new();
    for PolicyPart { policy_version_id: id, cedar_json, cedar_raw } in parts {
        let path = format!("policies/{id}.json");
        let canonical = pool.run_blocking(move || canonical_cedar_json(&cedar_json));
        let canonical = canonical.map_err(|error| wrong(&path, &error))?.map_err(|reason| wrong(&path, &reason))?;
        files.insert(path, canonical);
        if let Some(text) = cedar_raw {
            files.insert(format!("policies/{id}.cedar"), text.into_bytes());
        }
    }
    Ok(files)
}

pub(crate) fn wrong(part: &str, reason: &dyn ToString) -> EvidenceError {
    EvidenceError::Part { part: part.to_owned(), reason: reason.to_string() }
}
