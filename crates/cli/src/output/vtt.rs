//! `WebVTT`: one cue a tag, for players. <https://www.w3.org/TR/webvtt1/>

use std::io::{self, Write};

use tagger_runtime::TagRow;

use crate::time::clock;

pub fn write(rows: &[TagRow], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "WEBVTT")?;
    for row in rows {
        // A cue must end after it starts and cannot lie before 0: a tag on one frame is shown for the least time there is.
        let start = row.start_time.max(0);
        let end = row.end_time.max(start + 1);
        writeln!(out, "\n{} --> {}\n{}: {}", clock(start), clock(end), cue_text(&row.track), cue_text(&row.tag))?;
    }
    Ok(())
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
        let mut out = Vec::new();
        super::write(&crate::output::samples::rows(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        WEBVTT

        00:00:00.000 --> 00:00:01.200
        shot_detection: shot

        00:00:00.480 --> 00:00:00.481
        ocr: BREAKING &lt;b&gt; --&gt; "NEWS",
        at 9 &amp; later
        "#);
    }
}
