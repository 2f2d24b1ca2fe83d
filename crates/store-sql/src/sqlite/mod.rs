//! The embedded engine: one database file, one writer connection, a pool of readers.

mod error;
#[path = "../repo/mod.rs"]
mod repo;
mod view;
mod writer;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use cedarkeep_store::{Changes, Read, Store, StoreError, Write};
use sqlx::{
    ConnectOptions, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::{
    repo::{Connection, Session},
    view::View,
    writer::Writer,
};
use crate::migrations;

/// What `repo/` is compiled against.
mod engine {
    pub(super) type Database = sqlx::Sqlite;
    pub(super) type Row = sqlx::sqlite::SqliteRow;
    pub(super) use super::error::store_error;

    /// How a statement takes a row for its transaction alone: not at all, the one writer already has everything.
    pub(super) const FOR_UPDATE: &str = "";

    /// How a statement takes the rows for its transaction that no other has taken: all of them.
    pub(super) const SKIP_LOCKED: &str = "";

    /// What stands before and behind a JSON array to make its texts rows of a column `value`.
    pub(super) const TEXTS: (&str, &str) = ("json_each(", ")");

    /// The same for an array of objects.
    pub(super) const OBJECTS: (&str, &str) = ("json_each(", ")");
}

/// The first SQLite release without the bug by which two writers could corrupt a WAL database.
const OLDEST_SQLITE: i32 = 3_051_003;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How to open an embedded store.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The database file; made when missing.
    pub path: PathBuf,
    /// The most connections that read at once.
    pub readers: u32,
}

/// A store in one SQLite file.
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, making it when missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When the linked SQLite is too old, the file cannot be opened, or a newer program has migrated it.
    pub async fn open(options: &OpenOptions) -> Result<Self, StoreError> {
        check_library(libsqlite3_sys::SQLITE_VERSION_NUMBER)?;
        let connect = SqliteConnectOptions::new()
            .filename(&options.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL syncs the log at every commit: what is acknowledged survives a power cut. Commits are grouped instead.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Without it INSERT OR REPLACE deletes behind the back of the triggers that keep things immutable.
            .pragma("recursive_triggers", "ON")
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let mut connection = connect.connect().await.map_err(engine::store_error)?;
        let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
        migrated.map_err(|error| migrations::error(error, &MIGRATIONS, engine::store_error))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers)
            .connect_with(connect.read_only(true).create_if_missing(false))
            .await
            .map_err(engine::store_error)?;
        Ok(Self { readers, writer: Writer::new(connection) })
    }
}

fn check_library(version: i32) -> Result<(), StoreError> {
    if version >= OLDEST_SQLITE {
        return Ok(());
    }
    Err(StoreError::Schema(format!("SQLite {version} is linked, {OLDEST_SQLITE} is the oldest that is safe")))
}

impl Connection for PoolConnection<sqlx::Sqlite> {
    fn connection(&mut self) -> &mut sqlx::SqliteConnection {
        self
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Box<dyn Read>, StoreError> {
        let connection = self.readers.acquire().await.map_err(engine::store_error)?;
        Ok(Box::new(Session::new(connection)))
    }

    async fn snapshot(&self) -> Result<Box<dyn Read>, StoreError> {
        Ok(Box::new(Session::new(View::open(&self.readers).await?)))
    }

    async fn write(&self) -> Result<Box<dyn Write>, StoreError> {
        Ok(Box::new(Session::new(self.writer.begin().await?)))
    }

    async fn set_read_only(&self, read_only: bool) -> Result<(), StoreError> {
        self.writer.set_read_only(read_only).await
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        None
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let mut connection = self.readers.acquire().await.map_err(engine::store_error)?;
        sqlx::query("SELECT COUNT(*) FROM zones WHERE id = ''")
            .fetch_one(&mut *connection)
            .await
            .map(|_| ())
            .map_err(engine::store_error)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
