//! Tags, the batches they are written and replaced in, and how they are asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tagger_wire::FrameInfo;

use crate::{BatchId, ContentId, Counts, JobId, Paging, StreamName, TagId, VersionId};

/// A part's tags, to be kept together with its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The job.
    pub job: JobId,
    /// The part's number in the job's stream.
    pub part: u32,
    /// All of the part's tags, in the order the model wrote them.
    pub tags: Vec<NewTag>,
    /// What was odd about it. Counted with the job, which keeps the last one.
    pub warnings: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A tag on the content's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewTag {
    /// The lane; the model's default track where the model named none.
    pub track: String,
    /// Milliseconds from the content's start.
    pub start_ms: i64,
    /// Milliseconds from the content's start, not before `start_ms`.
    pub end_ms: i64,
    /// The text.
    pub text: String,
    /// Frame, counted on the content, and region.
    pub frame_info: Option<FrameInfo>,
    /// What else the model knows.
    pub additional_info: Option<Map<String, Value>>,
}

/// What came of committing a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Whether the part is done by this commit. Otherwise it was done before and nothing has changed.
    pub is_new: bool,
    /// How far the job is now.
    pub counts: Counts,
}

/// A tag as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Its number; of a run across several parts, that of its first piece.
    pub id: TagId,
    /// The batch it belongs to.
    pub batch: BatchId,
    /// The job that wrote it.
    pub job: JobId,
    /// The content.
    pub content: ContentId,
    /// Which of its streams.
    pub stream: StreamName,
    /// The lane.
    pub track: Arc<str>,
    /// The model.
    pub model: Arc<str>,
    /// The part; of a run across several, the first.
    pub part: u32,
    /// Milliseconds from the content's start.
    pub start_ms: i64,
    /// Milliseconds from the content's start.
    pub end_ms: i64,
    /// The text.
    pub text: String,
    /// Frame, counted on the content, and region.
    pub frame_info: Option<FrameInfo>,
    /// What else the model knows.
    pub additional_info: Option<Map<String, Value>>,
}

/// What one run of a job wrote on one track: the unit of replacing and undoing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// The job.
    pub job: JobId,
    /// The content.
    pub content: ContentId,
    /// The content's media as the job saw them.
    pub version: VersionId,
    /// The stream.
    pub stream: StreamName,
    /// The lane.
    pub track: String,
    /// The model.
    pub model: String,
    /// Whether it is read.
    pub state: BatchState,
    /// How many tags it has.
    pub tags: u64,
    /// Model digest, parameters, sampling plan, versions.
    pub provenance: Value,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last replaced or undone.
    pub replaced_ms: Option<i64>,
}

/// Whether a batch is read. Of one content, stream, track and model one batch at most is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// Being written, while an older one is read.
    Pending,
    /// Read.
    Current,
    /// Replaced by a later one. Kept for undoing until pruned.
    Superseded,
    /// Taken back. Kept until pruned.
    Undone,
}

/// What came of undoing a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The batch that is read again, if one was kept.
    pub restored: Option<BatchId>,
}

/// Whose tags are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those of a content: the current batches.
    Content(ContentId),
    /// Those of a job's latest run, whether they are current or not.
    Job(JobId),
    /// Those of one batch.
    Batch(BatchId),
    /// Those of all contents: the current batches. Needs [`text`](TagQuery::text), and takes no window.
    Everywhere,
}

/// Which tags are asked for. An empty list excludes nothing.
///
/// Tags come by start, end and id, where the end and place of a stitched run are those of its first piece that touches
/// the window; [`Everywhere`](Scope::Everywhere) they come by text, and within it by batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagQuery {
    /// Whose.
    pub scope: Scope,
    /// On these tracks.
    pub tracks: Vec<String>,
    /// Of these models.
    pub models: Vec<String>,
    /// Of these streams.
    pub streams: Vec<StreamName>,
    /// Touching `[from_ms, to_ms)`: ending after `from_ms`, or not beginning before it. Default: from the start.
    pub from_ms: Option<i64>,
    /// Beginning before this. Default: to the end.
    pub to_ms: Option<i64>,
    /// With all of these words in its text, whatever their case or accents; the last word may be a beginning.
    pub text: Option<String>,
    /// Whether runs that continue across a cut come as one tag. Default: yes.
    pub is_stitched: bool,
    /// Which page.
    pub paging: Paging,
}

impl TagQuery {
    /// Everything in `scope`, from its first page.
    pub fn of(scope: Scope) -> Self {
        Self {
            scope,
            tracks: Vec::new(),
            models: Vec::new(),
            streams: Vec::new(),
            from_ms: None,
            to_ms: None,
            text: None,
            is_stitched: true,
            paging: Paging::default(),
        }
    }
}
