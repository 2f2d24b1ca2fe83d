//! Following what other instances change on the same store.

use std::{collections::HashMap, pin::pin, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{Error, Service, auth::admin_hash};

impl Service {
    /// Looks so often for what other instances have changed, until `shutdown` ends: decisions of this one follow within
    /// that time. A caller that cannot wait so long says `at_least_revision`.
    pub async fn follow_others(&self, every: Duration, shutdown: impl Future<Output = ()>) {
        let (mut shutdown, mut turns) = (pin!(shutdown), interval(every));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                _ = turns.tick() => {}
            }
            if let Err(error) = self.catch_up().await {
                metrics::counter!("cedarkeep_follow_failures_total").increment(1);
                tracing::error!(error = &error as &dyn std::error::Error, "looking for changes of other instances");
            }
        }
    }

    /// Brings every zone that is kept ready, and the administrator's token, up to what the store says: one look of
    /// [`follow_others`](Self::follow_others).
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](crate::Code::Unavailable) when the store does not answer.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let mut store = self.read().await?;
        let revisions: HashMap<_, _> = store.revisions().await?.into_iter().collect();
        let hash = admin_hash(&mut *store).await?;
        drop(store);
        if self.0.admin_hash.load().as_deref() != hash.as_ref() {
            self.0.admin_hash.store(hash.map(std::sync::Arc::new));
        }
        for (zone, revision) in self.0.snapshots.ready() {
            // One that the store has no more was deleted.
            if revisions.get(&zone).is_none_or(|stored| *stored > revision) {
                self.zone_changed(zone).await;
            }
        }
        Ok(())
    }
}
