//! How soon an activation on one instance decides on the others, which share a PostgreSQL with it.
//!
//! `make bench-instances`; `ACTIVATIONS` says how many (300 unless said), `INSTANCES` on how many instances (3). The
//! instances are the binary as it is shipped, on a server that this program starts. The first activates two versions of a
//! set in turns; each time the others are asked until they decide by it, and then once more with `at_least_revision`
//! right after the next activation, which must be answered by it at once. Times are from the moment at which the
//! activation was acknowledged. The figure to hold: 250 ms at p99.

use std::{
    env,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use cedarkeep_tests::{
    client::Client,
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server, serve},
};
use serde_json::{Value, json};

/// Bench fixture, guards nothing.
const FIXTURE_MASTER_KEY: &str = "abababababababababababababababababababababababababababababababab";

const SCHEMA: &str = "entity User, Doc; action read appliesTo { principal: User, resource: Doc, context: {} };";

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn setting(name: &str, unless_said: usize) -> usize {
    env::var(name).map_or(unless_said, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The revision by which an instance decides.
fn revision(client: &Client, zone: &str, at_least: Option<u64>) -> u64 {
    let mut body = json!({"principal": "User::\"u\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""});
    if let Some(at_least) = at_least {
        body["at_least_revision"] = json!(at_least);
    }
    client.must("POST", &format!("{zone}/authorize"), &body)["revision"].as_u64().unwrap()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// A zone with a set of two versions; its path and the versions.
fn publish(client: &Client) -> (String, [String; 2]) {
    let zone = format!("/zones/{}", id(&client.must("POST", "/zones", &json!({"name": "Bench"}))));
    let schema = json!({"version": "bench", "cedar_schema": SCHEMA});
    client.must("POST", &format!("{zone}/policy-schemas"), &schema);
    let policy = client.must("POST", &format!("{zone}/policies"), &json!({"name": "policy"}));
    let set = client.must("POST", &format!("{zone}/policy-sets"), &json!({"name": "set"}));
    let version = |effect: &str| {
        let content =
            json!({"schema_version": "bench", "cedar_raw": format!("{effect} (principal, action, resource);")});
        let version = client.must("POST", &format!("{zone}/policies/{}/versions", id(&policy)), &content);
        let entry = json!({"policy_id": id(&policy), "policy_version_id": id(&version)});
        let body = json!({"schema_version": "bench", "manifest": {"entries": [entry]}});
        id(&client.must("POST", &format!("{zone}/policy-sets/{}/versions", id(&set)), &body)).to_owned()
    };
    let versions = [version("permit"), version("forbid")];
    (zone, versions)
}

fn activate(client: &Client, zone: &str, version: &str) -> u64 {
    let body = json!({"policy_set_version_id": version, "mode": "active"});
    client.must("PUT", &format!("{zone}/policy-bindings"), &body)["revision"].as_u64().unwrap()
}

/// What was activated, and when that was acknowledged.
type Activated = (u64, Instant);

/// How long is waited before it is asked again: clients that never pause keep the database, on the same cores, from
/// telling anybody anything.
const PAUSE: Duration = Duration::from_millis(1);

/// Asks until an instance decides by what was activated; how long it took.
fn follow(client: &Client, zone: &str, (revision, at): Activated) -> Duration {
    while self::revision(client, zone, None) < revision {
        thread::sleep(PAUSE);
    }
    at.elapsed()
}

/// Asks once, for no less than what was activated; how long it took.
fn demand(client: &Client, zone: &str, (revision, at): Activated) -> Duration {
    assert!(self::revision(client, zone, Some(revision)) >= revision, "it decided by an older revision");
    at.elapsed()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "{what}: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms ({} times)",
        at(50),
        at(90),
        at(99),
        at(100),
        times.len()
    );
}

fn main() {
    let (activations, instances) = (setting("ACTIVATIONS", 300), setting("INSTANCES", 3).max(2));
    let home = Home::on(Engine::Postgres);
    let folders: Vec<_> = (0..instances).map(|_| tempfile::tempdir().unwrap()).collect();
    let start = |folder: &tempfile::TempDir| {
        let mut command = serve(folder.path());
        command.env("CEDARKEEP_DATABASE_URL", home.url().unwrap()).env("CEDARKEEP_LOG", "error");
        command.env("CEDARKEEP_MASTER_KEY", FIXTURE_MASTER_KEY).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
        Server::start(&mut command)
    };
    let servers: Vec<_> = folders.iter().map(start).collect();
    let clients: Vec<_> = servers.iter().map(Server::client).collect();
    let (zone, versions) = publish(&clients[0]);
    // Both versions are ready everywhere before anything is measured.
    for version in &versions {
        let activated = activate(&clients[0], &zone, version);
        for client in &clients {
            assert_eq!(revision(client, &zone, Some(activated)), activated);
        }
    }
    println!("{activations} activations on one of {instances} instances, seen by the others");
    for (what, ask) in [
        ("an activation decides on another instance after", follow as fn(&Client, &str, Activated) -> Duration),
        ("asked with at_least_revision, the other decides by it after", demand),
    ] {
        let (sender, taken) = mpsc::channel();
        let times = thread::scope(|scope| {
            let mut tell = Vec::new();
            for client in &clients[1..] {
                let (sender, zone) = (sender.clone(), &zone);
                let (told, activated) = mpsc::channel();
                tell.push(told);
                scope.spawn(move || activated.into_iter().try_for_each(|it| sender.send(ask(client, zone, it))));
            }
            let mut times = Vec::new();
            for turn in 0..activations {
                let revision = activate(&clients[0], &zone, &versions[turn % 2]);
                let activated = (revision, Instant::now());
                for told in &tell {
                    told.send(activated).unwrap();
                }
                // The next when all others decide by this one.
                times.extend(tell.iter().map(|_| taken.recv_timeout(PATIENCE).unwrap()));
            }
            times
        });
        report(what, times);
    }
}
