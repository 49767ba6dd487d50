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
use tagger_runtime::service::{Health, ModelInfo};
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
    let mut gauge = |name: &str, help: &str, values: &[(String, String)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let jobs: Vec<(String, String)> = JobState::ALL
        .iter()
        .map(|state| {
            let count = health.jobs.get(state).copied().unwrap_or(0);
            (format!("{{state=\"{}\"}}", format!("{state:?}").to_lowercase()), count.to_string())
        })
        .collect();
    let plain = |value: String| [(String::new(), value)];
    gauge("tagger_jobs", "Jobs by state.", &jobs);
    gauge("tagger_ready", "Whether new jobs are taken in.", &plain(u8::from(health.is_ready).to_string()));
    gauge("tagger_part_bytes", "Room that cut parts take on the disk.", &plain(health.part_bytes.to_string()));
    if let Some(bytes) = resident_bytes() {
        gauge("process_resident_memory_bytes", "Memory of the server itself.", &plain(bytes.to_string()));
    }
    text
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
