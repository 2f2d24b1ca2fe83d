//! Answers: single objects with their entity tag, lists, and plain JSON.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use cedarkeep_service::Page;
use serde::Serialize;

use crate::{failure::Failure, wire::List};

/// What every handler gives back.
pub(crate) type Answer = Result<Response, Failure>;

/// JSON with a status.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    Ok(typed(status, "application/json", serde_json::to_vec(body).map_err(|_| Failure::internal())?))
}

/// Bytes of a media type.
pub(crate) fn typed(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A single object with its entity tag; caches may keep it but must ask again before they use it.
pub(crate) fn object<T: Serialize>(status: StatusCode, etag: &str, body: &T) -> Answer {
    tagged(json(status, body)?, etag, "private, no-cache")
}

/// A draft with its entity tag. Its warnings may change while it does not, so no cache may answer with them.
pub(crate) fn draft<T: Serialize>(status: StatusCode, etag: &str, body: &T) -> Answer {
    tagged(json(status, body)?, etag, "no-store")
}

/// Adds an entity tag (RFC 9110, section 8.8.3) and the rule for caches.
pub(crate) fn tagged(mut response: Response, etag: &str, cache: &'static str) -> Answer {
    let etag = HeaderValue::from_str(etag).map_err(|_| Failure::internal())?;
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

/// One page of a list, each item in its wire form.
pub(crate) fn list<M, W: Serialize>(page: Page<M>, wire: impl Fn(M) -> Result<W, Failure>) -> Answer {
    json(StatusCode::OK, &List::new(page, wire)?)
}

/// The status of a POST that may have found the same content published already.
pub(crate) const fn created_or_ok(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { StatusCode::OK }
}
