//! What a server tells while it works: events, logs, metrics; and what was replaced and comes back.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::place::Running;
use crate::serving::Server;

/// Reads the first `count` events that come after the one numbered `after`: number, name and data.
fn events(server: &Server, after: u64, count: usize) -> Vec<(u64, String, Value)> {
    let request = ureq::get(format!("{}/v1/events", server.url)).header("last-event-id", after.to_string());
    let mut lines = BufReader::new(request.call().unwrap().into_body().into_reader()).lines().map(Result::unwrap);
    let mut field = |name: &str| {
        let line = lines.find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].trim_start_matches(": ").to_owned()
    };
    let mut found: Vec<(u64, String, Value)> = Vec::new();
    for _ in 0..count {
        let (id, name, data) = (field("id"), field("event"), field("data"));
        found.push((id.parse().unwrap(), name, serde_json::from_str(&data).unwrap()));
    }
    found
}

#[test]
fn who_comes_back_to_the_events_gets_those_that_were_missed() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    server.run("submit -m good.py --id one --wait a.mp4");
    let first = events(&server, 0, 2);
    assert_eq!((first[0].0, first[0].1.as_str(), &first[0].2["id"]), (1, "job", &json!("one")));
    assert_eq!(events(&server, 1, 1)[0], first[1], "the same again, for who has seen the first only");
    // All up to the end of the job is kept for who was away.
    let mut after = 0;
    loop {
        let (number, _, job) = events(&server, after, 1).remove(0);
        assert_eq!(number, after + 1);
        after = number;
        if job["state"] == "succeeded" {
            break;
        }
    }
    server.run("rm one");
    let removed = events(&server, after, 1).remove(0);
    assert_eq!((removed.1.as_str(), &removed.2), ("removed", &json!({"id": "one"})));
    // A number from a server before this one.
    assert_eq!(events(&server, 1_000_000, 1)[0].1, "missed");
    let wrong = ureq::get(format!("{}/v1/events", server.url)).header("last-event-id", "x").call();
    assert!(matches!(wrong, Err(ureq::Error::StatusCode(400))));
}

#[test]
fn a_followed_log_shows_each_line_when_it_is_said_and_ends_with_the_job() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["talks.py"]);
    let pipe = server.place.path("words");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut logs = server.place.command(["logs", "-f", "talk"]);
    let folder = server.path("");
    server.run(&format!("submit -m talks.py -p folder={folder} --id talk a.mp4"));
    let logs = logs.env("TAGGER_SERVER", &server.url).stdout(Stdio::piped());
    let mut logs = Running(logs.spawn().unwrap());
    let mut told = BufReader::new(logs.0.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    assert_eq!(next(), "begun");
    // Nothing happens to the job while its program talks, and each word is asked for before the next one is said.
    let mut words = OpenOptions::new().write(true).open(&pipe).unwrap();
    for word in ["one", "two"] {
        writeln!(words, "{word}").unwrap();
        assert_eq!(next(), word);
    }
    drop(words);
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert!(logs.0.wait().unwrap().success());
    assert!(server.tell("status talk").contains("succeeded"));
}

#[test]
fn a_log_that_is_waited_for_too_long_is_refused() {
    let server = Server::start(&[], &[]);
    let (status, answer) = server.ask("GET", "/v1/jobs/none/log?wait=61", None);
    assert_snapshot!(format!("{status} {answer}"), @r#"400 {"error":{"code":"invalid_request","message":"0 to 60 seconds, not 61","field":"wait"}}"#);
}

#[test]
fn what_a_job_has_replaced_is_read_again_when_that_is_undone() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    server.run("submit -m good.py -p text=old --id first --wait a.mp4");
    server.run("submit -m good.py -p text=new --id second --wait a.mp4");
    let read = || server.ask("GET", "/v1/tags?content=a.mp4", None).1["items"][0]["tag"].clone();
    assert_eq!(read(), "new");
    let tracks = |all: bool| server.ask("GET", &format!("/v1/contents/a.mp4/tracks?all={all}"), None).1;
    assert_eq!(tracks(true).as_array().unwrap().len(), 2);
    let current = tracks(false)[0]["batch"].clone();
    let (status, undone) = server.ask("POST", &format!("/v1/batches/{current}/undo"), None);
    assert_eq!((status, read()), (200, json!("old")));
    assert_eq!(tracks(false)[0]["batch"], undone["restored"]);
    let again = server.ask("POST", &format!("/v1/batches/{current}/undo"), None);
    assert_eq!((again.0, &again.1["error"]["code"]), (409, &json!("conflict")));
}

