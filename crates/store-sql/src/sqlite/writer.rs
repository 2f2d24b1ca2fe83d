//! The one writer, and the commits it shares.
//!
//! A commit that is on disk when it is acknowledged costs one sync, a few milliseconds; a queue of callers need not pay
//! one each. Every caller works in a savepoint of one common transaction. Who finishes while others wait leaves the
//! common commit to them and is acknowledged by it; who finishes last commits for all. If that commit fails, all of
//! them are told so, and nothing of theirs is there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cedarkeep_store::StoreError;
use sqlx::{Connection as _, Executor, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{
    engine,
    repo::{Connection, Transaction},
};

/// How many callers one commit serves at the most, so that the first of them does not wait for ever.
const MOST_PER_COMMIT: usize = 256;

type Acknowledgement = oneshot::Sender<Result<(), String>>;

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
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        let group = Group { connection: Some(connection), open: false, finished: Vec::new() };
        Self { group: Arc::new(Mutex::new(group)), waiting: Arc::default() }
    }

    /// Waits for the connection and opens a savepoint on it.
    pub(super) async fn begin(&self) -> Result<Turn, StoreError> {
        let place = Place::take(self);
        let mut group = Arc::clone(&self.group).lock_owned().await;
        place.leave();
        group.begin().await?;
        Ok(Turn { writer: self.clone(), group: Some(group) })
    }

    /// Commits what is finished and closes the connection.
    pub(super) async fn close(&self) {
        let mut group = self.group.lock().await;
        group.flush().await;
        if let Some(connection) = group.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the database");
        }
    }
}

/// A place in the queue; leaving it without a turn (a caller that went away) must not strand those who count on it.
struct Place<'a> {
    writer: &'a Writer,
    left: bool,
}

impl<'a> Place<'a> {
    fn take(writer: &'a Writer) -> Self {
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        Self { writer, left: false }
    }

    fn leave(mut self) {
        self.left = true;
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.left {
            self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
            let group = Arc::clone(&self.writer.group);
            tokio::spawn(async move { group.lock().await.flush().await });
        }
    }
}

impl Group {
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection.as_mut().ok_or_else(|| StoreError::Unavailable("the store is closed".into()))
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.open {
            self.execute("BEGIN IMMEDIATE").await?;
            self.open = true;
        }
        self.execute("SAVEPOINT turn").await
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.connection()?.execute(sql).await.map(|_| ()).map_err(engine::store_error)
    }

    /// Commits for everybody who has finished, and tells them.
    async fn flush(&mut self) {
        if !self.open {
            return;
        }
        let result = self.execute("COMMIT").await;
        match result {
            Ok(()) => self.acknowledge(&Ok(())),
            Err(error) => self.fail(&error).await,
        }
        self.open = false;
    }

    /// Gives the common transaction up: a full disk, for one, makes SQLite roll all of it back on its own.
    async fn fail(&mut self, error: &StoreError) {
        tracing::error!(error = error as &dyn std::error::Error, callers = self.finished.len(), "a commit failed");
        // When SQLite has rolled back already there is nothing to roll back, and it says so.
        drop(self.execute("ROLLBACK").await);
        self.open = false;
        self.acknowledge(&Err(error.to_string()));
    }

    fn acknowledge(&mut self, result: &Result<(), String>) {
        for caller in self.finished.drain(..) {
            // A caller that went away is nobody to tell.
            drop(caller.send(result.clone()));
        }
    }
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
        let (sender, acknowledged) = oneshot::channel();
        match group.execute("RELEASE turn").await {
            Ok(()) => group.finished.push(sender),
            Err(error) => {
                group.fail(&error).await;
                return Err(error);
            }
        }
        end_turn(&self.writer, group).await;
        match acknowledged.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StoreError::Unavailable(error.into())),
            Err(_) => Err(StoreError::Unavailable("the writer is gone".into())),
        }
    }
}

/// Commits when nobody waits who could do it, or when enough have gathered.
async fn end_turn(writer: &Writer, mut group: OwnedMutexGuard<Group>) {
    if writer.waiting.load(Ordering::SeqCst) == 0 || group.finished.len() >= MOST_PER_COMMIT {
        group.flush().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut group) = self.group.take() else { return };
        let writer = self.writer.clone();
        tokio::spawn(async move {
            let undone = match group.execute("ROLLBACK TO turn").await {
                Ok(()) => group.execute("RELEASE turn").await,
                Err(error) => Err(error),
            };
            match undone {
                Ok(()) => end_turn(&writer, group).await,
                Err(error) => group.fail(&error).await,
            }
        });
    }
}
