//! Policy sets.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::ApplyTo;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, PolicySetPath, ZonePath},
    query::{Expand, PolicySetParameters, Query, SingleParameters, Sort, policy_set_filter},
    wire::{ApplyResult, List, PolicySet, PolicySetCreate, PolicySetUpdate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update, archive))
}

/// Make a policy set
///
/// With a `manifest`, new policies, versions, the set version and its binding are made with it, in one transaction; the
/// answer then says what was done.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-sets", operation_id = "createPolicySet", tag = "Policy sets",
    params(ZonePath), request_body = PolicySetCreate,
    responses((status = 201, description = "The new policy set; with a manifest also what was done", body = ApplyResult)),
)]
async fn create(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Submitted { call, body }: Submitted<PolicySetCreate>,
) -> Answer {
    let (name, scope, manifest) = body.given()?;
    if let Some(manifest) = manifest {
        let apply = manifest.given(false)?;
        let applied = app.service.apply(&call, zone_id, ApplyTo::New { name, scope }, apply).await?;
        return answer::json(StatusCode::CREATED, &ApplyResult::from(applied));
    }
    let set = app.service.create_policy_set(&call, zone_id, name, scope).await?;
    answer::object(StatusCode::CREATED, &set.etag(), &PolicySet::from(set))
}

/// List policy sets
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets", operation_id = "listPolicySets", tag = "Policy sets",
    params(ZonePath, PolicySetParameters),
    responses((status = 200, description = "A page of policy sets", body = List<PolicySet>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt, Sort::Status], &[Expand::TotalCount, Expand::User])?;
    let filter = policy_set_filter(&query, &listing)?;
    let page = app.service.policy_sets(&call, zone_id, filter, listing.page).await?;
    answer::list(page, |set| Ok(PolicySet::from(set)))
}

/// Get a policy set
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}", operation_id = "getPolicySet", tag = "Policy sets",
    params(PolicySetPath, SingleParameters),
    responses((status = 200, description = "The policy set", body = PolicySet)),
)]
async fn read(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    query.expand(&[Expand::User])?;
    let set = app.service.policy_set(&call, zone_id, policy_set_id).await?;
    answer::object(StatusCode::OK, &set.etag(), &PolicySet::from(set))
}

/// Change a policy set's name
#[utoipa::path(
    patch, path = "/zones/{zone_id}/policy-sets/{policy_set_id}", operation_id = "updatePolicySet",
    tag = "Policy sets", params(PolicySetPath), request_body = PolicySetUpdate,
    responses((status = 200, description = "The changed policy set", body = PolicySet)),
)]
async fn update(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Submitted { call, body }: Submitted<PolicySetUpdate>,
) -> Answer {
    let set = app.service.update_policy_set(&call, zone_id, policy_set_id, body.name).await?;
    answer::object(StatusCode::OK, &set.etag(), &PolicySet::from(set))
}

/// Archive a policy set
///
/// Refused while a version of it is bound.
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policy-sets/{policy_set_id}", operation_id = "archivePolicySet",
    tag = "Policy sets", params(PolicySetPath),
    responses((status = 200, description = "The archived policy set", body = PolicySet)),
)]
async fn archive(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Caller(call): Caller,
) -> Answer {
    let set = app.service.archive_policy_set(&call, zone_id, policy_set_id).await?;
    answer::object(StatusCode::OK, &set.etag(), &PolicySet::from(set))
}
