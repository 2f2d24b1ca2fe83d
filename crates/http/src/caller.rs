//! The call that a request makes: who, under which condition, under which idempotency key.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, Method, header, request::Parts},
};
use cedarkeep_model::Digest;
use cedarkeep_service::{Call, Code, Idempotency, Principal};

use crate::{app::App, failure::Failure};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The call of a request without a body.
pub(crate) struct Caller(pub(crate) Call);

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let principal = parts.extensions.get::<Principal>().cloned().ok_or_else(Failure::internal)?;
        Ok(Self(Call { principal, idempotency: None, if_match: if_match(parts)? }))
    }
}

/// The raw `If-Match` of a request that changes an object in place (RFC 9110, section 13.1.1), its lines joined.
fn if_match(parts: &Parts) -> Result<Option<String>, Failure> {
    if ![Method::PATCH, Method::PUT, Method::DELETE].contains(&parts.method) {
        return Ok(None);
    }
    let lines = parts.headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str());
    let lines: Vec<_> = lines
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::new(Code::BadRequest, "If-Match must be visible ASCII"))?;
    Ok(if lines.is_empty() { None } else { Some(lines.join(", ")) })
}

/// The `Idempotency-Key` of a POST, bound to its concrete path and the bytes of its body.
pub(crate) fn idempotency(parts: &Parts, body: &[u8]) -> Result<Option<Idempotency>, Failure> {
    if parts.method != Method::POST {
        return Ok(None);
    }
    let Some(key) = idempotency_key(&parts.headers)? else { return Ok(None) };
    let route = format!("POST {}", parts.uri.path());
    Ok(Some(Idempotency { route, key, body_sha: Digest::of(body) }))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key =
        value.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic()));
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Failure::new(
            Code::BadRequest,
            "Idempotency-Key must be one value of 1 to 255 visible ASCII characters",
        )),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(method: Method, name: &HeaderName, values: &[&str]) -> Parts {
        let mut request = Request::builder().method(method).uri("/zones/z/policies?format=json");
        for value in values {
            request = request.header(name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_condition_counts_where_an_object_is_changed() {
        let parts = |method| parts(method, &header::IF_MATCH, &["\"1\"", "W/\"2\""]);
        assert_eq!(if_match(&parts(Method::PATCH)).unwrap().as_deref(), Some("\"1\", W/\"2\""));
        assert_eq!(if_match(&parts(Method::POST)).unwrap(), None);
    }

    #[test]
    fn a_key_is_bound_to_path_and_body() {
        let found = idempotency(&parts(Method::POST, &IDEMPOTENCY_KEY, &["k-1"]), b"{}").unwrap().unwrap();
        assert_eq!((found.route.as_str(), found.key.as_str()), ("POST /zones/z/policies", "k-1"));
        assert_eq!(found.body_sha, Digest::of(b"{}"));
        assert!(idempotency(&parts(Method::PATCH, &IDEMPOTENCY_KEY, &["k-1"]), b"{}").unwrap().is_none());
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let long = "a".repeat(256);
        for values in [&[""][..], &["a b"], &[long.as_str()], &["a", "a"]] {
            assert!(idempotency(&parts(Method::POST, &IDEMPOTENCY_KEY, values), b"").is_err(), "{values:?}");
        }
    }
}
