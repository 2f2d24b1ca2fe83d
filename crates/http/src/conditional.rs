//! Conditional reads (RFC 9110, section 13.1.2).

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

/// Answers 304 when the caller already has what a read would answer.
pub(crate) async fn revalidate(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let held = if reads { held_tags(request.headers()) } else { Vec::new() };
    let response = next.run(request).await;
    let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
    match etag {
        Some(etag) if response.status() == StatusCode::OK && matches(&held, etag) => not_modified(response),
        _ => response,
    }
}

fn held_tags(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|tag| tag.trim().to_owned()).collect()
}

/// Weak comparison (section 8.8.3.2); our tags hold no comma, so cutting a foreign tag in two can do no harm.
fn matches(held: &[String], etag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    held.iter().any(|tag| tag == "*" || opaque(tag) == opaque(etag))
}

fn not_modified(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(method: Method, condition: Option<&str>) -> Response {
        let handler = || async { ([(header::ETAG, "\"3\"")], "body") };
        let app = Router::new().route("/", get(handler).post(handler)).layer(middleware::from_fn(revalidate));
        let mut request = Request::builder().method(method).uri("/");
        if let Some(condition) = condition {
            request = request.header(header::IF_NONE_MATCH, condition);
        }
        app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_held_answer_is_not_sent_again() {
        for condition in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
            let answer = ask(Method::GET, Some(condition)).await;
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{condition}");
            assert_eq!(answer.headers().get(header::ETAG).unwrap(), "\"3\"");
            assert!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn another_answer_is_sent_whole() {
        for condition in [None, Some("\"2\""), Some("3"), Some("")] {
            assert_eq!(ask(Method::GET, condition).await.status(), StatusCode::OK, "{condition:?}");
        }
        assert_eq!(ask(Method::POST, Some("*")).await.status(), StatusCode::OK);
    }
}
