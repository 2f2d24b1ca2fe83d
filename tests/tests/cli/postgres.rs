//! The same binary on PostgreSQL: many instances on one database, and a password that nothing prints.

use std::{fs, path::Path, process::Command, thread};

use cedarkeep_postgres_harness::FIXTURE_PASSWORD;
use cedarkeep_tests::{
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server, cedarkeep, made_token, refused, run, serve},
};
use serde_json::json;
use tempfile::TempDir;

/// Test fixture, guards nothing.
const FIXTURE_MASTER_KEY: &str = "abababababababababababababababababababababababababababababababab";

/// An instance with a data folder of its own, and the secrets that all instances share.
fn instance(home: &Home, data_dir: &Path) -> Command {
    let mut command = serve(data_dir);
    command.env("CEDARKEEP_DATABASE_URL", home.url().unwrap());
    command.env("CEDARKEEP_MASTER_KEY", FIXTURE_MASTER_KEY).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
    command
}

#[test]
fn a_store_is_made_migrated_and_checked() {
    let home = Home::on(Engine::Postgres);
    let fsck = || run(&mut home.cedarkeep(["fsck"]));
    let before = fsck();
    assert!(before.code == Some(1) && before.err.contains("there is no store at postgres://127.0.0.1"), "{before:?}");
    for _ in 0..2 {
        let migrated = run(&mut home.cedarkeep(["migrate"]));
        assert!(migrated.code == Some(0) && migrated.out.contains("is up to date"), "{migrated:?}");
    }
    assert_eq!(fs::read_dir(home.folder()).unwrap().count(), 0, "a migration needs no data folder");
    let server = Server::start(home.serve().arg("--with-example"));
    let token = made_token(home.folder());
    assert_eq!(server.get("/zones", &token).1["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/readyz", "").0, 200);
    let beside = fsck();
    assert_eq!(beside.code, Some(0), "{beside:?}");
    assert_eq!(server.stop().0.code(), Some(0));
    let after = fsck();
    assert!(after.out.starts_with("checked 1 zones, 6 policy versions"), "{after:?}");
    assert!(!home.folder().join("cedarkeep.db").exists());
}

#[test]
fn a_lost_token_is_replaced() {
    let home = Home::on(Engine::Postgres);
    drop(Server::start(&mut home.serve()));
    let lost = made_token(home.folder());
    let said = run(&mut home.cedarkeep(["admin-token", "reset"]));
    let token = made_token(home.folder());
    assert!(said.code == Some(0) && token != lost, "{said:?}");
    let server = Server::start(&mut home.serve());
    assert_eq!((server.get("/zones", &token).0, server.get("/zones", &lost).0), (200, 401));
}

/// On an empty database, all at once; what one publishes the others show.
#[test]
fn instances_that_start_together_are_one_installation() {
    let home = Home::on(Engine::Postgres);
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let servers: Vec<Server> = thread::scope(|scope| {
        let home = &home;
        let start = move |folder: &TempDir| Server::start(&mut instance(home, folder.path()));
        let starting: Vec<_> = folders.iter().map(|folder| scope.spawn(move || start(folder))).collect();
        starting.into_iter().map(|started| started.join().unwrap()).collect()
    });
    for (number, server) in servers.iter().enumerate() {
        let answer = server.client().send("POST", "/zones", &json!({"name": format!("Zone {number}")}));
        assert_eq!(answer.status, 201, "a master key of its own, or an organization of its own");
    }
    for server in &servers {
        let zones = server.get("/zones", FIXTURE_TOKEN).1;
        let zones = zones["items"].as_array().unwrap();
        assert_eq!(zones.len(), 4);
        assert!(zones.iter().all(|zone| zone["organization_id"] == zones[0]["organization_id"]), "{zones:?}");
    }
}

#[test]
fn an_instance_without_the_key_of_the_store_is_refused() {
    let home = Home::on(Engine::Postgres);
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(Server::start(&mut instance(&home, first.path())));
    let missing = refused(instance(&home, second.path()).env_remove("CEDARKEEP_MASTER_KEY"));
    assert!(missing.contains("put it back, or give it with CEDARKEEP_MASTER_KEY"), "{missing}");
    assert!(!second.path().join("master.key").exists(), "no other key takes its place");
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let home = Home::on(Engine::Postgres);
    assert_eq!(run(&mut home.cedarkeep(["migrate"])).code, Some(0));
    home.psql("INSERT INTO _sqlx_migrations VALUES (9999, 'of the future', now(), TRUE, '', 0)");
    let said = refused(&mut home.serve());
    assert!(said.contains("a newer program has brought it to migration 9999"), "{said}");
    for command in [&["fsck"][..], &["migrate"], &["admin-token", "reset"]] {
        let said = run(&mut home.cedarkeep(command));
        assert!(said.code == Some(1) && said.err.contains("newer program"), "{said:?}");
    }
}

#[test]
fn no_password_is_printed() {
    let home = Home::on(Engine::Postgres);
    let right = home.url().unwrap();
    let wrong = right.replace(&format!(":{FIXTURE_PASSWORD}@"), ":hunter2@");
    for (url, said) in [
        (wrong.clone(), "password authentication failed"),
        (wrong.replace("sslmode=disable", "sslmode=verify-full"), "TLS"),
        (wrong.replace("127.0.0.1", "127.0.0.9"), "the database postgres://127.0.0.9"),
        (wrong.clone() + "&pasword=hunter2", "parameter"),
        (wrong.replace("postgres:", "mysql:"), "the database URL must be"),
        (wrong.replace("127.0.0.1:", "127.0.0.1:x"), "the database URL must be"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = refused(serve(folder.path()).env("CEDARKEEP_DATABASE_URL", &url).env("CEDARKEEP_LOG", "trace"));
        assert!(log.contains(said) && !log.contains("hunter2"), "{url}: {log}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cedarkeep.toml");
    for text in [format!("database-url = \"{}", &wrong), format!("database-url = [\"{}\"]", &wrong)] {
        fs::write(&file, text).unwrap();
        let said = refused(cedarkeep(["serve", "--config"]).arg(&file).current_dir(folder.path()));
        assert!(said.contains("cedarkeep.toml") && !said.contains("hunter2"), "{said}");
    }
    let help = run(cedarkeep(["serve", "--help"]).env("CEDARKEEP_DATABASE_URL", &wrong));
    assert!(help.out.contains("CEDARKEEP_DATABASE_URL") && !help.out.contains("hunter2"), "{}", help.out);
    let server = Server::start(home.serve().env("CEDARKEEP_LOG", "trace"));
    let (_, said) = server.stop();
    assert!(said.contains("postgres://127.0.0.1") && !said.contains(&format!(":{FIXTURE_PASSWORD}@")), "{said}");
}

/// A URL without one, and the password from where every client of PostgreSQL looks for it.
#[test]
fn the_password_may_come_from_elsewhere() {
    let home = Home::on(Engine::Postgres);
    let url = home.url().unwrap().replace(&format!(":{FIXTURE_PASSWORD}@"), "@");
    let mut migrate = cedarkeep(["migrate", "--database-url", &url]);
    let said = run(migrate.current_dir(home.folder()));
    assert!(said.code == Some(1) && said.err.contains("password"), "{said:?}");
    let said = run(migrate.env("PGPASSWORD", FIXTURE_PASSWORD));
    assert_eq!(said.code, Some(0), "{said:?}");
}
