//! What a server sends, as far as commands look at it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use tagger_runtime::{StreamName, TagRow};
use tagger_store::{AttemptOutcome, JobState, PartState};
use tagger_wire::FrameInfo;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// A job.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    pub id: String,
    pub content: String,
    pub model: String,
    pub state: JobState,
    pub cause: Option<String>,
    pub progress: f64,
    pub parts: u32,
    pub done: u32,
    pub quarantined: u32,
    pub tags: u64,
    pub warnings: u64,
    pub last_warning: Option<String>,
    pub attempts: u32,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

/// A part of a job.
#[derive(Debug, Deserialize)]
pub struct Part {
    pub number: u32,
    pub state: PartState,
    pub attempts: u32,
    pub cause: Option<String>,
    pub file: Option<String>,
}

/// An attempt of a job.
#[derive(Debug, Deserialize)]
pub struct Attempt {
    pub number: u32,
    pub outcome: Option<AttemptOutcome>,
    pub cause: Option<String>,
}

/// A tag.
#[derive(Debug, Deserialize)]
pub struct Tag {
    pub job: String,
    pub content: Arc<str>,
    pub stream: StreamName,
    track: Arc<str>,
    model: Arc<str>,
    start_time: i64,
    end_time: i64,
    tag: String,
    frame_info: Option<FrameInfo>,
    additional_info: Option<Map<String, Value>>,
    pub part: u64,
}

impl From<Tag> for TagRow {
    fn from(tag: Tag) -> Self {
        Self {
            content: tag.content,
            stream: tag.stream,
            track: tag.track,
            model: tag.model,
            start_time: tag.start_time,
            end_time: tag.end_time,
            tag: tag.tag,
            frame_info: tag.frame_info,
            additional_info: tag.additional_info,
            part: tag.part,
        }
    }
}

/// A state as it is written everywhere.
pub fn state_name(state: JobState) -> String {
    format!("{state:?}").to_lowercase()
}
