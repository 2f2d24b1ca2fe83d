//! The roles that service accounts hold.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, ServiceAccountPath},
    wire::{Roles, RolesPut},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, replace))
}

/// Get the roles that a service account holds
#[utoipa::path(
    get, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/roles",
    operation_id = "getRoles", tag = "Service accounts", params(ServiceAccountPath),
    responses((status = 200, description = "The roles; the ETag is the account's", body = Roles)),
)]
async fn read(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    Caller(call): Caller,
) -> Answer {
    let (account, grants) = app.service.roles(&call, organization_id, service_account_id).await?;
    answer::object(StatusCode::OK, &account.etag(), &Roles::new(grants))
}

/// Replace the roles that a service account holds
#[utoipa::path(
    put, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/roles",
    operation_id = "putRoles", tag = "Service accounts", params(ServiceAccountPath), request_body = RolesPut,
    responses((status = 200, description = "The roles; the ETag is the account's", body = Roles)),
)]
async fn replace(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    submitted: Submitted<RolesPut>,
) -> Answer {
    let (call, grants) = (&submitted.call, submitted.body.into());
    let (account, grants) = app.service.replace_roles(call, organization_id, service_account_id, grants).await?;
    answer::object(StatusCode::OK, &account.etag(), &Roles::new(grants))
}
