//! What is foreign is not there: every id in a path, a query, a body, a cursor and an idempotency key, swapped for one of
//! another zone.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::{Value, json};

use crate::support::{Ground, made};

const POLICY: &str = "permit (principal, action, resource);";

/// Ids of one of everything in a zone.
struct World {
    zone: String,
    ids: Vec<(&'static str, String)>,
}

async fn world(ground: &Ground, zone: &str) -> World {
    let zone = format!("/zones/{zone}");
    let entry = json!({"new_policy": {"name": "p"}, "cedar_raw": POLICY});
    let body = json!({"name": "s", "manifest": {"entries": [entry], "activate": true}});
    let set = ground.wire.post(&format!("{zone}/policy-sets"), body).await.json();
    let change = &set["changes"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (policy, policy_version) = (text(&change["policy_id"]), text(&change["policy_version_id"]));
    let user = json!({"user": "User::\"a\""});
    let user_token = made(&ground.wire, &format!("{zone}/user-tokens"), user).await;
    let keys = ground.wire.get(&format!("{zone}/signing-keys")).await.json();
    let version = &set["policy_set_version"];
    World {
        ids: vec![
            ("policy_id", policy),
            ("policy_version", policy_version),
            ("policy_set_id", text(&version["policy_set_id"])),
            ("set_version", text(&version["id"])),
            ("binding_id", text(&set["binding"]["id"])),
            ("user_token_id", user_token),
            ("kid", text(&keys["items"][0]["kid"])),
        ],
        zone,
    }
}

impl World {
    fn id(&self, name: &str) -> &str {
        &self.ids.iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// The path of an operation with this world's ids below a zone.
    fn path(&self, zone: &str, template: &str) -> String {
        let of_set = template.contains("/policy-sets/");
        let segments = template.split('/').skip(3).map(|segment| match segment {
            "{version_id}" => self.id(if of_set { "set_version" } else { "policy_version" }).to_owned(),
            parameter if parameter.starts_with('{') => {
                let name = parameter.trim_matches(['{', '}']);
                let known = self.ids.iter().find(|(known, _)| *known == name);
                known.map_or_else(|| "nothing".to_owned(), |(_, id)| id.clone())
            }
            other => other.to_owned(),
        });
        format!("{zone}/{}", segments.collect::<Vec<_>>().join("/"))
    }
}

/// What a zone holds: its events tell of every change.
async fn state(ground: &Ground, zone: &str) -> Value {
    ground.wire.get(&format!("{zone}/events?limit=1")).await.json()["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_another_zone_are_not_there_in_any_path() {
    let ground = Ground::new().await;
    let own = world(&ground, &ground.zone).await;
    let other = world(&ground, &ground.other_zone).await;
    let owner = ground.account(&ground.organization, &[("owner", Some(&ground.zone))]).await.1;
    let before = [state(&ground, &own.zone).await, state(&ground, &other.zone).await];
    let document: Value = serde_json::from_str(&cedarkeep_http::openapi_json().unwrap()).unwrap();
    let mut asked = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        if !template.starts_with("/zones/{zone_id}/") || template.matches('{').count() < 2 {
            continue;
        }
        if ["{version}", "{entity_type}", "{decision_id}"].iter().any(|own| template.contains(own)) {
            continue;
        }
        for method in item.as_object().unwrap().keys().filter(|key| key.as_str() != "parameters") {
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = match (&method, template.as_str()) {
                (&Method::GET | &Method::DELETE, _) => None,
                (&Method::PATCH, path) if path.contains("/policy-sets/{policy_set_id}/versions") => {
                    Some(json!({"active": true}))
                }
                (&Method::PATCH, _) => Some(json!({"name": "stolen"})),
                (_, path) if path.ends_with("/apply") => {
                    Some(json!({"manifest": {"entries": [{"policy_id": own.id("policy_id"), "cedar_raw": POLICY}]}}))
                }
                (_, path) if path.ends_with("/policies/{policy_id}/versions") => {
                    Some(json!({"schema_version": "2026-03-16", "cedar_raw": POLICY}))
                }
                (_, path) if path.ends_with("/policy-sets/{policy_set_id}/versions") => {
                    let entry =
                        json!({"policy_id": own.id("policy_id"), "policy_version_id": own.id("policy_version")});
                    Some(json!({"schema_version": "2026-03-16", "manifest": {"entries": [entry]}}))
                }
                (_, path) if path.ends_with("/policies/{policy_id}/draft") => {
                    Some(json!({"schema_version": "2026-03-16", "cedar_raw": POLICY}))
                }
                (_, path) if path.ends_with("/policy-sets/{policy_set_id}/draft") => {
                    Some(json!({"schema_version": "2026-03-16", "manifest": {"entries": []}}))
                }
                _ => Some(json!({})),
            };
            let shown = format!("{method} {template}");
            // Another zone's ids under one's own zone, and under that zone itself.
            for zone in [&own.zone, &other.zone] {
                let answer = ground.ask(method.clone(), &other.path(zone, template), Some(&owner), body.clone()).await;
                assert_eq!(answer.refused(404), "not_found", "{shown}");
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "{asked}");
    assert_eq!([state(&ground, &own.zone).await, state(&ground, &other.zone).await], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_another_zone_are_not_there_in_any_body_or_query() {
    let ground = Ground::new().await;
    let own = world(&ground, &ground.zone).await;
    let other = world(&ground, &ground.other_zone).await;
    let owner = ground.account(&ground.organization, &[("owner", Some(&ground.zone))]).await.1;
    let before = state(&ground, &own.zone).await;
    let entry = json!({"policy_id": other.id("policy_id"), "policy_version_id": other.id("policy_version")});
    let manifest = json!({"schema_version": "2026-03-16", "manifest": {"entries": [entry]}});
    let versions = format!("{}/policy-sets/{}/versions", own.zone, own.id("policy_set_id"));
    assert_eq!(ground.post(&versions, &owner, manifest).await.refused(422), "policy_version_not_found");
    let apply = format!("{}/policy-sets/{}/apply", own.zone, own.id("policy_set_id"));
    let applied = ground.post(&apply, &owner, json!({"manifest": {"entries": [entry]}})).await;
    assert_eq!(applied.refused(422), "policy_version_not_found");
    let bind = json!({"policy_set_version_id": other.id("set_version"), "mode": "active"});
    let bound = ground.ask(Method::PUT, &format!("{}/policy-bindings", own.zone), Some(&owner), Some(bind)).await;
    assert_eq!(bound.refused(404), "not_found");
    let default = json!({"user_default_policy_set_id": other.id("policy_set_id")});
    assert_eq!(ground.ask(Method::PATCH, &own.zone, Some(&owner), Some(default)).await.refused(400), "bad_request");
    let tests = json!({
        "policies": {"policy_version_ids": [other.id("policy_version")]},
        "requests": [{"principal": "User::\"a\"", "action": "Action::\"a\"", "resource": "Doc::\"a\""}],
    });
    assert_eq!(ground.post(&format!("{}/policy-tests", own.zone), &owner, tests).await.status, 422);
    for (list, id) in [("policies", "policy_id"), ("policy-sets", "policy_set_id")] {
        let query = format!("{}/{list}?filter[id]={}&filter[id]={}", own.zone, own.id(id), other.id(id));
        let found = ground.get(&query, &owner).await.json();
        let ids: Vec<_> = found["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [own.id(id)]);
    }
    assert_eq!(state(&ground, &own.zone).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_and_idempotency_keys_are_bound_to_zone_and_principal() {
    let ground = Ground::new().await;
    let grants = [("owner", Some(ground.zone.as_str())), ("owner", Some(ground.other_zone.as_str()))];
    let one = ground.account(&ground.organization, &grants).await.1;
    let two = ground.account(&ground.organization, &grants).await.1;
    let (zone, other) = (format!("/zones/{}", ground.zone), format!("/zones/{}", ground.other_zone));
    for name in ["a", "b", "c"] {
        ground.post(&format!("{zone}/policies"), &one, json!({"name": name})).await;
        ground.post(&format!("{other}/policies"), &one, json!({"name": name})).await;
    }
    let page = ground.get(&format!("{zone}/policies?limit=1"), &one).await.json();
    let cursor = page["pagination"]["after_cursor"].as_str().unwrap().to_owned();
    assert_eq!(ground.get(&format!("{zone}/policies?limit=1&after={cursor}"), &one).await.status, 200);
    let elsewhere = ground.get(&format!("{other}/policies?limit=1&after={cursor}"), &one).await;
    assert_eq!(elsewhere.refused(400), "invalid_cursor");

    let keyed = async |path: &str, credential: &str, name: &str| {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {credential}"));
        let request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", "k");
        ground.wire.send(request.body(Body::from(json!({"name": name}).to_string())).unwrap()).await
    };
    let policies = format!("{zone}/policies");
    let first = keyed(&policies, &one, "d").await;
    assert_eq!(keyed(&policies, &one, "d").await.text("id"), first.text("id"));
    // Another zone's key and another principal's are other keys: neither is told of the first answer.
    assert_ne!(keyed(&format!("{other}/policies"), &one, "d").await.text("id"), first.text("id"));
    assert_eq!(keyed(&policies, &two, "d").await.refused(409), "policy_name_conflict");
    // Who may not any more is not given the answer of before.
    let nobody = ground.account(&ground.organization, &[("decider", None)]).await.1;
    assert_eq!(keyed(&policies, &nobody, "d").await.refused(403), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_what_the_caller_reaches() {
    let ground = Ground::new().await;
    let shown = async |path: &str, grants: &[(&str, Option<&str>)]| {
        let key = ground.account(&ground.organization, grants).await.1;
        let list = ground.get(&format!("{path}?expand[]=total_count"), &key).await.json();
        let items = list["items"].as_array().unwrap();
        assert_eq!(list["pagination"]["total_count"].as_u64(), Some(items.len() as u64));
        let mut ids: Vec<_> = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let (zone, other) = (ground.zone.clone(), ground.other_zone.clone());
    let mut both = vec![zone.clone(), other.clone()];
    both.sort();
    assert_eq!(shown("/zones", &[("auditor", None)]).await, both);
    assert_eq!(shown("/zones", &[("auditor", Some(&zone))]).await, [zone.as_str()]);
    assert_eq!(shown("/zones", &[("auditor", Some(&zone)), ("author", Some(&other))]).await, both);
    assert_eq!(shown("/organizations", &[("auditor", None)]).await, [ground.organization.as_str()]);
    assert_eq!(shown("/organizations", &[("auditor", Some(&zone))]).await, Vec::<String>::new());
    let key = ground.account(&ground.organization, &[("administrator", Some(&zone))]).await.1;
    let elsewhere = json!({"name": "New", "organization_id": ground.other_organization});
    assert_eq!(ground.post("/zones", &key, elsewhere).await.refused(404), "not_found");
    assert_eq!(ground.post("/zones", &key, json!({"name": "New"})).await.refused(404), "not_found");
    let key = ground.account(&ground.organization, &[("administrator", None)]).await.1;
    let made = ground.post("/zones", &key, json!({"name": "New"})).await;
    assert_eq!((made.status.as_u16(), made.text("organization_id")), (201, ground.organization.clone()));
}
