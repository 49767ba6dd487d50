//! The messages a model program writes, one JSON object a line.

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::round_half_even;

/// One line of a program's output file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Message {
    /// Something was found.
    Tag(Tag),
    /// A file is finished: all of its tags came before. Duplicates are harmless.
    Progress {
        /// The path as it came on standard input.
        source_media: String,
    },
    /// How far a model is that does its work at the end. Older runtimes reject it, so it is written only when a model asks.
    ProgressRatio {
        /// Overall progress, 0 to 1.
        progress: f64,
    },
    /// A file failed, or, without `source_media`, the program did.
    Error {
        /// What went wrong, for the user to read.
        message: String,
        /// The path as it came on standard input.
        #[serde(default)]
        source_media: Option<String>,
    },
}

/// Text over a span of time in one media file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Milliseconds from the start of the file. Fractions are accepted when read, and rounded, halves to even.
    #[serde(deserialize_with = "whole_millis")]
    pub start_time: i64,
    /// Milliseconds from the start of the file; equal to `start_time` for a tag on one frame.
    #[serde(deserialize_with = "whole_millis")]
    pub end_time: i64,
    /// The text.
    pub tag: String,
    /// The path as it came on standard input; matched by base name.
    pub source_media: String,
    /// A named lane. Empty: the model's default track.
    #[serde(default)]
    pub track: String,
    /// Whatever else the model knows, passed through untouched.
    #[serde(default)]
    pub additional_info: Option<Map<String, Value>>,
    /// The frame, and the region of it, that the tag was seen on.
    #[serde(default)]
    pub frame_info: Option<FrameInfo>,
}

impl Tag {
    /// A tag of times and text alone: default track, no file named yet.
    pub fn new(start_time: i64, end_time: i64, tag: impl Into<String>) -> Self {
        Self {
            start_time,
            end_time,
            tag: tag.into(),
            source_media: String::new(),
            track: String::new(),
            additional_info: None,
            frame_info: None,
        }
    }
}

/// Where in a video or still a tag was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameInfo {
    /// Decoded frames in presentation order, from 0, within the file.
    #[serde(deserialize_with = "whole_index")]
    pub frame_idx: u64,
    /// The region, if it is not the whole picture. An empty object counts as none.
    #[serde(rename = "box", default, deserialize_with = "region_or_none")]
    pub region: Option<Region>,
}

/// Part of a picture in fractions of its width and height: two corners, or the four of a quadrilateral.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RegionFields", into = "RegionFields")]
pub enum Region {
    /// Two opposite corners: `x1 y1 x2 y2`.
    Corners([f64; 4]),
    /// Four corners in order: `x1 y1 x2 y2 x3 y3 x4 y4`.
    Quadrilateral([f64; 8]),
}

impl Region {
    /// The coordinates in the order of their names: x and y of the first corner, of the second, and so on.
    pub fn coordinates(&self) -> &[f64] {
        match self {
            Self::Corners(c) => c,
            Self::Quadrilateral(c) => c,
        }
    }

    /// Whether every coordinate lies in 0…1.
    pub fn is_inside(&self) -> bool {
        self.coordinates().iter().all(|c| (0.0..=1.0).contains(c))
    }
}

/// Why a box is not a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("box has some of x3 y3 x4 y4 but not all: two corners or all four")]
pub struct RegionError;

/// The keys of a box as they stand on the wire.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct RegionFields {
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x3: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y3: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x4: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y4: Option<f64>,
}

impl TryFrom<RegionFields> for Region {
    type Error = RegionError;

    fn try_from(f: RegionFields) -> Result<Self, RegionError> {
        match (f.x3, f.y3, f.x4, f.y4) {
            (None, None, None, None) => Ok(Self::Corners([f.x1, f.y1, f.x2, f.y2])),
            (Some(x3), Some(y3), Some(x4), Some(y4)) => {
                Ok(Self::Quadrilateral([f.x1, f.y1, f.x2, f.y2, x3, y3, x4, y4]))
            }
            _ => Err(RegionError),
        }
    }
}

impl From<Region> for RegionFields {
    fn from(region: Region) -> Self {
        match region {
            Region::Corners([x1, y1, x2, y2]) => Self { x1, y1, x2, y2, x3: None, y3: None, x4: None, y4: None },
            Region::Quadrilateral([x1, y1, x2, y2, x3, y3, x4, y4]) => {
                Self { x1, y1, x2, y2, x3: Some(x3), y3: Some(y3), x4: Some(x4), y4: Some(y4) }
            }
        }
    }
}

fn whole_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    number
        .as_i64()
        .or_else(|| number.as_f64().and_then(round_half_even))
        .ok_or_else(|| de::Error::custom(format!("time {number} is out of range")))
}

fn whole_index<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    number
        .as_u64()
        // Array libraries hand out 45.0 for 45.
        .or_else(|| number.as_f64().filter(|n| n.fract() == 0.0).and_then(round_half_even)?.try_into().ok())
        .ok_or_else(|| de::Error::custom(format!("frame_idx {number} is not a frame number from 0")))
}

