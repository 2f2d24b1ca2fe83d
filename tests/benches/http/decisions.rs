//! How much of the constant answer's rate decisions reach.

use std::{sync::Arc, time::Instant};

use cedarkeep_tests::workload::{Question, Workload};
use serde_json::{Value, json};

use crate::{
    client::{Connection, find, request},
    load::{Asked, Pace, Phase, Scenario, load},
    process::Server,
    report::{Goal, Report, median, say},
    server::CONSTANT,
    settings::Settings,
    setup::Zone,
};

/// How many different requests a scenario has.
const QUESTIONS: usize = 2_000;
/// How many decisions a batch asks for.
const BATCH: usize = 100;
/// A manifest has at most so many entries; larger sets have several statements in a version.
const ENTRIES: usize = 10_000;
const LARGE_ENTRIES: usize = 1_000;
/// As the binary unless told otherwise.
const COMPILED_MIB: u64 = 1_024;

/// What a scenario should reach.
#[derive(Debug, Clone, Copy)]
enum Aim {
    /// It is what the others are measured by.
    Floor,
    /// This share of the constant answer, by rate and by the server's CPU.
    Share(f64),
    /// The same, with a share to be wished for.
    ShareAndWish(f64, f64),
    /// So many times the single decisions of the same zone, a decision.
    TimesSingle(f64),
    /// None was set.
    Open,
}

/// A scenario with its phases, one a round.
struct Measured {
    scenario: Arc<Scenario>,
    aim: Aim,
    phases: Vec<Phase>,
}

pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), COMPILED_MIB);
    let mut measured = prepare(&server, settings).await;
    for round in 0..settings.rounds {
        say(&format!("decisions: round {} of {}", round + 1, settings.rounds));
        for Measured { scenario, phases, .. } in &mut measured {
            let phase = load(&server, scenario, settings.connections, Pace::Flat, settings.phase()).await;
            phases.push(phase.check(&scenario.name));
        }
    }
    tell(&measured, settings, report);
}

/// Makes the zones, and asks every request once: each answer must be the one that Cedar gives.
async fn prepare(server: &Server, settings: &Settings) -> Vec<Measured> {
    let [small, medium, large] = settings.sizes;
    let mut measured = Vec::new();
    let aims = [(small, Aim::Share(0.6)), (medium, Aim::ShareAndWish(0.6, 0.8)), (large, Aim::Share(0.45))];
    for (size, aim) in aims {
        let (workload, zone) = zone(server, size, "stored").await;
        zone.fill(server.address, workload).await;
        let questions = workload.questions(QUESTIONS);
        let single = asked(&zone, &questions, |question| workload.request(question));
        measured.push((scenario(single_name(size), single), aim));
        if size == medium {
            measured.push((batches(&zone, workload, &questions), Aim::TimesSingle(4.0)));
        }
    }

    let (workload, zone_of_inline) = zone(server, medium, "inline").await;
    let questions = workload.questions(QUESTIONS);
    let inline = asked(&zone_of_inline, &questions, |question| {
        let mut request = workload.request(question);
        request["entities"] = json!(workload.entities_of(question));
        request
    });
    measured.push((scenario(format!("{medium}, entities in the request"), inline), Aim::Share(0.25)));

    let (workload, zone_of_shadow) = zone(server, medium, "shadow").await;
    zone_of_shadow.fill(server.address, workload).await;
    zone_of_shadow.change_first(server.address, &changed(workload), "shadow").await;
    let shadow = asked(&zone_of_shadow, &questions, |question| workload.request(question));
    measured.push((scenario(format!("{medium}, a shadow beside"), shadow), Aim::Open));

    for (scenario, _) in &measured {
        scenario.ask_all(server).await;
    }
    measured.insert(0, (constant(server, &measured[0].0).await, Aim::Floor));
    let measured = measured.into_iter();
    measured.map(|(scenario, aim)| Measured { scenario: Arc::new(scenario), aim, phases: Vec::new() }).collect()
}

async fn zone(server: &Server, size: usize, what: &str) -> (Workload, Zone) {
    let (started, workload) = (Instant::now(), Workload::of(size));
    let each = if size > ENTRIES { size.div_ceil(LARGE_ENTRIES) } else { 1 };
    let zone = Zone::make(server.address, &format!("{size} {what}"), workload.versions(each)).await;
    say(&format!("decisions: a zone of {size} policies in {:.1} s", started.elapsed().as_secs_f64()));
    (workload, zone)
}

/// The first statement with another condition, that holds as rarely.
pub(crate) fn changed(workload: Workload) -> String {
    workload.statement(0).replace("resource.level <=", "resource.level + 1 <=")
}

