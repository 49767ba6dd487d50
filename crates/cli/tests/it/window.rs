//! `--from` and `--to`: the stretch of a content that models are given and whose tags are shown.

use insta::assert_snapshot;

use crate::place::Place;

/// A tag a second over six seconds at 25 frames a second that cannot be cut, and those that are shown.
fn shown(window: &str) -> String {
    let place = Place::with(&["a.mp4=h264_opengop.mp4"]);
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

/// Runs a model with a tag for every frame over a clip, with and without a window: the rows of both, and how many frames
/// the model saw through the window.
fn seen(clip: &str, from_ms: i64, to_ms: i64) -> (Vec<String>, Vec<String>, String) {
    let name = format!("a.{}", clip.rsplit('.').next().unwrap());
    let place = Place::with(&[&format!("{name}={clip}")]);
    let run = |window: &str| place.tagger(&format!("run -m {{frames}} {name} --format csv {window}"), &[]);
    let rows = |told: &str| -> Vec<String> {
        told.lines().filter(|line| line.starts_with(&format!("{name},"))).map(str::to_owned).collect()
    };
    let start = |row: &String| row.split(',').nth(4).unwrap().parse::<i64>().unwrap();
    let mut whole = rows(&run(""));
    whole.retain(|row| (from_ms..to_ms).contains(&start(row)));
    let seconds = |millis: i64| format!("{}.{:03}", millis / 1000, millis % 1000);
    let told = run(&format!("--from {} --to {}", seconds(from_ms), seconds(to_ms)));
    let summary = told.lines().last().unwrap().split(" from ").next().unwrap().to_owned();
    (whole, rows(&told), summary)
}

#[test]
fn frames_of_a_part_have_the_times_numbers_and_pixels_that_they_have_in_the_whole() {
    for (clip, from_ms, to_ms, summary) in [
        ("h264.mp4", 2100, 3100, "25 of 50 tags"),
        ("ntsc.mp4", 4500, 6500, "48 of 96 tags"),
        ("vfr.mp4", 2400, 5000, "43 of 120 tags"),
        ("delayed.mp4", 2100, 3100, "25 of 50 tags"),
        ("h264.ts", 2100, 3100, "25 of 50 tags"),
        ("sound.mp4", 2100, 3100, "25 of 50 tags"),
        ("h264.mkv", 2100, 3100, "25 of 50 tags"),
        ("h264_opengop.mp4", 2100, 3100, "25 of 150 tags"),
    ] {
        let (whole, part, told) = seen(clip, from_ms, to_ms);
        assert!(whole.len() > 20, "{clip}");
        assert_eq!(part, whole, "{clip}");
        assert_eq!(told, summary, "{clip}");
    }
}

#[test]
fn sound_is_cut_out_for_models_of_sound() {
    let place = Place::with(&["a.mp4=sound.mp4", "tone.wav"]);
    assert_snapshot!(place.tagger("run -q -m {sounds} a.mp4 tone.wav --format csv --from 1 --to 1.5", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,audio,sounds,sounds,998,1509,audio a.m4a,,,,0
    tone.wav,audio,sounds,sounds,975,1532,audio tone.wav,,,,0
    ");
}

#[test]
fn a_model_that_does_not_say_what_it_takes_is_given_pictures_and_sound() {
    let place = Place::with(&["a.mp4=sound.mp4"]);
    assert_snapshot!(place.tagger("run -q -m {sounds/model.py} a.mp4 --format csv --from 1 --to 1.5", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,model,model,0,4000,video audio a.mp4,,,,0
    ");
}

#[test]
fn models_of_pictures_and_of_sound_are_each_given_their_part_of_one_file() {
    let place = Place::with(&["a.mp4=sound.mp4"]);
    assert_snapshot!(place.tagger("run -q -m {frames} -m {sounds} a.mp4 --format csv --from 55f --to 56f", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,audio,sounds,sounds,2183,2253,audio a.m4a,,,,0
    a.mp4,video,frames,frames,2200,2200,80ecbfe20a29d7ac1eba0e087db00a0f,55,,,0
    ");
}

#[test]
fn behind_the_end_there_is_nothing() {
    let place = Place::with(&["a.mp4=h264.mp4"]);
    assert_snapshot!(place.tagger("run -q -m {frames} a.mp4 --format csv --from 999f", &[]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    ");
}
