//! Policy set versions.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::Order;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, PolicySetPath, SetVersionPath},
    query::{self, Expand, Query, SetVersionPolicyParameters, SingleParameters, Sort, VersionParameters},
    wire::{List, PolicySetVersion, PolicyVersion, SetVersionCreate, SetVersionUpdate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(publish, list)).routes(routes!(read, bind, archive)).routes(routes!(policies))
}

/// Publish a policy set version, attested
///
/// A manifest and schema version that already are the newest version answer 200 with that version.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions", operation_id = "createPolicySetVersion",
    tag = "Policy set versions", params(PolicySetPath), request_body = SetVersionCreate,
    responses(
        (status = 201, description = "The new version", body = PolicySetVersion),
        (status = 200, description = "The newest version, which has this content already", body = PolicySetVersion),
    ),
)]
async fn publish(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Submitted { call, body }: Submitted<SetVersionCreate>,
) -> Answer {
    let (schema_version, entries) = body.given()?;
    let published = app.service.publish_set_version(&call, zone_id, policy_set_id, schema_version, entries).await?;
    let (status, etag) = (answer::created_or_ok(published.created), published.object.etag());
    answer::object(status, &etag, &PolicySetVersion::from(published))
}

/// List the versions of a policy set
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions", operation_id = "listPolicySetVersions",
    tag = "Policy set versions", params(PolicySetPath, VersionParameters),
    responses((status = 200, description = "A page of versions", body = List<PolicySetVersion>)),
)]
async fn list(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::User])?;
    let archived = query::archived(&query)?;
    let page = app.service.set_versions(&call, zone_id, policy_set_id, archived, listing.page).await?;
    answer::list(page, |version| Ok(PolicySetVersion::from(version)))
}

/// Get a policy set version
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}",
    operation_id = "getPolicySetVersion", tag = "Policy set versions", params(SetVersionPath, SingleParameters),
    responses((status = 200, description = "The version", body = PolicySetVersion)),
)]
async fn read(
    State(app): State<App>,
    Path(SetVersionPath { zone_id, policy_set_id, version_id }): Path<SetVersionPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    query.expand(&[Expand::User])?;
    let version = app.service.set_version(&call, zone_id, policy_set_id, version_id).await?;
    answer::object(StatusCode::OK, &version.etag(), &PolicySetVersion::from(version))
}

/// Bind a policy set version
///
/// It replaces what stands in the slot at once: at no moment are there two, or none.
#[utoipa::path(
    patch, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}",
    operation_id = "activatePolicySetVersion", tag = "Policy set versions", params(SetVersionPath),
    request_body = SetVersionUpdate,
    responses((status = 200, description = "The bound version", body = PolicySetVersion)),
)]
async fn bind(
    State(app): State<App>,
    Path(SetVersionPath { zone_id, policy_set_id, version_id }): Path<SetVersionPath>,
    Submitted { call, body }: Submitted<SetVersionUpdate>,
) -> Answer {
    let (mode, target) = body.given()?;
    let bound = app.service.activate_set_version(&call, zone_id, policy_set_id, version_id, mode, target).await?;
    let etag = bound.object.etag();
    answer::object(StatusCode::OK, &etag, &PolicySetVersion::from(bound))
}

/// Archive a policy set version
///
/// Refused while it is bound.
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}",
    operation_id = "archivePolicySetVersion", tag = "Policy set versions", params(SetVersionPath),
    responses((status = 200, description = "The archived version", body = PolicySetVersion)),
)]
async fn archive(
    State(app): State<App>,
    Path(SetVersionPath { zone_id, policy_set_id, version_id }): Path<SetVersionPath>,
    Caller(call): Caller,
) -> Answer {
    let version = app.service.archive_set_version(&call, zone_id, policy_set_id, version_id).await?;
    answer::object(StatusCode::OK, &version.etag(), &PolicySetVersion::from(version))
}

/// List the policy versions that a policy set version pins
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}/policies",
    operation_id = "listPolicySetVersionPolicies", tag = "Policy set versions",
    params(SetVersionPath, SetVersionPolicyParameters),
    responses((status = 200, description = "A page of policy versions", body = List<PolicyVersion>)),
)]
async fn policies(
    State(app): State<App>,
    Path(SetVersionPath { zone_id, policy_set_id, version_id }): Path<SetVersionPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let mut listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::User])?;
    let format = query.format()?;
    let by_created_at = listing.ordered || listing.sort.is_some();
    if !by_created_at {
        listing.page.order = Order::Asc;
    }
    let page = listing.page;
    let page = app.service.set_version_policies(&call, zone_id, policy_set_id, version_id, by_created_at, page).await?;
    answer::list(page, |version| PolicyVersion::new(version, format))
}