fn region_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Region>, D::Error> {
    match Option::<Map<String, Value>>::deserialize(deserializer)? {
        Some(fields) if !fields.is_empty() => {
            serde_json::from_value(Value::Object(fields)).map(Some).map_err(|e| de::Error::custom(format!("box: {e}")))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn line(message: &Message) -> String {
        serde_json::to_string(message).unwrap()
    }

    fn dog() -> Tag {
        Tag { source_media: "media/0001.mp4".into(), ..Tag::new(1500, 8000, "A dog") }
    }

    #[test]
    fn every_message_is_written_as_the_contract_says() {
        assert_snapshot!(line(&Message::Tag(dog())), @r#"{"type":"tag","data":{"start_time":1500,"end_time":8000,"tag":"A dog","source_media":"media/0001.mp4","track":"","additional_info":null,"frame_info":null}}"#);
        assert_snapshot!(line(&Message::Progress { source_media: "media/0001.mp4".into() }), @r#"{"type":"progress","data":{"source_media":"media/0001.mp4"}}"#);
        assert_snapshot!(line(&Message::ProgressRatio { progress: 0.25 }), @r#"{"type":"progress_ratio","data":{"progress":0.25}}"#);
        assert_snapshot!(line(&Message::Error { message: "ValueError: …".into(), source_media: None }), @r#"{"type":"error","data":{"message":"ValueError: …","source_media":null}}"#);
    }

    #[test]
    fn boxes_are_written_as_two_corners_or_four() {
        let seen = |region| {
            line(&Message::Tag(Tag { frame_info: Some(FrameInfo { frame_idx: 45, region }), ..dog() }))
                .split_once("\"frame_info\":")
                .unwrap()
                .1
                .to_owned()
        };
        assert_snapshot!(seen(None), @r#"{"frame_idx":45,"box":null}}}"#);
        assert_snapshot!(seen(Some(Region::Corners([0.05, 0.1, 0.95, 1.0]))), @r#"{"frame_idx":45,"box":{"x1":0.05,"y1":0.1,"x2":0.95,"y2":1.0}}}}"#);
        assert_snapshot!(seen(Some(Region::Quadrilateral([0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9]))), @r#"{"frame_idx":45,"box":{"x1":0.1,"y1":0.1,"x2":0.9,"y2":0.1,"x3":0.9,"y3":0.9,"x4":0.1,"y4":0.9}}}}"#);
    }

    fn read(data: Value) -> Result<Tag, String> {
        serde_json::from_value(data).map_err(|e| e.to_string())
    }

    #[test]
    fn absent_optional_fields_are_empty_and_fractional_times_are_rounded() {
        let tag =
            read(json!({"start_time": 1499.5, "end_time": 2500.5, "tag": "A dog", "source_media": "m.mp4"})).unwrap();
        assert_eq!((tag.start_time, tag.end_time), (1500, 2500));
        assert_eq!((tag.track.as_str(), tag.additional_info, tag.frame_info), ("", None, None));
    }

    #[test]
    fn a_missing_or_impossible_field_is_named() {
        let with = |field: &str, value: Value| {
            let mut data = json!({"start_time": 0, "end_time": 1, "tag": "t", "source_media": "m.mp4"});
            match value {
                Value::Null => data.as_object_mut().unwrap().remove(field),
                value => data.as_object_mut().unwrap().insert(field.into(), value),
            };
            read(data).unwrap_err()
        };
        assert_snapshot!(with("source_media", Value::Null), @"missing field `source_media`");
        assert_snapshot!(with("start_time", json!(1e300)), @"time 1e+300 is out of range");
        assert_snapshot!(with("frame_info", json!({"frame_idx": -1})), @"frame_idx -1 is not a frame number from 0");
        assert_snapshot!(with("frame_info", json!({"frame_idx": 1, "box": {"x1": 0.0, "y1": 0.0, "x2": 1.0}})), @"box: missing field `y2`");
        assert_snapshot!(with("frame_info", json!({"frame_idx": 1, "box": {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0, "x3": 1.0}})), @"box: box has some of x3 y3 x4 y4 but not all: two corners or all four");
    }

    #[test]
    fn frame_numbers_from_array_libraries_and_empty_boxes_are_understood() {
        let info: FrameInfo = serde_json::from_value(json!({"frame_idx": 45.0, "box": {}})).unwrap();
        assert_eq!(info, FrameInfo { frame_idx: 45, region: None });
    }

    #[test]
    fn additional_info_keeps_its_order_and_numbers() {
        let text = r#"{"z":1,"a":[0.31,1e-7],"m":{"y":null,"b":true}}"#;
        let info: Map<String, Value> = serde_json::from_str(text).unwrap();
        let tag = Tag { additional_info: Some(info), ..dog() };
        assert!(line(&Message::Tag(tag)).contains(text));
    }
}
