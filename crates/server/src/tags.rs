//! `/v1/tags`: what was found, by content, track, time and text.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tagger_runtime::service::Service;
use tagger_store::{Scope, TagQuery};
use utoipa::IntoParams;

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use crate::request::{Asked, paging, words};
use crate::views::{PageView, TagView};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TagsQuery {
    /// Of this content. Without it, `job` or `q` is needed.
    pub content: Option<String>,
    /// Of this job's latest run, whether it is what is read of the content or not.
    pub job: Option<String>,
    /// On these tracks, set off by commas.
    pub track: Option<String>,
    /// Of these models, set off by commas.
    pub model: Option<String>,
    /// Reaching beyond this time, in milliseconds.
    pub from: Option<i64>,
    /// Beginning before this time, in milliseconds.
    pub to: Option<i64>,
    /// In place of `from`: reaching beyond the time of this frame, counted from 0 in the content's video.
    pub from_frame: Option<u64>,
    /// In place of `to`: beginning before the time of this frame.
    pub to_frame: Option<u64>,
    /// With all of these words; the last one may be a beginning.
    pub q: Option<String>,
    /// Whether runs that continue from one part into the next come as one tag. Default: true.
    pub stitch: Option<bool>,
    /// How many, 1 to 10,000. Default: 100.
    pub limit: Option<u32>,
    /// Where the last page ended: its `next`.
    pub cursor: Option<String>,
}

impl TagsQuery {
    /// Frames are looked up in the media themselves.
    pub async fn into_query(self, service: &Service) -> Result<TagQuery, ApiError> {
        let scope = match (self.content, self.job) {
            (Some(_), Some(_)) => return Err(ApiError::field("job", "give either `content` or `job`")),
            (Some(content), None) => Scope::Content(content.into()),
            (None, Some(job)) => Scope::Job(job.into()),
            (None, None) if self.q.is_some() => Scope::Everywhere,
            (None, None) => {
                return Err(ApiError::field("content", "give `content`, `job`, or words to look for as `q`"));
            }
        };
        let from_ms = time(service, &scope, ("from", self.from), ("from_frame", self.from_frame)).await?;
        let to_ms = time(service, &scope, ("to", self.to), ("to_frame", self.to_frame)).await?;
        let owned = |list: Option<&str>| words(list).into_iter().map(str::to_owned).collect();
        Ok(TagQuery {
            tracks: owned(self.track.as_deref()),
            models: owned(self.model.as_deref()),
            from_ms,
            to_ms,
            text: self.q,
            is_stitched: self.stitch.unwrap_or(true),
            paging: paging(self.limit, self.cursor)?,
            ..TagQuery::of(scope)
        })
    }
}

/// A time that was given as such, or as a frame.
async fn time(
    service: &Service,
    scope: &Scope,
    (time_field, time): (&str, Option<i64>),
    (frame_field, frame): (&str, Option<u64>),
) -> Result<Option<i64>, ApiError> {
    match (time, frame) {
        (Some(_), Some(_)) => {
            Err(ApiError::field(frame_field, format!("give either `{time_field}` or `{frame_field}`")))
        }
        (time, None) => Ok(time),
        (None, Some(frame)) => Ok(Some(service.time_of_frame(scope, frame).await?)),
    }
}

/// Tags by time, or everywhere by their text.
#[utoipa::path(get, path = "/v1/tags", tag = "tags", params(TagsQuery), responses(
    (status = 200, body = PageView<TagView>),
    (status = 400, body = ErrorBody),
    (status = 404, description = "There is no such content or job", body = ErrorBody),
))]
pub(crate) async fn list(
    State(api): State<Api>,
    Asked(query): Asked<TagsQuery>,
) -> Result<Json<PageView<TagView>>, ApiError> {
    Ok(Json(PageView::from(api.service.tags(query.into_query(&api.service).await?).await?)))
}
