//! The server that is measured: what `cedarkeep serve` puts together, with one more route.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use cedarkeep_attest::{KeyPool, MasterKey};
use cedarkeep_http::{HttpConfig, LATENCY_BUCKETS, router_with};
use cedarkeep_model::{Clock, IdSource, Timestamp};
use cedarkeep_service::{Config, Parts, Service};
use cedarkeep_store_sql::{OpenOptions, SqliteStore};
use cedarkeep_tests::{in_process::fixture_keys, server::FIXTURE_TOKEN};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use uuid::Uuid;

/// The further route of a zone: POST answers what was PUT there.
pub(crate) const CONSTANT: &str = "constant-answer";

/// As in the binary.
const READERS: u32 = 8;
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves what lies in this folder until standard input ends.
pub(crate) fn run(folder: &Path, compiled_mib: u64) {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve(folder, compiled_mib << 20));
    runtime.shutdown_timeout(Duration::from_secs(1));
}

async fn serve(folder: &Path, compiled_bytes: u64) {
    let metrics = record_metrics();
    let options = OpenOptions { path: folder.join("cedarkeep.db"), readers: READERS };
    let parts = Parts {
        store: Arc::new(SqliteStore::open(&options).await.unwrap()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        // Fresh keys would be most of what it takes to make many zones, and nothing here depends on them.
        keys: Arc::new(KeyPool::from_pems(fixture_keys(3072)).unwrap()),
        master: MasterKey::from_bytes([7; 32]),
        config: Config { compiled_bytes, ..Config::default() },
    };
    let service = Service::start(parts).await.unwrap();
    service.set_admin_token(FIXTURE_TOKEN).await.unwrap();
    let http = HttpConfig::default();
    let router = router_with(service.clone(), &http, metrics, constant_answer()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());

    let (stop_jobs, jobs_stopped) = oneshot::channel::<()>();
    let jobs = tokio::spawn({
        let service = service.clone();
        async move { service.run_jobs(async move { drop(jobs_stopped.await) }).await }
    });
    cedarkeep_http::serve(listener, router, &http.limits, end_of_input()).await.unwrap();
    drop(stop_jobs);
    jobs.await.unwrap();
    service.close().await;
}

/// Reads a body as every route does, and answers always the same.
fn constant_answer() -> Router {
    static ANSWER: OnceLock<axum::body::Bytes> = OnceLock::new();
    let answer = async |_read: axum::body::Bytes| {
        ([(header::CONTENT_TYPE, "application/json")], ANSWER.get().cloned().unwrap_or_default()).into_response()
    };
    let set = async |body: axum::body::Bytes| match ANSWER.set(body) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::CONFLICT,
    };
    Router::new().route(&format!("/zones/{{zone_id}}/{CONSTANT}"), post(answer).put(set))
}

fn record_metrics() -> PrometheusHandle {
    // Which buckets they are makes no difference; without any, histograms would be sketches, which cost more.
    let handle = PrometheusBuilder::new().set_buckets(&LATENCY_BUCKETS).unwrap().install_recorder().unwrap();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut turn = tokio::time::interval(UPKEEP);
        loop {
            turn.tick().await;
            upkeep.run_upkeep();
        }
    });
    handle
}

/// Ends with standard input, so that a server never outlives the program that started it, however that ends.
async fn end_of_input() {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let read = io::copy(&mut io::stdin(), &mut io::sink());
        ended.send(read).map_err(drop)
    });
    drop(end.await);
}

/// How many bytes the database has.
pub(crate) fn database_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join("cedarkeep.db")).unwrap().len()
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "what is measured takes the time where the binary takes it")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "what is measured draws ids where the binary draws them")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
