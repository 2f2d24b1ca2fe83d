//! Bodies and parameters that are wrong: named, in the one shape, and nothing is written.

use axum::http::Method;
use cedarkeep_http::{HttpConfig, Limits};
use serde_json::json;

use crate::support::{Wire, request};

#[tokio::test]
async fn a_body_is_read_strictly() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let at = format!("/zones/{}/policies", zone.id);
    for (body, status, code, named) in [
        (&b"{\"name\": \"a\", \"colour\": 1}"[..], 400, "bad_request", "colour"),
        (b"{\"name\": 1}", 400, "bad_request", "name"),
        (b"{}", 400, "bad_request", "name"),
        (b"{\"name\": \"\"}", 400, "bad_request", "name"),
        (b"{\"name\": \"a\", \"name\": \"a\"}", 400, "invalid_json", "name"),
        (b"{\"name\": \"\xff\"}", 400, "invalid_json", "UTF-8"),
        (b"", 400, "invalid_json", "empty"),
        (b"[]", 400, "bad_request", "object"),
        (b"null", 400, "bad_request", "object"),
    ] {
        let answer = wire.send(request(Method::POST, &at, Some(body.to_vec()), &[])).await;
        assert_eq!(answer.refused(status), code, "{}", String::from_utf8_lossy(body));
        assert!(answer.text("message").contains(named), "{}", answer.text("message"));
    }
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(2 << 20)).into_bytes();
    assert_eq!(wire.send(request(Method::POST, &at, Some(large), &[])).await.refused(413), "too_large");
    let mut xml = request(Method::POST, &at, Some(b"{\"name\": \"a\"}".to_vec()), &[]);
    xml.headers_mut().insert("content-type", "application/xml".parse().unwrap());
    assert_eq!(wire.send(xml).await.refused(415), "unsupported_media_type");
    assert_eq!(wire.get(&format!("{at}?expand=total_count")).await.json()["pagination"]["total_count"], 0);
}

#[tokio::test]
async fn null_takes_away_only_what_can_be_taken_away() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let path = format!("/zones/{}", zone.id);
    let change = async |body| wire.ask(Method::PATCH, &path, Some(body)).await;
    assert_eq!(change(json!({"description": "x"})).await.text("description"), "x");
    assert!(change(json!({"slug": "kept"})).await.json()["description"].is_string(), "absent leaves it as it is");
    assert!(change(json!({"description": null})).await.json()["description"].is_null());
    for member in ["name", "slug", "deletion_protection", "validation_mode"] {
        assert_eq!(change(json!({member: null})).await.refused(400), "bad_request", "{member}");
    }
}

#[tokio::test]
async fn members_of_an_identity_provider_are_refused_by_name() {
    let wire = Wire::start().await;
    for member in ["protocols", "requires_invitation", "encryption_key", "default_resource_id", "external_sync_enabled"]
    {
        let answer = wire.post("/zones", json!({"name": "a", member: null})).await;
        assert_eq!(answer.refused(400), "unsupported_field");
        assert!(answer.text("message").contains(member));
    }
}

#[tokio::test]
async fn content_comes_in_exactly_one_form() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let policy = wire.inner.policy(zone.id, "p").await;
    let at = format!("/zones/{}/policies/{policy}/versions", zone.id);
    let text = "permit (principal, action, resource);";
    for content in [
        json!({}),
        json!({"cedar_raw": null, "cedar_json": null}),
        json!({"cedar_raw": text, "cedar_json": {}}),
        json!({"cedar_raw": ""}),
        json!({"cedar_raw": " // nothing\n"}),
    ] {
        let mut body = content.clone();
        body["schema_version"] = json!("test");
        assert_eq!(wire.post(&at, body).await.refused(400), "missing_cedar_content", "{content}");
    }
    let fine = wire.post(&at, json!({"schema_version": "test", "cedar_raw": text, "cedar_json": null})).await;
    assert_eq!(fine.status.as_u16(), 201);
}

