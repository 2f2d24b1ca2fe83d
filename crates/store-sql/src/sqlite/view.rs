//! A view on one moment: a transaction that reads. While it is open the log cannot be started anew, and grows.

use cedarkeep_store::StoreError;
use sqlx::{Executor as _, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::runtime::Handle;

use super::{engine, repo::Connection};

/// A reading transaction; it ends when this is dropped.
pub(super) struct View {
    /// Present until then.
    connection: Option<PoolConnection<sqlx::Sqlite>>,
    runtime: Handle,
}

impl View {
    pub(super) async fn open(readers: &SqlitePool) -> Result<Self, StoreError> {
        let connection = readers.acquire().await.map_err(engine::store_error)?;
        let mut view = Self { connection: Some(connection), runtime: Handle::current() };
        // The moment is that of the first read, which is made here.
        for sql in ["BEGIN", "SELECT COUNT(*) FROM zones WHERE id = ''"] {
            view.connection().execute(sql).await.map_err(engine::store_error)?;
        }
        Ok(view)
    }
}

impl Connection for View {
    #[expect(clippy::expect_used, reason = "a view has its connection until drop takes it")]
    fn connection(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("a view holds a connection")
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        self.runtime.spawn(async move {
            if connection.execute("ROLLBACK").await.is_err() {
                connection.close_on_drop();
            }
        });
    }
}
