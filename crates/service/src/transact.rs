//! Changes: one transaction each, in a task of its own, remembered when the caller wants to be able to repeat it.

use std::{sync::Arc, time::Duration};

use cedarkeep_model::{Digest, EventKind, NewEvent, Timestamp, Zone, ZoneId};
use cedarkeep_store::{IdempotentAnswer, Write};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{task::JoinError, time::sleep};
use tracing::{Instrument as _, trace_span};

use crate::{
    Call, Code, Error, Principal, Service, access, entity_cache::ZoneEntities, service::Inner, snapshot::ZoneChange,
};

/// How long an answer is kept under its idempotency key.
const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// How often a change is tried that loses to another transaction.
const ATTEMPTS: u32 = 5;
/// How long it waits before it is tried again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// How many stale answers a change clears away on its way.
const CLEARED_AT_ONCE: u32 = 16;

/// A transaction with what every change needs: who, when, and what to do once it is committed.
pub(crate) struct Tx {
    pub(crate) store: Box<dyn Write>,
    pub(crate) service: Service,
    pub(crate) actor: String,
    /// Who calls. What an earlier caller has asked for is done in that caller's name by the server itself.
    pub(crate) principal: Principal,
    pub(crate) now: Timestamp,
    changed_zones: Vec<(ZoneId, ZoneChange)>,
    key_work: bool,
    callers_change: bool,
    entities: Vec<(ZoneId, Arc<ZoneEntities>)>,
}

impl Tx {
    /// Takes the zone for this transaction. Everything that draws a number in a zone begins here.
    pub(crate) async fn zone(&mut self, id: ZoneId) -> Result<Zone, Error> {
        self.store.lock_zone(id).await?.ok_or_else(|| Error::not_found("zone"))
    }

    /// Records the change.
    pub(crate) async fn event(&mut self, zone: ZoneId, kind: EventKind, body: Value) -> Result<u64, Error> {
        let actor = self.actor.clone();
        self.event_of(&actor, zone, kind, body).await
    }

    /// Records a change that somebody else has caused earlier.
    pub(crate) async fn event_of(
        &mut self,
        actor: &str,
        zone: ZoneId,
        kind: EventKind,
        body: Value,
    ) -> Result<u64, Error> {
        let event = NewEvent { kind, actor: actor.to_owned(), at: self.now, body };
        Ok(self.store.append_event(zone, event).await?.seq)
    }

    /// Callers may be others than they were, once this is committed.
    pub(crate) fn callers_change(&mut self) {
        self.callers_change = true;
    }

    /// There is something to be done for a zone's keys once this is committed.
    pub(crate) fn makes_key_work(&mut self) {
        self.key_work = true;
    }

    /// Keeps a zone's entities as they are once this is committed.
    pub(crate) fn keep_once_committed(&mut self, zone: ZoneId, entities: Arc<ZoneEntities>) {
        self.entities.push((zone, entities));
    }

    /// Decisions show something of the zone that has changed, though nothing decides differently.
    pub(crate) fn shows_anew(&mut self, zone: ZoneId) {
        self.changed_zones.push((zone, ZoneChange::Shows));
    }

    /// Whether the caller may do this in the zone.
    pub(crate) async fn permit(&mut self, operation: &str, id: ZoneId) -> Result<(), Error> {
        let service = self.service.clone();
        let zone = self.store.zone(id).await?.ok_or_else(|| Error::not_found("zone"))?;
        service.permit_in(&self.principal, operation, &zone).await
    }

    /// Counts the zone's revision up: what decides has changed, and decisions follow once this is committed. Every way to
    /// change what decides goes through here, and so nobody does who may not.
    pub(crate) async fn decides_anew(&mut self, zone: ZoneId) -> Result<u64, Error> {
        self.permit(access::CHANGES_WHAT_DECIDES, zone).await?;
        self.changed_zones.push((zone, ZoneChange::Decides));
        Ok(self.store.bump_revision(zone).await?)
    }
}

/// Takes its scope out of those under way when the request is over.
struct UnderWay {
    service: Arc<Inner>,
    scope: Digest,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Ok(mut under_way) = self.service.under_way.lock() {
            under_way.remove(&self.scope);
        }
    }
}

impl Service {
    /// Runs a creating operation, or gives the answer that it gave before under the same idempotency key. While the
    /// first is under way, a second is refused; on another instance it waits and is given the first one's answer.
    pub(crate) async fn once<T>(
        &self,
        call: &Call,
        operation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let Some((scope, request)) = call.scope()? else { return operation.await };
        let _under_way = self.enter(scope)?;
        if let Some(answer) = self.kept_answer(scope, request).await? {
            return Ok(answer);
        }
        let error = match operation.await {
            Err(error) => error,
            done => return done,
        };
        // On another instance the same request may have been the first, and stood in the way of this one.
        match self.kept_answer(scope, request).await {
            Ok(Some(answer)) => Ok(answer),
            _ => Err(error),
        }
    }

