//! What is measured, and how finely.

use std::time::Duration;

use cedarkeep_http::{LATENCY_BUCKETS, LATENCY_METRIC};
use cedarkeep_service::{CANDIDATES_METRIC, COMPILE_METRIC, DECISION_METRIC, ENTITIES_LOAD_METRIC, LOAD_METRIC};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::metrics::Meter;
use tokio::time::interval;

use crate::telemetry::Recorder;

/// How often what was measured is folded into the histograms; nobody else does that while no one reads the metrics.
const UPKEEP: Duration = Duration::from_secs(5);

/// Decisions, in seconds: most take microseconds, one for which a version has to be loaded up to a second.
const DECISION_BUCKETS: [f64; 15] = [
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.005,
    0.01,
    0.1,
    0.5,
    1.0,
];

/// Statements that were looked at for a decision.
const CANDIDATES_BUCKETS: [f64; 14] =
    [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 5_000.0, 20_000.0, 100_000.0];

/// Compiling and loading a set, in seconds.
const SET_BUCKETS: [f64; 10] = [0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// The histograms and their buckets.
const HISTOGRAMS: [(&str, &[f64]); 6] = [
    (LATENCY_METRIC, &LATENCY_BUCKETS),
    (DECISION_METRIC, &DECISION_BUCKETS),
    (CANDIDATES_METRIC, &CANDIDATES_BUCKETS),
    (COMPILE_METRIC, &SET_BUCKETS),
    (LOAD_METRIC, &SET_BUCKETS),
    (ENTITIES_LOAD_METRIC, &SET_BUCKETS),
];

/// Begins to record; what was recorded is read through the handle, and told to a meter where there is one.
pub(crate) fn start(meter: Option<Meter>) -> anyhow::Result<PrometheusHandle> {
    let mut recorder = PrometheusBuilder::new();
    for (metric, buckets) in HISTOGRAMS {
        recorder = recorder.set_buckets_for_metric(Matcher::Full(metric.to_owned()), buckets)?;
    }
    let recorder = recorder.build_recorder();
    let handle = recorder.handle();
    match meter {
        Some(meter) => metrics::set_global_recorder(Recorder::new(recorder, meter, HISTOGRAMS))?,
        None => metrics::set_global_recorder(recorder)?,
    }
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut turn = interval(UPKEEP);
        loop {
            turn.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
