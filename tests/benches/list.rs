//! What a page of a long list costs: the first beside the last of a million policies.
//!
//! `cargo bench -p cedarkeep-tests --bench list`; `POLICIES` says how many (1,000,000 unless said). The rows are written
//! beneath the API, the pages are read through the service.

use std::{env, time::Duration};

use cedarkeep_model::ZoneId;
use cedarkeep_service::{PageRequest, PolicyFilter};
use cedarkeep_tests::in_process::InProcess;
use criterion::{Criterion, criterion_group, criterion_main};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::runtime::Runtime;

const SEED: &str = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2) \
     INSERT INTO policies (zone_id, id, name, name_folded, owner_type, revision, created_at, created_by, updated_at) \
     SELECT $1, printf('019b76da-a800-7000-9000-%012x', n), 'policy ' || n, 'policy ' || n, 'customer', 1, 1767225600000000 + n * 1000, \
     'seed', 1767225600000000 FROM numbers";

async fn seed(it: &InProcess, zone: ZoneId, policies: i64) {
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", it.home().folder().join("cedarkeep.db").display()))
        .await
        .unwrap();
    db.execute("PRAGMA synchronous = OFF").await.unwrap();
    sqlx::query(SEED).bind(zone.to_string()).bind(policies).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

async fn page(it: &InProcess, zone: ZoneId, after: Option<String>) -> (usize, Option<String>) {
    let request = PageRequest { limit: Some(100), after, ..PageRequest::default() };
    let page = it.service.policies(&InProcess::call(), zone, PolicyFilter::default(), request).await.unwrap();
    (page.items.len(), page.after_cursor)
}

/// Walks the whole list; where its last page begins, and how many items there were.
async fn walk(it: &InProcess, zone: ZoneId) -> (Option<String>, usize) {
    let (mut begins, mut after, mut items) = (None, None, 0);
    loop {
        let (found, next) = page(it, zone, after.clone()).await;
        items += found;
        if next.is_none() {
            return (begins, items);
        }
        begins.clone_from(&next);
        after = next;
    }
}

fn list(c: &mut Criterion) {
    let policies: i64 = env::var("POLICIES").map_or(1_000_000, |policies| policies.parse().unwrap());
    let runtime = Runtime::new().unwrap();
    let it = runtime.block_on(InProcess::start());
    let zone = runtime.block_on(it.zone()).id;
    runtime.block_on(seed(&it, zone, policies));
    let (last, items) = runtime.block_on(walk(&it, zone));
    assert_eq!(i64::try_from(items).unwrap(), policies, "the walk saw every policy once");
    let mut group = c.benchmark_group(format!("a_page_of_{policies}_policies"));
    group.measurement_time(Duration::from_secs(5));
    group.bench_function("first", |b| b.iter(|| runtime.block_on(page(&it, zone, None))));
    group.bench_function("last", |b| b.iter(|| runtime.block_on(page(&it, zone, last.clone()))));
    group.finish();
}

criterion_group!(benches, list);
criterion_main!(benches);
