//! SQLite's errors as errors of the contract.

use cedarkeep_store::{StoreError, Unique};

/// Which error of the contract an error of the engine is.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            StoreError::Taken(unique(database.message()))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Damaged(error.to_string())
        }
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// SQLite names the columns: `UNIQUE constraint failed: policies.zone_id, policies.name`.
fn unique(message: &str) -> Unique {
    let rules = [
        ("zones.slug", Unique::ZoneSlug),
        ("policies.name", Unique::PolicyName),
        ("policy_sets.name", Unique::PolicySetName),
        ("policy_schemas.version", Unique::SchemaVersion),
        ("idempotent_answers.scope", Unique::IdempotencyKey),
    ];
    rules.into_iter().find(|(column, _)| message.contains(column)).map_or(Unique::Other, |(_, rule)| rule)
}
