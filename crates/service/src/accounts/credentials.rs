//! What service accounts prove themselves with. A secret is shown once, by the answer to its making; of it only a keyed
//! hash is kept.

use std::fmt;

use cedarkeep_attest::random_secret;
use cedarkeep_model::{
    Credential, CredentialId, CredentialKind, Description, Digest, Name, OrganizationEventKind, OrganizationId,
    ServiceAccountId, Timestamp,
};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::{Call, Code, Error, Page, PageRequest, Service, page::Cursors, transact::Tx};

/// The longest that a credential may be good, in seconds: two years of 365 days.
pub const MAX_CREDENTIAL_SECONDS: u64 = 2 * 365 * 24 * 60 * 60;
/// How long an access token is good, in seconds.
const ACCESS_TOKEN_SECONDS: i64 = 15 * 60;
/// The most credentials of one account.
const MAX_CREDENTIALS: u64 = 20;

/// What a client id, a client secret and an API key begin with, so that one that leaks is recognized.
const CLIENT_ID: &str = "ckci_";
const CLIENT_SECRET: &str = "ckcs_";
pub(super) const API_KEY: &str = "ckak_";
/// The length of an id as text.
const ID_CHARS: usize = 36;

/// A credential to be made.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// How it is presented.
    pub kind: CredentialKind,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// How long it is good, at most [`MAX_CREDENTIAL_SECONDS`]; until it is taken back when absent.
    pub expires_in_seconds: Option<u64>,
}

/// What is to change in a credential; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct CredentialPatch {
    /// The name.
    pub name: Option<Name>,
    /// The description; `Some(None)` clears it.
    pub description: Option<Option<Description>>,
}

/// A credential that has just been made.
pub struct IssuedCredential {
    /// What is known of it.
    pub credential: Credential,
    /// The secret or the API key itself, which is not kept: nobody can be shown it again.
    pub secret: String,
}

impl fmt::Debug for IssuedCredential {
    /// Never prints the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedCredential").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessToken {
    /// Whose it is.
    pub service_account: ServiceAccountId,
    /// For which credential it was given.
    pub credential: CredentialId,
    /// When it was given.
    pub issued_at: Timestamp,
    /// From when it is no longer good.
    pub expires_at: Timestamp,
}

/// The client id of a credential.
pub(crate) fn client_id(id: CredentialId) -> String {
    format!("{CLIENT_ID}{id}")
}

impl IssuedCredential {
    /// The client id that goes with it.
    #[must_use]
    pub fn client_id(&self) -> String {
        client_id(self.credential.id)
    }
}

impl Service {
    /// The client id of a credential.
    #[must_use]
    pub fn client_id(credential: &Credential) -> String {
        client_id(credential.id)
    }

    /// Makes a credential. Its answer bears a secret and is never kept, so an idempotency key does not count here.
    ///
    /// # Errors
    /// `not_found`; `bad_request` for a time that is not allowed, or an account that has as many as it may have.
    pub async fn create_credential(
        &self,
        call: &Call,
        organization: OrganizationId,
        account: ServiceAccountId,
        new: NewCredential,
    ) -> Result<IssuedCredential, Error> {
        let seconds = new.expires_in_seconds.map(lifetime).transpose()?;
        let id = CredentialId::new(self.0.ids.next());
        let random = random_secret()?;
        let secret = match new.kind {
            CredentialKind::ClientSecret => format!("{CLIENT_SECRET}{}", *random),
            CredentialKind::ApiKey => format!("{API_KEY}{id}_{}", *random),
        };
        let mac = self.0.secrets.hash(secret.as_bytes())?;
        let call = Call { idempotency: None, ..call.clone() };
        let work = (organization, account, id);
        let credential = self.transact(&call, move |tx| Box::pin(create(tx, work, new, seconds, mac))).await?;
        Ok(IssuedCredential { credential, secret })
    }

