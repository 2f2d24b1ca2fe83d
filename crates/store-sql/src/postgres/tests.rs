mod faults;
mod notices;
mod opening;
mod rows;

use std::sync::Arc;

use cedarkeep_postgres_harness::{Database, server};
use sqlx::{AssertSqlSafe, Executor as _};

use super::*;

/// A store in a database of its own, with this many connections.
async fn open(pool_size: u32) -> (PostgresStore, Database) {
    let database = server().database();
    let store = PostgresStore::open(&options(&database, pool_size)).await.unwrap();
    (store, database)
}

fn options(database: &Database, pool_size: u32) -> PostgresOptions {
    let mut options = PostgresOptions::from_url(&database.url()).unwrap();
    options.pool_size = pool_size;
    options
}

#[tokio::test]
async fn the_settings_that_safety_rests_on_are_set() {
    let (store, database) = open(2).await;
    let setting = async |name: &'static str| -> String {
        let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
        let sql = AssertSqlSafe(format!("SHOW {name}"));
        sqlx::query_scalar(sql).fetch_one(turn.connection()).await.unwrap()
    };
    for (name, expected) in [
        ("transaction_isolation", "read committed"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("synchronous_commit", "on"),
        ("application_name", "cedarkeep"),
    ] {
        assert_eq!(setting(name).await, expected, "{name}");
    }
    database.psql(&format!("ALTER DATABASE {} SET synchronous_commit = off", database.name));
    let store = PostgresStore::open(&options(&database, 1)).await.unwrap();
    let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
    let value: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(turn.connection()).await.unwrap();
    assert_eq!(value, "on", "whatever the database would be content with");
}

/// The tables are those of SQLite; a table that has no trigger there needs none here.
#[tokio::test]
async fn what_is_immutable_can_be_changed_by_no_statement() {
    let sqlite = include_str!("../../../../migrations/sqlite/0001_initial.sql");
    let ends =
        |line: &str| line.strip_prefix("CREATE TRIGGER ")?.split_once("_no_update ").map(|(table, _)| table.to_owned());
    let immutable: Vec<String> = sqlite.lines().filter_map(ends).collect();
    assert!(immutable.len() > 10, "{immutable:?}");
    let (store, database) = open(2).await;
    let store: Arc<dyn Store> = Arc::new(store);
    cedarkeep_store::conformance::one_of_everything(&store).await;
    let mut db = PgConnection::connect(&database.url()).await.unwrap();
    for table in immutable {
        let key = if table == "organization_events" { "organization_id" } else { "zone_id" };
        for sql in [
            format!("UPDATE {table} SET {key} = {key}"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
        ] {
            let error = db.execute(AssertSqlSafe(sql.clone())).await.unwrap_err();
            assert!(error.to_string().contains("is immutable"), "{sql}: {error}");
            assert!(matches!(engine::store_error(error), StoreError::Damaged(_)), "{sql}");
        }
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert!(rows > 0, "{table} was empty");
    }
}

#[tokio::test]
async fn errors_say_whether_a_retry_may_help() {
    let (store, _database) = open(2).await;
    let failed = async |sql: &'static str| {
        let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
        engine::store_error(turn.connection().execute(sql).await.unwrap_err())
    };
    let dangling = "INSERT INTO policy_version_archives VALUES ('z', 'v', 0, 'somebody')";
    assert!(matches!(failed(dangling).await, StoreError::Damaged(_)));
    assert!(matches!(failed("INSERT INTO meta (key) VALUES ('key')").await, StoreError::Damaged(_)));
    let twice = "INSERT INTO meta VALUES ('key', ''), ('key', '')";
    assert!(matches!(failed(twice).await, StoreError::Taken(cedarkeep_store::Unique::Other)));
    assert!(matches!(failed("SELECT * FROM nowhere").await, StoreError::Unavailable(_)));
    let nul = "SELECT convert_from('\\x00'::bytea, 'UTF8')";
    assert!(matches!(failed(nul).await, StoreError::Refused(_)));
    let slow = "SET LOCAL statement_timeout = 10; SELECT pg_sleep(9)";
    assert!(matches!(failed(slow).await, StoreError::Unavailable(_)));
    for lost in ["serialization_failure", "deadlock_detected"] {
        let sql = format!("DO $$ BEGIN RAISE EXCEPTION '' USING ERRCODE = '{lost}'; END $$");
        let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
        let error = turn.connection().execute(AssertSqlSafe(sql)).await.unwrap_err();
        assert!(matches!(engine::store_error(error), StoreError::Lost(_)), "{lost}");
    }
    let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
    let none = sqlx::query("SELECT * FROM meta").fetch_one(turn.connection()).await.unwrap_err();
    assert!(matches!(engine::store_error(none), StoreError::Damaged(_)));
}

/// Whoever locks the zone reads what the one before has committed, and the numbers of both have no gap.
#[tokio::test]
async fn a_locked_zone_is_waited_for() {
    let (store, _database) = open(3).await;
    let store: Arc<dyn Store> = Arc::new(store);
    cedarkeep_store::conformance::one_of_everything(&store).await;
    let (zone, before) = store.read().await.unwrap().revisions().await.unwrap()[0];
    let mut first = store.write().await.unwrap();
    first.lock_zone(zone).await.unwrap();
    let mut second = store.write().await.unwrap();
    let waiting = tokio::spawn(async move {
        let seen = second.lock_zone(zone).await.unwrap().unwrap().revision;
        (seen, second.bump_revision(zone).await.unwrap())
    });
    first.bump_revision(zone).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    first.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), (before + 1, before + 2));
}

/// Else a change in one zone would wait for one in another, whose stale answers it clears away as well.
#[tokio::test]
async fn answers_that_another_change_forgets_are_left_to_it() {
    use cedarkeep_model::{Digest, Timestamp};
    let (store, _database) = open(3).await;
    let now = Timestamp::from_micros(10_000_000);
    let mut tx = store.write().await.unwrap();
    for number in 0..4_u8 {
        let (scope, request) = (Digest::of(&[number]), Digest::of(b"request"));
        let created_at = Timestamp::from_micros(i64::from(number));
        let answer = cedarkeep_store::IdempotentAnswer { scope, request, answer: String::new(), created_at };
        tx.keep_answer(&answer, Timestamp::from_micros(0)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (mut first, mut second) = (store.write().await.unwrap(), store.write().await.unwrap());
    assert_eq!(first.forget_answers(now, 3).await.unwrap(), 3);
    assert_eq!(second.forget_answers(now, 3).await.unwrap(), 1);
    second.commit().await.unwrap();
    first.commit().await.unwrap();
}
