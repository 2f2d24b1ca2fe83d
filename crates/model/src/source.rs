//! Where time and ids come from. The binary makes the real ones, tests make seeded ones.

use uuid::Uuid;

use crate::Timestamp;

/// A clock.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// A source of ids that nobody else draws.
pub trait IdSource: Send + Sync + 'static {
    /// A fresh UUID (version 7), greater than every one drawn before from this source.
    fn next(&self) -> Uuid;
}
