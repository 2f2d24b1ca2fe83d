//! What the verbs that publish ask of a zone, typed. The fields are those of `schemas/openapi.json`, of which only what
//! is used here is read.

use anyhow::bail;
use cedarkeep_model::{
    BindingMode, Digest, OwnerType, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion,
    ScopeType, ZoneId,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    args::Credential,
    fetch::{self, List, Refused, Remote},
};

/// All but the characters that mean nothing anywhere in a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A zone of a server.
pub(crate) struct Client {
    remote: Remote,
    url: String,
    /// The zone.
    pub(crate) zone: ZoneId,
}

#[derive(Debug, Deserialize)]
struct Schema {
    schema_sha: Digest,
}

/// A policy of the zone.
#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    pub(crate) id: PolicyId,
    pub(crate) name: String,
    pub(crate) owner_type: OwnerType,
}

/// A policy set.
#[derive(Debug, Deserialize)]
pub(crate) struct PolicySet {
    pub(crate) id: PolicySetId,
    pub(crate) name: String,
    pub(crate) scope_type: ScopeType,
    pub(crate) latest_version_id: Option<PolicySetVersionId>,
}

/// A version of a policy set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SetVersion {
    pub(crate) id: PolicySetVersionId,
    pub(crate) version: u64,
    pub(crate) schema_version: SchemaVersion,
    pub(crate) manifest_sha: Digest,
}

/// A policy version that a set version pins.
#[derive(Debug, Deserialize)]
pub(crate) struct PinnedPolicy {
    pub(crate) policy_id: PolicyId,
    pub(crate) cedar_raw: Option<String>,
}

/// What a slot points at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) mode: BindingMode,
    pub(crate) scope_target_id: String,
    pub(crate) policy_set_version_id: PolicySetVersionId,
    pub(crate) version: u64,
}

/// What publishing did to one policy.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) action: String,
    pub(crate) name: String,
    pub(crate) policy_id: Option<PolicyId>,
    pub(crate) policy_version_id: Option<PolicyVersionId>,
}

/// What the server wants to have said.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Warning {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What publishing did.
#[derive(Debug, Deserialize)]
pub(crate) struct Applied {
    pub(crate) id: PolicySetId,
    pub(crate) policy_set_version: SetVersion,
    pub(crate) binding: Option<Binding>,
    pub(crate) changes: Vec<Change>,
    pub(crate) warnings: Vec<Warning>,
}

impl Client {
    /// A client of a zone of the server at this URL.
    pub(crate) fn new(server: &str, zone: ZoneId, credential: &Credential) -> anyhow::Result<Self> {
        if !fetch::is_url(server) {
            bail!("the server is a URL such as https://cedarkeep.example.com, not {server:?}");
        }
        let url = format!("{}/zones/{zone}", server.trim_end_matches('/'));
        Ok(Self { remote: Remote::new(credential)?, url, zone })
    }

    /// The digest of a schema version, if the zone has it.
    pub(crate) fn schema(&self, version: &SchemaVersion) -> anyhow::Result<Option<Digest>> {
        match self.remote.get::<Schema>(&format!("{}/policy-schemas/{version}", self.url)) {
            Ok(schema) => Ok(Some(schema.schema_sha)),
            Err(error) if self.is_missing(&error)? => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether this says that the zone has no such thing; when it has not because there is no such zone, that is said.
    fn is_missing(&self, error: &anyhow::Error) -> anyhow::Result<bool> {
        if error.downcast_ref::<Refused>().and_then(Refused::code) != Some("not_found") {
            return Ok(false);
        }
        self.remote.get::<Value>(&self.url)?;
        Ok(true)
    }

    /// Gives the zone a schema version.
    pub(crate) fn create_schema(&self, version: &SchemaVersion, text: &str) -> anyhow::Result<()> {
        let body = json!({"version": version, "cedar_schema": text});
        self.remote.post::<Value>(&format!("{}/policy-schemas", self.url), &body).map(|_| ())
    }

    /// The living policies of the zone.
    pub(crate) fn policies(&self) -> anyhow::Result<Vec<Policy>> {
        self.list("policies?limit=100")
    }

    /// The living policy set of this name.
    pub(crate) fn policy_set(&self, name: &str) -> anyhow::Result<Option<PolicySet>> {
        let scopes: Vec<_> = ScopeType::ALL.iter().map(|scope| format!("&filter%5Bscope_type%5D={scope}")).collect();
        let scopes = scopes.concat();
        let name_like = utf8_percent_encode(name, RESERVED);
        let sets: Vec<PolicySet> = self.list(&format!("policy-sets?limit=100&query%5Bname%5D={name_like}{scopes}"))?;
        Ok(sets.into_iter().find(|set| set.name == name))
    }

    /// A version of a policy set.
    pub(crate) fn version(&self, set: PolicySetId, version: PolicySetVersionId) -> anyhow::Result<SetVersion> {
        self.remote.get(&format!("{}/policy-sets/{set}/versions/{version}", self.url))
    }

    /// What a version pins.
    pub(crate) fn pinned(&self, set: PolicySetId, version: PolicySetVersionId) -> anyhow::Result<Vec<PinnedPolicy>> {
        self.list(&format!("policy-sets/{set}/versions/{version}/policies?limit=100&format=cedar"))
    }

    /// The slots that a set's versions stand in.
    pub(crate) fn bindings(&self, set: PolicySetId) -> anyhow::Result<Vec<Binding>> {
        self.list(&format!("policy-bindings?limit=100&filter%5Bpolicy_set_id%5D={set}"))
    }

    /// Publishes a manifest into a set that is there; whether that made a new version.
    pub(crate) fn apply(&self, set: PolicySetId, manifest: &Value) -> anyhow::Result<(bool, Applied)> {
        self.remote.post(&format!("{}/policy-sets/{set}/apply", self.url), &json!({"manifest": manifest}))
    }

    /// Asks whether a manifest could be published into a set that is there.
    pub(crate) fn try_apply(&self, set: PolicySetId, manifest: &Value) -> anyhow::Result<()> {
        let body = json!({"manifest": manifest, "dry_run": true});
        self.remote.post::<Value>(&format!("{}/policy-sets/{set}/apply", self.url), &body).map(|_| ())
    }

    /// Makes a set together with its first version.
    pub(crate) fn create_set(&self, name: &str, scope: ScopeType, manifest: &Value) -> anyhow::Result<(bool, Applied)> {
        let body = json!({"name": name, "scope_type": scope, "manifest": manifest});
        self.remote.post(&format!("{}/policy-sets", self.url), &body)
    }

    /// All items of a list, page by page. The path has a query.
    fn list<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let page: List<T> = self.remote.get(&format!("{}/{path}{after}", self.url))?;
            let next = page.next()?;
            items.extend(page.items);
            match next {
                Some(next) => after = next,
                None => return Ok(items),
            }
        }
    }
}
