//! The batches that a question is about, with what every tag of theirs has in common.

use std::sync::Arc;

use rusqlite::{Connection, Params, Row};

use super::fault::Fault;
use super::row::{all, one};
use crate::stitch::reach_ms;
use crate::{BatchId, ContentId, JobId, Scope, StreamName, TagQuery, VersionId};

const HEAD: &str = "SELECT b.id, j.id AS job_id, c.id AS content_id, b.stream, b.track, b.model, b.version, b.spans,
        coalesce(s.longest_frame_ms, 0) AS longest_frame_ms,
        CAST(json_extract(b.provenance, '$.sampling.fps') AS REAL) AS fps
    FROM batches b JOIN jobs j ON j.key = b.job JOIN contents c ON c.key = b.content
        LEFT JOIN streams s ON s.version = b.version AND s.name = b.stream";

pub(super) struct Head {
    pub id: BatchId,
    pub job: JobId,
    pub content: ContentId,
    pub stream: StreamName,
    pub track: Arc<str>,
    pub model: Arc<str>,
    pub version: VersionId,
    /// Bit n: has tags of duration class n.
    pub spans: i64,
    /// How many frames a second were looked at, if not all of them.
    pub fps: Option<f64>,
    /// How far pieces of a run can lie apart.
    pub reach_ms: i64,
}

/// The batches that `query` is about, by id.
pub(super) fn asked(connection: &Connection, query: &TagQuery) -> Result<Vec<Head>, Fault> {
    let mut heads = match &query.scope {
        Scope::Content(content) => {
            let known = one(connection, "SELECT 1 FROM contents WHERE id = ?1", [content], |_| Ok(()))?;
            known.ok_or_else(|| Fault::not_found("content", content))?;
            select(connection, "c.id = ?1 AND b.state = 'current'", [content])?
        }
        Scope::Job(job) => {
            let known = one(connection, "SELECT 1 FROM jobs WHERE id = ?1", [job], |_| Ok(()))?;
            known.ok_or_else(|| Fault::not_found("job", job))?;
            select(connection, "j.id = ?1 AND b.run = j.run", [job])?
        }
        Scope::Batch(batch) => {
            let head = by_id(connection, *batch)?.ok_or_else(|| Fault::not_found("batch", batch))?;
            vec![head]
        }
        Scope::Everywhere => return Err(Fault::invalid("tags of all contents are found by text only")),
    };
    heads.retain(|head| is_asked(query, head));
    Ok(heads)
}

/// Whether `query` is about a batch, as far as its lists say.
pub(super) fn is_asked(query: &TagQuery, head: &Head) -> bool {
    (query.tracks.is_empty() || query.tracks.iter().any(|track| **track == *head.track))
        && (query.models.is_empty() || query.models.iter().any(|model| **model == *head.model))
        && (query.streams.is_empty() || query.streams.contains(&head.stream))
}

pub(super) fn by_id(connection: &Connection, id: BatchId) -> Result<Option<Head>, Fault> {
    Ok(select(connection, "b.id = ?1", [id])?.pop())
}

fn select(connection: &Connection, condition: &str, params: impl Params) -> Result<Vec<Head>, Fault> {
    Ok(all(connection, &format!("{HEAD} WHERE {condition} ORDER BY b.id"), params, read)?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Head> {
    let fps = row.get("fps")?;
    Ok(Head {
        id: row.get("id")?,
        job: row.get("job_id")?,
        content: row.get("content_id")?,
        stream: row.get("stream")?,
        track: row.get("track")?,
        model: row.get("model")?,
        version: row.get("version")?,
        spans: row.get("spans")?,
        fps,
        reach_ms: reach_ms(row.get("longest_frame_ms")?, fps),
    })
}
