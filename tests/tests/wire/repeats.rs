//! Every POST that writes, sent twice with one idempotency key: the second is given the answer of the first, and nothing
//! is done twice.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Wire, request};

const POLICY: &str = "permit (principal, action, resource);";
/// Those that record nothing, those whose answers bear a secret, and the one that takes a form.
const UNKEYED: [&str; 10] = [
    "authorize",
    "authorizeBatch",
    "authzenEvaluation",
    "authzenEvaluations",
    "authzenSearchAction",
    "authzenSearchResource",
    "authzenSearchSubject",
    "testPolicies",
    "createUserToken",
    "createCredential",
];
const FORM: &str = "createServiceAccountToken";

/// Sends what is to be repeated, and remembers which operations were.
struct Repeating {
    wire: Wire,
    repeated: BTreeSet<&'static str>,
}

impl Repeating {
    async fn send(&self, operation: &str, path: &str, body: &Value) -> Answer {
        let body = Some(body.to_string().into_bytes());
        self.wire.send(request(Method::POST, path, body, &[("idempotency-key", operation)])).await
    }

    /// The answer, the same both times.
    async fn twice(&mut self, operation: &'static str, path: &str, body: Value) -> Value {
        let first = self.send(operation, path, &body).await;
        assert!(first.status.is_success(), "{operation}: {} {}", first.status, first.json());
        let events = self.events(path).await;
        let second = self.send(operation, path, &body).await;
        assert_eq!((second.status, second.json()), (first.status, first.json()), "{operation}");
        assert_eq!(self.events(path).await, events, "{operation} was done twice");
        self.repeated.insert(operation);
        first.json()
    }

    async fn events(&self, path: &str) -> Value {
        let mut segments = path.split('/').skip(1);
        let (Some(kind), Some(id)) = (segments.next(), segments.next()) else { return Value::Null };
        self.wire.get(&format!("/{kind}/{id}/events?limit=1")).await.json()["items"][0].clone()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[tokio::test]
async fn every_post_that_writes_can_be_repeated() {
    let mut it = Repeating { wire: Wire::start().await, repeated: BTreeSet::new() };
    let organization = text(&it.twice("createOrganization", "/organizations", json!({"name": "One"})).await["id"]);
    let accounts = format!("/organizations/{organization}/service-accounts");
    it.twice("createServiceAccount", &accounts, json!({"name": "Account"})).await;
    let zone = it.twice("createZone", "/zones", json!({"name": "Zone", "organization_id": organization})).await;
    let zone = format!("/zones/{}", text(&zone["id"]));
    let schema = json!({"version": "own", "cedar_schema": "entity User; action read appliesTo { principal: User, resource: User };"});
    it.twice("createPolicySchema", &format!("{zone}/policy-schemas"), schema).await;
    let policy = text(&it.twice("createPolicy", &format!("{zone}/policies"), json!({"name": "p"})).await["id"]);
    let policy_path = format!("{zone}/policies/{policy}");
    let content = json!({"schema_version": "own", "cedar_raw": POLICY});
    let version = it.twice("createPolicyVersion", &format!("{policy_path}/versions"), content).await;
    let draft = json!({"schema_version": "own", "cedar_raw": "forbid (principal, action, resource);"});
    it.wire.ask(Method::PUT, &format!("{policy_path}/draft"), Some(draft)).await;
    it.twice("publishPolicyDraft", &format!("{policy_path}/draft/publish"), json!({})).await;
    let set = text(&it.twice("createPolicySet", &format!("{zone}/policy-sets"), json!({"name": "s"})).await["id"]);
    let set_path = format!("{zone}/policy-sets/{set}");
    let entry = json!({"policy_id": policy, "policy_version_id": version["id"]});
    let manifest = json!({"schema_version": "own", "manifest": {"entries": [entry]}});
    let set_version = it.twice("createPolicySetVersion", &format!("{set_path}/versions"), manifest.clone()).await;
    it.wire
        .ask(Method::PATCH, &format!("{set_path}/versions/{}", text(&set_version["id"])), Some(json!({"active": true})))
        .await;
    let entries = json!([{"policy_id": policy}, {"new_policy": {"name": "q"}, "cedar_raw": POLICY}]);
    let apply = json!({"manifest": {"entries": entries, "schema_version": "own"}});
    let applied = it.twice("applyPolicySet", &format!("{set_path}/apply"), apply).await;
    it.wire.ask(Method::PUT, &format!("{set_path}/draft"), Some(manifest)).await;
    it.twice("publishPolicySetDraft", &format!("{set_path}/draft/publish"), json!({})).await;
    let shadow = json!({"policy_set_version_id": applied["policy_set_version"]["id"], "mode": "shadow"});
    let shadow = it.wire.ask(Method::PUT, &format!("{zone}/policy-bindings"), Some(shadow)).await.text("id");
    it.twice("promotePolicyBinding", &format!("{zone}/policy-bindings/{shadow}/promote"), json!({})).await;
    it.twice("rotateSigningKey", &format!("{zone}/signing-keys"), json!({"publish_ahead_seconds": 3600})).await;

    let document: Value = serde_json::from_str(&cedarkeep_http::openapi_json().unwrap()).unwrap();
    let posts = document["paths"].as_object().unwrap().values().filter_map(|item| item["post"]["operationId"].as_str());
    let left: Vec<_> = posts.filter(|id| !UNKEYED.contains(id) && *id != FORM && !it.repeated.contains(id)).collect();
    assert!(left.is_empty(), "not repeated: {left:?}");
}
