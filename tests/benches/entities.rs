//! The entities of a zone: what ten thousand of them cost to put, and a zone of many to put together after a start.
//!
//! `ENTITIES=1000000 cargo bench --bench entities`; a hundred thousand when nothing is said.

use std::time::{Duration, Instant};

use cedarkeep_cedar::{CedarPool, Change, EntityReader, EntityStore, Given, load_schema, read_schema, read_stored};
use cedarkeep_model::ZoneId;
use cedarkeep_service::PutMode;
use cedarkeep_tests::in_process::InProcess;
use serde_json::{Value, json};

const AT_ONCE: usize = 10_000;

fn entity(number: usize) -> Value {
    let groups = [number % 1_000, number % 77].map(|group| json!({"type": "Group", "id": format!("group-{group}")}));
    json!({
        "uid": {"type": "User", "id": format!("0197a1f0-3c5e-7d1b-8f00-{number:012}")},
        "attrs": {
            "name": format!("User number {number}"), "level": number % 10, "active": true, "tenant": "acme",
            "manager": {"__entity": {"type": "User", "id": format!("0197a1f0-3c5e-7d1b-8f00-{:012}", number / 10)}},
            "roles": ["reader", "writer"],
        },
        "parents": groups,
    })
}

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

async fn put(it: &InProcess, zone: ZoneId, entities: Vec<Value>) -> Duration {
    let begun = Instant::now();
    it.service.put_entities(&InProcess::call(), zone, PutMode::Upsert, entities).await.unwrap();
    begun.elapsed()
}

/// The steps, each for itself.
fn steps() {
    let given: Vec<Value> = (0..AT_ONCE).map(entity).collect();
    let content = read_schema(Given::Text(cedarkeep_tests::in_process::SCHEMA)).unwrap();
    let schema = load_schema(&content.cedar_schema_json, content.schema_sha).unwrap();
    let each = |begun: Instant| begun.elapsed() / u32::try_from(AT_ONCE).unwrap();
    let begun = Instant::now();
    let read = read_stored(&given, &schema, false).unwrap();
    println!("read what is given: {:?} each", each(begun));
    let (begun, mut reader) = (Instant::now(), EntityReader::default());
    let stored: Vec<_> = read.iter().map(|given| reader.read(&given.body).unwrap()).collect();
    println!("read what is stored: {:?} each", each(begun));
    let begun = Instant::now();
    let store = EntityStore::default().with(stored.into_iter().map(Change::Upsert).collect()).unwrap();
    println!("put together: {:?} each; {} bytes each by its own account", each(begun), store.bytes() / AT_ONCE);
}

fn main() {
    CedarPool::new(1).unwrap().run_blocking(steps).unwrap();
    let count = std::env::var("ENTITIES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let it = InProcess::start().await;
        let zone = it.zone().await.id;
        let settings = cedarkeep_service::SettingsPatch { validate_requests: Some(false), ..Default::default() };
        let patch = cedarkeep_service::ZonePatch { settings, ..Default::default() };
        it.service.update_zone(&InProcess::call(), zone, patch).await.unwrap();
        let mut times = Vec::new();
        for start in (0..count).step_by(AT_ONCE) {
            let given = (start..count.min(start + AT_ONCE)).map(entity).collect();
            times.push(put(&it, zone, given).await);
        }
        let total: Duration = times.iter().sum();
        println!(
            "put {count} entities, {AT_ONCE} a call: {total:?}, first {:?}, last {:?}",
            times[0],
            times[times.len() - 1]
        );
        println!("put the same {AT_ONCE} again: {:?}", put(&it, zone, (0..AT_ONCE).map(entity).collect()).await);
        let before = resident();
        let former = it;
        let it = former.restart().await;
        drop(former);
        let first = put(&it, zone, vec![entity(count)]).await;
        println!("first use after a start: {first:?}, {} µs an entity", first.as_micros() / count as u128);
        println!("resident: {} MiB, {before} MiB before the restart", resident());
        let one = put(&it, zone, vec![entity(count + 1)]).await;
        println!("one more: {one:?}");
        let begun = Instant::now();
        it.service.delete_entities(&InProcess::call(), zone).await.unwrap();
        println!("delete all: {:?}", begun.elapsed());
    });
}
