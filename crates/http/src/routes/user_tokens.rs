//! Tokens bound to users.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, UserTokenPath, ZonePath},
    query::{Expand, Query, Sort, UserTokenParameters},
    wire::{List, NewUserToken, UserToken, UserTokenCreate},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(delete))
}

/// Make a token that is bound to a user
///
/// With it the user fetches and edits the bundle under `/policy/bundle`; it is good for nothing else. The answer shows the
/// token once; only a digest of it is kept, so an `Idempotency-Key` does not count here.
#[utoipa::path(
    post, path = "/zones/{zone_id}/user-tokens", operation_id = "createUserToken", tag = "User tokens",
    params(ZonePath), request_body = UserTokenCreate,
    responses((status = 201, description = "The token", body = NewUserToken)),
)]
async fn create(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    submitted: Submitted<UserTokenCreate>,
) -> Answer {
    let issued = app.service.create_user_token(&submitted.call, zone_id, submitted.body.into()).await?;
    let etag = issued.token.etag();
    // A secret is nothing to keep in a cache.
    answer::tagged(answer::json(StatusCode::CREATED, &NewUserToken::from(issued))?, &etag, "no-store")
}

/// List the tokens that are bound to users, without what is secret of them
#[utoipa::path(
    get, path = "/zones/{zone_id}/user-tokens", operation_id = "listUserTokens", tag = "User tokens",
    params(ZonePath, UserTokenParameters),
    responses((status = 200, description = "A page of tokens, expired ones too", body = List<UserToken>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[Sort::CreatedAt], &[Expand::TotalCount])?;
    let page = app.service.user_tokens(&call, zone_id, listing.page).await?;
    answer::list(page, |token| Ok(UserToken::from(token)))
}

/// Take a token back
#[utoipa::path(
    delete, path = "/zones/{zone_id}/user-tokens/{user_token_id}", operation_id = "deleteUserToken",
    tag = "User tokens", params(UserTokenPath),
    responses((status = 200, description = "The token that is no longer good", body = UserToken)),
)]
async fn delete(
    State(app): State<App>,
    Path(UserTokenPath { zone_id, user_token_id }): Path<UserTokenPath>,
    Caller(call): Caller,
) -> Answer {
    let token = app.service.delete_user_token(&call, zone_id, user_token_id).await?;
    answer::object(StatusCode::OK, &token.etag(), &UserToken::from(token))
}
