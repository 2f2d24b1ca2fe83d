//! kill -9 in the middle of taking a backup in: there is all of it, or nothing.

use std::{io, process::Stdio, sync::mpsc::channel, thread, time::Instant};

use cedarkeep_service::PutMode;
use cedarkeep_tests::{
    home::{Engine, Home},
    in_process::InProcess,
};
use serde_json::json;

use crate::support::{Files, cedarkeep, done, furnished, is_empty, rows, text};

/// How often it is killed, each time later.
const KILLS: u32 = 8;

async fn half_a_store_is_never_left(engine: Engine) {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    // So many that taking them in lasts.
    for part in 0..4 {
        let entity = |number: u32| json!({"uid": {"type": "Group", "id": format!("{part}-{number}")}, "attrs": {}, "parents": []});
        let call = InProcess::call();
        let put =
            furnished.it.service.put_entities(&call, furnished.zone, PutMode::Upsert, (0..5_000).map(entity).collect());
        put.await.unwrap();
    }
    let backup = files.backup(furnished.it.home(), "backup");
    let begun = Instant::now();
    done(&Home::on(engine), ["restore", text(&backup)]);
    let whole = begun.elapsed();
    let mut halfway = 0;
    for kill in 1..=KILLS {
        let home = Home::on(engine);
        let moment = Instant::now() + whole * kill / (KILLS + 1);
        let mut restoring = cedarkeep(&home, ["restore", text(&backup)]).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = restoring.stdout.take().unwrap();
        let (running, ended) = channel::<()>();
        thread::spawn(move || {
            io::copy(&mut out, &mut io::sink()).unwrap();
            drop(running);
        });
        // Its end, which closes what it writes to, or that moment.
        let _ = ended.recv_timeout(moment.saturating_duration_since(Instant::now()));
        restoring.kill().unwrap();
        let ended = restoring.wait().unwrap();
        if ended.success() {
            done(&home, ["fsck"]);
        } else if is_empty(&home).await {
            halfway += 1;
            done(&home, ["restore", text(&backup)]);
        }
        let again = files.backup(&home, &format!("{kill}"));
        assert_eq!(rows(&again).len(), rows(&backup).len(), "kill {kill}");
    }
    assert!(halfway > 0, "it was always too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_store_is_never_left_on_sqlite() {
    half_a_store_is_never_left(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_store_is_never_left_on_postgres() {
    half_a_store_is_never_left(Engine::Postgres).await;
}
