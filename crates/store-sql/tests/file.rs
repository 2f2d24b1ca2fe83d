//! The file of the embedded store: what survives, and what is refused.

use std::{fs, io::Write as _, os::unix::fs::FileExt as _, path::Path, sync::Arc};

use cedarkeep_store::{Store, StoreError, conformance};
use cedarkeep_store_sql::{OpenOptions, SqliteStore};
use sqlx::{ConnectOptions as _, Executor as _, sqlite::SqliteConnectOptions};
use tokio::task::JoinSet;

async fn open(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let store = SqliteStore::open(&OpenOptions { path: path.to_owned(), readers: 4 }).await?;
    Ok(Arc::new(store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_256_callers_were_told_is_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..256_u32 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            for round in 0..4_u32 {
                let mut transaction = store.write().await.unwrap();
                transaction.put_meta(&format!("{caller}-{round}"), &caller.to_be_bytes()).await.unwrap();
                if (caller + round) % 7 != 0 {
                    transaction.commit().await.unwrap();
                }
            }
        });
    }
    callers.join_all().await;
    store.close().await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the log is folded into the file");
    let mut from = open(&path).await.unwrap().read().await.unwrap();
    for caller in 0..256_u32 {
        for round in 0..4_u32 {
            let expected = ((caller + round) % 7 != 0).then(|| caller.to_be_bytes().to_vec());
            assert_eq!(from.meta(&format!("{caller}-{round}")).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    conformance::one_of_everything(&store).await;
    store.close().await;
    let change = async |sql: &'static str| {
        let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        other.execute(sql).await.unwrap();
    };
    change("INSERT INTO _sqlx_migrations VALUES (9999, 'of the future', 0, TRUE, x'00', 0)").await;
    assert!(matches!(open(&path).await.err(), Some(StoreError::Schema(_))));
    change("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    open(&path).await.unwrap().close().await;
    change("UPDATE _sqlx_migrations SET checksum = x'00'").await;
    assert!(matches!(open(&path).await.err(), Some(StoreError::Schema(_))), "a migration that was changed since");
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let text = "not a database ".repeat(1_000);
    fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    assert!(matches!(open(&path).await.err(), Some(StoreError::Damaged(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let nowhere = folder.path().join("missing").join("store.db");
    assert!(matches!(open(&nowhere).await.err(), Some(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_file_with_overwritten_pages_is_damaged_not_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    conformance::one_of_everything(&store).await;
    store.close().await;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    // The first page holds the schema; without it nothing could be opened at all.
    for page in 1..pages {
        file.write_all_at(&[0xff; 4_096], page * 4_096).unwrap();
    }
    let error = match open(&path).await {
        Ok(store) => store.read().await.unwrap().revisions().await.err(),
        Err(error) => Some(error),
    };
    assert!(matches!(error, Some(StoreError::Damaged(_))), "{error:?}");
}
