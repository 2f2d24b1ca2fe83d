//! Many zones in one process: what they take in memory, and how long the first decision of each takes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use cedarkeep_tests::workload::Workload;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    decisions::{asked, scenario},
    load::{Asked, Pace, Scenario, load, rank},
    process::Server,
    report::{Goal, Report, say},
    server::database_bytes,
    settings::Settings,
    setup::Zone,
};

/// The policies of each zone, and the groups that they are about.
const POLICIES: usize = 100;
const GROUPS: usize = 20;
const USERS: usize = 20;
/// How many zones are made at once.
const MAKERS: usize = 4;
/// This many zones may take so many GiB.
const MANY: u64 = 10_000;
const MANY_GIB: f64 = 4.0;
/// A first decision may take so many milliseconds.
const COLD_MS: f64 = 50.0;

pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), settings.budget_mib);
    let started = Instant::now();
    let requests = make(server.address, settings.zones).await;
    let making = started.elapsed().as_secs_f64() * 1e3 / f64::from(u32::try_from(settings.zones).unwrap());
    drop(server);

    // Another process knows nothing yet of any zone.
    let server = Server::start(folder.path(), settings.budget_mib);
    let empty = server.memory("VmRSS");
    let scenario = Arc::new(scenario("zones".to_owned(), requests));
    let cold = first_decisions(&server, &scenario).await;
    let full = server.memory("VmRSS");
    let warm = load(&server, &scenario, settings.connections, Pace::Flat, settings.phase()).await.check("zones");
    let mib = |bytes: u64| json!(bytes >> 20);
    let each = full.saturating_sub(empty) / u64::try_from(settings.zones).unwrap();
    // Nothing is shared between zones, so what one takes tells what many take, as long as all of them fit.
    let many_gib = f64::from(u32::try_from((empty + each * MANY) >> 20).unwrap()) / 1_024.0;
    let cells = vec![
        json!(making),
        mib(database_bytes(folder.path())),
        mib(empty),
        mib(full),
        mib(server.memory("VmHWM")),
        json!(each >> 10),
        json!(many_gib),
        json!(at(&cold, 0.5)),
        json!(at(&cold, 0.99)),
        json!(at(&cold, 1.0)),
        json!(warm.rate()),
        json!(warm.percentile(0.99)),
        json!(Goal::AtMost(COLD_MS).judge(at(&cold, 0.99))),
        json!(Goal::AtMost(MANY_GIB).judge(many_gib)),
    ];
    report.part("zones", &COLUMNS, &[(format!("{} of {POLICIES} policies", settings.zones), cells)]);
}

const COLUMNS: [&str; 14] = [
    "making ms",
    "database MiB",
    "RSS empty",
    "RSS all",
    "RSS most",
    "KiB a zone",
    "10,000 GiB",
    "cold p50 ms",
    "cold p99 ms",
    "cold max ms",
    "warm decisions/s",
    "warm p99 µs",
    "goal (cold p99)",
    "goal (10,000)",
];

/// Makes zones that have nothing in common; one request to each.
async fn make(server: SocketAddr, zones: usize) -> Vec<Asked> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut makers = JoinSet::new();
    for _ in 0..MAKERS {
        let next = Arc::clone(&next);
        makers.spawn(async move {
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= zones {
                    return made;
                }
                if number.is_multiple_of(500) {
                    say(&format!("zones: {number} of {zones}"));
                }
                made.extend(make_one(server, number).await);
            }
        });
    }
    makers.join_all().await.into_iter().flatten().collect()
}

async fn make_one(server: SocketAddr, number: usize) -> Vec<Asked> {
    let workload = Workload { statements: POLICIES, people: USERS, first: number * GROUPS };
    let zone = Zone::make(server, &format!("zone {number}"), workload.versions(1)).await;
    zone.fill(server, workload).await;
    asked(&zone, &workload.questions(1), |question| workload.request(question))
}

/// One decision in each zone, one after the other; milliseconds, ascending.
async fn first_decisions(server: &Server, scenario: &Scenario) -> Vec<f64> {
    let mut took = scenario.ask_all(server).await;
    took.sort_by(f64::total_cmp);
    took
}

fn at(ascending: &[f64], share: f64) -> f64 {
    ascending[rank(ascending.len(), share)]
}
