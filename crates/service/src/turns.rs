//! Whose turn it is on the Cedar pool.
//!
//! Work that a caller can make as long as the limits allow (reading and validating policies, compiling sets to publish
//! them, schemas, policy tests) takes a turn first. A zone has at most half of the threads at once, and all zones together
//! leave one thread: decisions, which take no turn, never stand behind validation. Turns are given in the order in which
//! they were asked for, so a zone that floods the pool waits for itself, and another waits for one of its jobs at most.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use cedarkeep_model::ZoneId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Code, Error, Service};

/// How much work on policies waits for its turn.
const WAITING_METRIC: &str = "cedarkeep_policy_work_waiting";

/// The fewest threads with which one can be left to decisions.
pub(crate) const FEWEST_THREADS: usize = 2;

/// From so many zones on those without work are forgotten.
const MANY_ZONES: usize = 256;

/// Who may work on the Cedar pool for long.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    /// Of each zone with work.
    zones: Mutex<HashMap<ZoneId, Weak<Semaphore>>>,
    for_a_zone: usize,
}

/// Permission to work; given back when it is dropped.
pub(crate) struct Turn {
    _of_zone: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// The turns on this many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(threads.saturating_sub(1).max(1))),
            zones: Mutex::default(),
            for_a_zone: (threads / 2).max(1),
        }
    }

    /// Waits for a turn of the zone.
    pub(crate) async fn take(&self, zone: ZoneId) -> Result<Turn, Error> {
        let _waiting = Waiting::begin();
        let never = |_| Error::new(Code::Internal, "the turns on the Cedar threads have ended");
        let of_zone = self.of_zone(zone).acquire_owned().await.map_err(never)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(never)?;
        Ok(Turn { _of_zone: of_zone, _of_all: of_all })
    }

    fn of_zone(&self, zone: ZoneId) -> Arc<Semaphore> {
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = zones.get(&zone).and_then(Weak::upgrade) {
            return known;
        }
        if zones.len() >= MANY_ZONES {
            zones.retain(|_, turns| turns.strong_count() > 0);
        }
        let new = Arc::new(Semaphore::new(self.for_a_zone));
        zones.insert(zone, Arc::downgrade(&new));
        new
    }
}

/// Somebody who waits, as long as this lives.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        metrics::gauge!(WAITING_METRIC).increment(1.0);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        metrics::gauge!(WAITING_METRIC).decrement(1.0);
    }
}

impl Service {
    /// Runs work of a zone on the Cedar pool when its turn comes. The turn ends with the work, also when the caller goes
    /// away while it is being done.
    pub(crate) async fn run_in_turn<T: Send + 'static>(
        &self,
        zone: ZoneId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.0.turns.take(zone).await?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        Ok(self.0.cedar.run(work).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, time::Duration};

    use cedarkeep_cedar::CedarPool;
    use futures_util::FutureExt as _;

    use super::*;

    fn zone(number: u128) -> ZoneId {
        format!("01890000-0000-7000-8000-{number:012x}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_zone_has_half_of_the_threads_and_all_zones_leave_one() {
        let turns = Turns::new(4);
        let first = turns.take(zone(1)).await.unwrap();
        let _second = turns.take(zone(1)).await.unwrap();
        let mut third = pin!(turns.take(zone(1)));
        assert!(third.as_mut().now_or_never().is_none(), "a zone has two of four");
        let other = turns.take(zone(2)).await.unwrap();
        let mut another = pin!(turns.take(zone(3)));
        assert!(another.as_mut().now_or_never().is_none(), "one of four is left");
        drop(first);
        // The third of the first zone asks for the place of the first only now: who waited longer goes first.
        assert!(third.as_mut().now_or_never().is_none());
        assert!(another.as_mut().now_or_never().is_some());
        drop(other);
        assert!(third.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn zones_without_work_are_forgotten() {
        let turns = Turns::new(2);
        for number in 0..10_000 {
            drop(turns.take(zone(number)).await.unwrap());
        }
        assert!(turns.zones.lock().unwrap().len() <= MANY_ZONES);
    }

    /// With as few threads as there can be: what takes no turn is done while the work of one zone stands and that of
    /// others waits behind it.
    #[tokio::test]
    async fn what_takes_no_turn_waits_for_none() {
        let (pool, turns) = (CedarPool::new(FEWEST_THREADS).unwrap(), Turns::new(FEWEST_THREADS));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let turn = turns.take(zone(1)).await.unwrap();
        let mut long = pin!(pool.run(move || {
            let _held_until_it_ends = (held.recv(), turn);
        }));
        assert!(long.as_mut().now_or_never().is_none());
        let mut waiting = [pin!(turns.take(zone(1))), pin!(turns.take(zone(1))), pin!(turns.take(zone(2)))];
        for one in &mut waiting {
            assert!(one.as_mut().now_or_never().is_none());
        }
        for _ in 0..100 {
            tokio::time::timeout(Duration::from_mins(1), pool.run(|| ())).await.unwrap().unwrap();
        }
        assert!(long.as_mut().now_or_never().is_none());
        release.send(()).unwrap();
        long.await.unwrap();
    }
}
