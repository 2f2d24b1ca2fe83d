//! What holds for every answer: ids, versions, headers, conditions, keys.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
};
use cedarkeep_http::{HttpConfig, Limits, MetricsAccess};
use cedarkeep_store::PolicyFilter;
use futures_util::stream;
use serde_json::json;

use crate::support::{Wire, request};

#[tokio::test]
async fn ids_and_the_api_version_are_echoed() {
    let wire = Wire::start().await;
    let headers = [("x-request-id", "a.b-1"), ("x-client-request-id", "c_2"), ("x-api-version", "2026-03-16")];
    let answer = wire.send(request(Method::GET, "/zones", None, &headers)).await;
    for (name, value) in headers {
        assert_eq!(answer.header(name), value);
    }
    let bare = wire.get("/zones").await;
    assert_eq!(bare.header("x-request-id").len(), 36);
    assert_eq!((bare.header("x-client-request-id"), bare.header("x-api-version")), ("", ""));
    let odd = wire.send(request(Method::GET, "/zones", None, &[("x-request-id", "a b")])).await;
    assert_eq!(odd.header("x-request-id").len(), 36);
    let version = wire.send(request(Method::GET, "/zones", None, &[("x-api-version", "v1")])).await;
    assert_eq!((version.refused(400).as_str(), version.header("x-api-version")), ("bad_request", ""));
}

#[tokio::test]
async fn every_answer_has_its_security_headers() {
    let wire = Wire::start().await;
    for path in ["/zones", "/healthz", "/docs", "/nowhere"] {
        let answer = wire.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
    assert_eq!(wire.get("/zones").await.header("cache-control"), "no-store");
    assert_eq!(wire.get("/docs").await.header("cache-control"), "public, no-cache");
}

#[tokio::test]
async fn the_token_is_asked_for_and_named() {
    let wire = Wire::start().await;
    for header in ["", "Bearer x", "Basic YTpi"] {
        let request = Request::builder().uri("/zones").header("authorization", header).body(Body::empty()).unwrap();
        let answer = wire.send(request).await;
        assert_eq!(answer.refused(401), "unauthenticated");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
}

#[tokio::test]
async fn conditions_are_kept() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let policy = wire.inner.policy(zone.id, "p").await;
    let at = format!("/zones/{}/policies/{policy}", zone.id);
    let etag = wire.get(&at).await.header("etag").to_owned();
    let unchanged = wire.send(request(Method::GET, &at, None, &[("if-none-match", &etag)])).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len(), unchanged.header("etag")), (304, 0, etag.as_str()));

    let rename = || Some(json!({"name": "q"}).to_string().into_bytes());
    let stale = wire.send(request(Method::PATCH, &at, rename(), &[("if-match", "\"99\"")])).await;
    assert_eq!(stale.refused(412), "precondition_failed");
    let fresh = wire.send(request(Method::PATCH, &at, rename(), &[("if-match", &etag)])).await;
    assert_eq!((fresh.status.as_u16(), fresh.text("name").as_str()), (200, "q"));
    assert_ne!(fresh.header("etag"), etag);
}

#[tokio::test]
async fn a_key_gives_the_first_answer_again() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let at = format!("/zones/{}/policies", zone.id);
    let send = async |name: &str| {
        let body = json!({"name": name}).to_string().into_bytes();
        wire.send(request(Method::POST, &at, Some(body), &[("idempotency-key", "k")])).await
    };
    let (first, again, other) = (send("a").await, send("a").await, send("b").await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!((first.json(), first.header("etag")), (again.json(), again.header("etag")));
    assert_eq!(other.refused(422), "idempotency_mismatch");
}

#[tokio::test]
async fn only_conflicts_that_pass_are_tried_again() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    wire.inner.policy(zone.id, "taken").await;
    let conflict = wire.post(&format!("/zones/{}/policies", zone.id), json!({"name": "taken"})).await;
    assert_eq!(conflict.refused(409), "policy_name_conflict");
    assert_eq!(conflict.header("x-should-retry"), "false");
}

