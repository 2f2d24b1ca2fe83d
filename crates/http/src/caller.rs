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
        let (if_match, if_none_match) = conditions(parts)?;
        Ok(Self(Call { principal, idempotency: None, if_match, if_none_match }))
    }
}

/// The conditions of a request that changes an object in place, or makes it where it says (RFC 9110, section 13.1).
fn conditions(parts: &Parts) -> Result<(Option<String>, Option<String>), Failure> {
    let when = |methods: &[Method], name| {
        if methods.contains(&parts.method) { condition(parts, &name) } else { Ok(None) }
    };
    let if_match = when(&[Method::PATCH, Method::PUT, Method::DELETE], header::IF_MATCH)?;
    Ok((if_match, when(&[Method::PUT], header::IF_NONE_MATCH)?))
}

/// A condition as it came, its lines joined.
pub(crate) fn condition(parts: &Parts, name: &HeaderName) -> Result<Option<String>, Failure> {
    let lines = parts.headers.get_all(name).iter().map(|value| value.to_str());
    let lines: Vec<_> = lines
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::new(Code::BadRequest, format!("{name} must be visible ASCII")))?;
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
    fn a_condition_counts_where_an_object_is_changed() {
        let asked = |method, name| conditions(&parts(method, name, &["\"1\"", "W/\"2\""])).unwrap();
        let (given, names) = (Some("\"1\", W/\"2\"".to_owned()), [&header::IF_MATCH, &header::IF_NONE_MATCH]);
        assert_eq!(names.map(|name| asked(Method::PUT, name)), [(given.clone(), None), (None, given.clone())]);
        assert_eq!(names.map(|name| asked(Method::PATCH, name)), [(given, None), (None, None)]);
        assert_eq!(names.map(|name| asked(Method::POST, name)), [(None, None), (None, None)]);
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
