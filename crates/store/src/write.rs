//! What can be done to a store, in one transaction.

use async_trait::async_trait;
use cedarkeep_model::{
    Archived, Binding, BindingId, Digest, Divergence, DivergenceTotal, EntityRecord, Event, LoggedDecision, NewEvent,
    Policy, PolicyDraft, PolicyId, PolicySchema, PolicySet, PolicySetDraft, PolicySetId, PolicySetVersionId,
    PolicyVersion, PolicyVersionId, SetVersionRecord, SigningKey, Timestamp, UserToken, UserTokenId, Zone, ZoneId,
};

use crate::{AttestationRecord, IdempotentAnswer, JobClaim, ReSignRefusal, Read, Row, StoreError, WriteAccounts};

/// A transaction: it reads its own writes, nobody else does before [`Write::commit`]. After an error it can only be
/// dropped.
#[async_trait]
pub trait Write: Read + WriteAccounts {
    /// Makes everything durable and visible at once. When it returns, the data survives the death of the process and,
    /// as far as the disk keeps its word, of the machine.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Once this is committed, whoever hears the changes of the store is told that something of the zone has changed which
    /// its revision does not count. Of revisions, deleted zones and values of the installation they are told anyway.
    async fn announce(&mut self, zone: ZoneId) -> Result<(), StoreError>;

    /// Keeps a value that belongs to the whole installation, in place of an earlier one.
    async fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Takes a zone for this transaction alone, so that numbers drawn in it (events, revision) have no gaps.
    async fn lock_zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError>;
    /// Adds a zone and its wrapped data key.
    async fn insert_zone(&mut self, zone: &Zone, data_key: &[u8]) -> Result<(), StoreError>;
    /// Writes name, slug, description, settings, default schema and object revision; the zone's `revision` is left
    /// alone.
    async fn update_zone(&mut self, zone: &Zone) -> Result<(), StoreError>;
    /// Counts the zone's `revision` up and answers the new one.
    async fn bump_revision(&mut self, id: ZoneId) -> Result<u64, StoreError>;
    /// Turns a zone into a tombstone: only its keys, events and attestations can still be read. Its logged decisions
    /// are left to [`Write::forget_decisions`]: there may be millions.
    async fn delete_zone(&mut self, id: ZoneId, at: Timestamp) -> Result<(), StoreError>;
    /// Appends to the zone's chain of events.
    async fn append_event(&mut self, zone: ZoneId, event: NewEvent) -> Result<Event, StoreError>;

    /// Adds a schema version.
    async fn insert_schema(&mut self, schema: &PolicySchema) -> Result<(), StoreError>;
    /// Writes status, its times and the revision.
    async fn update_schema(&mut self, schema: &PolicySchema) -> Result<(), StoreError>;

    /// Adds a policy.
    async fn insert_policy(&mut self, policy: &Policy) -> Result<(), StoreError>;
    /// Writes everything of a policy but id, owner and creation.
    async fn update_policy(&mut self, policy: &Policy) -> Result<(), StoreError>;
    /// Adds a policy version; it can never be changed.
    async fn insert_policy_version(&mut self, version: &PolicyVersion) -> Result<(), StoreError>;
    /// Archives a policy version.
    async fn archive_policy_version(
        &mut self,
        zone: ZoneId,
        id: PolicyVersionId,
        archived: &Archived,
    ) -> Result<(), StoreError>;

    /// Writes the draft of a policy, in place of an earlier one.
    async fn put_policy_draft(&mut self, draft: &PolicyDraft) -> Result<(), StoreError>;
    /// Throws the draft of a policy away.
    async fn delete_policy_draft(&mut self, zone: ZoneId, policy: PolicyId) -> Result<(), StoreError>;

    /// Adds a policy set.
    async fn insert_policy_set(&mut self, set: &PolicySet) -> Result<(), StoreError>;
    /// Writes everything of a policy set but id, owner, scope and creation.
    async fn update_policy_set(&mut self, set: &PolicySet) -> Result<(), StoreError>;
    /// Adds a set version with the entries of its manifest; it can never be changed.
    async fn insert_set_version(&mut self, version: &SetVersionRecord) -> Result<(), StoreError>;
    /// Archives a set version.
    async fn archive_set_version(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
        archived: &Archived,
    ) -> Result<(), StoreError>;
    /// Adds an attestation; it can never be changed.
    async fn insert_attestation(&mut self, attestation: &AttestationRecord) -> Result<(), StoreError>;

