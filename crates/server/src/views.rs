//! What is sent: the store's rows as programs read them. Fields are only ever added.

use serde::Serialize;
use serde_json::{Map, Value};
use tagger_store::{Attempt, Batch, Content, Job, JobPart, Page, Tag};
use utoipa::ToSchema;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageView<T: ToSchema> {
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page. Null on the last one.
    pub next: Option<String>,
}

impl<T: ToSchema> PageView<T> {
    pub fn from<U>(page: Page<U>) -> Self
    where
        T: From<U>,
    {
        Self { items: page.items.into_iter().map(T::from).collect(), next: page.next.map(|cursor| cursor.0) }
    }
}

/// One model over one content.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobView {
    pub id: String,
    /// The content's id.
    pub content: String,
    /// The model's name.
    pub model: String,
    /// What of the model is used: a hash over its files, or the image's id.
    pub model_digest: String,
    /// The parameters in full.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// Higher goes first.
    pub priority: i32,
    /// `queued`, `running`, `stopping`, `succeeded`, `quarantined`, `failed` or `stopped`.
    #[schema(value_type = String)]
    pub state: tagger_store::JobState,
    /// Why it stands there, where there is something to tell.
    pub cause: Option<String>,
    /// How far it is, 0 to 1: parts that are settled, or the model's own word where that is more.
    pub progress: f64,
    /// Its parts; 0 until its media were looked into.
    pub parts: u32,
    /// Parts whose tags are stored.
    pub done: u32,
    /// Parts that were given up.
    pub quarantined: u32,
    /// Tags stored.
    pub tags: u64,
    pub warnings: u64,
    pub last_warning: Option<String>,
    /// How often its program was started.
    pub attempts: u32,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let counts = job.counts;
        let settled = f64::from(counts.done + counts.quarantined) / f64::from(counts.parts.max(1));
        Self {
            id: job.id.to_string(),
            content: job.content.to_string(),
            model: job.model,
            model_digest: job.model_digest,
            params: job.params,
            priority: job.priority,
            state: job.state,
            cause: job.cause,
            progress: settled.max(job.ratio.unwrap_or(0.0)).min(1.0),
            parts: counts.parts,
            done: counts.done,
            quarantined: counts.quarantined,
            tags: counts.tags,
            warnings: counts.warnings,
            last_warning: job.last_warning,
            attempts: job.attempts,
            created_ms: job.created_ms,
            started_ms: job.started_ms,
            ended_ms: job.ended_ms,
        }
    }
}

/// What became of a part of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartView {
    /// Its place in the stream, from 0.
    pub number: u32,
    /// `waiting`, `done` or `quarantined`.
    #[schema(value_type = String)]
    pub state: tagger_store::PartState,
    /// How many attempts have failed over it.
    pub attempts: u32,
    /// What went wrong last.
    pub cause: Option<String>,
    pub tags: u64,
    pub done_ms: Option<i64>,
    /// Of a folder of stills: which of them it is.
    pub file: Option<String>,
}

impl From<JobPart> for PartView {
    fn from(part: JobPart) -> Self {
        let JobPart { number, state, attempts, cause, tags, done_ms, .. } = part;
        Self { number, state, attempts, cause, tags, done_ms, file: None }
    }
}

/// One start of the model's program.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// From 1.
    pub number: u32,
    /// How many parts it was given.
    pub parts: u32,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    /// `finished`, `failed`, `stalled`, `flooded`, `stopped` or `interrupted`; null while it runs.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<tagger_store::AttemptOutcome>,
    pub cause: Option<String>,
    /// Whether it is held against anybody.
    pub is_counted: bool,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let Attempt { number, parts, started_ms, ended_ms, outcome, cause, is_counted, .. } = attempt;
        Self { number, parts, started_ms, ended_ms, outcome, cause, is_counted }
    }
}

/// A tag on a content's timeline.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagView {
    pub id: i64,
    pub content: String,
    /// `video`, `audio` or `still`.
    #[schema(value_type = String)]
    pub stream: tagger_store::StreamName,
    pub track: String,
    pub model: String,
    /// Milliseconds.
    pub start_time: i64,
    /// Milliseconds; the same as the start for a tag on one frame.
    pub end_time: i64,
    pub tag: String,
    /// `frame_idx` and `box`, where the tag is on one frame.
    #[schema(value_type = Option<Object>)]
    pub frame_info: Option<tagger_wire::FrameInfo>,
    #[schema(value_type = Option<Object>)]
    pub additional_info: Option<Map<String, Value>>,
    /// The part it was found in; of a run over several, the first.
    pub part: u32,
    /// The job that wrote it.
    pub job: String,
    /// The batch it belongs to.
    pub batch: i64,
}

impl From<Tag> for TagView {
    fn from(tag: Tag) -> Self {
        Self {
            id: tag.id.0,
            content: tag.content.to_string(),
            stream: tag.stream,
            track: tag.track.to_string(),
            model: tag.model.to_string(),
            start_time: tag.start_ms,
            end_time: tag.end_ms,
            tag: tag.text,
            frame_info: tag.frame_info,
            additional_info: tag.additional_info,
            part: tag.part,
            job: tag.job.to_string(),
            batch: tag.batch.0,
        }
    }
}

/// A track of a content: what one job wrote on it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrackView {
    pub track: String,
    /// `video`, `audio` or `still`.
    #[schema(value_type = String)]
    pub stream: tagger_store::StreamName,
    pub model: String,
    /// The job that wrote it.
    pub job: String,
    /// The unit of replacing and undoing.
    pub batch: i64,
    /// `current` is what is read; `pending`, `superseded` and `undone` come with `all`.
    #[schema(value_type = String)]
    pub state: tagger_store::BatchState,
    pub tags: u64,
    /// Model digest, parameters, how the stream was cut and sampled, versions.
    #[schema(value_type = Object)]
    pub provenance: Value,
    pub created_ms: i64,
}

impl From<Batch> for TrackView {
    fn from(batch: Batch) -> Self {
        Self {
            track: batch.track,
            stream: batch.stream,
            model: batch.model,
            job: batch.job.to_string(),
            batch: batch.id.0,
            state: batch.state,
            tags: batch.tags,
            provenance: batch.provenance,
            created_ms: batch.created_ms,
        }
    }
}

/// Media that jobs were submitted for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContentView {
    pub id: String,
    /// The path on the server's machine.
    pub source: String,
    pub size_bytes: u64,
    pub created_ms: i64,
}

impl From<Content> for ContentView {
    fn from(content: Content) -> Self {
        Self {
            id: content.id.to_string(),
            source: content.version.source,
            size_bytes: content.version.fingerprint.size_bytes,
            created_ms: content.created_ms,
        }
    }
}
