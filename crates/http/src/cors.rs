//! Which pages of which origins may call from within a browser. None, unless the operator names them.

use std::{str::FromStr, time::Duration};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
};
use serde::Deserialize;
use tower_http::cors::CorsLayer;

use crate::{app::App, config::BaseUrl};

/// How long a browser may remember what it was told.
const REMEMBERED: Duration = Duration::from_mins(10);

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What a page may send. Credentials stand in a header that it sets itself: no cookie is ever looked at, so browsers are
/// not told to send any.
const SENT: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-api-version"),
    HeaderName::from_static("x-client-request-id"),
    HeaderName::from_static("x-request-id"),
];

/// What a page may read of an answer beside its body.
const READ: [HeaderName; 5] = [
    header::ETAG,
    header::RETRY_AFTER,
    HeaderName::from_static("x-client-request-id"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-should-retry"),
];

/// The origin of pages (RFC 6454): scheme, host and, unless it is the scheme's own, port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(HeaderValue);

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is http:// or https://, a host in lower case, and perhaps a port: https://console.example.com")]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url: BaseUrl = text.parse().map_err(|_| InvalidOrigin)?;
        let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
        let exact = url.to_string() == text && !after_scheme.contains('/') && text == text.to_ascii_lowercase();
        let header = HeaderValue::from_str(text).ok().filter(|_| exact);
        header.map(Self).ok_or(InvalidOrigin)
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidOrigin;

    fn try_from(text: String) -> Result<Self, InvalidOrigin> {
        text.parse()
    }
}

/// Lets pages of these origins call; without any, no answer says anything about it, and browsers refuse all.
pub(crate) fn allow(routes: Router<App>, origins: &[Origin]) -> Router<App> {
    if origins.is_empty() {
        return routes;
    }
    let origins: Vec<_> = origins.iter().map(|origin| origin.0.clone()).collect();
    let allowed = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(METHODS)
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED);
    routes.layer(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path_and_stands_as_a_browser_sends_it() {
        for text in ["https://console.example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(text.parse::<Origin>().is_ok(), "{text}");
        }
        for text in ["*", "null", "", "example.com", "https://a.example/", "https://a.example/x", "https://A.example"] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }
}
