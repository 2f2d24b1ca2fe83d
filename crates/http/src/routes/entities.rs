//! The entities of a zone.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::{Code, Error, Order, Uid};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{EntityPath, Path, ZonePath},
    query::{EntityParameters, Expand, Query},
    wire::{EntitiesChanged, EntitiesPut, Entity, EntityPut, List, entity_json},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, put_many, delete_all)).routes(routes!(read, put, delete))
}

/// List the entities that the zone keeps
///
/// By type, then by id, ascending unless asked otherwise. The `ETag` is that of all entities of the zone together.
#[utoipa::path(
    get, path = "/zones/{zone_id}/entities", operation_id = "listEntities", tag = "Entities",
    params(ZonePath, EntityParameters),
    responses((status = 200, description = "A page of entities", body = List<Entity>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let mut listing = query.listing(&[], &[Expand::TotalCount])?;
    if !listing.ordered {
        listing.page.order = Order::Asc;
    }
    let entity_type = query.one("filter[type]")?;
    if let Some(Err(error)) = entity_type.map(|entity_type| Uid::new(entity_type, "")) {
        return Err(Error::new(Code::InvalidFilter, format!("filter[type]: {error}")).into());
    }
    let listed = app.service.entities(&call, zone_id, entity_type, listing.page).await?;
    let etag = listed.etag;
    answer::tagged(answer::list(listed.page, entity_json)?, &etag, "private, no-cache")
}

/// Put entities
///
/// Up to 10,000, all or none, as Cedar entity JSON. They are checked against the schema of the policy set version that is
/// bound to the zone, else against the zone's default, unless the zone's `validate_requests` is off. Action entities are
/// good only if they are exactly those of the schema, and are not kept. `If-Match` takes the `ETag` of the list.
#[utoipa::path(
    put, path = "/zones/{zone_id}/entities", operation_id = "putEntities", tag = "Entities",
    params(ZonePath), request_body = EntitiesPut,
    responses((status = 200, description = "What was changed", body = EntitiesChanged)),
)]
async fn put_many(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Submitted { call, body }: Submitted<EntitiesPut>,
) -> Answer {
    let (mode, entities) = body.given();
    let changed = app.service.put_entities(&call, zone_id, mode, entities).await?;
    answer::object(StatusCode::OK, &changed.etag(), &EntitiesChanged::from(changed))
}

/// Delete all entities of the zone
#[utoipa::path(
    delete, path = "/zones/{zone_id}/entities", operation_id = "deleteEntities", tag = "Entities",
    params(ZonePath), responses((status = 200, description = "What was changed", body = EntitiesChanged)),
)]
async fn delete_all(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
) -> Answer {
    let changed = app.service.delete_entities(&call, zone_id).await?;
    answer::object(StatusCode::OK, &changed.etag(), &EntitiesChanged::from(changed))
}

/// Get an entity
#[utoipa::path(
    get, path = "/zones/{zone_id}/entities/{entity_type}/{entity_id}", operation_id = "getEntity", tag = "Entities",
    params(EntityPath), responses((status = 200, description = "The entity", body = Entity)),
)]
async fn read(
    State(app): State<App>,
    Path(EntityPath { zone_id, entity_type, entity_id }): Path<EntityPath>,
    Caller(call): Caller,
) -> Answer {
    let entity = app.service.entity(&call, zone_id, &entity_type, &entity_id).await?;
    answer::object(StatusCode::OK, &entity.etag(), &entity_json(entity)?)
}

/// Put an entity
///
/// Replaced whole. The `uid` may be left out; if it is given it must be the one in the path.
#[utoipa::path(
    put, path = "/zones/{zone_id}/entities/{entity_type}/{entity_id}", operation_id = "putEntity", tag = "Entities",
    params(EntityPath), request_body = EntityPut,
    responses(
        (status = 201, description = "The new entity", body = Entity),
        (status = 200, description = "The entity, in place of what it was", body = Entity),
    ),
)]
async fn put(
    State(app): State<App>,
    Path(EntityPath { zone_id, entity_type, entity_id }): Path<EntityPath>,
    Submitted { call, body }: Submitted<EntityPut>,
) -> Answer {
    let saved = app.service.put_entity(&call, zone_id, &entity_type, &entity_id, body.given()).await?;
    let (status, etag) = (answer::created_or_ok(saved.created), saved.object.etag());
    answer::object(status, &etag, &entity_json(saved.object)?)
}

/// Delete an entity
///
/// Those that name it among their parents still do.
#[utoipa::path(
    delete, path = "/zones/{zone_id}/entities/{entity_type}/{entity_id}", operation_id = "deleteEntity",
    tag = "Entities", params(EntityPath),
    responses((status = 200, description = "The entity as it was", body = Entity)),
)]
async fn delete(
    State(app): State<App>,
    Path(EntityPath { zone_id, entity_type, entity_id }): Path<EntityPath>,
    Caller(call): Caller,
) -> Answer {
    let entity = app.service.delete_entity(&call, zone_id, &entity_type, &entity_id).await?;
    answer::object(StatusCode::OK, &entity.etag(), &entity_json(entity)?)
}
