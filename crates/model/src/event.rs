//! Events: the zone's gapless, chained record of every change.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Digest, Timestamp, ZoneId, canonical_digest, text::word};

word!(
    /// What happened. The bodies are documented in `docs/events.md`.
    EventKind {
        /// A zone was made.
        ZoneCreated => "zone.created",
        /// Name, description or settings changed.
        ZoneUpdated => "zone.updated",
        /// The zone came from another installation; the events before this one are from there.
        ZoneImported => "zone.imported",
        /// The zone was deleted; only its tombstone answers from here on.
        ZoneDeleted => "zone.deleted",
        /// A schema version was added.
        SchemaCreated => "schema.created",
        /// Another schema version became the default.
        SchemaDefaultChanged => "schema.default_changed",
        /// A schema version's status changed.
        SchemaStatusChanged => "schema.status_changed",
        /// A policy was made.
        PolicyCreated => "policy.created",
        /// A policy's name or description changed.
        PolicyUpdated => "policy.updated",
        /// A policy was archived.
        PolicyArchived => "policy.archived",
        /// A policy version was published.
        PolicyVersionCreated => "policy_version.created",
        /// A policy version was archived.
        PolicyVersionArchived => "policy_version.archived",
        /// The draft of a policy was written.
        PolicyDraftSaved => "policy_draft.saved",
        /// The draft of a policy was thrown away or published.
        PolicyDraftDeleted => "policy_draft.deleted",
        /// A policy set was made.
        PolicySetCreated => "policy_set.created",
        /// A policy set's name changed.
        PolicySetUpdated => "policy_set.updated",
        /// A policy set was archived.
        PolicySetArchived => "policy_set.archived",
        /// A policy set version was published and attested.
        SetVersionCreated => "policy_set_version.created",
        /// A policy set version was archived.
        SetVersionArchived => "policy_set_version.archived",
        /// A policy set version was attested anew.
        SetVersionReSigned => "policy_set_version.re_signed",
        /// A policy set version was not attested anew: it is not what was published.
        SetVersionReSignRefused => "policy_set_version.re_sign_refused",
        /// The draft of a policy set was written.
        SetDraftSaved => "policy_set_draft.saved",
        /// The draft of a policy set was thrown away or published.
        SetDraftDeleted => "policy_set_draft.deleted",
        /// Entities were put into the zone, or taken out.
        EntitiesChanged => "entities.changed",
        /// A slot was pointed at a version, in place of what stood there.
        Bound => "binding.bound",
        /// A slot was emptied.
        Unbound => "binding.unbound",
        /// A signing key was made.
        KeyCreated => "key.created",
        /// A key began to sign.
        KeyActivated => "key.activated",
        /// A key ceased to sign.
        KeyRetired => "key.retired",
        /// The revocation of a key was asked for; what it signed is being signed again.
        KeyRevokeRequested => "key.revoke_requested",
        /// A key was revoked.
        KeyRevoked => "key.revoked",
        /// A token bound to a user was made.
        UserTokenCreated => "user_token.created",
        /// A token bound to a user was taken back.
        UserTokenDeleted => "user_token.deleted",
        /// A policy set, or policies, were made for a user's bundle.
        UserBundleMade => "user_bundle.made",
    }
);

/// A change that is about to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// From what to what.
    pub body: Value,
}

/// A recorded change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The zone.
    pub zone_id: ZoneId,
    /// 1, 2, 3 … within the zone, without gaps.
    pub seq: u64,
    /// What happened.
    pub kind: EventKind,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// From what to what.
    pub body: Value,
    /// The digest of the event before; absent on the first.
    pub prev_sha256: Option<Digest>,
    /// SHA-256 over JCS of all members above.
    pub sha256: Digest,
}

impl Event {
    /// Puts a new event behind the one before it.
    ///
    /// # Errors
    /// When the body holds a number that is not finite.
    pub fn chain(
        zone_id: ZoneId,
        seq: u64,
        prev_sha256: Option<Digest>,
        new: NewEvent,
    ) -> Result<Self, serde_json::Error> {
        let NewEvent { kind, actor, at, body } = new;
        let mut event = Self { zone_id, seq, kind, actor, at, body, prev_sha256, sha256: Digest::of(b"") };
        event.sha256 = event.recompute()?;
        Ok(event)
    }

    /// The digest that [`Event::sha256`] must be.
    ///
    /// # Errors
    /// As [`Event::chain`].
    pub fn recompute(&self) -> Result<Digest, serde_json::Error> {
        canonical_digest(&json!({
            "zone_id": self.zone_id, "seq": self.seq, "kind": self.kind, "actor": self.actor, "at": self.at,
            "body": self.body, "prev_sha256": self.prev_sha256,
        }))
    }

    /// Whether it has the number and the digests that it must have behind this one, or as the first.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn follows(&self, previous: Option<&Self>) -> Result<(), String> {
        let seq = previous.map_or(0, |event| event.seq) + 1;
        if self.seq != seq {
            return Err(format!("event {} stands where event {seq} should", self.seq));
        }
        if self.prev_sha256 != previous.map(|event| event.sha256) {
            return Err(format!("event {seq} does not name the digest of the event before it"));
        }
        match self.recompute() {
            Ok(sha256) if sha256 == self.sha256 => Ok(()),
            _ => Err(format!("event {seq} does not have its digest")),
        }
    }

    /// The body of an event of a known kind.
    ///
    /// # Errors
    /// When a member is missing or has another form.
    pub fn read_body<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(&self.body).map_err(|error| format!("event {}: {error}", self.seq))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn any_change_to_an_event_changes_its_digest() {
        let new = NewEvent {
            kind: EventKind::ZoneCreated,
            actor: "a".into(),
            at: Timestamp::from_micros(1),
            body: json!({"name": "z"}),
        };
        let event = Event::chain(ZoneId::new(Uuid::from_u128(1)), 1, None, new).unwrap();
        assert_eq!(event.recompute().unwrap(), event.sha256);
        let changed = [
            Event { seq: 2, ..event.clone() },
            Event { actor: "b".into(), ..event.clone() },
            Event { at: Timestamp::from_micros(2), ..event.clone() },
            Event { body: json!({"name": "y"}), ..event.clone() },
            Event { prev_sha256: Some(Digest::of(b"x")), ..event.clone() },
            Event { kind: EventKind::ZoneUpdated, ..event.clone() },
        ];
        for other in changed {
            assert_ne!(other.recompute().unwrap(), event.sha256, "{other:?}");
        }
    }
}
