//! A full disk: a file may not grow beyond a size, as under a quota. It is the engine's files that may not, so that the
//! engine meets the fault; the rights to mount a small disk would not be there everywhere.

use std::fs;

use cedarkeep_postgres_harness::Server as Postgres;
use cedarkeep_tests::{
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Said, Server, cedarkeep, run, serve},
};

use crate::support::{Zone, assert_kept, limit, limited};

/// More writes than any disk here can take.
const MOST: usize = 1_000;

/// Fills the disk; what happens then is the same on both engines.
fn fill(
    start: impl Fn() -> Server,
    limit: impl Fn(&Server, bool),
    bytes: usize,
    says: &[&str],
    fsck: impl Fn() -> Said,
) {
    let server = start();
    let zone = Zone::make(&server);
    limit(&server, true);
    let mut acknowledged = Vec::new();
    let refusal = (0..MOST).find_map(|number| match zone.publish(number, bytes) {
        Ok(version) => {
            acknowledged.push(version);
            None
        }
        Err(refusal) => Some(refusal),
    });
    let (status, body) = refusal.expect("the disk is not full");
    assert_eq!((status, &body["code"]), (503, &"unavailable".into()), "{body}");
    assert!(acknowledged.len() > 2, "it was full from the beginning");

    // It decides and shows what it has, and refuses what it cannot keep, time and again.
    for _ in 0..20 {
        zone.decides();
        assert_eq!(zone.publish(MOST, bytes).unwrap_err().0, 503);
    }
    assert_kept(&server, &acknowledged);
    assert_eq!(server.get("/healthz", "").0, 200);

    // Space is back, and nobody has to start anything again.
    limit(&server, false);
    for number in [MOST, MOST + 1] {
        acknowledged.push(zone.publish(number, bytes).unwrap_or_else(|refusal| panic!("{refusal:?}")));
    }
    assert_kept(&server, &acknowledged);
    let (status, said) = server.stop();
    assert!(status.success(), "{said}");
    assert!(says.iter().any(|words| said.contains(words)), "the log does not say why: {said}");

    let clean = fsck();
    assert_eq!(clean.code, Some(0), "{clean:?}");
    let server = start();
    assert_kept(&server, &acknowledged);
    zone.on(&server).decides();
}

#[test]
fn a_full_disk_stops_writes_and_nothing_else() {
    let home = Home::on(Engine::Sqlite);
    let start = || Server::start(limited(&home.serve()).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    let grown = |server: &Server, full: bool| {
        let sizes = fs::read_dir(home.folder()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        limit(server.id(), full.then(|| sizes.max().unwrap() + (1 << 20)));
    };
    let says = ["disk I/O error", "database or disk is full"];
    fill(start, grown, 60_000, &says, || run(&mut home.cedarkeep(["fsck"])));
}

#[test]
fn a_full_disk_of_postgres_stops_writes_and_nothing_else() {
    let postgres = Postgres::start(&[]);
    let url = postgres.url(&postgres.make_database());
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = serve(folder.path());
        Server::start(command.env("CEDARKEEP_DATABASE_URL", &url).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN))
    };
    // A segment of its log has 16 MiB and must fit. A table that ends in the middle of a page is one that the disk ends in.
    let full = (16 << 20) + 4_096;
    let grown = |_: &Server, is: bool| postgres.limit_files(is.then_some(full));
    let fsck = || {
        let mut command = cedarkeep(["fsck", "--data-dir"]);
        run(command.arg(folder.path()).env("CEDARKEEP_DATABASE_URL", &url))
    };
    fill(start, grown, 240_000, &["could not extend file"], fsck);
}
