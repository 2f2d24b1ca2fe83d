//! The life of a zone's signing keys: published first, then signing, retired, revoked.

use std::{collections::BTreeSet, sync::Arc};

use cedarkeep_attest::{KeyPair, Signer};
use cedarkeep_model::{
    EventKind, KeyState, PolicySetVersionId, PublicKey, RevokeRequest, SigningKey, Timestamp, ZoneId,
};
use cedarkeep_store::ReSignJob;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Call, Code, Error, Service, keys, transact::Tx};

/// For how long a key is published before it signs, unless the caller says otherwise: twice as long as a key set may be
/// cached, so that whoever asks for it in time knows the key before its first signature.
const AHEAD_SECONDS: i64 = 600;
/// The longest that a key may wait.
const MOST_AHEAD_SECONDS: i64 = 7 * 24 * 60 * 60;

/// A signing key of a zone, as everybody who may ask for it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneKey {
    /// RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// Where in its life it is.
    pub state: KeyState,
    /// The public half.
    pub public: PublicKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when it signs, or was the one that did.
    pub signs_from: Timestamp,
    /// Set once its revocation was asked for.
    pub revoke_requested: Option<RevokeRequest>,
    /// The number of the event that revoked it.
    pub revoked_seq: Option<u64>,
    /// The entity tag.
    pub etag: String,
}

impl From<SigningKey> for ZoneKey {
    fn from(key: SigningKey) -> Self {
        Self {
            etag: key.etag(),
            kid: key.kid,
            state: key.state,
            public: key.public,
            created_at: key.created_at,
            created_by: key.created_by,
            signs_from: key.signs_from,
            revoke_requested: key.revoke_requested,
            revoked_seq: key.revoked_seq,
        }
    }
}

/// How far the zone's set versions are signed again with the key that signs now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReSigning {
    /// The versions that should be: living ones, and archived ones that a key being revoked has signed.
    pub total: u64,
    /// Those that are.
    pub done: u64,
    /// Those that never will be, because they are not what was published.
    pub refused: Vec<PolicySetVersionId>,
    /// Why it does not go on at the moment, when it does not.
    pub problem: Option<String>,
}

/// The signing keys of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneKeys {
    /// All of them, oldest first.
    pub keys: Vec<ZoneKey>,
    /// How far signing again is.
    pub re_signing: ReSigning,
}

impl Service {
    /// Every signing key that the zone ever had, and how far its versions are signed again.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn signing_keys(&self, _call: &Call, zone: ZoneId) -> Result<ZoneKeys, Error> {
        let (mut store, _) = self.living(zone).await?;
        let keys = store.signing_keys(zone).await?;
        let signing = keys::signing(&keys)?.kid.clone();
        let leaving = keys.iter().filter(|key| is_leaving(key)).map(|key| ReSignJob::AwayFrom(key.kid.clone()));
        let jobs: Vec<_> = leaving.chain([ReSignJob::With(signing.clone())]).collect();
        let refused = store.re_sign_refusals(zone).await?;
        let refused: BTreeSet<_> = refused.into_iter().map(|refusal| refusal.policy_set_version_id).collect();
        let done = store.signed_versions(zone, &signing).await?.newest;
        let open = store.count_to_re_sign(zone, &jobs).await?;
        let re_signing = ReSigning {
            total: done + open + u64::try_from(refused.len()).unwrap_or(u64::MAX),
            done,
            refused: refused.into_iter().collect(),
            problem: self.0.jobs.problem(zone),
        };
        Ok(ZoneKeys { keys: keys.into_iter().map(ZoneKey::from).collect(), re_signing })
    }

    /// Makes a key that will sign in place of the present one, and publishes it at once. It signs after
    /// `publish_ahead_seconds` (600 when absent, at most 7 days); with 0 it signs at once, which verifiers with a cached
    /// key set do not expect. Then every living set version is signed again.
    ///
    /// # Errors
    /// `not_found`, `bad_request`, `key_pending` while another key waits.
    pub async fn rotate_key(
        &self,
        call: &Call,
        zone: ZoneId,
        publish_ahead_seconds: Option<i64>,
    ) -> Result<ZoneKey, Error> {
        let ahead = publish_ahead_seconds.unwrap_or(AHEAD_SECONDS);
        if !(0..=MOST_AHEAD_SECONDS).contains(&ahead) {
            let message = format!("publish_ahead_seconds must be from 0 to {MOST_AHEAD_SECONDS} (7 days)");
            return Err(Error::new(Code::BadRequest, message));
        }
        self.once(call, async {
            let (mut store, _) = self.living(zone).await?;
            let keys = store.signing_keys(zone).await?;
            // The connection goes back before the work that takes its time.
            drop(store);
            refuse_second(keys.iter().find(|key| key.state == KeyState::Pending && key.signs_from > self.now()))?;
            let pair = self.new_key_pair().await?;
            self.transact(call, move |tx| Box::pin(rotate(tx, zone, pair, ahead))).await
        })
        .await
    }

    /// Revokes a key. One that waits is withdrawn at once. One that signed stays published until every set version whose
    /// newest attestation is by it was signed again; if it signs now, another key does so from this moment on. What
    /// cannot be signed again is good no longer.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn revoke_key(&self, call: &Call, zone: ZoneId, kid: &str) -> Result<ZoneKey, Error> {
        let (mut store, _) = self.living(zone).await?;
        let keys = store.signing_keys(zone).await?;
        drop(store);
        let known = keys.iter().find(|key| key.kid == kid).ok_or_else(|| Error::not_found("signing key"))?;
        // By the time of the transaction a key that waits may sign.
        let may_sign = matches!(known.state, KeyState::Pending | KeyState::Signing);
        let successor = if may_sign { Some(self.new_key_pair().await?) } else { None };
        let (condition, kid) = (call.clone(), kid.to_owned());
        self.transact(call, move |tx| Box::pin(revoke(tx, condition, zone, kid, successor))).await
    }

    /// Lets the key that waits sign when its time has come.
    pub(crate) async fn activate_due_key(&self, call: &Call, zone: ZoneId) -> Result<(), Error> {
        self.transact(call, move |tx| {
            Box::pin(async move {
                tx.zone(zone).await?;
                activate_due(tx, zone).await.map(|_| ())
            })
        })
        .await
    }
}

