//! Waiting for what gives no sign when it comes about.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longer than anything takes that is waited for.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long before it is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks again until it is so; fails when it is not so within this time.
#[track_caller]
pub fn until(deadline: Duration, what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < deadline, "not within {deadline:?}: {what}");
        thread::sleep(PAUSE);
    }
}
