//! Service accounts: the programs that call.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cedarkeep_service::Target;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::organizations::permissions_of;
use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    failure::Failure,
    path::{OrganizationPath, Path, ServiceAccountPath},
    query::{AccountParameter, AccountParameters, Expand, Query, Sort},
    wire::{Paged, ServiceAccount, ServiceAccountCreate, ServiceAccountUpdate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update, delete))
}

/// Make a service account
///
/// It has neither a credential nor a role yet.
#[utoipa::path(
    post, path = "/organizations/{organization_id}/service-accounts", operation_id = "createServiceAccount",
    tag = "Service accounts", params(OrganizationPath), request_body = ServiceAccountCreate,
    responses((status = 201, description = "The new service account", body = ServiceAccount)),
)]
async fn create(
    State(app): State<App>,
    Path(OrganizationPath { organization_id }): Path<OrganizationPath>,
    submitted: Submitted<ServiceAccountCreate>,
) -> Answer {
    let (call, new) = (&submitted.call, submitted.body.into());
    let account = app.service.create_service_account(call, organization_id, new).await?;
    answer::object(StatusCode::CREATED, &account.etag(), &ServiceAccount::new(account, None))
}

/// List service accounts
#[utoipa::path(
    get, path = "/organizations/{organization_id}/service-accounts", operation_id = "listServiceAccounts",
    tag = "Service accounts", params(OrganizationPath, AccountParameters),
    responses((status = 200, description = "A page of service accounts", body = Paged<ServiceAccount>)),
)]
async fn list(
    State(app): State<App>,
    Path(OrganizationPath { organization_id }): Path<OrganizationPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::Permissions])?;
    let page = app.service.service_accounts(&call, organization_id, listing.page).await?;
    let permissions = permissions_of(&app, &call, Target::Organization(organization_id), &listing.expand).await?;
    answer::json(StatusCode::OK, &Paged::new(page, permissions, |account| ServiceAccount::new(account, None))?)
}

/// Get a service account
#[utoipa::path(
    get, path = "/organizations/{organization_id}/service-accounts/{service_account_id}",
    operation_id = "getServiceAccount", tag = "Service accounts", params(ServiceAccountPath, AccountParameter),
    responses((status = 200, description = "The service account", body = ServiceAccount)),
)]
async fn read(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let expand = query.expand(&[Expand::Permissions, Expand::TotalCount])?;
    let account = app.service.service_account(&call, organization_id, service_account_id).await?;
    let permissions = permissions_of(&app, &call, Target::Organization(organization_id), &expand).await?;
    answer::object(StatusCode::OK, &account.etag(), &ServiceAccount::new(account, permissions))
}

/// Change a service account's name, description or owner
#[utoipa::path(
    patch, path = "/organizations/{organization_id}/service-accounts/{service_account_id}",
    operation_id = "updateServiceAccount", tag = "Service accounts", params(ServiceAccountPath),
    request_body = ServiceAccountUpdate,
    responses((status = 200, description = "The changed service account", body = ServiceAccount)),
)]
async fn update(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    submitted: Submitted<ServiceAccountUpdate>,
) -> Answer {
    let (call, patch) = (&submitted.call, submitted.body.into());
    let account = app.service.update_service_account(call, organization_id, service_account_id, patch).await?;
    answer::object(StatusCode::OK, &account.etag(), &ServiceAccount::new(account, None))
}

/// Delete a service account with its credentials and its roles
#[utoipa::path(
    delete, path = "/organizations/{organization_id}/service-accounts/{service_account_id}",
    operation_id = "deleteServiceAccount", tag = "Service accounts", params(ServiceAccountPath),
    responses((status = 204, description = "It is gone")),
)]
async fn delete(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    Caller(call): Caller,
) -> Result<Response, Failure> {
    app.service.delete_service_account(&call, organization_id, service_account_id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
