//! Signing set versions again: with the key that signs now, or away from one that is to be revoked. Nothing is kept
//! about how far it is, that shows from the attestations; so it goes on where it was after any interruption.

mod examine;

use cedarkeep_model::{
    AttestationStatement, AttestationStatus, Envelope, EventKind, PolicySetId, PolicySetVersion, PolicySetVersionId,
    SigningKey, ZoneId,
};
use cedarkeep_store::{ReSignJob, ReSignRefusal, StoreError};
use serde_json::json;

pub(crate) use self::examine::Run;
use self::examine::{Examined, examine};
use crate::{
    Call, Error, Principal, Service, keys,
    publish_set::{add_attestation, statement},
    signing_keys::{due, is_leaving, signer, withdraw},
    transact::Tx,
};

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
        let examined = match run.next(&mut *store, zone, &job).await? {
            Some((set, id)) => Some(examine(&self.0.cedar, store, (zone, set, id), run).await?),
            None => None,
        };
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
    // Another worker may have signed it again before this one looked at it.
    let done = match job {
        ReSignJob::With(kid) => now.attestation.key_id == *kid || now.archived.is_some(),
        ReSignJob::AwayFrom(kid) => now.attestation.key_id != *kid,
    };
    if now.attestations != seq || done {
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
