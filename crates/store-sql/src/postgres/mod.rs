//! The engine for many instances: one PostgreSQL database, a pool of connections in each instance.

mod error;
mod notices;
mod options;
mod replica;
#[path = "../repo/mod.rs"]
mod repo;
mod schema;
mod turn;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_trait::async_trait;
use cedarkeep_model::ZoneId;
use cedarkeep_store::{Changes, EventMark, Read, Replica, Store, StoreError, Write};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::runtime::Handle;

pub use self::options::{InvalidUrl, PostgresOptions};
use self::{
    notices::{Ear, Voice},
    replica::Standby,
    repo::{Connection, Session},
    schema::Progress,
    turn::Turn,
};

/// What `repo/` is compiled against.
mod engine {
    pub(super) type Database = sqlx::Postgres;
    pub(super) type Row = sqlx::postgres::PgRow;
    pub(super) use super::error::store_error;

    /// How a statement takes a row for its transaction alone.
    pub(super) const FOR_UPDATE: &str = " FOR UPDATE";

    /// How a statement takes the rows for its transaction that no other has taken.
    pub(super) const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";

    /// What stands before and behind a JSON array to make its texts rows of a column `value`.
    pub(super) const TEXTS: (&str, &str) = ("jsonb_array_elements_text(", "::jsonb)");

    /// The same for an array of objects.
    pub(super) const OBJECTS: (&str, &str) = ("jsonb_array_elements(", "::jsonb)");
}

/// How long a connection may lie idle and be lent without a question.
const IDLE: Duration = Duration::from_secs(1);

/// A store in a PostgreSQL database, which other instances may use at the same time.
pub struct PostgresStore {
    pool: PgPool,
    standby: Option<Standby>,
    runtime: Handle,
    /// How to connect to hear the notices of other instances.
    listen: PgConnectOptions,
    /// Set once the server knows no notices.
    mute: Arc<AtomicBool>,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date. Any number of instances may do so at once.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or a newer program has migrated the database.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        for options in [Some(options), options.replica.as_deref()].into_iter().flatten() {
            if options.is_exposed() {
                tracing::warn!(
                    server = options.place(),
                    "the way to the database is open to others: say sslmode=verify-full in its URL"
                );
            }
        }
        schema::migrate(&options.unlimited()).await?;
        Self::connect(options).await
    }

    /// Connects to a store that is there already, and changes nothing; none when there is nothing.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or the schema is not the one that this program knows.
    pub async fn open_existing(options: &PostgresOptions) -> Result<Option<Self>, StoreError> {
        let mut db = PgConnection::connect_with(&options.limited()).await.map_err(engine::store_error)?;
        let progress = schema::progress(&mut db).await?;
        db.close().await.map_err(engine::store_error)?;
        match progress {
            Progress::Empty => Ok(None),
            Progress::Behind => {
                Err(StoreError::Schema("migrations are missing; run `cedarkeep migrate` first".to_owned()))
            }
            Progress::Current => Self::connect(options).await.map(Some),
        }
    }

    async fn connect(options: &PostgresOptions) -> Result<Self, StoreError> {
        let pool =
            pool_options(options).connect_with(durable(options.limited()).await?).await.map_err(engine::store_error)?;
        let standby = options.replica.as_deref().map(Standby::new);
        Ok(Self { pool, standby, runtime: Handle::current(), listen: options.limited(), mute: Arc::default() })
    }
}

/// How connections are kept.
fn pool_options(options: &PostgresOptions) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(options.pool_size.max(1))
        .acquire_timeout(options.acquire_timeout)
        // A test each time would cost a round trip each time: what is dead is found out once and not lent again, and
        // only what has lain idle is asked, which under load is nothing.
        .test_before_acquire(false)
        .before_acquire(|connection, lent| {
            Box::pin(async move {
                let usable = error::AGE.allows(lent.age);
                Ok(usable && (lent.idle_for < IDLE || connection.ping().await.is_ok()))
            })
        })
        .idle_timeout(Duration::from_mins(10))
        .max_lifetime(Duration::from_mins(30))
}

/// The same, but that a commit waits for the disk where the server would not: `on` is the least that an acknowledgement
/// may mean here. What is stricter stays.
async fn durable(options: PgConnectOptions) -> Result<PgConnectOptions, StoreError> {
    let mut db = PgConnection::connect_with(&options).await.map_err(engine::store_error)?;
    let found: String = sqlx::query_scalar("SELECT current_setting('synchronous_commit')")
        .fetch_one(&mut db)
        .await
        .map_err(engine::store_error)?;
    db.close().await.map_err(engine::store_error)?;
    Ok(if found == "off" { options.options([("synchronous_commit", "on")]) } else { options })
}

impl Connection for PoolConnection<Postgres> {
    fn connection(&mut self) -> &mut PgConnection {
        self
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn read(&self) -> Result<Box<dyn Read>, StoreError> {
        let connection = self.pool.acquire().await.map_err(engine::store_error)?;
        Ok(Box::new(Session::new(connection)))
    }

    async fn snapshot(&self) -> Result<Box<dyn Read>, StoreError> {
        Ok(Box::new(Session::new(Turn::look(&self.pool, &self.runtime).await?)))
    }

    async fn set_read_only(&self, read_only: bool) -> Result<(), StoreError> {
        turn::set_read_only(&self.pool, &self.runtime, read_only).await
    }

    async fn write(&self) -> Result<Box<dyn Write>, StoreError> {
        Ok(Box::new(Session::new(Turn::begin(&self.pool, &self.runtime).await?.telling(Voice::new(&self.mute)))))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn changes(&self) -> Option<Box<dyn Changes>> {
        Some(Box::new(Ear::open(self.listen.clone(), &self.runtime)))
    }

    fn has_replica(&self) -> bool {
        self.standby.is_some()
    }

    async fn replica(&self, zone: ZoneId, has: EventMark) -> Replica {
        match &self.standby {
            Some(standby) => standby.view(zone, has).await,
            None => Replica::Gone,
        }
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(engine::store_error)?;
        sqlx::query("SELECT COUNT(*) FROM zones WHERE id = ''")
            .fetch_one(&mut *connection)
            .await
            .map(|_| ())
            .map_err(engine::store_error)
    }

    async fn close(&self) {
        self.pool.close().await;
        if let Some(standby) = &self.standby {
            standby.close().await;
        }
    }
}

#[cfg(test)]
mod tests;
