//! Notices where something is in their way.

use super::*;
use crate::postgres::notices::is_unknown;

/// What has none of it answers as PostgreSQL does to what it does not know.
#[tokio::test]
async fn a_server_without_notices_is_told_from_one_that_fails() {
    let (store, _database) = open(1).await;
    let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
    let unknown = turn.connection().execute("LISTN cedarkeep_changes").await.unwrap_err();
    assert!(is_unknown(&unknown), "{unknown}");
    let failed = turn.connection().execute("NOTIFY cedarkeep_changes, 'x'").await.unwrap_err();
    assert!(!is_unknown(&failed), "the transaction has failed before: {failed}");
}

/// Whoever waits for the disk, or for a standby, with a notice in hand would keep all others waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_waits_for_another_for_the_sake_of_a_notice() {
    let server: &'static cedarkeep_postgres_harness::Server =
        Box::leak(Box::new(cedarkeep_postgres_harness::Server::start(&[])));
    let database = server.database();
    let store = PostgresStore::open(&options(&database, 3)).await.unwrap();
    let mut stuck = store.write().await.unwrap();
    stuck.put_meta("one", b"value").await.unwrap();
    database.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    database.psql("SELECT pg_reload_conf()");
    while !database.psql("SHOW synchronous_standby_names").contains("nobody") {}
    let waiting = tokio::spawn(stuck.commit());
    let stands = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    while database.psql(stands) != "1" {}
    // It waits for the standby that does not come. A notice has nothing to be kept, and waits for none.
    let mut db = PgConnection::connect(&database.url()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), sqlx::raw_sql("NOTIFY cedarkeep_changes, ''").execute(&mut db))
        .await
        .expect("a notice waits for somebody else's commit")
        .unwrap();
    database.psql("ALTER SYSTEM RESET synchronous_standby_names");
    database.psql("SELECT pg_reload_conf()");
    waiting.await.unwrap().unwrap();
}
