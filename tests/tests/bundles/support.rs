//! A zone with a default set for bundles, and ways to call as its users.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use cedarkeep_bundle::{Bundle, BundleManifest, KnownPolicy, NewPolicy, PolicyEntry, Stem, decode, encode};
use cedarkeep_cedar::CedarPool;
use cedarkeep_http::{HttpConfig, router};
use cedarkeep_model::{PolicySetId, ScopeType, ZoneId};
use cedarkeep_service::fsck;
use cedarkeep_tests::in_process::InProcess;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Test fixture, guards nothing.
pub const ADMINISTRATOR: &str = "fixture-admin-token-for-bundle-tests-0123456789";

pub const BUNDLE: &str = "/policy/bundle";
pub const ALICE: &str = "User::\"alice\"";
pub const BOB: &str = "User::\"bob\"";
/// The policies of the default set.
pub const DEFAULTS: [(&str, &str); 2] = [
    ("Readers", "// May read.\npermit (principal, action == Action::\"read\", resource);\n"),
    ("No level 9", "forbid (principal, action, resource) when { resource.level == 9 };"),
];

/// A server with one zone.
pub struct World {
    pub it: InProcess,
    pub zone: ZoneId,
    /// The zone's default set.
    pub default: PolicySetId,
    pub router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        let shown = || format!("{} {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", shown()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of the error that this is.
    pub fn refused(&self, status: u16) -> String {
        let body = self.json();
        assert_eq!((self.status.as_u16(), &body["status"]), (status, &json!(status)), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }

    /// The bundle that this is.
    pub fn bundle(&self) -> Bundle {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        decode(&self.body).unwrap()
    }
}

impl World {
    /// A zone with a zone-wide policy that permits everything, and a default set.
    pub async fn new() -> Self {
        Self::with(HttpConfig::default()).await
    }

    pub async fn with(config: HttpConfig) -> Self {
        let it = InProcess::start().await;
        it.service.set_admin_token(ADMINISTRATOR).await.unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let router = router(it.service.clone(), &config, metrics).unwrap();
        let zone = it.zone().await.id;
        let default = it.set(zone, "Defaults", ScopeType::User).await;
        let world = Self { it, zone, default, router };
        let mut pinned = Vec::new();
        for (name, text) in DEFAULTS {
            let policy = world.it.policy(zone, name).await;
            pinned.push(world.it.version(zone, policy, text).await);
        }
        world.it.set_version(zone, default, &pinned).await;
        let everything = world.it.policy(zone, "Everything").await;
        let everything = world.it.version(zone, everything, "permit (principal, action, resource);").await;
        let set = world.it.set(zone, "Zone", ScopeType::Zone).await;
        let version = world.it.set_version(zone, set, &[everything]).await;
        world.bind(&version.record.id.to_string(), None).await;
        world.patch_zone(json!({"user_default_policy_set_id": default})).await;
        world
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A path of the zone.
    pub fn at(&self, path: &str) -> String {
        format!("/zones/{}{path}", self.zone)
    }

    /// Asks as the administrator.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let headers = [("content-type", "application/json")];
        self.send(request(method, path, ADMINISTRATOR, &headers, body)).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, &self.at(path), None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        answer.json()
    }

    pub async fn patch_zone(&self, settings: Value) {
        assert_eq!(self.ask(Method::PATCH, &self.at(""), Some(settings)).await.status, StatusCode::OK);
    }

    /// Binds a set version, to a user where one is named.
    pub async fn bind(&self, version: &str, user: Option<&str>) -> Value {
        let body = json!({"policy_set_version_id": version, "mode": "active", "scope_target_id": user});
        let answer = self.ask(Method::PUT, &self.at("/policy-bindings"), Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        answer.json()
    }

    /// What is bound to a user: the binding, if there is one.
    pub async fn slot(&self, user: &str) -> Option<Value> {
        let bindings = self.get("/policy-bindings?filter[scope_type]=user&limit=100").await;
        let mut items = bindings["items"].as_array().unwrap().iter();
        items.find(|binding| binding["scope_target_id"] == user && binding["mode"] == "active").cloned()
    }

    /// Makes a token for this user.
    pub async fn token(&self, user: &str) -> String {
        let answer = self.ask(Method::POST, &self.at("/user-tokens"), Some(json!({"user": user}))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Somebody who calls.
    pub async fn user(&self, uid: &str) -> User<'_> {
        User::with(self, self.token(uid).await)
    }

    /// How many events the zone has.
    pub async fn events(&self) -> u64 {
        self.get("/events?limit=1").await["items"][0]["seq"].as_u64().unwrap()
    }

    /// What the zone decides on a read or write of a document of this level.
    pub async fn decides(&self, user: &str, action: &str, level: i64) -> bool {
        let owner = json!({"__entity": {"type": "User", "id": "x"}});
        let body = json!({
            "principal": user, "action": {"type": "Action", "id": action}, "resource": "Doc::\"1\"",
            "entities": [
                {"uid": {"type": "Doc", "id": "1"}, "attrs": {"owner": owner, "level": level}, "parents": []},
                {"uid": user_entity(user), "attrs": {"level": 1}, "parents": []},
            ],
        });
        let answer = self.ask(Method::POST, &self.at("/authorize"), Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        answer.json()["decision"] == "allow"
    }

    /// The store is what its events say.
    pub async fn clean(&self) {
        let pool = CedarPool::new(1).unwrap();
        assert_eq!(fsck::check(&*self.it.store, &pool).await.unwrap().problems, Vec::<String>::new());
    }
}

fn user_entity(uid: &str) -> Value {
    let id = uid.split('"').nth(1).unwrap();
    json!({"type": "User", "id": id})
}

pub fn request(
    method: Method,
    path: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

/// A user of the zone.
pub struct User<'a> {
    world: &'a World,
    pub token: String,
}

impl<'a> User<'a> {
    /// Whoever has this token.
    pub fn with(world: &'a World, token: String) -> Self {
        Self { world, token }
    }

    pub async fn call(&self, method: Method, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.world.send(request(method, BUNDLE, &self.token, headers, body)).await
    }

    pub async fn fetch(&self) -> Answer {
        self.call(Method::GET, &[], Vec::new()).await
    }

    pub async fn put_bytes(&self, archive: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/octet-stream")], headers].concat();
        self.call(Method::PUT, &headers, archive).await
    }

    pub async fn put(&self, bundle: &Edit) -> Answer {
        self.put_bytes(bundle.archive(), &[]).await
    }

    pub async fn reset(&self) -> Answer {
        self.call(Method::DELETE, &[], Vec::new()).await
    }

    /// The bundle, to be edited.
    pub async fn edit(&self) -> Edit {
        Edit::of(&self.fetch().await.bundle())
    }
}

/// A bundle that is being edited.
#[derive(Clone)]
pub struct Edit {
    pub manifest: BundleManifest,
    pub texts: BTreeMap<Stem, String>,
}

impl Edit {
    pub fn of(bundle: &Bundle) -> Self {
        let (manifest, _, texts) = bundle.clone().into_parts();
        Self { manifest, texts }
    }

    /// A bundle that knows nothing but its schema.
    pub fn empty() -> Self {
        let manifest = BundleManifest::new("test".to_owned().try_into().unwrap(), vec![]);
        Self { manifest, texts: BTreeMap::new() }
    }

    /// The policies that it knows of.
    pub fn known(&self) -> Vec<&KnownPolicy> {
        fn known(entry: &PolicyEntry) -> &KnownPolicy {
            match entry {
                PolicyEntry::Known(known) => known,
                PolicyEntry::New(_) => panic!("a new policy"),
            }
        }
        self.manifest.policies.iter().map(known).collect()
    }

    /// The policy whose name begins so.
    pub fn named(&self, name: &str) -> &KnownPolicy {
        let of_name = |known: &&KnownPolicy| known.name.as_ref().unwrap().as_str().starts_with(name);
        self.known().into_iter().find(of_name).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        self.known().into_iter().map(|known| known.name.as_ref().unwrap().to_string()).collect()
    }

    pub fn text(&self, name: &str) -> &str {
        &self.texts[&Stem::from(self.named(name).policy_id)]
    }

    /// With another text for the policy whose name begins so.
    pub fn with_text(mut self, name: &str, text: &str) -> Self {
        let file = Stem::from(self.named(name).policy_id);
        self.texts.insert(file, text.to_owned());
        self
    }

    /// With one more entry and its text.
    pub fn with(mut self, entry: PolicyEntry, text: &str) -> Self {
        self.texts.insert(entry.file(), text.to_owned());
        self.manifest.policies.push(entry);
        self
    }

    /// With a new policy.
    pub fn with_new(self, file: &str, text: &str) -> Self {
        self.with(PolicyEntry::New(NewPolicy { file: Stem::new(file).unwrap(), name: None, description: None }), text)
    }

    /// Without the policy whose name begins so.
    pub fn without(mut self, name: &str) -> Self {
        let dropped = self.named(name).policy_id;
        self.manifest.policies.retain(|entry| entry.file() != Stem::from(dropped));
        self
    }

    pub fn archive(&self) -> Vec<u8> {
        encode(&Bundle::new(self.manifest.clone(), None, self.texts.clone()).unwrap()).unwrap()
    }
}