/// Single decisions.
pub(crate) fn asked(zone: &Zone, questions: &[Question], body: impl Fn(&Question) -> Value) -> Vec<Asked> {
    let path = zone.path("authorize");
    let ask = |question: &Question| Asked {
        bytes: request("POST", &path, body(question).to_string().as_bytes()),
        allowed: vec![question.allowed],
    };
    questions.iter().map(ask).collect()
}

pub(crate) fn scenario(name: String, requests: Vec<Asked>) -> Scenario {
    Scenario { name, requests, decisions: 1 }
}

fn batches(zone: &Zone, workload: Workload, questions: &[Question]) -> Scenario {
    let path = zone.path("authorize/batch");
    let batch = |questions: &[Question]| {
        let requests: Vec<Value> = questions.iter().map(|question| workload.request(question)).collect();
        Asked {
            bytes: request("POST", &path, json!({"requests": requests}).to_string().as_bytes()),
            allowed: questions.iter().map(|question| question.allowed).collect(),
        }
    };
    let name = format!("{}, a batch of {BATCH}", workload.statements);
    Scenario { name, requests: questions.chunks_exact(BATCH).map(batch).collect(), decisions: BATCH }
}

/// The requests of this scenario, to the route that answers always the same: an answer as long as one of its own.
async fn constant(server: &Server, like: &Scenario) -> Scenario {
    let first = &like.requests[0];
    let mut connection = Connection::open(server.address).await;
    let answer = connection.ask(&first.bytes).await.unwrap().body.to_vec();
    let head = String::from_utf8_lossy(&first.bytes).into_owned();
    let path = head.split(' ').nth(1).unwrap().replace("authorize", CONSTANT);
    let set = connection.ask(&request("PUT", &path, &answer)).await.unwrap();
    assert_eq!(set.status, 204);
    let requests = like.requests.iter().map(|asked| {
        let at = find(&asked.bytes, b"\r\n\r\n").unwrap() + 4;
        Asked { bytes: request("POST", &path, &asked.bytes[at..]), allowed: first.allowed.clone() }
    });
    Scenario { name: "the constant answer".to_owned(), requests: requests.collect(), decisions: 1 }
}

const COLUMNS: [&str; 9] = [
    "decisions/s",
    "share by rate",
    "server µs",
    "share by CPU",
    "load µs",
    "p50 µs",
    "p99 µs",
    "times single",
    "goal",
];

fn tell(measured: &[Measured], settings: &Settings, report: &mut Report) {
    let floor = &measured[0].phases;
    let single = &measured.iter().find(|one| one.scenario.name == single_name(settings.sizes[1])).unwrap().phases;
    let rows = measured.iter().map(|Measured { scenario, aim, phases }| {
        let decisions = f64::from(u32::try_from(scenario.decisions).unwrap());
        let each = |figure: &dyn Fn(&Phase) -> f64| median(phases.iter().map(figure));
        // Each round is compared with what stands beside it in the same round.
        let beside = |other: &[Phase], figure: &dyn Fn(&Phase, &Phase) -> f64| {
            median(phases.iter().zip(other).map(|(own, other)| figure(own, other)))
        };
        let by_rate = beside(floor, &|own, floor| own.rate() * decisions / floor.rate());
        let by_cpu = beside(floor, &|own, floor| floor.server_us() * decisions / own.server_us());
        let times_single = beside(single, &|own, single| own.rate() * decisions / single.rate());
        let judged = match aim {
            Aim::Floor | Aim::Open => Value::Null,
            Aim::Share(share) => json!(both(*share, by_rate, by_cpu)),
            Aim::ShareAndWish(share, wish) => {
                json!(format!("{}; {}", both(*share, by_rate, by_cpu), both(*wish, by_rate, by_cpu)))
            }
            Aim::TimesSingle(times) => json!(Goal::AtLeast(*times).judge(times_single)),
        };
        let cells = vec![
            json!(each(&|phase| phase.rate() * decisions)),
            json!(by_rate),
            json!(each(&|phase| phase.server_us() / decisions)),
            json!(by_cpu),
            json!(each(&|phase| phase.client_us() / decisions)),
            json!(each(&|phase| phase.percentile(0.5))),
            json!(each(&|phase| phase.percentile(0.99))),
            if matches!(aim, Aim::TimesSingle(_)) { json!(times_single) } else { Value::Null },
            judged,
        ];
        (scenario.name.clone(), cells)
    });
    report.part("decisions", &COLUMNS, &rows.collect::<Vec<_>>());
}

/// On cores that server and load share, the rate hides a part of what an answer costs: both have to meet the goal.
fn both(share: f64, by_rate: f64, by_cpu: f64) -> String {
    let word = |figure| if figure >= share { "met" } else { "MISSED" };
    format!("≥ {share}: rate {}, CPU {}", word(by_rate), word(by_cpu))
}

fn single_name(size: usize) -> String {
    format!("{size} policies")
}
