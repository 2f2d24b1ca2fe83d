//! The body of SQL. Compiled once per engine, against the `engine` module beside it.

mod accounts;
mod bindings;
mod claims;
mod columns;
mod credentials;
mod decisions;
mod divergences;
mod drafts;
mod entities;
mod events;
mod keys;
mod list;
mod organizations;
mod policies;
mod policy_sets;
mod policy_versions;
mod re_sign;
mod read;
mod rows;
mod schemas;
mod service_accounts;
mod set_versions;
mod users;
mod write;
mod zones;

use async_trait::async_trait;
use cedarkeep_store::{Changed, StoreError};

use super::engine::{self, Database, Row};

/// The engine's connection.
type Sql = <Database as sqlx::Database>::Connection;

/// Something that has a connection to give.
pub(super) trait Connection: Send + 'static {
    /// The connection.
    fn connection(&mut self) -> &mut Sql;
}

/// A connection on which a transaction is open; dropping it rolls back.
#[async_trait]
pub(super) trait Transaction: Connection {
    /// Commits.
    async fn commit(self) -> Result<(), StoreError>;

    /// Keeps in mind what is to be told once it is committed, where anybody listens.
    fn remember(&mut self, _changed: Changed) {}
}

/// The contract over a connection: its `Read` over any, its `Write` over one with a transaction.
pub(super) struct Session<C> {
    on: C,
    /// Whether the transaction can no longer be committed.
    broken: bool,
}

impl<C: Connection> Session<C> {
    pub(super) fn new(on: C) -> Self {
        Self { on, broken: false }
    }
}

/// The longest text, in bytes, that is a part of a key: PostgreSQL has no index entries beyond a third of a page.
const LONGEST_KEY: usize = 2_000;

/// Text as it was given, unless PostgreSQL could not hold it; then no engine does, or moving would lose it.
fn given(text: &str) -> Result<&str, StoreError> {
    if text.contains('\0') {
        return Err(StoreError::Refused("a text with a NUL character cannot be stored"));
    }
    Ok(text)
}

/// Text that becomes a part of a key.
fn given_key(text: &str) -> Result<&str, StoreError> {
    if text.len() > LONGEST_KEY {
        return Err(StoreError::Refused("a name, an id or a target has at most 2,000 bytes"));
    }
    given(text)
}

/// Counters go to BIGINT columns; none of ours comes near their end.
fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Damaged(format!("the counter {value} is beyond a BIGINT")))
}

fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// What is moved from one store to another.
#[cfg(test)]
pub(super) fn rows_columns() -> Vec<(&'static str, Vec<&'static str>)> {
    rows::columns()
}
