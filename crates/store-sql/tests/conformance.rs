//! The contract on both engines.
#![expect(clippy::unwrap_used, reason = "a test")]

mod sqlite {
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
}

mod postgres {
    use std::sync::Arc;

    use cedarkeep_postgres_harness::{Database, server};
    use cedarkeep_store::Store;
    use cedarkeep_store_sql::{PostgresOptions, PostgresStore};

    async fn fresh() -> (Arc<dyn Store>, Database) {
        let database = server().database();
        let options = PostgresOptions::from_url(&database.url()).unwrap();
        (Arc::new(PostgresStore::open(&options).await.unwrap()), database)
    }

    cedarkeep_store::conformance_suite!(fresh);
}
