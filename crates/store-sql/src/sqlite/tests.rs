use std::sync::Arc;

use sqlx::{AssertSqlSafe, Executor as _, SqliteConnection};
use tempfile::TempDir;

use super::*;

/// A store in a folder of its own.
pub(super) async fn open() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&options(&folder)).await.unwrap();
    (store, folder)
}

fn options(folder: &TempDir) -> OpenOptions {
    OpenOptions { path: folder.path().join("store.db"), readers: 2 }
}

async fn texts(connection: &mut SqliteConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
}

#[test]
fn a_library_with_the_wal_bug_is_refused() {
    assert!(check_library(3_051_002).is_err());
    assert!(check_library(libsqlite3_sys::SQLITE_VERSION_NUMBER).is_ok());
}

#[tokio::test]
async fn the_pragmas_that_safety_rests_on_are_set() {
    let (store, _folder) = open().await;
    let mut writer = store.writer.begin().await.unwrap();
    let connection = writer.connection();
    assert_eq!(texts(connection, "PRAGMA journal_mode").await, ["wal"]);
    for (sql, expected) in [
        ("PRAGMA synchronous", 2),
        ("PRAGMA foreign_keys", 1),
        ("PRAGMA recursive_triggers", 1),
        ("PRAGMA busy_timeout", 5_000),
    ] {
        let value: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
        assert_eq!(value, expected, "{sql}");
    }
    let mut reader = store.readers.acquire().await.unwrap();
    assert!(reader.execute("DELETE FROM meta").await.is_err(), "readers cannot write");
}

/// Whoever adds a table of this kind adds it here; whoever loses a trigger is told.
#[tokio::test]
async fn what_is_immutable_can_be_changed_by_no_statement() {
    const IMMUTABLE: [&str; 12] = [
        "attestations",
        "events",
        "organization_events",
        "policy_schemas",
        "policy_set_version_archives",
        "policy_set_version_entries",
        "policy_set_versions",
        "policy_version_archives",
        "policy_versions",
        "re_sign_refusals",
        "user_bundle_policies",
        "user_bundle_sets",
    ];
    let (store, folder) = open().await;
    let store: Arc<dyn Store> = Arc::new(store);
    cedarkeep_store::conformance::one_of_everything(&store).await;
    store.close().await;
    let store = SqliteStore::open(&options(&folder)).await.unwrap();
    let mut writer = store.writer.begin().await.unwrap();
    let connection = writer.connection();
    // Else a foreign key might refuse in place of the trigger.
    connection.execute("PRAGMA defer_foreign_keys = ON").await.unwrap();
    for table in IMMUTABLE {
        let key = if table == "organization_events" { "organization_id" } else { "zone_id" };
        for sql in [
            format!("UPDATE {table} SET {key} = {key}"),
            format!("UPDATE OR REPLACE {table} SET {key} = {key}"),
            format!("DELETE FROM {table}"),
            format!("REPLACE INTO {table} SELECT * FROM {table}"),
        ] {
            let error = connection.execute(AssertSqlSafe(sql.clone())).await.unwrap_err().to_string();
            assert!(error.contains("immutable"), "{sql}: {error}");
        }
    }
    let sql = "SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name";
    assert_eq!(texts(connection, sql).await, IMMUTABLE);
}

#[tokio::test]
async fn every_tenant_table_leads_with_its_zone_or_organization() {
    let (store, _folder) = open().await;
    let mut reader = store.readers.acquire().await.unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN \
               ('_sqlx_migrations', 'meta', 'zones', 'organizations', 'idempotent_answers', 'job_claims') \
               AND NOT EXISTS (SELECT 1 FROM pragma_table_info(sqlite_schema.name) \
               WHERE name IN ('zone_id', 'organization_id') AND pk = 1)";
    assert_eq!(texts(&mut reader, sql).await, [""; 0]);
}

/// Whoever adds a column or a table says here, or in `repo/rows.rs`, whether it is moved with the rest.
#[tokio::test]
async fn what_is_moved_are_all_columns_of_all_tables_but_these() {
    // Answers are kept for a day, claims for seconds, entries are derived from manifests.
    const STAYS: [&str; 4] = ["_sqlx_migrations", "idempotent_answers", "job_claims", "policy_set_version_entries"];
    let (store, _folder) = open().await;
    let mut reader = store.readers.acquire().await.unwrap();
    let sql = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    let stays = |column: &String| !STAYS.iter().any(|table| column.starts_with(&format!("{table}.")));
    let mut columns: Vec<_> = texts(&mut reader, sql).await.into_iter().filter(stays).collect();
    columns.sort_unstable();
    let moved = repo::rows_columns().into_iter();
    let mut moved: Vec<_> =
        moved.flat_map(|(table, names)| names.into_iter().map(move |name| format!("{table}.{name}"))).collect();
    moved.sort_unstable();
    assert_eq!(moved, columns);
}

#[tokio::test]
async fn errors_say_whether_a_retry_may_help() {
    let (store, _folder) = open().await;
    let mut writer = store.writer.begin().await.unwrap();
    let connection = writer.connection();
    let mut failed = async |sql: &'static str| engine::store_error(connection.execute(sql).await.unwrap_err());
    let dangling = "INSERT INTO policy_version_archives VALUES ('z', 'v', 0, 'somebody')";
    assert!(matches!(failed(dangling).await, StoreError::Damaged(_)));
    let missing = "INSERT INTO meta (key) VALUES ('key')";
    assert!(matches!(failed(missing).await, StoreError::Damaged(_)));
    let twice = "INSERT INTO meta VALUES ('key', x'00'), ('key', x'00')";
    assert!(matches!(failed(twice).await, StoreError::Taken(cedarkeep_store::Unique::Other)));
    assert!(matches!(failed("SELECT * FROM nowhere").await, StoreError::Unavailable(_)));
    let none = sqlx::query("SELECT * FROM meta").fetch_one(writer.connection()).await.unwrap_err();
    assert!(matches!(engine::store_error(none), StoreError::Damaged(_)));
}

#[tokio::test]
async fn a_store_that_somebody_else_writes_to_is_unavailable_and_then_is_again() {
    let (store, folder) = open().await;
    let mut turn = store.writer.begin().await.unwrap();
    turn.connection().execute("PRAGMA busy_timeout = 0").await.unwrap();
    repo::Transaction::commit(turn).await.unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut other = options.connect().await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    assert!(matches!(store.write().await.err(), Some(StoreError::Unavailable(_))));
    store.read().await.unwrap().meta("key").await.unwrap();
    other.execute("COMMIT").await.unwrap();
    let mut transaction = store.write().await.unwrap();
    transaction.put_meta("key", b"value").await.unwrap();
    transaction.commit().await.unwrap();
}
