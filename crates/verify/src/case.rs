//! An export whose form is known to be right: what the other steps compare.

use std::collections::{BTreeMap, BTreeSet};

use cedarkeep_model::{
    Digest, Envelope, Manifest, ManifestEntry, PolicySetId, PolicySetVersionId, SchemaVersion, ScopeType, ZoneId, json,
};
use serde::{Deserialize, Serialize};

use crate::{
    Evidence,
    report::{Found, held},
    strict::{demand_canonical, read},
};

pub(crate) const VERSION: &str = "version.json";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SCHEMA: &str = "schema.json";
pub(crate) const JWKS: &str = "jwks.json";
pub(crate) const REVOKED: &str = "revoked.json";

/// The path of the n-th attestation, from 1, of the version whose attestations have this prefix.
pub(crate) fn attestation_path(prefix: &str, number: usize) -> String {
    format!("attestations/{prefix}{number:04}.json")
}

/// The paths of a policy version: its JSON, its text.
pub(crate) fn policy_paths(entry: &ManifestEntry) -> (String, String) {
    let id = entry.policy_version_id;
    (format!("policies/{id}.json"), format!("policies/{id}.cedar"))
}

/// What is asked about: one policy set version (`version.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The zone.
    pub zone_id: ZoneId,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version's id.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number within its set, from 1.
    pub policy_set_version: u64,
    /// The manifest digest.
    pub manifest_sha: Digest,
    /// The pinned schema version.
    pub schema_version: SchemaVersion,
    /// The scope of the policy set.
    pub scope_type: ScopeType,
}

/// The ids of revoked keys that signed an attestation of the version (`revoked.json`, absent when there is none).
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoked {
    pub(crate) kids: BTreeSet<String>,
}

/// One pinned policy version with its files.
pub(crate) struct PolicyFiles<'a> {
    pub(crate) entry: &'a ManifestEntry,
    pub(crate) json: &'a [u8],
    pub(crate) text: Option<&'a [u8]>,
}

/// The files about one version, read.
pub(crate) struct Case<'a> {
    pub(crate) evidence: &'a Evidence,
    /// What its attestations' names begin with: nothing where there are no others.
    pub(crate) prefix: String,
    pub(crate) subject: Subject,
    pub(crate) manifest: Manifest,
    pub(crate) schema: &'a [u8],
    pub(crate) jwks: &'a [u8],
    pub(crate) revoked: Revoked,
    pub(crate) attestations: Vec<(&'a [u8], Envelope)>,
}

impl<'a> PolicyFiles<'a> {
    pub(crate) fn of(evidence: &'a Evidence, entry: &'a ManifestEntry) -> Self {
        let (json, text) = policy_paths(entry);
        Self { entry, json: evidence.file(&json).unwrap_or_default(), text: evidence.file(&text) }
    }
}

impl<'a> Case<'a> {
    /// Reads the files, refusing one that is missing, not known, or not in canonical form.
    pub(crate) fn read(evidence: &'a Evidence) -> Result<Found<Self>, String> {
        let mut left: BTreeMap<&str, &[u8]> =
            evidence.files().iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        let case = Self {
            evidence,
            prefix: String::new(),
            subject: at(VERSION, read(take(&mut left, VERSION)?))?,
            manifest: at(MANIFEST, read(take(&mut left, MANIFEST)?))?,
            schema: take(&mut left, SCHEMA)?,
            jwks: take(&mut left, JWKS)?,
            revoked: match left.remove(REVOKED) {
                Some(bytes) => at(REVOKED, read_revoked(bytes))?,
                None => Revoked::default(),
            },
            attestations: take_attestations(&mut left)?,
        };
        at(SCHEMA, demand_canonical_json(case.schema))?;
        for entry in case.manifest.entries() {
            let (json, text) = policy_paths(entry);
            // Their form is held by their digests, which are over the canonical form.
            take(&mut left, &json)?;
            left.remove(text.as_str());
        }
        match left.keys().next() {
            Some(foreign) => Err(format!("{foreign} is not a file of this export")),
            None => Ok(held(case, format!("{} files", evidence.files().len()))),
        }
    }

    /// The path of its n-th attestation, from 1.
    pub(crate) fn attestation_path(&self, number: usize) -> String {
        attestation_path(&self.prefix, number)
    }

    /// The pinned policy versions with their files, in the order of the manifest.
    pub(crate) fn policies(&self) -> impl Iterator<Item = PolicyFiles<'_>> {
        self.manifest.entries().iter().map(|entry| PolicyFiles::of(self.evidence, entry))
    }
}

pub(crate) fn take<'a>(left: &mut BTreeMap<&str, &'a [u8]>, path: &str) -> Result<&'a [u8], String> {
    left.remove(path).ok_or_else(|| format!("{path} is missing"))
}

fn take_attestations<'a>(left: &mut BTreeMap<&str, &'a [u8]>) -> Result<Vec<(&'a [u8], Envelope)>, String> {
    let mut attestations = Vec::new();
    loop {
        let path = attestation_path("", attestations.len() + 1);
        match left.remove(path.as_str()) {
            Some(bytes) => attestations.push((bytes, at(&path, read(bytes))?)),
            None if attestations.is_empty() => return Err(format!("{path} is missing")),
            None => return Ok(attestations),
        }
    }
}

fn read_revoked(bytes: &[u8]) -> Result<Revoked, String> {
    let revoked: Revoked = read(bytes)?;
    if revoked.kids.is_empty() { Err("it names no key; leave the file out".to_owned()) } else { Ok(revoked) }
}

pub(crate) fn demand_canonical_json(bytes: &[u8]) -> Result<(), String> {
    demand_canonical(&json::parse(bytes).map_err(|error| error.to_string())?, bytes)
}

/// Says in which file it is.
pub(crate) fn at<T>(path: &str, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|reason| format!("{path}: {reason}"))
}
