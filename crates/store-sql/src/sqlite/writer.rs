//! The one writer, and the commits it shares.
//!
//! A commit that is on disk when it is acknowledged costs one sync, up to a few milliseconds; a queue of callers need
//! not pay one each. Every caller works in a savepoint of one common transaction. Who finishes while others wait leaves
//! the common commit to them and is acknowledged by it; who finishes last commits for all. If that commit fails, all of
//! them are told so, and nothing of theirs is there.
//!
//! A caller may go away at any moment (its future is dropped). Whatever moves the common transaction on therefore runs
//! in a task of its own, which nobody can drop halfway.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cedarkeep_store::{READ_ONLY, StoreError};
use sqlx::{Connection as _, Executor, SqliteConnection};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard, oneshot},
};

use super::{
    engine,
    repo::{Connection, Transaction},
};

/// How many callers one commit serves at the most, so that the first of them does not wait for ever.
const MOST_PER_COMMIT: usize = 256;

type Acknowledgement = oneshot::Sender<Result<(), Arc<StoreError>>>;

/// The common transaction.
struct Group {
    connection: Option<SqliteConnection>,
    open: bool,
    finished: Vec<Acknowledgement>,
}

/// Hands the one connection to one caller after the other, in order of arrival.
#[derive(Clone)]
pub(super) struct Writer {
    group: Arc<Mutex<Group>>,
    /// How many callers are on their way to a turn, which all of them reach: whoever counts on them is not stranded.
    waiting: Arc<AtomicUsize>,
    /// Where a turn that is dropped outside any runtime is undone.
    runtime: Handle,
}

impl Writer {
    /// Must be called within a runtime.
    pub(super) fn new(connection: SqliteConnection) -> Self {
        let group = Group { connection: Some(connection), open: false, finished: Vec::new() };
        Self { group: Arc::new(Mutex::new(group)), waiting: Arc::default(), runtime: Handle::current() }
    }

    /// Waits for the connection and opens a savepoint on it. When the caller goes away meanwhile, the turn is taken and
    /// dropped.
    pub(super) async fn begin(&self) -> Result<Turn, StoreError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.runtime.spawn(self.clone().take_turn()).await.map_err(|error| StoreError::Unavailable(error.into()))?
    }

    /// Says whether the store is read-only, in the common transaction, and commits that: turns before it are done, turns
    /// after it see it.
    pub(super) async fn set_read_only(&self, read_only: bool) -> Result<(), StoreError> {
        let group = Arc::clone(&self.group);
        let done = self.runtime.spawn(async move { group.lock().await.set_read_only(read_only).await });
        done.await.map_err(|error| StoreError::Unavailable(error.into()))?
    }

    async fn take_turn(self) -> Result<Turn, StoreError> {
        let mut group = Arc::clone(&self.group).lock_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        group.begin().await?;
        Ok(Turn { writer: self, group: Some(group) })
    }

    /// Commits when nobody waits who could do it, or when enough have gathered.
    async fn end_turn(&self, mut group: OwnedMutexGuard<Group>) {
        if self.waiting.load(Ordering::SeqCst) == 0 || group.finished.len() >= MOST_PER_COMMIT {
            group.flush().await;
        }
    }

    /// Commits what is finished and closes the connection.
    pub(super) async fn close(&self) {
        let group = Arc::clone(&self.group);
        let closed = self.runtime.spawn(async move { group.lock().await.close().await });
        if let Err(error) = closed.await {
            tracing::warn!(%error, "closing the database");
        }
    }
}

