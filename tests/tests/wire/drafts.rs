//! Drafts of policies on the wire: saved whatever they hold, warned about, published in one step.

use axum::http::Method;
use cedarkeep_tests::in_process::schema_version;
use serde_json::{Value, json};

use crate::support::{Answer, Wire, request};

const PERMIT: &str = "permit (principal, action, resource);";

/// A server with a zone and, in it, a policy.
struct Draft {
    wire: Wire,
    zone: String,
    policy: String,
}

impl Draft {
    async fn start() -> Self {
        let wire = Wire::start().await;
        let zone = wire.inner.zone().await.id;
        let policy = format!("/zones/{zone}/policies/{}", wire.inner.policy(zone, "policy").await);
        Self { wire, zone: format!("/zones/{zone}"), policy }
    }

    async fn put(&self, body: Value) -> Answer {
        self.wire.ask(Method::PUT, &format!("{}/draft", self.policy), Some(body)).await
    }

    async fn put_if(&self, body: Value, header: (&str, &str)) -> Answer {
        let body = Some(body.to_string().into_bytes());
        self.wire.send(request(Method::PUT, &format!("{}/draft", self.policy), body, &[header])).await
    }

    async fn get(&self) -> Answer {
        self.wire.get(&format!("{}/draft", self.policy)).await
    }

    async fn publish(&self) -> Answer {
        self.wire.ask(Method::POST, &format!("{}/draft/publish", self.policy), None).await
    }

    async fn versions(&self) -> u64 {
        let list = self.wire.get(&format!("{}/versions?expand[]=total_count", self.policy)).await.json();
        list["pagination"]["total_count"].as_u64().unwrap()
    }
}

