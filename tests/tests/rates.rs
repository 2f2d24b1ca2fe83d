//! How often may be asked, by the binary over sockets.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use cedarkeep_tests::server::{FIXTURE_TOKEN, Server, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::{Body, http::Response};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

struct Limited {
    server: Server,
    agent: ureq::Agent,
    _data: TempDir,
}

impl Limited {
    fn start(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command: Command = serve(data.path());
        let server = Server::start(command.args(flags).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        Self { server, agent, _data: data }
    }

    fn get(&self, path: &str) -> Response<Body> {
        self.get_as(path, FIXTURE_TOKEN, "192.0.2.1")
    }

    fn get_as(&self, path: &str, token: &str, forwarded_for: &str) -> Response<Body> {
        let request = self.agent.get(format!("{}{path}", self.server.url));
        let request = request.header("x-forwarded-for", forwarded_for);
        request.header("authorization", format!("Bearer {token}")).call().unwrap()
    }

    fn zone(&self, name: &str) -> String {
        let made = loop {
            let request = self.agent.post(format!("{}/zones", self.server.url)).content_type("application/json");
            let request = request.header("authorization", format!("Bearer {FIXTURE_TOKEN}"));
            let made = request.send(json!({"name": name}).to_string()).unwrap();
            if made.status().as_u16() == 201 {
                break json_of(made);
            }
            assert_eq!(made.status().as_u16(), 429);
            wait(&made);
        };
        format!("/zones/{}", made["id"].as_str().unwrap())
    }

    /// Asks until there are too many; how many went before, and the refusal.
    fn until_refused(&self, path: &str) -> (usize, Response<Body>) {
        let begun = Instant::now();
        for asked in 0.. {
            let answer = self.get(path);
            if answer.status().as_u16() == 429 {
                return (asked, answer);
            }
            assert_eq!(answer.status().as_u16(), 200);
            assert!(begun.elapsed() < PATIENCE, "nothing is refused");
        }
        unreachable!("one is refused, or the time is up");
    }

    /// Whether the metrics count refusals of this kind.
    fn limited(&self, by: &str) -> bool {
        let line = format!("cedarkeep_rate_limited_total{{limit=\"{by}\"}}");
        loop {
            let mut answer = self.get("/metrics");
            if answer.status().as_u16() == 200 {
                return answer.body_mut().read_to_string().unwrap().contains(&line);
            }
            wait(&answer);
        }
    }
}

fn json_of(mut answer: Response<Body>) -> Value {
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn retry_after(answer: &Response<Body>) -> u64 {
    answer.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

/// Waits for as long as the answer says.
fn wait(answer: &Response<Body>) {
    thread::sleep(Duration::from_secs(retry_after(answer)));
}

#[test]
fn a_credential_has_its_burst_and_after_that_its_rate() {
    let it = Limited::start(&["--requests-per-second-per-credential", "2", "--request-burst-seconds", "10"]);
    let (before, refused) = it.until_refused("/zones");
    assert!(before >= 20, "{before} went, and 20 may go at once");
    assert_eq!(retry_after(&refused), 1, "two a second");
    let after = refused.headers().get("x-should-retry").is_none();
    let body = json_of(refused);
    assert_eq!((body["code"].as_str(), body["status"].as_u64(), after), (Some("rate_limited"), Some(429), true));
    // What shows that the server lives is not limited, and neither is what the public may read.
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(it.get(path).status().as_u16(), 200, "{path}");
    }
    thread::sleep(Duration::from_secs(1));
    assert_eq!(it.get("/zones").status().as_u16(), 200, "after the time that it said");
    assert!(it.limited("credential"));
}

#[test]
fn a_zone_that_is_asked_too_much_takes_nothing_from_another() {
    let it = Limited::start(&["--requests-per-second-per-zone", "1", "--request-burst-seconds", "5"]);
    let (busy, quiet) = (it.zone("busy"), it.zone("quiet"));
    let (before, refused) = it.until_refused(&busy);
    assert!(before >= 5, "{before}");
    assert_eq!((retry_after(&refused), json_of(refused)["code"].as_str()), (1, Some("rate_limited")));
    for path in [quiet.as_str(), "/zones"] {
        assert_eq!(it.get(path).status().as_u16(), 200, "{path}");
    }
    assert!(it.limited("zone"));
}

#[test]
fn an_address_that_fails_to_authenticate_is_refused_unheard() {
    let it = Limited::start(&["--failed-authentications-per-minute", "5", "--trusted-proxy", "127.0.0.1,192.0.2.200"]);
    let status = |path: &str, token: &str, from: &str| it.get_as(path, token, from).status().as_u16();
    let wrong = (0..100).find(|_| status("/zones", "wrong", "203.0.113.1") == 429);
    assert!(wrong.is_some_and(|failed| failed >= 5), "{wrong:?} failed before it was refused");
    let refused = it.get_as("/zones", FIXTURE_TOKEN, "203.0.113.1, 192.0.2.200");
    assert_eq!(refused.status().as_u16(), 429, "the right token is not heard either");
    assert!((1..=12).contains(&retry_after(&refused)), "five a minute: {}", retry_after(&refused));
    assert_eq!(json_of(refused)["code"], "rate_limited");
    assert_eq!(status("/zones", FIXTURE_TOKEN, "203.0.113.2"), 200, "another address is another");
    assert_eq!(status("/zones", FIXTURE_TOKEN, "6.6.6.6, 203.0.113.1"), 429, "what a client says of itself is nothing");
    let unasked = ureq::get(format!("{}/healthz", it.server.url)).header("x-forwarded-for", "203.0.113.1");
    assert_eq!(unasked.call().unwrap().status().as_u16(), 200, "who brings no credential is not refused");
    assert!(it.limited("address"));
}

#[test]
fn nothing_is_limited_by_default() {
    let it = Limited::start(&[]);
    let zone = it.zone("zone");
    for _ in 0..200 {
        assert_eq!(it.get(&zone).status().as_u16(), 200);
        assert_eq!(it.get_as(&zone, "wrong", "192.0.2.1").status().as_u16(), 401);
    }
}
