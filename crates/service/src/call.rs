//! Who calls, and under which conditions.

use cedarkeep_model::{
    CredentialId, Digest, OrganizationId, RoleGrant, SERVICE_ACCOUNT, ServiceAccountId, UserTokenId, ZoneId,
};
use serde_json::json;

use crate::{Code, Error};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The id under which the caller stands in `created_by`, in events and in statements.
    pub id: String,
    /// What kind of caller this is.
    pub kind: PrincipalKind,
}

/// What kind of caller it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalKind {
    /// Whoever holds the administrator's token: everything but what belongs to a user.
    Administrator,
    /// A service account: what its roles permit.
    ServiceAccount(std::sync::Arc<Account>),
    /// A user of a zone: nothing but what belongs to this user.
    User(User),
}

/// A service account that has proved itself, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub id: ServiceAccountId,
    /// Its organization.
    pub organization: OrganizationId,
    /// The person who answers for it.
    pub owner: Option<String>,
    /// The credential by which it came.
    pub credential: CredentialId,
    /// The roles that it holds.
    pub grants: Vec<RoleGrant>,
}

/// A user of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The zone.
    pub zone: ZoneId,
    /// The user's Cedar entity uid, in the one spelling in which slots name users.
    pub uid: String,
    /// The token that was presented.
    pub token: UserTokenId,
}

impl Principal {
    /// The administrator.
    #[must_use]
    pub fn administrator() -> Self {
        Self { id: "administrator".to_owned(), kind: PrincipalKind::Administrator }
    }

    /// A service account.
    #[must_use]
    pub fn service_account(account: std::sync::Arc<Account>) -> Self {
        Self { id: format!("{SERVICE_ACCOUNT}{}", account.id), kind: PrincipalKind::ServiceAccount(account) }
    }

    /// The person whose act it is, where two persons are demanded: a service account's owner.
    pub(crate) fn person(&self) -> &str {
        match &self.kind {
            PrincipalKind::ServiceAccount(account) => account.owner.as_deref().unwrap_or(&self.id),
            PrincipalKind::Administrator | PrincipalKind::User(_) => &self.id,
        }
    }

    /// A user.
    #[must_use]
    pub fn user(user: User) -> Self {
        Self { id: format!("user:{}", user.uid), kind: PrincipalKind::User(user) }
    }
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
    /// The `If-None-Match` header (RFC 9110, section 13.1.2) of a request that writes, as it came.
    pub if_none_match: Option<String>,
}

impl Call {
    /// A call without conditions.
    #[must_use]
    pub fn by(principal: Principal) -> Self {
        Self { principal, idempotency: None, if_match: None, if_none_match: None }
    }

    /// The same call without its conditions, for what follows once they are checked.
    pub(crate) fn unconditional(&self) -> Self {
        Self { if_match: None, if_none_match: None, ..self.clone() }
    }

    /// Whether the object still is what the caller saw.
    pub(crate) fn check(&self, etag: &str) -> Result<(), Error> {
        let Some(expected) = &self.if_match else { return Ok(()) };
        if names(expected, etag) {
            return Ok(());
        }
        let message = "the object has changed since you read it; fetch it again and repeat with its new ETag";
        Err(Error::new(Code::PreconditionFailed, message).with_detail("etag", etag))
    }

    /// Whether an object that may not be there is what the caller wants to write over: with `If-Match` it must be there
    /// and be that one, with `If-None-Match` it must not.
    pub(crate) fn check_replacing(&self, etag: Option<&str>) -> Result<(), Error> {
        let failed = |message: &str| Err(Error::new(Code::PreconditionFailed, message));
        match (etag, &self.if_match, &self.if_none_match) {
            (None, Some(_), _) => failed("there is nothing to replace; repeat without If-Match to make it"),
            (Some(etag), _, Some(unwanted)) if names(unwanted, etag) => {
                failed("there is one already; read it, and repeat with If-Match and its ETag to replace it")
            }
            (Some(etag), ..) => self.check(etag),
            (None, None, _) => Ok(()),
        }
    }

    /// Under what an answer to this call is kept: principal, method, route and key.
    pub(crate) fn scope(&self) -> Result<Option<(Digest, Digest)>, Error> {
        let Some(idempotency) = &self.idempotency else { return Ok(None) };
        let scope = json!([self.principal.id, idempotency.route, idempotency.key]);
        Ok(Some((cedarkeep_model::canonical_digest(&scope)?, idempotency.body_sha)))
    }
}

/// Whether a condition names this entity tag, or any.
fn names(condition: &str, etag: &str) -> bool {
    let matches = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
    condition.split(',').any(|tag| matches(tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_matched_by_itself_by_a_list_and_by_a_star() {
        let call =
            |if_match: &str| Call { if_match: Some(if_match.to_owned()), ..Call::by(Principal::administrator()) };
        for good in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
            assert!(call(good).check("\"3\"").is_ok(), "{good}");
        }
        for stale in ["\"2\"", "3", "", "\"33\""] {
            assert_eq!(call(stale).check("\"3\"").unwrap_err().code(), Code::PreconditionFailed, "{stale}");
        }
    }

    #[test]
    fn what_may_not_be_there_can_be_wanted_and_unwanted() {
        let call = |if_match: Option<&str>, if_none_match: Option<&str>| Call {
            if_match: if_match.map(str::to_owned),
            if_none_match: if_none_match.map(str::to_owned),
            ..Call::by(Principal::administrator())
        };
        let (there, absent) = (Some("\"3\""), None);
        for (if_match, if_none_match, etag, fine) in [
            (None, None, there, true),
            (None, None, absent, true),
            (Some("\"3\""), None, there, true),
            (Some("\"2\""), None, there, false),
            (Some("*"), None, absent, false),
            (None, Some("*"), absent, true),
            (None, Some("*"), there, false),
            (None, Some("\"3\""), there, false),
            (None, Some("\"2\""), there, true),
            (Some("\"2\""), Some("\"1\""), there, false),
        ] {
            let checked = call(if_match, if_none_match).check_replacing(etag);
            assert_eq!(checked.is_ok(), fine, "{if_match:?} {if_none_match:?} {etag:?}");
        }
    }
}
