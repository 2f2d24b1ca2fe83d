//! Opening: what is refused, and who migrates.

use cedarkeep_postgres_harness::FIXTURE_PASSWORD;
use tokio::task::JoinSet;

use super::*;

fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(|error| format!("{error:?} {error}")).collect::<Vec<_>>().join("; ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_instances_may_start_at_once() {
    let database = server().database();
    let mut instances = JoinSet::new();
    for _ in 0..10 {
        let options = options(&database, 1);
        instances.spawn(async move { PostgresStore::open(&options).await.map(|_| ()) });
    }
    for opened in instances.join_all().await {
        opened.unwrap();
    }
    assert_eq!(database.psql("SELECT COUNT(*) FROM _sqlx_migrations"), "1");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let (store, database) = open(1).await;
    store.close().await;
    let refused = async || {
        let opened = PostgresStore::open(&options(&database, 1)).await.err();
        let existing = PostgresStore::open_existing(&options(&database, 1)).await.err();
        for error in [opened, existing] {
            assert!(matches!(&error, Some(StoreError::Schema(_))), "{error:?}");
        }
    };
    database.psql("INSERT INTO _sqlx_migrations VALUES (9999, 'of the future', now(), TRUE, '', 0)");
    refused().await;
    database.psql("DELETE FROM _sqlx_migrations WHERE version = 9999");
    PostgresStore::open(&options(&database, 1)).await.unwrap().close().await;
    database.psql("UPDATE _sqlx_migrations SET checksum = ''");
    refused().await;
}

#[tokio::test]
async fn an_empty_database_is_no_store_until_it_is_migrated() {
    let database = server().database();
    assert!(PostgresStore::open_existing(&options(&database, 1)).await.unwrap().is_none());
    assert_eq!(database.psql("SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), "0");
    PostgresStore::open(&options(&database, 1)).await.unwrap();
    let store = PostgresStore::open_existing(&options(&database, 1)).await.unwrap().unwrap();
    store.ready().await.unwrap();
}

/// An owner migrates, the instances do with less.
#[tokio::test]
async fn a_role_that_may_not_change_tables_serves() {
    let (store, database) = open(1).await;
    store.close().await;
    let role = format!("restricted_{}", database.name);
    database.psql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{FIXTURE_PASSWORD}'; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let url = database.url().replace("postgres://postgres:", &format!("postgres://{role}:"));
    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&PostgresOptions::from_url(&url).unwrap()).await.unwrap());
    cedarkeep_store::conformance::one_of_everything(&store).await;
    store.close().await;
    database.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let name = server().make_database();
    server().psql(
        "postgres",
        &format!("CREATE DATABASE ascii_{name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"),
    );
    let options = PostgresOptions::from_url(&server().url(&format!("ascii_{name}"))).unwrap();
    let Err(StoreError::Schema(reason)) = PostgresStore::open(&options).await else { panic!("it opens") };
    assert!(reason.contains("UTF8"), "{reason}");
}

#[tokio::test]
async fn a_password_that_is_refused_is_not_repeated() {
    let database = server().database();
    let url = database.url().replace(&format!(":{FIXTURE_PASSWORD}@"), ":hunter2@");
    let error = PostgresStore::open(&PostgresOptions::from_url(&url).unwrap()).await.err().unwrap();
    let words = words(&error);
    assert!(words.contains("password authentication failed") && !words.contains("hunter2"), "{words}");
}
