//! A router over a service in process, and short ways to ask it.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::Response,
};
use cedarkeep_http::{HttpConfig, router};
use cedarkeep_tests::in_process::InProcess;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tower::ServiceExt as _;

/// Test fixture, guards nothing.
pub const TOKEN: &str = "fixture-admin-token-for-wire-tests-0123456789";

/// A server in process.
pub struct Wire {
    pub inner: InProcess,
    router: Router,
}

/// An answer with its body read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn start() -> Self {
        Self::with(HttpConfig::default()).await
    }

    pub async fn with(config: HttpConfig) -> Self {
        let inner = InProcess::start().await;
        inner.service.set_admin_token(TOKEN).await.unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let router = router(inner.service.clone(), &config, metrics).unwrap();
        Self { inner, router }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Asks with the administrator's token, and with a body when one is given.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes());
        self.send(request(method, path, bytes, &[])).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }
}

/// A request with the administrator's token.
pub fn request(method: Method, path: &str, body: Option<Vec<u8>>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.unwrap_or_default())).unwrap()
}

impl Answer {
    pub fn json(&self) -> Value {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON in {}: {}", self.status, text()))
    }

    /// The member under this name, which is text.
    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.json())).to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is an error in the one shape, and returns its code.
    pub fn refused(&self, status: u16) -> String {
        let body = self.json();
        let shown = format!("{} {body}", self.status);
        assert_eq!(self.status.as_u16(), status, "{shown}");
        assert_eq!(self.header("content-type"), "application/json", "{shown}");
        let mut names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let shape = ["code", "details", "message", "notices", "path", "request_id", "status", "timestamp"];
        assert_eq!(names, shape, "{shown}");
        assert_eq!(body["status"], status, "{shown}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{shown}");
        self.text("code")
    }
}
