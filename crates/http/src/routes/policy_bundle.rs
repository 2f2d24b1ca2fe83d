//! The calling user's bundle.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cedarkeep_service::UserBundle;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    caller::Caller,
    failure::Failure,
    octets::{Accepted, SubmittedBundle},
    wire::kinds,
};

/// Where users have their bundles.
pub(crate) const PATH: &str = "/policy/bundle";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, save, reset))
}

/// Get the calling user's bundle
///
/// A gzip-compressed tar of the policies that are bound to the user: `manifest.json`, `schema.cedarschema` and
/// `policies/<policy_id>.cedar`. For a user without a bundle it is made from the zone's default policy set. The token
/// must be a user's.
#[utoipa::path(
    get, path = "/policy/bundle", operation_id = "getPolicyBundle", tag = "Policy bundle",
    responses((
        status = 200, description = "The archive",
        content(
            (kinds::Bytes = "application/vnd.keycard.policy-bundle.v1+tar+gzip"),
            (kinds::Bytes = "application/octet-stream"),
        ),
    )),
)]
async fn read(State(app): State<App>, Accepted(media_type): Accepted, Caller(call): Caller) -> Answer {
    given(app.service.user_bundle(&call).await?, media_type)
}

/// Put an edited bundle in the place of the calling user's
///
/// The manifest's `policies` say what the bundle holds from now on: a text that has changed becomes a new version of its
/// policy, an entry with `new_policy` becomes a policy, what is not listed is dropped. It is validated against
/// `manifest.schema.version` and bound to the user in one step, or nothing happens.
#[utoipa::path(
    put, path = "/policy/bundle", operation_id = "putPolicyBundle", tag = "Policy bundle",
    request_body(content(
        (kinds::Bytes = "application/vnd.keycard.policy-bundle.v1+tar+gzip"),
        (kinds::Bytes = "application/octet-stream"),
    )),
    responses((
        status = 200, description = "The bundle as it is now",
        content(
            (kinds::Bytes = "application/vnd.keycard.policy-bundle.v1+tar+gzip"),
            (kinds::Bytes = "application/octet-stream"),
        ),
    )),
)]
async fn save(State(app): State<App>, Accepted(media_type): Accepted, submitted: SubmittedBundle) -> Answer {
    let SubmittedBundle { call, archive } = submitted;
    given(app.service.save_user_bundle(&call, archive).await?, media_type)
}

/// Throw the calling user's bundle away
///
/// Nothing is bound to the user then, until the next `GET` makes the bundle from the default again.
#[utoipa::path(
    delete, path = "/policy/bundle", operation_id = "deletePolicyBundle", tag = "Policy bundle",
    responses((status = 204, description = "There is none, or none any more")),
)]
async fn reset(State(app): State<App>, Caller(call): Caller) -> Result<Response, Failure> {
    app.service.reset_user_bundle(&call).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn given(UserBundle { archive, etag }: UserBundle, media_type: &'static str) -> Answer {
    let mut response = answer::typed(StatusCode::OK, media_type, archive);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Authorization"));
    answer::tagged(response, &etag, "private, no-cache")
}
