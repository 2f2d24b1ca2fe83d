//! Tokens bound to a user of a zone, made by the administrator. Of a token only its SHA-256 is kept, and only the answer
//! to its making shows it.

use std::fmt;

use cedarkeep_attest::random_secret;
use cedarkeep_cedar::Uid;
use cedarkeep_model::{Digest, EventKind, UserToken, UserTokenId, ZoneId};
use serde_json::{Value, json};

use crate::{Call, Code, Error, Page, PageRequest, Service, User, page::Cursors, transact::Tx};

/// How long a token is good when nothing is said, in seconds: 30 days.
pub const DEFAULT_TOKEN_SECONDS: u32 = 30 * 24 * 60 * 60;
/// The longest that a token may be good, in seconds: 365 days.
pub const MAX_TOKEN_SECONDS: u32 = 365 * 24 * 60 * 60;

/// What a token begins with, so that one that leaks is recognized.
const PREFIX: &str = "ckut_";
/// The length of an id as text.
const ID_CHARS: usize = 36;
/// The most characters of a user's uid.
const MAX_USER: usize = 512;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewUserToken {
    /// The user: a Cedar entity uid such as `User::"alice"`.
    pub user: String,
    /// How long it is good; [`DEFAULT_TOKEN_SECONDS`] when absent.
    pub expires_in_seconds: Option<u64>,
}

/// A token that has just been made.
pub struct IssuedToken {
    /// What is known of it.
    pub token: UserToken,
    /// The token itself, which is not kept: nobody can be shown it again.
    pub secret: String,
}

impl fmt::Debug for IssuedToken {
    /// Never prints the token itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a token. Its answer bears a secret and is never kept, so an idempotency key does not count here.
    ///
    /// # Errors
    /// `not_found`; `bad_request` for a user that is no entity uid, or a time that is not allowed.
    pub async fn create_user_token(&self, call: &Call, zone: ZoneId, new: NewUserToken) -> Result<IssuedToken, Error> {
        let user = user_uid(new.user)?;
        let seconds = lifetime(new.expires_in_seconds)?;
        let secret = format!("{PREFIX}{zone}_{}", *random_secret()?);
        let sha256 = Digest::of(secret.as_bytes());
        let call = Call { idempotency: None, ..call.clone() };
        let token = self.transact(&call, move |tx| Box::pin(create(tx, zone, user, seconds, sha256))).await?;
        Ok(IssuedToken { token, secret })
    }

    /// Tokens by creation, expired ones too.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn user_tokens(&self, _call: &Call, zone: ZoneId, page: PageRequest) -> Result<Page<UserToken>, Error> {
        let (mut store, _) = self.living(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/user-tokens"), &());
        let window = cursors.window(&page)?;
        let slice = store.user_tokens(zone, &window).await?;
        let total = if page.total_count { Some(store.count_user_tokens(zone).await?) } else { None };
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Takes a token back: it is no longer good once this has answered.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn delete_user_token(&self, call: &Call, zone: ZoneId, id: UserTokenId) -> Result<UserToken, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| {
            Box::pin(async move {
                tx.zone(zone).await?;
                let token = tx.store.user_token(zone, id).await?.ok_or_else(|| Error::not_found("user token"))?;
                condition.check(&token.etag())?;
                tx.store.delete_user_token(zone, id).await?;
                let body = json!({"user_token_id": id, "user": token.user});
                tx.event(zone, EventKind::UserTokenDeleted, body).await?;
                Ok(token)
            })
        })
        .await
    }

    /// The user whom this bearer token is bound to, while it is good.
    pub(crate) async fn user_of_token(&self, bearer: &str) -> Result<Option<User>, Error> {
        let Some(zone) = zone_of(bearer) else { return Ok(None) };
        let known = self.read().await?.user_token_by_sha256(zone, Digest::of(bearer.as_bytes())).await?;
        let good = known.filter(|token| self.now() < token.expires_at);
        Ok(good.map(|token| User { zone, uid: token.user, token: token.id }))
    }
}

/// The zone that a token of ours names.
fn zone_of(bearer: &str) -> Option<ZoneId> {
    let (zone, secret) = bearer.strip_prefix(PREFIX)?.split_at_checked(ID_CHARS)?;
    secret.strip_prefix('_')?;
    zone.parse().ok()
}

/// The user in the one spelling in which slots name users.
fn user_uid(given: String) -> Result<String, Error> {
    if given.chars().count() > MAX_USER {
        return Err(Error::new(Code::BadRequest, format!("user has at most {MAX_USER} characters")));
    }
    let uid = Uid::from_json(&Value::String(given));
    let wrong = |error| Error::new(Code::BadRequest, format!("user: {error}"));
    uid.map(|uid| uid.to_string()).map_err(wrong)
}

fn lifetime(given: Option<u64>) -> Result<i64, Error> {
    let seconds = given.unwrap_or(DEFAULT_TOKEN_SECONDS.into());
    match i64::try_from(seconds) {
        Ok(seconds) if (1..=MAX_TOKEN_SECONDS.into()).contains(&seconds) => Ok(seconds),
        _ => {
            let message = format!("expires_in_seconds is a number from 1 to {MAX_TOKEN_SECONDS}");
            Err(Error::new(Code::BadRequest, message))
        }
    }
}

async fn create(tx: &mut Tx, zone: ZoneId, user: String, seconds: i64, sha256: Digest) -> Result<UserToken, Error> {
    tx.zone(zone).await?;
    let token = UserToken {
        id: UserTokenId::new(tx.service.0.ids.next()),
        zone_id: zone,
        user,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        expires_at: tx.now.plus_seconds(seconds),
    };
    tx.store.insert_user_token(&token, sha256).await?;
    let body = json!({"user_token_id": token.id, "user": token.user, "expires_at": token.expires_at});
    tx.event(zone, EventKind::UserTokenCreated, body).await?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_zone() {
        let zone = "0198c0de-0000-7000-8000-00000000000a";
        assert_eq!(zone_of(&format!("ckut_{zone}_secret")).unwrap().to_string(), zone);
        for other in
            ["", "ckut_", "ckut_x", &format!("ckut_{zone}"), &format!("{zone}_secret"), "ckut_ü€ü€ü€ü€ü€ü€ü€ü€ü€ü€_"]
        {
            assert_eq!(zone_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_lives_for_a_bounded_time() {
        assert_eq!(lifetime(None).unwrap(), i64::from(DEFAULT_TOKEN_SECONDS));
        assert_eq!(lifetime(Some(MAX_TOKEN_SECONDS.into())).unwrap(), i64::from(MAX_TOKEN_SECONDS));
        for wrong in [0, u64::from(MAX_TOKEN_SECONDS) + 1, u64::MAX] {
            assert_eq!(lifetime(Some(wrong)).unwrap_err().code(), Code::BadRequest, "{wrong}");
        }
    }
}
