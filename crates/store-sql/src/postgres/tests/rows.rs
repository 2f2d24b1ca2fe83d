use cedarkeep_postgres_harness::server;

use super::super::{PostgresOptions, PostgresStore, repo};

/// As on SQLite: whoever adds a column or a table says in `repo/rows.rs`, or in that test, whether it is moved.
#[tokio::test]
async fn what_is_moved_are_columns_that_there_are() {
    let database = server().database();
    PostgresStore::open(&PostgresOptions::from_url(&database.url()).unwrap()).await.unwrap();
    for (table, mut columns) in repo::rows_columns() {
        columns.sort_unstable();
        let sql = format!(
            "SELECT string_agg(column_name, ',' ORDER BY column_name COLLATE \"C\") FROM information_schema.columns \
             WHERE table_name = '{table}'"
        );
        assert_eq!(database.psql(&sql), columns.join(","), "{table}");
    }
}
