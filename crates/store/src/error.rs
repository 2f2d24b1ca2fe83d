//! What can go wrong in a store.

/// A uniqueness rule of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// One slug an organization among the living zones.
    ZoneSlug,
    /// One name a zone among the living policies.
    PolicyName,
    /// One name a zone among the living policy sets.
    PolicySetName,
    /// One schema version of a name a zone.
    SchemaVersion,
    /// One label an organization.
    OrganizationLabel,
    /// One answer an idempotency key.
    IdempotencyKey,
    /// A number, id or slot that was taken in the meantime: try the transaction again.
    Other,
}

/// An error of a store. Its text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A uniqueness rule would be broken; the transaction cannot go on.
    #[error("already taken: {0:?}")]
    Taken(Unique),
    /// What is stored cannot be read as what it should be.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The store cannot be reached, or refused for reasons that may pass; nothing was committed.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is to be stored or looked for is nothing that every engine can hold.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// Another transaction stood in the way and won; nothing was committed, and the same once more may succeed.
    #[error("another transaction won")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is read-only for the time being: see [`Store::set_read_only`](crate::Store::set_read_only).
    #[error("the store is read-only")]
    ReadOnly,
    /// The store was migrated by a newer program, or not at all.
    #[error("the store's schema does not fit this program: {0}")]
    Schema(String),
}
