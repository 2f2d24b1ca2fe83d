//! kill -9 under a publishing load: whatever was acknowledged is there after a restart, with its attestation, and the
//! store is sound. `KILLS` says how often (50 unless said; the full figures are 2,000 on SQLite and 500 on PostgreSQL).

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use cedarkeep_tests::{
    client::Client,
    home::Home,
    random::Random,
    server::{FIXTURE_TOKEN, Server, run},
};
use serde_json::{Value, json};

/// How many clients publish at once.
const CLIENTS: usize = 4;

/// An acknowledged object: its path, a member and what must stand in it.
type Object = (String, &'static str, String);

/// The answer to a POST; none when the server went away.
fn post(client: &Client, path: &str, body: &Value) -> Option<Value> {
    let answer = client.try_send("POST", path, body, &[]).ok()?;
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
    serde_json::from_str(&answer.text).ok()
}

fn start(home: &Home) -> Server {
    Server::start(home.serve().env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN))
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_else(|| panic!("{member} of {object}"))
}

/// Publishes policies, versions and set versions until the server goes away, noting what it acknowledged.
fn load(client: &Client, zone: &str, numbers: &AtomicU64, acknowledged: &Sender<Object>) {
    let note = |path: String, member: &'static str, object: &Value| {
        let value = object[member].as_str().unwrap_or_default().to_owned();
        // Once the server is killed nobody counts any more; what was sent is read at the end.
        acknowledged.send((path, member, value)).unwrap();
    };
    let publish = || {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let policy = post(client, &format!("/zones/{zone}/policies"), &json!({"name": format!("policy {number}")}))?;
        let path = format!("/zones/{zone}/policies/{}", text(&policy, "id"));
        note(path.clone(), "name", &policy);
        let body = json!({
            "schema_version": "2026-03-16",
            "cedar_raw": format!("// {number}\npermit (principal == Keycard::User::\"u{number}\", action, resource);"),
        });
        let version = post(client, &format!("{path}/versions"), &body)?;
        note(format!("{path}/versions/{}", text(&version, "id")), "sha", &version);
        let set = post(client, &format!("/zones/{zone}/policy-sets"), &json!({"name": format!("set {number}")}))?;
        let path = format!("/zones/{zone}/policy-sets/{}", text(&set, "id"));
        let entry = json!({"policy_id": text(&policy, "id"), "policy_version_id": text(&version, "id")});
        let body = json!({"schema_version": "2026-03-16", "manifest": {"entries": [entry]}});
        let version = post(client, &format!("{path}/versions"), &body)?;
        note(format!("{path}/versions/{}", text(&version, "id")), "manifest_sha", &version);
        Some(())
    };
    while publish().is_some() {}
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let kills: u64 = env::var("KILLS").map_or(50, |kills| kills.parse().unwrap());
    let home = Home::default();
    // A fixed seed makes a run repeatable but for the machine's own timing.
    let mut random = Random::new(0x00c0_ffee_1234_5678);
    let numbers = Arc::new(AtomicU64::new(0));
    let (mut all, mut slowest) = (Vec::new(), Duration::ZERO);

    let mut server = start(&home);
    let zone = server.client().must("POST", "/zones", &json!({"name": "Test"}));
    let zone = text(&zone, "id").to_owned();
    for round in 0..kills {
        let (sender, noted) = channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (client, zone) = (server.client(), zone.clone());
                let (numbers, sender) = (Arc::clone(&numbers), sender.clone());
                thread::spawn(move || load(&client, &zone, &numbers, &sender))
            })
            .collect();
        drop(sender);
        // After a random number of acknowledgements, and a random moment later, in the middle of something.
        let mut fresh: Vec<_> = noted.iter().take(random.below(60)).collect();
        let moment = Instant::now() + Duration::from_micros(random.below(5_000));
        while Instant::now() < moment {
            thread::yield_now();
        }
        server.kill();
        for client in clients {
            client.join().unwrap();
        }
        let begun = Instant::now();
        server = start(&home);
        slowest = slowest.max(begun.elapsed());
        fresh.extend(noted);
        check(&server, &fresh, round);
        all.append(&mut fresh);
    }
    check(&server, &all, kills);
    drop(server);
    let fsck = run(&mut home.cedarkeep(["fsck", "--output", "json"]));
    assert_eq!(fsck.code, Some(0), "{} {}", fsck.out, fsck.err);
    println!("{kills} kills, {} objects acknowledged and found, slowest start {} ms", all.len(), slowest.as_millis());
}

/// Every acknowledged object is there and says what it said; every set version has its attestation.
fn check(server: &Server, acknowledged: &[Object], round: u64) {
    for (path, member, value) in acknowledged {
        let (status, object) = server.get(path, FIXTURE_TOKEN);
        assert_eq!(status, 200, "round {round}: {path} was acknowledged and is gone");
        assert_eq!(object[*member], json!(value), "round {round}: {path}");
        if *member == "manifest_sha" {
            assert_eq!(object["attestation"]["manifest_sha"], json!(value), "round {round}: {path}");
            let (status, envelope) = server.get(&format!("{path}/attestation"), FIXTURE_TOKEN);
            assert!(status == 200 && envelope["signature"].is_string(), "round {round}: {path} has no attestation");
        }
    }
}
