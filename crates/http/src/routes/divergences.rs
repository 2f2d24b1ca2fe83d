//! Where shadow versions would have decided otherwise.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::{Code, Error};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    caller::Caller,
    path::{Path, ZonePath},
    query::{DivergenceParameters, Query, Sort},
    wire::Divergences,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List decisions that shadow versions would have made otherwise
///
/// A sample of them as the zone is set (`divergence_sample_percent`), and the totals of all.
#[utoipa::path(
    get, path = "/zones/{zone_id}/shadow-divergences", operation_id = "listShadowDivergences", tag = "Decisions",
    params(ZonePath, DivergenceParameters),
    responses((status = 200, description = "A page of divergences, and the totals", body = Divergences)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[])?;
    let unknown = |_| Error::new(Code::InvalidFilter, "filter[policy_set_version_id] must be an id");
    let shadow = query.one("filter[policy_set_version_id]")?.map(str::parse).transpose().map_err(unknown)?;
    let (page, totals) = app.service.shadow_divergences(&call, zone_id, shadow, listing.page).await?;
    answer::json(StatusCode::OK, &Divergences::new(page, totals))
}
