//! Following what other instances change on the same store: by their notices, and by looking, since notices get lost.

use std::{
    collections::HashMap,
    pin::pin,
    time::{Duration, Instant},
};

use cedarkeep_store::{Changed, StoreError};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{Error, Service, auth::admin_hash, snapshot::ZoneChange};

/// How many zones are brought up to date at once: as many as leave a connection to others.
const AT_ONCE: usize = 4;
/// How long the part of a look may take that does not grow with what has changed.
const LOOK: Duration = Duration::from_secs(15);
/// How often the age of what is known is told.
const TELL: Duration = Duration::from_secs(1);

impl Service {
    /// Whether other instances may write to the store: then they are to be followed.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.store.is_shared()
    }

    /// Heeds the notices of other instances, and looks so often for what they have changed, until `shutdown` ends:
    /// decisions of this one follow within milliseconds, and within that time when a notice is lost. A caller that cannot
    /// wait so long says `at_least_revision`.
    pub async fn follow_others(&self, every: Duration, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        self.0.age.follow();
        tokio::select! {
            biased;
            () = &mut shutdown => {}
            () = self.look_for_ever(every) => {}
            () = self.heed_for_ever() => {}
            () = self.tell_for_ever() => {}
        }
    }

    async fn look_for_ever(&self, every: Duration) {
        let mut turns = interval(every);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            if let Err(error) = self.catch_up().await {
                metrics::counter!("cedarkeep_follow_failures_total").increment(1);
                tracing::error!(error = &error as &dyn std::error::Error, "looking for changes of other instances");
            }
        }
    }

    /// One zone that takes its time does not hold the others up.
    async fn heed_for_ever(&self) {
        let Some(mut notices) = self.0.store.changes() else { return std::future::pending().await };
        let mut heeding = JoinSet::new();
        loop {
            let changed = notices.next().await;
            if heeding.len() >= AT_ONCE {
                heeding.join_next().await;
            }
            let service = self.clone();
            heeding.spawn(async move {
                if let Err(error) = service.heed(changed).await {
                    // The next look tells.
                    tracing::debug!(error = &error as &dyn std::error::Error, ?changed, "a notice was not heeded");
                }
            });
        }
    }

    async fn heed(&self, changed: Changed) -> Result<(), Error> {
        match changed {
            Changed::Decides(zone, revision) => match self.0.snapshots.revision(zone).await {
                Some(known) if known < revision => self.look_again(zone, ZoneChange::Decides).await,
                _ => Ok(()),
            },
            Changed::Shows(zone) => self.look_again(zone, ZoneChange::Shows).await,
            Changed::Something => self.catch_up().await,
        }
    }

    async fn tell_for_ever(&self) {
        let mut turns = interval(TELL);
        loop {
            turns.tick().await;
            self.0.age.tell();
        }
    }

    /// Brings every zone that is kept ready, and the administrator's token, up to what the store says: one look of
    /// [`follow_others`](Self::follow_others).
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](crate::Code::Unavailable) when the store does not answer.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let begun = Instant::now();
        let caught_up = self.look().await;
        match &caught_up {
            Ok(()) => self.0.age.seen_at(begun),
            Err(_) => self.0.age.failed(),
        }
        caught_up
    }

    async fn look(&self) -> Result<(), Error> {
        let asked = async {
            // Asked even while everybody else has given the store up.
            let mut store = self.0.store.read().await?;
            let revisions: HashMap<_, _> = store.revisions().await?.into_iter().collect();
            Ok::<_, Error>((revisions, admin_hash(&mut *store).await?))
        };
        let silent = |_| StoreError::Unavailable("the store does not answer".into());
        let (revisions, hash) = timeout(LOOK, asked).await.map_err(silent)??;
        if self.0.admin_hash.load().as_deref() != hash.as_ref() {
            self.0.admin_hash.store(hash.map(std::sync::Arc::new));
        }
        for (zone, known) in self.0.snapshots.ready() {
            // One that the store has no more was deleted.
            let stored = revisions.get(&zone);
            if known.is_none_or(|known| stored.is_none_or(|stored| *stored > known)) {
                self.look_again(zone, ZoneChange::Decides).await?;
            }
        }
        Ok(())
    }
}
