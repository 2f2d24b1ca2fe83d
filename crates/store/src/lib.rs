//! The storage contract: what the service asks of a store, in domain verbs, and the conformance suite that every engine
//! passes (`conformance`, behind the feature of that name). The suite is the definition; these traits are its words.

mod accounts;
mod changes;
mod claim;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod list;
mod re_sign;
mod read;
mod record;
mod replica;
mod row;
mod write;

pub use accounts::{ReadAccounts, WriteAccounts};
pub use changes::{Changed, Changes};
pub use claim::JobClaim;
pub use error::{StoreError, Unique};
pub use list::{
    ArchivedFilter, BindingFilter, DecisionFilter, Direction, Order, PolicyFilter, PolicySetFilter, Position, Slice,
    Window, ZoneFilter,
};
pub use re_sign::{ReSignJob, ReSignRefusal, SignedVersions};
pub use read::Read;
pub use record::{AttestationRecord, IdempotentAnswer, Usage, VersionHead, ZoneState};
pub use replica::{EventMark, Replica};
pub use row::{Cell, CellType, Member, Row, RowKind, Rows};
pub use write::Write;

use cedarkeep_model::ZoneId;

/// The value of the installation by which a store is read-only: that there is one says so.
pub const READ_ONLY: &str = "read_only";

/// A store of zones and all in them. One instance may be shared by any number of tasks.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// A view on committed data. Each method of [`Read`] sees one moment; two calls may see two moments.
    async fn read(&self) -> Result<Box<dyn Read>, StoreError>;

    /// A view on committed data in which every method of [`Read`], for as long as it is kept, sees the same moment. It
    /// holds a connection, and the engine keeps what was replaced since: not for requests.
    async fn snapshot(&self) -> Result<Box<dyn Read>, StoreError>;

    /// Opens a transaction. Dropping it without [`Write::commit`] undoes everything. Fails with
    /// [`StoreError::ReadOnly`] while the store is read-only.
    async fn write(&self) -> Result<Box<dyn Write>, StoreError>;

    /// Makes the store read-only, or writable again, for every instance that uses it. Once this has answered that it is
    /// read-only, nothing is committed any more, by whomever: what was under way is waited for. It stays so until it is
    /// taken back, also over restarts.
    async fn set_read_only(&self, read_only: bool) -> Result<(), StoreError>;

    /// Whether other instances may use the store at the same time.
    fn is_shared(&self) -> bool;

    /// Notices of what changes from now on, the first of them [`Changed::Something`] as soon as others can be heard;
    /// none where the store is not shared.
    fn changes(&self) -> Option<Box<dyn Changes>>;

    /// Whether there may be a copy of the store to ask.
    fn has_replica(&self) -> bool {
        false
    }

    /// A view on a copy of the store that has this event of the zone. What it shows may be older than what [`Store::read`]
    /// shows, but never older than the event; and from one call of its methods to the next it never goes back.
    async fn replica(&self, _zone: ZoneId, _has: EventMark) -> Replica {
        Replica::Gone
    }

    /// Whether the store can be reached and has the schema that this program knows.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Waits for what is under way and closes the store. Later calls fail.
    async fn close(&self);
}
