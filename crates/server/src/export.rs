//! `/v1/export`: all tags of a query in one stream, page by page, so that its size costs no memory.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Deserialize;
use tagger_runtime::TagRow;
use tagger_runtime::formats::Format;
use tagger_runtime::service::Service;
use tagger_store::{Scope, Tag, TagQuery};
use utoipa::IntoParams;

use crate::Api;
use crate::error::{ApiError, ErrorBody};
use crate::request::Asked;
use crate::tags::TagsQuery;

/// How many tags are read at a time.
const PAGE: u32 = 2000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Of this content. Without it, `job` or `q` is needed.
    content: Option<String>,
    /// Of this job's latest run.
    job: Option<String>,
    /// On these tracks, set off by commas.
    track: Option<String>,
    /// Of these models, set off by commas.
    model: Option<String>,
    /// Reaching beyond this time, in milliseconds.
    from: Option<i64>,
    /// Beginning before this time, in milliseconds.
    to: Option<i64>,
    /// In place of `from`: reaching beyond the time of this frame, counted from 0 in the content's video.
    from_frame: Option<u64>,
    /// In place of `to`: beginning before the time of this frame.
    to_frame: Option<u64>,
    /// With all of these words.
    q: Option<String>,
    /// Whether runs that continue from one part into the next come as one tag. Default: true.
    stitch: Option<bool>,
    /// `jsonl`, `csv` or `vtt`. Default: `jsonl`.
    format: Option<String>,
}

impl ExportQuery {
    async fn into_query(self, service: &Service) -> Result<(TagQuery, Format), ApiError> {
        let format = match self.format.as_deref() {
            None | Some("jsonl") => Format::Jsonl,
            Some("csv") => Format::Csv,
            Some("vtt") => Format::Vtt,
            Some(other) => {
                return Err(ApiError::field("format", format!("`{other}` is none of jsonl, csv and vtt")));
            }
        };
        let Self { content, job, track, model, from, to, from_frame, to_frame, q, stitch, .. } = self;
        let limit = Some(PAGE);
        let query =
            TagsQuery { content, job, track, model, from, to, from_frame, to_frame, q, stitch, limit, cursor: None };
        let query = query.into_query(service).await?;
        if format == Format::Vtt && query.scope == Scope::Everywhere {
            return Err(ApiError::field("content", "WebVTT holds the tags of one content: name it"));
        }
        Ok((query, format))
    }
}

/// All tags of a query, in a format for other programs.
#[utoipa::path(get, path = "/v1/export", tag = "tags", params(ExportQuery), responses(
    (status = 200, description = "JSON lines, CSV or WebVTT", body = String, content_type = "application/x-ndjson"),
    (status = 400, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn export(State(api): State<Api>, Asked(query): Asked<ExportQuery>) -> Result<Response, ApiError> {
    let (query, format) = query.into_query(&api.service).await?;
    // The first page is read before the answer begins: what is wrong with the query is an error, not half a file.
    let first = api.service.tags(query.clone()).await?;
    let first = Some((query, first));
    let pieces = unfold((api, first, true), move |(api, next, is_first)| async move {
        let (query, page) = next?;
        let piece = written(format, &page.items, is_first);
        let following = match page.next {
            None => None,
            Some(cursor) => {
                let mut query = query;
                query.paging.after = Some(cursor);
                match api.service.tags(query.clone()).await {
                    Ok(page) => Some((query, page)),
                    // The connection breaks, and the client sees that the file is not whole.
                    Err(error) => return Some((Err(io::Error::other(error)), (api, None, false))),
                }
            }
        };
        Some((piece, (api, following, false)))
    });
    Ok(([(header::CONTENT_TYPE, format.media_type())], Body::from_stream(pieces)).into_response())
}

fn written(format: Format, tags: &[Tag], is_first: bool) -> io::Result<Bytes> {
    let rows: Vec<TagRow> = tags.iter().map(row).collect();
    let mut bytes = Vec::new();
    if is_first {
        format.begin(&mut bytes)?;
    }
    format.write(&rows, &mut bytes)?;
    Ok(bytes.into())
}

fn row(tag: &Tag) -> TagRow {
    TagRow {
        content: tag.content.0.clone(),
        stream: tag.stream,
        track: tag.track.clone(),
        model: tag.model.clone(),
        start_time: tag.start_ms,
        end_time: tag.end_ms,
        tag: tag.text.clone(),
        frame_info: tag.frame_info.clone(),
        additional_info: tag.additional_info.clone(),
        part: tag.part.into(),
    }
}
