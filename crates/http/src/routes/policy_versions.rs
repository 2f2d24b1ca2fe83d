//! Policy versions.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, PolicyPath, PolicyVersionPath},
    query::{self, Expand, FormatParameter, Query, SingleParameters, Sort, VersionParameters},
    wire::{List, PolicyVersion, PolicyVersionCreate, VersionUsage},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(publish, list)).routes(routes!(read, archive)).routes(routes!(usage))
}

/// Publish a policy version
///
/// Content that already is the newest version answers 200 with that version.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policies/{policy_id}/versions", operation_id = "createPolicyVersion",
    tag = "Policy versions", params(PolicyPath, FormatParameter), request_body = PolicyVersionCreate,
    responses(
        (status = 201, description = "The new version", body = PolicyVersion),
        (status = 200, description = "The newest version, which has this content already", body = PolicyVersion),
    ),
)]
async fn publish(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    query: Query,
    Submitted { call, body }: Submitted<PolicyVersionCreate>,
) -> Answer {
    let format = query.format()?;
    let (schema_version, given) = body.given()?;
    let published = app.service.publish_policy_version(&call, zone_id, policy_id, schema_version, given).await?;
    let (status, etag) = (answer::created_or_ok(published.created), published.object.etag());
    answer::object(status, &etag, &PolicyVersion::published(published, format)?)
}

/// List the versions of a policy
#[utoipa::path(
    get, path = "/zones/{zone_id}/policies/{policy_id}/versions", operation_id = "listPolicyVersions",
    tag = "Policy versions", params(PolicyPath, VersionParameters, FormatParameter),
    responses((status = 200, description = "A page of versions", body = List<PolicyVersion>)),
)]
async fn list(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::User])?;
    let (format, archived) = (query.format()?, query::archived(&query)?);
    let page = app.service.policy_versions(&call, zone_id, policy_id, archived, listing.page).await?;
    answer::list(page, |version| PolicyVersion::new(version, format))
}

/// Get a policy version
#[utoipa::path(
    get, path = "/zones/{zone_id}/policies/{policy_id}/versions/{version_id}", operation_id = "getPolicyVersion",
    tag = "Policy versions", params(PolicyVersionPath, SingleParameters, FormatParameter),
    responses((status = 200, description = "The version", body = PolicyVersion)),
)]
async fn read(
    State(app): State<App>,
    Path(PolicyVersionPath { zone_id, policy_id, version_id }): Path<PolicyVersionPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    query.expand(&[Expand::User])?;
    let format = query.format()?;
    let version = app.service.policy_version(&call, zone_id, policy_id, version_id).await?;
    answer::object(StatusCode::OK, &version.etag(), &PolicyVersion::new(version, format)?)
}

/// Archive a policy version
///
/// Refused while a bound policy set version pins it.
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policies/{policy_id}/versions/{version_id}",
    operation_id = "archivePolicyVersion", tag = "Policy versions", params(PolicyVersionPath, FormatParameter),
    responses((status = 200, description = "The archived version", body = PolicyVersion)),
)]
async fn archive(
    State(app): State<App>,
    Path(PolicyVersionPath { zone_id, policy_id, version_id }): Path<PolicyVersionPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let format = query.format()?;
    let version = app.service.archive_policy_version(&call, zone_id, policy_id, version_id).await?;
    answer::object(StatusCode::OK, &version.etag(), &PolicyVersion::new(version, format)?)
}

/// See where a policy version is used
#[utoipa::path(
    get, path = "/zones/{zone_id}/policies/{policy_id}/versions/{version_id}/usage",
    operation_id = "getPolicyVersionUsage", tag = "Policy versions", params(PolicyVersionPath),
    responses((status = 200, description = "The set versions and bindings that use it", body = VersionUsage)),
)]
async fn usage(
    State(app): State<App>,
    Path(PolicyVersionPath { zone_id, policy_id, version_id }): Path<PolicyVersionPath>,
    Caller(call): Caller,
) -> Answer {
    let usage = app.service.policy_version_usage(&call, zone_id, policy_id, version_id).await?;
    answer::json(StatusCode::OK, &VersionUsage::from(usage))
}
