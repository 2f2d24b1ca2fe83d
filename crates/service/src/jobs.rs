//! What is done without anybody waiting for it: keys whose time has come, versions that are to be signed again, logged
//! decisions that are to be forgotten. Any number of instances may do it at once, and nothing is done twice; that they
//! claim their jobs ([`claims`](crate::claims)) only saves them work.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cedarkeep_model::{Timestamp, ZoneId};
use tokio::sync::Notify;

use crate::{Code, Error, Service, claims::Claims, decision_log::Sweep, re_sign::Run};

/// How long at the most until the store is asked whether there is something to do: other instances cannot call this one.
const IDLE: Duration = Duration::from_secs(2);
/// The longest that a zone in which something failed is left alone, in seconds.
const MOST_PATIENCE: i64 = 60;

/// What the workers of this instance share.
#[derive(Default)]
pub(crate) struct Jobs {
    claims: Claims,
    call: Notify,
    runs: Mutex<HashMap<ZoneId, Run>>,
    troubles: Mutex<HashMap<ZoneId, Trouble>>,
    sweep: Sweep,
}

/// Something failed in a zone.
struct Trouble {
    failures: u32,
    again: Timestamp,
    problem: String,
}

/// What came of looking for work.
struct Turn {
    worked: bool,
    /// When there will be work, if that is known.
    next: Option<Timestamp>,
}

impl Jobs {
    /// Lets a worker look for work now.
    pub(crate) fn wake(&self) {
        self.call.notify_one();
    }

    /// Why the work in a zone does not go on, when it does not.
    pub(crate) fn problem(&self, zone: ZoneId) -> Option<String> {
        held(&self.troubles).get(&zone).map(|trouble| trouble.problem.clone())
    }

    fn is_left_alone(&self, zone: ZoneId, now: Timestamp) -> bool {
        held(&self.troubles).get(&zone).is_some_and(|trouble| trouble.again > now)
    }

    fn failed(&self, zone: ZoneId, now: Timestamp, error: &Error) {
        let mut troubles = held(&self.troubles);
        let failures = troubles.get(&zone).map_or(0, |trouble| trouble.failures);
        let patience = 1_i64.checked_shl(failures).unwrap_or(MOST_PATIENCE).clamp(1, MOST_PATIENCE);
        let trouble = Trouble {
            failures: failures.saturating_add(1),
            again: now.plus_seconds(patience),
            problem: error.message().to_owned(),
        };
        troubles.insert(zone, trouble);
    }
}

/// What a panic has left behind is a map of things that can all be lost.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Does what is to be done without anybody waiting for it, until `shutdown` ends. It can be dropped at any moment,
    /// and run on any number of instances at once.
    pub async fn run_jobs(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = self.work_or_wait() => {}
            }
        }
        self.release_all(&self.0.jobs.claims).await;
    }

    /// Does one thing in every zone where there is something to do; whether there was any.
    pub async fn work_once(&self) -> bool {
        self.turn().await.worked
    }

    async fn work_or_wait(&self) {
        let Turn { worked, next } = self.turn().await;
        if worked {
            return;
        }
        let until = next.map_or(i64::MAX, |next| next.micros().saturating_sub(self.now().micros()).max(1_000));
        let idle = IDLE.min(Duration::from_micros(until.unsigned_abs()));
        // Whether it is called or not, it looks again.
        drop(tokio::time::timeout(idle, self.0.jobs.call.notified()).await);
    }

    async fn turn(&self) -> Turn {
        let zones = match self.read().await {
            Ok(mut store) => store.zones_with_key_work().await.map_err(Error::from),
            Err(error) => Err(error),
        };
        let mut turn = Turn { worked: false, next: None };
        match zones {
            Ok(zones) => {
                for (zone, due) in zones {
                    if due > self.now() {
                        turn.next = turn.next.or(Some(due));
                    } else if self.work_in(zone).await {
                        turn.worked = true;
                    }
                }
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "looking for work"),
        }
        turn.worked |= self.forget_decisions(&self.0.jobs.sweep, &self.0.jobs.claims).await;
        turn
    }

    async fn work_in(&self, zone: ZoneId) -> bool {
        let (jobs, job, now) = (&self.0.jobs, format!("keys of {zone}"), self.now());
        if jobs.is_left_alone(zone, now) {
            return false;
        }
        // A second worker begins with nothing, which costs time and no more.
        let mut run = held(&jobs.runs).remove(&zone).unwrap_or_default();
        let worked = match self.claim(&jobs.claims, &job, now).await {
            Ok(true) => self.key_work(zone, &mut run).await,
            Ok(false) => return false,
            Err(error) => Err(error),
        };
        match worked {
            Ok(worked) => {
                held(&jobs.troubles).remove(&zone);
                if worked {
                    held(&jobs.runs).insert(zone, run);
                }
                worked
            }
            // The zone was deleted.
            Err(error) if error.code() == Code::NotFound => false,
            Err(error) => {
                tracing::error!(%zone, error = &error as &dyn std::error::Error, "the work for a zone's keys failed");
                jobs.failed(zone, self.now(), &error);
                false
            }
        }
    }
}
