//! PostgreSQL's errors as errors of the contract.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cedarkeep_store::{StoreError, Unique};
use sqlx::{Error, error::DatabaseError};
use tokio::time::Instant;

const NUL: &str = "a text with a NUL character can neither be stored nor looked for";
const LONG: &str = "a name, an id or a target is too long to be looked up";

/// Which error of the contract an error of the engine is.
pub(super) fn store_error(error: Error) -> StoreError {
    if unfit(&error) {
        AGE.outgrow();
    }
    match &error {
        Error::Database(database) if database.is_unique_violation() => {
            StoreError::Taken(unique(database.constraint().unwrap_or_default()))
        }
        Error::Database(database) => match &*code(&**database) {
            // Serialization failure, deadlock: the other transaction has won.
            "40001" | "40P01" => StoreError::Lost(Box::new(error)),
            // Text with a NUL; an index entry of more than a third of a page.
            "22021" | "22P05" => StoreError::Refused(NUL),
            "54000" => StoreError::Refused(LONG),
            // Class 23, a constraint, among them those of the triggers that keep things immutable; class XX, internal
            // errors, among them damaged pages. No retry mends these.
            code if code.starts_with("23") || code.starts_with("XX") => StoreError::Damaged(error.to_string()),
            // Full, shutting down, too slow, read-only: may pass.
            _ => StoreError::Unavailable(Box::new(error)),
        },
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::ColumnNotFound(_) | Error::RowNotFound => {
            StoreError::Damaged(error.to_string())
        }
        // Unreachable, cut off, closed, all connections taken: may pass.
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

fn code(error: &dyn DatabaseError) -> String {
    error.code().map(String::from).unwrap_or_default()
}

/// PostgreSQL names the constraint or the index.
fn unique(constraint: &str) -> Unique {
    match constraint {
        "zones_slug" => Unique::ZoneSlug,
        "organizations_label" => Unique::OrganizationLabel,
        "policies_name" => Unique::PolicyName,
        "policy_sets_name" => Unique::PolicySetName,
        "policy_schemas_pkey" => Unique::SchemaVersion,
        "idempotent_answers_pkey" => Unique::IdempotencyKey,
        _ => Unique::Other,
    }
}

/// Whether the error says that this connection, and so each one that is as old, is of no more use: the server has gone or
/// is going, it has become a standby, or a migration has changed a table under a prepared statement.
fn unfit(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Protocol(_) | Error::Tls(_) => true,
        Error::Database(database) => {
            // https://www.postgresql.org/docs/current/errcodes-appendix.html
            let code = code(&**database);
            code.starts_with("08") || ["57P01", "57P02", "57P03", "25006", "0A000"].contains(&&*code)
        }
        _ => false,
    }
}

/// The connections of this process that are too old to be lent again.
pub(super) static AGE: Age = Age(AtomicU64::new(0));

/// A moment; connections from before it are not lent again.
pub(super) struct Age(AtomicU64);

impl Age {
    /// Nothing from before now.
    fn outgrow(&self) {
        self.0.fetch_max(now(), Ordering::Relaxed);
    }

    /// Whether a connection that is so old may be lent.
    pub(super) fn allows(&self, age: Duration) -> bool {
        let outgrown = self.0.load(Ordering::Relaxed);
        let made = now().saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
        outgrown == 0 || made > outgrown
    }
}

/// Microseconds since this was first asked, and one.
fn now() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).saturating_add(1)
}
