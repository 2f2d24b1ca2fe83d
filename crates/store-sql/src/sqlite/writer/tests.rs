use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use cedarkeep_store::{Store, StoreError, Write};
use sqlx::Executor as _;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{MOST_PER_COMMIT, Turn, Writer};
use crate::sqlite::{
    SqliteStore,
    repo::{Connection as _, Session, Transaction as _},
    tests::open,
};

/// A store, and how many common transactions it has committed since.
async fn counting() -> (SqliteStore, Arc<AtomicUsize>, TempDir) {
    let (store, folder) = open().await;
    let commits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&commits);
    let mut turn = store.writer.begin().await.unwrap();
    turn.connection().lock_handle().await.unwrap().set_commit_hook(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        true
    });
    turn.commit().await.unwrap();
    assert_eq!(commits.swap(0, Ordering::SeqCst), 1, "the hook counts");
    (store, commits, folder)
}

/// Begins behind those who wait already, and when it has its turn puts the key and finishes.
async fn queue(writer: &Writer, key: &'static str, commit: bool) -> JoinHandle<Result<(), StoreError>> {
    let before = writer.waiting.load(Ordering::SeqCst);
    let own = writer.clone();
    let queued = tokio::spawn(async move { put(own.begin().await?, key, commit).await });
    until_waiting(writer, before + 1).await;
    queued
}

async fn put(turn: Turn, key: &str, commit: bool) -> Result<(), StoreError> {
    let mut session = Box::new(Session::new(turn));
    session.put_meta(key, b"value").await?;
    if commit { session.commit().await } else { Ok(()) }
}

async fn until_waiting(writer: &Writer, callers: usize) {
    while writer.waiting.load(Ordering::SeqCst) != callers {
        tokio::task::yield_now().await;
    }
}

async fn there(store: &SqliteStore, key: &str) -> bool {
    store.read().await.unwrap().meta(key).await.unwrap().is_some()
}

