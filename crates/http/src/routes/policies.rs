//! Policies.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, PolicyPath, ZonePath},
    query::{Expand, PolicyParameters, Query, SingleParameters, Sort, policy_filter},
    wire::{List, Policy, PolicyCreate, PolicyUpdate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update, archive))
}

/// Make a policy
#[utoipa::path(
    post, path = "/zones/{zone_id}/policies", operation_id = "createPolicy", tag = "Policies", params(ZonePath),
    request_body = PolicyCreate, responses((status = 201, description = "The new policy", body = Policy)),
)]
async fn create(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    submitted: Submitted<PolicyCreate>,
) -> Answer {
    let policy = app.service.create_policy(&submitted.call, zone_id, submitted.body.into()).await?;
    answer::object(StatusCode::CREATED, &policy.etag(), &Policy::from(policy))
}

/// List policies
#[utoipa::path(
    get, path = "/zones/{zone_id}/policies", operation_id = "listPolicies", tag = "Policies",
    params(ZonePath, PolicyParameters),
    responses((status = 200, description = "A page of policies", body = List<Policy>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let mut listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::User])?;
    let filter = policy_filter(&query, &mut listing)?;
    let page = app.service.policies(&call, zone_id, filter, listing.page).await?;
    answer::list(page, |policy| Ok(Policy::from(policy)))
}

/// Get a policy
#[utoipa::path(
    get, path = "/zones/{zone_id}/policies/{policy_id}", operation_id = "getPolicy", tag = "Policies",
    params(PolicyPath, SingleParameters), responses((status = 200, description = "The policy", body = Policy)),
)]
async fn read(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    query.expand(&[Expand::User])?;
    let policy = app.service.policy(&call, zone_id, policy_id).await?;
    answer::object(StatusCode::OK, &policy.etag(), &Policy::from(policy))
}

/// Change a policy's name or description
#[utoipa::path(
    patch, path = "/zones/{zone_id}/policies/{policy_id}", operation_id = "updatePolicy", tag = "Policies",
    params(PolicyPath), request_body = PolicyUpdate,
    responses((status = 200, description = "The changed policy", body = Policy)),
)]
async fn update(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    submitted: Submitted<PolicyUpdate>,
) -> Answer {
    let policy = app.service.update_policy(&submitted.call, zone_id, policy_id, submitted.body.into()).await?;
    answer::object(StatusCode::OK, &policy.etag(), &Policy::from(policy))
}

/// Archive a policy, which frees its name
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policies/{policy_id}", operation_id = "archivePolicy", tag = "Policies",
    params(PolicyPath), responses((status = 200, description = "The archived policy", body = Policy)),
)]
async fn archive(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    Caller(call): Caller,
) -> Answer {
    let policy = app.service.archive_policy(&call, zone_id, policy_id).await?;
    answer::object(StatusCode::OK, &policy.etag(), &Policy::from(policy))
}
