//! What both engines say about a schema that does not fit.

use cedarkeep_store::StoreError;
use sqlx::migrate::{MigrateError, Migrator};

/// A migration that could not be run, or that this program does not know.
pub(super) fn error(
    error: MigrateError,
    known: &Migrator,
    of_engine: impl FnOnce(sqlx::Error) -> StoreError,
) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => of_engine(error),
        MigrateError::VersionMissing(version) => newer(version, known),
        MigrateError::VersionMismatch(version) => changed(version),
        other => StoreError::Schema(other.to_string()),
    }
}

/// The store is ahead of this program.
pub(super) fn newer(version: i64, known: &Migrator) -> StoreError {
    let last = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    StoreError::Schema(format!(
        "a newer program has brought it to migration {version}, this one knows migrations up to {last}; start the newer \
         program"
    ))
}

/// The store was made by a program that is neither older nor newer than this one.
pub(super) fn changed(version: i64) -> StoreError {
    StoreError::Schema(format!(
        "its migration {version} is not the one that this program knows; start the program that made it"
    ))
}
