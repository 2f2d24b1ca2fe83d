//! What service accounts prove themselves with.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    failure::Failure,
    path::{CredentialPath, Path, ServiceAccountPath},
    query::{AccountParameter, AccountParameters, Expand, Query, Sort},
    wire::{Credential, CredentialCreate, CredentialUpdate, NewCredential, Paged},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update, delete))
}

/// Make a credential
///
/// With a client secret the account gets access tokens at `/service-account-token`; an API key it presents with each
/// request. The answer shows the secret once; only a keyed hash of it is kept, so an `Idempotency-Key` does not count
/// here. An account may have several, so that one can take the place of another.
#[utoipa::path(
    post, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/credentials",
    operation_id = "createCredential", tag = "Service accounts", params(ServiceAccountPath),
    request_body = CredentialCreate,
    responses((status = 201, description = "The credential with its secret", body = NewCredential)),
)]
async fn create(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    submitted: Submitted<CredentialCreate>,
) -> Answer {
    let (call, new) = (&submitted.call, submitted.body.into());
    let issued = app.service.create_credential(call, organization_id, service_account_id, new).await?;
    let etag = issued.credential.etag();
    // A secret is nothing to keep in a cache.
    answer::tagged(answer::json(StatusCode::CREATED, &NewCredential::from(issued))?, &etag, "no-store")
}

/// List credentials, without what is secret of them
#[utoipa::path(
    get, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/credentials",
    operation_id = "listCredentials", tag = "Service accounts", params(ServiceAccountPath, AccountParameters),
    responses((status = 200, description = "A page of credentials, expired ones too", body = Paged<Credential>)),
)]
async fn list(
    State(app): State<App>,
    Path(ServiceAccountPath { organization_id, service_account_id }): Path<ServiceAccountPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::Permissions])?;
    let page = app.service.credentials(&call, organization_id, service_account_id, listing.page).await?;
    answer::json(StatusCode::OK, &Paged::new(page, None, Credential::from)?)
}

/// Get a credential, without what is secret of it
#[utoipa::path(
    get, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/credentials/{credential_id}",
    operation_id = "getCredential", tag = "Service accounts", params(CredentialPath, AccountParameter),
    responses((status = 200, description = "The credential", body = Credential)),
)]
async fn read(
    State(app): State<App>,
    Path(CredentialPath { organization_id, service_account_id, credential_id }): Path<CredentialPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    query.expand(&[Expand::Permissions, Expand::TotalCount])?;
    let credential = app.service.credential(&call, organization_id, service_account_id, credential_id).await?;
    answer::object(StatusCode::OK, &credential.etag(), &Credential::from(credential))
}

/// Change a credential's name or description
#[utoipa::path(
    patch, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/credentials/{credential_id}",
    operation_id = "updateCredential", tag = "Service accounts", params(CredentialPath),
    request_body = CredentialUpdate,
    responses((status = 200, description = "The changed credential", body = Credential)),
)]
async fn update(
    State(app): State<App>,
    Path(CredentialPath { organization_id, service_account_id, credential_id }): Path<CredentialPath>,
    submitted: Submitted<CredentialUpdate>,
) -> Answer {
    let (service, call, patch) = (&app.service, &submitted.call, submitted.body.into());
    let credential = service.update_credential(call, organization_id, service_account_id, credential_id, patch).await?;
    answer::object(StatusCode::OK, &credential.etag(), &Credential::from(credential))
}

/// Take a credential back
///
/// Neither it nor an access token that was given for it is good any more: on this instance at once, on others within a
/// second.
#[utoipa::path(
    delete, path = "/organizations/{organization_id}/service-accounts/{service_account_id}/credentials/{credential_id}",
    operation_id = "deleteCredential", tag = "Service accounts", params(CredentialPath),
    responses((status = 204, description = "It is gone")),
)]
async fn delete(
    State(app): State<App>,
    Path(CredentialPath { organization_id, service_account_id, credential_id }): Path<CredentialPath>,
    Caller(call): Caller,
) -> Result<Response, Failure> {
    app.service.delete_credential(&call, organization_id, service_account_id, credential_id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
