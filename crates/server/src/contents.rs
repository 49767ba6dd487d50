//! `/v1/contents`: what was tagged, its tracks, and taking one back. Ids may be paths, so they come as parameters.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use tagger_store::BatchId;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use crate::request::{Asked, paging};
use crate::views::{ContentView, PageView, TrackView};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContentsQuery {
    /// How many, 1 to 10,000. Default: 100.
    limit: Option<u32>,
    /// Where the last page ended: its `next`.
    cursor: Option<String>,
}

/// Contents, newest first.
#[utoipa::path(get, path = "/v1/contents", tag = "tags", params(ContentsQuery), responses(
    (status = 200, body = PageView<ContentView>),
    (status = 400, body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    Asked(query): Asked<ContentsQuery>,
) -> Result<Json<PageView<ContentView>>, ApiError> {
    Ok(Json(PageView::from(api.service.contents(paging(query.limit, query.cursor)?).await?)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TracksQuery {
    /// Also what is being written, was replaced or undone. Default: false.
    #[serde(default)]
    all: bool,
}

/// The tracks of a content, each with the job that wrote it and how many tags it has. A path as the id has its slashes
/// written `%2F`.
#[utoipa::path(get, path = "/v1/contents/{id}/tracks", tag = "tags", params(("id" = String, Path), TracksQuery), responses(
    (status = 200, body = Vec<TrackView>),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn tracks(
    State(api): State<Api>,
    Path(id): Path<String>,
    Asked(query): Asked<TracksQuery>,
) -> Result<Json<Vec<TrackView>>, ApiError> {
    let batches = api.service.tracks(&id.into(), query.all).await?;
    Ok(Json(batches.into_iter().map(TrackView::from).collect()))
}

/// What came of taking a batch back.
#[derive(Serialize, ToSchema)]
pub(crate) struct UndoneView {
    /// The batch that is read again; null if none was kept.
    restored: Option<i64>,
}

/// Take a batch back: what it replaced is read again.
#[utoipa::path(post, path = "/v1/batches/{batch}/undo", tag = "tags", params(("batch" = i64, Path)), responses(
    (status = 200, body = UndoneView),
    (status = 404, body = ErrorBody),
    (status = 409, description = "It is not what is read, or its job has not ended", body = ErrorBody),
))]
pub(crate) async fn undo(State(api): State<Api>, Path(batch): Path<String>) -> Result<Json<UndoneView>, ApiError> {
    let batch = batch.parse().map_err(|_| ApiError::field("batch", format!("`{batch}` is no number of a batch")))?;
    let undone = api.service.undo(BatchId(batch)).await?;
    Ok(Json(UndoneView { restored: undone.restored.map(|batch| batch.0) }))
}
