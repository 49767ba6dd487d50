//! From a part's time to the content's time.

use std::sync::Arc;

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
    pub content: Arc<str>,
    /// Which of its streams.
    pub stream: StreamName,
    /// The lane.
    pub track: Arc<str>,
    /// The model that wrote it.
    pub model: Arc<str>,
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

/// Puts the tags of a whole file on the content's timeline: a file that is one part begins where its content does, so
/// times and frame numbers stay.
pub(crate) fn align(tags: Vec<Tag>, model: &Model, input: &Input) -> impl Iterator<Item = TagRow> {
    let stream = match (input.media.kind, model.kind()) {
        (MediaKind::Still, _) => StreamName::Still,
        (MediaKind::Audio, _) | (_, Some(ModelKind::Audio)) => StreamName::Audio,
        (MediaKind::Video, _) => StreamName::Video,
    };
    // Shared by all rows: there may be millions of them.
    let [content, name, default_track] = [&input.content, &model.name, model.default_track()].map(Arc::<str>::from);
    tags.into_iter().map(move |tag| TagRow {
        content: content.clone(),
        stream,
        track: if tag.track.is_empty() { default_track.clone() } else { tag.track.into() },
        model: name.clone(),
        start_time: tag.start_time,
        end_time: tag.end_time,
        tag: tag.tag,
        frame_info: tag.frame_info,
        additional_info: tag.additional_info,
        part: 0,
    })
}
