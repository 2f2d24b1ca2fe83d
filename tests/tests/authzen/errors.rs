//! Section 10.1: the HTTPS binding, its errors and the identification of requests.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::{Value, json};

use crate::support::{TOKEN, World, ask};

const ENDPOINTS: [&str; 5] = ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"];

fn without(question: &Value, path: &str) -> Value {
    let mut question = question.clone();
    let (above, name) = path.rsplit_once('/').unwrap();
    question.pointer_mut(above).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    question
}

#[tokio::test]
async fn s10_1_1_a_required_attribute_that_is_missing_is_a_bad_request() {
    let world = World::start().await;
    let whole = ask("alice", "read", "record-1");
    let required = |members: &[&'static str]| members.to_vec();
    for (endpoint, members) in [
        (
            "evaluation",
            required(&[
                "/subject",
                "/action",
                "/resource",
                "/subject/type",
                "/subject/id",
                "/action/name",
                "/resource/type",
                "/resource/id",
            ]),
        ),
        (
            "search/subject",
            required(&[
                "/subject",
                "/action",
                "/resource",
                "/subject/type",
                "/action/name",
                "/resource/type",
                "/resource/id",
            ]),
        ),
        (
            "search/resource",
            required(&[
                "/subject",
                "/action",
                "/resource",
                "/subject/type",
                "/subject/id",
                "/action/name",
                "/resource/type",
            ]),
        ),
        (
            "search/action",
            required(&["/subject", "/resource", "/subject/type", "/subject/id", "/resource/type", "/resource/id"]),
        ),
    ] {
        world.post(endpoint, whole.clone()).await.fine();
        for member in members {
            let message = world.post(endpoint, without(&whole, member)).await.refused(400);
            let name = member.rsplit_once('/').unwrap().1;
            assert!(message.contains(&format!("missing field `{name}`")), "{endpoint} {member}: {message}");
        }
    }
}

#[tokio::test]
async fn s10_1_a_body_is_a_json_object_of_the_right_types() {
    let world = World::start().await;
    let whole = ask("alice", "read", "record-1");
    for (member, wrong) in [
        ("/subject", json!("alice")),
        ("/subject/type", json!(1)),
        ("/subject/properties", json!([])),
        ("/action", json!(null)),
        ("/action/name", json!(123)),
        ("/action/properties", json!("x")),
        ("/resource/properties", json!(1)),
        ("/context", json!([])),
    ] {
        let mut question = whole.clone();
        let (above, name) = member.rsplit_once('/').unwrap();
        question.pointer_mut(above).unwrap()[name] = wrong;
        world.post("evaluation", question).await.refused(400);
    }
    for endpoint in ENDPOINTS {
        let at = world.at(&format!("/access/v1/{endpoint}"));
        for (media_type, body) in [
            (Some("application/json"), ""),
            (Some("application/json"), "{"),
            (Some("application/json"), "[]"),
            (Some("application/json"), "\"x\""),
            (Some("text/plain"), "{}"),
            (Some("application/x-www-form-urlencoded"), "a=b"),
            (None, "{}"),
        ] {
            let mut request = Request::post(&at).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
            if let Some(media_type) = media_type {
                request = request.header(header::CONTENT_TYPE, media_type);
            }
            let answer = world.raw(request.body(Body::from(body)).unwrap()).await;
            assert!(!answer.refused(400).is_empty(), "{endpoint} {media_type:?} {body}");
        }
    }
}

#[tokio::test]
async fn s10_1_2_and_s11_3_a_caller_that_is_not_known_gets_401() {
    let world = World::start().await;
    for endpoint in ENDPOINTS {
        for token in [None, Some("Bearer wrong"), Some("Basic eDp5")] {
            let mut request = Request::post(world.at(&format!("/access/v1/{endpoint}")));
            request = request.header(header::CONTENT_TYPE, "application/json");
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let answer = world.raw(request.body(Body::from("{}")).unwrap()).await;
            assert!(!answer.refused(401).is_empty());
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{endpoint}");
        }
    }
}

#[tokio::test]
async fn s10_1_2_a_caller_that_may_not_gets_403() {
    let world = World::start().await;
    let body = json!({"user": "App::User::\"alice\""});
    let token = world.send(Method::POST, &world.at("/user-tokens"), Some(body), &[]).await;
    assert_eq!(token.status, 201, "{}", token.json());
    let token = format!("Bearer {}", token.json()["token"].as_str().unwrap());
    let request = Request::post(world.at("/access/v1/evaluation")).header(header::AUTHORIZATION, token);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let answer = world.raw(request.body(Body::from(ask("alice", "read", "record-1").to_string())).unwrap()).await;
    assert!(answer.refused(403).contains("administrator"));
}

#[tokio::test]
async fn s10_1_2_a_zone_that_is_not_there_is_told_in_the_same_form() {
    let world = World::start().await;
    for zone in ["01890000-0000-7000-8000-000000000000", "x"] {
        for endpoint in ENDPOINTS {
            let at = format!("/zones/{zone}/access/v1/{endpoint}");
            world.send(Method::POST, &at, Some(ask("alice", "read", "record-1")), &[]).await.refused(404);
        }
    }
}

#[tokio::test]
async fn s10_1_3_the_request_id_comes_back_as_it_was() {
    let world = World::start().await;
    let question = ask("alice", "read", "record-1");
    let long = "x".repeat(1_000);
    for id in ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "any text: {even/this}, \"quoted\"", &long] {
        for endpoint in ENDPOINTS {
            let at = world.at(&format!("/access/v1/{endpoint}"));
            for body in [question.clone(), json!({"wrong": true})] {
                let answer = world.send(Method::POST, &at, Some(body), &[("x-request-id", id)]).await;
                assert_eq!(answer.header("x-request-id"), id, "{endpoint}");
            }
        }
    }
    let without = world.post("evaluation", question).await;
    without.fine();
    assert!(!without.header("x-request-id").is_empty(), "one of ours");
}

#[tokio::test]
async fn s10_1_the_endpoints_are_asked_by_post() {
    let world = World::start().await;
    for endpoint in ENDPOINTS {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = world.send(method, &world.at(&format!("/access/v1/{endpoint}")), None, &[]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{endpoint}");
        }
    }
}
