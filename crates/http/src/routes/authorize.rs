//! Decisions.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    path::{Path, ZonePath},
    wire::{AuthorizeRequest, Decision},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(authorize))
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
