//! Notices of what changes in a store that several instances use.

use async_trait::async_trait;
use cedarkeep_model::ZoneId;

/// Something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// What decides in this zone, which has this revision now, or a later one.
    Decides(ZoneId, u64),
    /// Something of this zone that its revision does not count, such as a name, or that it is gone.
    Shows(ZoneId),
    /// Nobody knows what: a value of the installation, or notices were lost.
    Something,
}

/// Notices of changes, those of this instance among them. They make others fast, not right: one may be lost whenever an
/// instance or a connection dies, so whoever must know looks from time to time.
#[async_trait]
pub trait Changes: Send {
    /// The next notice; several may have become one. Waits for ever when none comes, and loses none when it is dropped.
    async fn next(&mut self) -> Changed;
}
