//! Signing set versions again: with the key that signs now, or away from one that is to be revoked. Nothing is kept
//! about how far it is, that shows from the attestations; so it goes on where it was after any interruption.

use std::collections::HashSet;

use cedarkeep_cedar::PoolError;
use cedarkeep_model::{
    AttestationStatement, AttestationStatus, Digest, Envelope, EventKind, PolicySchema, PolicySetId, PolicySetVersion,
    PolicySetVersionId, PolicyVersion, SigningKey, ZoneId,
};
use cedarkeep_store::{
    AttestationRecord, Direction, Order, Position, ReSignJob, ReSignRefusal, Read, StoreError, Window,
};
use serde_json::{Value, json};

use crate::{
    Call, Error, Principal, Service,
    chain::{Chain, SetVersions},
    keys::{self, KnownKeys},
    publish_set::{add_attestation, pinned_version, statement},
    recompute::{same_as_attested, same_as_pinned, same_as_published},
    signing_keys::{due, is_leaving, signer, withdraw},
    transact::Tx,
};

/// What a worker remembers of a zone from one version to the next. It can be lost at any time.
#[derive(Default)]
pub(crate) struct Run {
    chain: Chain,
    published: SetVersions,
    /// What of the content was recomputed and found right, by the digest of its stored form.
    right: HashSet<Digest>,
    /// The last version that was looked at, and for the sake of which key.
    at: Option<(ReSignJob, Position)>,
}

/// Why a version was not found to be what was published.
enum Doubt {
    /// It is something else.
    Found(String),
    /// It could not be looked at.
    Failed(Error),
}

impl From<StoreError> for Doubt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(what) => Self::Found(what),
            other => Self::Failed(other.into()),
        }
    }
}

