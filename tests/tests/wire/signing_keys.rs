//! The routes of signing keys. What they do is held by the tests of rotation.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Wire, request};

async fn zone(wire: &Wire) -> String {
    format!("/zones/{}", wire.inner.zone().await.id)
}

fn members(value: &Value) -> Vec<&str> {
    let mut members: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

#[tokio::test]
async fn a_key_is_made_listed_and_revoked() {
    let wire = Wire::start().await;
    let zone = zone(&wire).await;
    let keys = format!("{zone}/signing-keys");
    let made = wire.post(&keys, json!({"publish_ahead_seconds": 60})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let key = made.json();
    let expected = [
        "created_at",
        "created_by",
        "jwk",
        "kid",
        "revoke_requested_at",
        "revoke_requested_by",
        "revoked_seq",
        "signs_from",
        "state",
    ];
    assert_eq!(members(&key), expected);
    assert_eq!(
        (&key["state"], &key["revoked_seq"], &key["revoke_requested_at"]),
        (&json!("pending"), &Value::Null, &Value::Null)
    );
    let published = wire.get(&format!("{zone}/.well-known/jwks.json")).await.json();
    assert!(published["keys"].as_array().unwrap().contains(&key["jwk"]), "as it stands in the JWK set");
    assert_eq!(wire.post(&keys, json!({})).await.refused(409), "key_pending");

    let listed = wire.get(&keys).await.json();
    assert_eq!(members(&listed), ["items", "pagination", "re_signing"]);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][1]), (2, &key));
    assert_eq!(listed["re_signing"], json!({"total": 0, "done": 0, "refused": [], "problem": null}));
    assert!(!listed.to_string().contains("private"), "no word of the private half");

    let one = format!("{keys}/{}", made.text("kid"));
    let stale = wire.send(request(Method::DELETE, &one, None, &[("if-match", "\"other\"")])).await;
    assert_eq!(stale.refused(412), "precondition_failed");
    let revoked = wire.send(request(Method::DELETE, &one, None, &[("if-match", made.header("etag"))])).await;
    assert_eq!((revoked.status, revoked.json()["state"].clone()), (StatusCode::OK, json!("revoked")));
    assert!(revoked.json()["revoked_seq"].is_u64());
    assert_ne!(revoked.header("etag"), made.header("etag"));
    assert_eq!(wire.ask(Method::DELETE, &format!("{keys}/unknown"), None).await.refused(404), "not_found");
}

#[tokio::test]
async fn a_rotation_needs_no_body_and_takes_no_other() {
    let wire = Wire::start().await;
    let keys = format!("{}/signing-keys", zone(&wire).await);
    for body in [
        json!({"publish_ahead_seconds": -1}),
        json!({"publish_ahead_seconds": 604_801}),
        json!({"publish_ahead_seconds": "60"}),
        json!({"publish_ahead_seconds": 1.5}),
        json!({"publish_ahead": 60}),
        json!([]),
    ] {
        assert_eq!(wire.post(&keys, body.clone()).await.refused(400), "bad_request", "{body}");
    }
    let made = wire.ask(Method::POST, &keys, None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    let unknown = "/zones/00000000-0000-7000-8000-000000000000/signing-keys";
    for method in [Method::GET, Method::POST] {
        assert_eq!(wire.ask(method, unknown, None).await.refused(404), "not_found");
    }
}