    /// Writes the draft of a policy set, in place of an earlier one.
    async fn put_set_draft(&mut self, draft: &PolicySetDraft) -> Result<(), StoreError>;
    /// Throws the draft of a policy set away.
    async fn delete_set_draft(&mut self, zone: ZoneId, set: PolicySetId) -> Result<(), StoreError>;

    /// Points a slot at a version, in place of what stood there.
    async fn bind(&mut self, binding: &Binding) -> Result<(), StoreError>;
    /// Empties a slot.
    async fn unbind(&mut self, zone: ZoneId, id: BindingId) -> Result<(), StoreError>;

    /// Writes entities, each in place of what had its uid. No uid may stand twice.
    async fn put_entities(&mut self, entities: &[EntityRecord]) -> Result<(), StoreError>;
    /// Deletes the entities with these types and ids as of this revision; those that are not there are left out.
    async fn delete_entities(
        &mut self,
        zone: ZoneId,
        revision: u64,
        uids: &[(String, String)],
    ) -> Result<(), StoreError>;
    /// Deletes every entity of the zone as of this revision.
    async fn delete_all_entities(&mut self, zone: ZoneId, revision: u64) -> Result<(), StoreError>;

    /// Adds a signing key.
    async fn insert_key(&mut self, key: &SigningKey) -> Result<(), StoreError>;
    /// Writes everything of a key but id, public half and creation.
    async fn update_key(&mut self, key: &SigningKey) -> Result<(), StoreError>;
    /// Adds that a set version was not signed again; it can never be changed.
    async fn insert_re_sign_refusal(&mut self, refusal: &ReSignRefusal) -> Result<(), StoreError>;

    /// Keeps a divergence.
    async fn insert_divergence(&mut self, divergence: &Divergence) -> Result<(), StoreError>;
    /// Adds to the totals of a shadow version.
    async fn add_divergence_total(&mut self, zone: ZoneId, total: &DivergenceTotal) -> Result<(), StoreError>;
    /// Forgets all divergences of a zone but the newest so many (a few more where times are equal).
    async fn forget_divergences(&mut self, zone: ZoneId, kept: u32) -> Result<(), StoreError>;

    /// Keeps decisions in the logs of their zones; of one that is there already nothing changes.
    async fn insert_decisions(&mut self, decisions: &[LoggedDecision]) -> Result<(), StoreError>;
    /// Forgets the logged decisions of a zone, also of a deleted one, from before this moment; at most so many at once,
    /// answers how many.
    async fn forget_decisions(&mut self, zone: ZoneId, before: Timestamp, most: u32) -> Result<u64, StoreError>;

    /// Adds a token, of which only this SHA-256 is kept.
    async fn insert_user_token(&mut self, token: &UserToken, sha256: Digest) -> Result<(), StoreError>;
    /// Takes a token back.
    async fn delete_user_token(&mut self, zone: ZoneId, id: UserTokenId) -> Result<(), StoreError>;
    /// Adds that a policy set was made for a user's bundle; it can never be changed.
    async fn insert_bundle_set(&mut self, zone: ZoneId, user: &str, set: PolicySetId) -> Result<(), StoreError>;
    /// Adds that a policy was made for a user's bundle; it can never be changed.
    async fn insert_bundle_policy(&mut self, zone: ZoneId, user: &str, policy: PolicyId) -> Result<(), StoreError>;

    /// Takes rows in as they were kept by another store, all of one kind. What they refer to must be there.
    async fn insert_rows(&mut self, rows: &[Row]) -> Result<(), StoreError>;

    /// Claims a job, or claims it on; whether it is the holder's from now on. Another's claim stands in the way until it
    /// has passed, unless it ends later than can be believed ([`JobClaim::latest`]).
    async fn claim(&mut self, claim: &JobClaim) -> Result<bool, StoreError>;
    /// Gives a job up that is the holder's.
    async fn release(&mut self, job: &str, holder: &str) -> Result<(), StoreError>;

    /// Keeps an answer under its scope, in place of one from before `stale_before`.
    async fn keep_answer(&mut self, answer: &IdempotentAnswer, stale_before: Timestamp) -> Result<(), StoreError>;
    /// Forgets answers from before this moment; at most so many at once, answers how many.
    async fn forget_answers(&mut self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
}
