//! Who is calling: the administrator, a service account, or a user of a zone. Of every token only a hash is kept.

use cedarkeep_model::Digest;
use cedarkeep_store::Read;
use subtle::ConstantTimeEq;

use crate::{Code, Error, Principal, Service};

/// Under which name the hash of the administrator's token is kept.
const ADMIN_HASH: &str = "admin_token_sha256";
/// The fewest characters that an administrator's token may have: it is hashed once, not slowly, so it must be one that
/// nobody guesses.
const SHORTEST_TOKEN: usize = 32;

/// Why a text cannot be the administrator's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an administrator token has at least {SHORTEST_TOKEN} characters, all of them visible ASCII")]
pub struct InvalidToken;

impl Service {
    /// Whether an administrator's token was ever set.
    #[must_use]
    pub fn has_admin_token(&self) -> bool {
        self.0.admin_hash.load().is_some()
    }

    /// Makes this the administrator's token, in place of an earlier one. Only its hash is kept.
    ///
    /// # Errors
    /// When the token is too short or not visible ASCII (`bad_request`), or the store is not available.
    pub async fn set_admin_token(&self, token: &str) -> Result<(), Error> {
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(Code::BadRequest, InvalidToken.to_string()));
        }
        let hash = Digest::of(token.as_bytes());
        let _held = self.0.bootstrap.lock().await;
        // Setting what is set already changes nothing, which is possible on a store that is read-only too.
        if admin_hash(&mut *self.read().await?).await? == Some(hash) {
            self.0.admin_hash.store(Some(std::sync::Arc::new(hash)));
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        tx.put_meta(ADMIN_HASH, hash.bytes()).await?;
        tx.commit().await?;
        self.0.admin_hash.store(Some(std::sync::Arc::new(hash)));
        Ok(())
    }

    /// Who presents this bearer token. Comparing it with the administrator's takes the same time whatever the token.
    ///
    /// # Errors
    /// `unauthenticated`, whatever is wrong with it.
    pub async fn authenticate(&self, bearer: &str) -> Result<Principal, Error> {
        let given = Digest::of(bearer.as_bytes());
        let known = self.0.admin_hash.load();
        let matches = known.as_ref().is_some_and(|known| given.bytes().ct_eq(known.bytes()).into());
        if matches {
            return Ok(Principal::administrator());
        }
        if let Some(account) = self.account_of_key(bearer).await? {
            return Ok(account);
        }
        let user = self.user_of_token(bearer).await?.map(Principal::user);
        user.ok_or_else(|| Error::new(Code::Unauthenticated, "the bearer token is not valid"))
    }
}

pub(crate) async fn admin_hash(store: &mut dyn Read) -> Result<Option<Digest>, Error> {
    let Some(bytes) = store.meta(ADMIN_HASH).await? else { return Ok(None) };
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| Error::new(Code::IntegrityError, "the hash of the administrator's token is damaged"))?;
    Ok(Some(Digest::from_bytes(bytes)))
}
