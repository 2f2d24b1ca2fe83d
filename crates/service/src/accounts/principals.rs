//! Service accounts that have proved themselves, kept for a moment: decisions are asked for far more often than accounts
//! change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cedarkeep_model::{Credential, CredentialId, CredentialKind, Digest, Timestamp};
use moka::sync::Cache;

use super::credentials::credential_of_key;
use crate::{Account, Code, Error, Principal, Service};

/// For how long a caller counts as looked up: what another instance takes back is no longer good after this.
const FRESH: Duration = Duration::from_secs(1);
/// For how long a caller is remembered whom the store, while it cannot be reached, is not asked about.
const REMEMBERED: Duration = Duration::from_mins(10);
/// How many are remembered.
const MOST_PRINCIPALS: u64 = 10_000;
/// How old the note of a credential's last use may be before it is written anew, in seconds.
const NOTE_SECONDS: i64 = 5 * 60;

#[derive(Clone)]
struct Known {
    principal: Principal,
    expires_at: Option<Timestamp>,
    looked_up: Instant,
}

/// What proves a caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Proof {
    /// The SHA-256 of an API key.
    ApiKey(Digest),
    /// An access token that was found to be ours, for this credential.
    AccessToken(CredentialId),
}

pub(crate) struct Principals {
    known: Cache<Proof, Known>,
    /// Counts how often callers may have become others: what was looked up before is not kept after.
    changes: AtomicU64,
}

impl Default for Principals {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(MOST_PRINCIPALS).time_to_idle(REMEMBERED).build();
        Self { known, changes: AtomicU64::new(0) }
    }
}

impl Principals {
    /// Callers may be others than they were.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
    }

    /// Keeps what was looked up when so many changes had been made, unless there was another since.
    fn keep(&self, proof: Proof, known: Known, changes: u64) {
        self.known.insert(proof, known);
        if self.changes.load(Ordering::SeqCst) != changes {
            self.known.invalidate(&proof);
        }
    }
}

impl Service {
    /// The secret that access tokens of this installation are signed with.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn access_token_secret(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        Ok(cedarkeep_attest::access_token_secret(&self.0.master)?)
    }

    /// The service account whose API key this is, while it is good.
    pub(crate) async fn account_of_key(&self, bearer: &str) -> Result<Option<Principal>, Error> {
        let Some(id) = credential_of_key(bearer) else { return Ok(None) };
        let proof = Proof::ApiKey(Digest::of(bearer.as_bytes()));
        self.proved(proof, id, Some(bearer)).await
    }

    /// The service account that an access token was given to, which is good as long as its credential is. Whether the
    /// token itself is ours and still good is for the caller to find out first.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub async fn account_of_token(&self, credential: CredentialId) -> Result<Principal, Error> {
        let known = self.proved(Proof::AccessToken(credential), credential, None).await?;
        known.ok_or_else(|| Error::new(Code::Unauthenticated, "the access token is no longer valid"))
    }

    async fn proved(&self, proof: Proof, id: CredentialId, api_key: Option<&str>) -> Result<Option<Principal>, Error> {
        let principals = &self.0.principals;
        let known = principals.known.get(&proof);
        let known = known.filter(|known| known.expires_at.is_none_or(|expires| self.now() < expires));
        if let Some(known) = &known
            && known.looked_up.elapsed() < FRESH
        {
            return Ok(Some(known.principal.clone()));
        }
        let (looked_up, changes) = (Instant::now(), principals.changes.load(Ordering::SeqCst));
        let found = match self.credential_behind(id, api_key).await {
            Ok(Some(credential)) => self.account(&credential).await.map(|principal| Some((credential, principal))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match found {
            Ok(Some((credential, principal))) => {
                let known = Known { principal: principal.clone(), expires_at: credential.expires_at, looked_up };
                principals.keep(proof, known, changes);
                self.note_use(&credential);
                Ok(Some(principal))
            }
            Ok(None) => {
                principals.known.invalidate(&proof);
                Ok(None)
            }
            // While the store cannot be reached nothing can be taken back either, and decisions go on.
            Err(error) => match known.filter(|known| known.looked_up.elapsed() < REMEMBERED) {
                Some(known) if error.code() == Code::Unavailable => Ok(Some(known.principal)),
                _ => Err(error),
            },
        }
    }

    /// The credential that an API key is of, or that an access token was given for, while it is good.
    async fn credential_behind(&self, id: CredentialId, api_key: Option<&str>) -> Result<Option<Credential>, Error> {
        if let Some(key) = api_key {
            return self.presented(id, key, CredentialKind::ApiKey).await;
        }
        let known = self.read().await?.presented_credential(id).await?.map(|(credential, _)| credential);
        Ok(known.filter(|known| known.kind == CredentialKind::ClientSecret && known.is_good(self.now())))
    }

    async fn account(&self, credential: &Credential) -> Result<Principal, Error> {
        let mut store = self.read().await?;
        let (organization, id) = (credential.organization_id, credential.service_account_id);
        let account = store.service_account(organization, id).await?;
        let owner = account.ok_or_else(|| Error::not_found("service account"))?.owner;
        let grants = store.role_grants(organization, id).await?;
        Ok(Principal::service_account(Arc::new(Account { id, organization, owner, credential: credential.id, grants })))
    }

    /// Writes down that a credential is used, now and then, without anybody waiting for it.
    fn note_use(&self, credential: &Credential) {
        let (id, now) = (credential.id, self.now());
        if credential.last_used_at.is_some_and(|noted| now < noted.plus_seconds(NOTE_SECONDS)) {
            return;
        }
        let service = self.clone();
        tokio::spawn(async move {
            let noted = async {
                let mut tx = service.0.store.write().await?;
                tx.use_credential(id, now).await?;
                tx.commit().await
            };
            if let Err(error) = noted.await {
                tracing::debug!(%error, "the use of a credential was not noted");
            }
        });
    }
}
