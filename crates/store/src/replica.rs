//! Reading from a copy of the store, which may be behind.

use cedarkeep_model::Digest;

use crate::Read;

/// The newest event of a zone at some moment. Since every change of a zone appends one, and each carries the digest of the
/// one before, a copy of the store that has it is at least as new as that moment, and of the same history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMark {
    /// Its number.
    pub seq: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// What comes of asking a copy of the store.
pub enum Replica {
    /// It is new enough.
    View(Box<dyn Read>),
    /// It does not have the event, or not yet.
    Behind,
    /// It cannot be asked at the moment, or there is none.
    Gone,
}
