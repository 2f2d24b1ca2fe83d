//! Traces and metrics over OTLP, at a receiver that decodes what arrives: one trace a request, a part of the caller's, with
//! nothing secret in it; and without the variables of OpenTelemetry nothing at all.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Instant,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use cedarkeep_tests::{
    server::{FIXTURE_TOKEN, Server, refused, serve},
    until::PATIENCE,
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value as Any},
    metrics::v1::{Metric, metric::Data, number_data_point::Value as Number},
    trace::v1::{Span, Status, span::SpanKind, status::StatusCode},
};
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the receiver must be shown in a header.
const KEY: &str = "fixture-receiver-key";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What has arrived.
#[derive(Default)]
struct Arrived {
    spans: Vec<Span>,
    services: Vec<String>,
    metrics: Vec<Metric>,
    bytes: Vec<u8>,
}

/// A receiver on a port of its own, as long as the test process lives.
#[derive(Clone)]
struct Receiver {
    arrived: Arc<Mutex<Arrived>>,
    /// Told when something more has arrived.
    more: Arc<Condvar>,
    endpoint: String,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self { arrived: Arc::default(), more: Arc::default(), endpoint };
        let paths = Router::new().route("/v1/traces", post(traces)).route("/v1/metrics", post(metrics));
        let router = paths.with_state(receiver.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        receiver
    }

    /// Waits until what has arrived is enough.
    fn wait<T>(&self, what: &str, mut enough: impl FnMut(&Arrived) -> Option<T>) -> T {
        let start = Instant::now();
        let mut arrived = self.arrived.lock().unwrap();
        loop {
            if let Some(found) = enough(&arrived) {
                return found;
            }
            let names: Vec<_> = arrived.spans.iter().map(|span| &span.name).collect();
            let left = PATIENCE.checked_sub(start.elapsed());
            let left = left.unwrap_or_else(|| panic!("{what} has not arrived: {names:?}"));
            arrived = self.more.wait_timeout(arrived, left).unwrap().0;
        }
    }

    /// The trace of this id, by the names of its spans, once its root is there: that ends last.
    fn trace(&self, id: &str) -> BTreeMap<String, Span> {
        self.wait("the root of the trace", |arrived| {
            let of_it = arrived.spans.iter().filter(|span| hex(&span.trace_id) == id);
            let spans: BTreeMap<_, _> = of_it.map(|span| (span.name.clone(), span.clone())).collect();
            spans.values().any(|span| span.kind() == SpanKind::Server).then_some(spans)
        })
    }
}

fn admitted(headers: &HeaderMap) {
    assert_eq!(headers["x-key"], KEY);
    assert_eq!(headers["content-type"], "application/x-protobuf");
}

async fn traces(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) {
    admitted(&headers);
    let sent = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let mut arrived = receiver.arrived.lock().unwrap();
    arrived.bytes.extend_from_slice(&body);
    for resource in sent.resource_spans {
        arrived.services.extend(text(&resource.resource.unwrap().attributes, "service.name"));
        arrived.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    receiver.more.notify_all();
}

async fn metrics(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) {
    admitted(&headers);
    let sent = ExportMetricsServiceRequest::decode(body.clone()).unwrap();
    let mut arrived = receiver.arrived.lock().unwrap();
    arrived.bytes.extend_from_slice(&body);
    let scopes = sent.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    arrived.metrics = scopes.flat_map(|scope| scope.metrics).collect();
    receiver.more.notify_all();
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    match value {
        Any::StringValue(text) => Some(text),
        Any::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}

/// The binary with an example zone, and what it is told by the environment.
struct Told {
    server: Server,
    zone: String,
    question: Value,
    _folder: TempDir,
}

impl Told {
    fn start(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path());
        command.arg("--with-example").env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN).envs(environment.iter().copied());
        let server = Server::start(&mut command);
        let (_, zones) = server.get("/zones", FIXTURE_TOKEN);
        let zone = zones["items"][0]["id"].as_str().unwrap().to_owned();
        let question = serde_json::from_str(include_str!("../../crates/cli/example/decision.json")).unwrap();
        Self { server, zone, question, _folder: folder }
    }

    /// One that tells a receiver, soon.
    fn telling(receiver: &Receiver) -> Self {
        let headers = format!("x-key={KEY}");
        Self::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint),
            ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ])
    }

    fn send(&self, path: &str, body: &Value, trace: Option<&str>) -> Value {
        let parent = trace.map(|trace| format!("00-{trace}-{PARENT}-01"));
        let headers: Vec<_> = parent.iter().map(|parent| ("traceparent", parent.as_str())).collect();
        let path = format!("/zones/{}{path}", self.zone);
        let answer = self.server.client().try_send("POST", &path, body, &headers).unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Publishes a version of a new policy, as a part of this trace.
    fn publish(&self, text: &str, trace: &str) -> Value {
        let policy = self.send("/policies", &json!({"name": "Traced"}), None)["id"].as_str().unwrap().to_owned();
        let body = json!({"cedar_raw": text, "schema_version": "documents-1"});
        self.send(&format!("/policies/{policy}/versions"), &body, Some(trace))
    }

    /// Threads of the exporters.
    fn exporters(&self) -> usize {
        let threads = fs::read_dir(format!("/proc/{}/task", self.server.id())).unwrap();
        let names: Vec<_> =
            threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap_or_default()).collect();
        assert!(names.iter().any(|name| name.starts_with("cedarkeep")), "{names:?}");
        names.iter().filter(|name| name.starts_with("OpenTelemetry")).count()
    }
}

