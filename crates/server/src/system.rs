//! The server itself: its models, whether it is well, what it has counted, and what it answers to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use tagger_runtime::service::{Health, Lent, ModelInfo, Totalled};
use tagger_store::JobState;
use utoipa::ToSchema;

use crate::Api;
use crate::error::{ApiError, ErrorBody};

/// Whether all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ready`, `quiescing` (takes no new jobs) or `unhealthy`.
    status: &'static str,
    /// What is wrong; empty if nothing is.
    faults: Vec<String>,
    /// The release that runs.
    version: &'static str,
}

async fn look(api: &Api) -> HealthView {
    let (status, faults) = match api.service.health().await {
        Ok(health) if health.is_ready => ("ready", Vec::new()),
        Ok(_) => ("quiescing", Vec::new()),
        Err(error) => ("unhealthy", vec![error.message]),
    };
    HealthView { status, faults, version: env!("CARGO_PKG_VERSION") }
}

/// Whether the server works. Needs no token.
#[utoipa::path(get, path = "/v1/health", tag = "server", responses(
    (status = 200, description = "It does", body = HealthView),
    (status = 503, description = "Something is wrong", body = HealthView),
))]
pub(crate) async fn health(State(api): State<Api>) -> (StatusCode, Json<HealthView>) {
    let health = look(&api).await;
    let status = if health.faults.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

/// Whether the server takes jobs in. Needs no token.
#[utoipa::path(get, path = "/v1/ready", tag = "server", responses(
    (status = 200, description = "It does", body = HealthView),
    (status = 503, description = "Not now", body = HealthView),
))]
pub(crate) async fn ready(State(api): State<Api>) -> (StatusCode, Json<HealthView>) {
    let health = look(&api).await;
    let status = if health.status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

/// A model that can be named.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelView {
    name: String,
    /// `frame`, `video`, `audio` or `processor`; null if it does not say.
    #[schema(value_type = Option<String>)]
    kind: Option<tagger_wire::ModelKind>,
    description: String,
    /// The track of tags that name none.
    default_track: String,
    /// What it occupies while it runs.
    resources: BTreeMap<String, f64>,
    /// The JSON Schema of its parameters; null if it does not say.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Map<String, Value>>,
}

impl From<ModelInfo> for ModelView {
    fn from(model: ModelInfo) -> Self {
        let ModelInfo { name, kind, description, default_track, resources, parameters } = model;
        Self { name, kind, description, default_track, resources, parameters }
    }
}

/// The models that can be named without a path.
#[utoipa::path(get, path = "/v1/models", tag = "server", responses((status = 200, body = Vec<ModelView>)))]
pub(crate) async fn models(State(api): State<Api>) -> Json<Vec<ModelView>> {
    Json(api.service.models().await.into_iter().map(ModelView::from).collect())
}

/// What the server has counted, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 500, body = ErrorBody),
))]
pub(crate) async fn metrics(State(api): State<Api>) -> Result<Response, ApiError> {
    let text = in_words(&api.service.health().await?);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// The numbers in Prometheus' text format.
fn in_words(health: &Health) -> String {
    let mut text = String::new();
    let jobs = JobState::ALL.map(|state| {
        let count = health.jobs.get(&state).copied().unwrap_or(0);
        (format!("{state:?}").to_lowercase(), count as f64)
    });
    let Totalled { tags, parts, attempts, resources } = &health.totals;
    let attempts = attempts.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count as f64));
    let one = |value: f64| [(String::new(), value)].into_iter();
    family(&mut text, "tagger_jobs", "gauge", "Jobs by state.", "state", jobs.into_iter());
    let help = "Tags stored since the server was started.";
    family(&mut text, "tagger_tags_committed_total", "counter", help, "", one(*tags as f64));
    let help = "Parts done since the server was started.";
    family(&mut text, "tagger_parts_done_total", "counter", help, "", one(*parts as f64));
    let help = "Starts of programs that have ended since the server was started, by outcome.";
    family(&mut text, "tagger_attempts_total", "counter", help, "outcome", attempts);
    let amounts = |of: fn(&Lent) -> f64| resources.iter().map(move |(name, lent)| (name.clone(), of(lent)));
    let help = "What of each resource running programs hold.";
    family(&mut text, "tagger_resource_leased", "gauge", help, "resource", amounts(|lent| lent.lent));
    let help = "How much of each resource there is.";
    family(&mut text, "tagger_resource_total", "gauge", help, "resource", amounts(|lent| lent.total));
    let ready = f64::from(u8::from(health.is_ready));
    family(&mut text, "tagger_ready", "gauge", "Whether new jobs are taken in.", "", one(ready));
    let help = "Room that cut parts take on the disk.";
    family(&mut text, "tagger_part_bytes", "gauge", help, "", one(health.part_bytes as f64));
    if let Some(bytes) = resident_bytes() {
        let help = "Memory of the server itself.";
        family(&mut text, "process_resident_memory_bytes", "gauge", help, "", one(bytes as f64));
    }
    text
}

/// Writes one metric with its values, each under what `label` says of it; without a label there is one value.
fn family(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    label: &str,
    values: impl Iterator<Item = (String, f64)>,
) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (of, value) in values {
        // Resources are called whatever an operator likes.
        let of = of.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        let labels = if label.is_empty() { String::new() } else { format!("{{{label}=\"{of}\"}}") };
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// How much memory this process holds, as far as the system says.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// A document that is JSON already.
pub(crate) fn json_text(document: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.to_owned()).into_response()
}
