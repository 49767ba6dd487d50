//! One JSON object a tag and line: everything, for programs.

use std::io::{self, Write};

use crate::TagRow;

pub fn write(rows: &[TagRow], out: &mut impl Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_holds_everything_about_a_tag() {
        insta::assert_snapshot!(crate::formats::written(crate::formats::Format::Jsonl), @r#"
        {"content":"clips/a.mp4","stream":"video","track":"shot_detection","model":"shot","start_time":0,"end_time":1200,"tag":"shot","frame_info":null,"additional_info":{"score":null,"kind":"start"},"part":0}
        {"content":"clips/a.mp4","stream":"video","track":"ocr","model":"ocr","start_time":480,"end_time":480,"tag":"BREAKING <b> --> \"NEWS\",\n\nat 9 & later","frame_info":{"frame_idx":12,"box":{"x1":0.05,"y1":0.1,"x2":0.95,"y2":1.0}},"additional_info":null,"part":0}
        "#);
    }
}
