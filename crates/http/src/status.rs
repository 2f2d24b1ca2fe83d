//! The one place that knows which status code stands for which error.

use axum::http::StatusCode;
use cedarkeep_service::Code;

/// The status of an error (RFC 9110, section 15). No wildcard arm: a new code does not compile without its status.
pub(crate) const fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest
        | Code::UnsupportedField
        | Code::InvalidCursor
        | Code::InvalidFilter
        | Code::InvalidJson
        | Code::BundleInvalid
        | Code::MissingCedarContent => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::TenantMismatch | Code::PlatformOwned => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::SlotTaken
        | Code::ZoneSlugConflict
        | Code::DeletionProtected
        | Code::PolicyNameConflict
        | Code::PolicySetNameConflict
        | Code::SchemaVersionConflict
        | Code::PolicyArchived
        | Code::PolicySetArchived
        | Code::VersionArchived
        | Code::VersionBound
        | Code::PolicySetBound
        | Code::KeyPending
        | Code::IdempotencyConflict => StatusCode::CONFLICT,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::IdempotencyMismatch
        | Code::InvalidCedar
        | Code::SchemaValidationFailed
        | Code::SchemaVersionMismatch
        | Code::SchemaVersionArchived
        | Code::SchemaVersionNotFound
        | Code::ManifestDuplicatePolicy
        | Code::ManifestEmpty
        | Code::PolicyVersionNotFound
        | Code::ShaMismatch
        | Code::InvalidRequest => StatusCode::UNPROCESSABLE_ENTITY,
        Code::IntegrityError | Code::Unavailable | Code::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The same status on the routes of `AuthZEN`, where every request that cannot be carried out is a bad one.
pub(crate) const fn authzen_status(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let lines: Vec<_> = Code::ALL
            .iter()
            .map(|code| {
                let retry = if code.retryable() { " retry" } else { "" };
                format!("{} {}{retry}", status(*code).as_u16(), code.as_str())
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
