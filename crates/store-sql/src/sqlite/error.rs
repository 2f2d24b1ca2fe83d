//! SQLite's errors as errors of the contract.

use cedarkeep_store::{StoreError, Unique};
use sqlx::error::DatabaseError;

/// <https://www.sqlite.org/rescode.html>: a constraint, among them those of the triggers that keep things immutable.
const CONSTRAINT: u32 = 19;
const CORRUPT: u32 = 11;
const NOT_A_DATABASE: u32 = 26;

/// Which error of the contract an error of the engine is.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            StoreError::Taken(unique(database.message()))
        }
        // No retry mends these: what is stored contradicts itself, or would after this step.
        sqlx::Error::Database(database) if [CONSTRAINT, CORRUPT, NOT_A_DATABASE].contains(&primary(&**database)) => {
            StoreError::Damaged(error.to_string())
        }
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::RowNotFound => StoreError::Damaged(error.to_string()),
        // Busy, full, unreadable, closed: may pass.
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// The kind of an error; SQLite writes the finer points into the higher bits.
fn primary(error: &dyn DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse::<u32>().ok()).map_or(0, |code| code & 0xff)
}

/// SQLite names the columns: `UNIQUE constraint failed: policies.zone_id, policies.name`.
fn unique(message: &str) -> Unique {
    let rules = [
        ("zones.slug", Unique::ZoneSlug),
        ("organizations.label", Unique::OrganizationLabel),
        ("policies.name", Unique::PolicyName),
        ("policy_sets.name", Unique::PolicySetName),
        ("policy_schemas.version", Unique::SchemaVersion),
        ("idempotent_answers.scope", Unique::IdempotencyKey),
    ];
    rules.into_iter().find(|(column, _)| message.contains(column)).map_or(Unique::Other, |(_, rule)| rule)
}
