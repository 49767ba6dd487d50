//! Two tags that hold everything a format has to cope with.

use serde_json::json;
use tagger_wire::{FrameInfo, Region};

use crate::{StreamName, TagRow};

/// A shot, and a text on one frame with everything a tag can have.
pub fn rows() -> Vec<TagRow> {
    let shot = TagRow {
        content: "clips/a.mp4".into(),
        stream: StreamName::Video,
        track: "shot_detection".into(),
        model: "shot".into(),
        start_time: 0,
        end_time: 1200,
        tag: "shot".into(),
        frame_info: None,
        additional_info: json!({"score": null, "kind": "start"}).as_object().cloned(),
        part: 0,
    };
    let text = TagRow {
        track: "ocr".into(),
        model: "ocr".into(),
        start_time: 480,
        end_time: 480,
        tag: "BREAKING <b> --> \"NEWS\",\n\nat 9 & later".into(),
        frame_info: Some(FrameInfo { frame_idx: 12, region: Some(Region::Corners([0.05, 0.1, 0.95, 1.0])) }),
        additional_info: None,
        ..shot.clone()
    };
    vec![shot, text]
}