#[tokio::test]
async fn urls_follow_the_host_or_the_configuration() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let path = format!("/zones/{}", zone.id);
    let issuer = |answer: &crate::support::Answer| answer.json()["protocols"]["oauth2"]["issuer"].clone();
    let by_host = wire.send(request(Method::GET, &path, None, &[("host", "cedar.example:8180")])).await;
    assert_eq!(issuer(&by_host), format!("http://cedar.example:8180{path}"));
    let odd = wire.send(request(Method::GET, &path, None, &[("host", "a/b")])).await;
    assert_eq!(odd.refused(400), "bad_request");

    let public_base_url = Some("https://policies.example/cedar".parse().unwrap());
    let wire = Wire::with(HttpConfig { public_base_url, ..HttpConfig::default() }).await;
    let zone = wire.inner.zone().await;
    let path = format!("/zones/{}", zone.id);
    let configured = wire.send(request(Method::GET, &path, None, &[("host", "a/b")])).await;
    assert_eq!(issuer(&configured), format!("https://policies.example/cedar{path}"));
}

#[tokio::test]
async fn deleting_answers_nothing_and_settings_protect() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let path = format!("/zones/{}", zone.id);
    wire.ask(Method::PATCH, &path, Some(json!({"deletion_protection": true}))).await;
    assert_eq!(wire.ask(Method::DELETE, &path, None).await.refused(409), "deletion_protected");
    wire.ask(Method::PATCH, &path, Some(json!({"deletion_protection": false}))).await;
    let gone = wire.ask(Method::DELETE, &path, None).await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
    assert_eq!(wire.get(&path).await.refused(404), "not_found");
    assert_eq!(wire.get(&format!("{path}/.well-known/jwks.json")).await.status.as_u16(), 200);
}

#[tokio::test]
async fn slowness_is_answered_too() {
    let limits = Limits { request_deadline: Duration::from_millis(20), ..Limits::default() };
    let wire = Wire::with(HttpConfig { limits, ..HttpConfig::default() }).await;
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let late = wire.send(request(Method::POST, "/zones", None, &[]).map(|_| never)).await;
    assert_eq!((late.refused(503).as_str(), late.header("retry-after")), ("deadline_exceeded", "1"));
    assert_eq!(late.header("x-should-retry"), "");
}

/// The change is made all the same, once, and whoever repeats the request is told what came of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_outlives_the_deadline_of_its_request() {
    let limits = Limits { request_deadline: Duration::from_millis(200), ..Limits::default() };
    let wire = Wire::with(HttpConfig { limits, ..HttpConfig::default() }).await;
    let zone = wire.inner.zone().await.id;
    let at = format!("/zones/{zone}/policies");
    let send = async || {
        let body = json!({"name": "policy"}).to_string().into_bytes();
        wire.send(request(Method::POST, &at, Some(body), &[("idempotency-key", "k")])).await
    };
    // On SQLite nobody else writes meanwhile, on PostgreSQL nobody else in this zone.
    let mut turn = wire.inner.store.write().await.unwrap();
    turn.lock_zone(zone).await.unwrap();
    assert_eq!(send().await.refused(503), "deadline_exceeded");
    drop(turn);
    let made = loop {
        let answer = send().await;
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!((made.status.as_u16(), send().await.json()), (201, made.json()));
    let policies = wire.inner.store.read().await.unwrap().count_policies(zone, &PolicyFilter::default()).await;
    assert_eq!(policies.unwrap(), 1);
}

#[tokio::test]
async fn probes_need_no_token_and_metrics_do() {
    let wire = Wire::start().await;
    let ready = json!({"status": "ok", "store": "reachable", "age_seconds": 0});
    for (path, said) in [("/healthz", json!({"status": "ok"})), ("/readyz", ready)] {
        let answer = wire.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, said));
    }
    assert!(wire.get("/metrics").await.header("content-type").starts_with("text/plain"));
    let elsewhere = Wire::with(HttpConfig { metrics: MetricsAccess::Elsewhere, ..HttpConfig::default() }).await;
    assert_eq!(elsewhere.get("/metrics").await.refused(404), "not_found");
}
