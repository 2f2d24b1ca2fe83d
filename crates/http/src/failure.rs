//! A refused request: from an error of the service to the one error shape of the API.

use std::{error::Error as _, sync::Arc};

use axum::{
    Extension,
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cedarkeep_service::{Code, Error};

use crate::{
    frame::RequestFrame,
    status::{authzen_status, status},
    wire::ErrorBody,
};

/// Tells the published clients, which retry 408, 409, 429 and 5xx by themselves, that another try cannot help.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Why a request was not answered as asked. As a response it carries only itself: the frame around all routes, which
/// knows the request's id and path, writes the body.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Error,
    status: StatusCode,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = status(error.code());
        Self { error, status }
    }
}

impl Failure {
    /// A failure with a code and its message.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Error::new(code, message).into()
    }

    /// What is said of everything that is not there, whatever the reason.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "nothing is found at this path")
    }

    /// The path is known, the method is not.
    pub(crate) fn method_not_allowed() -> Self {
        let error =
            Error::new(Code::NotFound, "this path does not answer this method; the Allow header lists those it does");
        Self { error, status: StatusCode::METHOD_NOT_ALLOWED }
    }

    /// The body did not come in time.
    pub(crate) fn body_timeout() -> Self {
        let error = Error::new(Code::BadRequest, "the request body did not arrive in time");
        Self { error, status: StatusCode::REQUEST_TIMEOUT }
    }

    /// The answer took too long; a write under way may still succeed.
    pub(crate) fn deadline() -> Self {
        let message = "the answer took too long; a change that is under way is finished all the same: ask again, and with the \
             same Idempotency-Key you are told what came of it";
        Self::new(Code::DeadlineExceeded, message)
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(Code::Internal, "the server failed to answer; the request id finds the cause in its log")
    }

    /// Writes the failure into a response whose status it already has, keeping headers such as `Allow`.
    pub(crate) fn render(&self, frame: &RequestFrame, response: Response) -> Response {
        self.log_cause();
        let (mut parts, _) = response.into_parts();
        if frame.authzen {
            parts.status = authzen_status(self.status);
        }
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        parts.headers.remove(header::CONTENT_LENGTH);
        let retryable = self.error.code().retryable();
        let retried_by_clients = self.status.is_server_error()
            || [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS].contains(&self.status);
        if retried_by_clients && !retryable {
            parts.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        let after = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        if after.contains(&self.status) && retryable {
            parts.headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"cedarkeep\""));
        }
        if self.status == StatusCode::REQUEST_TIMEOUT {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let bytes = if frame.authzen {
            serde_json::to_vec(self.error.message())
        } else {
            serde_json::to_vec(&ErrorBody::new(&self.error, self.status, frame))
        };
        let bytes = bytes.unwrap_or_default();
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Causes go to the log, once, and never to the client.
    fn log_cause(&self) {
        let mut causes = Vec::new();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let (code, cause) = (self.error.code().as_str(), causes.join(": "));
        if self.status.is_server_error() {
            tracing::error!(code, cause, message = self.error.message(), "request failed");
        } else if !cause.is_empty() {
            tracing::debug!(code, cause, "request refused");
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Extension(Arc::new(self))).into_response()
    }
}
