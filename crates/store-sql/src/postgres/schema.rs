//! The schema of a PostgreSQL store: migrated by one instance while the others wait, checked by all of them.

use cedarkeep_store::StoreError;
use sqlx::{Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use super::engine::store_error;
use crate::migrations;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How far a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing of ours is there.
    Empty,
    /// Migrations are missing.
    Behind,
    /// It has the schema that this program knows.
    Current,
}

/// Looks and changes nothing.
///
/// # Errors
/// When the database is ahead of this program, or was made by another one.
pub(super) async fn progress(db: &mut PgConnection) -> Result<Progress, StoreError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *db)
        .await
        .map_err(store_error)?;
    if !there {
        return Ok(Progress::Empty);
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(db)
            .await
            .map_err(store_error)?;
    for (version, checksum) in &applied {
        match MIGRATIONS.iter().find(|known| known.version == *version) {
            None => return Err(migrations::newer(*version, &MIGRATIONS)),
            Some(known) if *known.checksum != **checksum => return Err(migrations::changed(*version)),
            Some(_) => {}
        }
    }
    Ok(match applied.len() {
        0 => Progress::Empty,
        applied if applied < MIGRATIONS.iter().count() => Progress::Behind,
        _ => Progress::Current,
    })
}

/// Brings the schema up to date: under an advisory lock, so that one of many instances does it and the others find it
/// done. An instance that finds nothing to do needs no right to change tables.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut db = PgConnection::connect_with(options).await.map_err(store_error)?;
    check_server(&mut db).await?;
    if progress(&mut db).await? != Progress::Current {
        // The lock falls with the connection when this fails.
        let done = MIGRATIONS.run_direct(None, &mut db, false).await;
        done.map_err(|error| migrations::error(error, &MIGRATIONS, store_error))?;
    }
    db.close().await.map_err(store_error)
}

/// What a server must have for this to be a store at all.
async fn check_server(db: &mut PgConnection) -> Result<(), StoreError> {
    let (encoding, fsync): (String, String) =
        sqlx::query_as("SELECT current_setting('server_encoding'), current_setting('fsync')")
            .fetch_one(&mut *db)
            .await
            .map_err(store_error)?;
    if encoding != "UTF8" {
        return Err(StoreError::Schema(format!(
            "the database has the encoding {encoding}; make one with ENCODING 'UTF8'"
        )));
    }
    if fsync != "on" {
        tracing::warn!("the database server runs with fsync off: a power cut may lose or damage what was acknowledged");
    }
    Ok(())
}
