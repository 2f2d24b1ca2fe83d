//! What browsers are told about pages of other origins: nothing, unless an operator names them.

use axum::{
    body::Body,
    http::{Method, Request},
};
use cedarkeep_http::HttpConfig;

use crate::support::{Answer, Wire, request};

const CONSOLE: &str = "https://console.example.com";

/// What a browser asks before a page may send a POST with a token.
async fn preflight(wire: &Wire, origin: &str) -> Answer {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/zones")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    wire.send(request.body(Body::empty()).unwrap()).await
}

fn told(answer: &Answer) -> Vec<&str> {
    answer
        .headers
        .keys()
        .map(axum::http::HeaderName::as_str)
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

#[tokio::test]
async fn by_default_no_page_may_call() {
    let wire = Wire::start().await;
    let asked = preflight(&wire, CONSOLE).await;
    assert_eq!((asked.status.is_client_error(), told(&asked)), (true, vec![]), "{}", asked.status);
    let read = wire.send(request(Method::GET, "/zones", None, &[("origin", CONSOLE)])).await;
    assert_eq!((read.status.as_u16(), told(&read)), (200, vec![]));
}

#[tokio::test]
async fn pages_of_a_named_origin_may_and_no_others() {
    let cors_origins = vec![CONSOLE.parse().unwrap(), "http://localhost:3000".parse().unwrap()];
    let wire = Wire::with(HttpConfig { cors_origins, ..HttpConfig::default() }).await;
    for origin in [CONSOLE, "http://localhost:3000"] {
        let asked = preflight(&wire, origin).await;
        assert!(asked.status.is_success(), "{}", asked.status);
        assert_eq!(asked.header("access-control-allow-origin"), origin);
        assert!(asked.header("access-control-allow-methods").contains("POST"));
        assert!(asked.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(asked.header("access-control-allow-credentials"), "", "no cookie is ever looked at");
    }
    // What a refusal says may be read too.
    for (path, status) in [("/zones", 200), ("/nowhere", 404)] {
        let answer = wire.send(request(Method::GET, path, None, &[("origin", CONSOLE)])).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (status, CONSOLE));
        assert!(answer.header("access-control-expose-headers").contains("etag"));
        assert!(answer.header("vary").to_ascii_lowercase().contains("origin"), "no cache gives it to another origin");
    }
    for other in ["https://console.example.com.evil.example", "https://evil.example", "null", "http://localhost:3001"] {
        assert_eq!(preflight(&wire, other).await.header("access-control-allow-origin"), "", "{other}");
        let answer = wire.send(request(Method::GET, "/zones", None, &[("origin", other)])).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{other}");
    }
}
