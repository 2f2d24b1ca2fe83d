//! How old what this instance decides by may be: the time since it last looked at the store that others write to.
//!
//! Where the store is this process's own there are no others, what is in memory is what is stored, and the age is always 0.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use cedarkeep_store::StoreError;

use crate::{Code, Error, Service};

/// After so long without an answer nobody waits for the store any more: what needs it fails at once until it answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the question may take whether the store is there.
const QUESTION: Duration = Duration::from_secs(2);
/// The age in seconds.
const AGE_METRIC: &str = "cedarkeep_store_age_seconds";

/// When this instance last saw what is stored.
pub(crate) struct StoreAge {
    started: Instant,
    /// Microseconds since the start.
    seen: AtomicU64,
    /// Whether anybody looks.
    followed: AtomicBool,
    /// Whether the last look failed.
    failing: AtomicBool,
    /// From which age on nothing is decided.
    most: Option<Duration>,
}

impl StoreAge {
    pub(crate) fn new(most: Option<Duration>) -> Self {
        metrics::gauge!(AGE_METRIC).set(0.0);
        Self {
            started: Instant::now(),
            seen: AtomicU64::new(0),
            followed: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            most,
        }
    }

    /// From now on the store is looked at.
    pub(crate) fn follow(&self) {
        self.seen_at(Instant::now());
        self.followed.store(true, Ordering::Relaxed);
    }

    /// What was stored at this moment is known.
    pub(crate) fn seen_at(&self, moment: Instant) {
        let since = moment.saturating_duration_since(self.started);
        self.seen.fetch_max(u64::try_from(since.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// The store could not be looked at.
    pub(crate) fn failed(&self) {
        self.failing.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        if !self.followed.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        self.started.elapsed().saturating_sub(Duration::from_micros(self.seen.load(Ordering::Relaxed)))
    }

    /// Tells the metrics.
    pub(crate) fn tell(&self) {
        metrics::gauge!(AGE_METRIC).set(self.get().as_secs_f64());
    }
}

/// That decisions are made, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the store answers. Without it nothing can be written or read, and what is in memory decides.
    pub reachable: bool,
    /// How long ago this instance last saw what is stored.
    pub age: Duration,
}

impl Service {
    /// How long ago this instance last saw what others have stored; always 0 where the store is its own.
    #[must_use]
    pub fn store_age(&self) -> Duration {
        self.0.age.get()
    }

    /// Whether decisions can be made, with or without the store.
    ///
    /// # Errors
    /// `unavailable` when what is in memory is too old to decide by.
    pub async fn ready(&self) -> Result<Readiness, Error> {
        let reachable = match tokio::time::timeout(QUESTION, self.0.store.ready()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the store is not there");
                false
            }
            Err(_elapsed) => false,
        };
        self.check_age()?;
        Ok(Readiness { reachable, age: self.store_age() })
    }

    /// Refuses to decide by what is too old.
    pub(crate) fn check_age(&self) -> Result<(), Error> {
        let Some(most) = self.0.age.most else { return Ok(()) };
        let age = self.0.age.get();
        if age <= most {
            return Ok(());
        }
        let message = format!(
            "the store was last seen {} s ago, and nothing is decided by what is older than {} s; try again",
            age.as_secs(),
            most.as_secs()
        );
        Err(Error::new(Code::Unavailable, message))
    }

    /// Fails at once when the store has not answered for some time. Whoever would wait for it instead would soon be many.
    pub(crate) fn check_store(&self) -> Result<(), Error> {
        let age = &self.0.age;
        if !age.failing.load(Ordering::Relaxed) || age.get() < PATIENCE {
            return Ok(());
        }
        let seconds = age.get().as_secs();
        let message = format!(
            "the store has not answered for {seconds} s; until it does, this server decides by what it has in memory and \
             can do nothing else; try again"
        );
        let gone = StoreError::Unavailable("it is not asked while it does not answer".into());
        Err(Error::new(Code::Unavailable, message).with_source(gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_grows_from_the_last_look_and_only_where_one_looks() {
        let age = StoreAge::new(None);
        assert_eq!(age.get(), Duration::ZERO);
        age.follow();
        let earlier = Instant::now();
        std::thread::sleep(Duration::from_millis(5));
        assert!(age.get() >= Duration::from_millis(5));
        age.seen_at(earlier);
        let seen = age.get();
        assert!(seen >= Duration::from_millis(5), "a look is as old as its beginning: {seen:?}");
        age.seen_at(Instant::now());
        assert!(age.get() < seen);
    }
}
