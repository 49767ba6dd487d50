//! From a part's time to the content's time.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tagger_media::{MediaKind, Rational, Timestamp};
use tagger_wire::{FrameInfo, ModelKind, Tag};

use crate::excerpt::Excerpt;
use crate::{Input, Model};

/// What times in messages are counted in.
const MILLISECONDS: Rational = Rational { num: 1, den: 1000 };

/// Which stream of a content a tag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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

/// Puts the tags of an excerpt on its content's timeline.
pub(crate) fn align(
    tags: Vec<Tag>,
    model: &Model,
    input: &Input,
    excerpt: &Excerpt,
) -> impl Iterator<Item = TagRow> + use<> {
    let stream = match (input.media.kind, model.kind()) {
        (MediaKind::Still, _) => StreamName::Still,
        (MediaKind::Audio, _) | (_, Some(ModelKind::Audio)) => StreamName::Audio,
        (MediaKind::Video, _) => StreamName::Video,
    };
    // Shared by all rows: there may be millions of them.
    let [content, name, default_track] = [&input.content, &model.name, model.default_track()].map(Arc::<str>::from);
    let (start, first_index) = (excerpt.start, excerpt.first_index);
    tags.into_iter().map(move |tag| TagRow {
        content: content.clone(),
        stream,
        track: if tag.track.is_empty() { default_track.clone() } else { tag.track.into() },
        model: name.clone(),
        start_time: content_millis(tag.start_time, start),
        end_time: content_millis(tag.end_time, start),
        tag: tag.tag,
        frame_info: tag
            .frame_info
            .map(|info| FrameInfo { frame_idx: info.frame_idx.saturating_add(first_index), ..info }),
        additional_info: tag.additional_info,
        part: 0,
    })
}

/// A time in a part that begins at `start`, on the content's timeline: added exactly, and rounded once.
pub(crate) fn content_millis(millis: i64, start: Timestamp) -> i64 {
    if start.ticks == 0 {
        return millis;
    }
    start.plus(Timestamp { ticks: millis, base: MILLISECONDS }).to_millis()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn row() -> TagRow {
        TagRow {
            content: "a.mp4".into(),
            stream: StreamName::Video,
            track: "m".into(),
            model: "m".into(),
            start_time: 0,
            end_time: 0,
            tag: "text".into(),
            frame_info: None,
            additional_info: None,
            part: 0,
        }
    }

    #[test]
    fn a_part_s_start_is_added_exactly_and_rounded_once() {
        let frame = |ticks| Timestamp { ticks, base: Rational { num: 1001, den: 24_000 } };
        assert_eq!(content_millis(0, frame(1)), 42); // 41.708…
        assert_eq!(content_millis(42, frame(1)), 84);
        assert_eq!(content_millis(0, frame(258_741)), 10_791_656); // 10791.655… s, three hours in
        assert_eq!(content_millis(-40, frame(0)), -40);
    }
}