#[tokio::test]
async fn who_waits_shares_a_commit() {
    let (store, commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let mut others = Vec::new();
    for key in ["a", "b", "c", "d"] {
        others.push(queue(&store.writer, key, true).await);
    }
    put(first, "first", true).await.unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(commits.load(Ordering::SeqCst), 1);
    for key in ["first", "a", "b", "c", "d"] {
        assert!(there(&store, key).await, "{key}");
    }
}

#[tokio::test]
async fn the_first_of_many_does_not_wait_for_all() {
    let (store, commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let mut others = Vec::new();
    for _ in 0..2 * MOST_PER_COMMIT {
        others.push(queue(&store.writer, "other", true).await);
    }
    put(first, "first", true).await.unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(commits.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_turn_dropped_in_the_middle_of_a_group_loses_its_own() {
    let (store, commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let lost = queue(&store.writer, "lost", false).await;
    let third = queue(&store.writer, "third", true).await;
    put(first, "first", true).await.unwrap();
    lost.await.unwrap().unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(commits.load(Ordering::SeqCst), 1);
    assert!(there(&store, "first").await && there(&store, "third").await);
    assert!(!there(&store, "lost").await);
}

#[tokio::test]
async fn a_turn_dropped_at_the_end_of_a_group_commits_the_others() {
    let (store, _commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let lost = queue(&store.writer, "lost", false).await;
    put(first, "first", true).await.unwrap();
    lost.await.unwrap().unwrap();
    assert!(there(&store, "first").await && !there(&store, "lost").await);
}

#[tokio::test]
async fn who_goes_away_while_waiting_strands_nobody() {
    let (store, _commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    {
        let mut leaver = pin!(store.writer.begin());
        assert!(poll_fn(|context| Poll::Ready(leaver.as_mut().poll(context).is_pending())).await);
        assert_eq!(store.writer.waiting.load(Ordering::SeqCst), 1);
    }
    put(first, "first", true).await.unwrap();
    assert!(there(&store, "first").await);
    put(store.writer.begin().await.unwrap(), "next", true).await.unwrap();
    assert_eq!(store.writer.waiting.load(Ordering::SeqCst), 0);
}

/// The last of the group counts on nobody: its commit is what the others wait for.
#[tokio::test]
async fn who_goes_away_while_committing_strands_nobody() {
    let (store, _commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let own = store.writer.clone();
    let (sender, committing) = oneshot::channel();
    let leaver = tokio::spawn(async move {
        let mut turn = Box::new(Session::new(own.begin().await.unwrap()));
        turn.put_meta("leaver", b"value").await.unwrap();
        let mut commit = pin!(turn.commit());
        assert!(poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_pending())).await);
        sender.send(()).unwrap();
    });
    until_waiting(&store.writer, 1).await;
    put(first, "first", true).await.unwrap();
    committing.await.unwrap();
    leaver.await.unwrap();
    assert!(there(&store, "first").await);
    put(store.writer.begin().await.unwrap(), "next", true).await.unwrap();
    assert!(there(&store, "leaver").await, "what it asked to commit is whole");
}

#[tokio::test]
async fn a_turn_may_be_dropped_outside_the_runtime() {
    let (store, _commits, _folder) = counting().await;
    let mut session = Session::new(store.writer.begin().await.unwrap());
    session.put_meta("lost", b"value").await.unwrap();
    std::thread::spawn(move || drop(session)).join().unwrap();
    put(store.writer.begin().await.unwrap(), "next", true).await.unwrap();
    assert!(there(&store, "next").await && !there(&store, "lost").await);
}

/// Caps the file at what it has, as a full disk would.
async fn fill_disk(store: &SqliteStore, full: bool) {
    let mut turn = store.writer.begin().await.unwrap();
    let connection = turn.connection();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await.unwrap();
    let most = if full { pages + 2 } else { i64::from(i32::MAX) };
    connection.execute(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {most}"))).await.unwrap();
    turn.commit().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_loses_the_group_and_tells_all_of_it() {
    let (store, _commits, _folder) = counting().await;
    fill_disk(&store, true).await;
    let first = store.writer.begin().await.unwrap();
    let own = store.writer.clone();
    let second = tokio::spawn(async move {
        let mut session = Session::new(own.begin().await?);
        session.put_meta("second", &vec![0; 1_000_000]).await
    });
    until_waiting(&store.writer, 1).await;
    let third = queue(&store.writer, "third", true).await;
    let told = put(first, "first", true).await;
    assert!(matches!(second.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "{told:?}");
    third.await.unwrap().unwrap();
    assert!(!there(&store, "first").await && !there(&store, "second").await);
    assert!(there(&store, "third").await, "it fits, and came after the loss");
    fill_disk(&store, false).await;
    put(store.writer.begin().await.unwrap(), "next", true).await.unwrap();
    assert!(there(&store, "next").await);
}

/// A foreign key that is looked at only then is a way to make it fail.
#[tokio::test]
async fn a_common_commit_that_fails_tells_all_of_the_group() {
    let (store, _commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let own = store.writer.clone();
    let second = tokio::spawn(async move {
        let mut turn = own.begin().await?;
        turn.connection().execute("PRAGMA defer_foreign_keys = ON").await.unwrap();
        let sql = "INSERT INTO policy_version_archives VALUES ('zone', 'version', 0, 'somebody')";
        turn.connection().execute(sql).await.unwrap();
        put(turn, "second", true).await
    });
    until_waiting(&store.writer, 1).await;
    let third = queue(&store.writer, "third", true).await;
    let told = [put(first, "first", true).await, second.await.unwrap(), third.await.unwrap()];
    assert!(told.iter().all(|told| matches!(told, Err(StoreError::Unavailable(_)))), "{told:?}");
    for key in ["first", "second", "third"] {
        assert!(!there(&store, key).await, "{key}");
    }
    put(store.writer.begin().await.unwrap(), "next", true).await.unwrap();
    assert!(there(&store, "next").await);
}

#[tokio::test]
async fn closing_commits_what_is_finished_and_refuses_the_rest() {
    let (store, _commits, _folder) = counting().await;
    let first = store.writer.begin().await.unwrap();
    let closing = store.writer.clone();
    let closed = async { tokio::join!(put(first, "first", true), closing.close()).0 };
    closed.await.unwrap();
    assert!(there(&store, "first").await);
    assert!(matches!(store.writer.begin().await.err(), Some(StoreError::Unavailable(_))));
    store.writer.close().await;
}
