//! `--from` and `--to`: the part of a content whose tags are shown.

use insta::assert_snapshot;

use crate::place::Place;

/// A tag a second over six seconds at 25 frames a second, and the texts of those that are shown.
fn shown(window: &str) -> String {
    let place = Place::with(&["a.mp4=h264.mp4"]);
    let tag = |second: i64| {
        let (start, end) = (second * 1000, second * 1000 + 1000);
        format!(
            r#"{{"type":"tag","data":{{"start_time":{start},"end_time":{end},"tag":"{second}","source_media":{{file}}}}}}"#
        )
    };
    let mut lines: Vec<String> = (0..6).map(|second| tag(second) + "\n").collect();
    lines.push("{\"type\":\"progress\",\"data\":{\"source_media\":{file}}}\n".into());
    let params = serde_json::json!({ "lines": lines }).to_string();
    place.tagger(&format!("run -m {{says.py}} a.mp4 --format csv {window} --params"), &[&params])
}

#[test]
fn seconds_clocks_and_frames_mean_the_same() {
    let seconds = shown("--from 2 --to 4");
    assert_snapshot!(seconds, @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,2000,3000,2,,,,0
    a.mp4,video,says,says,3000,4000,3,,,,0
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    2 of 6 tags from 1 model over 1 input, in TIME
    ");
    assert_eq!(shown("--from 00:00:02.000 --to 00:00:04"), seconds);
    assert_eq!(shown("--from 50f --to 100f"), seconds);
}

#[test]
fn one_end_may_stay_open_and_what_reaches_in_is_shown() {
    assert_snapshot!(shown("--from 4.5"), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,4000,5000,4,,,,0
    a.mp4,video,says,says,5000,6000,5,,,,0
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    2 of 6 tags from 1 model over 1 input, in TIME
    ");
    assert_snapshot!(shown("--to 26f"), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,1000,0,,,,0
    a.mp4,video,says,says,1000,2000,1,,,,0
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    2 of 6 tags from 1 model over 1 input, in TIME
    ");
}

#[test]
fn a_window_without_an_inside_or_a_time_that_is_none_is_refused() {
    assert_snapshot!(shown("--from 4 --to 2"), @"
    exit 1
    --- stderr
    error: --from must lie before --to in `a.mp4`
    ");
    assert_snapshot!(shown("--from yesterday"), @"
    exit 2
    --- stderr
    error: invalid value 'yesterday' for '--from <TIME>': give seconds (12.5), HH:MM:SS.mmm (00:01:02.5) or frames (375f)

    For more information, try '--help'.
    ");
}

#[test]
fn frames_can_only_be_counted_where_there_are_some() {
    let place = Place::with(&["tone.wav"]);
    assert_snapshot!(place.tagger("run -m {good.py} tone.wav --from 5f", &[]), @"
    exit 1
    --- stderr
    error: `tone.wav` has no frames to count: give --from and --to as times
    ");
}

#[test]
fn a_still_lies_at_the_start_of_its_time() {
    let place = Place::with(&["cover.png"]);
    assert_snapshot!(place.tagger("run -q -m {good.py} cover.png --from 0f --to 1f --format csv", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    cover.png,still,good,good,0,40,cover.png,,,,0
    ");
}