/// Reads metrics as a scraper does: each line is a comment, or a name, labels and a number; each value has a type, and comes
/// once.
fn scraped(text: &str) -> BTreeMap<String, f64> {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (mut types, mut values) = (BTreeMap::new(), BTreeMap::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && ["gauge", "counter"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total") && name != "tagger_resource_total", kind == "counter", "{line}");
            assert!(types.insert(name.to_owned(), kind).is_none(), "{line}");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            assert!(types.contains_key(name), "{line}");
            if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                let label = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix("\"}")).unwrap();
                let (label, text) = label.split_once("=\"").unwrap();
                assert!(is_name(label) && !text.replace("\\\"", "").contains('"'), "{line}");
            }
            assert!(values.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    values
}

#[test]
fn metrics_count_what_was_done_and_what_is_lent() {
    let server = Server::with_album(&["good.py", "errs_on.py", "waits.py"]);
    server.place.write(
        "waiting/tagger.toml",
        "name = 'waiting'\nkind = 'frame'\ncommand = ['python3', '../waits.py']\nresources.cpu = 1",
    );
    server.run("submit -m good.py --wait album");
    server.run("submit -m errs_on.py -p file=b.png -p status=1 --wait album");
    server.run("submit -m waiting/ --id slow album");
    while server.ask("GET", "/v1/jobs/slow", None).1["done"] != json!(1) {
        std::thread::yield_now();
    }
    let metrics = || scraped(server.ask("GET", "/metrics", None).1.as_str().unwrap());
    let told = metrics();
    let wanted = |name: &str| told[name];
    assert_eq!(wanted("tagger_jobs{state=\"succeeded\"}"), 1.0);
    assert_eq!(wanted("tagger_jobs{state=\"quarantined\"}"), 1.0);
    assert_eq!(wanted("tagger_jobs{state=\"running\"}"), 1.0);
    assert_eq!(wanted("tagger_jobs{state=\"failed\"}"), 0.0);
    assert_eq!(wanted("tagger_parts_done_total"), 4.0);
    assert_eq!(wanted("tagger_tags_committed_total"), 4.0);
    assert_eq!(wanted("tagger_attempts_total{outcome=\"finished\"}"), 1.0);
    assert_eq!(wanted("tagger_attempts_total{outcome=\"failed\"}"), 3.0);
    assert_eq!(wanted("tagger_resource_leased{resource=\"cpu\"}"), 1.0);
    assert!(wanted("tagger_resource_total{resource=\"cpu\"}") >= 1.0);
    assert_eq!(wanted("tagger_ready"), 1.0);
    server.run("stop slow");
    server.run("status --watch slow");
    let told = metrics();
    assert_eq!(told["tagger_attempts_total{outcome=\"stopped\"}"], 1.0);
    assert_eq!(told["tagger_resource_leased{resource=\"cpu\"}"], 0.0);
}

#[test]
fn tags_are_asked_for_by_frames_as_well() {
    let server = Server::start(&["a.mp4=h264.mp4"], &["frames.py"]);
    server.run("submit -m frames.py --wait a.mp4");
    let shown = |from: &str, to: &str| {
        let told = server.run(&format!("tags a.mp4 --from {from} --to {to} --format jsonl"));
        let told = String::from_utf8(told.stdout).unwrap();
        let tags = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["tag"].to_string());
        tags.collect::<Vec<_>>().join(" ")
    };
    assert_snapshot!(shown("5f", "8f"), @r#""seen 5" "seen 6" "seen 7""#);
    assert_snapshot!(server.tell("export a.mp4 --from 1f --to 2f --format csv"), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,frames,frames,40,40,seen 1,1,,,0
    ");
    assert_eq!(shown("100000f", "200000f"), "");
    std::fs::remove_file(server.path("a.mp4")).unwrap();
    assert_snapshot!(server.tell("tags a.mp4 --from 5f"), @"
    exit 1
    --- stderr
    error: `HERE/a.mp4` is gone: put it back, or submit it from where it is now
    ");
    assert_snapshot!(server.tell("export --words seen --from 5f"), @"
    exit 2
    --- stderr
    error: frames are counted in one content: name it, or give a time
    ");
}
