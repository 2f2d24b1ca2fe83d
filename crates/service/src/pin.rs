//! Pinning: which policy versions may stand in a manifest, and why others may not.

use std::collections::{HashMap, HashSet};

use cedarkeep_model::{Digest, MAX_MANIFEST_ENTRIES, NewEntry, PolicySchema, PolicyVersion, SchemaVersion, ZoneId};
use cedarkeep_store::{ArchivedFilter, PolicyFilter, Read, VersionHead};

use crate::{Code, Error, policies};

/// The versions that the entries name, each checked against what the entry and the schema version say.
pub(crate) async fn pin(
    store: &mut dyn Read,
    zone: ZoneId,
    schema: &PolicySchema,
    entries: &[NewEntry],
) -> Result<Vec<PolicyVersion>, Error> {
    check_form(entries)?;
    let ids: Vec<_> = entries.iter().map(|entry| entry.policy_version_id).collect();
    let found = store.policy_versions_by_id(zone, &ids).await?;
    let mut found: HashMap<_, _> = found.into_iter().map(|version| (version.id, version)).collect();
    let mut pinned = Vec::with_capacity(entries.len());
    for entry in entries {
        let version = found.remove(&entry.policy_version_id);
        let head = version.as_ref().map(VersionHead::of);
        if let Some(fault) = faults(entry, head.as_ref(), &schema.version).first() {
            return Err(fault.error(entry, &schema.version));
        }
        pinned.extend(version);
    }
    refuse_archived_policies(store, zone, entries).await?;
    Ok(pinned)
}

/// The manifest's form: some entries, not too many, each policy once.
pub(crate) fn check_form(entries: &[NewEntry]) -> Result<(), Error> {
    if entries.is_empty() {
        return Err(empty());
    }
    check_number(entries)?;
    duplicates(entries).next().map_or(Ok(()), |twice| Err(duplicate(twice)))
}

/// At most [`MAX_MANIFEST_ENTRIES`].
pub(crate) fn check_number(entries: &[NewEntry]) -> Result<(), Error> {
    if entries.len() <= MAX_MANIFEST_ENTRIES {
        return Ok(());
    }
    let message = format!("a manifest has at most {MAX_MANIFEST_ENTRIES} entries, this one has {}", entries.len());
    Err(Error::new(Code::BadRequest, message))
}

/// Entries of a policy that stands in the manifest before them already.
pub(crate) fn duplicates(entries: &[NewEntry]) -> impl Iterator<Item = &NewEntry> {
    let mut seen = HashSet::new();
    entries.iter().filter(move |entry| !seen.insert(entry.policy_id))
}

/// A manifest pins something.
pub(crate) fn empty() -> Error {
    Error::new(Code::ManifestEmpty, "a manifest needs at least one entry")
}

/// A manifest pins one version of a policy.
pub(crate) fn duplicate(twice: &NewEntry) -> Error {
    let message = format!("policy {} stands in the manifest twice; pin one version of it", twice.policy_id);
    Error::new(Code::ManifestDuplicatePolicy, message).with_detail("policy_id", twice.policy_id.to_string())
}

/// Why a policy version cannot be pinned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The policy has no such version.
    Unknown,
    /// The version is archived.
    Archived,
    /// The version has this digest and not the one given.
    OtherSha(Digest),
    /// The version was validated against this schema version.
    OtherSchema(SchemaVersion),
    /// Its policy is archived.
    PolicyArchived,
}

/// Everything that keeps a version from being pinned under a schema version, the worst first.
pub(crate) fn faults(entry: &NewEntry, found: Option<&VersionHead>, schema_version: &SchemaVersion) -> Vec<Fault> {
    let Some(version) = found.filter(|found| found.policy_id == entry.policy_id) else { return vec![Fault::Unknown] };
    let archived = version.archived.then_some(Fault::Archived);
    let sha = entry.sha.is_some_and(|sha| sha != version.sha).then_some(Fault::OtherSha(version.sha));
    let other_schema = version.schema_version != *schema_version;
    let schema = other_schema.then(|| Fault::OtherSchema(version.schema_version.clone()));
    let policy = version.policy_archived.then_some(Fault::PolicyArchived);
    [archived, sha, schema, policy].into_iter().flatten().collect()
}

impl Fault {
    /// What publishing answers.
    pub(crate) fn error(&self, entry: &NewEntry, schema_version: &SchemaVersion) -> Error {
        let id = entry.policy_version_id;
        let (code, message) = match self {
            Self::Unknown => (Code::PolicyVersionNotFound, format!("policy {} has no version {id}", entry.policy_id)),
            Self::Archived => (Code::VersionArchived, format!("policy version {id} is archived; pin a living one")),
            Self::OtherSha(sha) => {
                (Code::ShaMismatch, format!("policy version {id} has the digest {sha}, not the one given"))
            }
            Self::OtherSchema(theirs) => {
                let (theirs, ours) = (theirs.as_str(), schema_version.as_str());
                let message = format!(
                    "policy version {id} was validated against schema {theirs:?}, the set version names {ours:?}"
                );
                (Code::SchemaVersionMismatch, message)
            }
            Self::PolicyArchived => {
                (Code::PolicyArchived, format!("policy {} is archived; make a new policy", entry.policy_id))
            }
        };
        Error::new(code, message)
            .with_detail("policy_id", entry.policy_id.to_string())
            .with_detail("policy_version_id", id.to_string())
    }
}

/// No new version of a set pins an archived policy.
pub(crate) async fn refuse_archived_policies(
    store: &mut dyn Read,
    zone: ZoneId,
    entries: &[NewEntry],
) -> Result<(), Error> {
    let ids = entries.iter().map(|entry| entry.policy_id).collect();
    let filter = PolicyFilter { ids: Some(ids), archived: ArchivedFilter::Only, ..PolicyFilter::default() };
    let archived = store.policies(zone, &filter, &policies::first_only()).await?;
    archived.items.first().map_or(Ok(()), |(_, policy)| policies::living_policy(policy))
}
