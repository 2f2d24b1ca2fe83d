//! The zone's signing keys: rotation and revocation.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, SigningKeyPath, ZonePath},
    wire::{KeyRotation, SigningKey, SigningKeyList},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, rotate)).routes(routes!(revoke))
}

/// List the signing keys, with how far signing again is
///
/// After a rotation every living policy set version is signed again with the new key, in the background.
#[utoipa::path(
    get, path = "/zones/{zone_id}/signing-keys", operation_id = "listSigningKeys", tag = "Keys", params(ZonePath),
    responses((status = 200, description = "All keys that the zone ever had, oldest first", body = SigningKeyList)),
)]
async fn list(State(app): State<App>, Path(ZonePath { zone_id }): Path<ZonePath>, Caller(call): Caller) -> Answer {
    let keys = app.service.signing_keys(&call, zone_id).await?;
    answer::json(StatusCode::OK, &SigningKeyList::from(keys))
}

/// Rotate: make a key that will sign in place of the present one
///
/// The new key stands in the JWK set at once and signs later. The present one stays in the set, since attestations name
/// it. One key waits at a time.
#[utoipa::path(
    post, path = "/zones/{zone_id}/signing-keys", operation_id = "rotateSigningKey", tag = "Keys", params(ZonePath),
    request_body = KeyRotation, responses((status = 201, description = "The new key", body = SigningKey)),
)]
async fn rotate(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    submitted: Submitted<KeyRotation>,
) -> Answer {
    let key = app.service.rotate_key(&submitted.call, zone_id, submitted.body.publish_ahead_seconds).await?;
    answer::object(StatusCode::CREATED, &key.etag.clone(), &SigningKey::from(key))
}

/// Revoke a key
///
/// If it signs, another key signs from this moment on, unannounced. Every policy set version whose newest attestation is
/// by it is recomputed, compared with the record of its publication and signed again, archived ones too; then the key
/// leaves the JWK set. What is not what was published is not signed again, and is good no longer. A key that waits to
/// sign leaves at once.
#[utoipa::path(
    delete, path = "/zones/{zone_id}/signing-keys/{kid}", operation_id = "revokeSigningKey", tag = "Keys",
    params(SigningKeyPath), responses((status = 200, description = "The key", body = SigningKey)),
)]
async fn revoke(
    State(app): State<App>,
    Path(SigningKeyPath { zone_id, kid }): Path<SigningKeyPath>,
    Caller(call): Caller,
) -> Answer {
    let key = app.service.revoke_key(&call, zone_id, &kid).await?;
    answer::object(StatusCode::OK, &key.etag.clone(), &SigningKey::from(key))
}
