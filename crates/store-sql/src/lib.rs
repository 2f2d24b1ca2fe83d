//! The storage contract in SQL.
//!
//! `repo/` is one hand-written body of SQL; an engine compiles it against its own connection type (`#[path]` in
//! `sqlite/mod.rs` and `postgres/mod.rs`) and adds what differs: opening, transactions, errors. `$N` parameters, TEXT,
//! BIGINT and BLOB columns and unix microseconds are what the engines have in common.

#![expect(clippy::duplicate_mod, reason = "one body of SQL, compiled once an engine")]

mod migrations;
mod postgres;
mod sqlite;

pub use postgres::{InvalidUrl, PostgresOptions, PostgresStore};
pub use sqlite::{OpenOptions, SqliteStore};
