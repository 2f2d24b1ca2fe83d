//! Moving what is stored: a whole store into a file and out of it, and one zone from one installation to another.
//!
//! The file is described in `docs/backup.md`. Both ways it is streamed: no more than a page of rows is in memory. What
//! comes in is written in one transaction, is checked there as [`fsck`](crate::fsck) checks a store, and is committed
//! only when nothing was found.

mod file;
mod import;
mod line;
mod load;
mod restore;
mod save;
mod seals;
mod tombstones;

use cedarkeep_store::{StoreError, Unique};

pub use self::{
    file::{Contents, MOST_LINE_BYTES},
    import::{Imported, Trusted},
    restore::{Restored, restore},
    save::{What, save},
};

/// The values of the installation that say something of this very store, and are not moved.
const LEFT_BEHIND: [&str; 2] = [cedarkeep_store::READ_ONLY, crate::service::START_LOCK];

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The file could not be read or written.
    #[error("the file")]
    File(#[from] std::io::Error),
    /// A line of the file is not what it must be.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Nothing is wrong with the file, but it does not go where it should.
    #[error("{0}")]
    Refused(String),
    /// What the file holds is not what was published: one line a finding.
    #[error("the file does not hold what was published, and nothing of it was kept:\n{}", .0.join("\n"))]
    Found(Vec<String>),
    /// Something else failed.
    #[error(transparent)]
    Failed(#[from] crate::Error),
}

impl From<StoreError> for TransferError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Unique::ZoneSlug) => Self::Refused(
                "another zone of the organization has the slug of this one; rename one of the two, and repeat"
                    .to_owned(),
            ),
            StoreError::ReadOnly => {
                Self::Refused("the store is read-only; `cedarkeep read-only off` makes it writable".to_owned())
            }
            other => Self::Store(other),
        }
    }
}

/// Told how many rows were moved so far.
pub type Progress<'p> = &'p mut (dyn FnMut(u64) + Send);
