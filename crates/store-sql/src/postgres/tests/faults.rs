//! What goes wrong under way: callers that leave, servers that die, standbys that do not answer.

use std::{future::poll_fn, task::Poll};

use cedarkeep_postgres_harness::Server;
use tokio::time::timeout;

use super::*;

/// Lets the work come so many steps far and drops it.
async fn leave_after(steps: usize, work: impl Future<Output = ()>) {
    let mut work = Box::pin(work);
    let mut left = steps;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending if left == 0 => Poll::Ready(()),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await;
}

/// At whichever step, from waiting for a connection to the commit: sqlx alone leaks there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_leaves_no_transaction_open() {
    let (store, database) = open(2).await;
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL \
         AND pid <> pg_backend_pid()";
    for round in 0..2_000 {
        let change = async {
            let mut transaction = store.write().await.unwrap();
            transaction.put_meta("key", b"value").await.unwrap();
            transaction.meta("key").await.unwrap();
            transaction.commit().await.unwrap();
        };
        let look = async {
            store.read().await.unwrap().meta("key").await.unwrap();
        };
        tokio::join!(leave_after(round % 9, change), leave_after(round % 4, look));
        if round % 100 == 0 {
            // What was left is undone beside; whoever comes next waits for it.
            let (_first, _second) = (store.pool.acquire().await.unwrap(), store.pool.acquire().await.unwrap());
            assert_eq!(database.psql(open), "0", "after {round} rounds");
        }
    }
    let mut transaction = store.write().await.unwrap();
    transaction.put_meta("key", b"last").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().meta("key").await.unwrap().unwrap(), b"last");
}

/// PostgreSQL alone answers such a COMMIT kindly.
#[tokio::test]
async fn a_transaction_that_has_failed_cannot_commit() {
    let (store, _database) = open(1).await;
    let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
    turn.connection().execute("INSERT INTO meta VALUES ('key', '')").await.unwrap();
    turn.connection().execute("SELECT 1 / 0").await.unwrap_err();
    assert!(repo::Transaction::commit(turn).await.is_err());
    assert_eq!(store.read().await.unwrap().meta("key").await.unwrap(), None);
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again_at_once() {
    let server: &'static Server = Box::leak(Box::new(Server::start(&[])));
    let database = server.database();
    let store = PostgresStore::open(&options(&database, 4)).await.unwrap();
    let lent: [Result<_, _>; 4] = [store.read().await, store.read().await, store.read().await, store.read().await];
    drop(lent);
    server.kill();
    assert!(matches!(store.ready().await, Err(StoreError::Unavailable(_))));
    server.restart();
    for _ in 0..4 {
        let mut transaction = store.write().await.unwrap();
        transaction.put_meta("key", b"value").await.unwrap();
        transaction.commit().await.unwrap();
        store.ready().await.unwrap();
    }
}

/// A standby must have a commit before it is acknowledged; one that is silent must not be overlooked because a statement
/// may only take so long.
#[tokio::test]
async fn no_time_limit_acknowledges_what_the_standby_does_not_have() {
    let server: &'static Server = Box::leak(Box::new(Server::start(&[])));
    let database = server.database();
    let mut short = options(&database, 2);
    short.statement_timeout = Duration::from_millis(200);
    let store = PostgresStore::open(&short).await.unwrap();
    database.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    database.psql("SELECT pg_reload_conf()");
    let mut transaction = store.write().await.unwrap();
    while !database.psql("SHOW synchronous_standby_names").contains("nobody") {}
    transaction.put_meta("key", b"value").await.unwrap();
    let committed = timeout(Duration::from_secs(1), transaction.commit()).await;
    assert!(committed.is_err(), "{committed:?}");
    database.psql("ALTER SYSTEM RESET synchronous_standby_names");
    database.psql("SELECT pg_reload_conf()");
}

/// Its connections are not lent again, though they are alive.
#[tokio::test]
async fn a_server_that_has_become_read_only_is_left() {
    let (store, database) = open(1).await;
    store.ready().await.unwrap();
    database.psql(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name));
    let pid = async || -> i32 {
        let mut connection = store.pool.acquire().await.unwrap();
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *connection).await.unwrap()
    };
    let before = pid().await;
    let mut turn = Turn::begin(&store.pool, &store.runtime).await.unwrap();
    turn.connection().execute("SET LOCAL transaction_read_only = on").await.unwrap();
    let error = turn.connection().execute("DELETE FROM meta").await.unwrap_err();
    assert!(matches!(engine::store_error(error), StoreError::Unavailable(_)));
    drop(turn);
    assert_ne!(pid().await, before);
}
