//! The export of a zone whose form is known to be right: what the other steps compare.

use std::collections::{BTreeMap, BTreeSet};

use cedarkeep_model::{
    Digest, Envelope, Event, History, Manifest, ManifestEntry, PolicySetVersionId, PolicyVersionId,
    PublishedSetVersion, StandingBinding, ZoneId, ZoneKeyRecord,
};
use serde::{Deserialize, Serialize};

use super::{BINDINGS, EVENTS, HEAD, KEYS, PERIODS, ZONE, attestation_prefix, manifest_path, schema_path};
use crate::{
    Evidence, Subject,
    case::{Case, JWKS, Revoked, at, attestation_path, demand_canonical_json, policy_paths, take},
    report::{Found, settled},
    strict::read,
};

/// What the folder is about (`zone.json`).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Declaration {
    v: u8,
    r#type: String,
    zone_id: ZoneId,
}

impl Declaration {
    pub(super) fn of(zone_id: ZoneId) -> Self {
        Self { v: 1, r#type: "zone_export".to_owned(), zone_id }
    }
}

/// Every key that the zone ever had, by id (`keys.json`).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<ZoneKeyRecord>,
}

/// What the slots point at, by the ids of the bindings (`bindings.json`).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) bindings: Vec<StandingBinding>,
}

impl Standing {
    pub(super) fn of(mut bindings: Vec<StandingBinding>) -> Self {
        bindings.sort_by_key(|binding| binding.bound.binding_id);
        Self { bindings }
    }
}

/// The files of a set version.
pub(crate) struct VersionFiles<'a> {
    pub(crate) id: PolicySetVersionId,
    manifest: Manifest,
    attestations: Vec<(&'a [u8], Envelope)>,
}

/// The files of the export of a zone, read.
pub(crate) struct ZoneCase<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) zone: ZoneId,
    pub(crate) events: Vec<Event>,
    /// What the events lead to.
    pub(crate) history: History,
    /// What of the events does not fit what came before it.
    pub(crate) misfits: Vec<String>,
    pub(crate) versions: Vec<VersionFiles<'a>>,
}

impl<'a> ZoneCase<'a> {
    /// Reads the files, refusing whatever is missing, not known, or not in canonical form.
    pub(crate) fn read(evidence: &'a Evidence) -> Result<Found<Self>, String> {
        let mut left: BTreeMap<&str, &[u8]> =
            evidence.files().iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        let declared: Declaration = at(ZONE, take(&mut left, ZONE).and_then(read))?;
        if declared != Declaration::of(declared.zone_id) {
            return Err(format!("{ZONE}: not the export of a zone of version 1"));
        }
        let events = read_events(take(&mut left, EVENTS)?)?;
        at(HEAD, take(&mut left, HEAD).and_then(read::<Envelope>))?;
        // What else these say is compared byte for byte.
        for path in [JWKS, KEYS, BINDINGS, PERIODS] {
            take(&mut left, path)?;
        }
        let (mut history, mut misfits) = (History::default(), Vec::new());
        for event in &events {
            misfits.extend(history.apply(event).err());
        }
        let mut problems = Vec::new();
        let mut versions = Vec::new();
        for (id, published) in history.set_versions.iter() {
            match version(&mut left, id, published) {
                Ok(version) => versions.push(version),
                Err(problem) => problems.push(problem),
            }
        }
        for sha in history.schemas.values().collect::<BTreeSet<_>>() {
            let path = schema_path(*sha);
            let schema = take(&mut left, &path).and_then(|schema| at(&path, demand_canonical_json(schema)));
            problems.extend(schema.err());
        }
        let case = Self { evidence, zone: declared.zone_id, events, history, misfits, versions };
        for entry in case.pinned().values() {
            let (json, text) = policy_paths(entry);
            // Their form is held by their digests, which are over the canonical form.
            problems.extend(take(&mut left, &json).err());
            left.remove(text.as_str());
        }
        problems.extend(left.keys().map(|foreign| format!("{foreign} is not a file of this export")));
        settled(case, &problems, format!("{} files", evidence.files().len()))
    }

    /// Every policy version that a set version pins, once.
    pub(crate) fn pinned(&self) -> BTreeMap<PolicyVersionId, &ManifestEntry> {
        let entries = self.versions.iter().flat_map(|version| version.manifest.entries());
        entries.map(|entry| (entry.policy_version_id, entry)).collect()
    }

    /// What the folder holds about one version, as the export of that version alone would. What is asked about is what
    /// the events tell.
    pub(crate) fn single(&self, files: &VersionFiles<'a>, published: &PublishedSetVersion) -> Case<'a> {
        let told = &published.created.what;
        let revoked = self.history.keys.iter().filter(|key| key.revoked_seq.is_some());
        Case {
            evidence: self.evidence,
            prefix: attestation_prefix(files.id),
            subject: Subject {
                zone_id: self.zone,
                policy_set_id: told.policy_set_id,
                policy_set_version_id: files.id,
                policy_set_version: told.version,
                manifest_sha: told.manifest_sha,
                schema_version: told.schema_version.clone(),
                scope_type: told.scope_type,
            },
            manifest: files.manifest.clone(),
            schema: self.schema(told.schema_sha),
            jwks: self.file(JWKS),
            revoked: Revoked { kids: revoked.map(|key| key.kid.clone()).collect() },
            attestations: files.attestations.clone(),
        }
    }

    /// The schema of this digest.
    pub(crate) fn schema(&self, sha: Digest) -> &'a [u8] {
        self.file(&schema_path(sha))
    }

    /// A file that is known to be there.
    pub(crate) fn file(&self, path: &str) -> &'a [u8] {
        self.evidence.file(path).unwrap_or_default()
    }
}

fn version<'a>(
    left: &mut BTreeMap<&str, &'a [u8]>,
    id: PolicySetVersionId,
    published: &PublishedSetVersion,
) -> Result<VersionFiles<'a>, String> {
    let path = manifest_path(id);
    let manifest = take(left, &path).and_then(|manifest| at(&path, read(manifest)))?;
    let mut attestations = Vec::new();
    for number in 1..=published.attested.len() {
        let path = attestation_path(&attestation_prefix(id), number);
        let bytes = take(left, &path)?;
        attestations.push((bytes, at(&path, read(bytes))?));
    }
    Ok(VersionFiles { id, manifest, attestations })
}

/// The lines of a file, each ended.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

fn read_events(bytes: &[u8]) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    for (number, line) in (1..).zip(lines(bytes)) {
        let event = line.strip_suffix(b"\n").ok_or_else(|| "it is cut off".to_owned()).and_then(read);
        events.push(at(&format!("{EVENTS}:{number}"), event)?);
    }
    Ok(events)
}
