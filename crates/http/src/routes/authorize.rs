//! Decisions.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    path::{Path, ZonePath},
    wire::{AuthorizeBatchRequest, AuthorizeRequest, Decision, DecisionList},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(authorize)).routes(routes!(authorize_batch))
}

/// Decide a request
///
/// Allowed when the zone has an active policy set and every slot that has one allows it. A deny is a 200 too.
#[utoipa::path(
    post, path = "/zones/{zone_id}/authorize", operation_id = "authorize", tag = "Decisions", params(ZonePath),
    request_body = AuthorizeRequest, responses((status = 200, description = "The decision", body = Decision)),
)]
async fn authorize(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Submitted { call, body }: Submitted<AuthorizeRequest>,
) -> Answer {
    let decision = app.service.authorize(&call, zone_id, body.into()).await?;
    answer::json(StatusCode::OK, &decision)
}

/// Decide many requests
///
/// The answers stand in the order of the requests and are of one revision of the zone. The entities are read once. A
/// request that is malformed, or does not fit the schema, has an `error` in its place and harms no other.
#[utoipa::path(
    post, path = "/zones/{zone_id}/authorize/batch", operation_id = "authorizeBatch", tag = "Decisions",
    params(ZonePath), request_body = AuthorizeBatchRequest,
    responses((status = 200, description = "The decisions, in order", body = DecisionList)),
)]
async fn authorize_batch(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Submitted { call, body }: Submitted<AuthorizeBatchRequest>,
) -> Answer {
    let answers = app.service.authorize_batch(&call, zone_id, body.into_batch()?).await?;
    answer::json(StatusCode::OK, &DecisionList::from(answers))
}
