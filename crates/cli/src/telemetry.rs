//! Traces and metrics for an OpenTelemetry receiver, over OTLP/HTTP, when the variables of OpenTelemetry name one. Else
//! nothing of this is there: no layer, no thread, no connection.
//!
//! A trace is made of the spans of one target, [`TARGET`]. They are of the finest level, so that nobody makes them while
//! nobody listens, and the log has spans of its own. What is in them is chosen by name: routes, sizes and outcomes,
//! never a token, a policy, an entity or a path with an id in it.

mod client;
mod recorder;

use std::{collections::HashMap, env, time::Duration};

use anyhow::{Context as _, bail};
use opentelemetry::{
    KeyValue,
    metrics::MeterProvider as _,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource, metrics::SdkMeterProvider, propagation::TraceContextPropagator, trace::SdkTracerProvider,
};
use tracing::{Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use self::client::Client;
pub(crate) use self::recorder::Recorder;

/// The target of the spans that traces are made of.
const TARGET: &str = "cedarkeep::trace";

/// How long the last export may take.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// What is told to a receiver.
#[derive(Default)]
pub(crate) struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Telemetry {
    /// Begins what the environment asks for.
    ///
    /// # Errors
    /// When it asks for what there is not, or its values cannot be used.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut telemetry = Self::default();
        if is_wanted("TRACES")? {
            let exporter = SpanExporter::builder().with_http().with_http_client(Client::new("TRACES")).build();
            let exporter = exporter.context("the variables of OpenTelemetry for traces")?;
            let provider = SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter);
            telemetry.traces = Some(provider.build());
        }
        if is_wanted("METRICS")? {
            let exporter = MetricExporter::builder().with_http().with_http_client(Client::new("METRICS")).build();
            let exporter = exporter.context("the variables of OpenTelemetry for metrics")?;
            let provider = SdkMeterProvider::builder().with_resource(resource()).with_periodic_exporter(exporter);
            telemetry.metrics = Some(provider.build());
        }
        Ok(telemetry)
    }

    /// What hands spans on, beside the log.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: Subscriber + Send + Sync + for<'s> LookupSpan<'s>,
    {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.traces.as_ref()?.tracer("cedarkeep"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false);
        Some(layer.with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE)))
    }

    /// Whose child the trace of a request becomes, when there are traces.
    pub(crate) fn adopt(&self) -> Option<cedarkeep_http::Adopt> {
        self.traces.as_ref().map(|_| adopt as cedarkeep_http::Adopt)
    }

    /// Where metrics are told, when they are.
    pub(crate) fn meter(&self) -> Option<opentelemetry::metrics::Meter> {
        self.metrics.as_ref().map(|metrics| metrics.meter("cedarkeep"))
    }

    /// Sends what has not been sent yet.
    pub(crate) fn end(self) {
        let traces = self.traces.map(|traces| traces.shutdown_with_timeout(LAST_EXPORT));
        let metrics = self.metrics.map(|metrics| metrics.shutdown_with_timeout(LAST_EXPORT));
        for error in [traces, metrics].into_iter().flatten().filter_map(Result::err) {
            tracing::warn!(%error, "the last traces or metrics may not have been sent");
        }
    }
}

/// Makes a span the child of the caller's, by the headers of W3C Trace Context; what cannot be read is as if not sent.
fn adopt(span: &Span, traceparent: &str, tracestate: Option<&str>) {
    let headers = [("traceparent", Some(traceparent)), ("tracestate", tracestate)];
    let headers: HashMap<_, _> =
        headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    let parent = TraceContextPropagator::new().extract(&headers);
    if parent.span().span_context().is_valid() {
        // It fails only where nobody listens.
        let _ = span.set_parent(parent);
    }
}

/// Whether the environment asks for traces, or for metrics.
fn is_wanted(signal: &str) -> anyhow::Result<bool> {
    let said = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let of_signal = |name: &str| said(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"));
    let is_named = of_signal("ENDPOINT").or_else(|| said("OTEL_EXPORTER_OTLP_ENDPOINT")).is_some();
    let exporter = format!("OTEL_{signal}_EXPORTER");
    let wanted = match said(&exporter).as_deref() {
        None => is_named,
        Some("otlp") => true,
        Some("none") => false,
        Some(_) => bail!("{exporter} must be otlp or none"),
    };
    let is_off = said("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if !wanted || is_off {
        return Ok(false);
    }
    match of_signal("PROTOCOL").or_else(|| said("OTEL_EXPORTER_OTLP_PROTOCOL")).as_deref() {
        None | Some("http/protobuf") => Ok(true),
        Some(_) => bail!("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf: this server speaks no other form of OTLP"),
    }
}

/// Who is told of: what the environment says, and the program's name where it says nothing.
fn resource() -> Resource {
    let said = |name: &str| env::var(name).unwrap_or_default();
    let is_named = !said("OTEL_SERVICE_NAME").is_empty() || said("OTEL_RESOURCE_ATTRIBUTES").contains("service.name=");
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    if is_named { resource.build() } else { resource.with_service_name("cedarkeep").build() }
}
