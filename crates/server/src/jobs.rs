//! `/v1/jobs`: take in, look at, stop, do again, remove.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value};
use tagger_runtime::service::{Submit, Submitted};
use tagger_store::{JobFilter, JobId, JobState};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use crate::request::{Asked, Body, paging, words};
use crate::views::{AttemptView, JobView, PageView, PartView};

/// A job to take in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobRequest {
    /// A model's name, or the path of its folder or `.py` file on the server's machine.
    model: String,
    /// The path of a media file, or of a folder of stills, on the server's machine.
    source: String,
    /// The content's id. Default: `source`.
    content: Option<String>,
    /// Parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    params: Map<String, Value>,
    /// Parameters as somebody typed them, read by what the model says of each. They go over `params`.
    #[serde(default)]
    param_texts: BTreeMap<String, String>,
    /// Higher goes first. Default: 0, or what the server is set to for the model.
    priority: Option<i32>,
}

impl JobRequest {
    fn into_submit(self, id: String) -> Submit {
        Submit {
            id: id.into(),
            model: self.model,
            source: self.source,
            content: self.content.map(Into::into),
            params: self.params,
            param_texts: self.param_texts,
            priority: self.priority,
        }
    }
}

/// Take in a job under a name of the server's choice.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = JobRequest, responses(
    (status = 201, description = "It is durable", body = JobView),
    (status = 400, description = "Unknown model, parameters or fields that do not hold, media that cannot be tagged", body = ErrorBody),
    (status = 403, description = "The path lies outside the allowed folders", body = ErrorBody),
    (status = 422, description = "The model needs more than the machine has", body = ErrorBody),
    (status = 503, description = "The server takes no new jobs", body = ErrorBody),
))]
pub(crate) async fn create(
    State(api): State<Api>,
    Body(request): Body<JobRequest>,
) -> Result<(StatusCode, Json<JobView>), ApiError> {
    Ok(answer(api.service.submit(request.into_submit(new_id())).await?))
}

/// Take in a job under a name of your own. The same again changes nothing, so it can be repeated until it is answered.
#[utoipa::path(put, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)), request_body = JobRequest, responses(
    (status = 201, description = "It is durable", body = JobView),
    (status = 200, description = "It was taken in before", body = JobView),
    (status = 400, description = "As for POST", body = ErrorBody),
    (status = 409, description = "Another job has this name", body = ErrorBody),
))]
pub(crate) async fn put(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(request): Body<JobRequest>,
) -> Result<(StatusCode, Json<JobView>), ApiError> {
    Ok(answer(api.service.submit(request.into_submit(id)).await?))
}

/// A name that nobody else has: 64 bits of chance, as the standard library seeds its hashes with.
fn new_id() -> String {
    format!("job-{:016x}", RandomState::new().build_hasher().finish())
}

