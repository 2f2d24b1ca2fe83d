//! A zone with the people, records and policies of the certification scenario, behind a router in process.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, header},
};
use cedarkeep_http::{HttpConfig, router};
use cedarkeep_tests::in_process::InProcess;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

/// Test fixture, guards nothing.
pub const TOKEN: &str = "fixture-admin-token-for-authzen-tests-0123456789";

pub const SCHEMA: &str = "
namespace App {
    entity Group;
    entity User in [Group] { role?: String };
    entity Record { status?: String, level?: Long };
    action read, write appliesTo { principal: User, resource: Record, context: { time?: String, risk?: Long } };
    action delete appliesTo { principal: User, resource: Record, context: { action?: { soft: Bool } } };
    action join appliesTo { principal: User, resource: Group };
}
";

pub const POLICIES: &str = r#"
permit (principal in App::Group::"staff", action == App::Action::"read", resource)
unless { context has risk && context.risk > 5 };
permit (principal == App::User::"alice", action == App::Action::"write", resource)
unless { resource has status && resource.status == "archived" };
permit (principal, action == App::Action::"write", resource)
when { principal has role && principal.role == "admin" && resource has status && resource.status == "archived" };
permit (principal == App::User::"alice", action == App::Action::"delete", resource)
when { context has action && context.action.soft };
"#;

/// What a user's session may not do.
pub const NO_READING: &str =
    r#"permit (principal, action, resource); forbid (principal, action == App::Action::"read", resource);"#;

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON in {}: {text}", self.status))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a success.
    pub fn fine(&self) -> Value {
        assert_eq!((self.status, self.header("content-type")), (200, "application/json"), "{}", self.json());
        self.json()
    }

    /// The message of an error: the whole body.
    pub fn refused(&self, status: u16) -> String {
        assert_eq!((self.status, self.header("content-type")), (status, "application/json"), "{}", self.json());
        self.json().as_str().expect("an error message string").to_owned()
    }
}

/// A zone of the scenario.
pub struct World {
    /// It holds the data for as long as it is asked.
    _inner: InProcess,
    router: Router,
    pub zone: String,
}

pub fn user(id: &str, attributes: &Value, groups: &[&str]) -> Value {
    let parents: Vec<Value> = groups.iter().map(|id| json!({"type": "App::Group", "id": id})).collect();
    json!({"uid": {"type": "App::User", "id": id}, "attrs": attributes, "parents": parents})
}

pub fn record(id: &str, attributes: &Value) -> Value {
    json!({"uid": {"type": "App::Record", "id": id}, "attrs": attributes, "parents": []})
}

/// A question in short.
pub fn ask(subject: &str, action: &str, resource: &str) -> Value {
    json!({"subject": {"type": "user", "id": subject}, "action": {"name": action},
        "resource": {"type": "record", "id": resource}})
}

/// The same with other members in the place of its own.
pub fn with(question: &Value, other: &Value) -> Value {
    let mut members: Map<String, Value> = question.as_object().unwrap().clone();
    members.extend(other.as_object().unwrap().clone());
    Value::Object(members)
}

impl World {
    pub async fn start() -> Self {
        Self::with(HttpConfig::default()).await
    }

    pub async fn with(config: HttpConfig) -> Self {
        let inner = InProcess::start().await;
        inner.service.set_admin_token(TOKEN).await.unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let router = router(inner.service.clone(), &config, metrics).unwrap();
        let mut world = Self { _inner: inner, router, zone: String::new() };
        let zone = world.made("/zones", json!({"name": "Scenario"})).await;
        world.zone = format!("/zones/{}", zone["id"].as_str().unwrap());
        world.made(&world.at("/policy-schemas"), json!({"version": "own", "cedar_schema": SCHEMA})).await;
        world.send(Method::PATCH, &world.at("/policy-schemas/own"), None, &[]).await.fine();
        world.publish("rules", POLICIES, "zone", &Value::Null).await;
        world.settings(json!({"authzen": {"types": {"user": "App::User", "record": "App::Record"}}})).await;
        world
            .put(json!([
                user("alice", &json!({}), &["staff"]),
                user("bob", &json!({"role": "admin"}), &["staff"]),
                {"uid": {"type": "App::Group", "id": "staff"}, "attrs": {}, "parents": []},
                record("record-1", &json!({"status": "active"})),
                record("record-2", &json!({"status": "archived"})),
            ]))
            .await;
        world
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.zone)
    }

    /// A policy set with one policy, bound.
    pub async fn publish(&self, name: &str, policies: &str, scope: &str, target: &Value) {
        self.publish_by("own", name, policies, (scope, target)).await;
    }

    /// The same by another schema.
    pub async fn publish_by(&self, schema: &str, name: &str, policies: &str, (scope, target): (&str, &Value)) {
        let entry = json!({"new_policy": {"name": name}, "cedar_raw": policies});
        let mut set =
            json!({"name": name, "manifest": {"schema_version": schema, "entries": [entry], "activate": true}});
        set["scope_type"] = json!(scope);
        if !target.is_null() {
            set["manifest"]["activate"] = json!(false);
        }
        let made = self.made(&self.at("/policy-sets"), set).await;
        if !target.is_null() {
            let binding = json!({"policy_set_version_id": made["policy_set_version"]["id"], "mode": "active",
                "scope_target_id": target});
            let bound = self.send(Method::PUT, &self.at("/policy-bindings"), Some(binding), &[]).await;
            assert!(bound.status < 300, "{}", bound.json());
        }
    }

    pub async fn settings(&self, settings: Value) {
        self.send(Method::PATCH, &self.zone, Some(settings), &[]).await.fine();
    }

    pub async fn put(&self, entities: Value) {
        self.send(Method::PUT, &self.at("/entities"), Some(json!({"entities": entities})), &[]).await.fine();
    }

    pub async fn delete(&self, entity_type: &str, id: &str) {
        self.send(Method::DELETE, &self.at(&format!("/entities/{entity_type}/{id}")), None, &[]).await.fine();
    }

    pub async fn made(&self, path: &str, body: Value) -> Value {
        let answer = self.send(Method::POST, path, Some(body), &[]).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.raw(request.body(body).unwrap()).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Asks an endpoint below `/access/v1/`.
    pub async fn post(&self, endpoint: &str, body: Value) -> Answer {
        self.send(Method::POST, &self.at(&format!("/access/v1/{endpoint}")), Some(body), &[]).await
    }

    /// What an evaluation says.
    pub async fn decides(&self, question: Value) -> bool {
        let answer = self.post("evaluation", question).await.fine();
        answer["decision"].as_bool().expect("a boolean")
    }
}
