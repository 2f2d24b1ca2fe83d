//! Forgetting: what is older than its zone keeps it, and what was logged in zones that are deleted.

use std::sync::{Mutex, PoisonError};

use cedarkeep_model::{Timestamp, Zone};

use crate::{Error, Service, claims::Claims};

/// How often it is looked for, in seconds.
const EVERY: i64 = 60;
/// Under which name it is claimed.
const JOB: &str = "retention of decisions";
/// The most that is forgotten in one transaction.
const BITE: u32 = 1_000;

/// When it is to be looked for next; at once in the beginning.
#[derive(Default)]
pub(crate) struct Sweep(Mutex<Option<Timestamp>>);

impl Sweep {
    fn is_due(&self, now: Timestamp) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|due| due <= now)
    }

    fn done(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now.plus_seconds(EVERY));
    }
}

impl Service {
    /// Forgets a bite in every zone, when it is time to; whether there is more to forget.
    pub(crate) async fn forget_decisions(&self, sweep: &Sweep, claims: &Claims) -> bool {
        let now = self.now();
        if !sweep.is_due(now) {
            return false;
        }
        let more = match self.forget_a_bite_everywhere(claims, now).await {
            Ok(more) => more,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "forgetting logged decisions");
                false
            }
        };
        if !more {
            sweep.done(self.now());
        }
        more
    }

    async fn forget_a_bite_everywhere(&self, claims: &Claims, now: Timestamp) -> Result<bool, Error> {
        let (mut last, mut more) = (None, false);
        loop {
            let mut store = self.read().await?;
            let Some((id, oldest)) = store.next_logged_zone(last).await? else { return Ok(more) };
            let before =
                store.zone(id).await?.map_or(Timestamp::from_micros(i64::MAX), |zone| kept_from(&zone, self.now()));
            drop(store);
            if oldest < before {
                if !self.claim(claims, JOB, now).await? {
                    // Another instance is at it.
                    return Ok(false);
                }
                let mut tx = self.0.store.write().await?;
                more |= tx.forget_decisions(id, before, BITE).await? >= u64::from(BITE);
                tx.commit().await?;
            }
            last = Some(id);
        }
    }
}

/// The moment before which a zone keeps no decisions.
fn kept_from(zone: &Zone, now: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60;
    now.plus_seconds(-DAY * i64::from(zone.settings.decision_log_retention_days))
}
