//! Under which URL the caller reached this server.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use cedarkeep_service::Code;

use crate::{app::App, config::BaseUrl, failure::Failure};

/// The base URL of the answers: the configured one, else what the `Host` header says.
pub(crate) struct Base(pub(crate) BaseUrl);

impl FromRequestParts<App> for Base {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(configured) = &app.config.public_base_url {
            return Ok(Self(configured.clone()));
        }
        let host = match parts.headers.get(header::HOST) {
            Some(host) => host.to_str().unwrap_or_default(),
            None => "localhost",
        };
        let base = BaseUrl::from_host(host, app.config.tls);
        base.map(Self).map_err(|_| Failure::new(Code::BadRequest, "the Host header must be a host and perhaps a port"))
    }
}
