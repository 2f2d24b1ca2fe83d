//! What the server holds before it is measured: zones with a policy set, and entities.

use std::net::SocketAddr;

use cedarkeep_tests::workload::{SCHEMA, SCHEMA_VERSION, Workload};
use serde_json::{Value, json};

use crate::client::call;

/// An answer has to come within a minute, on a slow machine too.
const TEXT_BYTES_A_CALL: usize = 2 << 20;
/// What one call puts into the entity store.
const ENTITIES_A_CALL: usize = 10_000;

/// A zone in which a policy set decides.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) id: String,
    set: String,
    /// The manifest of the version that decides.
    entries: Vec<Value>,
}

impl Zone {
    /// Makes a zone, and in it a policy set with these versions that decides from now on.
    pub(crate) async fn make(server: SocketAddr, name: &str, versions: Vec<String>) -> Self {
        let zone = call(server, "POST", "/zones", &json!({"name": name})).await;
        let id = text(&zone["id"]);
        let schema = json!({"version": SCHEMA_VERSION, "cedar_schema": SCHEMA});
        call(server, "POST", &format!("/zones/{id}/policy-schemas"), &schema).await;
        let set = call(server, "POST", &format!("/zones/{id}/policy-sets"), &json!({"name": "set"})).await;
        let mut zone = Self { id, set: text(&set["id"]), entries: Vec::new() };
        let mut rest = versions.into_iter().enumerate().peekable();
        while rest.peek().is_some() {
            let (mut entries, mut bytes) = (zone.entries.clone(), 0);
            while let Some((number, version)) = rest.next_if(|_| bytes < TEXT_BYTES_A_CALL) {
                bytes += version.len();
                entries.push(json!({"new_policy": {"name": format!("policy {number}")}, "cedar_raw": version}));
            }
            let made = zone.apply(server, entries, rest.peek().is_none().then_some("active")).await;
            zone.entries.extend(pinned(&made));
        }
        zone
    }

    /// Publishes a version of the set in which the first policy says this, and binds it; the others stay.
    pub(crate) async fn change_first(&self, server: SocketAddr, version: &str, mode: &str) {
        let first = json!({"policy_id": self.entries[0]["policy_id"], "cedar_raw": version});
        let others = self.entries.iter().skip(1).cloned();
        self.apply(server, std::iter::once(first).chain(others).collect(), Some(mode)).await;
    }

    async fn apply(&self, server: SocketAddr, entries: Vec<Value>, activate: Option<&str>) -> Value {
        let mut manifest = json!({"schema_version": SCHEMA_VERSION, "entries": entries});
        if let Some(mode) = activate {
            manifest["activate"] = json!(true);
            manifest["mode"] = json!(mode);
        }
        call(server, "POST", &self.path(&format!("policy-sets/{}/apply", self.set)), &json!({"manifest": manifest}))
            .await
    }

    /// Puts the entities of a workload into the zone's store.
    pub(crate) async fn fill(&self, server: SocketAddr, workload: Workload) {
        for entities in workload.entities().chunks(ENTITIES_A_CALL) {
            call(server, "PUT", &self.path("entities"), &json!({"mode": "upsert", "entities": entities})).await;
        }
    }

    /// A path in the zone.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/zones/{}/{path}", self.id)
    }
}

/// What an apply made, as it is pinned in the next one.
fn pinned(made: &Value) -> impl Iterator<Item = Value> {
    let made = made["changes"].as_array().unwrap().iter().filter(|change| change["action"] == "created_policy");
    made.map(|change| json!({"policy_id": change["policy_id"], "policy_version_id": change["policy_version_id"]}))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
