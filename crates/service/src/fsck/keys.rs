//! Signing keys: which ones the events say that there are, and whether they are those that are stored.

use std::collections::BTreeMap;

use cedarkeep_model::{Event, EventKind, KeyState, PublicKey, Zone};
use cedarkeep_store::{Read, StoreError};
use serde::Deserialize;

use super::Report;
use crate::chain::body;

/// What the events say.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Key>);

#[derive(Debug, PartialEq, Eq)]
struct Key {
    state: KeyState,
    public: PublicKey,
    revoke_requested: bool,
    revoked_seq: Option<u64>,
}

#[derive(Deserialize)]
struct KeyEvent {
    kid: String,
    state: Option<KeyState>,
    public: Option<PublicKey>,
}

impl Keys {
    /// Follows one event about a key.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        let KeyEvent { kid, state, public } = body(event)?;
        if let (EventKind::KeyCreated, Some(state), Some(public)) = (event.kind, state, public) {
            self.0.insert(kid, Key { state, public, revoke_requested: false, revoked_seq: None });
            return Ok(());
        }
        let key = self.0.get_mut(&kid).ok_or_else(|| format!("event {}: no such key was made", event.seq))?;
        match event.kind {
            EventKind::KeyActivated => key.state = KeyState::Signing,
            EventKind::KeyRetired => key.state = KeyState::Retired,
            EventKind::KeyRevokeRequested => key.revoke_requested = true,
            EventKind::KeyRevoked => (key.state, key.revoked_seq) = (KeyState::Revoked, Some(event.seq)),
            _ => {}
        }
        Ok(())
    }
}

/// Compares what the events say with what is stored.
pub(super) async fn compare(
    read: &mut dyn Read,
    zone: &Zone,
    keys: &Keys,
    report: &mut Report,
) -> Result<(), StoreError> {
    let stored = read.signing_keys(zone.id).await?.into_iter().map(|key| {
        let revoke_requested = key.revoke_requested.is_some();
        (key.kid, Key { state: key.state, public: key.public, revoke_requested, revoked_seq: key.revoked_seq })
    });
    if stored.collect::<BTreeMap<_, _>>() != keys.0 {
        report.problem(zone.id, "the signing keys are not those that the events lead to");
    }
    Ok(())
}
