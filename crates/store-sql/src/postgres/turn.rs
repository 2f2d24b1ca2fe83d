//! A transaction on a connection of the pool.
//!
//! sqlx's own transactions leak: a `begin` whose future is dropped halfway hands the connection back with a transaction
//! open (0.9.0), and the next caller works in it. So BEGIN, COMMIT and ROLLBACK are plain statements here, and the
//! connection lies in a [`Turn`] before BEGIN is sent: from then on nothing but a COMMIT that was answered, or a ROLLBACK
//! that was, gives it back.

use std::time::Duration;

use cedarkeep_store::{Changed, READ_ONLY, StoreError};
use sqlx::{Executor as _, PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

use super::{
    engine::store_error,
    notices::Voice,
    repo::{Connection, Transaction},
};

/// READ COMMITTED with rows locked by hand: whoever locks the zone first sees all that was committed before, and nothing
/// ends in a serialization failure. On a standby this very statement fails. Every writer shares a lock, which whoever makes
/// the store read-only takes alone, and then looks whether it is: a second row says so.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
    SELECT pg_advisory_xact_lock_shared(7233173838382854502); SELECT 1 FROM meta WHERE key = 'read_only'";

/// The same for whoever says whether the store is read-only: all who write are waited for, and those who come wait.
const BEGIN_ALONE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(7233173838382854502)";

/// A view on the moment of its first statement.
const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM meta WHERE key = ''";

/// One message, so that COMMIT is not even looked at when the transaction has failed: alone it would be answered kindly,
/// and keep nothing. Nor may the statement's time limit cut a wait for a synchronous standby short: PostgreSQL then
/// answers that it has committed, though the standby may have nothing of it.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

/// How long undoing may take, what was under way included: then the server is not there any more.
const UNDOING: Duration = Duration::from_mins(1);

/// How many connections are tried: those in the pool may all have died with the server.
const ATTEMPTS: u32 = 3;

/// An open transaction.
pub(super) struct Turn {
    /// Present until the turn ends.
    connection: Option<PoolConnection<Postgres>>,
    /// Where a turn that is dropped is undone.
    runtime: Handle,
    /// Tells others what was committed.
    voice: Option<Voice>,
}

impl Turn {
    /// Takes a connection and opens a transaction on it.
    pub(super) async fn begin(pool: &PgPool, runtime: &Handle) -> Result<Self, StoreError> {
        match Self::open(pool, runtime, BEGIN).await? {
            (turn, 1) => Ok(turn),
            _ => Err(StoreError::ReadOnly),
        }
    }

    /// The same for a transaction that only reads, everything as of one moment.
    pub(super) async fn look(pool: &PgPool, runtime: &Handle) -> Result<Self, StoreError> {
        Self::open(pool, runtime, LOOK).await.map(|(turn, _)| turn)
    }

    /// Answers how many rows the statements gave, too.
    async fn open(pool: &PgPool, runtime: &Handle, begin: &'static str) -> Result<(Self, usize), StoreError> {
        let mut attempt = 1;
        loop {
            let connection = pool.acquire().await.map_err(store_error)?;
            let mut turn = Self { connection: Some(connection), runtime: runtime.clone(), voice: None };
            let error = match sqlx::raw_sql(begin).fetch_all(turn.connection()).await {
                Ok(rows) => return Ok((turn, rows.len())),
                Err(error) => store_error(error),
            };
            turn.discard();
            if attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
    }

    /// Lets others be told of it.
    pub(super) fn telling(mut self, voice: Voice) -> Self {
        self.voice = Some(voice);
        self
    }

    /// Ends it by closing the connection.
    fn discard(mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
        self.connection = None;
    }
}

/// Says whether the store is read-only.
pub(super) async fn set_read_only(pool: &PgPool, runtime: &Handle, read_only: bool) -> Result<(), StoreError> {
    let (mut turn, _) = Turn::open(pool, runtime, BEGIN_ALONE).await?;
    let sql = if read_only {
        "INSERT INTO meta (key, value) VALUES ($1, '') ON CONFLICT (key) DO NOTHING"
    } else {
        "DELETE FROM meta WHERE key = $1"
    };
    sqlx::query(sql).bind(READ_ONLY).execute(turn.connection()).await.map_err(store_error)?;
    turn.commit().await
}

impl Connection for Turn {
    #[expect(clippy::expect_used, reason = "a turn has its connection until commit or drop takes the turn itself")]
    fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a turn holds the connection")
    }
}

#[async_trait::async_trait]
impl Transaction for Turn {
    /// In a task of its own, which nobody can drop halfway. When the answer is lost nobody knows whether it is committed;
    /// whoever repeats the request with its idempotency key will be told. Others are told once the caller has its answer.
    async fn commit(mut self) -> Result<(), StoreError> {
        let Some(mut connection) = self.connection.take() else {
            return Err(StoreError::Unavailable("the turn is over".into()));
        };
        let voice = self.voice.take();
        let (caller, answered) = oneshot::channel();
        self.runtime.spawn(async move {
            let done = connection.execute(COMMIT).await.map(|_| ()).map_err(store_error);
            let good = done.is_ok();
            // A caller that went away is nobody to answer.
            drop(caller.send(done));
            let told = match voice {
                Some(voice) if good => voice.speak(&mut connection).await,
                _ => good,
            };
            if !told {
                connection.close_on_drop();
            }
        });
        answered.await.map_err(|gone| StoreError::Unavailable(gone.into()))?
    }

    fn remember(&mut self, changed: Changed) {
        if let Some(voice) = &mut self.voice {
            voice.remember(changed);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        self.runtime.spawn(async move {
            // What was under way is waited for first. Where that failed, or this does, the server undoes the rest when
            // the connection is closed.
            match timeout(UNDOING, connection.execute("ROLLBACK")).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => tracing::debug!(%error, "a connection is closed with its transaction"),
                Err(_elapsed) => tracing::debug!("a connection that does not answer is closed with its transaction"),
            }
            connection.close_on_drop();
        });
    }
}