#[test]
fn a_request_is_one_trace_and_a_part_of_its_callers() {
    let receiver = Receiver::start();
    let told = Told::telling(&receiver);
    told.publish("permit (principal, action, resource) when { context.mfa };", TRACE);
    let spans = receiver.trace(TRACE);
    let root = &spans["POST /zones/{zone_id}/policies/{policy_id}/versions"];
    assert_eq!((hex(&root.parent_span_id).as_str(), root.kind()), (PARENT, SpanKind::Server));
    assert_eq!(text(&root.attributes, "http.response.status_code").unwrap(), "201");
    assert_eq!(text(&root.attributes, "http.request.method").unwrap(), "POST");
    for name in ["cedar queue", "cedar work", "transaction", "commit", "store connection"] {
        let mut span = spans.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", spans.keys()));
        assert!(span.start_time_unix_nano >= root.start_time_unix_nano, "{name}");
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano, "{name}");
        while span.span_id != root.span_id {
            let parent = spans.values().find(|other| other.span_id == span.parent_span_id);
            span = parent.unwrap_or_else(|| panic!("{name} does not lead to the root: {:?}", spans.keys()));
        }
    }
    assert_eq!(spans["commit"].parent_span_id, spans["transaction"].span_id);

    // A decision, and one of nobody's trace.
    let decided = TRACE.replace('4', "5");
    assert_eq!(told.send("/authorize", &told.question, Some(&decided))["decision"], "allow");
    let spans = receiver.trace(&decided);
    let root = &spans["POST /zones/{zone_id}/authorize"];
    assert_eq!(spans["decide"].parent_span_id, root.span_id);
    assert_eq!(root.status.as_ref().map_or(StatusCode::Unset, Status::code), StatusCode::Unset);
    told.send("/authorize", &told.question, None);
    receiver.wait("a trace of its own", |arrived| {
        let mut roots = arrived.spans.iter().filter(|span| span.name.ends_with("/authorize"));
        roots.find(|span| span.parent_span_id.is_empty() && hex(&span.trace_id) != decided).map(|_| ())
    });
    assert!(receiver.arrived.lock().unwrap().services.iter().all(|service| service == "cedarkeep"));
}

#[test]
fn a_published_version_is_signed_in_its_trace_and_nothing_secret_is_told() {
    let receiver = Receiver::start();
    let told = Told::telling(&receiver);
    let secret = "a secret of the policy";
    let policy = format!("permit (principal, action, resource) when {{ \"{secret}\" == \"\" }};");
    let version = told.publish(&policy, TRACE);
    let pinned = json!({"policy_id": version["policy_id"], "policy_version_id": version["id"]});
    let set = told.send("/policy-sets", &json!({"name": "Traced"}), None)["id"].as_str().unwrap().to_owned();
    let manifest = json!({"schema_version": "documents-1", "manifest": {"entries": [pinned]}});
    let signed = TRACE.replace('4', "7");
    told.send(&format!("/policy-sets/{set}/versions"), &manifest, Some(&signed));
    assert!(receiver.trace(&signed).contains_key("sign"));

    let name = "a name that nobody else is told";
    let mut question = told.question.clone();
    question["principal"]["id"] = name.into();
    told.send("/authorize", &question, Some(&TRACE.replace('4', "6")));
    receiver.trace(&TRACE.replace('4', "6"));
    receiver.wait("metrics", |arrived| (!arrived.metrics.is_empty()).then_some(()));
    let (status, said) = told.server.stop();
    assert!(status.success(), "{said}");
    let arrived = receiver.arrived.lock().unwrap();
    assert!(arrived.bytes.windows(9).any(|bytes| bytes == b"authorize"), "it is told in plain bytes");
    for secret in [secret, name, FIXTURE_TOKEN, "q3-forecast", "alice"] {
        assert!(!arrived.bytes.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} is told");
    }
}

