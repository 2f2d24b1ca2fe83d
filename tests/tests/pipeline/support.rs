//! A server, zones of it, and repositories for them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cedarkeep_tests::{
    home::Home,
    server::{self, FIXTURE_TOKEN, Said, Server, cedarkeep, run},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server with its data, and a folder for repositories.
pub(crate) struct Ground {
    pub(crate) home: Home,
    running: Option<Server>,
    pub(crate) folder: TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let home = Home::default();
        Self { running: Some(start(&home)), home, folder: tempfile::tempdir().unwrap() }
    }

    /// An empty zone.
    pub(crate) fn zone(&self, name: &str) -> String {
        let zone = post(&self.server().url, "/zones", &json!({"name": name}));
        zone["id"].as_str().unwrap().to_owned()
    }

    /// An empty zone, and a repository for it as it is begun.
    pub(crate) fn pipeline(&self, name: &str) -> Pipeline {
        self.repository(name, &self.zone(name))
    }

    /// A repository as it is begun, for a zone.
    pub(crate) fn repository(&self, name: &str, zone: &str) -> Pipeline {
        let folder = self.folder.path().join(name);
        let pipeline = Pipeline { url: self.server().url.clone(), zone: zone.to_owned(), folder };
        let said = pipeline.runs(&["init", "--server", &self.server().url, "--zone", zone]);
        assert_eq!(said.code, Some(0), "{said:?}");
        pipeline
    }

    /// The server.
    pub(crate) fn server(&self) -> &Server {
        self.running.as_ref().unwrap()
    }

    /// Kills the server as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.running.take().unwrap().kill();
    }

    /// Starts it again.
    pub(crate) fn revive(&mut self) {
        self.running = Some(start(&self.home));
    }
}

fn start(home: &Home) -> Server {
    Server::start(home.serve().env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN))
}

pub(crate) fn post(server: &str, path: &str, body: &Value) -> Value {
    let mut answer = ureq::post(format!("{server}{path}"))
        .header("authorization", format!("Bearer {FIXTURE_TOKEN}"))
        .content_type("application/json")
        .send(body.to_string())
        .unwrap();
    json(&answer.body_mut().read_to_string().unwrap())
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A repository, and the zone that it is for.
pub(crate) struct Pipeline {
    /// The server.
    pub(crate) url: String,
    pub(crate) zone: String,
    pub(crate) folder: PathBuf,
}

impl Pipeline {
    /// A verb on the repository, with a token that is good.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cedarkeep(arguments);
        command.arg(&self.folder).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN);
        command
    }

    pub(crate) fn runs(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    /// What a verb says in JSON and how it ends; it says nothing else.
    pub(crate) fn says(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let said = self.runs(&[arguments, &["--output", "json"]].concat());
        assert_eq!(said.err, "", "{arguments:?}");
        (said.code, json(&said.out))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        replace(&self.file(name), from, to);
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = server::get(&format!("{}/zones/{}{path}", self.url, self.zone), FIXTURE_TOKEN);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn items(&self, path: &str) -> Vec<Value> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{sign}limit=100&order=asc{after}"));
            items.extend_from_slice(page["items"].as_array().unwrap());
            match page["pagination"]["after_cursor"].as_str() {
                Some(cursor) => after = format!("&after={cursor}"),
                None => return items,
            }
        }
    }

    /// How much was ever recorded in the zone, and at which revision it stands.
    pub(crate) fn trace(&self) -> (Value, Value) {
        (self.get("/events?limit=1&order=desc")["items"][0]["seq"].clone(), self.get("")["revision"].clone())
    }

    /// All that was published in the zone, in terms that are the same in every zone: names, numbers and digests.
    pub(crate) fn state(&self) -> Value {
        let mut names = BTreeMap::new();
        let mut policies = BTreeMap::new();
        for policy in self.items("/policies") {
            let (id, name) = (policy["id"].as_str().unwrap(), policy["name"].as_str().unwrap());
            let versions = self.items(&format!("/policies/{id}/versions"));
            names.insert(id.to_owned(), name.to_owned());
            policies.insert(name.to_owned(), pick(&versions, &["version", "sha", "cedar_raw", "schema_version"]));
        }
        let mut sets = BTreeMap::new();
        for set in self.items("/policy-sets?filter[scope_type]=zone&filter[scope_type]=user") {
            let (id, name) = (set["id"].as_str().unwrap(), set["name"].as_str().unwrap());
            let versions: Vec<_> = self
                .items(&format!("/policy-sets/{id}/versions"))
                .iter()
                .map(|version| {
                    let entries = version["manifest"]["entries"].as_array().unwrap();
                    let pinned: BTreeMap<_, _> = entries
                        .iter()
                        .map(|entry| (names[entry["policy_id"].as_str().unwrap()].clone(), entry["sha"].clone()))
                        .collect();
                    json!({"version": version["version"], "schema": version["schema_version"], "pinned": pinned})
                })
                .collect();
            names.insert(id.to_owned(), name.to_owned());
            sets.insert(name.to_owned(), versions);
        }
        let bindings = self.items("/policy-bindings").into_iter().map(|binding| {
            let set = &names[binding["policy_set_id"].as_str().unwrap()];
            json!([binding["mode"], binding["scope_type"], set, binding["version"]])
        });
        let bindings: Vec<_> = bindings.collect();
        let schemas = pick(&self.items("/policy-schemas"), &["version", "schema_sha"]);
        let kinds = pick(&self.items("/events"), &["kind"]);
        json!({"policies": policies, "sets": sets, "bindings": bindings, "schemas": schemas, "events": kinds})
    }
}

fn pick(items: &[Value], members: &[&str]) -> Vec<Value> {
    items.iter().map(|item| members.iter().map(|member| item[*member].clone()).collect()).collect()
}

pub(crate) fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}
