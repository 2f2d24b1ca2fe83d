//! From SQLite to PostgreSQL while the old server answers: nobody who decides or reads notices, and nothing that was
//! acknowledged is missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use cedarkeep_model::ZoneId;
use cedarkeep_tests::{
    client::{Answer, Client},
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server},
};
use serde_json::{Value, json};

use crate::support::{Files, cedarkeep, done, furnished, rows, text};

/// What the zone says to this user, but for what is of that moment alone.
fn decide(client: &Client, zone: ZoneId, user: &str) -> Value {
    let body =
        json!({"principal": format!("User::\"{user}\""), "action": "Action::\"read\"", "resource": "Doc::\"1\""});
    let answer = client.send("POST", &format!("/zones/{zone}/authorize"), &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut said = answer.json();
    for name in ["decision_id", "evaluated_at", "at"] {
        said.as_object_mut().unwrap().remove(name);
    }
    said
}

fn start(home: &Home) -> Server {
    Server::start(cedarkeep(home, ["serve", "--listen", "127.0.0.1:0", "--log=error"]).env_remove("CEDARKEEP_LOG"))
}

/// Makes policies until it is told that the store is read-only; the paths of those that were acknowledged.
fn writer(client: Client, zone: ZoneId, written: Arc<AtomicU64>) -> JoinHandle<(Vec<String>, Answer)> {
    thread::spawn(move || {
        let mut acknowledged = Vec::new();
        loop {
            let body = json!({"name": format!("policy {}", acknowledged.len())});
            let answer = client.send("POST", &format!("/zones/{zone}/policies"), &body);
            if answer.status != 201 {
                return (acknowledged, answer);
            }
            acknowledged.push(format!("/zones/{zone}/policies/{}", answer.json()["id"].as_str().unwrap()));
            written.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Decides and reads without a pause until it is told to stop; how often.
fn decider(client: Client, zone: ZoneId, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut answers = 0;
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(decide(&client, zone, "alice")["decision"], json!("allow"));
            assert_eq!(decide(&client, zone, "carol")["decision"], json!("deny"));
            let answer = client.send("GET", &format!("/zones/{zone}/policy-sets"), &Value::Null);
            assert_eq!(answer.status, 200, "{answer:?}");
            answers += 3;
        }
        answers
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_notice_a_move_to_postgres() {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let (zone, set) = (furnished.zone, furnished.set);
    furnished.it.service.close().await;
    let (home, target) = (furnished.it.home(), Home::on(Engine::Postgres));
    let old = start(home);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let deciders: Vec<_> = (0..2).map(|_| decider(old.client(), zone, Arc::clone(&stop))).collect();
    let writer = writer(old.client(), zone, Arc::clone(&written));
    while written.load(Ordering::Relaxed) < 20 {
        thread::yield_now();
    }

    done(home, ["read-only", "on"]);
    let (acknowledged, answer) = writer.join().unwrap();
    let refusal = answer.json();
    assert_eq!(
        (answer.status, answer.header("retry-after"), &refusal["code"]),
        (503, Some("1"), &json!("unavailable")),
        "{refusal}"
    );
    assert!(refusal["message"].as_str().unwrap().contains("read-only"), "{refusal}");
    let client = old.client();
    for (method, path, body) in [
        ("PATCH", format!("/zones/{zone}"), json!({"name": "other"})),
        ("DELETE", format!("/zones/{zone}/entities"), Value::Null),
        ("PUT", format!("/zones/{zone}/policy-sets/{set}/draft"), json!({"manifest": {"entries": []}})),
        ("POST", format!("/zones/{zone}/signing-keys"), json!({})),
        ("POST", "/zones".to_owned(), json!({"name": "another"})),
    ] {
        let answer = client.send(method, &path, &body);
        assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
    }
    assert_eq!(old.get("/readyz", FIXTURE_TOKEN).0, 200);

    let backup = files.path("backup");
    done(home, ["backup", text(&backup)]);
    done(&target, ["restore", text(&backup)]);
    let new = start(&target);
    let moved = new.client();
    for user in ["alice", "carol"] {
        let (before, after) = (decide(&client, zone, user), decide(&moved, zone, user));
        assert_eq!(before, after);
        assert!(before["revision"].is_u64(), "{before}");
    }
    assert!(acknowledged.len() >= 20);
    for path in &acknowledged {
        assert_eq!(new.get(path, FIXTURE_TOKEN).0, 200, "{path} was acknowledged and is gone");
    }
    // The new one is written to, the old one still answers, and nothing has changed in it since.
    let answer = moved.send("POST", &format!("/zones/{zone}/policies"), &json!({"name": "new"}));
    assert_eq!(answer.status, 201, "{answer:?}");
    stop.store(true, Ordering::Relaxed);
    let answers: u64 = deciders.into_iter().map(|decider| decider.join().unwrap()).sum();
    assert!(answers > 100, "{answers}");
    let again = files.path("again");
    done(home, ["backup", text(&again)]);
    assert_eq!(rows(&again), rows(&backup));
    done(&target, ["fsck"]);

    // It outlasts a restart, and can be taken back.
    assert!(old.stop().0.success());
    let old = start(home);
    let client = old.client();
    assert_eq!(decide(&client, zone, "alice")["decision"], json!("allow"));
    assert_eq!(client.send("POST", "/zones", &json!({"name": "another"})).status, 503);
    done(home, ["read-only", "off"]);
    assert_eq!(client.send("POST", "/zones", &json!({"name": "another"})).status, 201);
    println!("{answers} answers and {} policies while the store was moved", acknowledged.len());
}
