//! Section 9: the metadata of the policy decision point.

use axum::{
    body::Body,
    http::{Method, Request},
};
use cedarkeep_http::HttpConfig;
use serde_json::json;

use crate::support::{World, ask};

#[tokio::test]
async fn s9_2_metadata_is_where_the_standard_looks_for_it() {
    let base = "https://pdp.example.com";
    let config = HttpConfig { public_base_url: Some(base.parse().unwrap()), ..HttpConfig::default() };
    let world = World::with(config).await;
    let at = format!("/.well-known/authzen-configuration{}", world.zone);
    // Nobody has to say who they are.
    let answer = world.raw(Request::get(&at).body(Body::empty()).unwrap()).await;
    let point = format!("{base}{}", world.zone);
    let expected = json!({
        "policy_decision_point": point,
        "access_evaluation_endpoint": format!("{point}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{point}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{point}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{point}/access/v1/search/resource"),
        "search_action_endpoint": format!("{point}/access/v1/search/action"),
    });
    assert_eq!(answer.fine(), expected);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    for (name, url) in answer.json().as_object().unwrap() {
        let path = url.as_str().unwrap().strip_prefix(base).unwrap();
        if name != "policy_decision_point" {
            world.send(Method::POST, path, Some(ask("alice", "read", "record-1")), &[]).await.fine();
        }
    }
}

#[tokio::test]
async fn s9_2_2_an_error_uses_its_status_code() {
    let world = World::start().await;
    for zone in ["01890000-0000-7000-8000-000000000000", "x"] {
        let at = format!("/.well-known/authzen-configuration/zones/{zone}");
        assert_eq!(world.send(Method::GET, &at, None, &[]).await.status, 404);
    }
    let bare = world.send(Method::GET, "/.well-known/authzen-configuration", None, &[]).await;
    assert_eq!(bare.status, 404, "each zone is a decision point of its own");
}