    async fn kept_answer<T: DeserializeOwned>(&self, scope: Digest, request: Digest) -> Result<Option<T>, Error> {
        let kept = self.read().await?.answer(scope).await?;
        self.replay(kept, request)
    }

    fn enter(&self, scope: Digest) -> Result<UnderWay, Error> {
        let poisoned = |_| Error::new(Code::Internal, "the list of requests under way is lost");
        if !self.0.under_way.lock().map_err(poisoned)?.insert(scope) {
            let message = "a request with this Idempotency-Key is under way; wait for its answer and repeat";
            return Err(Error::new(Code::IdempotencyConflict, message));
        }
        Ok(UnderWay { service: Arc::clone(&self.0), scope })
    }

    fn replay<T: DeserializeOwned>(&self, kept: Option<IdempotentAnswer>, request: Digest) -> Result<Option<T>, Error> {
        let fresh = |kept: &IdempotentAnswer| kept.created_at >= self.now().plus_seconds(-KEPT_SECONDS);
        let Some(kept) = kept.filter(fresh) else { return Ok(None) };
        if kept.request != request {
            let message = "this Idempotency-Key was used with another body in the last 24 hours; use a fresh key";
            return Err(Error::new(Code::IdempotencyMismatch, message));
        }
        Ok(Some(serde_json::from_str(&kept.answer)?))
    }

    /// Runs one transaction to its end whether or not the caller is still there, keeps the answer when the call has an
    /// idempotency key, and lets decisions see the change before it answers. A transaction that loses to another is run
    /// once more from its beginning, some times.
    pub(crate) async fn transact<T, F>(&self, call: &Call, work: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Clone + Send + 'static,
    {
        let (service, principal, scope) = (self.clone(), call.principal.clone(), call.scope()?);
        let change = async move {
            let mut attempt = 1;
            loop {
                match service.attempt(&principal, scope, work.clone()).await {
                    Err(error) if error.is_lost() && attempt < ATTEMPTS => {
                        // Whoever won is soon done.
                        sleep(FIRST_PAUSE * (1 << attempt)).await;
                        attempt += 1;
                    }
                    answer => break answer,
                }
            }
        };
        tokio::spawn(change.in_current_span()).await.map_err(broken_off)?
    }

    /// The same for work that cannot be done twice: when it loses, the caller is told to try again.
    pub(crate) async fn transact_once<T, F>(&self, call: &Call, work: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    {
        let (service, principal, scope) = (self.clone(), call.principal.clone(), call.scope()?);
        let change = async move { service.attempt(&principal, scope, work).await };
        tokio::spawn(change.in_current_span()).await.map_err(broken_off)?
    }

    /// One transaction, that commits or leaves nothing behind.
    #[tracing::instrument(target = "cedarkeep::trace", level = "trace", name = "transaction", skip_all)]
    async fn attempt<T, F>(&self, principal: &Principal, scope: Option<(Digest, Digest)>, work: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>>,
    {
        let now = self.now();
        self.check_store()?;
        let store = self.0.store.write().await?;
        let mut tx = Tx {
            store,
            service: self.clone(),
            actor: principal.id.clone(),
            principal: principal.clone(),
            now,
            changed_zones: Vec::new(),
            key_work: false,
            callers_change: false,
            entities: Vec::new(),
        };
        if let Some((scope, request)) = scope {
            let kept = tx.store.answer(scope).await?;
            if let Some(answer) = self.replay(kept, request)? {
                return Ok(answer);
            }
        }
        let result = work(&mut tx).await?;
        if let Some((scope, request)) = scope {
            keep(&mut tx, scope, request, &result).await?;
        }
        for (zone, _) in tx.changed_zones.iter().filter(|(_, change)| *change == ZoneChange::Shows) {
            tx.store.announce(*zone).await?;
        }
        let Tx { store, changed_zones, key_work, callers_change, entities, .. } = tx;
        store.commit().instrument(trace_span!(target: "cedarkeep::trace", "commit")).await?;
        for (zone, entities) in entities {
            self.0.entities.put(zone, entities).await;
        }
        if callers_change {
            self.0.principals.forget();
        }
        if key_work {
            self.0.jobs.wake();
        }
        for (zone, change) in changed_zones {
            self.zone_changed(zone, change).await;
        }
        Ok(result)
    }
}

fn broken_off(error: JoinError) -> Error {
    Error::new(Code::Internal, "the change was broken off").with_source(error)
}

async fn keep<T: Serialize>(tx: &mut Tx, scope: Digest, request: Digest, result: &T) -> Result<(), Error> {
    let answer = IdempotentAnswer { scope, request, answer: serde_json::to_string(result)?, created_at: tx.now };
    let stale_before = tx.now.plus_seconds(-KEPT_SECONDS);
    tx.store.forget_answers(stale_before, CLEARED_AT_ONCE).await?;
    Ok(tx.store.keep_answer(&answer, stale_before).await?)
}
