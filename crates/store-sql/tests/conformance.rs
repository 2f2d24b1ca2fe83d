//! The contract on SQLite.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use cedarkeep_store::Store;
use cedarkeep_store_sql::{OpenOptions, SqliteStore};
use tempfile::TempDir;

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { path: folder.path().join("store.db"), readers: 4 };
    (Arc::new(SqliteStore::open(&options).await.unwrap()), folder)
}

cedarkeep_store::conformance_suite!(fresh);
