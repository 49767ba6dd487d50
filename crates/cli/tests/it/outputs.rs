//! Where tags go, and in which form.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Stdio;

use insta::assert_snapshot;

use crate::place::{Place, Running, model};

fn place() -> Place {
    Place::with(&["a.mp4=one_frame.mp4", "b.mp4=one_frame.mp4"])
}

#[test]
fn every_format_on_standard_output() {
    let place = place();
    let formats = ["table", "jsonl", "csv"]
        .map(|format| place.tagger(&format!("run -q -m {{good.py}} a.mp4 b.mp4 --format {format}"), &[]));
    assert_snapshot!(formats.join("\n"), @r#"
    exit 0
    --- stdout
    a.mp4
     start         end           track  tag    details
     00:00:00.000  00:00:00.040  good   a.mp4

    b.mp4
     start         end           track  tag    details
     00:00:00.000  00:00:00.040  good   b.mp4
    exit 0
    --- stdout
    {"content":"a.mp4","stream":"video","track":"good","model":"good","start_time":0,"end_time":40,"tag":"a.mp4","frame_info":null,"additional_info":null,"part":0}
    {"content":"b.mp4","stream":"video","track":"good","model":"good","start_time":0,"end_time":40,"tag":"b.mp4","frame_info":null,"additional_info":null,"part":0}
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,good,good,0,40,a.mp4,,,,0
    b.mp4,video,good,good,0,40,b.mp4,,,,0
    "#);
    assert_snapshot!(place.tagger("run -q -m {good.py} a.mp4 --format vtt", &[]), @"
    exit 0
    --- stdout
    WEBVTT

    00:00:00.000 --> 00:00:00.040
    good: a.mp4
    ");
}

#[test]
fn several_files_each_by_its_extension_and_standard_output_too() {
    let place = place();
    let told = place.tagger("run -q -m {good.py} a.mp4 -o t.jsonl -o t.CSV -o t.vtt -o t.txt -o -", &[]);
    assert_snapshot!(told, @"
    exit 0
    --- stdout
    a.mp4
     start         end           track  tag    details
     00:00:00.000  00:00:00.040  good   a.mp4
    ");
    let files = ["t.jsonl", "t.CSV", "t.vtt", "t.txt"].map(|name| format!("{name}:\n{}", place.read(name)));
    assert_snapshot!(files.join("\n"), @r#"
    t.jsonl:
    {"content":"a.mp4","stream":"video","track":"good","model":"good","start_time":0,"end_time":40,"tag":"a.mp4","frame_info":null,"additional_info":null,"part":0}

    t.CSV:
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,good,good,0,40,a.mp4,,,,0

    t.vtt:
    WEBVTT

    00:00:00.000 --> 00:00:00.040
    good: a.mp4

    t.txt:
    a.mp4
     start         end           track  tag    details
     00:00:00.000  00:00:00.040  good   a.mp4
    "#);
}

#[test]
fn a_file_that_is_there_is_replaced_whole_and_keeps_its_rights() {
    let place = place();
    place.write("tags.csv", "x".repeat(100_000));
    fs::set_permissions(place.path("tags.csv"), PermissionsExt::from_mode(0o640)).unwrap();
    assert_snapshot!(place.tagger("run -q -m {good.py} a.mp4 -o tags.csv", &[]), @"exit 0");
    assert_snapshot!(place.read("tags.csv"), @"
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,good,good,0,40,a.mp4,,,,0
    ");
    assert_eq!(fs::metadata(place.path("tags.csv")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(place.files(), ["a.mp4", "b.mp4", "tags.csv"]);
}

#[test]
fn a_link_is_written_through() {
    let place = place();
    place.write("real/tags.csv", "old");
    symlink("real/tags.csv", place.path("tags.csv")).unwrap();
    place.tagger("run -q -m {good.py} a.mp4 -o tags.csv", &[]);
    assert!(fs::symlink_metadata(place.path("tags.csv")).unwrap().is_symlink());
    assert!(place.read("real/tags.csv").starts_with("content,"));
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_starts() {
    let place = place();
    place.write("folder/x", "");
    let refused = ["-o no/such/tags.csv", "-o folder", "--format vtt", "-o tags.vtt"]
        .map(|output| place.tagger(&format!("run -m {{good.py}} a.mp4 b.mp4 {output}"), &[]));
    assert_snapshot!(refused.join("\n"), @"
    exit 1
    --- stderr
    error: cannot write `no/such/tags.csv`: there is no folder `no/such`
    exit 1
    --- stderr
    error: cannot write `folder`: it is a folder
    exit 1
    --- stderr
    error: WebVTT holds the tags of one input, and this run has 2; run them one by one or take jsonl
    exit 1
    --- stderr
    error: WebVTT holds the tags of one input, and this run has 2; run them one by one or take jsonl
    ");
}

#[test]
fn an_earlier_result_stays_when_a_run_fails() {
    let place = place();
    place.write("tags.csv", "earlier");
    assert_snapshot!(place.tagger("run -q -m {quits_unread.py} a.mp4 -o tags.csv", &[]), @"
    exit 1
    --- stderr
    error: model `quits_unread` failed on `a.mp4`: it exited with status 0, but no progress message has come; its log ends:
        | nothing to do
    ");
    assert_eq!(place.read("tags.csv"), "earlier");
}

#[test]
fn one_output_that_fails_does_not_cost_the_others() {
    let place = place();
    // Full for ever.
    assert_snapshot!(place.tagger("run -q -m {good.py} a.mp4 -o /dev/full -o tags.csv", &[]), @"
    exit 1
    --- stderr
    error: cannot write `/dev/full`
      caused by: No space left on device (os error 28)
    ");
    assert!(place.read("tags.csv").starts_with("content,"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_and_costs_no_file() {
    let place = place();
    let mut command = place.command(["run", "-q", "-m", &model("good.py"), "a.mp4", "-o", "-", "-o", "tags.csv"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(Stdio::from(writer)).output().unwrap();
    assert_snapshot!(place.tell(&output), @"exit 0");
    assert!(place.read("tags.csv").starts_with("content,"));
}

#[test]
fn nobody_listening_on_standard_error_does_not_end_the_work() {
    let place = place();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command(["run", "-m", &model("good.py"), "a.mp4", "--format", "csv"]);
    let mut child = Running(command.stderr(Stdio::from(writer)).spawn().unwrap());
    let mut tags = String::new();
    child.0.stdout.take().unwrap().read_to_string(&mut tags).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert_eq!(tags.lines().count(), 2);
}

#[test]
fn no_tags_are_no_failure() {
    let place = place();
    let done = r#"{"lines": ["{\"type\":\"progress\",\"data\":{\"source_media\":{file}}}\n"]}"#;
    let formats = ["table", "jsonl", "csv"]
        .map(|format| place.tagger(&format!("run -m {{says.py}} a.mp4 --format {format} --params"), &[done]));
    assert_snapshot!(formats.join("\n"), @"
    exit 0
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    0 tags from 1 model over 1 input, in TIME
    exit 0
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    0 tags from 1 model over 1 input, in TIME
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    --- stderr
    says: started, 1 input
    says: a.mp4 done (1/1)
    0 tags from 1 model over 1 input, in TIME
    ");
}
