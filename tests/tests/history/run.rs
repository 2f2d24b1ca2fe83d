//! One history: a zone of its own, clients, kills, and a look at what is stored in the end.

use std::{collections::HashMap, sync::mpsc::channel, thread, time::Instant};

use cedarkeep_tests::random::Random;
use serde_json::{Value, json};

use crate::{
    client::{Client, Known, World, user},
    cluster::{Cluster, INSTANCES, Kill},
    record::{Asked, Bound, History, Operation, Outcome, Stored, Told, number, text},
    wire::{SCHEMA, Wire},
};

/// How many clients, and how many operations each.
const CLIENTS: usize = 16;
const OPERATIONS: usize = 12;

/// How often something is killed.
const KILLS: usize = 2;

pub(crate) fn history(cluster: &Cluster, seed: u64) -> History {
    let wire = Wire::new();
    let mut random = Random::spread(seed);
    let world = world(cluster, &wire, seed);
    let begun = stands(cluster, &wire, &world);
    let (sender, done) = channel();
    let mut operations = thread::scope(|scope| {
        let (world, mut working) = (&world, Vec::new());
        for number in 0..CLIENTS {
            let sender = sender.clone();
            working.push(scope.spawn(move || Client::new(number, seed, world, cluster).work(OPERATIONS, &sender)));
        }
        drop(sender);
        for _ in 0..KILLS {
            // In the middle of what the others are doing.
            let after = 1 + random.below(CLIENTS * OPERATIONS / KILLS);
            done.iter().take(after).for_each(drop);
            cluster.kill(draw(&mut random));
        }
        working.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let revision = stands(cluster, &wire, &world).1;
    operations.extend(everywhere(cluster, seed, &world, revision));
    audit(cluster, &wire, &world, begun, operations)
}

fn draw(random: &mut Random) -> Kill {
    match random.below(20) {
        0..10 => Kill::Instance(random.below(INSTANCES)),
        10..12 => Kill::AllInstances,
        12..17 => Kill::Postgres,
        _ => Kill::Both(random.below(INSTANCES)),
    }
}

/// A zone with three policies and three sets.
fn world(cluster: &Cluster, wire: &Wire, seed: u64) -> World {
    let (_, url) = cluster.url(usize::try_from(seed).unwrap());
    let post = |path: &str, body: Value| wire.must(&url, &("POST", path.to_owned(), Some(body)));
    let zone_id = text(&post("/zones", json!({"name": format!("History {seed}")})), "id");
    let zone = format!("/zones/{zone_id}");
    post(&format!("{zone}/policy-schemas"), json!({"version": "test", "cedar_schema": SCHEMA}));
    let policy = |number| text(&post(&format!("{zone}/policies"), json!({"name": format!("policy {number}")})), "id");
    let policies = (0..3).map(policy).collect();
    let set = |(number, scope): (usize, &'static str)| {
        let body = json!({"name": format!("set {number}"), "scope_type": scope});
        (text(&post(&format!("{zone}/policy-sets"), body), "id"), scope)
    };
    let sets = ["zone", "zone", "user"].into_iter().enumerate().map(set).collect();
    World { zone, zone_id, policies, sets, known: Known::default().into(), begun: Instant::now() }
}

/// How many events there are, and the revision.
fn stands(cluster: &Cluster, wire: &Wire, world: &World) -> (u64, u64) {
    let (_, url) = cluster.url(0);
    let zone = wire.must(&url, &("GET", world.zone.clone(), None));
    let events = wire.must(&url, &("GET", format!("{}/events?limit=1&order=desc", world.zone), None));
    (number(&events["items"][0], "seq"), number(&zone, "revision"))
}

/// Every instance decides by the last revision when that is demanded.
fn everywhere(cluster: &Cluster, seed: u64, world: &World, revision: u64) -> Vec<Operation> {
    let mut client = Client::new(CLIENTS, seed, world, cluster);
    let mut decide = |instance| {
        let asked = Asked::Decide { principal: user(0), at_least: Some(revision) };
        let operation = client.ask(asked, instance);
        let at = |told: &Told| matches!(told, Told::Decision(decided) if decided.revision == revision);
        assert!(operation.told().is_some_and(at), "SEED={seed}: at {revision} {operation:?}");
        operation
    };
    (0..INSTANCES).map(&mut decide).collect()
}

/// What is stored.
fn audit(cluster: &Cluster, wire: &Wire, world: &World, begun: (u64, u64), operations: Vec<Operation>) -> History {
    let failed = operations.iter().find(|one| matches!(&one.outcome, Outcome::Refused { status: 500.., .. }));
    assert!(failed.is_none(), "{}: {failed:?}", world.zone);
    let (_, url) = cluster.url(0);
    let zone = &world.zone;
    let events = wire.all(&url, &format!("{zone}/events?"));
    let versions = |kind: &str, id: &str| wire.all(&url, &format!("{zone}/{kind}/{id}/versions?filter[archived]=any"));
    let keyed = |version: Value| (text(&version, "id"), version);
    let policy_versions = world.policies.iter().flat_map(|id| versions("policies", id)).map(keyed);
    let set_versions = world.sets.iter().flat_map(|(id, _)| versions("policy-sets", id)).map(keyed);
    let stored = |(id, version): (String, Value)| (id, stored(&version));
    History {
        operations,
        events: serde_json::from_value(Value::Array(events)).unwrap(),
        begun,
        policy_versions: policy_versions.map(stored).collect::<HashMap<_, _>>(),
        set_versions: set_versions.map(stored).collect(),
        bindings: wire.all(&url, &format!("{zone}/policy-bindings?")).iter().map(Bound::of).collect(),
        revision: number(&wire.must(&url, &("GET", zone.clone(), None)), "revision"),
    }
}

fn stored(version: &Value) -> Stored {
    let set = version["policy_set_id"].is_string();
    let raw = version["cedar_raw"].as_str().unwrap_or_default();
    let entries = version["manifest"]["entries"].as_array().cloned().unwrap_or_default();
    let mut pins: Vec<_> = entries.iter().map(|entry| text(entry, "policy_version_id")).collect();
    pins.sort();
    Stored {
        of: text(version, if set { "policy_set_id" } else { "policy_id" }),
        number: number(version, "version"),
        sha: text(version, if set { "manifest_sha" } else { "sha" }),
        archived: version["archived_at"].is_string(),
        active: version["active"] == true,
        mark: raw.split('"').nth(1).unwrap_or_default().to_owned(),
        permits: raw.contains("\npermit"),
        pins,
    }
}
