//! What can be done, over a connection with a transaction.

use super::{
    Session, Sql, Transaction, bindings, claims, decisions, divergences, drafts, entities, events, keys, policies,
    policy_sets, policy_versions, re_sign, rows, schemas, set_versions, users, zones,
};
use async_trait::async_trait;
use cedarkeep_model::{
    Archived, Binding, BindingId, Digest, Divergence, DivergenceTotal, EntityRecord, Event, LoggedDecision, NewEvent,
    Policy, PolicyDraft, PolicyId, PolicySchema, PolicySet, PolicySetDraft, PolicySetId, PolicySetVersionId,
    PolicyVersion, PolicyVersionId, SetVersionRecord, SigningKey, Timestamp, UserToken, UserTokenId, Zone, ZoneId,
};
use cedarkeep_store::{AttestationRecord, Changed, IdempotentAnswer, JobClaim, ReSignRefusal, Row, StoreError, Write};

fn broken() -> StoreError {
    StoreError::Unavailable("an earlier step of this transaction failed or was left in the middle".into())
}

/// A step that failed, or whose future was dropped halfway, breaks the transaction. The engines differ in what they do
/// then (SQLite may have rolled back and would go on outside of any transaction, PostgreSQL answers a COMMIT kindly and
/// keeps nothing), so nothing more is sent to them.
impl<C: Transaction> Session<C> {
    pub(super) fn step(&mut self) -> Result<&mut Sql, StoreError> {
        if std::mem::replace(&mut self.broken, true) { Err(broken()) } else { Ok(self.on.connection()) }
    }

    pub(super) fn done<T>(&mut self, step: Result<T, StoreError>) -> Result<T, StoreError> {
        self.broken = step.is_err();
        step
    }

    /// The same of a step that others are to be told of.
    fn done_and<T>(
        &mut self,
        step: Result<T, StoreError>,
        changed: impl FnOnce(&T) -> Changed,
    ) -> Result<T, StoreError> {
        if let Ok(done) = &step {
            self.on.remember(changed(done));
        }
        self.done(step)
    }
}

