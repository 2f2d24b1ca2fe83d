//! What the decisions of one zone feel of another that floods the server with validation.
//!
//! `make bench-noisy`; `ROUNDS` says how many (5 unless said), `SECONDS_EACH` how long each half of one takes (5), `FLOODERS`
//! how many clients publish at once (8). The binary as it is shipped serves two zones. In each round one client decides
//! in the quiet one, one question after the other, first while nothing else goes on, then while the flooders publish the
//! largest legal policies in the other zone as fast as they are let. The clients are on the same cores. The figure to
//! hold: the p99 of decisions stays within 3 times of its idle value.

use std::{
    env,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use cedarkeep_tests::{
    in_process::SCHEMA,
    largest::largest_policy,
    server::{FIXTURE_TOKEN, Server, serve},
};
use serde_json::{Value, json};

fn setting(name: &str, unless_said: usize) -> usize {
    env::var(name).map_or(unless_said, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[derive(Clone)]
struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    fn of(server: &Server) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        Self { agent, url: server.url.clone() }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {FIXTURE_TOKEN}"));
        let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
        let mut answer = self.agent.run(request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
    }

    fn make(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, made) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {made}");
        made
    }

    /// A zone with the schema; its path.
    fn zone(&self, name: &str) -> String {
        let zone = format!("/zones/{}", id(&self.make("POST", "/zones", &json!({"name": name}))));
        self.make("POST", &format!("{zone}/policy-schemas"), &json!({"version": "test", "cedar_schema": SCHEMA}));
        zone
    }

    /// A zone in which something decides.
    fn deciding_zone(&self) -> String {
        let zone = self.zone("quiet");
        let entry = json!({"new_policy": {"name": "all"}, "cedar_raw": "permit (principal, action, resource);"});
        let manifest = json!({"schema_version": "test", "entries": [entry], "activate": true});
        self.make("POST", &format!("{zone}/policy-sets"), &json!({"name": "set", "manifest": manifest}));
        zone
    }

    /// Decides until it is told to stop; how long each decision took.
    fn decide_for(&self, zone: &str, time: Duration) -> Vec<Duration> {
        let question = json!({"principal": "User::\"u\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""});
        let (begun, mut took) = (Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let asked = Instant::now();
            let answer = self.make("POST", &format!("{zone}/authorize"), &question);
            took.push(asked.elapsed());
            assert_eq!(answer["decision"], "allow");
        }
        took
    }
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// Publishes the largest policies until it is told to stop.
fn flood(client: &Client, zone: &str, policy: &str, numbers: &AtomicUsize, over: &AtomicBool, published: &AtomicUsize) {
    while !over.load(Ordering::Relaxed) {
        let text = largest_policy(numbers.fetch_add(1, Ordering::Relaxed));
        let body = json!({"schema_version": "test", "cedar_raw": text});
        let (status, said) = client.send("POST", &format!("{zone}/policies/{policy}/versions"), &body);
        // Who waits too long for a turn is told so.
        assert!([201, 503].contains(&status), "{status} {said}");
        published.fetch_add(usize::from(status == 201), Ordering::Relaxed);
    }
}

fn at(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let (rounds, seconds, flooders) = (setting("ROUNDS", 5), setting("SECONDS_EACH", 5), setting("FLOODERS", 8));
    let time = Duration::from_secs(seconds as u64);
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    let server = Server::start(command.env("CEDARKEEP_LOG", "error").env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    let client = Client::of(&server);
    let (quiet, noisy) = (client.deciding_zone(), client.zone("noisy"));
    let policies: Vec<_> = (0..flooders)
        .map(|number| client.make("POST", &format!("{noisy}/policies"), &json!({"name": format!("policy {number}")})))
        .collect();
    client.decide_for(&quiet, time.min(Duration::from_secs(1)));
    let (numbers, published, mut ratios) = (AtomicUsize::new(0), AtomicUsize::new(0), Vec::new());
    for round in 1..=rounds {
        let mut idle = client.decide_for(&quiet, time);
        let over = AtomicBool::new(false);
        let before = published.load(Ordering::Relaxed);
        let mut beside = thread::scope(|scope| {
            for policy in &policies {
                let (client, noisy, policy) = (Client::of(&server), &noisy, id(policy));
                let (numbers, over, published) = (&numbers, &over, &published);
                scope.spawn(move || flood(&client, noisy, policy, numbers, over, published));
            }
            let took = client.decide_for(&quiet, time);
            over.store(true, Ordering::Relaxed);
            took
        });
        let ratio = at(&mut beside, 99) / at(&mut idle, 99);
        println!(
            "round {round}: idle p50 {:.2} ms, p99 {:.2} ms ({} decisions); beside {} publications p50 {:.2} ms, p99 {:.2} \
             ms ({} decisions): p99 is {ratio:.2} times",
            at(&mut idle, 50),
            at(&mut idle, 99),
            idle.len(),
            published.load(Ordering::Relaxed) - before,
            at(&mut beside, 50),
            at(&mut beside, 99),
            beside.len(),
        );
        ratios.push(ratio);
    }
    println!("p99 of decisions beside the flood: {:.2} times its idle value (median of {rounds})", median(&mut ratios));
}
