//! Tokens bound to users: how they are made and taken back, and what they are good for.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ADMINISTRATOR, ALICE, BUNDLE, World, request};

async fn fetch(world: &World, token: &str) -> u16 {
    world.send(request(Method::GET, BUNDLE, token, &[], Vec::new())).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_kept_as_a_digest() {
    let world = World::new().await;
    let path = world.at("/user-tokens");
    let made = world.ask(Method::POST, &path, Some(json!({"user": "User::\"alice\"", "expires_in_seconds": 60}))).await;
    assert_eq!((made.status, made.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let mut made = made.json();
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with(&format!("ckut_{}_", world.zone)) && token.len() == 5 + 36 + 1 + 43, "{token}");
    assert_eq!((&made["user"], &made["zone_id"]), (&json!(ALICE), &json!(world.zone)));
    made.as_object_mut().unwrap().remove("token");
    let listed = world.get("/user-tokens?expand[]=total_count").await;
    assert_eq!((&listed["items"], &listed["pagination"]["total_count"]), (&json!([made]), &json!(1)));
    let events = world.get("/events?limit=1").await;
    let event = &events["items"][0];
    assert_eq!((&event["kind"], &event["body"]["user"]), (&json!("user_token.created"), &json!(ALICE)));
    // What is random in it may itself have a `_`.
    assert!(!events.to_string().contains(&token[42..]));
    assert!(!world.it.home().holds(&token[42..]), "only its digest is kept");
    assert_eq!(fetch(&world, &token).await, 200);
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_until_it_expires_or_is_taken_back() {
    let world = World::new().await;
    let path = world.at("/user-tokens");
    let short = world.ask(Method::POST, &path, Some(json!({"user": ALICE, "expires_in_seconds": 60}))).await.json();
    let (short, long) = (short["token"].as_str().unwrap().to_owned(), world.token(ALICE).await);
    assert_eq!((fetch(&world, &short).await, fetch(&world, &long).await), (200, 200));
    world.it.clock.advance(61);
    assert_eq!((fetch(&world, &short).await, fetch(&world, &long).await), (401, 200));
    let newest = world.get("/user-tokens?limit=1").await["items"][0]["id"].as_str().unwrap().to_owned();
    let path = world.at(&format!("/user-tokens/{newest}"));
    let stale = request(Method::DELETE, &path, ADMINISTRATOR, &[("if-match", "\"2\"")], Vec::new());
    assert_eq!(world.send(stale).await.refused(412), "precondition_failed");
    let deleted = world.ask(Method::DELETE, &path, None).await;
    assert_eq!((deleted.status, &deleted.json()["id"]), (StatusCode::OK, &json!(newest)));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.refused(404), "not_found");
    assert_eq!(fetch(&world, &long).await, 401);
    world.clean().await;
    let lasting = world.token(ALICE).await;
    assert_eq!(fetch(&world, &lasting).await, 200);
    assert_eq!(world.ask(Method::DELETE, &world.at(""), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(fetch(&world, &lasting).await, 401, "its zone is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_is_unauthenticated() {
    let world = World::new().await;
    let token = world.token(ALICE).await;
    let (other_zone, secret) = (token.replace(&world.zone.to_string(), &world.default.to_string()), &token[42..]);
    let nobody = "ckut_";
    let upper = format!("ckut_{}_{secret}", world.zone.to_string().to_uppercase());
    for wrong in [&token[..84], &format!("{token}A"), &other_zone, secret, nobody, &upper, &token.to_uppercase()] {
        let answer = world.send(request(Method::GET, BUNDLE, wrong, &[], Vec::new())).await;
        assert_eq!(answer.refused(401), "unauthenticated", "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_a_user_and_a_time() {
    let world = World::new().await;
    let long = format!("User::\"{}\"", "x".repeat(510));
    for body in [
        json!({}),
        json!({"user": 1}),
        json!({"user": "alice"}),
        json!({"user": "User::\"alice"}),
        json!({"user": long}),
        json!({"user": ALICE, "expires_in_seconds": 0}),
        json!({"user": ALICE, "expires_in_seconds": -1}),
        json!({"user": ALICE, "expires_in_seconds": null}),
        json!({"user": ALICE, "expires_in_seconds": 31_536_001}),
        json!({"user": ALICE, "zone_id": world.zone}),
    ] {
        let answer = world.ask(Method::POST, &world.at("/user-tokens"), Some(body.clone())).await;
        assert_eq!(answer.refused(400), "bad_request", "{body}");
    }
    assert_eq!(world.get("/user-tokens").await["items"], json!([]));
    // One spelling of a user names one slot.
    let body = json!({"user": "User::\"al\\u{69}ce\""});
    let made = world.ask(Method::POST, &world.at("/user-tokens"), Some(body)).await.json();
    assert_eq!(made["user"], ALICE);
}

/// Else a request that is repeated would show the secret again.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_does_not_keep_a_secret() {
    let world = World::new().await;
    let make = async || {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        let body = json!({"user": ALICE}).to_string();
        world.send(request(Method::POST, &world.at("/user-tokens"), ADMINISTRATOR, &headers, body)).await.json()
    };
    let (one, two) = (make().await, make().await);
    assert_ne!(one["token"], two["token"]);
    assert_eq!(world.get("/user-tokens").await["items"].as_array().unwrap().len(), 2);
}

/// Every operation that the document names, and so every one that there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_users_token_is_good_for_the_users_bundle_alone() {
    let world = World::new().await;
    let token = world.token(ALICE).await;
    let document = world.ask(Method::GET, "/openapi.json", None).await.json();
    let (mut closed, events) = (0, world.events().await);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let method: Method = verb.to_uppercase().parse().unwrap();
            let protected = operation["security"] != json!([{}]);
            let filled = filled(path, &world.zone.to_string());
            let headers = [("content-type", "application/json")];
            let answer = world.send(request(method.clone(), &filled, &token, &headers, "{}")).await;
            if path == BUNDLE {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{verb} {path}");
                let administrator = world.send(request(method, path, ADMINISTRATOR, &[], Vec::new())).await;
                assert_eq!(administrator.refused(403), "forbidden", "{verb} {path}");
                assert!(administrator.json()["message"].as_str().unwrap().contains("user-tokens"));
            } else if path.contains("/access/v1/") {
                // The errors of that standard are bare strings.
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{verb} {path}");
                assert!(answer.json().as_str().unwrap().contains(BUNDLE), "{verb} {path}");
                closed += 1;
            } else if protected {
                assert_eq!(answer.refused(403), "forbidden", "{verb} {path}");
                closed += 1;
            } else {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{verb} {path}");
            }
        }
    }
    assert!(closed > 40, "{closed} operations");
    // Her bundle was made and thrown away; else nothing has happened.
    let after = world.get("/events?limit=100&order=asc").await;
    let by_others = |event: &&Value| event["seq"].as_u64() > Some(events) && event["actor"] != format!("user:{ALICE}");
    assert_eq!(after["items"].as_array().unwrap().iter().find(by_others), None);
}

/// The path with its zone, and an id that nothing has.
fn filled(path: &str, zone: &str) -> String {
    let path = path.replace("{zone_id}", zone);
    let mut filled = String::new();
    for part in path.split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(_) => filled.push_str("01890000-0000-7000-8000-000000000000"),
            None => filled.push_str(part.trim_end_matches('{')),
        }
    }
    filled
}