impl Group {
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or_else(|| StoreError::Unavailable("the store is closed".into()))
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.open {
            self.open().await?;
            // Nobody else can change that while the common transaction is open, and who changes it here commits at once.
            let checked = self.check_writable().await;
            if let Err(error) = checked {
                self.flush().await;
                return Err(error);
            }
        }
        match self.execute("SAVEPOINT turn").await {
            Ok(()) => Ok(()),
            Err(error) => {
                let error = Arc::new(error);
                self.fail(&error).await;
                Err(shared(error))
            }
        }
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE").await?;
        self.open = true;
        Ok(())
    }

    async fn check_writable(&mut self) -> Result<(), StoreError> {
        let said = sqlx::query("SELECT 1 FROM meta WHERE key = $1").bind(READ_ONLY);
        match said.fetch_optional(self.connection()?).await.map_err(engine::store_error)? {
            None => Ok(()),
            Some(_) => Err(StoreError::ReadOnly),
        }
    }

    async fn set_read_only(&mut self, read_only: bool) -> Result<(), StoreError> {
        if !self.open {
            self.open().await?;
        }
        let sql = if read_only {
            "INSERT INTO meta (key, value) VALUES ($1, x'') ON CONFLICT (key) DO NOTHING"
        } else {
            "DELETE FROM meta WHERE key = $1"
        };
        let done = sqlx::query(sql).bind(READ_ONLY).execute(self.connection()?).await.map_err(engine::store_error);
        match done {
            Ok(_) => {
                let (caller, acknowledged) = oneshot::channel();
                self.finished.push(caller);
                self.flush().await;
                acknowledged.await.map_err(|gone| StoreError::Unavailable(gone.into()))?.map_err(shared)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.fail(&error).await;
                Err(shared(error))
            }
        }
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.connection()?.execute(sql).await.map(|_| ()).map_err(engine::store_error)
    }

    /// Keeps what the turn did, for the common commit.
    async fn release(&mut self, caller: Acknowledgement) {
        self.finished.push(caller);
        if let Err(error) = self.execute("RELEASE turn").await {
            self.fail(&Arc::new(error)).await;
        }
    }

    /// Undoes what the turn did, and only that where SQLite has not already undone everything.
    async fn undo(&mut self) {
        let undone = match self.execute("ROLLBACK TO turn").await {
            Ok(()) => self.execute("RELEASE turn").await,
            Err(error) => Err(error),
        };
        if let Err(error) = undone {
            self.fail(&Arc::new(error)).await;
        }
    }

    /// Commits for everybody who has finished, and tells them.
    async fn flush(&mut self) {
        if !self.open {
            return;
        }
        match self.execute("COMMIT").await {
            Ok(()) => {
                self.open = false;
                self.acknowledge(&Ok(()));
            }
            Err(error) => self.fail(&Arc::new(error)).await,
        }
    }

    async fn close(&mut self) {
        self.flush().await;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the database");
        }
    }

    /// Gives the common transaction up: a full disk, for one, makes SQLite roll all of it back on its own.
    async fn fail(&mut self, error: &Arc<StoreError>) {
        let callers = self.finished.len();
        tracing::error!(error = &**error as &dyn std::error::Error, callers, "the common transaction is lost");
        // When SQLite has rolled back already there is nothing to roll back, and it says so.
        drop(self.execute("ROLLBACK").await);
        self.open = false;
        self.acknowledge(&Err(Arc::clone(error)));
    }

    fn acknowledge(&mut self, result: &Result<(), Arc<StoreError>>) {
        for caller in self.finished.drain(..) {
            // A caller that went away is nobody to tell.
            drop(caller.send(result.clone()));
        }
    }
}

/// An error that several callers are told.
fn shared(error: Arc<StoreError>) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// One caller's turn: a savepoint.
pub(super) struct Turn {
    writer: Writer,
    /// Present until the turn ends.
    group: Option<OwnedMutexGuard<Group>>,
}

impl Connection for Turn {
    #[expect(clippy::expect_used, reason = "a turn has its connection until commit or drop takes the turn itself")]
    fn connection(&mut self) -> &mut SqliteConnection {
        self.group.as_mut().and_then(|group| group.connection.as_mut()).expect("a turn holds the connection")
    }
}

#[async_trait::async_trait]
impl Transaction for Turn {
    async fn commit(mut self) -> Result<(), StoreError> {
        let Some(mut group) = self.group.take() else {
            return Err(StoreError::Unavailable("the turn is over".into()));
        };
        let writer = self.writer.clone();
        let (caller, acknowledged) = oneshot::channel();
        self.writer.runtime.spawn(async move {
            group.release(caller).await;
            writer.end_turn(group).await;
        });
        match acknowledged.await {
            Ok(result) => result.map_err(shared),
            Err(gone) => Err(StoreError::Unavailable(gone.into())),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut group) = self.group.take() else { return };
        let writer = self.writer.clone();
        self.writer.runtime.spawn(async move {
            group.undo().await;
            writer.end_turn(group).await;
        });
    }
}

#[cfg(test)]
mod tests;