#[async_trait]
impl<C: Transaction> Write for Session<C> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if self.broken {
            return Err(broken());
        }
        self.on.commit().await
    }

    async fn announce(&mut self, zone: ZoneId) -> Result<(), StoreError> {
        self.step()?;
        self.done_and(Ok(()), |()| Changed::Shows(zone))
    }

    async fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let done = zones::put_meta(self.step()?, key, value).await;
        self.done_and(done, |()| Changed::Something)
    }

    async fn lock_zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError> {
        let done = zones::lock(self.step()?, id).await;
        self.done(done)
    }

    async fn insert_zone(&mut self, zone: &Zone, data_key: &[u8]) -> Result<(), StoreError> {
        let done = zones::insert(self.step()?, zone, data_key).await;
        self.done(done)
    }

    async fn update_zone(&mut self, zone: &Zone) -> Result<(), StoreError> {
        let done = zones::update(self.step()?, zone).await;
        self.done(done)
    }

    async fn bump_revision(&mut self, id: ZoneId) -> Result<u64, StoreError> {
        let done = zones::bump_revision(self.step()?, id).await;
        self.done_and(done, |revision| Changed::Decides(id, *revision))
    }

    async fn delete_zone(&mut self, id: ZoneId, at: Timestamp) -> Result<(), StoreError> {
        let done = zones::delete(self.step()?, id, at).await;
        self.done_and(done, |()| Changed::Shows(id))
    }

    async fn append_event(&mut self, zone: ZoneId, event: NewEvent) -> Result<Event, StoreError> {
        let done = events::append(self.step()?, zone, event).await;
        self.done(done)
    }

    async fn insert_schema(&mut self, schema: &PolicySchema) -> Result<(), StoreError> {
        let done = schemas::insert(self.step()?, schema).await;
        self.done(done)
    }

    async fn update_schema(&mut self, schema: &PolicySchema) -> Result<(), StoreError> {
        let done = schemas::update(self.step()?, schema).await;
        self.done(done)
    }

    async fn insert_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        let done = policies::insert(self.step()?, policy).await;
        self.done(done)
    }

    async fn update_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        let done = policies::update(self.step()?, policy).await;
        self.done(done)
    }

    async fn insert_policy_version(&mut self, version: &PolicyVersion) -> Result<(), StoreError> {
        let done = policy_versions::insert(self.step()?, version).await;
        self.done(done)
    }

    async fn archive_policy_version(
        &mut self,
        zone: ZoneId,
        id: PolicyVersionId,
        archived: &Archived,
    ) -> Result<(), StoreError> {
        let done = policy_versions::archive(self.step()?, zone, id, archived).await;
        self.done(done)
    }

    async fn put_policy_draft(&mut self, draft: &PolicyDraft) -> Result<(), StoreError> {
        let done = drafts::put_policy(self.step()?, draft).await;
        self.done(done)
    }

    async fn delete_policy_draft(&mut self, zone: ZoneId, policy: PolicyId) -> Result<(), StoreError> {
        let done = drafts::delete_policy(self.step()?, zone, policy).await;
        self.done(done)
    }

    async fn insert_policy_set(&mut self, set: &PolicySet) -> Result<(), StoreError> {
        let done = policy_sets::insert(self.step()?, set).await;
        self.done(done)
    }

    async fn update_policy_set(&mut self, set: &PolicySet) -> Result<(), StoreError> {
        let done = policy_sets::update(self.step()?, set).await;
        self.done(done)
    }

    async fn insert_set_version(&mut self, version: &SetVersionRecord) -> Result<(), StoreError> {
        let done = set_versions::insert(self.step()?, version).await;
        self.done(done)
    }

    async fn archive_set_version(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
        archived: &Archived,
    ) -> Result<(), StoreError> {
        let done = set_versions::archive(self.step()?, zone, id, archived).await;
        self.done(done)
    }

    async fn insert_attestation(&mut self, attestation: &AttestationRecord) -> Result<(), StoreError> {
        let done = set_versions::insert_attestation(self.step()?, attestation).await;
        self.done(done)
    }

    async fn put_set_draft(&mut self, draft: &PolicySetDraft) -> Result<(), StoreError> {
        let done = drafts::put_set(self.step()?, draft).await;
        self.done(done)
    }

    async fn delete_set_draft(&mut self, zone: ZoneId, set: PolicySetId) -> Result<(), StoreError> {
        let done = drafts::delete_set(self.step()?, zone, set).await;
        self.done(done)
    }

    async fn bind(&mut self, binding: &Binding) -> Result<(), StoreError> {
        let done = bindings::bind(self.step()?, binding).await;
        self.done(done)
    }

    async fn unbind(&mut self, zone: ZoneId, id: BindingId) -> Result<(), StoreError> {
        let done = bindings::unbind(self.step()?, zone, id).await;
        self.done(done)
    }

    async fn put_entities(&mut self, entities: &[EntityRecord]) -> Result<(), StoreError> {
        let done = entities::put(self.step()?, entities).await;
        self.done(done)
    }

    async fn delete_entities(
        &mut self,
        zone: ZoneId,
        revision: u64,
        uids: &[(String, String)],
    ) -> Result<(), StoreError> {
        let done = entities::delete(self.step()?, zone, revision, uids).await;
        self.done(done)
    }

    async fn delete_all_entities(&mut self, zone: ZoneId, revision: u64) -> Result<(), StoreError> {
        let done = entities::delete_all(self.step()?, zone, revision).await;
        self.done(done)
    }

    async fn insert_key(&mut self, key: &SigningKey) -> Result<(), StoreError> {
        let done = keys::insert(self.step()?, key).await;
        self.done(done)
    }

    async fn update_key(&mut self, key: &SigningKey) -> Result<(), StoreError> {
        let done = keys::update(self.step()?, key).await;
        self.done(done)
    }

    async fn insert_re_sign_refusal(&mut self, refusal: &ReSignRefusal) -> Result<(), StoreError> {
        let done = re_sign::refuse(self.step()?, refusal).await;
        self.done(done)
    }

    async fn insert_divergence(&mut self, divergence: &Divergence) -> Result<(), StoreError> {
        let done = divergences::insert(self.step()?, divergence).await;
        self.done(done)
    }

    async fn add_divergence_total(&mut self, zone: ZoneId, total: &DivergenceTotal) -> Result<(), StoreError> {
        let done = divergences::add_total(self.step()?, zone, total).await;
        self.done(done)
    }

    async fn forget_divergences(&mut self, zone: ZoneId, kept: u32) -> Result<(), StoreError> {
        let done = divergences::forget(self.step()?, zone, kept).await;
        self.done(done)
    }

    async fn insert_decisions(&mut self, decisions: &[LoggedDecision]) -> Result<(), StoreError> {
        let done = decisions::insert(self.step()?, decisions).await;
        self.done(done)
    }

    async fn forget_decisions(&mut self, zone: ZoneId, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let done = decisions::forget(self.step()?, zone, before, most).await;
        self.done(done)
    }

    async fn insert_user_token(&mut self, token: &UserToken, sha256: Digest) -> Result<(), StoreError> {
        let done = users::insert_token(self.step()?, token, sha256).await;
        self.done(done)
    }

    async fn delete_user_token(&mut self, zone: ZoneId, id: UserTokenId) -> Result<(), StoreError> {
        let done = users::delete_token(self.step()?, zone, id).await;
        self.done(done)
    }

    async fn insert_bundle_set(&mut self, zone: ZoneId, user: &str, set: PolicySetId) -> Result<(), StoreError> {
        let done = users::insert_bundle_set(self.step()?, zone, user, set).await;
        self.done(done)
    }

    async fn insert_bundle_policy(&mut self, zone: ZoneId, user: &str, policy: PolicyId) -> Result<(), StoreError> {
        let done = users::insert_bundle_policy(self.step()?, zone, user, policy).await;
        self.done(done)
    }

    async fn insert_rows(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let done = rows::insert(self.step()?, rows).await;
        self.done(done)
    }

    async fn claim(&mut self, claim: &JobClaim) -> Result<bool, StoreError> {
        let done = claims::claim(self.step()?, claim).await;
        self.done(done)
    }

    async fn release(&mut self, job: &str, holder: &str) -> Result<(), StoreError> {
        let done = claims::release(self.step()?, job, holder).await;
        self.done(done)
    }

    async fn keep_answer(&mut self, answer: &IdempotentAnswer, stale_before: Timestamp) -> Result<(), StoreError> {
        let done = events::keep_answer(self.step()?, answer, stale_before).await;
        self.done(done)
    }

    async fn forget_answers(&mut self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let done = events::forget_answers(self.step()?, before, most).await;
        self.done(done)
    }
}
