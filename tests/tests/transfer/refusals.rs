//! Where a backup does not go.

use cedarkeep_tests::{
    home::{Engine, Home},
    server::{Server, run},
};

use crate::support::{Files, MASTER, cedarkeep, done, failed, furnished, is_empty, text};

async fn only_an_empty_store(engine: Engine) {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let backup = files.backup(furnished.it.home(), "backup");
    let home = Home::on(engine);
    done(&home, ["restore", text(&backup)]);
    assert!(failed(&home, ["restore", text(&backup)]).contains("not empty"));
    done(&home, ["fsck"]);
    // A store that a server has begun has something in it, though no zone.
    let begun = Home::on(engine);
    let (status, _) = Server::start(cedarkeep(&begun, ["serve", "--listen", "127.0.0.1:0"]).arg("--log=error")).stop();
    assert!(status.success());
    assert!(failed(&begun, ["restore", text(&backup)]).contains("not empty"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_into_an_empty_store_alone() {
    only_an_empty_store(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_into_an_empty_store_of_postgres_alone() {
    only_an_empty_store(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_must_be_that_of_the_backup() {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let backup = files.backup(furnished.it.home(), "backup");
    let home = Home::on(Engine::Sqlite);
    let other = MASTER.replace('7', "8");
    let said = run(cedarkeep(&home, ["restore", text(&backup)]).env("CEDARKEEP_MASTER_KEY", other));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("the master key is not the one of the store"), "{}", said.err);
    // And none is made where there is none.
    let said = run(cedarkeep(&home, ["restore", text(&backup)]).env_remove("CEDARKEEP_MASTER_KEY"));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("CEDARKEEP_MASTER_KEY"), "{}", said.err);
    assert!(!home.folder().join("master.key").exists());
    assert!(is_empty(&home).await);
    done(&home, ["restore", text(&backup)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_is_not_restored_into() {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let backup = files.backup(furnished.it.home(), "backup");
    let home = Home::on(Engine::Sqlite);
    let server = Server::start(cedarkeep(&home, ["serve", "--listen", "127.0.0.1:0"]).arg("--log=error"));
    assert!(failed(&home, ["restore", text(&backup)]).contains("another cedarkeep is running"));
    drop(server);
    assert!(failed(&home, ["backup", text(&backup)]).contains("is there already"));
    let missing = files.path("missing");
    assert!(failed(&Home::on(Engine::Sqlite), ["backup", text(&missing)]).contains("there is no store"));
    assert!(failed(&Home::on(Engine::Sqlite), ["restore", text(&missing)]).contains("missing"));
    assert!(!missing.exists());
}
