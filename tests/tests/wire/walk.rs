//! One walk through the API with fixed time, ids and keys: whole answers, signatures included, are snapshots.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Wire};

const SCHEMA: &str =
    "entity User; entity Doc { owner: User }; action read appliesTo { principal: User, resource: Doc };";

/// Status, the headers that matter to a client, and the body.
fn shown(answer: &Answer) -> String {
    let names = ["content-type", "etag", "cache-control", "x-request-id"];
    let headers = names.map(|name| format!("{name}: {}\n", answer.header(name))).concat();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    format!("{}\n{headers}\n{}", answer.status, serde_json::to_string_pretty(&sorted(body)).unwrap())
}

/// The order of members says nothing.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, member)| (name, sorted(member))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[tokio::test]
async fn from_a_zone_to_a_decision() {
    let wire = Wire::start().await;
    let zone = wire.post("/zones", json!({"name": "Acme", "description": "Documents"})).await;
    insta::assert_snapshot!("zone", shown(&zone));
    let at = format!("/zones/{}", zone.text("id"));

    let schema = wire.post(&format!("{at}/policy-schemas"), json!({"version": "own", "cedar_schema": SCHEMA})).await;
    insta::assert_snapshot!("schema", shown(&schema));
    let default = wire.ask(Method::PATCH, &format!("{at}/policy-schemas/own"), None).await;
    assert_eq!(default.json()["is_default"], true);

    let policy = wire.post(&format!("{at}/policies"), json!({"name": "Owners", "description": null})).await;
    insta::assert_snapshot!("policy", shown(&policy));
    let versions = format!("{at}/policies/{}/versions", policy.text("id"));
    let content = json!({"schema_version": "own",
        "cedar_raw": "permit (principal, action, resource) when { resource.owner == principal };"});
    let version = wire.post(&versions, content.clone()).await;
    insta::assert_snapshot!("policy_version", shown(&version));
    let again = wire.post(&versions, content).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, version.json()), "published already");

    let set = wire.post(&format!("{at}/policy-sets"), json!({"name": "Production"})).await;
    insta::assert_snapshot!("policy_set", shown(&set));
    let sets = format!("{at}/policy-sets/{}", set.text("id"));
    let entry = json!({"policy_id": policy.text("id"), "policy_version_id": version.text("id")});
    let manifest = json!({"schema_version": "own", "manifest": {"entries": [entry]}});
    let set_version = wire.post(&format!("{sets}/versions"), manifest).await;
    insta::assert_snapshot!("policy_set_version", shown(&set_version));
    let one = format!("{sets}/versions/{}", set_version.text("id"));
    let bound = wire.ask(Method::PATCH, &one, Some(json!({"active": true}))).await;
    assert_eq!((bound.status.as_u16(), &bound.json()["active"]), (200, &json!(true)));
    insta::assert_snapshot!("bound_set", shown(&wire.get(&sets).await));

    let alice = json!({"type": "User", "id": "alice"});
    let entities = json!([{"uid": alice, "attrs": {}, "parents": []},
        {"uid": {"type": "Doc", "id": "1"}, "attrs": {"owner": {"__entity": alice}}, "parents": []}]);
    let question = json!({"principal": alice, "action": "Action::\"read\"", "resource": "Doc::\"1\"",
        "entities": entities, "explain": true});
    insta::assert_snapshot!("decision", shown(&wire.post(&format!("{at}/authorize"), question).await));

    insta::assert_snapshot!("attestation", shown(&wire.get(&format!("{one}/attestation")).await));
    let all = wire.get(&format!("{one}/attestations")).await.json();
    assert_eq!(all["items"], json!([wire.get(&format!("{one}/attestation")).await.json()]));
    insta::assert_snapshot!("jwks", shown(&wire.get(&format!("{at}/.well-known/jwks.json")).await));
    insta::assert_snapshot!(
        "metadata",
        shown(&wire.get(&format!("{at}/.well-known/oauth-authorization-server")).await)
    );
    let usage = wire.get(&format!("{versions}/{}/usage", version.text("id"))).await;
    insta::assert_snapshot!("usage", shown(&usage));
    let pinned = wire.get(&format!("{one}/policies?format=cedar&expand[]=total_count")).await.json();
    assert_eq!(
        (pinned["pagination"]["total_count"].as_u64(), &pinned["items"][0]["cedar_json"]),
        (Some(1), &Value::Null)
    );
    // Cursors are sealed with a fresh nonce each, so only the items stay the same.
    let events = sorted(wire.get(&format!("{at}/events?order=asc&limit=3")).await.json()["items"].clone());
    insta::assert_snapshot!("events", serde_json::to_string_pretty(&events).unwrap());
    let following = wire.get(&format!("{at}/events?after_seq=3&limit=1")).await.json();
    assert_eq!(following["items"][0]["seq"], 4);
}

#[tokio::test]
async fn formats_narrow_and_never_change_the_tag() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let policy = wire.inner.policy(zone.id, "p").await;
    let version = wire.inner.version(zone.id, policy, "permit (principal, action, resource);").await;
    let at = format!("/zones/{}/policies/{policy}/versions/{}", zone.id, version.id);
    let both = wire.get(&at).await;
    for (format, text, json) in [("json", false, true), ("cedar", true, false)] {
        let narrow = wire.get(&format!("{at}?format={format}&expand=user")).await;
        assert_eq!(narrow.header("etag"), both.header("etag"));
        let body = narrow.json();
        assert_eq!((body["cedar_raw"].is_string(), body["cedar_json"].is_object()), (text, json), "{format}");
    }
    assert!(both.json()["cedar_raw"].is_string() && both.json()["cedar_json"].is_object());
    assert_eq!(wire.get(&format!("{at}?format=xml")).await.refused(400), "bad_request");
}
