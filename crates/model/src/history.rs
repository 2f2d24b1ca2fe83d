//! What a zone's events lead to, folded one after the other. Whoever has the events in order gets the same from them: a
//! server that checks its store, and an auditor who has nothing but an export.

mod bindings;
mod keys;
mod versions;

use std::collections::BTreeMap;

pub use self::{
    bindings::{BindingHistory, BoundVersionEvent, Moment, Period, Slot, StandingBinding},
    keys::{KeyHistory, ZoneKeyRecord},
    versions::{
        Attested, PolicyVersionEvent, PolicyVersions, PublishedSetVersion, Recorded, SetVersionEvent, SetVersions,
    },
};
use serde::Deserialize;

use crate::{Digest, Event, EventKind, SchemaVersion};

/// What the events of a zone tell of its evidence: versions, schemas, keys and bindings.
#[derive(Debug, Default)]
pub struct History {
    /// Policy versions that were published.
    pub policy_versions: PolicyVersions,
    /// Set versions that were published, and how they were attested.
    pub set_versions: SetVersions,
    /// The digests of the schema versions.
    pub schemas: BTreeMap<SchemaVersion, Digest>,
    /// What the slots point at, and did.
    pub bindings: BindingHistory,
    /// Signing keys.
    pub keys: KeyHistory,
}

#[derive(Deserialize)]
struct SchemaEvent {
    version: SchemaVersion,
    schema_sha: Digest,
}

impl History {
    /// Folds the next event in.
    ///
    /// # Errors
    /// When its body is not that of its kind, or it does not fit what came before it.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::SchemaCreated => {
                let SchemaEvent { version, schema_sha } = event.read_body()?;
                match self.schemas.insert(version, schema_sha) {
                    None => Ok(()),
                    Some(_) => Err(format!("event {}: that schema version was there already", event.seq)),
                }
            }
            EventKind::PolicyVersionCreated => self.policy_versions.apply(event),
            EventKind::SetVersionCreated | EventKind::SetVersionReSigned => self.set_versions.apply(event),
            EventKind::Bound | EventKind::Unbound => self.bindings.apply(event),
            EventKind::KeyCreated
            | EventKind::KeyActivated
            | EventKind::KeyRetired
            | EventKind::KeyRevokeRequested
            | EventKind::KeyRevoked => self.keys.apply(event),
            _ => Ok(()),
        }
    }
}
