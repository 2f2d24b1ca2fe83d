//! Attestations: the signed envelopes of a policy set version.

use axum::{extract::State, http::StatusCode};
use cedarkeep_model::Digest;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    caller::Caller,
    failure::Failure,
    path::{Path, SetVersionPath},
    wire::{AttestationEnvelope, List},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(newest)).routes(routes!(all))
}

/// Get the newest attestation of a policy set version
///
/// A JWS in flattened JSON serialization (RFC 7515); the zone's JWKS verifies it.
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}/attestation",
    operation_id = "getAttestation", tag = "Attestations", params(SetVersionPath),
    responses((
        status = 200, description = "The envelope", body = AttestationEnvelope, content_type = "application/jose+json",
    )),
)]
async fn newest(
    State(app): State<App>,
    Path(SetVersionPath { zone_id, policy_set_id, version_id }): Path<SetVersionPath>,
    Caller(call): Caller,
) -> Answer {
    let envelope = app.service.attestation(&call, zone_id, policy_set_id, version_id).await?;
    let bytes = serde_json::to_vec(&envelope).map_err(|_| Failure::internal())?;
    let etag = format!("\"{}\"", Digest::of(&bytes));
    answer::tagged(answer::typed(StatusCode::OK, "application/jose+json", bytes), &etag, "private, no-cache")
}

/// List all attestations of a policy set version, oldest first
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}/attestations",
    operation_id = "listAttestations", tag = "Attestations", params(SetVersionPath),
    responses((status = 200, description = "All envelopes", body = List<AttestationEnvelope>)),
)]
async fn all(
    State(app): State<App>,
    Path(SetVersionPath { zone_id, policy_set_id, version_id }): Path<SetVersionPath>,
    Caller(call): Caller,
) -> Answer {
    let envelopes = app.service.attestations(&call, zone_id, policy_set_id, version_id).await?;
    answer::json(StatusCode::OK, &List::whole(envelopes))
}
