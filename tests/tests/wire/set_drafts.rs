//! Drafts of policy sets on the wire: manifests in the making, warned about, published in one step.

use axum::http::Method;
use cedarkeep_model::{PolicyVersion, ScopeType};
use serde_json::{Value, json};

use crate::support::{Answer, Wire, request};

const PERMIT: &str = "permit (principal, action, resource);";
const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

/// A server with a zone and, in it, a set and three published policies.
struct Draft {
    wire: Wire,
    zone: String,
    set: String,
    versions: Vec<PolicyVersion>,
}

impl Draft {
    async fn start() -> Self {
        let wire = Wire::start().await;
        let zone = wire.inner.zone().await.id;
        let mut versions = Vec::new();
        for name in ["a", "b", "c"] {
            let policy = wire.inner.policy(zone, name).await;
            versions.push(wire.inner.version(zone, policy, PERMIT).await);
        }
        let set = format!("/zones/{zone}/policy-sets/{}", wire.inner.set(zone, "set", ScopeType::Zone).await);
        Self { wire, zone: format!("/zones/{zone}"), set, versions }
    }

    async fn put(&self, body: Value) -> Answer {
        self.wire.ask(Method::PUT, &format!("{}/draft", self.set), Some(body)).await
    }

    async fn get(&self) -> Answer {
        self.wire.get(&format!("{}/draft", self.set)).await
    }

    async fn publish(&self) -> Answer {
        self.wire.ask(Method::POST, &format!("{}/draft/publish", self.set), None).await
    }

    /// The draft that pins these under the schema version that they were validated against.
    async fn put_entries(&self, entries: &[Value]) -> Answer {
        self.put(json!({"schema_version": "test", "manifest": {"entries": entries}})).await
    }
}

fn entry(version: &PolicyVersion) -> Value {
    json!({"policy_id": version.policy_id, "policy_version_id": version.id})
}

