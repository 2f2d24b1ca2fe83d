//! What surrounds every request: ids, the API version, the deadline, the error shape, security headers, the record.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use cedarkeep_model::Timestamp;
use cedarkeep_service::{Code, Service};
use futures_util::FutureExt;
use time::{Date, macros::format_description};
use tracing::Instrument;

use crate::{app::App, failure::Failure, routes::speaks_authzen, telemetry};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");

/// What is known of a request before anything in it is read.
#[derive(Debug, Clone)]
pub(crate) struct RequestFrame {
    /// The caller's id for the request, or one of ours.
    pub(crate) request_id: String,
    /// The client library's id for the request, when it sent one.
    pub(crate) client_request_id: Option<String>,
    /// The path as it was sent.
    pub(crate) path: String,
    /// When it came in.
    pub(crate) at: Timestamp,
    /// Whether it is for a route of `AuthZEN`, which have errors of their own form.
    pub(crate) authzen: bool,
    /// There, the caller's id as it came.
    sent_id: Option<HeaderValue>,
}

impl RequestFrame {
    fn of(request: &Request, route: &str, service: &Service) -> Self {
        let authzen = speaks_authzen(route);
        let id = |name| sent_id(request.headers(), name, service);
        Self {
            request_id: id(REQUEST_ID).unwrap_or_else(|| service.new_request_id()),
            client_request_id: id(CLIENT_REQUEST_ID),
            path: request.uri().path().to_owned(),
            at: service.now(),
            authzen,
            sent_id: request.headers().get(REQUEST_ID).filter(|_| authzen).cloned(),
        }
    }
}

/// The id that the caller sent; what could not be logged and echoed safely is replaced by one of ours.
fn sent_id(headers: &HeaderMap, name: HeaderName, service: &Service) -> Option<String> {
    let value = headers.get(name)?;
    let sent = value.to_str().ok().filter(|text| is_id(text)).map(str::to_owned);
    Some(sent.unwrap_or_else(|| service.new_request_id()))
}

fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Answers a request within its frame. Outermost of all layers, so that nothing leaves without the frame.
pub(crate) async fn frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let frame = RequestFrame::of(&request, &route, &app.service);
    let trace = telemetry::trace(app.config.adopt, &method, &route, request.headers());
    let span = tracing::info_span!(
        "request",
        method = method.as_str(),
        route,
        request_id = frame.request_id,
        client_request_id = frame.client_request_id,
    );
    let version = request.headers().get(API_VERSION).cloned();
    async {
        let answer =
            if version.as_ref().is_none_or(is_date) { run(&app, request, next).await } else { wrong_version() };
        let answer = finish(&frame, version, answer);
        telemetry::record(&method, &route, answer.status(), started.elapsed());
        telemetry::answered(&trace, answer.status());
        answer
    }
    // The innermost is what other threads are handed on: with traces their span, else that of the log.
    .instrument(trace.clone())
    .instrument(span)
    .await
}

/// Runs the request; neither a panic nor slowness keeps the caller without an answer.
async fn run(app: &App, request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(app.config.limits.request_deadline, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => Failure::internal().into_response(),
        Err(_elapsed) => Failure::deadline().into_response(),
    }
}

fn wrong_version() -> Response {
    Failure::new(Code::BadRequest, "X-API-Version must be a date such as 2026-03-16").into_response()
}

fn is_date(value: &HeaderValue) -> bool {
    let layout = format_description!("[year]-[month]-[day]");
    value.to_str().is_ok_and(|text| text.len() == 10 && Date::parse(text, layout).is_ok())
}

/// Gives a failure its body and every answer its headers.
fn finish(frame: &RequestFrame, version: Option<HeaderValue>, mut response: Response) -> Response {
    if let Some(failure) = response.extensions_mut().remove::<Arc<Failure>>() {
        response = failure.render(frame, response);
    }
    let headers = response.headers_mut();
    let ids = [(REQUEST_ID, Some(&frame.request_id)), (CLIENT_REQUEST_ID, frame.client_request_id.as_ref())];
    for (name, id) in ids {
        if let Some(value) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(name, value);
        }
    }
    // AuthZEN wants it back whatever it is. In the log it stands only if it is safe there.
    if let Some(sent) = &frame.sent_id {
        headers.insert(REQUEST_ID, sent.clone());
    }
    if let Some(version) = version.filter(is_date) {
        headers.insert(API_VERSION, version);
    }
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Defaults of every answer; a route that needs another value sets it itself.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        assert!(is_id("0197-a_b.C"));
        assert!(is_id(&"a".repeat(128)));
        for text in ["", "a b", "a\"", "ä", "a/b", &"a".repeat(129)] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn an_api_version_is_a_date() {
        assert!(is_date(&HeaderValue::from_static("2026-03-16")));
        for text in ["", "2026-02-30", "v1", "2026-3-16", "2026-03-16T00:00:00Z"] {
            assert!(!is_date(&HeaderValue::from_static(text)), "{text}");
        }
    }
}
