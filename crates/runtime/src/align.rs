//! From a part's time to the content's time.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tagger_media::{Rational, Timestamp};
use tagger_store::{NewTag, Part, StreamName};
use tagger_wire::{FrameInfo, Tag};

use crate::excerpt::Excerpt;
use crate::sources::stream_for;
use crate::{Input, Model};

/// What times in messages are counted in.
const MILLISECONDS: Rational = Rational { num: 1, den: 1000 };

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
    // Models are given what suits them.
    let stream = stream_for(input, model.kind()).unwrap_or(StreamName::Video);
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

/// Puts a tag of a part on the content's timeline: times by the part's exact start, rounded once, and frames by the
/// index of its first one. A still is its own frame 0, whatever its place among others, and samples are no frames.
pub(crate) fn place(tag: Tag, part: &Part, stream: StreamName, default_track: &str) -> NewTag {
    let first_index = if stream == StreamName::Video { part.first_index } else { 0 };
    let shifted = |frame: FrameInfo| FrameInfo { frame_idx: frame.frame_idx.saturating_add(first_index), ..frame };
    NewTag {
        track: if tag.track.is_empty() { default_track.to_owned() } else { tag.track },
        start_ms: part.start.to_millis_after(tag.start_time),
        end_ms: part.start.to_millis_after(tag.end_time),
        text: tag.tag,
        frame_info: tag.frame_info.map(shifted),
        additional_info: tag.additional_info,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use tagger_store::Time;

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

    fn part(ticks: i64, num: i64, den: i64) -> Part {
        let start = Time { ticks, num, den };
        Part { number: 1, start, duration: Time::ZERO, first_index: 719, count: 1, file: "p".into(), is_source: false }
    }

    fn placed(tag: Tag, part: &Part) -> NewTag {
        place(tag, part, StreamName::Video, "objects")
    }

    #[test]
    fn a_tag_of_a_part_lands_on_its_frame_of_the_whole() {
        // The second part of a film at 23.976 frames a second begins with frame 719, at 29988.29… ms.
        let part = part(719, 1001, 24000);
        let frame_info = Some(FrameInfo { frame_idx: 1, region: None });
        let tag = placed(Tag { frame_info, ..Tag::new(42, 42, "dog") }, &part);
        assert_eq!((tag.start_ms, tag.end_ms, tag.track.as_str()), (30030, 30030, "objects"));
        assert_eq!(tag.frame_info.map(|frame| frame.frame_idx), Some(720));
    }

    #[test]
    fn a_still_keeps_its_frame_and_a_named_track_its_name() {
        let frame_info = Some(FrameInfo { frame_idx: 0, region: None });
        let tag = Tag { frame_info, track: "faces".into(), ..Tag::new(0, 0, "dog") };
        let tag = place(tag, &Part { start: Time::ZERO, ..part(0, 1, 1) }, StreamName::Still, "objects");
        assert_eq!((tag.track.as_str(), tag.frame_info.map(|frame| frame.frame_idx)), ("faces", Some(0)));
    }

    proptest! {
        #[test]
        fn a_placed_time_is_the_exact_sum_rounded_once(
            ticks in -1_000_000_000_000i64..1_000_000_000_000, num in 1i64..100_000, den in 1i64..100_000_000,
            start in 0i64..100_000_000, length in 0i64..100_000,
        ) {
            let part = part(ticks, num, den);
            let tag = placed(Tag::new(start, start + length, "x"), &part);
            let exact = i128::from(ticks) * i128::from(num) * 1000 + i128::from(start) * i128::from(den);
            let off = (i128::from(tag.start_ms) * i128::from(den) - exact).abs();
            prop_assert!(off * 2 <= i128::from(den), "off by {off} / {den} ms");
            // Two halves may go to even neighbours in opposite directions.
            prop_assert!((tag.end_ms - tag.start_ms - length).abs() <= 1);
        }
    }
}
