//! A history checker: 16 clients over three instances on one PostgreSQL publish, bind, promote, unbind, archive, read and
//! decide, while instances and PostgreSQL are killed and started again. Then everything that any client was told, and
//! everything that is stored, must be explained by one sequence of events: nothing acknowledged is lost, nothing is half
//! done, nothing is done twice, nobody reads what never stood.
//!
//! `HISTORIES` says how many (40 unless said; the full figure is 1,000), `FIRST` from which seed on, `SEED` the one to be
//! repeated: it draws the same requests and kills; the machine's timing is its own.

mod broken;
mod check;
mod client;
mod cluster;
mod record;
mod run;
mod wire;

use std::{collections::BTreeMap, env, time::Instant};

use cluster::Cluster;
use record::{Asked, History, Outcome};

/// After how many histories the store is checked whole and a fresh one begun.
const ON_ONE_STORE: u64 = 20;

fn parsed(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

#[test]
fn postgres_histories_are_explained_by_their_events() {
    let seeds: Vec<u64> = match parsed("SEED") {
        Some(seed) => vec![seed],
        None => (parsed("FIRST").unwrap_or(1)..=parsed("HISTORIES").unwrap_or(40)).collect(),
    };
    let (begun, mut figures) = (Instant::now(), BTreeMap::new());
    for seeds in seeds.chunks(usize::try_from(ON_ONE_STORE).unwrap()) {
        let cluster = Cluster::start();
        for seed in seeds {
            let history = run::history(&cluster, *seed);
            let faults = check::check(&history);
            assert!(faults.is_empty(), "SEED={seed}: {}", check::excerpt(&history, &faults));
            count(&mut figures, &history);
        }
        println!("seeds {seeds:?}");
        cluster.fsck();
    }
    println!("{} histories in {} s: {figures:?}", seeds.len(), begun.elapsed().as_secs());
    let of = |kind| figures.get(kind).copied().unwrap_or(0);
    assert!(of("acknowledged") > of("refused") + of("unknown"), "hardly anything was acknowledged");
}

fn count(figures: &mut BTreeMap<&'static str, usize>, history: &History) {
    let mut one = |kind| *figures.entry(kind).or_default() += 1;
    for operation in &history.operations {
        match &operation.outcome {
            Outcome::Refused { .. } => one("refused"),
            Outcome::Unknown(_) => one("unknown"),
            Outcome::Done(_) => {
                one("acknowledged");
                one(match &operation.asked {
                    Asked::PublishPolicy { .. } | Asked::PublishSet { .. } => "published",
                    Asked::Bind { .. } => "bound",
                    Asked::Promote { .. } => "promoted",
                    Asked::Unbind { .. } => "unbound",
                    Asked::ArchivePolicyVersion { .. } | Asked::ArchiveSetVersion { .. } => "archived",
                    Asked::Decide { .. } => "decided",
                    _ => "read",
                });
            }
        }
        if operation.tries > 1 {
            one("repeated");
        }
    }
}
