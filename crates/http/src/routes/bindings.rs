//! Bindings: which version decides, or is observed, in which slot.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{BindingPath, Path, ZonePath},
    query::{BindingParameters, Expand, Query, Sort, binding_filter},
    wire::{BindingPut, List, PolicyBinding},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, put)).routes(routes!(read, unbind)).routes(routes!(promote))
}

/// List bindings
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-bindings", operation_id = "listPolicyBindings", tag = "Policy bindings",
    params(ZonePath, BindingParameters),
    responses((status = 200, description = "A page of bindings", body = List<PolicyBinding>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount])?;
    let filter = binding_filter(&query)?;
    let page = app.service.bindings(&call, zone_id, filter, listing.page).await?;
    answer::list(page, |binding| Ok(PolicyBinding::from(binding)))
}

/// Bind a version to the slot of its set's scope
///
/// It replaces what stands in the slot at once: at no moment are there two, or none. Binding an older version is the
/// rollback. `If-Match` takes the entity tag of the binding that it replaces.
#[utoipa::path(
    put, path = "/zones/{zone_id}/policy-bindings", operation_id = "putPolicyBinding", tag = "Policy bindings",
    params(ZonePath), request_body = BindingPut,
    responses((status = 200, description = "The binding", body = PolicyBinding)),
)]
async fn put(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Submitted { call, body }: Submitted<BindingPut>,
) -> Answer {
    let (version, mode, target) = body.given()?;
    let bound = app.service.bind(&call, zone_id, version, mode, target).await?;
    let etag = bound.object.etag();
    answer::object(StatusCode::OK, &etag, &PolicyBinding::from(bound))
}

/// Get a binding
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-bindings/{binding_id}", operation_id = "getPolicyBinding",
    tag = "Policy bindings", params(BindingPath),
    responses((status = 200, description = "The binding", body = PolicyBinding)),
)]
async fn read(
    State(app): State<App>,
    Path(BindingPath { zone_id, binding_id }): Path<BindingPath>,
    Caller(call): Caller,
) -> Answer {
    let binding = app.service.binding(&call, zone_id, binding_id).await?;
    answer::object(StatusCode::OK, &binding.etag(), &PolicyBinding::from(binding))
}

/// Empty a slot
///
/// An empty zone slot denies every request; an empty resource, user or session slot no longer narrows.
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policy-bindings/{binding_id}", operation_id = "deletePolicyBinding",
    tag = "Policy bindings", params(BindingPath),
    responses((status = 200, description = "The binding that stood there", body = PolicyBinding)),
)]
async fn unbind(
    State(app): State<App>,
    Path(BindingPath { zone_id, binding_id }): Path<BindingPath>,
    Caller(call): Caller,
) -> Answer {
    let binding = app.service.unbind(&call, zone_id, binding_id).await?;
    answer::object(StatusCode::OK, &binding.etag(), &PolicyBinding::from(binding))
}

/// Make a shadow the active version of its slot
///
/// In one step: the shadow's slot is empty afterwards, the active slot points at what the shadow pointed at.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-bindings/{binding_id}/promote", operation_id = "promotePolicyBinding",
    tag = "Policy bindings", params(BindingPath),
    responses((status = 200, description = "The new active binding", body = PolicyBinding)),
)]
async fn promote(
    State(app): State<App>,
    Path(BindingPath { zone_id, binding_id }): Path<BindingPath>,
    Submitted { call, body: _ }: Submitted<crate::wire::Empty>,
) -> Answer {
    let bound = app.service.promote(&call, zone_id, binding_id).await?;
    let etag = bound.object.etag();
    answer::object(StatusCode::OK, &etag, &PolicyBinding::from(bound))
}
