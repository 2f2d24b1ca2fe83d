//! The same over real connections, against the built binary.

use std::path::Path;

use cedarkeep_tests::{
    client::Client,
    server::{Server, made_token, serve},
};
use serde_json::{Value, json};

use crate::support::{POLICIES, SCHEMA, ask};

/// Status, echoed id and body of the answer to a POST that carries an id.
fn post(client: &Client, url: &str, body: &Value, id: &str) -> (u16, String, String) {
    let answer = client.try_send("POST", url, body, &[("x-request-id", id)]).unwrap();
    (answer.status, answer.header("x-request-id").unwrap().to_owned(), answer.text)
}

/// A server, a client that knows nothing but the standard and URLs, and the URL of a zone.
fn begun(folder: &Path) -> (Server, Client, String) {
    let server = Server::start(&mut serve(folder));
    let client = Client::new("", &made_token(folder));
    let zone = client.must("POST", &format!("{}/zones", server.url), &json!({"name": "Scenario"}));
    let zone = format!("{}/zones/{}", server.url, zone["id"].as_str().unwrap());
    client.must("POST", &format!("{zone}/policy-schemas"), &json!({"version": "own", "cedar_schema": SCHEMA}));
    client.must("PATCH", &format!("{zone}/policy-schemas/own"), &json!({}));
    let entry = json!({"new_policy": {"name": "rules"}, "cedar_raw": POLICIES});
    let manifest = json!({"schema_version": "own", "entries": [entry], "activate": true});
    client.must("POST", &format!("{zone}/policy-sets"), &json!({"name": "rules", "manifest": manifest}));
    let types = json!({"user": "App::User", "record": "App::Record"});
    client.must("PATCH", &zone, &json!({"authzen": {"types": types}}));
    let staff = json!({"uid": {"type": "App::User", "id": "alice"}, "attrs": {},
        "parents": [{"type": "App::Group", "id": "staff"}]});
    client.must("PUT", &format!("{zone}/entities"), &json!({"entities": [staff]}));
    (server, client, zone)
}

#[test]
fn a_client_finds_its_way_from_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client, zone) = begun(folder.path());
    let well_known = zone.replacen("/zones/", "/.well-known/authzen-configuration/zones/", 1);
    let metadata = Client::anonymous("").must("GET", &well_known, &Value::Null);
    assert_eq!(metadata["policy_decision_point"], zone);
    let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();

    let reading = ask("alice", "read", "record-1");
    let (status, id, text) = post(&client, &endpoint("access_evaluation_endpoint"), &reading, "an id: 1");
    assert_eq!((status, id.as_str(), text.as_str()), (200, "an id: 1", r#"{"decision":true}"#));
    let many = json!({"evaluations": [reading, ask("alice", "fly", "record-1")]});
    let many = client.must("POST", &endpoint("access_evaluations_endpoint"), &many);
    assert_eq!(many, json!({"evaluations": [{"decision": true}, {"decision": false}]}));
    let found = client.must("POST", &endpoint("search_subject_endpoint"), &reading);
    assert_eq!(found, json!({"results": [{"type": "user", "id": "alice"}]}));
    let found = client.must("POST", &endpoint("search_action_endpoint"), &reading);
    assert_eq!(found, json!({"results": [{"name": "read"}, {"name": "write"}]}));
    let (status, id, text) = post(&client, &endpoint("search_resource_endpoint"), &json!({}), "2");
    assert_eq!((status, id.as_str(), text.as_str()), (400, "2", r#""missing field `subject`""#));
    drop(server);
}

#[test]
fn what_had_to_be_left_out_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client, zone) = begun(folder.path());
    let mut question = ask("alice", "read", "record-1");
    question["context"] = json!({"nothing": null, "half": 0.5, "list": [1, null]});
    let answer = client.must("POST", &format!("{zone}/access/v1/evaluation"), &question);
    assert_eq!(answer, json!({"decision": true}));
    let metrics = Client::new(&server.url, &made_token(folder.path())).metrics();
    assert!(metrics.lines().any(|line| line == "cedarkeep_authzen_left_out_total 3"), "{metrics}");
}
