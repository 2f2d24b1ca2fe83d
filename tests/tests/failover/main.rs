//! The primary dies under load, its standby takes over, and the service goes on without a restart: it writes again, it has
//! decided all the while, and everything that was acknowledged is there.

mod forwarder;

use std::{
    path::Path,
    process::Command,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::Instant,
};

use cedarkeep_postgres_harness::Server as Postgres;
use cedarkeep_tests::{
    client::Client,
    server::{FIXTURE_TOKEN, Server, cedarkeep, run, serve},
};
use forwarder::Forwarder;
use serde_json::{Value, json};

/// How many clients write, to how many instances.
const WRITERS: usize = 4;
const INSTANCES: usize = 2;

/// How many writes are acknowledged before the primary dies, and how many after that are waited for.
const BEFORE: usize = 60;
const AFTER: usize = 60;

/// Test fixture, guards nothing.
const FIXTURE_MASTER_KEY: &str = "abababababababababababababababababababababababababababababababab";

const SCHEMA: &str = "entity User, Doc; action read appliesTo { principal: User, resource: Doc, context: {} };";

fn told(mut command: Command, url: &str, folder: &Path) -> Command {
    command.env("CEDARKEEP_DATABASE_URL", url).env("CEDARKEEP_DATA_DIR", folder);
    command.env("CEDARKEEP_MASTER_KEY", FIXTURE_MASTER_KEY);
    command
}

/// A client of all instances.
fn client() -> Client {
    Client::new("", FIXTURE_TOKEN)
}

/// Status and body of the answer to a POST; no status when there is no answer.
fn post(client: &Client, url: &str, key: &str, body: &Value) -> (u16, Value) {
    let answer = client.try_send("POST", url, body, &[("idempotency-key", key)]);
    answer.map_or((0, Value::Null), |answer| (answer.status, answer.json()))
}

/// Stops the others when it goes, also when a test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Makes policies until it is stopped, repeating each with its key until it is acknowledged; then tells of it.
fn write(urls: &[String], zone: &str, writer: usize, stop: &AtomicBool, acknowledged: &Sender<(String, String)>) {
    let client = client();
    for number in 0.. {
        let name = format!("policy {writer} {number}");
        let mut tries = 0;
        loop {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let url = format!("{}{zone}/policies", urls[(writer + number + tries) % urls.len()]);
            match post(&client, &url, &name.replace(' ', "-"), &json!({"name": name})) {
                (201, policy) => {
                    acknowledged.send((policy["id"].as_str().unwrap().to_owned(), name)).unwrap();
                    break;
                }
                // Nobody knows, or not now: once more.
                (0 | 503, _) => tries += 1,
                (409, conflict) if conflict["code"] == "idempotency_conflict" => tries += 1,
                refusal => panic!("{name}: {refusal:?}"),
            }
        }
    }
}

/// Decides until it is stopped; every answer is an answer, whatever becomes of the database.
fn decide(url: &str, zone: &str, stop: &AtomicBool, decisions: &AtomicUsize) {
    let client = client();
    let body = json!({"principal": "User::\"u\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""});
    while !stop.load(Ordering::SeqCst) {
        let (status, decision) = post(&client, &format!("{url}{zone}/authorize"), "ignored", &body);
        assert_eq!((status, &decision["decision"]), (200, &json!("allow")), "{decision}");
        decisions.fetch_add(1, Ordering::SeqCst);
    }
}

/// A zone in which everything is permitted; its path.
fn zone(url: &str) -> String {
    let client = client();
    let made = client.must("POST", &format!("{url}/zones"), &json!({"name": "Test"}));
    let zone = format!("/zones/{}", made["id"].as_str().unwrap());
    client.must("POST", &format!("{url}{zone}/policy-schemas"), &json!({"version": "test", "cedar_schema": SCHEMA}));
    let entry = json!({"new_policy": {"name": "all"}, "cedar_raw": "permit (principal, action, resource);"});
    let manifest = json!({"entries": [entry], "schema_version": "test", "activate": true});
    client.must("POST", &format!("{url}{zone}/policy-sets"), &json!({"name": "all", "manifest": manifest}));
    zone
}

#[test]
fn postgres_a_standby_takes_over_and_nothing_acknowledged_is_lost() {
    let primary = Postgres::start(&[]);
    let standby = primary.standby();
    primary.wait_for_standbys();
    let database = primary.make_database();
    let way = Forwarder::to(primary.port());
    let url = primary.url(&database).replace(&format!(":{}/", primary.port()), &format!(":{}/", way.port()));
    let folders: Vec<_> = (0..INSTANCES).map(|_| tempfile::tempdir().unwrap()).collect();
    let start = |folder: &Path| {
        let mut command = told(serve(folder), &url, folder);
        Server::start(command.env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN).env("CEDARKEEP_LOG", "error"))
    };
    let servers: Vec<_> = folders.iter().map(|folder| start(folder.path())).collect();
    let urls: Vec<_> = servers.iter().map(|server| server.url.clone()).collect();
    let zone = zone(&urls[0]);

    let (stop, decisions) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut acknowledged = Vec::new();
    let gone = thread::scope(|scope| {
        let (sender, noted) = channel();
        let (stop, decisions, zone, urls) = (&stop, &decisions, &zone, &urls);
        let stopping = Stop(stop);
        for writer in 0..WRITERS {
            let sender = sender.clone();
            scope.spawn(move || write(urls, zone, writer, stop, &sender));
        }
        for url in urls {
            scope.spawn(move || decide(url, zone, stop, decisions));
        }
        drop(sender);
        acknowledged.extend(noted.iter().take(BEFORE));
        let begun = Instant::now();
        primary.kill();
        way.cut();
        let decided = decisions.load(Ordering::SeqCst);
        while decisions.load(Ordering::SeqCst) < decided + 50 {
            thread::yield_now();
        }
        standby.promote();
        way.lead(standby.port());
        acknowledged.extend(noted.try_iter());
        let until = acknowledged.len();
        acknowledged.push(noted.recv().unwrap());
        let gone = begun.elapsed();
        while acknowledged.len() < until + AFTER {
            acknowledged.push(noted.recv().unwrap());
        }
        drop(stopping);
        acknowledged.extend(noted);
        gone
    });

    for (id, name) in &acknowledged {
        let (status, policy) = servers[0].get(&format!("{zone}/policies/{id}"), FIXTURE_TOKEN);
        assert_eq!((status, &policy["name"]), (200, &json!(name)), "{name} was acknowledged");
    }
    let count = "SELECT COUNT(*), COUNT(DISTINCT name) FROM policies WHERE name LIKE 'policy %'";
    let found = standby.psql(&database, count);
    let counts: Vec<usize> = found.split('|').map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts[0], counts[1], "what was repeated happened once");
    assert!((acknowledged.len()..=acknowledged.len() + WRITERS).contains(&counts[0]), "{found}");
    for server in servers {
        assert_eq!(server.get("/readyz", "").0, 200);
        let (status, said) = server.stop();
        assert!(status.success(), "{said}");
    }
    let fsck = run(&mut told(cedarkeep(["fsck"]), &url, folders[0].path()));
    assert_eq!(fsck.code, Some(0), "{fsck:?}");
    println!(
        "{} writes acknowledged, {} decisions, {} ms from the death to the next acknowledged write",
        acknowledged.len(),
        decisions.load(Ordering::SeqCst),
        gone.as_millis()
    );
}
