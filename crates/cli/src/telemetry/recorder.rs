//! What is measured, told to Prometheus and to OpenTelemetry alike: the same names, labels and buckets.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use metrics_exporter_prometheus::PrometheusRecorder;
use opentelemetry::{KeyValue, metrics::Meter};

/// Records everything twice.
pub(crate) struct Recorder {
    prometheus: PrometheusRecorder,
    meter: Meter,
    /// The buckets of each histogram.
    buckets: HashMap<&'static str, &'static [f64]>,
    counters: Known<TwoCounters>,
    gauges: Known<TwoGauges>,
    histograms: Known<TwoHistograms>,
}

impl Recorder {
    pub(crate) fn new(
        prometheus: PrometheusRecorder,
        meter: Meter,
        buckets: impl IntoIterator<Item = (&'static str, &'static [f64])>,
    ) -> Self {
        let (counters, gauges, histograms) = (Known::default(), Known::default(), Known::default());
        Self { prometheus, meter, buckets: buckets.into_iter().collect(), counters, gauges, histograms }
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.prometheus.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.prometheus.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.prometheus.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.counters.get(key, || TwoCounters {
            prometheus: self.prometheus.register_counter(key, metadata),
            counter: self.meter.u64_counter(key.name().to_owned()).build(),
            labels: labels(key),
            sum: AtomicU64::new(0),
        }))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.gauges.get(key, || TwoGauges {
            prometheus: self.prometheus.register_gauge(key, metadata),
            gauge: self.meter.f64_gauge(key.name().to_owned()).build(),
            labels: labels(key),
            value: Mutex::new(0.0),
        }))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.histograms.get(key, || {
            let mut histogram = self.meter.f64_histogram(key.name().to_owned());
            if let Some(buckets) = self.buckets.get(key.name()) {
                histogram = histogram.with_boundaries(buckets.to_vec());
            }
            let prometheus = self.prometheus.register_histogram(key, metadata);
            TwoHistograms { prometheus, histogram: histogram.build(), labels: labels(key) }
        }))
    }
}

fn labels(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

/// Each series is made once; nobody waits for one that is there.
struct Known<T>(RwLock<HashMap<Key, Arc<T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Known<T> {
    fn get(&self, key: &Key, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(known);
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key.clone()).or_insert_with(|| Arc::new(make())))
    }
}

struct TwoCounters {
    prometheus: Counter,
    counter: opentelemetry::metrics::Counter<u64>,
    labels: Vec<KeyValue>,
    sum: AtomicU64,
}

impl CounterFn for TwoCounters {
    fn increment(&self, value: u64) {
        self.prometheus.increment(value);
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.counter.add(value, &self.labels);
    }

    fn absolute(&self, value: u64) {
        self.prometheus.absolute(value);
        let before = self.sum.fetch_max(value, Ordering::Relaxed);
        self.counter.add(value.saturating_sub(before), &self.labels);
    }
}

struct TwoGauges {
    prometheus: Gauge,
    gauge: opentelemetry::metrics::Gauge<f64>,
    labels: Vec<KeyValue>,
    /// Held while it is told, or an older value could be the last.
    value: Mutex<f64>,
}

impl TwoGauges {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = change(*value);
        self.gauge.record(*value, &self.labels);
    }
}

impl GaugeFn for TwoGauges {
    fn increment(&self, by: f64) {
        self.prometheus.increment(by);
        self.change(|value| value + by);
    }

    fn decrement(&self, by: f64) {
        self.prometheus.decrement(by);
        self.change(|value| value - by);
    }

    fn set(&self, to: f64) {
        self.prometheus.set(to);
        self.change(|_| to);
    }
}

struct TwoHistograms {
    prometheus: Histogram,
    histogram: opentelemetry::metrics::Histogram<f64>,
    labels: Vec<KeyValue>,
}

impl HistogramFn for TwoHistograms {
    fn record(&self, value: f64) {
        self.prometheus.record(value);
        self.histogram.record(value, &self.labels);
    }
}
