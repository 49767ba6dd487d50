//! From a part's time to the content's time.

use serde::Serialize;
use serde_json::{Map, Value};
use tagger_media::MediaKind;
use tagger_wire::{FrameInfo, ModelKind, Tag};

use crate::{Input, Model};

/// Which stream of a content a tag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// The pictures of a video.
    Video,
    /// The sound.
    Audio,
    /// A still picture.
    Still,
}

/// One tag on the content's timeline: a line of a run's results.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagRow {
    /// The content's id.
    pub content: String,
    /// Which of its streams.
    pub stream: StreamName,
    /// The lane.
    pub track: String,
    /// The model that wrote it.
    pub model: String,
    /// Milliseconds from the content's start.
    pub start_time: i64,
    /// Milliseconds from the content's start.
    pub end_time: i64,
    /// The text.
    pub tag: String,
    /// Frame, counted on the content, and region.
    pub frame_info: Option<FrameInfo>,
    /// What else the model knows.
    pub additional_info: Option<Map<String, Value>>,
    /// Which part of the stream the model was given, from 0. A short file is one part.
    pub part: u64,
}

/// Puts a tag of a whole file on the content's timeline: a file that is one part begins where its content does, so times
/// and frame numbers stay.
pub(crate) fn align(tag: Tag, model: &Model, input: &Input) -> TagRow {
    let stream = match (input.media.kind, model.kind()) {
        (MediaKind::Still, _) => StreamName::Still,
        (MediaKind::Audio, _) | (_, Some(ModelKind::Audio)) => StreamName::Audio,
        (MediaKind::Video, _) => StreamName::Video,
    };
    TagRow {
        content: input.content.clone(),
        stream,
        track: if tag.track.is_empty() { model.default_track().to_owned() } else { tag.track },
        model: model.name.clone(),
        start_time: tag.start_time,
        end_time: tag.end_time,
        tag: tag.tag,
        frame_info: tag.frame_info,
        additional_info: tag.additional_info,
        part: 0,
    }
}
