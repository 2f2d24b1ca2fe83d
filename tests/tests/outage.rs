//! The database is gone, and comes back: decisions go on, everything else is told to come again, and nobody restarts
//! anything.

use std::{fs, thread};

use cedarkeep_postgres_harness::{Database, Server as Postgres};
use cedarkeep_tests::{
    client::Client,
    server::{FIXTURE_TOKEN, Server, get, serve},
    until::{PATIENCE, until},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Test fixture, guards nothing.
const FIXTURE_MASTER_KEY: &str = "abababababababababababababababababababababababababababababababab";

/// A database server of its own, which may die.
fn postgres() -> (&'static Postgres, Database) {
    let server: &'static Postgres = Box::leak(Box::new(Postgres::start(&[])));
    (server, server.database())
}

/// A server on a database, with its example zone.
struct Instance {
    url: String,
    client: Client,
    zone: String,
    question: Value,
}

struct Answer {
    status: u16,
    retry_after: String,
    body: Value,
}

impl Instance {
    /// With what must live as long.
    fn start(database: &Database, arguments: &[&str]) -> (Self, (Server, TempDir)) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path());
        command.env("CEDARKEEP_DATABASE_URL", database.url()).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
        command.env("CEDARKEEP_MASTER_KEY", FIXTURE_MASTER_KEY).arg("--with-example").args(arguments);
        let server = Server::start(&mut command);
        let zones = server.get("/zones", FIXTURE_TOKEN).1;
        let zone = zones["items"][0]["id"].as_str().unwrap().to_owned();
        let question = fs::read_to_string(folder.path().join("example-decision.json")).unwrap();
        let it = Self {
            url: server.url.clone(),
            client: server.client(),
            zone,
            question: serde_json::from_str(&question).unwrap(),
        };
        (it, (server, folder))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.client.send(method, path, body);
        let retry_after = answer.header("retry-after").unwrap_or_default().to_owned();
        Answer { status: answer.status, retry_after, body: answer.json() }
    }

    fn decide(&self) -> Answer {
        self.send("POST", &format!("/zones/{}/authorize", self.zone), &self.question)
    }

    fn decide_at_least(&self, revision: u64) -> Answer {
        let mut question = self.question.clone();
        question["at_least_revision"] = revision.into();
        self.send("POST", &format!("/zones/{}/authorize", self.zone), &question)
    }

    fn write(&self, name: &str) -> Answer {
        self.send("POST", &format!("/zones/{}/policies", self.zone), &json!({"name": name}))
    }

    fn ready(&self) -> (u16, Value) {
        get(&format!("{}/readyz", self.url), "")
    }

    fn age_in_metrics(&self) -> f64 {
        let metrics = self.client.metrics();
        let age = metrics.lines().find_map(|line| line.strip_prefix("cedarkeep_store_age_seconds "));
        age.expect("the age is told").parse().unwrap()
    }
}

impl Answer {
    /// Asserts that the caller is told to come again; the message.
    fn come_again(&self) -> &str {
        assert_eq!(
            (self.status, self.body["code"].as_str().unwrap(), self.retry_after.as_str()),
            (503, "unavailable", "1")
        );
        self.body["message"].as_str().unwrap()
    }

    fn allows(&self) {
        assert_eq!((self.status, &self.body["decision"]), (200, &json!("allow")), "{}", self.body);
    }
}

#[test]
fn on_postgres_decisions_outlive_the_database() {
    let (postgres, database) = postgres();
    let (it, _held) = Instance::start(&database, &[]);
    it.decide().allows();
    let unasked = it.send("POST", "/zones", &json!({"name": "Nobody has asked here yet"})).body;
    let unasked = format!("/zones/{}/authorize", unasked["id"].as_str().unwrap());
    assert_eq!(it.ready(), (200, json!({"status": "ok", "store": "reachable", "age_seconds": 0})));

    postgres.kill();
    it.decide().allows();
    thread::scope(|scope| {
        // Each waits for the database as long as anybody does; meanwhile decisions are made.
        let refused = [
            scope.spawn(|| it.write("lost")),
            scope.spawn(|| it.send("GET", "/zones", &Value::Null)),
            scope.spawn(|| it.send("POST", &unasked, &it.question)),
            scope.spawn(|| it.decide_at_least(1_000_000)),
        ];
        while !refused.iter().all(thread::ScopedJoinHandle::is_finished) {
            it.decide().allows();
        }
        let refused = refused.map(|answer| answer.join().unwrap());
        assert!(refused.iter().all(|answer| answer.come_again().contains("try again")));
        assert!(refused[3].come_again().contains("at_least_revision 1000000 is beyond revision"));
    });
    until(PATIENCE, "the age is told", || {
        let (status, said) = it.ready();
        assert_eq!(status, 200, "{said}");
        said["status"] == "degraded" && said["store"] == "unreachable" && said["age_seconds"].as_u64().unwrap() >= 6
    });
    until(PATIENCE, "the age is measured", || it.age_in_metrics() >= 6.0);
    it.decide().allows();
    // By now nobody waits for it any more.
    assert!(it.write("lost").come_again().contains("the store has not answered for"));
    assert!(it.send("POST", &unasked, &it.question).come_again().contains("decides by what it has in memory"));

    postgres.restart();
    until(PATIENCE, "it writes again", || it.write("kept").status == 201);
    until(PATIENCE, "it is ready again", || it.ready().1["store"] == "reachable" && it.age_in_metrics() < 6.0);
    it.decide().allows();
    assert_eq!(it.send("POST", &unasked, &it.question).status, 200);
    let policies = it.send("GET", &format!("/zones/{}/policies?query[name]=kept", it.zone), &Value::Null);
    assert_eq!(policies.status, 200, "{}", policies.body);
}

#[test]
fn on_postgres_decisions_stop_when_they_would_be_too_old() {
    let (postgres, database) = postgres();
    let (it, _held) = Instance::start(&database, &["--max-store-age-seconds", "2"]);
    it.decide().allows();
    postgres.kill();
    it.decide().allows();
    until(PATIENCE, "decisions stop", || it.decide().status != 200);
    assert!(it.decide().come_again().contains("nothing is decided by what is older than 2 s"));
    let (status, said) = it.ready();
    assert_eq!((status, &said["code"]), (503, &json!("unavailable")));
    postgres.restart();
    until(PATIENCE, "decisions go on", || it.decide().status == 200);
    it.decide().allows();
    assert_eq!(it.ready().0, 200);
}
