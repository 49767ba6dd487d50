//! `/v1/events`: what happens, as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tagger_runtime::service::{Announcement, News};
use utoipa::IntoParams;

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use crate::request::Asked;
use crate::views::JobView;

/// How often a silent stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only what happens to this job.
    job: Option<String>,
}

/// Server-sent events. `job`: a job is new or has changed, with the job as data. `removed`: it is gone. `trouble`: the
/// server has difficulties that it tries to overcome. `pruned`: so many replaced batches can no longer be undone. `missed`: more has happened than was kept; read what matters again.
/// Who comes back with `Last-Event-ID` gets what happened meanwhile.
#[utoipa::path(get, path = "/v1/events", tag = "jobs", params(
    EventsQuery,
    ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came"),
), responses(
    (status = 200, description = "Events until the connection ends", body = String, content_type = "text/event-stream"),
    (status = 400, body = ErrorBody),
))]
pub(crate) async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
    Asked(query): Asked<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let after = match headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.trim().parse().ok())) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return Err(ApiError::field("Last-Event-ID", "it must be the id of an event")),
    };
    let watch = api.service.watch(after);
    let events = unfold((watch, api.stop, query.job), |(mut watch, stop, job)| async move {
        loop {
            let announcement = tokio::select! {
                announcement = watch.next() => announcement?,
                () = stop.cancelled() => return None,
            };
            if let Some(event) = event(announcement, job.as_deref()) {
                return Some((Ok(event), (watch, stop, job)));
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// An announcement as it is sent; `None` if it is about another job than the one asked for.
fn event(announcement: Announcement, wanted: Option<&str>) -> Option<Event> {
    let is_other = |id: &str| wanted.is_some_and(|wanted| wanted != id);
    let (name, data) = match announcement.what {
        News::Job(job) if is_other(job.id.as_ref()) => return None,
        News::Job(job) => {
            // A job is made of texts and numbers, which JSON can always hold.
            ("job", serde_json::to_string(&JobView::from((*job).clone())).unwrap_or_default())
        }
        News::Removed(id) if is_other(id.as_ref()) => return None,
        News::Removed(id) => ("removed", json!({ "id": id }).to_string()),
        News::Trouble(message) => ("trouble", json!({ "message": &*message }).to_string()),
        News::Pruned { batches } => ("pruned", json!({ "batches": batches }).to_string()),
        News::Missed => ("missed", "{}".to_owned()),
    };
    Some(Event::default().id(announcement.number.to_string()).event(name).data(data))
}
