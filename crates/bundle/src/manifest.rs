//! The manifest of a bundle, `manifest.json`.

use cedarkeep_model::{
    Description, Digest, Name, OwnerType, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion,
    ZoneId, json,
};
use serde::{Deserialize, Serialize};

use crate::{BundleError, Stem};

/// The version of the layout.
const VERSION: u64 = 1;

/// What a bundle holds. Given back to the server, only `schema.version` and which entries stand in `policies` count; the
/// rest says what the server knew when it wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleManifest {
    version: u64,
    /// The zone.
    pub zone_id: Option<ZoneId>,
    /// The user whose bundle it is: a Cedar entity uid.
    pub user: Option<String>,
    /// The schema version that the policies are validated against.
    pub schema: SchemaRef,
    /// The policy set version that the bundle shows.
    pub policy_set: Option<PolicySetRef>,
    /// The policies, each with a file of its own.
    pub policies: Vec<PolicyEntry>,
}

/// A schema version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaRef {
    /// Its version.
    pub version: SchemaVersion,
    /// Its digest; advisory.
    pub sha: Option<String>,
}

/// A policy set version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySetRef {
    /// The policy set.
    pub id: PolicySetId,
    /// The version.
    pub version_id: PolicySetVersionId,
    /// Its number.
    pub version: u64,
    /// Its manifest digest.
    pub manifest_sha: Digest,
}

/// A policy of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Given", into = "Given")]
pub enum PolicyEntry {
    /// One that the server has.
    Known(KnownPolicy),
    /// One that the server is to make.
    New(NewPolicy),
}

/// A policy that the server has; its file is named after its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPolicy {
    /// The policy.
    pub policy_id: PolicyId,
    /// The version whose text the bundle was given out with.
    pub policy_version_id: Option<PolicyVersionId>,
    /// The policy's name.
    pub name: Option<Name>,
    /// The content digest of that version; advisory.
    pub sha: Option<String>,
    /// Who manages the policy.
    pub owner_type: Option<OwnerType>,
}

/// A policy that the server is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPolicy {
    /// The name of its file.
    pub file: Stem,
    /// Its name; that of its file when absent.
    pub name: Option<Name>,
    /// What it is for.
    pub description: Option<Description>,
}

/// An entry as it is written, of either kind.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_id: Option<PolicyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_policy: Option<Stem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version_id: Option<PolicyVersionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_type: Option<OwnerType>,
}

impl BundleManifest {
    /// A manifest that names nothing but a schema version and policies.
    #[must_use]
    pub fn new(schema: SchemaVersion, policies: Vec<PolicyEntry>) -> Self {
        let schema = SchemaRef { version: schema, sha: None };
        Self { version: VERSION, zone_id: None, user: None, schema, policy_set: None, policies }
    }

    /// Reads it strictly: no duplicate member names, none that is not known.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let wrong = |why: String| BundleError::Manifest(why.chars().take(400).collect());
        let value = json::parse(bytes).map_err(|error| wrong(error.to_string()))?;
        let manifest: Self = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        match manifest.version {
            VERSION => Ok(manifest),
            other => Err(wrong(format!("version {other} is not known; this server reads version {VERSION}"))),
        }
    }

    /// Writes it for people to edit.
    pub(crate) fn write(&self) -> Result<Vec<u8>, BundleError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| BundleError::Manifest(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl PolicyEntry {
    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> Stem {
        match self {
            Self::Known(known) => known.policy_id.into(),
            Self::New(new) => new.file.clone(),
        }
    }
}

impl TryFrom<Given> for PolicyEntry {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, &'static str> {
        let Given { policy_id, new_policy, policy_version_id, name, description, sha, owner_type } = given;
        match (policy_id, new_policy) {
            (Some(policy_id), None) if description.is_none() => {
                Ok(Self::Known(KnownPolicy { policy_id, policy_version_id, name, sha, owner_type }))
            }
            (None, Some(file)) if policy_version_id.is_none() && owner_type.is_none() => {
                Ok(Self::New(NewPolicy { file, name, description }))
            }
            (Some(_), None) => Err("description goes with new_policy"),
            (None, Some(_)) => Err("policy_version_id and owner_type go with policy_id"),
            _ => Err("a policy has policy_id, or new_policy for one that is to be made"),
        }
    }
}

impl From<PolicyEntry> for Given {
    fn from(entry: PolicyEntry) -> Self {
        match entry {
            PolicyEntry::Known(KnownPolicy { policy_id, policy_version_id, name, sha, owner_type }) => Self {
                policy_id: Some(policy_id),
                new_policy: None,
                policy_version_id,
                name,
                description: None,
                sha,
                owner_type,
            },
            PolicyEntry::New(NewPolicy { file, name, description }) => Self {
                policy_id: None,
                new_policy: Some(file),
                policy_version_id: None,
                name,
                description,
                sha: None,
                owner_type: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-00000000000a";

    fn refused(text: &str) -> String {
        BundleManifest::read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn little_must_stand_in_it() {
        let text = format!(
            r#"{{"version": 1, "schema": {{"version": "test"}}, "policies": [{{"policy_id": "{ID}", "sha": "?"}},
               {{"new_policy": "mine", "name": "Mine"}}]}}"#
        );
        let manifest = BundleManifest::read(text.as_bytes()).unwrap();
        let files: Vec<_> = manifest.policies.iter().map(|entry| entry.file().to_string()).collect();
        assert_eq!(files, [ID, "mine"]);
        assert_eq!(BundleManifest::read(&manifest.write().unwrap()).unwrap(), manifest);
    }

    #[test]
    fn a_fault_is_named() {
        let with = |policy: &str| format!(r#"{{"version":1,"schema":{{"version":"test"}},"policies":[{policy}]}}"#);
        for (text, named) in [
            ("", "EOF"),
            ("[]", "struct BundleManifest"),
            (r#"{"version":2,"schema":{"version":"test"},"policies":[]}"#, "version 2"),
            (r#"{"version":1,"version":1,"schema":{"version":"test"},"policies":[]}"#, "twice"),
            (r#"{"version":1,"schema":{"version":"test"},"policies":[],"more":1}"#, "more"),
            (r#"{"version":1,"policies":[]}"#, "schema"),
            (r#"{"version":1,"schema":{"version":"test"}}"#, "policies"),
            (r#"{"version":1,"schema":{"version":""},"policies":[]}"#, "1 to 64"),
            (&with("{}"), "policy_id"),
            (&with(&format!(r#"{{"policy_id":"{ID}","new_policy":"a"}}"#)), "policy_id"),
            (&with(&format!(r#"{{"policy_id":"{ID}","description":"x"}}"#)), "description"),
            (&with(r#"{"new_policy":"a","owner_type":"customer"}"#), "owner_type"),
            (&with(r#"{"new_policy":"../a"}"#), "file name"),
            (&with(r#"{"policy_id":"x"}"#), "UUID"),
        ] {
            let message = refused(text);
            assert!(message.starts_with("manifest.json: ") && message.contains(named), "{text}: {message}");
        }
        assert!(refused(&format!(r#"{{"{}":1}}"#, "x".repeat(10_000))).len() < 500);
    }
}
