//! Zones.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cedarkeep_model as model;
use cedarkeep_service::{Call, Error, Target, ZoneFilter};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    base::Base,
    body::Submitted,
    caller::Caller,
    failure::Failure,
    path::{Path, ZonePath},
    permissions,
    query::{Expand, Query, Sort, ZoneListParameters, ZoneParameters},
    wire::{List, PageInfo, Pagination, Zone, ZoneCreate, ZoneUpdate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update, delete))
}

/// A page of zones, which carries its cursors in two forms.
#[derive(Serialize, ToSchema)]
struct ZoneList {
    items: Vec<Zone>,
    pagination: Pagination,
    page_info: PageInfo,
}

/// Make a zone, with a signing key and the shipped schemas
#[utoipa::path(
    post, path = "/zones", operation_id = "createZone", tag = "Zones", request_body = ZoneCreate,
    responses((status = 201, description = "The new zone", body = Zone)),
)]
async fn create(State(app): State<App>, Base(base): Base, submitted: Submitted<ZoneCreate>) -> Answer {
    let zone = app.service.create_zone(&submitted.call, submitted.body.into()).await?;
    answer::object(StatusCode::CREATED, &zone.etag(), &Zone::new(zone, &base, None))
}

/// List zones
#[utoipa::path(
    get, path = "/zones", operation_id = "listZones", tag = "Zones", params(ZoneListParameters),
    responses((status = 200, description = "A page of zones", body = ZoneList)),
)]
async fn list(State(app): State<App>, Base(base): Base, Caller(call): Caller, query: Query) -> Answer {
    let mut listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::Permissions, Expand::User])?;
    listing.page.after = after(&query, listing.page.after)?;
    let text = |name| query.one(name).map(|value| value.map(str::to_owned));
    let filter = ZoneFilter { slug: text("slug")?, organization_id: text("filter[organization_id]")?, within: None };
    let page = app.service.zones(&call, filter, listing.page).await?;
    let page_info = PageInfo::of(&page);
    let zones = List::new(page, Ok)?;
    let (mut items, pagination) = (Vec::with_capacity(zones.items.len()), zones.pagination);
    for zone in zones.items {
        items.push(seen(&app, &call, zone, &base, &listing.expand).await?);
    }
    answer::json(StatusCode::OK, &ZoneList { items, pagination, page_info })
}

/// `cursor` is the older name of `after`.
fn after(query: &Query, after: Option<String>) -> Result<Option<String>, Failure> {
    let cursor = query.one("cursor")?;
    let disagree = |why| Failure::new(cedarkeep_service::Code::BadRequest, why);
    match (cursor, after) {
        (Some(cursor), Some(after)) if cursor != after => Err(disagree("cursor and after disagree; give after alone")),
        (Some(_), _) if query.one("before")?.is_some() => Err(disagree("cursor and before exclude each other")),
        (cursor, after) => Ok(after.or_else(|| cursor.map(str::to_owned))),
    }
}

/// Get a zone
#[utoipa::path(
    get, path = "/zones/{zone_id}", operation_id = "getZone", tag = "Zones", params(ZonePath, ZoneParameters),
    responses((status = 200, description = "The zone", body = Zone)),
)]
async fn read(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Base(base): Base,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let expand = query.expand(&[Expand::Permissions, Expand::User])?;
    let zone = app.service.zone(&call, zone_id).await?;
    let etag = zone.etag();
    answer::object(StatusCode::OK, &etag, &seen(&app, &call, zone, &base, &expand).await?)
}

/// Change a zone
#[utoipa::path(
    patch, path = "/zones/{zone_id}", operation_id = "updateZone", tag = "Zones", params(ZonePath),
    request_body = ZoneUpdate, responses((status = 200, description = "The changed zone", body = Zone)),
)]
async fn update(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Base(base): Base,
    submitted: Submitted<ZoneUpdate>,
) -> Answer {
    let zone = app.service.update_zone(&submitted.call, zone_id, submitted.body.into()).await?;
    answer::object(StatusCode::OK, &zone.etag(), &Zone::new(zone, &base, None))
}

/// Delete a zone and all in it
///
/// Refused while `deletion_protection` is on. The zone's keys stay published.
#[utoipa::path(
    delete, path = "/zones/{zone_id}", operation_id = "deleteZone", tag = "Zones", params(ZonePath),
    responses((status = 204, description = "It is gone")),
)]
async fn delete(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
) -> Result<Response, Failure> {
    app.service.delete_zone(&call, zone_id).await.map_err(|error: Error| Failure::from(error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn seen(
    app: &App,
    call: &Call,
    zone: model::Zone,
    base: &crate::config::BaseUrl,
    expand: &[Expand],
) -> Result<Zone, Failure> {
    let permissions = if expand.contains(&Expand::Permissions) {
        Some(permissions::of(&app.service, &call.principal, Target::Zone(zone.id)).await?)
    } else {
        None
    };
    Ok(Zone::new(zone, base, permissions))
}