fn types(draft: &Value) -> Vec<&str> {
    let warnings = draft["warnings"].as_array().map(Vec::as_slice).unwrap_or_default();
    warnings.iter().map(|warning| warning["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_draft_is_written_read_replaced_and_published() {
    let it = Draft::start().await;
    assert_eq!(it.get().await.refused(404), "not_found");
    let first = it.put(json!({"schema_version": "test", "cedar_raw": PERMIT})).await;
    assert_eq!(first.status.as_u16(), 201);
    let body = first.json();
    let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let members = ["base_version_id", "cedar_json", "cedar_raw", "created_at", "policy_id", "schema_version"];
    assert_eq!(names, [&members[..], &["updated_at", "updated_by"]].concat(), "and no warnings");
    assert!(body["cedar_json"]["staticPolicies"]["policy0"].is_object());
    assert_eq!((&body["cedar_raw"], &body["base_version_id"]), (&json!(PERMIT), &Value::Null));
    let read = it.get().await;
    assert_eq!((read.status.as_u16(), read.json(), read.header("etag")), (200, body, first.header("etag")));
    assert_eq!(read.header("cache-control"), "no-store", "warnings change while the tag does not");

    let same = it.put(json!({"schema_version": "test", "cedar_raw": PERMIT})).await;
    assert_eq!((same.status.as_u16(), same.json(), same.header("etag")), (200, read.json(), first.header("etag")));
    let second = it.put(json!({"schema_version": "test", "cedar_raw": format!("{PERMIT}\n")})).await;
    assert_eq!(second.status.as_u16(), 200);
    assert_ne!(second.header("etag"), first.header("etag"));
    assert_eq!(second.json()["created_at"], read.json()["created_at"]);
    assert_ne!(second.json()["updated_at"], read.json()["updated_at"]);

    let published = it.publish().await;
    assert_eq!((published.status.as_u16(), published.text("cedar_raw")), (201, format!("{PERMIT}\n")));
    assert_eq!(it.get().await.refused(404), "not_found", "the draft ends with it");
    assert_eq!(it.publish().await.refused(404), "not_found");
    it.put(json!({"schema_version": "test", "cedar_raw": format!("{PERMIT}\n")})).await;
    let again = it.publish().await;
    assert_eq!((again.status.as_u16(), again.json()), (200, published.json()), "published already");
    assert_eq!((it.get().await.status.as_u16(), it.versions().await), (404, 1));
}

#[tokio::test]
async fn what_would_stop_publishing_is_a_warning_and_then_does() {
    let it = Draft::start().await;
    let schemas = format!("{}/policy-schemas", it.zone);
    it.wire.post(&schemas, json!({"version": "gone", "cedar_schema": "entity User;"})).await;
    it.wire.ask(Method::PATCH, &format!("{schemas}/gone"), Some(json!({"status": "archived"}))).await;
    let wrong = "permit (principal, action, resource)\nwhen { resource.nobody };";
    for (body, code, status) in [
        (json!({}), "missing_cedar_content", 400),
        (json!({"cedar_raw": null, "cedar_json": null}), "missing_cedar_content", 400),
        (json!({"cedar_raw": ""}), "missing_cedar_content", 400),
        (json!({"cedar_raw": "// nothing yet\n"}), "missing_cedar_content", 400),
        (json!({"cedar_json": {}}), "missing_cedar_content", 400),
        (json!({"cedar_raw": "permit (principal"}), "invalid_cedar", 422),
        (json!({"cedar_json": {"staticPolicies": {"policy0": {"effect": "allow"}}}}), "invalid_cedar", 422),
        (
            json!({"cedar_raw": format!("{PERMIT} permit (principal, action, resource) when {{ {}1{} == 1 }};",
            "(".repeat(500), ")".repeat(500))}),
            "invalid_cedar",
            422,
        ),
        (json!({"cedar_raw": wrong, "schema_version": "test"}), "schema_validation_failed", 422),
        (json!({"cedar_raw": PERMIT, "schema_version": "never"}), "schema_version_not_found", 422),
        (json!({"cedar_raw": PERMIT, "schema_version": "gone"}), "schema_version_archived", 422),
    ] {
        let draft = it.put(body.clone()).await;
        assert!(draft.status.is_success(), "{body}: {}", draft.json());
        assert_eq!(types(&draft.json()), [code], "{body}");
        assert_eq!(it.get().await.json(), draft.json(), "{body}");
        assert_eq!(it.publish().await.refused(status), code, "{body}");
        assert_eq!(it.get().await.header("etag"), draft.header("etag"), "{body}: the draft is left as it is");
    }
    let both = it.put(json!({"cedar_raw": "nonsense", "schema_version": "never"})).await.json();
    assert_eq!(types(&both), ["schema_version_not_found", "invalid_cedar"]);
    assert_eq!(it.versions().await, 0);
}

#[tokio::test]
async fn a_warning_names_the_place() {
    let it = Draft::start().await;
    let text =
        "permit (principal, action, resource);\nforbid (principal, action, resource)\n  when { resource.nobody };";
    let draft = it.put(json!({"schema_version": "test", "cedar_raw": text})).await.json();
    let warning = &draft["warnings"][0];
    assert_eq!(
        (&warning["cedar_id"], &warning["line"], &warning["column"]),
        (&json!("policy1"), &json!(3), &json!(10))
    );
    assert!(warning["message"].as_str().unwrap().contains("nobody"), "{warning}");
    assert_eq!(draft["cedar_raw"], text, "what Cedar reads is shown, valid or not");
    assert!(draft["cedar_json"].is_object());

    let broken = it.put(json!({"schema_version": "test", "cedar_raw": "\npermit (principal action);"})).await.json();
    let warning = &broken["warnings"][0];
    assert_eq!((warning["type"].as_str(), &warning["line"]), (Some("invalid_cedar"), &json!(2)));
    assert_eq!((&broken["cedar_raw"], &broken["cedar_json"]), (&json!("\npermit (principal action);"), &Value::Null));

    let odd = json!({"staticPolicies": {}, "notes": ["kept as it came"]});
    let draft = it.put(json!({"schema_version": "test", "cedar_json": odd})).await.json();
    assert_eq!((&draft["cedar_raw"], &draft["cedar_json"], types(&draft)), (&Value::Null, &odd, vec!["invalid_cedar"]));
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let it = Draft::start().await;
    let deep = (0..200).fold("1".to_owned(), |inner, _| format!("[{inner}]"));
    for (body, status, code) in [
        (json!({"cedar_raw": PERMIT, "cedar_json": {}}).to_string(), 400, "bad_request"),
        (json!({"cedar_raw": PERMIT, "note": 1}).to_string(), 400, "bad_request"),
        (json!({"cedar_json": []}).to_string(), 400, "bad_request"),
        (json!({"schema_version": "not a name"}).to_string(), 400, "bad_request"),
        (r#"{"cedar_json": {"effect": "permit", "effect": "forbid"}}"#.to_owned(), 400, "invalid_json"),
        (format!(r#"{{"cedar_json": {{"conditions": {deep}}}}}"#), 400, "invalid_json"),
        (json!({"cedar_raw": "x".repeat((256 << 10) + 1)}).to_string(), 413, "too_large"),
        (json!({"cedar_json": {"x": "x".repeat(256 << 10)}}).to_string(), 413, "too_large"),
        (
            json!({"base_version_id": "01890000-0000-7000-8000-000000000000"}).to_string(),
            422,
            "policy_version_not_found",
        ),
        (json!({"base_version_id": "x"}).to_string(), 422, "policy_version_not_found"),
    ] {
        let put = request(Method::PUT, &format!("{}/draft", it.policy), Some(body.clone().into_bytes()), &[]);
        assert_eq!(it.wire.send(put).await.refused(status), code, "{}", &body[..body.len().min(100)]);
    }
    assert_eq!(it.get().await.refused(404), "not_found");
    let largest = it.put(json!({"cedar_raw": "/".repeat(256 << 10)})).await;
    assert_eq!(largest.status.as_u16(), 201);
}

#[tokio::test]
async fn a_base_fills_what_is_left_open() {
    let it = Draft::start().await;
    let versions = format!("{}/versions", it.policy);
    let text =
        it.wire.post(&versions, json!({"schema_version": "test", "cedar_raw": format!("// ours\n{PERMIT}")})).await;
    let json_ =
        it.wire.post(&versions, json!({"schema_version": "test", "cedar_json": text.json()["cedar_json"]})).await;
    for base in [&text, &json_] {
        let draft = it.put(json!({"base_version_id": base.text("id")})).await.json();
        for member in ["cedar_raw", "cedar_json", "schema_version"] {
            assert_eq!(draft[member], base.json()[member], "{member}");
        }
        assert_eq!((draft["base_version_id"].as_str(), types(&draft)), (Some(base.text("id").as_str()), vec![]));
        assert_eq!(it.publish().await.text("sha"), base.text("sha"));
    }
    let given = json!({"base_version_id": text.text("id"), "cedar_raw": "", "schema_version": "other"});
    let draft = it.put(given).await.json();
    assert_eq!((&draft["cedar_raw"], &draft["schema_version"]), (&json!(""), &json!("other")), "given members win");
    let plain = it.put(json!({"cedar_raw": PERMIT})).await.json();
    let default = it.wire.get(&format!("{}/policy-schemas?filter[default]=true", it.zone)).await.json();
    assert_eq!(plain["schema_version"], default["items"][0]["version"]);
    assert_eq!(plain["base_version_id"], Value::Null, "a draft is replaced whole");

    let other = it.wire.post(&format!("{}/policies", it.zone), json!({"name": "other"})).await.text("id");
    let other = format!("{}/policies/{other}/draft", it.zone);
    let foreign = it.wire.ask(Method::PUT, &other, Some(json!({"base_version_id": text.text("id")}))).await;
    assert_eq!(foreign.refused(422), "policy_version_not_found", "of another policy");
}

#[tokio::test]
async fn conditions_hold_and_an_old_tag_never_comes_back() {
    let it = Draft::start().await;
    let (a, b) = (json!({"cedar_raw": "a"}), json!({"cedar_raw": "b"}));
    assert_eq!(it.put_if(a.clone(), ("If-Match", "*")).await.refused(412), "precondition_failed");
    let first = it.put_if(a.clone(), ("If-None-Match", "*")).await;
    assert_eq!(first.status.as_u16(), 201);
    assert_eq!(it.put_if(b.clone(), ("If-None-Match", "*")).await.refused(412), "precondition_failed");
    let second = it.put_if(b.clone(), ("If-Match", first.header("etag"))).await;
    assert_eq!(second.status.as_u16(), 200);
    assert_eq!(it.put_if(a.clone(), ("If-Match", first.header("etag"))).await.refused(412), "precondition_failed");

    let at = format!("{}/draft", it.policy);
    let stale = [("If-Match", first.header("etag"))];
    let delete = it.wire.send(request(Method::DELETE, &at, None, &stale)).await;
    assert_eq!(delete.refused(412), "precondition_failed");
    let publish = it.wire.send(request(Method::POST, &format!("{at}/publish"), None, &stale)).await;
    assert_eq!(publish.refused(412), "precondition_failed");
    let held = it.wire.send(request(Method::GET, &at, None, &[("If-None-Match", second.header("etag"))])).await;
    assert_eq!(held.status.as_u16(), 304);

    let delete = it.wire.send(request(Method::DELETE, &at, None, &[("If-Match", second.header("etag"))])).await;
    assert_eq!((delete.status.as_u16(), delete.text("cedar_raw")), (200, "b".to_owned()));
    assert_eq!(it.wire.ask(Method::DELETE, &at, None).await.refused(404), "not_found");
    let anew = it.put(a.clone()).await;
    assert_eq!(anew.status.as_u16(), 201);
    for old in [&first, &second] {
        assert_ne!(anew.header("etag"), old.header("etag"), "a draft begun anew is another one");
        assert_eq!(it.put_if(b.clone(), ("If-Match", old.header("etag"))).await.refused(412), "precondition_failed");
    }
}

#[tokio::test]
async fn warnings_are_those_of_the_moment() {
    let it = Draft::start().await;
    let draft = it.put(json!({"schema_version": "test", "cedar_raw": PERMIT})).await;
    assert_eq!(types(&draft.json()), Vec::<&str>::new());
    let schema = format!("{}/policy-schemas/{}", it.zone, schema_version());
    it.wire.ask(Method::PATCH, &schema, Some(json!({"status": "archived"}))).await;
    let later = it.get().await;
    assert_eq!((types(&later.json()), later.header("etag")), (vec!["schema_version_archived"], draft.header("etag")));
    it.wire.ask(Method::PATCH, &schema, Some(json!({"status": "active"}))).await;
    assert_eq!(types(&it.get().await.json()), Vec::<&str>::new());

    let untyped =
        json!({"schema_version": "test", "cedar_raw": "permit (principal, action, resource) when { resource.x };"});
    assert_eq!(types(&it.put(untyped).await.json()), ["schema_validation_failed"]);
    it.wire.ask(Method::PATCH, &it.zone, Some(json!({"validation_mode": "off"}))).await;
    assert_eq!(types(&it.get().await.json()), Vec::<&str>::new(), "the zone no longer validates");
    assert_eq!(it.publish().await.status.as_u16(), 201);
}

#[tokio::test]
async fn archiving_ends_the_draft() {
    let it = Draft::start().await;
    it.put(json!({"cedar_raw": PERMIT})).await;
    it.wire.ask(Method::DELETE, &it.policy, None).await;
    assert_eq!(it.get().await.refused(404), "not_found");
    assert_eq!(it.put(json!({"cedar_raw": PERMIT})).await.refused(409), "policy_archived");
    assert_eq!(it.publish().await.refused(409), "policy_archived");
    let events = it.wire.get(&format!("{}/events?limit=2", it.zone)).await.json();
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["policy.archived", "policy_draft.deleted"]);
    assert_eq!(events["items"][1]["body"]["reason"], "archived");
}

#[tokio::test]
async fn a_publication_can_be_repeated_and_nothing_is_told_to_other_zones() {
    let it = Draft::start().await;
    it.put(json!({"schema_version": "test", "cedar_raw": PERMIT})).await;
    let at = format!("{}/draft/publish", it.policy);
    let publish = async || it.wire.send(request(Method::POST, &at, None, &[("Idempotency-Key", "k")])).await;
    let (first, again) = (publish().await, publish().await);
    assert_eq!((first.status.as_u16(), first.json()), (201, again.json()));
    assert_eq!(it.wire.post(&at, json!({"force": true})).await.refused(400), "bad_request");

    it.put(json!({"cedar_raw": "secret-marker"})).await;
    let other = it.wire.post("/zones", json!({"name": "Other"})).await.text("id");
    let elsewhere = it.policy.replace(it.zone.trim_start_matches("/zones/"), &other);
    assert_eq!(it.wire.get(&format!("{elsewhere}/draft")).await.refused(404), "not_found");
    assert_eq!(
        it.wire.ask(Method::PUT, &format!("{elsewhere}/draft"), Some(json!({}))).await.refused(404),
        "not_found"
    );
    let events = it.wire.get(&format!("{}/events", it.zone)).await;
    let saved = events.json()["items"][0].clone();
    assert_eq!((&saved["kind"], &saved["body"]["bytes"]), (&json!("policy_draft.saved"), &json!(13)));
    assert!(!String::from_utf8_lossy(&events.body).contains("secret-marker"), "events hold digests, no content");
}
