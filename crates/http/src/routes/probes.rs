//! Whether the server lives, whether it is ready, and how it fares.

use axum::{extract::State, http::StatusCode};
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

/// Whether requests can be served: the store is reachable and migrated
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "Operation", security(()),
    responses((status = 200, description = "It is ready", body = Value, example = json!({"status": "ok"}))),
)]
async fn ready(State(app): State<App>) -> Answer {
    app.service.ready().await?;
    answer::json(StatusCode::OK, &json!({"status": "ok"}))
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