    /// A credential.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn credential(
        &self,
        _call: &Call,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
    ) -> Result<Credential, Error> {
        let known = self.read().await?.credential(organization, account, id).await?;
        known.ok_or_else(|| Error::not_found("credential"))
    }

    /// Credentials by creation, expired ones too.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn credentials(
        &self,
        call: &Call,
        organization: OrganizationId,
        account: ServiceAccountId,
        page: PageRequest,
    ) -> Result<Page<Credential>, Error> {
        self.service_account(call, organization, account).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{organization}/{account}/credentials"), &());
        let window = cursors.window(&page)?;
        let mut store = self.read().await?;
        let slice = store.credentials(organization, account, &window).await?;
        let total = if page.total_count { Some(store.count_credentials(organization, account).await?) } else { None };
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Changes name or description.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn update_credential(
        &self,
        call: &Call,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
        patch: CredentialPatch,
    ) -> Result<Credential, Error> {
        let (condition, work) = (call.clone(), (organization, account, id));
        self.transact(call, move |tx| Box::pin(update(tx, condition, work, patch))).await
    }

    /// Takes a credential back: neither it nor an access token that was given for it is good once this has answered.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn delete_credential(
        &self,
        call: &Call,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
    ) -> Result<(), Error> {
        let condition = call.clone();
        self.transact(call, move |tx| {
            Box::pin(async move {
                let known = known(tx, (organization, account, id)).await?;
                condition.check(&known.etag())?;
                tx.store.delete_credential(organization, account, id).await?;
                let body = json!({"service_account_id": account, "credential_id": id, "name": known.name});
                tx.organization_event(organization, OrganizationEventKind::CredentialDeleted, body).await
            })
        })
        .await
    }

    /// What an access token for these client credentials says (RFC 6749, section 4.4).
    ///
    /// # Errors
    /// `unauthenticated`, whatever is wrong with them.
    pub async fn access_token(&self, client_id: &str, client_secret: &str) -> Result<AccessToken, Error> {
        let wrong = || Error::new(Code::Unauthenticated, "the client id or the client secret is not valid");
        let id = client_id.strip_prefix(CLIENT_ID).and_then(|id| id.parse().ok()).ok_or_else(wrong)?;
        let credential = self.presented(id, client_secret, CredentialKind::ClientSecret).await?.ok_or_else(wrong)?;
        let issued_at = self.now();
        let latest = issued_at.plus_seconds(ACCESS_TOKEN_SECONDS);
        Ok(AccessToken {
            service_account: credential.service_account_id,
            credential: id,
            issued_at,
            expires_at: credential.expires_at.map_or(latest, |expires| expires.min(latest)),
        })
    }

    /// The credential whose id and secret were presented, while it is good. Comparing takes the same time whatever the
    /// secret.
    pub(super) async fn presented(
        &self,
        id: CredentialId,
        secret: &str,
        kind: CredentialKind,
    ) -> Result<Option<Credential>, Error> {
        let given = self.0.secrets.hash(secret.as_bytes())?;
        let Some((credential, kept)) = self.read().await?.presented_credential(id).await? else { return Ok(None) };
        let matches: bool = given.bytes().ct_eq(kept.bytes()).into();
        Ok(Some(credential).filter(|known| matches && known.kind == kind && known.is_good(self.now())))
    }
}

/// The credential that an API key names.
pub(super) fn credential_of_key(bearer: &str) -> Option<CredentialId> {
    let (id, secret) = bearer.strip_prefix(API_KEY)?.split_at_checked(ID_CHARS)?;
    secret.strip_prefix('_')?;
    id.parse().ok()
}

fn lifetime(seconds: u64) -> Result<i64, Error> {
    match i64::try_from(seconds) {
        Ok(signed) if (1..=MAX_CREDENTIAL_SECONDS).contains(&seconds) => Ok(signed),
        _ => {
            let message = format!("expires_in_seconds is a number from 1 to {MAX_CREDENTIAL_SECONDS}");
            Err(Error::new(Code::BadRequest, message))
        }
    }
}

type Place = (OrganizationId, ServiceAccountId, CredentialId);

async fn known(tx: &mut Tx, (organization, account, id): Place) -> Result<Credential, Error> {
    tx.account(organization, account).await?;
    let known = tx.store.credential(organization, account, id).await?;
    known.ok_or_else(|| Error::not_found("credential"))
}

async fn create(
    tx: &mut Tx,
    (organization, account, id): Place,
    new: NewCredential,
    seconds: Option<i64>,
    mac: Digest,
) -> Result<Credential, Error> {
    tx.account(organization, account).await?;
    if tx.store.count_credentials(organization, account).await? >= MAX_CREDENTIALS {
        let message = format!("a service account has at most {MAX_CREDENTIALS} credentials; take one back first");
        return Err(Error::new(Code::BadRequest, message));
    }
    let credential = Credential {
        id,
        organization_id: organization,
        service_account_id: account,
        kind: new.kind,
        name: new.name,
        description: new.description,
        object_revision: 1,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        expires_at: seconds.map(|seconds| tx.now.plus_seconds(seconds)),
        last_used_at: None,
    };
    tx.store.insert_credential(&credential, mac).await?;
    let body = json!({
        "service_account_id": account, "credential_id": id, "kind": credential.kind, "name": credential.name,
        "expires_at": credential.expires_at,
    });
    tx.organization_event(organization, OrganizationEventKind::CredentialCreated, body).await?;
    Ok(credential)
}

async fn update(tx: &mut Tx, call: Call, place: Place, patch: CredentialPatch) -> Result<Credential, Error> {
    let before = known(tx, place).await?;
    call.check(&before.etag())?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        after.name = name;
    }
    if let Some(description) = patch.description {
        after.description = description;
    }
    if after == before {
        return Ok(before);
    }
    after.object_revision += 1;
    tx.store.update_credential(&after).await?;
    let shown = |known: &Credential| json!({"name": known.name, "description": known.description});
    let body = json!({
        "service_account_id": after.service_account_id, "credential_id": after.id,
        "from": shown(&before), "to": shown(&after),
    });
    tx.organization_event(after.organization_id, OrganizationEventKind::CredentialUpdated, body).await?;
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_credential() {
        let id = "0198c0de-0000-7000-8000-00000000000a";
        assert_eq!(credential_of_key(&format!("ckak_{id}_secret")).unwrap().to_string(), id);
        for other in ["", "ckak_", "ckak_x", &format!("ckak_{id}"), &format!("ckut_{id}_s"), &format!("{id}_s")] {
            assert_eq!(credential_of_key(other), None, "{other}");
        }
    }

    #[test]
    fn a_credential_lives_for_a_bounded_time() {
        assert_eq!(lifetime(MAX_CREDENTIAL_SECONDS).unwrap(), 63_072_000);
        for wrong in [0, MAX_CREDENTIAL_SECONDS + 1, u64::MAX] {
            assert_eq!(lifetime(wrong).unwrap_err().code(), Code::BadRequest, "{wrong}");
        }
    }
}
