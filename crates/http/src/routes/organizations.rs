//! Organizations, and what happened in them.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::{Call, Target};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    failure::Failure,
    path::{OrganizationPath, Path},
    permissions,
    query::{AccountParameter, AccountParameters, Expand, Query, Sort, UserTokenParameters},
    wire::{List, Organization, OrganizationCreate, OrganizationEvent, OrganizationUpdate, Paged, Permissions},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(read, update)).routes(routes!(events))
}

/// What the caller may do with the target, when asked.
pub(super) async fn permissions_of(
    app: &App,
    call: &Call,
    target: Target,
    expand: &[Expand],
) -> Result<Option<Permissions>, Failure> {
    if !expand.contains(&Expand::Permissions) {
        return Ok(None);
    }
    Ok(Some(permissions::of(&app.service, &call.principal, target).await?))
}

/// Make an organization
#[utoipa::path(
    post, path = "/organizations", operation_id = "createOrganization", tag = "Organizations",
    request_body = OrganizationCreate,
    responses((status = 201, description = "The new organization", body = Organization)),
)]
async fn create(State(app): State<App>, submitted: Submitted<OrganizationCreate>) -> Answer {
    let organization = app.service.create_organization(&submitted.call, submitted.body.name).await?;
    answer::object(StatusCode::CREATED, &organization.etag(), &Organization::new(organization, None))
}

/// List the organizations that the caller reaches
#[utoipa::path(
    get, path = "/organizations", operation_id = "listOrganizations", tag = "Organizations",
    params(AccountParameters),
    responses((status = 200, description = "A page of organizations", body = Paged<Organization>)),
)]
async fn list(State(app): State<App>, Caller(call): Caller, query: Query) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount, Expand::Permissions])?;
    let page = app.service.organizations(&call, listing.page).await?;
    let permissions = permissions_of(&app, &call, Target::Server, &listing.expand).await?;
    answer::json(StatusCode::OK, &Paged::new(page, permissions, |found| Organization::new(found, None))?)
}

/// Get an organization
#[utoipa::path(
    get, path = "/organizations/{organization_id}", operation_id = "getOrganization", tag = "Organizations",
    params(OrganizationPath, AccountParameter),
    responses((status = 200, description = "The organization", body = Organization)),
)]
async fn read(
    State(app): State<App>,
    Path(OrganizationPath { organization_id }): Path<OrganizationPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let expand = query.expand(&[Expand::Permissions, Expand::TotalCount])?;
    let organization = app.service.organization(&call, organization_id).await?;
    let permissions = permissions_of(&app, &call, Target::Organization(organization_id), &expand).await?;
    answer::object(StatusCode::OK, &organization.etag(), &Organization::new(organization, permissions))
}

/// Change an organization's name
#[utoipa::path(
    patch, path = "/organizations/{organization_id}", operation_id = "updateOrganization", tag = "Organizations",
    params(OrganizationPath), request_body = OrganizationUpdate,
    responses((status = 200, description = "The changed organization", body = Organization)),
)]
async fn update(
    State(app): State<App>,
    Path(OrganizationPath { organization_id }): Path<OrganizationPath>,
    submitted: Submitted<OrganizationUpdate>,
) -> Answer {
    let (call, name) = (&submitted.call, submitted.body.name);
    let organization = app.service.update_organization(call, organization_id, name).await?;
    answer::object(StatusCode::OK, &organization.etag(), &Organization::new(organization, None))
}

/// List what happened in an organization
///
/// Every change of its service accounts, their credentials and their roles: numbered without gaps.
#[utoipa::path(
    get, path = "/organizations/{organization_id}/events", operation_id = "listOrganizationEvents",
    tag = "Organizations", params(OrganizationPath, UserTokenParameters),
    responses((status = 200, description = "A page of events", body = List<OrganizationEvent>)),
)]
async fn events(
    State(app): State<App>,
    Path(OrganizationPath { organization_id }): Path<OrganizationPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount])?;
    let page = app.service.organization_events(&call, organization_id, listing.page).await?;
    answer::list(page, |event| Ok(OrganizationEvent::from(event)))
}