/// The key whose time to sign has come.
pub(crate) fn due(keys: &[SigningKey], now: Timestamp) -> Option<&SigningKey> {
    keys.iter().find(|key| key.state == KeyState::Pending && key.signs_from <= now)
}

/// Whether a key is to be revoked once what it signed is signed again.
pub(crate) fn is_leaving(key: &SigningKey) -> bool {
    key.state == KeyState::Retired && key.revoke_requested.is_some()
}

/// The zone's signer at this moment of a transaction that holds the zone: a key whose time has come signs from here on.
pub(crate) async fn signer(tx: &mut Tx, zone: ZoneId) -> Result<Arc<Signer>, Error> {
    let keys = activate_due(tx, zone).await?;
    let service = tx.service.clone();
    service.open(&mut *tx.store, keys::signing(&keys)?).await
}

/// Gives the zone's keys after the one whose time has come, if there is one, has begun to sign.
async fn activate_due(tx: &mut Tx, zone: ZoneId) -> Result<Vec<SigningKey>, Error> {
    let keys = tx.store.signing_keys(zone).await?;
    let Some(waiting) = due(&keys, tx.now).cloned() else { return Ok(keys) };
    let actor = waiting.created_by.clone();
    activate(tx, &keys, waiting, &actor).await?;
    Ok(tx.store.signing_keys(zone).await?)
}

/// Lets a key sign in place of the one that does.
async fn activate(tx: &mut Tx, keys: &[SigningKey], mut key: SigningKey, actor: &str) -> Result<SigningKey, Error> {
    let mut former = keys::signing(keys)?.clone();
    former.state = KeyState::Retired;
    tx.store.update_key(&former).await?;
    key.state = KeyState::Signing;
    key.signs_from = key.signs_from.min(tx.now);
    key.re_signed_at = None;
    tx.store.update_key(&key).await?;
    let body = json!({"kid": key.kid, "in_place_of": former.kid});
    tx.event_of(actor, key.zone_id, EventKind::KeyActivated, body).await?;
    tx.event_of(actor, key.zone_id, EventKind::KeyRetired, json!({"kid": former.kid})).await?;
    tx.makes_key_work();
    Ok(key)
}

fn refuse_second(pending: Option<&SigningKey>) -> Result<(), Error> {
    let Some(pending) = pending else { return Ok(()) };
    let message = format!("key {} waits to sign from {}; let it, or revoke it first", pending.kid, pending.signs_from);
    let error = Error::new(Code::KeyPending, message).with_detail("kid", pending.kid.as_str());
    Err(error.with_detail("signs_from", pending.signs_from.to_string()))
}

