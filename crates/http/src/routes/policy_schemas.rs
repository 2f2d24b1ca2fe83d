//! Policy schemas.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, SchemaPath, ZonePath},
    query::{Expand, FormatParameter, Query, SchemaParameters, Sort},
    wire::{List, SchemaCreate, SchemaUpdate, SchemaVersion},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update))
}

/// Add a schema version
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-schemas", operation_id = "createPolicySchema", tag = "Policy schemas",
    params(ZonePath, FormatParameter), request_body = SchemaCreate,
    responses((status = 201, description = "The new schema version", body = SchemaVersion)),
)]
async fn create(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    query: Query,
    submitted: Submitted<SchemaCreate>,
) -> Answer {
    let format = query.format()?;
    let (version, given) = submitted.body.given()?;
    let schema = app.service.create_schema(&submitted.call, zone_id, version, given).await?;
    answer::object(StatusCode::CREATED, &schema.etag(), &SchemaVersion::new(schema, format)?)
}

/// List schema versions
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-schemas", operation_id = "listPolicySchemas", tag = "Policy schemas",
    params(ZonePath, SchemaParameters),
    responses((status = 200, description = "A page of schema versions", body = List<SchemaVersion>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::User])?;
    let format = query.format()?;
    let is_default = query.twin_flag("filter[default]", "is_default")?;
    let page = app.service.schemas(&call, zone_id, is_default, listing.page).await?;
    answer::list(page, |schema| SchemaVersion::new(schema, format))
}

/// Get a schema version
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-schemas/{version}", operation_id = "getPolicySchema", tag = "Policy schemas",
    params(SchemaPath, FormatParameter),
    responses((status = 200, description = "The schema version", body = SchemaVersion)),
)]
async fn read(
    State(app): State<App>,
    Path(SchemaPath { zone_id, version }): Path<SchemaPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let format = query.format()?;
    let schema = app.service.schema(&call, zone_id, &version).await?;
    answer::object(StatusCode::OK, &schema.etag(), &SchemaVersion::new(schema, format)?)
}

/// Make a schema version the default, or change its status
///
/// Without a body the version becomes the zone's default.
#[utoipa::path(
    patch, path = "/zones/{zone_id}/policy-schemas/{version}", operation_id = "updatePolicySchema",
    tag = "Policy schemas", params(SchemaPath, FormatParameter), request_body = SchemaUpdate,
    responses((status = 200, description = "The changed schema version", body = SchemaVersion)),
)]
async fn update(
    State(app): State<App>,
    Path(SchemaPath { zone_id, version }): Path<SchemaPath>,
    query: Query,
    Submitted { call, body }: Submitted<SchemaUpdate>,
) -> Answer {
    let format = query.format()?;
    let schema = match body.status {
        None => app.service.set_default_schema(&call, zone_id, &version).await?,
        Some(status) => app.service.set_schema_status(&call, zone_id, &version, status).await?,
    };
    answer::object(StatusCode::OK, &schema.etag(), &SchemaVersion::new(schema, format)?)
}
