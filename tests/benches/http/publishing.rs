//! Whether decisions notice that policies are published beside them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use cedarkeep_tests::workload::Workload;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    decisions::{asked, changed, scenario},
    load::{Pace, Phase, Scenario, load},
    process::Server,
    report::{Goal, Report, median, say},
    settings::Settings,
    setup::Zone,
};

const QUESTIONS: usize = 2_000;
const COMPILED_MIB: u64 = 1_024;
/// How often a version is published and bound.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// What the light load asks for in all.
const LIGHT_REQUESTS_A_SECOND: u32 = 1_000;
/// The tail beside publishes may be so many times the idle one.
const TIMES_IDLE: f64 = 2.0;

pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), COMPILED_MIB);
    let workload = Workload::of(settings.sizes[1]);
    let zone = Zone::make(server.address, "publishing", workload.versions(1)).await;
    zone.fill(server.address, workload).await;
    // The policy that changes is the first; what is asked is about others, so that every answer stays what it is.
    let questions: Vec<_> =
        workload.questions(QUESTIONS).into_iter().filter(|question| !workload.meets_first(question)).collect();
    let scenario = Arc::new(scenario("publishing".to_owned(), asked(&zone, &questions, |one| workload.request(one))));
    scenario.ask_all(&server).await;

    let light = Duration::from_secs(1) * u32::try_from(settings.connections).unwrap() / LIGHT_REQUESTS_A_SECOND;
    let mut rows = Vec::new();
    for (name, pace) in
        [("flat out".to_owned(), Pace::Flat), (format!("{LIGHT_REQUESTS_A_SECOND} a second"), Pace::Every(light))]
    {
        let mut rounds = Vec::new();
        for round in 0..settings.rounds {
            say(&format!("publishing, {name}: round {} of {}", round + 1, settings.rounds));
            rounds.push(Round::measure(&server, &zone, workload, &scenario, settings, pace).await);
        }
        rows.push((name, cells(&rounds)));
    }
    report.part("publishing", &COLUMNS, &rows);
}

/// A phase without and one with publishes.
struct Round {
    idle: Phase,
    beside: Phase,
    /// Seconds from the request to publish and bind to its answer.
    publishes: Vec<f64>,
}

impl Round {
    async fn measure(
        server: &Server,
        zone: &Zone,
        workload: Workload,
        scenario: &Arc<Scenario>,
        settings: &Settings,
        pace: Pace,
    ) -> Self {
        // A publish or two in each phase, however short the others are.
        let time = settings.phase().max(PUBLISH_EVERY * 2);
        let idle = load(server, scenario, settings.connections, pace, time).await.check("idle");
        let publisher = publish(server.address, zone.clone(), workload, Instant::now() + time);
        let beside = load(server, scenario, settings.connections, pace, time).await.check("while publishing");
        Self { idle, beside, publishes: publisher.await.unwrap() }
    }
}

/// Publishes the set with another first policy each time, and binds it, once a second.
fn publish(server: SocketAddr, zone: Zone, workload: Workload, end: Instant) -> JoinHandle<Vec<f64>> {
    let texts = [changed(workload), workload.statement(0)];
    tokio::spawn(async move {
        let (mut turn, mut took) = (tokio::time::interval(PUBLISH_EVERY), Vec::new());
        for text in texts.iter().cycle() {
            turn.tick().await;
            let started = Instant::now();
            if started >= end {
                break;
            }
            zone.change_first(server, text, "active").await;
            took.push(started.elapsed().as_secs_f64());
        }
        took
    })
}

/// Beside: while versions are published and bound.
const COLUMNS: [&str; 10] = [
    "idle decisions/s",
    "beside",
    "idle p50 µs",
    "beside p50",
    "idle p99 µs",
    "beside p99",
    "p99 ratio",
    "publishes",
    "publish ms",
    "goal",
];

fn cells(rounds: &[Round]) -> Vec<Value> {
    let of = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure));
    let ratio = of(&|round| round.beside.percentile(0.99) / round.idle.percentile(0.99));
    vec![
        json!(of(&|round| round.idle.rate())),
        json!(of(&|round| round.beside.rate())),
        json!(of(&|round| round.idle.percentile(0.5))),
        json!(of(&|round| round.beside.percentile(0.5))),
        json!(of(&|round| round.idle.percentile(0.99))),
        json!(of(&|round| round.beside.percentile(0.99))),
        json!(ratio),
        json!(rounds.iter().map(|round| round.publishes.len()).sum::<usize>()),
        json!(median(rounds.iter().flat_map(|round| round.publishes.iter().map(|seconds| seconds * 1e3)))),
        json!(Goal::AtMost(TIMES_IDLE).judge(ratio)),
    ]
}
