//! Claims on jobs: one instance at a time does a job, and another takes it over when that one is gone.
//!
//! A claim is a lease by the clocks of the instances. They may differ, an instance may stand still while its lease runs
//! out, and two may work at once: that costs work and does no harm, because every step of a job takes its zone and looks
//! again at what is to be done, in the transaction that does it. So nothing but time rests on a claim being right.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cedarkeep_model::Timestamp;
use cedarkeep_store::JobClaim;

use crate::{Error, Service};

/// How long a job is claimed, in seconds: so long nobody does the job of an instance that has died.
const LEASE: i64 = 10;
/// How long before its end a claim is renewed.
const MARGIN: i64 = 5;
/// For how long an instance does not ask again for what another one does.
const REFUSED: i64 = 2;

/// The jobs of this instance, and those of others.
pub(crate) struct Claims {
    holder: String,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    /// Ours until then.
    Ours(Timestamp),
    /// Another one's; to be asked for again then.
    Others(Timestamp),
}

impl Default for Claims {
    /// Under a name that no other instance has: the keys of the standard library's hash tables are random.
    fn default() -> Self {
        let halves = [(); 2].map(|()| RandomState::new().build_hasher().finish());
        Self { holder: halves.map(|half| format!("{half:016x}")).concat(), known: Mutex::default() }
    }
}

impl Claims {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the job is ours, as far as that can be said without asking.
    fn is_ours(&self, job: &str, now: Timestamp) -> Option<bool> {
        match self.known().get(job)? {
            Known::Ours(until) if now < until.plus_seconds(-MARGIN) => Some(true),
            Known::Others(again) if now < *again => Some(false),
            _ => None,
        }
    }
}

impl Service {
    /// Claims a job from now on, unless it is ours anyway; whether it is. A store that no other instance uses has no others to claim
    /// from.
    pub(crate) async fn claim(&self, claims: &Claims, job: &str, from: Timestamp) -> Result<bool, Error> {
        if !self.is_shared() {
            return Ok(true);
        }
        if let Some(ours) = claims.is_ours(job, from) {
            return Ok(ours);
        }
        let until = from.plus_seconds(LEASE);
        let claim = JobClaim { job: job.to_owned(), holder: claims.holder.clone(), from, until };
        self.check_store()?;
        let mut tx = self.0.store.write().await?;
        let ours = tx.claim(&claim).await?;
        tx.commit().await?;
        let known = if ours { Known::Ours(until) } else { Known::Others(from.plus_seconds(REFUSED)) };
        let mut all = claims.known();
        all.retain(|_, known| matches!(known, Known::Ours(end) | Known::Others(end) if from < *end));
        all.insert(job.to_owned(), known);
        Ok(ours)
    }

    /// Gives up what is ours, so that others need not wait until it has passed.
    pub(crate) async fn release_all(&self, claims: &Claims) {
        let all = std::mem::take(&mut *claims.known());
        let ours: Vec<_> = all.into_iter().filter(|(_, known)| matches!(known, Known::Ours(_))).collect();
        if ours.is_empty() {
            return;
        }
        let released = async {
            self.check_store()?;
            let mut tx = self.0.store.write().await?;
            for (job, _) in &ours {
                tx.release(job, &claims.holder).await?;
            }
            Ok::<_, Error>(tx.commit().await?)
        };
        if let Err(error) = released.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "claims are left to pass");
        }
    }
}
