//! The documented limits, each at its edge: the last that is taken, the first that is not.

use axum::http::Method;
use serde_json::json;

use crate::support::{Wire, request};

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

/// An object of exactly so many bytes, with a member that no route knows: what may be so large is refused for that.
fn padded(bytes: usize) -> Vec<u8> {
    let frame = r#"{"pad": ""}"#;
    format!(r#"{{"pad": "{}"}}"#, "x".repeat(bytes - frame.len())).into_bytes()
}

#[tokio::test]
async fn bodies_have_a_mebibyte_and_sixteen_where_much_is_sent() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await.id;
    let at = |path: &str| format!("/zones/{zone}/{path}");
    let (small, large) = (1 << 20, 16 << 20);
    let (post, put) = (Method::POST, Method::PUT);
    for (method, path, most) in [
        (&post, "/zones".to_owned(), small),
        (&post, at("policies"), small),
        (&post, at("policy-schemas"), small),
        (&post, at("policy-sets"), large),
        (&post, at(&format!("policies/{NOBODY}/versions")), small),
        (&put, at("policy-bindings"), small),
        (&post, at(&format!("policy-sets/{NOBODY}/versions")), large),
        (&post, at(&format!("policy-sets/{NOBODY}/apply")), large),
        (&put, at(&format!("policy-sets/{NOBODY}/draft")), large),
        (&put, at("entities"), large),
        (&post, at("authorize"), large),
        (&post, at("authorize/batch"), large),
        (&post, at("policy-tests"), large),
    ] {
        let send = async |bytes| wire.send(request(method.clone(), &path, Some(padded(bytes)), &[])).await;
        assert_eq!(send(most).await.refused(400), "bad_request", "{method} {path} takes {most} bytes");
        assert_eq!(send(most + 1).await.refused(413), "too_large", "{method} {path} takes no more");
    }
}

#[tokio::test]
async fn names_have_200_characters_and_descriptions_2000() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await.id;
    // Characters, not bytes.
    let text = |count: usize| "ä".repeat(count);
    for path in ["/zones".to_owned(), format!("/zones/{zone}/policies")] {
        let send = async |name: usize, description: usize| {
            wire.post(&path, json!({"name": text(name), "description": text(description)})).await
        };
        assert_eq!(send(200, 2_000).await.status.as_u16(), 201, "{path}");
        for (name, description) in [(201, 10), (10, 2_001)] {
            assert_eq!(send(name, description).await.refused(400), "bad_request", "{path}: {name}, {description}");
        }
    }
    let sets = format!("/zones/{zone}/policy-sets");
    assert_eq!(wire.post(&sets, json!({"name": text(200)})).await.status.as_u16(), 201);
    assert_eq!(wire.post(&sets, json!({"name": text(201)})).await.refused(400), "bad_request");
}

#[tokio::test]
async fn a_policy_has_256_kib_and_a_schema_what_a_body_holds() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await.id;
    let policy = wire.post(&format!("/zones/{zone}/policies"), json!({"name": "policy"})).await.text("id");
    let permit = "permit (principal, action, resource); // ";
    let text = |bytes: usize| format!("{permit}{}", "x".repeat(bytes - permit.len()));
    let publish = async |bytes| {
        let body = json!({"schema_version": "test", "cedar_raw": text(bytes)});
        wire.post(&format!("/zones/{zone}/policies/{policy}/versions"), body).await
    };
    assert_eq!(publish(256 << 10).await.status.as_u16(), 201);
    assert_eq!(publish((256 << 10) + 1).await.refused(413), "too_large");
    let schema = async |bytes: usize| {
        let text = format!("entity E; // {}", "x".repeat(bytes));
        wire.post(&format!("/zones/{zone}/policy-schemas"), json!({"version": "large", "cedar_schema": text})).await
    };
    assert_eq!(schema(1 << 20).await.refused(413), "too_large");
    assert_eq!(schema((1 << 20) - 100).await.status.as_u16(), 201);
}

#[tokio::test]
async fn lists_within_a_body_have_their_most() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await.id;
    let at = |path: &str| format!("/zones/{zone}/{path}");
    let policy = json!({"new_policy": {"name": "all"}, "cedar_raw": "permit (principal, action, resource);"});
    let manifest = json!({"entries": [policy], "schema_version": "test", "activate": true});
    let set = wire.post(&at("policy-sets"), json!({"name": "set", "manifest": manifest})).await.text("id");
    let entry = json!({"policy_id": NOBODY, "policy_version_id": NOBODY});
    let question = json!({"principal": "User::\"a\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""});
    let group = |number| json!({"uid": {"type": "Group", "id": format!("{number}")}, "attrs": {}, "parents": []});
    let manifest = |count: usize| json!({"schema_version": "test", "manifest": {"entries": vec![&entry; count]}});
    let batch = |count: usize| json!({"requests": vec![&question; count]});
    let given = |count: usize| {
        let entities: Vec<_> = (0..count).map(group).collect();
        json!({"principal": "User::\"a\"", "action": "Action::\"read\"", "resource": "Doc::\"1\"", "entities": entities})
    };
    let versions = at(&format!("policy-sets/{set}/versions"));
    let cases = [
        (versions, 10_000, [10_000, 10_001].map(manifest)),
        (at("authorize/batch"), 1_000, [1_000, 1_001].map(batch)),
        (at("authorize"), 1_000, [1_000, 1_001].map(given)),
    ];
    for (path, most, [most_of_it, more]) in cases {
        let (fits, too_many) = (wire.post(&path, most_of_it).await, wire.post(&path, more).await);
        let said = |answer: &crate::support::Answer| {
            if answer.status.is_success() { String::new() } else { answer.text("message") }
        };
        assert!(too_many.status.is_client_error(), "{path}: {}", too_many.status);
        assert_ne!(said(&fits), said(&too_many), "{path} takes {most} and no more");
        assert!(said(&too_many).replace(',', "").contains(&format!("{most}")), "{path}: {}", said(&too_many));
    }
}

#[tokio::test]
async fn queries_and_headers_have_their_most() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await.id;
    let ids =
        |count: usize| format!("/zones/{zone}/policies?{}", vec![format!("filter[id]={NOBODY}"); count].join("&"));
    let answers = [
        (format!("/zones/{zone}/policies?limit=100"), 200),
        (format!("/zones/{zone}/policies?limit=101"), 400),
        (format!("/zones/{zone}/policies?limit=0"), 400),
        (ids(100), 200),
        (ids(101), 400),
    ];
    for (path, status) in answers {
        let shown: String = path.chars().take(120).collect();
        let path = path.replace('[', "%5B").replace(']', "%5D");
        assert_eq!(wire.get(&path).await.status.as_u16(), status, "{shown}");
    }
    for (length, status) in [(255, 201), (256, 400)] {
        let key = "k".repeat(length);
        let body = json!({"name": format!("policy {length}")}).to_string().into_bytes();
        let path = format!("/zones/{zone}/policies");
        let sent = wire.send(request(Method::POST, &path, Some(body), &[("idempotency-key", &key)])).await;
        assert_eq!(sent.status.as_u16(), status, "{length}");
    }
}