async fn rotate(tx: &mut Tx, zone: ZoneId, pair: KeyPair, ahead: i64) -> Result<ZoneKey, Error> {
    tx.zone(zone).await?;
    let keys = activate_due(tx, zone).await?;
    refuse_second(keys.iter().find(|key| key.state == KeyState::Pending))?;
    let signs_from = tx.now.plus_seconds(ahead);
    let mut key = publish(tx, zone, pair, signs_from).await?;
    if ahead == 0 {
        let actor = tx.actor.clone();
        key = activate(tx, &keys, key, &actor).await?;
    }
    Ok(key.into())
}

/// Adds a key that waits.
async fn publish(tx: &mut Tx, zone: ZoneId, pair: KeyPair, signs_from: Timestamp) -> Result<SigningKey, Error> {
    let wrapped = tx.store.data_key(zone).await?.ok_or_else(|| Error::not_found("zone"))?;
    let data_key = tx.service.0.master.unwrap(zone, &wrapped)?;
    let key = SigningKey {
        zone_id: zone,
        state: KeyState::Pending,
        sealed_private: data_key.seal(zone, &pair.kid, keys::PURPOSE, &pair.private_der)?,
        public: pair.public,
        kid: pair.kid,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        signs_from,
        re_signed_at: None,
        revoke_requested: None,
        revoked_seq: None,
    };
    tx.store.insert_key(&key).await?;
    let body = json!({"kid": key.kid, "state": key.state, "public": key.public, "signs_from": key.signs_from});
    tx.event(zone, EventKind::KeyCreated, body).await?;
    tx.makes_key_work();
    Ok(key)
}

async fn revoke(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    kid: String,
    successor: Option<KeyPair>,
) -> Result<ZoneKey, Error> {
    tx.zone(zone).await?;
    let keys = activate_due(tx, zone).await?;
    let key = keys.iter().find(|key| key.kid == kid).cloned();
    let mut key = key.ok_or_else(|| Error::not_found("signing key"))?;
    call.check(&key.etag())?;
    match key.state {
        KeyState::Pending => withdraw(tx, &mut key, 0, &[]).await?,
        KeyState::Signing | KeyState::Retired if key.revoke_requested.is_none() => {
            if key.state == KeyState::Signing {
                replace(tx, zone, &keys, successor).await?;
                key.state = KeyState::Retired;
            }
            key.revoke_requested = Some(RevokeRequest { at: tx.now, by: tx.actor.clone() });
            tx.store.update_key(&key).await?;
            tx.event(zone, EventKind::KeyRevokeRequested, json!({"kid": key.kid})).await?;
            tx.makes_key_work();
        }
        _ => {}
    }
    Ok(key.into())
}

/// Lets another key sign from now on: the one that waits, which some verifiers know already, or else a fresh one.
async fn replace(tx: &mut Tx, zone: ZoneId, keys: &[SigningKey], fresh: Option<KeyPair>) -> Result<(), Error> {
    let waiting = keys.iter().find(|key| key.state == KeyState::Pending).cloned();
    let key = match (waiting, fresh) {
        (Some(waiting), _) => waiting,
        (None, Some(pair)) => publish(tx, zone, pair, tx.now).await?,
        (None, None) => {
            return Err(Error::new(Code::Unavailable, "the key has begun to sign at this very moment; try again"));
        }
    };
    let actor = tx.actor.clone();
    activate(tx, keys, key, &actor).await.map(|_| ())
}

/// Takes a key out of the key set for good, and its private half out of the store.
pub(crate) async fn withdraw(
    tx: &mut Tx,
    key: &mut SigningKey,
    re_signed: u64,
    refused: &[PolicySetVersionId],
) -> Result<(), Error> {
    let (zone, actor) = (key.zone_id, key.revoke_requested.as_ref().map_or(&tx.actor, |request| &request.by).clone());
    let body = json!({"kid": key.kid, "re_signed": re_signed, "refused": refused});
    key.revoked_seq = Some(tx.event_of(&actor, zone, EventKind::KeyRevoked, body).await?);
    key.state = KeyState::Revoked;
    key.sealed_private = Vec::new();
    tx.store.update_key(key).await?;
    tx.service.0.signers.forget(zone, &key.kid);
    if !refused.is_empty() {
        // What was refused and is bound decides no longer, also where it is loaded already.
        tx.decides_anew(zone).await?;
        tx.shows_anew(zone);
    }
    Ok(())
}
