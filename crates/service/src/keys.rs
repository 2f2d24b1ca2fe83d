//! The signing keys of zones: making, opening, publishing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use cedarkeep_attest::{Jwks, KeyPair, Refusal, Signer};
use cedarkeep_model::{AttestationStatement, ChainHead, Envelope, KeyState, SigningKey, ZoneId};
use cedarkeep_store::Read;

use crate::{Code, Error, Service};

/// What a zone's private keys are sealed for; part of the sealing's additional data.
pub(crate) const PURPOSE: &str = "attestation";

/// How many opened signers are kept; beyond, all are dropped and opened again as they are needed.
const MOST_SIGNERS: usize = 4_096;

/// Opened private keys by key id: parsing one costs more than a signature.
#[derive(Default)]
pub(crate) struct Signers(Mutex<HashMap<(ZoneId, String), Arc<Signer>>>);

impl Signers {
    fn get(&self, zone: ZoneId, kid: &str) -> Option<Arc<Signer>> {
        self.0.lock().ok()?.get(&(zone, kid.to_owned())).cloned()
    }

    fn put(&self, zone: ZoneId, signer: &Arc<Signer>) {
        if let Ok(mut signers) = self.0.lock() {
            if signers.len() >= MOST_SIGNERS {
                signers.clear();
            }
            signers.insert((zone, signer.kid().to_owned()), Arc::clone(signer));
        }
    }

    /// Drops the private key of one that will never sign again.
    pub(crate) fn forget(&self, zone: ZoneId, kid: &str) {
        if let Ok(mut signers) = self.0.lock() {
            signers.remove(&(zone, kid.to_owned()));
        }
    }
}

/// What runs on a thread that may block ended without an answer.
pub(crate) fn broken_off(error: tokio::task::JoinError) -> Error {
    Error::new(Code::Internal, "the work was broken off").with_source(error)
}

impl Service {
    /// A fresh key pair. Making one takes up to seconds, on a thread that may block.
    pub(crate) async fn new_key_pair(&self) -> Result<KeyPair, Error> {
        let keys = Arc::clone(&self.0.keys);
        Ok(tokio::task::spawn_blocking(move || keys.next()).await.map_err(broken_off)??)
    }

    /// The zone's signing key, opened. Read again inside the transaction that signs.
    pub(crate) async fn signer(&self, store: &mut dyn Read, zone: ZoneId) -> Result<Arc<Signer>, Error> {
        let keys = store.signing_keys(zone).await?;
        self.open(store, signing(&keys)?).await
    }

    /// A key of a zone, opened.
    pub(crate) async fn open(&self, store: &mut dyn Read, key: &SigningKey) -> Result<Arc<Signer>, Error> {
        let zone = key.zone_id;
        if let Some(signer) = self.0.signers.get(zone, &key.kid) {
            return Ok(signer);
        }
        let wrapped = store.data_key(zone).await?.ok_or_else(|| Error::not_found("zone"))?;
        let (service, key) = (self.clone(), key.clone());
        let open = move || service.open_key(&key, &wrapped);
        let signer = Arc::new(tokio::task::spawn_blocking(open).await.map_err(broken_off)??);
        self.0.signers.put(zone, &signer);
        Ok(signer)
    }

    fn open_key(&self, key: &SigningKey, wrapped: &[u8]) -> Result<Signer, Error> {
        let data_key = self.0.master.unwrap(key.zone_id, wrapped)?;
        let private = data_key.open(key.zone_id, &key.kid, PURPOSE, &key.sealed_private)?;
        Ok(Signer::from_der(&key.kid, &private)?)
    }

    /// The zone's public keys as a JWK set (RFC 7517, section 5), as JSON text; a deleted zone's too.
    ///
    /// # Errors
    /// `not_found` for a zone that never was.
    pub async fn jwks(&self, zone: ZoneId) -> Result<String, Error> {
        let mut store = self.read().await?;
        let jwks = published(&mut *store, zone).await?;
        Ok(jwks.to_json().to_string())
    }
}

/// The one key that signs.
pub(crate) fn signing(keys: &[SigningKey]) -> Result<&SigningKey, Error> {
    let signing = keys.iter().find(|key| key.state == KeyState::Signing);
    signing.ok_or_else(|| Error::new(Code::IntegrityError, "the zone has no signing key"))
}

/// The keys that the zone publishes: all but revoked ones.
pub(crate) async fn published(store: &mut dyn Read, zone: ZoneId) -> Result<Jwks, Error> {
    let keys = store.signing_keys(zone).await?;
    if keys.is_empty() {
        return Err(Error::not_found("zone"));
    }
    let (revoked, good): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.state == KeyState::Revoked);
    jwks(good)?.with_revoked(revoked.into_iter().map(|key| key.kid.clone())).map_err(damaged)
}

/// Every key that a zone ever had.
pub(crate) struct KnownKeys {
    /// All of them, ready to verify.
    pub(crate) all: Jwks,
    /// Those of them whose signatures are no longer good.
    pub(crate) revoked: BTreeSet<String>,
}

impl KnownKeys {
    pub(crate) fn new(keys: &[SigningKey]) -> Result<Self, Error> {
        let revoked = keys.iter().filter(|key| key.state == KeyState::Revoked).map(|key| key.kid.clone());
        Ok(Self { all: jwks(keys)?, revoked: revoked.collect() })
    }
}

fn jwks<'k>(keys: impl IntoIterator<Item = &'k SigningKey>) -> Result<Jwks, Error> {
    let keys: Vec<_> = keys.into_iter().map(|key| (key.public.clone(), key.kid.clone())).collect();
    Jwks::from_keys(&keys).map_err(damaged)
}

fn damaged(refusal: Refusal) -> Error {
    Error::new(Code::IntegrityError, "the zone's keys are damaged").with_source(refusal)
}

/// Signs on a thread that may block: an RSA signature takes milliseconds.
#[tracing::instrument(target = "cedarkeep::trace", level = "trace", skip_all)]
pub(crate) async fn sign(signer: Arc<Signer>, statement: AttestationStatement) -> Result<Envelope, Error> {
    Ok(tokio::task::spawn_blocking(move || signer.sign(&statement)).await.map_err(broken_off)??)
}

/// The same of a statement about the head of a zone's events.
pub(crate) async fn sign_head(signer: Arc<Signer>, head: ChainHead) -> Result<Envelope, Error> {
    Ok(tokio::task::spawn_blocking(move || signer.sign_head(&head)).await.map_err(broken_off)??)
}
