//! What a verifier needs and anybody may have: the zone's public keys and its metadata.

use axum::{extract::State, http::StatusCode};
use cedarkeep_model::Digest;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    base::Base,
    failure::Failure,
    path::{Path, ZonePath},
    wire::Oauth2Metadata,
};

/// Keys are published for twice this long before they sign, so a cached set always verifies.
const PUBLIC: &str = "public, max-age=300";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(jwks)).routes(routes!(metadata)).routes(routes!(metadata_of_issuer))
}

/// Get the keys that verify the zone's attestations
///
/// A JWK set (RFC 7517); each `kid` is the thumbprint of its key (RFC 7638).
#[utoipa::path(
    get, path = "/zones/{zone_id}/.well-known/jwks.json", operation_id = "getJwks", tag = "Keys", params(ZonePath),
    responses((status = 200, description = "The JWK set", body = Value)), security(()),
)]
async fn jwks(State(app): State<App>, Path(ZonePath { zone_id }): Path<ZonePath>) -> Answer {
    let jwks = app.service.jwks(zone_id).await?;
    let etag = format!("\"{}\"", Digest::of(jwks.as_bytes()));
    answer::tagged(answer::typed(StatusCode::OK, "application/json", jwks), &etag, PUBLIC)
}

/// Get the zone's authorization server metadata (RFC 8414)
#[utoipa::path(
    get, path = "/zones/{zone_id}/.well-known/oauth-authorization-server", operation_id = "getOauthMetadata",
    tag = "Keys", params(ZonePath), security(()),
    responses((status = 200, description = "The metadata", body = Oauth2Metadata)),
)]
async fn metadata(State(app): State<App>, Path(ZonePath { zone_id }): Path<ZonePath>, Base(base): Base) -> Answer {
    // Whether the zone exists is no secret: its keys are public.
    app.service.jwks(zone_id).await.map_err(Failure::from)?;
    answer::json(StatusCode::OK, &Oauth2Metadata::new(&base, zone_id))
}

/// The same at the place where RFC 8414, section 3.1, looks for it
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server/zones/{zone_id}", operation_id = "getOauthMetadataOfIssuer",
    tag = "Keys", params(ZonePath), security(()),
    responses((status = 200, description = "The metadata", body = Oauth2Metadata)),
)]
async fn metadata_of_issuer(app: State<App>, path: Path<ZonePath>, base: Base) -> Answer {
    metadata(app, path, base).await
}
