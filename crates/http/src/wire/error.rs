//! The one error shape.

use axum::http::StatusCode;
use cedarkeep_model as model;
use cedarkeep_service::Error;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{frame::RequestFrame, wire::kinds};

/// What every refused request is answered with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    /// What went wrong, for programs.
    #[schema(example = "not_found")]
    code: &'static str,
    /// What is wrong and what would be right, for people.
    message: &'a str,
    /// The HTTP status.
    status: u16,
    /// The id of the request, also in `X-Request-ID` and in the server's log.
    request_id: &'a str,
    /// The path of the request.
    path: &'a str,
    /// When the request came in.
    #[schema(value_type = kinds::Timestamp)]
    timestamp: model::Timestamp,
    /// The machine form of what `message` and `notices` say.
    #[schema(value_type = Object)]
    details: &'a Map<String, Value>,
    /// What Cedar found, one line each with policy, line and column.
    notices: &'a [String],
}

impl<'a> ErrorBody<'a> {
    /// The body for an error within the frame of its request.
    pub(crate) fn new(error: &'a Error, status: StatusCode, frame: &'a RequestFrame) -> Self {
        Self {
            code: error.code().as_str(),
            message: error.message(),
            status: status.as_u16(),
            request_id: &frame.request_id,
            path: &frame.path,
            timestamp: frame.at,
            details: error.details(),
            notices: error.notices(),
        }
    }
}
