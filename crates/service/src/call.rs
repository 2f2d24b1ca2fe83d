//! Who calls, and under which conditions.

use cedarkeep_model::Digest;
use serde_json::json;

use crate::{Code, Error};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The id under which the caller stands in `created_by`, in events and in statements.
    pub id: String,
}

/// A request that may come again with the same meaning.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// Method and concrete path.
    pub route: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the body.
    pub body_sha: Digest,
}

/// What comes with every operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub principal: Principal,
    /// Set when the request carries an idempotency key.
    pub idempotency: Option<Idempotency>,
    /// The `If-Match` header (RFC 9110, section 13.1.1) as it came.
    pub if_match: Option<String>,
}

impl Call {
    /// A call without conditions.
    #[must_use]
    pub fn by(principal: Principal) -> Self {
        Self { principal, idempotency: None, if_match: None }
    }

    /// Whether the object still is what the caller saw.
    pub(crate) fn check(&self, etag: &str) -> Result<(), Error> {
        let Some(expected) = &self.if_match else { return Ok(()) };
        let matches = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
        if expected.split(',').any(|tag| matches(tag.trim())) {
            return Ok(());
        }
        let message = "the object has changed since you read it; fetch it again and repeat with its new ETag";
        Err(Error::new(Code::PreconditionFailed, message).with_detail("etag", etag))
    }

    /// Under what an answer to this call is kept: principal, method, route and key.
    pub(crate) fn scope(&self) -> Result<Option<(Digest, Digest)>, Error> {
        let Some(idempotency) = &self.idempotency else { return Ok(None) };
        let scope = json!([self.principal.id, idempotency.route, idempotency.key]);
        Ok(Some((cedarkeep_model::canonical_digest(&scope)?, idempotency.body_sha)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_matched_by_itself_by_a_list_and_by_a_star() {
        let call =
            |if_match: &str| Call { if_match: Some(if_match.to_owned()), ..Call::by(Principal { id: "a".to_owned() }) };
        for good in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
            assert!(call(good).check("\"3\"").is_ok(), "{good}");
        }
        for stale in ["\"2\"", "3", "", "\"33\""] {
            assert_eq!(call(stale).check("\"3\"").unwrap_err().code(), Code::PreconditionFailed, "{stale}");
        }
    }
}
