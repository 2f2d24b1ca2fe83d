//! The way to the receiver: the HTTP client that is there anyway. It blocks, on threads that do nothing else.

use std::{env, time::Duration};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;

/// The most that is read of an answer, which nobody looks at but in an error.
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// How long an export may take when the environment does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Client(Agent);

impl Client {
    /// For this kind of telling.
    pub(super) fn new(signal: &str) -> Self {
        let said = |name: String| env::var(name).ok()?.parse().ok().map(Duration::from_millis);
        let timeout = said(format!("OTEL_EXPORTER_OTLP_{signal}_TIMEOUT"))
            .or_else(|| said("OTEL_EXPORTER_OTLP_TIMEOUT".to_owned()))
            .unwrap_or(TIMEOUT);
        // A redirect would carry the headers of the environment, secrets among them, somewhere else.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .user_agent(concat!("cedarkeep/", env!("CARGO_PKG_VERSION")));
        Self(config.build().new_agent())
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(head, body.to_vec()))?;
        let (head, mut body) = answer.into_parts();
        let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}
