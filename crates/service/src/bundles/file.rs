//! A bundle as a file: what a user's slot shows, written out.

use std::collections::{BTreeMap, HashMap};

use cedarkeep_bundle::{Bundle, BundleManifest, KnownPolicy, PolicyEntry, PolicySetRef, Stem};
use cedarkeep_model::{Binding, Digest, Name, PolicyVersion, PolicyVersionId, SetVersionRecord};
use cedarkeep_store::Read;

use crate::{Code, Error, Service, User, keys::broken_off};

/// A bundle as it is given out.
#[derive(Debug, Clone)]
pub struct UserBundle {
    /// The archive.
    pub archive: Vec<u8>,
    /// Its strong entity tag (RFC 9110, section 8.8.3): of its bytes.
    pub etag: String,
}

impl Service {
    /// Writes out what the user's slot points at.
    pub(super) async fn bundle_file(
        &self,
        mut store: Box<dyn Read>,
        owner: &User,
        binding: &Binding,
    ) -> Result<UserBundle, Error> {
        let bundle = gather(&mut *store, owner, binding).await?;
        // The connection goes back before the work that takes its time.
        drop(store);
        let write = move || cedarkeep_bundle::encode(&bundle);
        let archive = tokio::task::spawn_blocking(write).await.map_err(broken_off)?.map_err(unwritable)?;
        let etag = format!("\"{}\"", Digest::of(&archive));
        Ok(UserBundle { archive, etag })
    }
}

async fn gather(store: &mut dyn Read, owner: &User, binding: &Binding) -> Result<Bundle, Error> {
    let gone = || Error::new(Code::IntegrityError, "the user's slot points at a version that is not there");
    let version = store.set_version(owner.zone, binding.policy_set_id, binding.policy_set_version_id).await?;
    let record = version.ok_or_else(gone)?.record;
    let schema = store.schema(owner.zone, record.schema_version.as_str()).await?.ok_or_else(gone)?;
    let names: HashMap<_, _> = store.pinned_names(owner.zone, record.id).await?.into_iter().collect();
    let mut versions = versions(store, owner, &record).await?;
    let (mut policies, mut texts) = (Vec::new(), BTreeMap::new());
    for entry in record.manifest.entries() {
        let version = versions.remove(&entry.policy_version_id).ok_or_else(gone)?;
        let name = names.get(&entry.policy_id).and_then(|name| Name::new(name).ok());
        let known = KnownPolicy {
            policy_id: version.policy_id,
            policy_version_id: Some(version.id),
            name,
            sha: Some(version.sha.to_string()),
            owner_type: Some(version.owner_type),
        };
        policies.push(PolicyEntry::Known(known));
        texts.insert(Stem::from(version.policy_id), text(version)?);
    }
    let mut manifest = BundleManifest::new(record.schema_version, policies);
    manifest.zone_id = Some(owner.zone);
    manifest.user = Some(owner.uid.clone());
    manifest.schema.sha = Some(record.schema_sha.to_string());
    manifest.policy_set = Some(PolicySetRef {
        id: record.policy_set_id,
        version_id: record.id,
        version: record.version,
        manifest_sha: record.manifest_sha,
    });
    Bundle::new(manifest, Some(schema.cedar_schema), texts).map_err(unwritable)
}

/// The versions that a set version pins.
pub(super) async fn versions(
    store: &mut dyn Read,
    owner: &User,
    record: &SetVersionRecord,
) -> Result<HashMap<PolicyVersionId, PolicyVersion>, Error> {
    let ids: Vec<_> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    let versions = store.policy_versions_by_id(owner.zone, &ids).await?;
    Ok(versions.into_iter().map(|version| (version.id, version)).collect())
}

/// The text of a version; what came as JSON may have none.
pub(super) fn text(version: PolicyVersion) -> Result<String, Error> {
    let id = version.policy_id;
    version.cedar_raw.ok_or_else(|| {
        let message = format!(
            "policy {id} has no Cedar text that says exactly what its JSON says, so it cannot stand in a bundle; an \
             administrator publishes it as text"
        );
        Error::new(Code::InvalidCedar, message).with_detail("policy_id", id.to_string())
    })
}

fn unwritable(error: cedarkeep_bundle::BundleError) -> Error {
    Error::new(Code::Internal, "the bundle could not be written").with_source(error)
}
