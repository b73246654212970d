//! Metrics in Prometheus' text format, one registry per process.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use parking_lot::RwLock;

use crate::api::ApiState;
use crate::engine::Observer;
use crate::model::{Execution, Status};
use crate::store::{StoreError, Write};

/// Upper bounds of the duration buckets in seconds.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

const METADATA: Metadata<'static> = Metadata::new("sayso", Level::INFO, None);

static GLOBAL: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Handles by the pattern of the route, so that counting a request looks nothing up in the registry.
type ByRoute<T> = HashMap<String, T>;

/// The process's metrics.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// By method and status.
    requests: RwLock<HashMap<(&'static str, u16), ByRoute<Counter>>>,
    /// By method.
    durations: RwLock<HashMap<&'static str, ByRoute<Histogram>>>,
    executions: HashMap<Status, Counter>,
}

impl Metrics {
    /// The process's metrics; the first call sets them up.
    #[must_use]
    pub fn global() -> &'static Self {
        &GLOBAL
    }

    fn new() -> Self {
        let builder = PrometheusBuilder::new();
        let recorder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .map_or_else(
                |_| PrometheusBuilder::new().build_recorder(),
                PrometheusBuilder::build_recorder,
            );
        let handle = recorder.handle();
        for (name, unit, text) in [
            (
                "sayso_http_requests_total",
                None,
                "HTTP requests by method, route and status.",
            ),
            (
                "sayso_http_request_duration_seconds",
                Some(Unit::Seconds),
                "Time until an HTTP answer began.",
            ),
        ] {
            if name.ends_with("_total") {
                recorder.describe_counter(name.into(), unit, text.into());
            } else {
                recorder.describe_histogram(name.into(), unit, text.into());
            }
        }
        recorder.describe_counter(
            "sayso_executions_total".into(),
            None,
            "Steps of executions by the status that they took on.".into(),
        );
        for (name, _, text) in GAUGES {
            recorder.describe_gauge(name.into(), None, text.into());
        }
        for (name, text) in COUNTERS {
            recorder.describe_counter(name.into(), None, text.into());
        }
        let executions = Status::ALL
            .into_iter()
            .map(|status| {
                let key = key(
                    "sayso_executions_total",
                    vec![Label::from_static_parts("status", status.as_str())],
                );
                (status, recorder.register_counter(&key, &METADATA))
            })
            .collect();
        Self {
            recorder,
            handle,
            requests: RwLock::default(),
            durations: RwLock::default(),
            executions,
        }
    }

    /// Counts an answered HTTP request. `route` is the pattern, so that ids do not make new series.
    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, taken: Duration) {
        let method = known_method(method);
        let status = status.as_u16();
        let counter = self
            .requests
            .read()
            .get(&(method, status))
            .and_then(|routes| routes.get(route))
            .cloned();
        counter
            .unwrap_or_else(|| {
                let labels = vec![
                    Label::from_static_parts("method", method),
                    Label::new("route", route.to_owned()),
                    Label::new("status", status.to_string()),
                ];
                let counter = self
                    .recorder
                    .register_counter(&key("sayso_http_requests_total", labels), &METADATA);
                let mut requests = self.requests.write();
                requests
                    .entry((method, status))
                    .or_default()
                    .insert(route.to_owned(), counter.clone());
                counter
            })
            .increment(1);
        let histogram = self
            .durations
            .read()
            .get(method)
            .and_then(|routes| routes.get(route))
            .cloned();
        histogram
            .unwrap_or_else(|| {
                let labels = vec![
                    Label::from_static_parts("method", method),
                    Label::new("route", route.to_owned()),
                ];
                let key = key("sayso_http_request_duration_seconds", labels);
                let histogram = self.recorder.register_histogram(&key, &METADATA);
                let mut durations = self.durations.write();
                durations
                    .entry(method)
                    .or_default()
                    .insert(route.to_owned(), histogram.clone());
                histogram
            })
            .record(taken.as_secs_f64());
    }

    /// Takes over what histograms gathered; without this they grow until the next scrape.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Everything in Prometheus' text format, with the numbers of engine and store as they are now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn render(&self, state: &ApiState) -> Result<String, StoreError> {
        let engine = state.engine().stats();
        let inflow = state.events().inflow();
        let store = state.engine().store().stats().await?;
        for (name, read, _) in GAUGES {
            self.gauge(name, Vec::new()).set(read(&engine, &store));
        }
        for (name, value) in [
            ("sayso_store_transactions_total", store.transactions),
            ("sayso_store_commits_total", store.commits),
            ("sayso_store_statements_total", store.statements),
            ("sayso_events_refused_total", inflow.refused),
            ("sayso_executions_accepted_total", engine.accepted),
            ("sayso_executions_completed_total", engine.completed),
        ] {
            self.recorder
                .register_counter(&key(name, Vec::new()), &METADATA)
                .absolute(value);
        }
        // Far below 2^53.
        #[allow(clippy::cast_precision_loss)]
        for (name, value) in [
            ("sayso_events_in_flight", inflow.in_flight as f64),
            ("sayso_events_latency_seconds", inflow.latency_micros as f64 / 1e6),
        ] {
            self.gauge(name, Vec::new()).set(value);
        }
        for (gateway, outbox, count) in state.engine().store().outbox_counts().await? {
            let word = serde_json::to_value(outbox)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned));
            let labels = vec![
                Label::new("gateway", gateway),
                Label::new("state", word.unwrap_or_default()),
            ];
            // Numbers of messages are far below 2^53.
            #[allow(clippy::cast_precision_loss)]
            self.gauge("sayso_outbox_messages", labels).set(count as f64);
        }
        Ok(self.handle.render())
    }

    fn gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Counts the steps of executions; adds no rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExecutionCounter;

