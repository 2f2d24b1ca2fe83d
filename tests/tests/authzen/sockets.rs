//! The same over real connections, against the built binary.

use std::path::Path;

use cedarkeep_tests::server::{Server, made_token, serve};
use serde_json::{Value, json};

use crate::support::{POLICIES, SCHEMA, ask};

/// A client that knows nothing but the standard and a URL.
struct Client {
    agent: ureq::Agent,
    token: String,
}

impl Client {
    fn new(token: String) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        Self { agent, token }
    }

    fn send(&self, verb: &str, url: &str, body: &Value, id: &str) -> (u16, String, String) {
        let request = match verb {
            "POST" => self.agent.post(url),
            "PATCH" => self.agent.patch(url),
            _ => self.agent.put(url),
        };
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.header("content-type", "application/json").header("x-request-id", id);
        let mut answer = request.send(body.to_string()).unwrap();
        let echoed = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), echoed, answer.body_mut().read_to_string().unwrap())
    }

    fn json(&self, verb: &str, url: &str, body: &Value) -> Value {
        let (status, _, text) = self.send(verb, url, body, "x");
        assert!(status < 300, "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn begun(folder: &Path) -> (Server, Client, String) {
    let server = Server::start(&mut serve(folder));
    let client = Client::new(made_token(folder));
    let zone = client.json("POST", &format!("{}/zones", server.url), &json!({"name": "Scenario"}));
    let zone = format!("{}/zones/{}", server.url, zone["id"].as_str().unwrap());
    client.json("POST", &format!("{zone}/policy-schemas"), &json!({"version": "own", "cedar_schema": SCHEMA}));
    client.json("PATCH", &format!("{zone}/policy-schemas/own"), &json!({}));
    let entry = json!({"new_policy": {"name": "rules"}, "cedar_raw": POLICIES});
    let manifest = json!({"schema_version": "own", "entries": [entry], "activate": true});
    client.json("POST", &format!("{zone}/policy-sets"), &json!({"name": "rules", "manifest": manifest}));
    let types = json!({"user": "App::User", "record": "App::Record"});
    client.json("PATCH", &zone, &json!({"authzen": {"types": types}}));
    let staff = json!({"uid": {"type": "App::User", "id": "alice"}, "attrs": {},
        "parents": [{"type": "App::Group", "id": "staff"}]});
    client.json("PUT", &format!("{zone}/entities"), &json!({"entities": [staff]}));
    (server, client, zone)
}

#[test]
fn a_client_finds_its_way_from_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client, zone) = begun(folder.path());
    let well_known = zone.replacen("/zones/", "/.well-known/authzen-configuration/zones/", 1);
    let mut metadata = client.agent.get(&well_known).call().unwrap();
    let metadata: Value = serde_json::from_str(&metadata.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(metadata["policy_decision_point"], zone);
    let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();

    let reading = ask("alice", "read", "record-1");
    let (status, id, text) = client.send("POST", &endpoint("access_evaluation_endpoint"), &reading, "an id: 1");
    assert_eq!((status, id.as_str(), text.as_str()), (200, "an id: 1", r#"{"decision":true}"#));
    let many = json!({"evaluations": [reading, ask("alice", "fly", "record-1")]});
    let many = client.json("POST", &endpoint("access_evaluations_endpoint"), &many);
    assert_eq!(many, json!({"evaluations": [{"decision": true}, {"decision": false}]}));
    let found = client.json("POST", &endpoint("search_subject_endpoint"), &reading);
    assert_eq!(found, json!({"results": [{"type": "user", "id": "alice"}]}));
    let found = client.json("POST", &endpoint("search_action_endpoint"), &reading);
    assert_eq!(found, json!({"results": [{"name": "read"}, {"name": "write"}]}));
    let (status, id, text) = client.send("POST", &endpoint("search_resource_endpoint"), &json!({}), "2");
    assert_eq!((status, id.as_str(), text.as_str()), (400, "2", r#""missing field `subject`""#));
    drop(server);
}

#[test]
fn what_had_to_be_left_out_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client, zone) = begun(folder.path());
    let mut question = ask("alice", "read", "record-1");
    question["context"] = json!({"nothing": null, "half": 0.5, "list": [1, null]});
    let answer = client.json("POST", &format!("{zone}/access/v1/evaluation"), &question);
    assert_eq!(answer, json!({"decision": true}));
    let request = client.agent.get(format!("{}/metrics", server.url));
    let mut answer = request.header("authorization", format!("Bearer {}", client.token)).call().unwrap();
    let metrics = answer.body_mut().read_to_string().unwrap();
    assert!(metrics.lines().any(|line| line == "cedarkeep_authzen_left_out_total 3"), "{metrics}");
}
