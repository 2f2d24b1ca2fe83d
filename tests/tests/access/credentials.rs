//! Credentials and access tokens: shown once, good for their time, taken back at once.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    support::Ground,
    wire::{Answer, TOKEN},
};

async fn token(ground: &Ground, authorization: Option<String>, form: &str) -> Answer {
    let mut request = Request::builder().method(Method::POST).uri("/service-account-token");
    request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    ground.wire.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

const FORM: &str = "grant_type=client_credentials";

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_get_a_token_that_is_good_for_minutes() {
    let ground = Ground::new().await;
    let (_, path) = ground.bare_account(&ground.organization, &[("auditor", None)], None).await;
    let made = ground.wire.post(&format!("{path}/credentials"), json!({"name": "first"})).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let in_form = format!("{FORM}&client_id={id}&client_secret={secret}");
    for (authorization, form) in [(Some(basic(&id, &secret)), FORM), (None, in_form.as_str())] {
        let given = token(&ground, authorization, form).await;
        assert_eq!(given.status, 200, "{}", given.json());
        assert_eq!(given.header("cache-control"), "no-store");
        assert_eq!((given.json()["expires_in"].as_i64(), given.text("token_type")), (Some(900), "Bearer".to_owned()));
        let bearer = given.text("access_token");
        let zone = format!("/zones/{}", ground.zone);
        assert_eq!(ground.get(&zone, &bearer).await.status, 200);
        ground.wire.inner.clock.advance(901);
        assert_eq!(ground.get(&zone, &bearer).await.refused(401), "unauthenticated");
    }
    // The secret itself is no bearer, and an API key gets no token.
    assert_eq!(ground.get("/zones", &secret).await.status, 401);
    let key = ground.wire.post(&format!("{path}/credentials"), json!({"name": "key", "kind": "api_key"})).await;
    let given = token(&ground, Some(basic(&key.text("client_id"), &key.text("client_secret"))), FORM).await;
    assert_eq!((given.status.as_u16(), given.text("error")), (401, "invalid_client".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_request_for_a_token_is_told_in_the_words_of_the_standard() {
    let ground = Ground::new().await;
    let (_, path) = ground.bare_account(&ground.organization, &[("auditor", None)], None).await;
    let made = ground.wire.post(&format!("{path}/credentials"), json!({"name": "first"})).await;
    let (id, secret) = (made.text("client_id"), made.text("client_secret"));
    let good = || Some(basic(&id, &secret));
    for (authorization, form, status, code) in [
        (None, FORM, 400, "invalid_request"),
        (good(), "", 400, "invalid_request"),
        (good(), "grant_type=password", 400, "unsupported_grant_type"),
        (good(), "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        (good(), "grant_type=client_credentials&client_secret=x", 400, "invalid_request"),
        (good(), "grant_type=client_credentials&client_id=other", 400, "invalid_request"),
        (Some(format!("Bearer {TOKEN}")), FORM, 400, "invalid_request"),
        (Some("Basic !".to_owned()), FORM, 400, "invalid_request"),
        (Some(basic(&id, "wrong")), FORM, 401, "invalid_client"),
        (Some(basic("ckci_nothing", &secret)), FORM, 401, "invalid_client"),
        (Some(basic(&id, &secret.to_uppercase())), FORM, 401, "invalid_client"),
    ] {
        let answer = token(&ground, authorization, form).await;
        assert_eq!((answer.status.as_u16(), answer.text("error")), (status, code.to_owned()), "{form}");
        assert_eq!(answer.header("www-authenticate").starts_with("Basic"), status == 401);
        assert!(!String::from_utf8_lossy(&answer.body).contains(&secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_was_taken_back_or_has_expired_is_good_for_nothing() {
    let ground = Ground::new().await;
    let (_, path) = ground.bare_account(&ground.organization, &[("auditor", None)], None).await;
    let credentials = format!("{path}/credentials");
    let zone = format!("/zones/{}", ground.zone);
    let mut made = Vec::new();
    for (kind, expires) in
        [("client_secret", None), ("api_key", None), ("client_secret", Some(60)), ("api_key", Some(60))]
    {
        let mut body = json!({"name": kind, "kind": kind});
        if let Some(seconds) = expires {
            body["expires_in_seconds"] = json!(seconds);
        }
        let answer = ground.wire.post(&credentials, body).await;
        let (id, secret) = (answer.text("id"), answer.text("client_secret"));
        let bearer = if kind == "api_key" {
            secret
        } else {
            let given = token(&ground, Some(basic(&answer.text("client_id"), &secret)), FORM).await;
            assert_eq!(given.json()["expires_in"].as_i64().unwrap() <= 60, expires.is_some());
            given.text("access_token")
        };
        assert_eq!(ground.get(&zone, &bearer).await.status, 200);
        made.push((id, bearer));
    }
    ground.wire.inner.clock.advance(61);
    let good = async |bearer: &str| ground.get(&zone, bearer).await.status == 200;
    let found = [good(&made[0].1).await, good(&made[1].1).await, good(&made[2].1).await, good(&made[3].1).await];
    assert_eq!(found, [true, true, false, false]);
    for (id, bearer) in &made[..2] {
        let deleted = ground.wire.ask(Method::DELETE, &format!("{credentials}/{id}"), None).await;
        assert_eq!(deleted.status, 204);
        assert!(!good(bearer).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_count_from_the_moment_at_which_they_are_changed() {
    let ground = Ground::new().await;
    let (id, key) = ground.account(&ground.organization, &[("auditor", None)]).await;
    let path = format!("/organizations/{}/service-accounts/{id}", ground.organization);
    let policies = format!("/zones/{}/policies", ground.zone);
    assert_eq!(ground.get(&policies, &key).await.status, 200);
    assert_eq!(ground.post(&policies, &key, json!({"name": "a"})).await.refused(403), "forbidden");
    let author = json!({"grants": [{"role": "author", "zone_id": ground.zone}]});
    assert_eq!(ground.wire.ask(Method::PUT, &format!("{path}/roles"), Some(author)).await.status, 200);
    let made = ground.post(&policies, &key, json!({"name": "a"})).await;
    assert_eq!((made.status.as_u16(), made.text("created_by")), (201, format!("service-account:{id}")));
    assert_eq!(ground.get(&format!("/zones/{}", ground.other_zone), &key).await.status, 404);
    assert_eq!(ground.wire.ask(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(ground.get(&policies, &key).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_roles_are_refused_and_change_nothing() {
    let ground = Ground::new().await;
    let (id, _) = ground.account(&ground.organization, &[("auditor", None)]).await;
    let path = format!("/organizations/{}/service-accounts/{id}/roles", ground.organization);
    let before = ground.wire.get(&path).await.json();
    for grants in [
        json!([{"role": "king"}]),
        json!([{"role": "author", "zone_id": ground.foreign_zone}]),
        json!([{"role": "author", "zone_id": "nothing"}]),
        json!([{"role": "author"}, {"role": "author", "zone_id": null}]),
        json!([{"role": "author", "zones": []}]),
    ] {
        let answer = ground.wire.ask(Method::PUT, &path, Some(json!({"grants": grants}))).await;
        assert_eq!(answer.refused(400), "bad_request", "{grants}");
    }
    assert_eq!(ground.wire.get(&path).await.json(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_an_organization_is_recorded() {
    let ground = Ground::new().await;
    let (id, _) = ground.account(&ground.organization, &[("auditor", None)]).await;
    let path = format!("/organizations/{}", ground.organization);
    ground.wire.ask(Method::PATCH, &path, Some(json!({"name": "Uno"}))).await;
    ground.wire.ask(Method::DELETE, &format!("{path}/service-accounts/{id}"), None).await;
    let events = ground.wire.get(&format!("{path}/events?order=asc")).await.json();
    let items = events["items"].as_array().unwrap();
    let kinds: Vec<_> = items.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "organization.created",
        "service_account.created",
        "service_account.roles_replaced",
        "credential.created",
        "organization.updated",
        "service_account.deleted",
    ];
    assert_eq!(kinds, expected);
    let numbers: Vec<_> = items.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert!(items.iter().all(|event| event["actor"] == "administrator"));
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_those_of_the_caller() {
    let ground = Ground::new().await;
    let path = format!("/zones/{}?expand[]=permissions", ground.zone);
    let of = async |role: &str| {
        let key = ground.account(&ground.organization, &[(role, None)]).await.1;
        ground.get(&path, &key).await.json()["permissions"].clone()
    };
    let (author, activator) = (of("author").await, of("activator").await);
    assert_eq!((&author["policies"]["create"], &activator["policies"]["create"]), (&json!(true), &json!(false)));
    let activate = |permissions: &Value| permissions["policy_set_versions"]["activate"].clone();
    assert_eq!((activate(&author), activate(&activator)), (json!(false), json!(true)));
    assert_eq!(author["zones"], json!({"read": true, "update": false, "delete": false}));
}
