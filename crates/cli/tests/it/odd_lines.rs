//! Lines of output that are not as the contract wants them: warnings that name model and file, the good ones kept, exit 0.

use insta::assert_snapshot;

use crate::place::Place;

const TAG: &str = r#"{"type":"tag","data":{"start_time":0,"end_time":40,"tag":"seen","source_media":{file}}}"#;
const DONE: &str = r#"{"type":"progress","data":{"source_media":{file}}}"#;

/// Runs a model that writes these lines for one file.
fn says(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    says_exactly(&lines)
}

fn says_exactly(lines: &[String]) -> String {
    let params = serde_json::json!({ "lines": lines }).to_string();
    Place::with(&["a.mp4=one_frame.mp4"]).tagger("run -q -m {says.py} a.mp4 --format csv --params", &[&params])
}

#[test]
fn garbage_among_the_messages() {
    assert_snapshot!(says(&["Loading weights… 100%", TAG, "", "[1, 2]", r#"{"type":"tag"}"#, DONE]), @r#"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: output line 1: not JSON: Loading weights… 100%
    warning: model `says` at `a.mp4`: output line 4: not a message: an array: [1, 2]
    warning: model `says` at `a.mp4`: output line 5: not a message: missing field `data`: {"type":"tag"}
    "#);
}

#[test]
fn a_message_of_an_unknown_type() {
    assert_snapshot!(says(&[r#"{"type":"heartbeat","data":{"at":1}}"#, TAG, DONE]), @r#"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: output line 1: unknown message type `heartbeat`: {"type":"heartbeat","data":{"at":1}}
    "#);
}

#[test]
fn a_message_about_a_file_that_was_never_given() {
    let stranger = TAG.replace("{file}", "\"media/z.mp4\"");
    assert_snapshot!(says(&[&stranger, TAG, DONE]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: tag message about `media/z.mp4`, a file it was not given; left out
    ");
}

#[test]
fn a_tag_that_ends_before_it_starts() {
    assert_snapshot!(says(&[TAG, &TAG.replace("40", "-40"), DONE]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: tag `seen` ends at -40 ms, before it starts at 0 ms; left out
    ");
}

#[test]
fn a_message_with_a_missing_or_wrong_field() {
    assert_snapshot!(says(&[&TAG.replace("end_time", "end"), &TAG.replace("40", "\"40\""), TAG, DONE]), @r#"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: output line 1: tag message: missing field `end_time`: {"type":"tag","data":{"start_time":0,"end":40,"tag":"seen","source_media":"HERE/a.mp4"}}
    warning: model `says` at `a.mp4`: output line 2: tag message: invalid type: string "40", expected a JSON number: {"type":"tag","data":{"start_time":0,"end_time":"40","tag":"seen","source_media":"HERE/a.mp4"}}
    "#);
}

#[test]
fn a_last_line_that_was_never_finished() {
    let lines = [TAG, "\n", DONE, "\n", &TAG[..40]].map(str::to_owned);
    assert_snapshot!(says_exactly(&lines), @r#"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says`: output line 3: unfinished last line: {"type":"tag","data":{"start_time":0,"en
    "#);
}

#[test]
fn a_last_line_that_only_lacks_its_end_counts() {
    let lines = [TAG, "\n", DONE].map(str::to_owned);
    assert_snapshot!(says_exactly(&lines), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    ");
}

#[test]
fn a_tag_after_its_file_s_progress_is_kept() {
    assert_snapshot!(says(&[TAG, DONE, &TAG.replace("seen", "late")]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    a.mp4,video,says,says,0,40,late,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: tag `late` came after the file's progress; kept
    ");
}

#[test]
fn duplicate_progress_and_progress_ratios_are_no_news() {
    let ratio = r#"{"type":"progress_ratio","data":{"progress":0.5}}"#;
    assert_snapshot!(says(&[ratio, TAG, ratio, DONE, DONE, DONE]), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    ");
}

#[test]
fn a_flood_of_odd_lines_is_counted_and_not_told_line_by_line() {
    let stranger = TAG.replace("{file}", "\"z.mp4\"");
    let lines = [format!("{stranger}\nnot JSON\n").repeat(1000), format!("{TAG}\n{DONE}\n")];
    assert_snapshot!(says_exactly(&lines), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,says,says,0,40,seen,,,,0
    --- stderr
    warning: model `says` at `a.mp4`: tag message about `z.mp4`, a file it was not given; left out
    warning: model `says` at `a.mp4`: output line 2: not JSON: not JSON
    warning: model `says` at `a.mp4`: tag message about `z.mp4`, a file it was not given; left out
    warning: model `says` at `a.mp4`: output line 4: not JSON: not JSON
    warning: model `says` at `a.mp4`: tag message about `z.mp4`, a file it was not given; left out
    warning: model `says` at `a.mp4`: output line 6: not JSON: not JSON
    warning: model `says` at `a.mp4`: tag message about `z.mp4`, a file it was not given; left out
    warning: model `says` at `a.mp4`: output line 8: not JSON: not JSON
    warning: model `says` at `a.mp4`: tag message about `z.mp4`, a file it was not given; left out
    warning: model `says` at `a.mp4`: output line 10: not JSON: not JSON
    warning: model `says`: 995 more lines that are no messages
    warning: model `says`: 995 more messages about files it was not given
    ");
}

#[test]
fn what_a_model_writes_cannot_steer_the_terminal() {
    let error = r#"{"type":"error","data":{"message":"\u001b[2Jgone\u0007","source_media":{file}}}"#;
    assert_snapshot!(says(&["\u{1b}[31mred", error]), @"
    exit 1
    --- stderr
    warning: model `says` at `a.mp4`: output line 1: not JSON: [31mred
    error: model `says` failed on `a.mp4`: [2Jgone
    ");
}
