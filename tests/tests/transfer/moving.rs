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
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server},
};
use serde_json::{Value, json};

use crate::support::{Files, cedarkeep, done, furnished, rows, text};

/// A client of one server.
struct Client {
    agent: ureq::Agent,
    url: String,
}

/// Status, Retry-After and body.
type Answer = (u16, Option<String>, Value);

impl Client {
    fn new(server: &Server) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        Self { agent, url: server.url.clone() }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.url);
        let request = ureq::http::Request::builder().method(method).uri(url);
        let request = request.header("authorization", format!("Bearer {FIXTURE_TOKEN}"));
        let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
        let mut answer = self.agent.run(request).unwrap();
        let after = answer.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
        let body = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), after, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// What the zone says to this user, but for what is of that moment alone.
    fn decide(&self, zone: ZoneId, user: &str) -> Value {
        let body =
            json!({"principal": format!("User::\"{user}\""), "action": "Action::\"read\"", "resource": "Doc::\"1\""});
        let (status, _, mut answer) = self.send("POST", &format!("/zones/{zone}/authorize"), &body);
        assert_eq!(status, 200, "{answer}");
        for name in ["decision_id", "evaluated_at", "at"] {
            answer.as_object_mut().unwrap().remove(name);
        }
        answer
    }
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
            if answer.0 != 201 {
                return (acknowledged, answer);
            }
            acknowledged.push(format!("/zones/{zone}/policies/{}", answer.2["id"].as_str().unwrap()));
            written.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Decides and reads without a pause until it is told to stop; how often.
fn decider(client: Client, zone: ZoneId, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut answers = 0;
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(client.decide(zone, "alice")["decision"], json!("allow"));
            assert_eq!(client.decide(zone, "carol")["decision"], json!("deny"));
            let (status, _, answer) = client.send("GET", &format!("/zones/{zone}/policy-sets"), &Value::Null);
            assert_eq!(status, 200, "{answer}");
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
    let deciders: Vec<_> = (0..2).map(|_| decider(Client::new(&old), zone, Arc::clone(&stop))).collect();
    let writer = writer(Client::new(&old), zone, Arc::clone(&written));
    while written.load(Ordering::Relaxed) < 20 {
        thread::yield_now();
    }

    done(home, ["read-only", "on"]);
    let (acknowledged, (status, after, refusal)) = writer.join().unwrap();
    assert_eq!((status, after.as_deref(), &refusal["code"]), (503, Some("1"), &json!("unavailable")), "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains("read-only"), "{refusal}");
    let client = Client::new(&old);
    for (method, path, body) in [
        ("PATCH", format!("/zones/{zone}"), json!({"name": "other"})),
        ("DELETE", format!("/zones/{zone}/entities"), Value::Null),
        ("PUT", format!("/zones/{zone}/policy-sets/{set}/draft"), json!({"manifest": {"entries": []}})),
        ("POST", format!("/zones/{zone}/signing-keys"), json!({})),
        ("POST", "/zones".to_owned(), json!({"name": "another"})),
    ] {
        let (status, _, answer) = client.send(method, &path, &body);
        assert_eq!(status, 503, "{method} {path}: {answer}");
    }
    assert_eq!(old.get("/readyz", FIXTURE_TOKEN).0, 200);

    let backup = files.path("backup");
    done(home, ["backup", text(&backup)]);
    done(&target, ["restore", text(&backup)]);
    let new = start(&target);
    let moved = Client::new(&new);
    for user in ["alice", "carol"] {
        let (before, after) = (client.decide(zone, user), moved.decide(zone, user));
        assert_eq!(before, after);
        assert!(before["revision"].is_u64(), "{before}");
    }
    assert!(acknowledged.len() >= 20);
    for path in &acknowledged {
        assert_eq!(new.get(path, FIXTURE_TOKEN).0, 200, "{path} was acknowledged and is gone");
    }
    // The new one is written to, the old one still answers, and nothing has changed in it since.
    let (status, _, answer) = moved.send("POST", &format!("/zones/{zone}/policies"), &json!({"name": "new"}));
    assert_eq!(status, 201, "{answer}");
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
    let client = Client::new(&old);
    assert_eq!(client.decide(zone, "alice")["decision"], json!("allow"));
    assert_eq!(client.send("POST", "/zones", &json!({"name": "another"})).0, 503);
    done(home, ["read-only", "off"]);
    assert_eq!(client.send("POST", "/zones", &json!({"name": "another"})).0, 201);
    println!("{answers} answers and {} policies while the store was moved", acknowledged.len());
}
