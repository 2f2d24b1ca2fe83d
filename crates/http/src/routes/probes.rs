//! Whether the server lives, whether it is ready, and how it fares.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::Readiness;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready))
}

pub(super) fn metrics_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Whether the process answers
#[utoipa::path(
    get, path = "/healthz", operation_id = "getLiveness", tag = "Operation", security(()),
    responses((status = 200, description = "It lives", body = Value, example = json!({"status": "ok"}))),
)]
async fn live() -> Answer {
    answer::json(StatusCode::OK, &json!({"status": "ok"}))
}

/// Whether requests can be served
///
/// While the store does not answer, the status is `degraded`: decisions are made by what is in memory, nothing else is
/// answered, and `age_seconds` says how long ago the store was last seen. When that is too long to decide by, 503.
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "Operation", security(()),
    responses((
        status = 200, description = "It decides", body = Value,
        example = json!({"status": "ok", "store": "reachable", "age_seconds": 0}),
    )),
)]
async fn ready(State(app): State<App>) -> Answer {
    let Readiness { reachable, age } = app.service.ready().await?;
    let (status, store) = if reachable { ("ok", "reachable") } else { ("degraded", "unreachable") };
    answer::json(StatusCode::OK, &json!({"status": status, "store": store, "age_seconds": age.as_secs()}))
}

/// Metrics in the Prometheus text format
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "Operation",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")),
)]
async fn metrics(State(app): State<App>) -> Answer {
    Ok(answer::typed(StatusCode::OK, METRICS_TYPE, app.metrics.render()))
}

/// The Prometheus text format.
pub(crate) const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