impl From<PoolError> for Doubt {
    fn from(error: PoolError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Doubt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<String> for Doubt {
    fn from(found: String) -> Self {
        Self::Found(found)
    }
}

/// A version that was looked at.
struct Examined {
    set: PolicySetId,
    id: PolicySetVersionId,
    /// Its newest attestation, when that could be read.
    newest: Option<(u64, Envelope)>,
    /// The version, or what is wrong with it.
    verdict: Result<PolicySetVersion, String>,
}

impl Service {
    /// Does one thing for the keys of a zone: lets a key sign whose time has come, signs one version again or refuses
    /// it, or notes that all is done. Answers whether there was one.
    pub(crate) async fn key_work(&self, zone: ZoneId, run: &mut Run) -> Result<bool, Error> {
        let mut store = self.read().await?;
        let keys = store.signing_keys(zone).await?;
        if let Some(waiting) = due(&keys, self.now()) {
            let call = of(&waiting.created_by);
            drop(store);
            self.activate_due_key(&call, zone).await?;
            return Ok(true);
        }
        let Some((job, call)) = next_job(&keys)? else { return Ok(false) };
        let next = run.next(&mut *store, zone, &job).await?;
        let examined = match next {
            Some((set, id)) => Some(self.examine(&mut *store, zone, set, id, run).await?),
            None => None,
        };
        drop(store);
        self.transact(&call, move |tx| {
            Box::pin(async move {
                match examined {
                    Some(examined) => settle(tx, zone, &job, examined).await,
                    None => finish(tx, zone, &job).await,
                }
            })
        })
        .await?;
        Ok(true)
    }

    /// Recomputes everything about a version and compares it with what its events tell.
    async fn examine(
        &self,
        store: &mut dyn Read,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
        run: &mut Run,
    ) -> Result<Examined, Error> {
        let attestations = match store.attestations(zone, id).await {
            Ok(attestations) => Ok(attestations),
            Err(StoreError::Damaged(what)) => Err(what),
            Err(other) => return Err(other.into()),
        };
        let newest = attestations.as_ref().ok().and_then(|all| all.last());
        let newest = newest.map(|newest| (newest.seq, newest.envelope.clone()));
        // The events are read after what they are compared with, and so are the keys: neither can be too old.
        run.follow(store, zone).await?;
        let known = KnownKeys::new(&store.signing_keys(zone).await?)?;
        let compared = match attestations {
            Ok(attestations) => self.compare(store, zone, (set, id), &attestations, &known, run).await,
            Err(what) => Err(Doubt::Found(what)),
        };
        let verdict = match compared {
            Ok(version) => Ok(version),
            Err(Doubt::Found(what)) => Err(what),
            Err(Doubt::Failed(error)) => return Err(error),
        };
        Ok(Examined { set, id, newest, verdict })
    }

    async fn compare(
        &self,
        store: &mut dyn Read,
        zone: ZoneId,
        (set, id): (PolicySetId, PolicySetVersionId),
        attestations: &[AttestationRecord],
        known: &KnownKeys,
        run: &mut Run,
    ) -> Result<PolicySetVersion, Doubt> {
        let version = store.set_version(zone, set, id).await?;
        let version = version.ok_or_else(|| "it is no longer there".to_owned())?;
        let (record, published) = (&version.record, run.published.get(id));
        same_as_published(record, published)?;
        same_as_attested(record, published, attestations, known)?;
        let schema = store.schema(zone, record.schema_version.as_str()).await?;
        let schema = schema.ok_or_else(|| "its schema is missing".to_owned())?;
        let ids: Vec<_> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
        let pinned = store.policy_versions_by_id(zone, &ids).await?;
        same_as_pinned(record, Some(&schema), &pinned)?;
        self.recompute(schema, pinned, run).await?;
        Ok(version)
    }

    /// Lets Cedar read the schema and every policy, and compares their digests; each content once in a run.
    async fn recompute(&self, schema: PolicySchema, pinned: Vec<PolicyVersion>, run: &mut Run) -> Result<(), Doubt> {
        let stored = stored_form(&json!([schema.cedar_schema_json, schema.schema_sha]));
        if !run.right.contains(&stored) {
            let (json, sha) = (schema.cedar_schema_json, schema.schema_sha);
            let loaded = self.0.cedar.run(move || cedarkeep_cedar::load_schema(&json, sha).map(drop)).await?;
            loaded.map_err(|error| format!("schema version {}: {error}", schema.version))?;
            run.right.insert(stored);
        }
        for version in pinned {
            let stored = stored_form(&json!([version.origin, version.cedar_raw, version.cedar_json, version.sha]));
            if !run.right.contains(&stored) {
                let (id, pinned) = (version.id, pinned_version(version));
                let checked = self.0.cedar.run(move || cedarkeep_cedar::check_content(&pinned)).await?;
                checked.map_err(|error| format!("policy version {id}: {error}"))?;
                run.right.insert(stored);
            }
        }
        Ok(())
    }
}

/// A digest by which stored content is known again within one run, byte for byte.
fn stored_form(content: &Value) -> Digest {
    Digest::of(content.to_string().as_bytes())
}

impl Run {
    /// The next version that is to be signed again. Whoever has come to the end looks once more from the beginning.
    async fn next(
        &mut self,
        store: &mut dyn Read,
        zone: ZoneId,
        job: &ReSignJob,
    ) -> Result<Option<(PolicySetId, PolicySetVersionId)>, Error> {
        let mut start = self.at.take().filter(|(known, _)| known == job).map(|(_, position)| position);
        loop {
            let again = start.is_some();
            let window = Window { order: Order::Asc, start, direction: Direction::Forward, limit: 1 };
            let next = store.to_re_sign(zone, job, &window).await?.items.pop();
            match next {
                Some((position, version)) => {
                    self.at = Some((job.clone(), position));
                    return Ok(Some(version));
                }
                None if again => start = None,
                None => return Ok(None),
            }
        }
    }

    /// Follows the zone's events to their present end.
    async fn follow(&mut self, store: &mut dyn Read, zone: ZoneId) -> Result<(), Error> {
        let count = store.count_events(zone).await?;
        let published = &mut self.published;
        let mut problems = self.chain.advance(store, zone, |event| published.apply(event)).await?;
        if self.chain.seq() < count {
            problems.push("the last events are missing".to_owned());
        }
        match problems.into_iter().next() {
            None => Ok(()),
            Some(problem) => {
                let message = format!(
                    "nothing is signed again, because the zone's chain of events is damaged: {problem}; \
                     restore it from a backup and run `cedarkeep fsck`"
                );
                Err(Error::new(crate::Code::IntegrityError, message))
            }
        }
    }
}

fn of(actor: &str) -> Call {
    Call::by(Principal { id: actor.to_owned(), ..Principal::administrator() })
}

/// What is to be done, and in whose name: revocations first.
fn next_job(keys: &[SigningKey]) -> Result<Option<(ReSignJob, Call)>, Error> {
    let leaving = keys.iter().filter(|key| is_leaving(key));
    for key in leaving {
        if let Some(request) = &key.revoke_requested {
            return Ok(Some((ReSignJob::AwayFrom(key.kid.clone()), of(&request.by))));
        }
    }
    let signing = keys::signing(keys)?;
    let unfinished = signing.re_signed_at.is_none();
    Ok(unfinished.then(|| (ReSignJob::With(signing.kid.clone()), of(&signing.created_by))))
}

/// The key for whose sake it is done, unless that is no longer to be done.
async fn standing(tx: &mut Tx, zone: ZoneId, job: &ReSignJob) -> Result<Option<SigningKey>, Error> {
    tx.zone(zone).await?;
    let keys = tx.store.signing_keys(zone).await?;
    let stands = next_job(&keys)?.is_some_and(|(next, _)| next == *job);
    Ok(keys.into_iter().find(|key| stands && key.kid == job.kid()))
}

/// Signs a version again, or notes that it was refused, unless somebody else has done so meanwhile.
async fn settle(tx: &mut Tx, zone: ZoneId, job: &ReSignJob, examined: Examined) -> Result<(), Error> {
    if standing(tx, zone, job).await?.is_none() {
        return Ok(());
    }
    match examined.verdict {
        Ok(version) => match examined.newest {
            Some((seq, newest)) => sign(tx, job, &version, seq, &newest).await,
            None => Ok(()),
        },
        Err(reason) => {
            let seq = examined.newest.map(|(seq, _)| seq);
            if changed(tx, zone, examined.id, seq).await? {
                return Ok(());
            }
            refuse(tx, zone, job, (examined.set, examined.id), reason).await
        }
    }
}

/// Whether a version has another newest attestation than the one that was looked at.
async fn changed(tx: &mut Tx, zone: ZoneId, id: PolicySetVersionId, seq: Option<u64>) -> Result<bool, Error> {
    match tx.store.attestations(zone, id).await {
        Ok(attestations) => Ok(attestations.last().map(|newest| newest.seq) != seq),
        Err(StoreError::Damaged(_)) => Ok(seq.is_some()),
        Err(other) => Err(other.into()),
    }
}

async fn sign(
    tx: &mut Tx,
    job: &ReSignJob,
    version: &PolicySetVersion,
    seq: u64,
    newest: &Envelope,
) -> Result<(), Error> {
    let record = &version.record;
    let (zone, set, id) = (record.zone_id, record.policy_set_id, record.id);
    let Some(now) = tx.store.set_version(zone, set, id).await? else { return Ok(()) };
    let archived = now.archived.is_some() && matches!(job, ReSignJob::With(_));
    if now.attestations != seq || archived {
        return Ok(());
    }
    let signer = signer(tx, zone).await?;
    let statement = AttestationStatement {
        status: AttestationStatus::ReSigned,
        cedar_version: cedarkeep_cedar::cedar_version().to_owned(),
        prev_sha256: Some(newest.digest()?),
        created_at: Some(record.created_at),
        created_by: Some(record.created_by.clone()),
        ..statement(tx, record, &signer)
    };
    let body = json!({
        "policy_set_id": set, "policy_set_version_id": id, "version": record.version, "attestation": seq + 1,
        "kid": statement.key_id, "prev_sha256": statement.prev_sha256,
    });
    add_attestation(tx, signer, seq + 1, statement).await?;
    tx.event(zone, EventKind::SetVersionReSigned, body).await?;
    metrics::counter!("cedarkeep_re_signed_total").increment(1);
    Ok(())
}

async fn refuse(
    tx: &mut Tx,
    zone: ZoneId,
    job: &ReSignJob,
    (set, id): (PolicySetId, PolicySetVersionId),
    reason: String,
) -> Result<(), Error> {
    tracing::error!(%zone, policy_set_version_id = %id, reason, "a policy set version is not what was published");
    metrics::counter!("cedarkeep_re_sign_refused_total").increment(1);
    let known = tx.store.re_sign_refusals(zone).await?;
    if known.iter().any(|known| known.kid == job.kid() && known.policy_set_version_id == id) {
        return Ok(());
    }
    let body = json!({
        "policy_set_id": set, "policy_set_version_id": id, "for_kid": job.kid(), "reason": reason,
    });
    let refusal = ReSignRefusal {
        zone_id: zone,
        kid: job.kid().to_owned(),
        policy_set_version_id: id,
        reason,
        refused_at: tx.now,
    };
    tx.store.insert_re_sign_refusal(&refusal).await?;
    tx.event(zone, EventKind::SetVersionReSignRefused, body).await.map(|_| ())
}

/// Notes that nothing is left to be signed again for the sake of a key, unless something is.
async fn finish(tx: &mut Tx, zone: ZoneId, job: &ReSignJob) -> Result<(), Error> {
    let Some(mut key) = standing(tx, zone, job).await? else { return Ok(()) };
    if tx.store.count_to_re_sign(zone, std::slice::from_ref(job)).await? > 0 {
        return Ok(());
    }
    match job {
        ReSignJob::With(_) => {
            key.re_signed_at = Some(tx.now);
            Ok(tx.store.update_key(&key).await?)
        }
        ReSignJob::AwayFrom(kid) => {
            let signed = tx.store.signed_versions(zone, kid).await?;
            let refused = tx.store.re_sign_refusals(zone).await?.into_iter().filter(|refusal| refusal.kid == *kid);
            let refused: Vec<_> = refused.map(|refusal| refusal.policy_set_version_id).collect();
            withdraw(tx, &mut key, signed.ever - signed.newest, &refused).await
        }
    }
}