#[tokio::test]
async fn manifests_name_what_the_zone_has() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let set = wire.inner.set(zone.id, "s", cedarkeep_model::ScopeType::Zone).await;
    let at = format!("/zones/{}/policy-sets/{set}/versions", zone.id);
    let nobody = "01890000-0000-7000-8000-000000000000";
    for (entry, code) in [
        (json!({"policy_id": nobody, "policy_version_id": nobody}), "policy_version_not_found"),
        (json!({"policy_id": "x", "policy_version_id": nobody}), "policy_version_not_found"),
        (json!({"policy_id": nobody, "policy_version_id": nobody, "sha": "x"}), "sha_mismatch"),
    ] {
        let body = json!({"schema_version": "test", "manifest": {"entries": [entry]}});
        assert_eq!(wire.post(&at, body).await.refused(422), code);
    }
    let wrong = json!({"schema_version": "test", "manifest": {"entries": [{"policy_id": nobody}]}});
    let answer = wire.post(&at, wrong).await;
    assert_eq!(answer.refused(400), "bad_request");
    assert!(answer.text("message").starts_with("manifest.entries[0]"), "{}", answer.text("message"));
}

#[tokio::test]
async fn only_true_binds() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let set = wire.inner.set(zone.id, "s", cedarkeep_model::ScopeType::Zone).await;
    let policy = wire.inner.policy(zone.id, "p").await;
    let version = wire.inner.version(zone.id, policy, "permit (principal, action, resource);").await;
    let version = wire.inner.set_version(zone.id, set, &[version]).await;
    let at = format!("/zones/{}/policy-sets/{set}/versions/{}", zone.id, version.record.id);
    for body in [json!({}), json!({"active": false}), json!({"active": null}), json!({"active": "true"})] {
        assert_eq!(wire.ask(Method::PATCH, &at, Some(body)).await.refused(400), "bad_request");
    }
    let shadow = wire.ask(Method::PATCH, &at, Some(json!({"active": true, "mode": "shadow"}))).await;
    assert_eq!((shadow.status.as_u16(), &shadow.json()["active"]), (200, &json!(false)));
    let set = wire.get(&format!("/zones/{}/policy-sets/{set}", zone.id)).await.json();
    assert_eq!((&set["mode"], &set["active"], &set["shadow_version"]), (&json!("shadow"), &json!(false), &json!(1)));
}

#[tokio::test]
async fn decisions_take_both_forms_of_a_uid_and_no_other() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await;
    let at = format!("/zones/{}/authorize", zone.id);
    let good =
        json!({"principal": "User::\"a\"", "action": {"type": "Action", "id": "read"}, "resource": "Doc::\"1\""});
    assert_eq!(wire.post(&at, good.clone()).await.json()["reason"], "no_active_policy_set");
    for (member, wrong) in [
        ("principal", json!("alice")),
        ("principal", json!({"type": "User"})),
        ("action", json!(1)),
        ("context", json!([])),
        ("entities", json!({})),
        ("at_least_revision", json!(-1)),
        ("surprise", json!(1)),
    ] {
        let mut body = good.clone();
        body[member] = wrong;
        let answer = wire.post(&at, body).await;
        assert_eq!(answer.refused(400), "bad_request", "{member}");
        assert!(answer.text("message").contains(member), "{}", answer.text("message"));
    }
}

#[tokio::test]
async fn manifests_and_entities_may_be_larger() {
    let limits = Limits { body_bytes: 100, large_body_bytes: 1_000, ..Limits::default() };
    let wire = Wire::with(HttpConfig { limits, ..HttpConfig::default() }).await;
    let zone = wire.inner.zone().await;
    let at = |path: &str| format!("/zones/{}/{path}", zone.id);
    let nobody = "01890000-0000-7000-8000-000000000000";
    let pad = |size: usize| Some(format!(r#"{{"name": "x", "pad": "{}"}}"#, "x".repeat(size)).into_bytes());
    let large = [at("authorize"), at(&format!("policy-sets/{nobody}/versions"))];
    let small = [at("policies"), at("policy-schemas"), at(&format!("policies/{nobody}/versions"))];
    for path in &small {
        assert_eq!(wire.send(request(Method::POST, path, pad(150), &[])).await.refused(413), "too_large", "{path}");
    }
    for path in &large {
        assert_eq!(wire.send(request(Method::POST, path, pad(150), &[])).await.refused(400), "bad_request", "{path}");
        assert_eq!(wire.send(request(Method::POST, path, pad(1_000), &[])).await.refused(413), "too_large", "{path}");
    }
}