fn answer(submitted: Submitted) -> (StatusCode, Json<JobView>) {
    let status = if submitted.is_new { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(submitted.job.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// Only jobs in one of these states, set off by commas. `completed` means succeeded.
    state: Option<String>,
    /// Only jobs over this content.
    content: Option<String>,
    /// Only jobs of this model.
    model: Option<String>,
    /// How many, 1 to 10,000. Default: 100.
    limit: Option<u32>,
    /// Where the last page ended: its `next`.
    cursor: Option<String>,
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(JobsQuery), responses(
    (status = 200, body = PageView<JobView>),
    (status = 400, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    Asked(query): Asked<JobsQuery>,
) -> Result<Json<PageView<JobView>>, ApiError> {
    let states = words(query.state.as_deref()).into_iter().map(state).collect::<Result<_, _>>()?;
    let filter = JobFilter { states, content: query.content.map(Into::into), model: query.model };
    let page = api.service.jobs(filter, paging(query.limit, query.cursor)?).await?;
    Ok(Json(PageView::from(page)))
}

fn state(word: &str) -> Result<JobState, ApiError> {
    match word {
        // What clients of other runtimes ask for.
        "completed" => Ok(JobState::Succeeded),
        "cancelled" => Ok(JobState::Stopped),
        word => serde_json::from_value(word.into()).map_err(|_| {
            let known: Vec<String> =
                JobState::ALL.iter().filter_map(|state| serde_json::to_string(state).ok()).collect();
            let known = known.join(", ").replace('"', "");
            ApiError::field("state", format!("no job is ever `{word}`; states are {known}"))
        }),
    }
}

/// A job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, body = JobView),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    Ok(Json(api.service.job(&id.into()).await?.into()))
}

/// Remove an ended job with the tags that it wrote.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 404, body = ErrorBody),
    (status = 409, description = "It has not ended", body = ErrorBody),
))]
pub(crate) async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    api.service.remove(&id.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask a job to stop. What it has stored stays. One that has ended stays as it is.
#[utoipa::path(post, path = "/v1/jobs/{id}/stop", tag = "jobs", params(("id" = String, Path)), responses(
    (status = 200, description = "As it stands now, perhaps still `stopping`", body = JobView),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn stop(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    Ok(Json(api.service.stop(&id.into()).await?.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RetryQuery {
    /// Only the parts that are not done. Default: the whole job, whose tags are replaced when it succeeds.
    #[serde(default)]
    failed_only: bool,
}

/// Do an ended job again.
#[utoipa::path(post, path = "/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path), RetryQuery), responses(
    (status = 200, body = JobView),
    (status = 404, body = ErrorBody),
    (status = 409, description = "It has not ended, or nothing of it failed", body = ErrorBody),
))]
pub(crate) async fn retry(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(query): Asked<RetryQuery>,
) -> Result<Json<JobView>, ApiError> {
    Ok(Json(api.service.retry(&id.into(), query.failed_only).await?.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many, 1 to 10,000. Default: 100.
    limit: Option<u32>,
    /// Where the last page ended: its `next`.
    cursor: Option<String>,
}

/// What became of each part of a job.
#[utoipa::path(get, path = "/v1/jobs/{id}/parts", tag = "jobs", params(("id" = String, Path), PageQuery), responses(
    (status = 200, body = PageView<PartView>),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn parts(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<PageView<PartView>>, ApiError> {
    let id = JobId::from(id);
    let page = api.service.parts(&id, paging(query.limit, query.cursor)?).await?;
    let mut stills = api.service.stills(&id).await?;
    let mut page: PageView<PartView> = PageView::from(page);
    for part in &mut page.items {
        part.file = stills.get_mut(part.number as usize).map(std::mem::take);
    }
    Ok(Json(page))
}

/// Each start of a job's program.
#[utoipa::path(get, path = "/v1/jobs/{id}/attempts", tag = "jobs", params(("id" = String, Path), PageQuery), responses(
    (status = 200, body = PageView<AttemptView>),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn attempts(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<PageView<AttemptView>>, ApiError> {
    let page = api.service.attempts(&id.into(), paging(query.limit, query.cursor)?).await?;
    Ok(Json(PageView::from(page)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Which attempt's. Default: the latest.
    attempt: Option<u32>,
    /// From which byte on. Default: 0.
    #[serde(default)]
    from: u64,
    /// While there is nothing from there on, wait so many seconds, up to 60, for more. It ends sooner when the attempt is
    /// over. Default: 0.
    #[serde(default)]
    wait: u32,
}

/// How long a log may be waited for.
const LONGEST_WAIT_SECONDS: u32 = 60;

/// What the program said on standard output and error, as it said it.
#[utoipa::path(get, path = "/v1/jobs/{id}/log", tag = "jobs", params(("id" = String, Path), LogQuery), responses(
    (status = 200, description = "A piece of the log. The header `tagger-log-next` says where to ask next, and \
        `tagger-log-attempt` for which attempt",
        body = String, content_type = "text/plain"),
    (status = 400, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn log(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(query): Asked<LogQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let (id, LogQuery { attempt, from, wait }) = (id.into(), query);
    if wait > LONGEST_WAIT_SECONDS {
        return Err(ApiError::field("wait", format!("0 to {LONGEST_WAIT_SECONDS} seconds, not {wait}")));
    }
    let patience = Duration::from_secs(wait.into());
    let piece = tokio::select! {
        biased;
        // A server that is about to end keeps nobody waiting.
        () = api.stop.cancelled() => api.service.log(&id, attempt, from).await?,
        piece = api.service.log_to_come(&id, attempt, from, patience) => piece?,
    };
    let header = |name: &'static str, value: String| (HeaderName::from_static(name), value);
    Ok((
        [
            header("content-type", "text/plain; charset=utf-8".into()),
            header("tagger-log-next", piece.next.to_string()),
            header("tagger-log-attempt", piece.attempt.to_string()),
        ],
        piece.bytes,
    ))
}
