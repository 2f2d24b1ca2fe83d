//! Token buckets by key, in bounded memory.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

/// How many buckets are kept. One is some 40 bytes.
const MAX_KEYS: usize = 100_000;

/// After so many requests the buckets that are full again are dropped: a new one would be no different.
const TIDY_EVERY: usize = 10_000;

/// How many buckets all share when there are too many of them.
const SHARED: u64 = 1_024;

/// A bucket for each key that was asked for of late.
pub(super) struct Buckets<C: Clock = DefaultClock> {
    limiter: RateLimiter<u64, HashMapStateStore<u64>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// Keys are hashed, under a secret of this process: nobody chooses whose bucket to share.
    hasher: RandomState,
    taken: AtomicUsize,
    crowded: AtomicBool,
    max_keys: usize,
}

impl Buckets {
    /// Buckets into which so many tokens fall a second, and which hold those of so many seconds.
    pub(super) fn a_second(rate: NonZeroU32, burst_seconds: NonZeroU32) -> Self {
        let burst = rate.saturating_mul(burst_seconds);
        Self::new(Quota::per_second(rate).allow_burst(burst), DefaultClock::default(), MAX_KEYS)
    }

    /// Buckets into which so many tokens fall a minute, and which hold as many.
    pub(super) fn a_minute(rate: NonZeroU32) -> Self {
        Self::new(Quota::per_minute(rate), DefaultClock::default(), MAX_KEYS)
    }
}

impl<C: Clock + Clone> Buckets<C> {
    fn new(quota: Quota, clock: C, max_keys: usize) -> Self {
        Self {
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock,
            hasher: RandomState::new(),
            taken: AtomicUsize::new(0),
            crowded: AtomicBool::new(false),
            max_keys,
        }
    }

    /// The key under which somebody's bucket is kept.
    pub(super) fn key(&self, of: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(of)
    }

    /// Takes a token out of somebody's bucket; when there is none, how long until there is one.
    pub(super) fn take(&self, of: &(impl Hash + ?Sized)) -> Result<(), Duration> {
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIDY_EVERY.min(self.max_keys)) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            self.crowded.store(self.limiter.len() > self.max_keys, Ordering::Relaxed);
        }
        let key = self.key(of);
        let key = if self.crowded.load(Ordering::Relaxed) { key % SHARED } else { key };
        self.limiter.check_key(&key).map_err(|empty| empty.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_bucket_holds_a_burst_and_fills_with_time_and_each_key_has_its_own() {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_second(number(2)).allow_burst(number(4));
        let buckets = Buckets::new(quota, clock.clone(), MAX_KEYS);
        for _ in 0..4 {
            buckets.take("a").unwrap();
        }
        assert_eq!(buckets.take("a"), Err(Duration::from_millis(500)));
        buckets.take("b").unwrap();
        clock.advance(Duration::from_millis(499));
        assert_eq!(buckets.take("a"), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        buckets.take("a").unwrap();
        assert!(buckets.take("a").is_err());
    }

    #[test]
    fn keys_that_are_not_asked_for_are_dropped_and_many_at_once_share() {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::new(Quota::per_second(number(1)), clock.clone(), 2_000);
        for key in 0..100_000 {
            // A new key finds a full bucket, unless it has to share.
            assert!(buckets.take(&key).is_ok() || buckets.crowded.load(Ordering::Relaxed), "{key}");
        }
        let most = 2_000 + 2_000 + usize::try_from(SHARED).unwrap();
        assert!(buckets.limiter.len() <= most, "{}", buckets.limiter.len());
        assert!(buckets.take("another").is_err(), "no flood of keys gets round the limit");
        clock.advance(Duration::from_mins(1));
        for _ in 0..4_000 {
            let _ = buckets.take("one");
        }
        assert!(buckets.limiter.len() < 10, "{}", buckets.limiter.len());
        buckets.take("another").unwrap();
    }
}
