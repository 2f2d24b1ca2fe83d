//! What `/metrics` tells, over a real socket; and that the documents know every metric.

use std::{collections::BTreeSet, fs, path::Path};

use cedarkeep_tests::server::{FIXTURE_TOKEN, Server, serve};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running server with the example zone.
struct Example {
    server: Server,
    zone: String,
    question: Value,
    _folder: TempDir,
}

impl Example {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path());
        let server = Server::start(command.arg("--with-example").env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
        let (_, zones) = server.get("/zones", FIXTURE_TOKEN);
        let zone = zones["items"][0]["id"].as_str().unwrap().to_owned();
        let question = fs::read_to_string(folder.path().join("example-decision.json")).unwrap();
        Self { server, zone, question: serde_json::from_str(&question).unwrap(), _folder: folder }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        self.server.client().must(method, &format!("/zones/{}{path}", self.zone), body)
    }

    fn decide(&self, action: &str) -> Value {
        let mut question = self.question.clone();
        question["action"]["id"] = action.into();
        self.send("POST", "/authorize", &question)["decision"].clone()
    }

    /// Observes a version that forbids everything in the zone's slot; answers the binding's path.
    fn forbid_in_the_shadow(&self) -> String {
        let schemas =
            self.server.get(&format!("/zones/{}/policy-schemas?filter[default]=true", self.zone), FIXTURE_TOKEN);
        let schema = &schemas.1["items"][0]["version"];
        let policy = self.send("POST", "/policies", &json!({"name": "Nothing"}))["id"].clone();
        let text = json!({"cedar_raw": "forbid (principal, action, resource);", "schema_version": schema});
        let version = self.send("POST", &format!("/policies/{}/versions", policy.as_str().unwrap()), &text);
        let set = self.send("POST", "/policy-sets", &json!({"name": "Nothing"}))["id"].clone();
        let entries = json!([{"policy_id": policy, "policy_version_id": version["id"]}]);
        let manifest = json!({"schema_version": schema, "manifest": {"entries": entries}});
        let version = self.send("POST", &format!("/policy-sets/{}/versions", set.as_str().unwrap()), &manifest);
        let shadow = json!({"policy_set_version_id": version["id"], "mode": "shadow"});
        let binding = self.send("PUT", "/policy-bindings", &shadow);
        format!("/policy-bindings/{}", binding["id"].as_str().unwrap())
    }

    fn metrics(&self) -> Metrics {
        Metrics(self.server.client().metrics())
    }
}

struct Metrics(String);

impl Metrics {
    /// The value of one series, as it stands there with its labels; not a number when there is none.
    fn value(&self, series: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(f64::NAN, |value| value.parse().unwrap())
    }

    fn is(&self, series: &str, expected: f64) {
        let found = self.value(series);
        assert!((found - expected).abs() < 0.5, "{series} is {found}, not {expected}:\n{}", self.0);
    }
}

#[test]
fn decisions_are_told_in_numbers() {
    let it = Example::start();
    let before = it.metrics();
    before.is("cedarkeep_decision_log_dropped_total{reason=\"full\"}", 0.0);
    before.is("cedarkeep_decision_log_dropped_total{reason=\"store\"}", 0.0);
    let binding = it.forbid_in_the_shadow();
    it.send("PATCH", "", &json!({"decision_log": "all"}));
    for _ in 0..20 {
        assert_eq!(it.decide("summarize"), "allow");
    }
    for _ in 0..5 {
        assert_eq!(it.decide("share"), "deny");
    }
    let (status, logged) = it.server.get(&format!("/zones/{}/decisions?filter[decision]=deny", it.zone), FIXTURE_TOKEN);
    assert_eq!((status, logged["items"].as_array().unwrap().len()), (200, 5));

    let metrics = it.metrics();
    metrics.is("cedarkeep_decisions_total{decision=\"allow\"}", 20.0);
    metrics.is("cedarkeep_decisions_total{decision=\"deny\"}", 5.0);
    metrics.is("cedarkeep_decision_seconds_count", 25.0);
    metrics.is("cedarkeep_decision_seconds_bucket{le=\"+Inf\"}", 25.0);
    assert!(metrics.value("cedarkeep_decision_seconds_bucket{le=\"0.000001\"}") < 25.0);
    assert!(metrics.value("cedarkeep_decision_seconds_sum") > 0.0);
    metrics.is("cedarkeep_decision_candidates_bucket{le=\"100000\"}", 50.0);
    metrics.is("cedarkeep_set_loads_total{outcome=\"loaded\"}", 2.0);
    metrics.is("cedarkeep_set_load_seconds_count", 2.0);
    assert!(metrics.value("cedarkeep_compile_seconds_bucket{le=\"30\"}") >= 2.0);
    let compiled = ["cedarkeep_compiled_cache_hits_total", "cedarkeep_compiled_cache_misses_total"];
    assert!(compiled.iter().map(|series| metrics.value(series)).filter(|value| *value > 0.0).sum::<f64>() >= 2.0);
    metrics.is("cedarkeep_shadow_divergences_total", 20.0);
    metrics.is("cedarkeep_decision_log_written_total", 25.0);
    metrics.is("cedarkeep_decision_log_dropped_total{reason=\"full\"}", 0.0);
    assert!(!metrics.0.contains(&it.zone), "no series is of one zone");

    let open = metrics.value("cedarkeep_open_statements");
    it.send("DELETE", &binding, &json!({}));
    assert_eq!(it.decide("summarize"), "allow");
    it.metrics().is("cedarkeep_open_statements", open - 1.0);
}

/// Every text in the sources that is the whole name of a metric.
fn names(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').filter(|text| text.starts_with("cedarkeep_"));
            let is_name = |text: &&str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            found.extend(quoted.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut recorded = BTreeSet::new();
    for room in ["service", "http"] {
        names(&root.join("crates").join(room).join("src"), &mut recorded);
    }
    let text = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `cedarkeep_"));
    let told: BTreeSet<_> = rows
        .map(|row| format!("cedarkeep_{}", row.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap()))
        .collect();
    assert!(recorded.len() > 15, "{recorded:?}");
    assert_eq!(recorded, told);
}
