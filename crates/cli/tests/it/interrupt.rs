//! Ctrl-C and requests to terminate: children are ended, what is done is told and shown.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Place, Running, model};

/// Starts a model that finishes one file of two, and sends a signal once it is at the second.
fn interrupted(signal: Signal, more: &[&str]) -> String {
    let place = Place::with(&["a.mp4=one_frame.mp4", "b.mp4=one_frame.mp4"]);
    let model = model("waits.py");
    let mut arguments = vec!["run", "-m", &model, "a.mp4", "b.mp4", "--format", "csv"];
    arguments.extend(more);
    let mut child = Running(place.command(arguments).spawn().unwrap());
    let mut told = BufReader::new(child.0.stderr.take().unwrap());
    let mut stderr = String::new();
    while !stderr.contains("a.mp4 done") {
        assert!(told.read_line(&mut stderr).unwrap() > 0, "ended too early: {stderr}");
    }
    kill_process(Pid::from_child(&child.0), signal).unwrap();
    told.read_to_string(&mut stderr).unwrap();
    let mut stdout = Vec::new();
    child.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    let status = child.0.wait().unwrap();
    place.tell(&Output { status, stdout, stderr: stderr.into_bytes() })
}

#[test]
fn ctrl_c_ends_the_children_and_shows_what_is_done() {
    assert_snapshot!(interrupted(Signal::INT, &[]), @"
    exit 130
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,waits,waits,0,40,seen,,,,0
    --- stderr
    waits: started, 2 inputs
    waits: a.mp4 done (1/2)
    stopping the models (this takes 5 s at most)
    interrupted with 1 of 2 done: 1 tag from 1 model over 2 inputs, in TIME
    ");
}

/// Sends Ctrl-C to a command while it asks a program what it is, which never answers.
fn interrupted_while_asking(command: &[&str]) -> String {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    let called = place.path("called");
    assert!(Command::new("mkfifo").arg(&called).status().unwrap().success());
    // Opening a pipe for writing waits for a reader: then the program is known to be there.
    let text = format!("# --describe\nimport time\nopen({called:?}, 'w').close()\ntime.sleep(600)\n");
    place.write("silent.py", text);
    let child = Running(place.command(command).spawn().unwrap());
    File::open(&called).unwrap();
    kill_process(Pid::from_child(&child.0), Signal::INT).unwrap();
    place.tell(&child.output())
}

#[test]
fn ctrl_c_ends_programs_that_are_asked_what_they_are() {
    for command in [&["run", "-m", "silent.py", "a.mp4"][..], &["inspect", "silent.py"], &["test", "silent.py"]] {
        assert_eq!(interrupted_while_asking(command), "exit 130", "{command:?}");
    }
}

#[test]
fn a_request_to_terminate_does_the_same() {
    assert_eq!(interrupted(Signal::TERM, &[]), interrupted(Signal::INT, &[]));
}

#[test]
fn a_model_that_does_not_want_to_end_is_killed() {
    assert_eq!(interrupted(Signal::INT, &["-p", "is_stubborn=true"]), interrupted(Signal::HUP, &[]));
}
