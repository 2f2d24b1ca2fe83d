//! Access tokens for client credentials (RFC 6749, section 4.4). Errors here have the form of that standard (section 5.2).

use std::collections::HashMap;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cedarkeep_service::Code;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::collect_in_time,
    failure::Failure,
};

/// The most bytes of a request for a token.
const MAX_BYTES: usize = 8 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(give))
}

/// A request for an access token.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials"}))]
#[expect(dead_code, reason = "the form is read pair by pair; this describes it")]
struct TokenRequest {
    /// `client_credentials`.
    grant_type: String,
    /// The client id, unless it comes by HTTP Basic.
    #[schema(required = false)]
    client_id: Option<String>,
    /// The client secret, unless it comes by HTTP Basic.
    #[schema(required = false)]
    client_secret: Option<String>,
}

/// An access token.
#[derive(Serialize, ToSchema)]
struct TokenAnswer {
    /// Present it as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// For how many seconds it is good.
    expires_in: i64,
}

/// Why there is no access token (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
struct TokenError {
    /// The code.
    error: &'static str,
    /// What is wrong, and what would be right.
    error_description: String,
}

/// Get an access token for client credentials
///
/// The credentials come by HTTP Basic or in the form, not both. The token is good for at most 15 minutes, and only as long
/// as its credential is.
#[utoipa::path(
    post, path = "/service-account-token", operation_id = "createServiceAccountToken", tag = "Service accounts",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"), security(()),
    responses(
        (status = 200, description = "The token", body = TokenAnswer),
        (status = 400, description = "The request is not as it should be", body = TokenError),
        (status = 401, description = "The credentials are not valid", body = TokenError),
    ),
)]
async fn give(State(app): State<App>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let bytes = collect_in_time(body, MAX_BYTES, app.config.limits.body_timeout).await?;
    let (id, secret) = match credentials(&parts.headers, &bytes) {
        Ok(credentials) => credentials,
        Err(refusal) => return refused(StatusCode::BAD_REQUEST, &refusal),
    };
    let token = match app.service.access_token(&id, &secret).await {
        Ok(token) => token,
        Err(error) if error.code() == Code::Unauthenticated => {
            let refusal = TokenError { error: "invalid_client", error_description: error.message().to_owned() };
            let mut response = refused(StatusCode::UNAUTHORIZED, &refusal)?;
            let challenge = HeaderValue::from_static("Basic realm=\"cedarkeep\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    let access_token = app.tokens.sign(&token, app.service.new_request_id()).map_err(|_| Failure::internal())?;
    let expires_in = (token.expires_at.micros() - token.issued_at.micros()) / 1_000_000;
    Ok(private(answer::json(StatusCode::OK, &TokenAnswer { access_token, token_type: "Bearer", expires_in })?))
}

fn refused(status: StatusCode, refusal: &TokenError) -> Answer {
    Ok(private(answer::json(status, refusal)?))
}

fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The client id and the secret of a request that is as it should be.
fn credentials(headers: &HeaderMap, body: &[u8]) -> Result<(String, String), TokenError> {
    let invalid = |why: &str| TokenError { error: "invalid_request", error_description: why.to_owned() };
    let mut form = form(headers, body).map_err(invalid)?;
    match form.remove("grant_type").as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let error_description = "grant_type must be client_credentials".to_owned();
            return Err(TokenError { error: "unsupported_grant_type", error_description });
        }
        None => return Err(invalid("grant_type is missing: client_credentials")),
    }
    let in_form = (form.remove("client_id"), form.remove("client_secret"));
    match (headers.get(header::AUTHORIZATION), in_form) {
        (Some(_), (_, Some(_))) => Err(invalid("give the credentials by HTTP Basic or in the form, not both")),
        (Some(value), (named, None)) => {
            let (id, secret) = basic(value).ok_or_else(|| invalid("Authorization must be HTTP Basic (RFC 7617)"))?;
            if named.is_some_and(|named| named != id) {
                return Err(invalid("client_id is not the one of the Authorization header"));
            }
            Ok((id, secret))
        }
        (None, (Some(id), Some(secret))) => Ok((id, secret)),
        (None, _) => Err(invalid("client_id and client_secret are missing: HTTP Basic, or both in the form")),
    }
}

fn form(headers: &HeaderMap, body: &[u8]) -> Result<HashMap<String, String>, &'static str> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err("the body must be sent as Content-Type: application/x-www-form-urlencoded");
    }
    let mut form = HashMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err("a parameter stands in the form twice");
        }
    }
    Ok(form)
}

/// Client id and secret of HTTP Basic; both are percent-encoded within it (RFC 6749, section 2.3.1), which changes nothing
/// of ours.
fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
