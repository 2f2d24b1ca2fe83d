//! Load: connections that ask without a pause, each as soon as it has its answer, or at a steady pace.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{task::JoinSet, time::sleep_until};

use crate::{
    client::{Connection, find},
    process::{Server, own_cpu},
};

/// Requests of one kind.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) requests: Vec<Asked>,
    /// How many decisions one request asks for.
    pub(crate) decisions: usize,
}

/// A request as it is sent, and what its answer must hold.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) bytes: Vec<u8>,
    /// Whether each decision that it asks for allows.
    pub(crate) allowed: Vec<bool>,
}

/// The member whose first occurrence in an answer is the first decision.
const DECISION: &[u8] = b"\"decision\":";

/// The first decision of an answer.
fn first_decision(answer: &[u8]) -> Option<bool> {
    let value = &answer[find(answer, DECISION)? + DECISION.len()..];
    let is = |text: &[u8]| value.starts_with(text);
    if is(b"\"allow\"") { Some(true) } else { is(b"\"deny\"").then_some(false) }
}

impl Scenario {
    /// Asks every request once, one after the other; each decision must be the one that Cedar makes. How long each
    /// answer took, in milliseconds.
    pub(crate) async fn ask_all(&self, server: &Server) -> Vec<f64> {
        let mut connection = Connection::open(server.address).await;
        let mut took = Vec::with_capacity(self.requests.len());
        for asked in &self.requests {
            let started = Instant::now();
            let answer = connection.ask(&asked.bytes).await.unwrap();
            took.push(started.elapsed().as_secs_f64() * 1e3);
            let text = String::from_utf8_lossy(answer.body);
            assert_eq!(answer.status, 200, "{}: {text}", self.name);
            assert_eq!(decisions(&serde_json::from_str(&text).unwrap()), asked.allowed, "{}: {text}", self.name);
        }
        took
    }
}

/// The decisions of an answer, or of those in its list.
fn decisions(answer: &Value) -> Vec<bool> {
    if let Some(decision) = answer["decision"].as_str() {
        return vec![decision == "allow"];
    }
    let members = answer.as_object().into_iter().flat_map(serde_json::Map::values);
    members.filter_map(Value::as_array).flatten().flat_map(decisions).collect()
}

/// How fast a connection asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Again at once.
    Flat,
    /// Once in this time.
    Every(Duration),
}

/// What a phase of load came to.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    /// CPU seconds of the server, and of the load itself.
    pub(crate) server_cpu: f64,
    pub(crate) client_cpu: f64,
    /// Microseconds, ascending.
    latencies: Vec<f32>,
    /// Answers that are not 200, not the right ones, or that never came.
    pub(crate) failures: Vec<String>,
}

impl Phase {
    /// The latency in microseconds that this share of the requests did not exceed.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        f64::from(self.latencies[rank(self.latencies.len(), share)])
    }

    #[expect(clippy::cast_precision_loss, reason = "a count")]
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Microseconds of the server's CPU a request.
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    pub(crate) fn server_us(&self) -> f64 {
        self.server_cpu * 1e6 / self.requests as f64
    }

    /// Microseconds of the load's own CPU a request.
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    pub(crate) fn client_us(&self) -> f64 {
        self.client_cpu * 1e6 / self.requests as f64
    }

    /// Fails unless every answer was the right one.
    pub(crate) fn check(self, what: &str) -> Self {
        let Self { failures, requests, .. } = &self;
        assert!(failures.is_empty(), "{what}: {} of {requests} failed, such as {}", failures.len(), failures[0]);
        self
    }
}

/// Loads the server for this long.
pub(crate) async fn load(
    server: &Server,
    scenario: &Arc<Scenario>,
    connections: usize,
    pace: Pace,
    time: Duration,
) -> Phase {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(server.address).await);
    }
    let (started, server_cpu, client_cpu) = (Instant::now(), server.cpu(), own_cpu());
    let mut asking = JoinSet::new();
    for (number, connection) in open.into_iter().enumerate() {
        // Each begins at another request, and, at a pace, at another moment.
        let next = number * scenario.requests.len() / connections;
        let delay = match pace {
            Pace::Flat => Duration::ZERO,
            Pace::Every(time) => time * u32::try_from(number).unwrap() / u32::try_from(connections).unwrap(),
        };
        let asker = Asker { connection, scenario: Arc::clone(scenario), next };
        asking.spawn(asker.ask_until(started + delay, started + time, pace));
    }
    let results = asking.join_all().await;
    let mut phase = Phase {
        seconds: started.elapsed().as_secs_f64(),
        server_cpu: server.cpu() - server_cpu,
        client_cpu: own_cpu() - client_cpu,
        ..Phase::default()
    };
    for (latencies, failures) in results {
        phase.latencies.extend(latencies);
        phase.failures.extend(failures);
    }
    phase.requests = phase.latencies.len();
    phase.latencies.sort_unstable_by(f32::total_cmp);
    phase
}

/// Where in an ascending list of this length the value stands that this share does not exceed.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
pub(crate) fn rank(length: usize, share: f64) -> usize {
    ((length as f64 * share) as usize).min(length - 1)
}

/// One connection with what it asks next.
struct Asker {
    connection: Connection,
    scenario: Arc<Scenario>,
    next: usize,
}

impl Asker {
    /// The latencies in microseconds, and what went wrong. A connection that broke asks no more.
    async fn ask_until(mut self, mut at: Instant, end: Instant, pace: Pace) -> (Vec<f32>, Vec<String>) {
        let (mut latencies, mut failures) = (Vec::new(), Vec::new());
        while Instant::now().max(at) < end {
            if let Pace::Every(time) = pace {
                sleep_until(at.into()).await;
                at += time;
            }
            let started = Instant::now();
            match self.ask().await {
                Ok(()) => {}
                Err(Refusal::Wrong(why)) => failures.push(why),
                Err(Refusal::Broken(why)) => {
                    failures.push(why);
                    break;
                }
            }
            latencies.push(started.elapsed().as_secs_f32() * 1e6);
        }
        (latencies, failures)
    }

    async fn ask(&mut self) -> Result<(), Refusal> {
        let asked = &self.scenario.requests[self.next];
        self.next = (self.next + 1) % self.scenario.requests.len();
        let answer = self.connection.ask(&asked.bytes).await.map_err(|error| Refusal::Broken(error.to_string()))?;
        if answer.status == 200 && first_decision(answer.body) == Some(asked.allowed[0]) {
            return Ok(());
        }
        let text: String = String::from_utf8_lossy(answer.body).chars().take(400).collect();
        Err(Refusal::Wrong(format!("{} {text}", answer.status)))
    }
}

/// Why an answer does not count.
enum Refusal {
    Wrong(String),
    Broken(String),
}
