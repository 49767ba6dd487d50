//! `WebVTT`: one cue a tag, for players. <https://www.w3.org/TR/webvtt1/>

use std::io::{self, Write};

use crate::TagRow;

pub fn begin(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "WEBVTT")
}

pub fn write(rows: &[TagRow], out: &mut impl Write) -> io::Result<()> {
    for row in rows {
        // A cue must end after it starts and cannot lie before 0: a tag on one frame is shown for the least time there is.
        let start = row.start_time.max(0);
        let end = row.end_time.max(start + 1);
        writeln!(out, "\n{} --> {}\n{}: {}", clock(start), clock(end), cue_text(&row.track), cue_text(&row.tag))?;
    }
    Ok(())
}

/// `HH:MM:SS.mmm`, with a sign only where time is negative.
pub fn clock(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let all = millis.unsigned_abs();
    let (hours, minutes, seconds, millis) = (all / 3_600_000, all / 60_000 % 60, all / 1000 % 60, all % 1000);
    format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
}

/// Text as a cue may hold it: markup escaped, and no empty line, which would end the cue.
fn cue_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines: Vec<&str> = escaped.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn cues_are_valid_whatever_the_tag_says() {
        insta::assert_snapshot!(crate::formats::written(crate::formats::Format::Vtt), @r#"
        WEBVTT

        00:00:00.000 --> 00:00:01.200
        shot_detection: shot

        00:00:00.480 --> 00:00:00.481
        ocr: BREAKING &lt;b&gt; --&gt; "NEWS",
        at 9 &amp; later
        "#);
    }

    #[test]
    fn a_clock_shows_every_millisecond() {
        assert_eq!(
            [0, 62_500, 360_000_001, -40].map(super::clock),
            ["00:00:00.000", "00:01:02.500", "100:00:00.001", "-00:00:00.040"]
        );
    }
}