impl Observer for ExecutionCounter {
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write> {
        if before == Some(after.status) {
            return Vec::new();
        }
        if let Some(counter) = Metrics::global().executions.get(&after.status) {
            counter.increment(1);
        }
        Vec::new()
    }
}

type Read = fn(&crate::engine::EngineStats, &crate::store::StoreStats) -> f64;

// Counts and bytes are far below 2^53.
#[allow(clippy::cast_precision_loss)]
const GAUGES: [(&str, Read, &str); 9] = [
    (
        "sayso_executions_running",
        |engine, _| engine.running as f64,
        "Actions at work now.",
    ),
    (
        "sayso_executions_waiting",
        |engine, _| engine.waiting as f64,
        "Executions that wait for a free place.",
    ),
    (
        "sayso_executions_delayed",
        |engine, _| engine.delayed as f64,
        "Executions that wait for their time.",
    ),
    (
        "sayso_executions_held_back",
        |engine, _| engine.held_back as f64,
        "Executions that wait because of a policy.",
    ),
    (
        "sayso_executions_stored",
        |_, store| store.executions as f64,
        "Executions in the store.",
    ),
    (
        "sayso_executions_unfinished",
        |_, store| store.unfinished as f64,
        "Executions that are not completed.",
    ),
    (
        "sayso_audit_entries",
        |_, store| store.audit_entries as f64,
        "Entries of the audit log.",
    ),
    (
        "sayso_store_bytes",
        |_, store| store.bytes as f64,
        "Bytes of the database.",
    ),
    (
        "sayso_store_wal_bytes",
        |_, store| store.wal_bytes as f64,
        "Bytes of the write-ahead log.",
    ),
];

const COUNTERS: [(&str, &str); 6] = [
    (
        "sayso_events_refused_total",
        "Events from outside that were asked to come again.",
    ),
    (
        "sayso_store_transactions_total",
        "Transactions committed for callers.",
    ),
    (
        "sayso_store_commits_total",
        "Database commits; fewer than transactions where grouping worked.",
    ),
    ("sayso_store_statements_total", "SQL statements of the writer."),
    ("sayso_executions_accepted_total", "Executions accepted."),
    ("sayso_executions_completed_total", "Executions that ended."),
];

fn key(name: &'static str, labels: Vec<Label>) -> Key {
    Key::from_parts(name, labels)
}

/// The methods that exist; clients can invent others, which must not make new series.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
