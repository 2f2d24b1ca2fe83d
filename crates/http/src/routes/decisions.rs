//! The log of decisions.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    caller::Caller,
    path::{DecisionPath, Path, ZonePath},
    query::{DecisionParameters, Query, Sort, decision_filter},
    wire::{List, LoggedDecision},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// List logged decisions
///
/// As the zone's `decision_log` has it, for as long as `decision_log_retention_days` says. The log is for following what
/// happens: it is no part of the chain of events, and nothing attests it.
#[utoipa::path(
    get, path = "/zones/{zone_id}/decisions", operation_id = "listDecisions", tag = "Decisions",
    params(ZonePath, DecisionParameters),
    responses((status = 200, description = "A page of decisions", body = List<LoggedDecision>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[])?;
    let page = app.service.decisions(&call, zone_id, decision_filter(&query)?, listing.page).await?;
    answer::list(page, |decision| Ok(LoggedDecision::from(decision)))
}

/// Get a logged decision
///
/// By the `decision_id` of its answer. 404 when it was not logged, or is forgotten.
#[utoipa::path(
    get, path = "/zones/{zone_id}/decisions/{decision_id}", operation_id = "getDecision", tag = "Decisions",
    params(DecisionPath), responses((status = 200, description = "The decision", body = LoggedDecision)),
)]
async fn get(
    State(app): State<App>,
    Path(DecisionPath { zone_id, decision_id }): Path<DecisionPath>,
    Caller(call): Caller,
) -> Answer {
    let decision = app.service.decision(&call, zone_id, decision_id).await?;
    answer::json(StatusCode::OK, &LoggedDecision::from(decision))
}
