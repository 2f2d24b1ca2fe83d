//! Signing keys, as the events tell of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Event, EventKind, KeyState, PublicKey};

/// A signing key and what became of it, up to some event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneKeyRecord {
    /// RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// Where in its life it is.
    pub state: KeyState,
    /// The public half.
    pub public: PublicKey,
    /// Whether its revocation was asked for.
    pub revoke_requested: bool,
    /// The number of the event that revoked it; null while it is not.
    pub revoked_seq: Option<u64>,
}

/// Every key that the events tell of.
#[derive(Debug, Default)]
pub struct KeyHistory(BTreeMap<String, ZoneKeyRecord>);

#[derive(Deserialize)]
struct KeyEvent {
    kid: String,
    state: Option<KeyState>,
    public: Option<PublicKey>,
}

impl KeyHistory {
    /// Folds an event in that is about a key.
    ///
    /// # Errors
    /// When it is about a key of which none tells that it was made.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        let KeyEvent { kid, state, public } = event.read_body()?;
        if let (EventKind::KeyCreated, Some(state), Some(public)) = (event.kind, state, public) {
            let record = ZoneKeyRecord { kid: kid.clone(), state, public, revoke_requested: false, revoked_seq: None };
            return match self.0.insert(kid, record) {
                None => Ok(()),
                Some(_) => Err(format!("event {}: that key was made already", event.seq)),
            };
        }
        let key = self.0.get_mut(&kid).ok_or_else(|| format!("event {}: no such key was made", event.seq))?;
        if key.state == KeyState::Revoked {
            return Err(format!("event {}: that key was revoked already", event.seq));
        }
        match event.kind {
            EventKind::KeyActivated => key.state = KeyState::Signing,
            EventKind::KeyRetired => key.state = KeyState::Retired,
            EventKind::KeyRevokeRequested => key.revoke_requested = true,
            EventKind::KeyRevoked => (key.state, key.revoked_seq) = (KeyState::Revoked, Some(event.seq)),
            _ => {}
        }
        Ok(())
    }

    /// All of them, by key id.
    pub fn iter(&self) -> impl Iterator<Item = &ZoneKeyRecord> {
        self.0.values()
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&ZoneKeyRecord> {
        self.0.get(kid)
    }
}
