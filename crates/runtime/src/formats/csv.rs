//! One row a tag, for spreadsheets. What has structure is JSON in its cell.

use std::io::{self, Write};

use crate::TagRow;

const HEADER: [&str; 11] = [
    "content",
    "stream",
    "track",
    "model",
    "start_time",
    "end_time",
    "tag",
    "frame_idx",
    "box",
    "additional_info",
    "part",
];

pub fn begin(out: &mut impl Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(HEADER)?;
    table.flush()
}

pub fn write(rows: &[TagRow], out: &mut impl Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    for row in rows {
        let frame = row.frame_info.as_ref();
        let region = frame.and_then(|frame| frame.region);
        table.write_record([
            &*row.content,
            &serde_json::to_string(&row.stream)?.replace('"', ""),
            &row.track,
            &row.model,
            &row.start_time.to_string(),
            &row.end_time.to_string(),
            &row.tag,
            &frame.map_or(String::new(), |frame| frame.frame_idx.to_string()),
            &region.map_or(Ok(String::new()), |region| serde_json::to_string(&region))?,
            &row.additional_info.as_ref().map_or(Ok(String::new()), serde_json::to_string)?,
            &row.part.to_string(),
        ])?;
    }
    table.flush()
}

#[cfg(test)]
mod tests {
    #[test]
    fn structure_is_json_in_its_cell() {
        insta::assert_snapshot!(crate::formats::written(crate::formats::Format::Csv), @r#"
        content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
        clips/a.mp4,video,shot_detection,shot,0,1200,shot,,,"{""score"":null,""kind"":""start""}",0
        clips/a.mp4,video,ocr,ocr,480,480,"BREAKING <b> --> ""NEWS"",

        at 9 & later",12,"{""x1"":0.05,""y1"":0.1,""x2"":0.95,""y2"":1.0}",,0
        "#);
    }
}
