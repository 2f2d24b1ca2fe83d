//! A server, a zone with a history, and the verbs of an auditor.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use cedarkeep_attest::base64url;
use cedarkeep_tests::{
    home::Home,
    server::{FIXTURE_TOKEN, Server, cedarkeep, get, run},
    until::{PATIENCE, until},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A zone on a running server.
pub(crate) struct Audited {
    pub(crate) home: Home,
    server: Option<Server>,
    zone: String,
    set: String,
    folder: TempDir,
}

impl Audited {
    /// A zone with two set versions, an active and a shadow binding, and a session's.
    pub(crate) fn new() -> Self {
        let home = Home::default();
        let server = start(&home);
        let zone = post(&server.url, "/zones", &json!({"name": "Harbour"}))["id"].as_str().unwrap().to_owned();
        let entry =
            json!({"new_policy": {"name": "readers"}, "cedar_raw": "// ü\npermit (principal, action, resource);"});
        let set = json!({"name": "set", "manifest": {"entries": [entry], "activate": true}});
        let set = post(&server.url, &format!("/zones/{zone}/policy-sets"), &set)["id"].as_str().unwrap().to_owned();
        let audited = Self { home, server: Some(server), zone, set, folder: tempfile::tempdir().unwrap() };
        audited.publish("owners", "permit (principal == Keycard::User::\"u1\", action, resource);", "shadow");
        let session = json!({"new_policy": {"name": "narrow"}, "cedar_raw": "forbid (principal, action, resource);"});
        let manifest = json!({"entries": [session], "activate": true, "scope_target_id": "s-1"});
        audited.post("/policy-sets", &json!({"name": "session", "scope_type": "session", "manifest": manifest}));
        audited
    }

    /// A new version of the set, with one more policy, in its slot.
    pub(crate) fn publish(&self, name: &str, text: &str, mode: &str) {
        let newest = self.get(&format!("/policy-sets/{}/versions?limit=1&order=desc", self.set))["items"][0].clone();
        let mut entries: Vec<Value> = newest["manifest"]["entries"].as_array().unwrap().clone();
        for entry in &mut entries {
            *entry = json!({"policy_id": entry["policy_id"]});
        }
        entries.push(json!({"new_policy": {"name": name}, "cedar_raw": text}));
        let manifest = json!({"entries": entries, "activate": true, "mode": mode});
        self.post(&format!("/policy-sets/{}/apply", self.set), &json!({"manifest": manifest}));
    }

    /// Whatever an auditor must find in order: versions, bindings, another key, and the first one revoked.
    pub(crate) fn grow(&self) {
        self.publish("more", "forbid (principal == Keycard::User::\"u2\", action, resource);", "active");
        let first = self.kid();
        self.post("/signing-keys", &json!({"publish_ahead_seconds": 0}));
        self.signed_again();
        let revoke = format!("{}/signing-keys/{first}", self.url());
        ureq::delete(revoke).header("authorization", format!("Bearer {FIXTURE_TOKEN}")).call().unwrap();
        until(PATIENCE, "the key is revoked", || {
            self.get("/events?limit=1&order=desc")["items"][0]["kind"] == "key.revoked"
        });
    }

    /// Waits until every version is signed with the key that signs now.
    fn signed_again(&self) {
        until(PATIENCE, "everything is signed again", || {
            let progress = self.get("/signing-keys")["re_signing"].clone();
            progress["done"] == progress["total"]
        });
    }

    /// The key that signs, as somebody who runs the server would tell an auditor.
    pub(crate) fn kid(&self) -> String {
        let head = self.get("/events/head");
        let payload = base64url::decode_strict(head["payload"].as_str().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap()["key_id"].as_str().unwrap().to_owned()
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn server_url(&self) -> String {
        self.server().url.clone()
    }

    pub(crate) fn address(&self) -> &str {
        self.server().address()
    }

    /// The URL of the zone.
    pub(crate) fn url(&self) -> String {
        format!("{}/zones/{}", self.server().url, self.zone)
    }

    /// A folder for exports.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = get(&format!("{}{path}", self.url()), FIXTURE_TOKEN);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        post(&self.server().url, &format!("/zones/{}{path}", self.zone), body)
    }

    pub(crate) fn export(&self, folder: &Path) -> Command {
        let mut command = cedarkeep(["export", &self.url()]);
        command.arg(folder).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN);
        command
    }

    /// An export of the zone as it is now.
    pub(crate) fn exported(&self, name: &str) -> PathBuf {
        let folder = self.folder().join(name);
        let said = run(&mut self.export(&folder));
        assert_eq!(said.code, Some(0), "{said:?}");
        folder
    }

    /// Verifies a folder, without a token and in JSON.
    pub(crate) fn verify(folder: &Path, kids: &[&str]) -> Command {
        let mut command = cedarkeep(["verify", "--output", "json"]);
        command.arg(folder).args(kids.iter().flat_map(|kid| ["--trust-kid", kid]));
        command
    }

    /// Compares the zone with an earlier export, in JSON.
    pub(crate) fn audit(&self, since: &Path, kids: &[&str]) -> Command {
        let mut command = cedarkeep(["audit", &self.url(), "--output", "json", "--since"]);
        command.arg(since).args(kids.iter().flat_map(|kid| ["--trust-kid", kid]));
        command.env("CEDARKEEP_TOKEN", FIXTURE_TOKEN);
        command
    }

    /// Lets somebody who owns the database change it while the server is down.
    pub(crate) async fn tampered(&mut self, sql: &[String]) {
        assert_eq!(self.server.take().unwrap().stop().0.code(), Some(0));
        for change in sql {
            self.home.tamper(change).await;
        }
        self.server = Some(start(&self.home));
    }
}

fn start(home: &Home) -> Server {
    Server::start(home.serve().env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN))
}

fn post(server: &str, path: &str, body: &Value) -> Value {
    let mut answer = ureq::post(format!("{server}{path}"))
        .config()
        .http_status_as_error(false)
        .build()
        .header("authorization", format!("Bearer {FIXTURE_TOKEN}"))
        .content_type("application/json")
        .send(body.to_string())
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status().is_success(), "{path}: {text}");
    json(&text)
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// How a command ends and what it reports.
pub(crate) fn report(command: &mut Command) -> (i32, Value) {
    let said = run(command);
    assert!(!said.out.is_empty(), "{said:?}");
    (said.code.unwrap(), json(&said.out))
}