#[test]
fn metrics_arrive_under_the_names_labels_and_buckets_of_prometheus() {
    let receiver = Receiver::start();
    let told = Told::telling(&receiver);
    for _ in 0..3 {
        told.send("/authorize", &told.question, None);
    }
    let find = |arrived: &Arrived, name: &str| arrived.metrics.iter().find(|metric| metric.name == name)?.data.clone();
    receiver.wait("three decisions", |arrived| {
        let Some(Data::Sum(sum)) = find(arrived, "cedarkeep_decisions_total") else { return None };
        assert!(sum.is_monotonic);
        let mut points = sum.data_points.iter();
        let allowed = points.find(|point| text(&point.attributes, "decision").as_deref() == Some("allow"))?;
        (allowed.value == Some(Number::AsInt(3))).then_some(())
    });
    receiver.wait("how long they took", |arrived| {
        let Some(Data::Histogram(times)) = find(arrived, "cedarkeep_decision_seconds") else { return None };
        let point = times.data_points.first()?;
        assert_eq!((point.explicit_bounds.len(), point.explicit_bounds[0]), (15, 0.000_001));
        (point.count == 3).then_some(())
    });
    receiver.wait("a gauge", |arrived| match find(arrived, "cedarkeep_open_statements") {
        Some(Data::Gauge(gauge)) => gauge.data_points.first().map(|_| ()),
        _ => None,
    });
    let prometheus = told.server.client().metrics();
    assert!(prometheus.contains("cedarkeep_decisions_total{decision=\"allow\"} 3"), "{prometheus}");
}

#[test]
fn what_was_not_sent_yet_is_sent_at_the_end() {
    let receiver = Receiver::start();
    let headers = format!("x-key={KEY}");
    let told = Told::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
        ("OTEL_SERVICE_NAME", "policies"),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
    ]);
    told.send("/authorize", &told.question, Some(TRACE));
    assert!(receiver.arrived.lock().unwrap().bytes.is_empty());
    let (status, said) = told.server.stop();
    assert!(status.success(), "{said}");
    let arrived = receiver.arrived.lock().unwrap();
    assert!(arrived.spans.iter().any(|span| hex(&span.trace_id) == TRACE && span.kind() == SpanKind::Server));
    assert!(arrived.metrics.iter().any(|metric| metric.name == "cedarkeep_decisions_total"));
    assert!(arrived.services.iter().all(|service| service == "policies"));
}

#[test]
fn a_receiver_that_is_gone_holds_nothing_up() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{nobody}");
    let told = Told::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "50")]);
    assert_eq!(told.send("/authorize", &told.question, Some(TRACE))["decision"], "allow");
    let (status, said) = told.server.stop();
    assert!(status.success(), "{said}");
}

#[test]
fn with_nothing_set_there_is_nothing_that_could_connect() {
    let receiver = Receiver::start();
    let told = Told::telling(&receiver);
    assert_eq!(told.exporters(), 2);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.as_str());
    let traces_alone =
        [endpoint, ("OTEL_METRICS_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=fixture-receiver-key")];
    assert_eq!(Told::start(&traces_alone).exporters(), 1);
    for environment in [&[][..], &[endpoint, ("OTEL_SDK_DISABLED", "true")]] {
        assert_eq!(Told::start(environment).exporters(), 0, "{environment:?}");
    }

    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "zipkin")] {
        let said = refused(serve(folder.path()).env(endpoint.0, endpoint.1).env(name, value));
        assert!(said.contains(name), "{said}");
    }
}
