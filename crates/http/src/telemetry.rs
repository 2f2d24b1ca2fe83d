//! The record of every request: metrics and one line in the log.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode};
use tracing::{Span, field::Empty, trace_span};

/// Counts requests by method, route template and status.
pub const REQUESTS_METRIC: &str = "cedarkeep_http_requests_total";

/// How long requests took, in seconds, by method and route template.
pub const LATENCY_METRIC: &str = "cedarkeep_http_request_duration_seconds";

/// Histogram buckets for [`LATENCY_METRIC`] in seconds, from a warm decision to a large publish.
pub const LATENCY_BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Makes the span of a request the child of its caller's: the span, `traceparent` and `tracestate` (W3C Trace Context).
pub type Adopt = fn(&Span, &str, Option<&str>);

/// The span of a request in a trace. Where nobody collects traces, and so gives no `adopt`, there is none.
pub(crate) fn trace(adopt: Option<Adopt>, method: &Method, route: &str, headers: &HeaderMap) -> Span {
    let Some(adopt) = adopt else { return Span::none() };
    let span = trace_span!(
        target: "cedarkeep::trace", "request", otel.name = %format_args!("{method} {route}"), otel.kind = "server",
        otel.status_code = Empty, http.request.method = method.as_str(), http.route = route,
        http.response.status_code = Empty,
    );
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(traceparent) = header("traceparent") {
        adopt(&span, traceparent, header("tracestate"));
    }
    span
}

/// What came of it.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Records an answered request. Labels come from closed sets only, so that no caller can make new time series.
pub(crate) fn record(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
    .to_owned();
    let route = route.to_owned();
    metrics::histogram!(LATENCY_METRIC, "method" => method.clone(), "route" => route.clone())
        .record(took.as_secs_f64());
    metrics::counter!(
        REQUESTS_METRIC, "method" => method, "route" => route, "status" => status.as_u16().to_string(),
    )
    .increment(1);
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(status = status.as_u16(), took_us, "answered");
}