fn types(draft: &Value) -> Vec<&str> {
    let warnings = draft["warnings"].as_array().map(Vec::as_slice).unwrap_or_default();
    warnings.iter().map(|warning| warning["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_set_draft_is_written_read_and_published_under_its_name() {
    let it = Draft::start().await;
    assert_eq!(it.get().await.refused(404), "not_found");
    let entries = [entry(&it.versions[1]), entry(&it.versions[0])];
    let body =
        json!({"schema_version": "test", "manifest": {"entries": entries}, "name": "Renamed", "description": "why"});
    let first = it.put(body.clone()).await;
    assert_eq!(first.status.as_u16(), 201);
    let draft = first.json();
    let mut names: Vec<_> = draft.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let members = ["base_version_id", "created_at", "description", "manifest", "name", "policy_set_id"];
    assert_eq!(names, [&members[..], &["schema_version", "updated_at", "updated_by"]].concat(), "and no warnings");
    for (shown, pinned) in [(0, 1), (1, 0)] {
        assert_eq!(draft["manifest"]["entries"][shown]["sha"], json!(it.versions[pinned].sha), "filled in");
    }
    let read = it.get().await;
    assert_eq!((read.json(), read.header("etag")), (draft, first.header("etag")));
    let same = it.put(body).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (200, first.header("etag")));

    let published = it.publish().await;
    assert_eq!((published.status.as_u16(), &published.json()["version"]), (201, &json!(1)));
    assert_eq!(published.json()["manifest"]["entries"].as_array().unwrap().len(), 2);
    assert_eq!(it.wire.get(&it.set).await.text("name"), "Renamed");
    assert_eq!(it.get().await.refused(404), "not_found", "the draft ends with it");
    assert_eq!(it.publish().await.refused(404), "not_found");

    let hydrated = it.put(json!({"base_version_id": published.text("id")})).await.json();
    assert_eq!((&hydrated["schema_version"], types(&hydrated)), (&json!("test"), vec![]));
    assert_eq!(hydrated["manifest"]["entries"], published.json()["manifest"]["entries"]);
    assert_eq!((&hydrated["base_version_id"], &hydrated["name"]), (&published.json()["id"], &Value::Null));
    let again = it.publish().await;
    assert_eq!((again.status.as_u16(), again.text("id")), (200, published.text("id")), "published already");
    assert_eq!(it.wire.get(&it.set).await.text("name"), "Renamed");

    let given = json!({"base_version_id": published.text("id"), "manifest": {"entries": [entry(&it.versions[2])]}});
    let draft = it.put(given).await.json();
    assert_eq!(draft["manifest"]["entries"].as_array().unwrap().len(), 1, "given members win");
    assert_eq!(it.publish().await.json()["version"], 2);
}

#[tokio::test]
async fn what_would_stop_publishing_a_set_is_a_warning_and_then_does() {
    let it = Draft::start().await;
    let schemas = format!("{}/policy-schemas", it.zone);
    it.wire.post(&schemas, json!({"version": "gone", "cedar_schema": "entity User;"})).await;
    it.wire.ask(Method::PATCH, &format!("{schemas}/gone"), Some(json!({"status": "archived"}))).await;
    it.wire.post(&format!("{}/policy-sets", it.zone), json!({"name": "taken"})).await;
    let [a, b, c] = [0, 1, 2].map(|index| &it.versions[index]);
    let at = |version: &PolicyVersion| format!("{}/policies/{}", it.zone, version.policy_id);
    it.wire.ask(Method::DELETE, &format!("{}/versions/{}", at(b), b.id), None).await;
    it.wire.ask(Method::DELETE, &at(c), None).await;
    let fine = || vec![entry(a)];
    let with = |entries: Vec<Value>, schema: &str| json!({"schema_version": schema, "manifest": {"entries": entries}});
    let other_sha = json!({"policy_id": a.policy_id, "policy_version_id": a.id, "sha": "0".repeat(64)});
    let mixed = json!({"policy_id": b.policy_id, "policy_version_id": a.id});
    let nobody = json!({"policy_id": NOBODY, "policy_version_id": NOBODY});
    let mut named = with(fine(), "test");
    named["name"] = json!("taken");
    for (body, warnings, status, code) in [
        (json!({"schema_version": "test"}), vec!["manifest_empty"], 422, "manifest_empty"),
        (with(vec![], "test"), vec!["manifest_empty"], 422, "manifest_empty"),
        (with(vec![entry(a), entry(a)], "test"), vec!["manifest_duplicate_policy"], 422, "manifest_duplicate_policy"),
        (with(vec![nobody], "test"), vec!["policy_version_not_found"], 422, "policy_version_not_found"),
        (with(vec![mixed], "test"), vec!["policy_version_not_found"], 422, "policy_version_not_found"),
        (with(vec![other_sha], "test"), vec!["sha_mismatch"], 422, "sha_mismatch"),
        (with(vec![entry(b)], "test"), vec!["policy_version_archived"], 409, "version_archived"),
        (with(vec![entry(c)], "test"), vec!["policy_archived"], 409, "policy_archived"),
        (with(fine(), "2026-03-16"), vec!["schema_version_mismatch"], 422, "schema_version_mismatch"),
        (
            with(fine(), "never"),
            vec!["schema_version_not_found", "schema_version_mismatch"],
            422,
            "schema_version_not_found",
        ),
        (
            with(fine(), "gone"),
            vec!["schema_version_archived", "schema_version_mismatch"],
            422,
            "schema_version_archived",
        ),
        (named, vec!["policy_set_name_conflict"], 409, "policy_set_name_conflict"),
    ] {
        let draft = it.put(body.clone()).await;
        assert!(draft.status.is_success(), "{body}: {}", draft.json());
        assert_eq!(types(&draft.json()), warnings, "{body}");
        assert_eq!(it.get().await.json(), draft.json(), "{body}");
        assert_eq!(it.publish().await.refused(status), code, "{body}");
        assert_eq!(it.get().await.header("etag"), draft.header("etag"), "{body}: the draft is left as it is");
    }
    let set = it.wire.get(&it.set).await.json();
    assert_eq!((&set["name"], &set["latest_version"]), (&json!("set"), &Value::Null), "nothing was published");
}

#[tokio::test]
async fn a_warning_names_the_entry_as_the_clients_expect_it() {
    let it = Draft::start().await;
    let [a, b] = [&it.versions[0], &it.versions[1]];
    it.wire.ask(Method::DELETE, &format!("{}/policies/{}/versions/{}", it.zone, b.policy_id, b.id), None).await;
    let body = json!({"schema_version": "2026-03-16", "manifest": {"entries": [entry(a)]}});
    assert_eq!(
        it.put(body).await.json()["warnings"],
        json!([{
            "type": "schema_version_mismatch",
            "message": "validated against schema \"test\", draft targets \"2026-03-16\"",
            "policy_id": a.policy_id, "policy_version_id": a.id,
            "detail": {"draft_schema_version": "2026-03-16", "policy_schema_version": "test"},
        }])
    );
    assert_eq!(
        it.put_entries(&[entry(b)]).await.json()["warnings"],
        json!([{
            "type": "policy_version_archived", "message": "policy version is archived",
            "policy_id": b.policy_id, "policy_version_id": b.id,
        }])
    );
    let empty = it.put_entries(&[]).await.json();
    assert_eq!(empty["warnings"][0].get("policy_id"), None, "about no entry");
    let wrong = json!({"policy_id": a.policy_id, "policy_version_id": a.id, "sha": "0".repeat(64)});
    let shown = it.put_entries(&[wrong]).await.json();
    assert_eq!(shown["manifest"]["entries"][0]["sha"], json!(a.sha), "the server's digest is shown");
    assert_eq!(types(&it.get().await.json()), ["sha_mismatch"], "and the given one is kept");
}

#[tokio::test]
async fn what_cannot_be_kept_of_a_set_is_refused() {
    let it = Draft::start().await;
    let many = vec![entry(&it.versions[0]); 10_001];
    for (body, status, code) in [
        (json!({"manifest": {"entries": many}}), 400, "bad_request"),
        (json!({"manifest": {"entries": [{"policy_id": NOBODY}]}}), 400, "bad_request"),
        (json!({"manifest": {"entries": [], "activate": true}}), 400, "bad_request"),
        (json!({"scope_type": "user"}), 400, "bad_request"),
        (json!({"name": ""}), 400, "bad_request"),
        (
            json!({"manifest": {"entries": [{"policy_id": "x", "policy_version_id": "x"}]}}),
            422,
            "policy_version_not_found",
        ),
        (json!({"base_version_id": NOBODY}), 422, "policy_version_not_found"),
        (json!({"base_version_id": "x"}), 422, "policy_version_not_found"),
    ] {
        assert_eq!(it.put(body).await.refused(status), code);
    }
    assert_eq!(it.get().await.refused(404), "not_found");
    let draft = it.put(json!({"manifest": {"entries": vec![entry(&it.versions[0]); 10_000]}})).await;
    assert_eq!((draft.status.as_u16(), types(&draft.json()).len()), (201, 9_999 + 10_000), "twice, and another schema");
}

#[tokio::test]
async fn the_pinned_versions_are_listed_by_policy() {
    let it = Draft::start().await;
    let list = async |query: &str| it.wire.get(&format!("{}/draft/policies?{query}", it.set)).await;
    assert_eq!(list("").await.refused(404), "not_found");
    let nobody = json!({"policy_id": NOBODY, "policy_version_id": NOBODY});
    let [a, b, c] = [0, 1, 2].map(|index| entry(&it.versions[index]));
    it.put_entries(&[c.clone(), nobody, a, b, c]).await;
    let mut sorted = it.versions.clone();
    sorted.sort_by_key(|version| version.policy_id);
    let expected: Vec<_> = sorted.iter().map(|version| version.id.to_string()).collect();
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("expand[]=total_count&format=cedar").await.json();
    assert_eq!((ids(&all), &all["pagination"]["total_count"]), (expected.clone(), &json!(3)));
    assert_eq!((&all["items"][0]["cedar_raw"], &all["items"][0]["cedar_json"]), (&json!(PERMIT), &Value::Null));
    for order in ["asc", "desc"] {
        let mut expected = expected.clone();
        if order == "desc" {
            expected.reverse();
        }
        let first = list(&format!("order={order}&limit=2")).await.json();
        assert_eq!((ids(&first).as_slice(), &first["pagination"]["before_cursor"]), (&expected[..2], &Value::Null));
        let after = first["pagination"]["after_cursor"].as_str().unwrap();
        let rest = list(&format!("order={order}&limit=2&after={after}")).await.json();
        assert_eq!((ids(&rest).as_slice(), &rest["pagination"]["after_cursor"]), (&expected[2..], &Value::Null));
        let before = rest["pagination"]["before_cursor"].as_str().unwrap();
        let back = list(&format!("order={order}&limit=1&before={before}")).await.json();
        assert_eq!(ids(&back).as_slice(), &expected[1..2], "next to where it looks back from");
    }
    for wrong in ["sort=created_at", "limit=0", "order=up", "after=x"] {
        assert_eq!(list(wrong).await.status.as_u16(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn conditions_on_a_set_draft_hold() {
    let it = Draft::start().await;
    let at = format!("{}/draft", it.set);
    let send = async |method, path: &str, body: Option<Value>, header: (&str, &str)| {
        let body = body.map(|body| body.to_string().into_bytes());
        it.wire.send(request(method, path, body, &[header])).await
    };
    let body = |name: &str| {
        Some(json!({"schema_version": "test", "name": name, "manifest": {"entries": [entry(&it.versions[0])]}}))
    };
    assert_eq!(send(Method::PUT, &at, body("a"), ("If-Match", "*")).await.refused(412), "precondition_failed");
    let first = send(Method::PUT, &at, body("a"), ("If-None-Match", "*")).await;
    assert_eq!(first.status.as_u16(), 201);
    let etag = first.header("etag");
    assert_eq!(send(Method::PUT, &at, body("b"), ("If-None-Match", "*")).await.refused(412), "precondition_failed");
    let second = send(Method::PUT, &at, body("b"), ("If-Match", etag)).await;
    for (method, path) in [(Method::DELETE, at.clone()), (Method::POST, format!("{at}/publish"))] {
        assert_eq!(send(method, &path, None, ("If-Match", etag)).await.refused(412), "precondition_failed");
    }
    let deleted = send(Method::DELETE, &at, None, ("If-Match", second.header("etag"))).await;
    assert_eq!((deleted.status.as_u16(), deleted.json()), (200, second.json()));
    let anew = send(Method::PUT, &at, body("b"), ("If-None-Match", "*")).await;
    assert_ne!(anew.header("etag"), second.header("etag"), "a draft begun anew is another one");
    let published = send(Method::POST, &format!("{at}/publish"), None, ("If-Match", anew.header("etag"))).await;
    assert_eq!(published.status.as_u16(), 201);
}

#[tokio::test]
async fn archiving_a_set_ends_its_draft() {
    let it = Draft::start().await;
    it.put(json!({"name": "secret-marker"})).await;
    it.wire.ask(Method::DELETE, &it.set, None).await;
    assert_eq!(it.get().await.refused(404), "not_found");
    assert_eq!(it.put(json!({})).await.refused(409), "policy_set_archived");
    assert_eq!(it.publish().await.refused(409), "policy_set_archived");
    let events = it.wire.get(&format!("{}/events?limit=3", it.zone)).await;
    let kinds =
        events.json()["items"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect::<Vec<_>>();
    assert_eq!(kinds, ["policy_set.archived", "policy_set_draft.deleted", "policy_set_draft.saved"]);
    assert!(!String::from_utf8_lossy(&events.body).contains("secret-marker"));
}
