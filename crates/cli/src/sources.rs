//! The real clock and the real ids.

use std::time::{SystemTime, UNIX_EPOCH};

use cedarkeep_model::{Clock, IdSource, Timestamp};
use uuid::Uuid;

/// The clock of the system.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one real clock of the program")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp::from_micros(micros)
    }
}

/// Version 7 UUIDs of the system's clock and randomness.
pub(crate) struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one real source of ids; it counts on when the clock does not")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn ids_only_grow_on_whatever_thread() {
        let draw = || (0..10_000).map(|_| SystemIds.next()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| thread::spawn(draw)).collect();
        let mut drawn: Vec<_> = threads
            .into_iter()
            .flat_map(|thread| {
                let ids = thread.join().unwrap();
                assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
                ids
            })
            .collect();
        let last = SystemIds.next();
        assert!(drawn.iter().all(|id| *id < last && id.get_version_num() == 7));
        let all = drawn.len();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), all);
    }
}
