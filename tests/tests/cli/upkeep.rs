//! `fsck` and `admin-token`.

use std::{fs, path::Path, process::Command};

use cedarkeep_tests::server::{Server, cedarkeep, made_token, run, serve};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use tokio::runtime;

use crate::{Example, json};

fn fsck(data_dir: &Path) -> Command {
    let mut command = cedarkeep(["fsck", "--data-dir"]);
    command.arg(data_dir);
    command
}

/// Changes the database as somebody would who has the file and wants to hide it.
fn tamper(data_dir: &Path, trigger: &str, update: &str) {
    let statements = [format!("DROP TRIGGER {trigger}"), update.to_owned()];
    let options = SqliteConnectOptions::new().filename(data_dir.join("cedarkeep.db"));
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut connection = options.connect().await.unwrap();
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    });
}

#[test]
fn a_sound_store_is_clean_also_beside_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::start(folder.path());
    for form in ["text", "json"] {
        let beside = run(fsck(folder.path()).args(["--output", form]));
        assert_eq!(beside.code, Some(0), "{beside:?}");
    }
    assert_eq!(example.server.get("/zones", &example.token).0, 200);
    example.server.kill();
    let said = run(&mut fsck(folder.path()));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.starts_with("checked 1 zones, 6 policy versions, 1 policy set versions, 1 attestations"),
        "{said:?}"
    );
    assert!(said.out.ends_with("\nclean\n"), "{said:?}");
}

#[test]
fn what_was_changed_behind_the_servers_back_is_found() {
    for (trigger, update) in [
        (
            "policy_versions_no_update",
            "UPDATE policy_versions SET cedar_raw = replace(cedar_raw, 'confidential', 'public')",
        ),
        ("events_no_update", "UPDATE events SET actor = 'somebody else' WHERE seq = 3"),
        ("attestations_no_delete", "DELETE FROM attestations"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        Example::start(folder.path()).server.kill();
        tamper(folder.path(), trigger, update);
        let said = run(fsck(folder.path()).args(["--output", "json"]));
        assert_eq!(said.code, Some(1), "{update}: {said:?}");
        let report = json(&said.out);
        assert_eq!(report["clean"], false);
        assert!(!report["report"]["problems"].as_array().unwrap().is_empty(), "{update}: {report}");
        let text = run(&mut fsck(folder.path()));
        assert!(text.code == Some(1) && !text.out.ends_with("\nclean\n"), "{update}: {text:?}");
    }
}

#[test]
fn a_store_that_is_not_there_is_not_clean_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = run(&mut fsck(&data));
    assert!(said.code == Some(1) && said.err.contains("there is no store"), "{said:?}");
    assert!(!data.exists());
}

#[test]
fn a_lost_token_is_replaced_while_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve(folder.path()));
    let lost = made_token(folder.path());
    let reset = || run(cedarkeep(["admin-token", "reset", "--data-dir"]).arg(folder.path()));
    let beside = reset();
    assert!(beside.code == Some(1) && beside.err.contains("another cedarkeep is running"), "{beside:?}");
    assert_eq!(made_token(folder.path()), lost);
    assert_eq!(server.stop().0.code(), Some(0));

    fs::remove_file(folder.path().join("admin.token")).unwrap();
    let said = reset();
    let token = made_token(folder.path());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(token != lost && !said.out.contains(&token), "stdout is no terminal: {said:?}");
    let server = Server::start(&mut serve(folder.path()));
    assert_eq!((server.get("/zones", &token).0, server.get("/zones", &lost).0), (200, 401));
}
