//! Turns boundaries into shots that cover the clip, and shots into tags.

use common_ml::Tag;
use serde_json::{Map, Value, json};
use tagger_media::Timestamp;

use super::{Boundary, BoundaryKind, Moment};

/// The text of each tag. Shots are told apart by their times, so that one query finds them all.
const TEXT: &str = "shot";

/// From one boundary to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// What opens it; `None` for the first shot of the clip.
    pub opened_by: Option<Boundary>,
    /// Frames, `[start, end)`.
    pub frames: (u64, u64),
    /// Milliseconds from the container's start.
    pub millis: (i64, i64),
}

/// The shots between `boundaries`, which are in order, in a clip from `first` to the end of `last`.
///
/// They cover the clip: each starts where the one before ends.
pub fn between(first: Moment, boundaries: &[Boundary], last: Moment, last_duration: Timestamp) -> Vec<Shot> {
    let opened = std::iter::once(None).chain(boundaries.iter().copied().map(Some));
    let starts = opened.map(|opened_by| (opened_by, opened_by.map_or(first, |boundary| boundary.at)));
    // Rounded apart and then added, like the end of any run of frames.
    let end = (last.index + 1, last.time.to_millis().saturating_add(last_duration.to_millis()));
    let ends = boundaries.iter().map(|next| (next.at.index, next.at.time.to_millis())).chain([end]);
    let shot = |((opened_by, start), end): ((Option<Boundary>, Moment), (u64, i64))| Shot {
        opened_by,
        frames: (start.index, end.0),
        millis: (start.time.to_millis(), end.1),
    };
    starts.zip(ends).map(shot).collect()
}

impl Shot {
    /// The tag, on the model's default track.
    pub fn tag(&self) -> Tag {
        let kind = match self.opened_by.map(|boundary| boundary.kind) {
            None => "start",
            Some(BoundaryKind::Cut) => "cut",
            Some(BoundaryKind::Fade) => "fade",
        };
        // Three digits: more would claim more than there is.
        let score = self.opened_by.map(|boundary| (boundary.score * 1000.0).round() / 1000.0);
        let info: [(&str, Value); 4] = [
            ("kind", json!(kind)),
            ("score", json!(score)),
            ("start_frame", json!(self.frames.0)),
            ("end_frame", json!(self.frames.1)),
        ];
        let info: Map<String, Value> = info.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Tag { additional_info: Some(info), ..Tag::new(self.millis.0, self.millis.1, TEXT) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::moment;
    use super::*;

    #[test]
    fn a_tag_says_when_a_shot_is_and_how_it_begins() {
        let cut = Boundary { at: moment(3, 120), kind: BoundaryKind::Cut, score: 0.123_46 };
        let fade = Boundary { at: moment(5, 200), kind: BoundaryKind::Fade, score: 1.0 };
        let shots = between(moment(0, 7), &[cut, fade], moment(9, 360), moment(0, 40).time);
        let told = |shot: &Shot| {
            let tag = shot.tag();
            let info = Value::from(tag.additional_info.unwrap_or_default());
            format!("{}..{} {} {info}", tag.start_time, tag.end_time, tag.tag)
        };
        let told: Vec<_> = shots.iter().map(told).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        7..120 shot {"kind":"start","score":null,"start_frame":0,"end_frame":3}
        120..200 shot {"kind":"cut","score":0.123,"start_frame":3,"end_frame":5}
        200..400 shot {"kind":"fade","score":1.0,"start_frame":5,"end_frame":10}
        "#);
    }
}
