//! Tags for people: a table for each content.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use tagger_runtime::TagRow;
use tagger_runtime::formats::clock;
use tagger_wire::Region;

/// Writes the tables, folded to `width` columns if one is given.
pub fn write(rows: &[TagRow], width: Option<u16>, out: &mut impl Write) -> io::Result<()> {
    for (nth, of_content) in rows.chunk_by(|a, b| a.content == b.content).enumerate() {
        let gap = if nth > 0 { "\n" } else { "" };
        writeln!(out, "{gap}{}", one_line(&of_content[0].content))?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = width {
            table.set_width(width);
        }
        table.set_header(["start", "end", "track", "tag", "details"]);
        for row in of_content {
            table.add_row([
                clock(row.start_time),
                clock(row.end_time),
                one_line(&row.track),
                one_line(&row.tag),
                details(row),
            ]);
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    Ok(())
}

/// The frame, the region and what else is known, shortest form.
fn details(row: &TagRow) -> String {
    let mut parts = Vec::new();
    if let Some(frame) = &row.frame_info {
        parts.push(format!("frame {}", frame.frame_idx));
        parts.extend(frame.region.map(|region| format!("at {}", corners(&region))));
    }
    for (key, value) in row.additional_info.iter().flatten().filter(|(_, value)| !value.is_null()) {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let short: String = text.chars().take(40).collect();
        parts.push(one_line(&format!("{key} {short}{}", if short.len() < text.len() { "…" } else { "" })));
    }
    parts.join(", ")
}

fn corners(region: &Region) -> String {
    let coordinates: &[f64] = match region {
        Region::Corners(c) => c,
        Region::Quadrilateral(c) => c,
    };
    let percent: Vec<String> = coordinates.iter().map(|c| format!("{:.0}%", c * 100.0)).collect();
    percent.join(" ")
}

/// Text that stays on its line and cannot steer a terminal.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tagger_runtime::{StreamName, TagRow};
    use tagger_wire::{FrameInfo, Region};

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

    #[test]
    fn a_table_tells_where_and_what() {
        let mut out = Vec::new();
        super::write(&rows(), None, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        clips/a.mp4
         start         end           track           tag                                    details
         00:00:00.000  00:00:01.200  shot_detection  shot                                   kind start
         00:00:00.480  00:00:00.480  ocr             BREAKING <b> --> "NEWS", at 9 & later  frame 12, at 5% 10% 95% 100%
        "#);
    }
}
