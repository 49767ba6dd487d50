//! Requests that make no sense, and media that are not what they were: each is told, and nothing is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::serving::Server;

/// Asks under another name of the host, as a page of some site could; gives the first line and the body.
fn ask_as(server: &Server, host: &str) -> String {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    format!("{} {body}", head.lines().next().unwrap())
}

#[test]
fn another_sites_name_does_not_lead_to_the_server() {
    let server = Server::start(&[], &[]);
    for own in ["localhost", "127.0.0.1:1234", "[::1]:80"] {
        assert_eq!(ask_as(&server, own), r#"HTTP/1.1 200 OK {"items":[],"next":null}"#);
    }
    assert_snapshot!(ask_as(&server, "evil.example"), @r#"HTTP/1.1 401 Unauthorized {"error":{"code":"unauthorized","message":"without a token the server answers to `localhost` and loopback addresses only"}}"#);
    for foreign in ["localhost.evil.example", "127.0.0.1.evil.example:80", "192.168.0.1", "[::2]"] {
        assert!(ask_as(&server, foreign).starts_with("HTTP/1.1 401"), "{foreign}");
    }
}

#[test]
fn links_and_dots_do_not_lead_out_of_the_roots() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    symlink("/etc/passwd", server.place.path("link.mp4")).unwrap();
    symlink("/etc", server.place.path("folder")).unwrap();
    symlink("/usr/bin", server.place.path("models")).unwrap();
    let refused = |model: &str, source: &str| {
        let body = json!({"model": server.path(model), "source": server.path(source)});
        server.refusal("POST", "/v1/jobs", body)
    };
    assert_snapshot!(refused("good.py", "link.mp4"), @"403 outside_roots [source] `HERE/link.mp4` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(refused("good.py", "folder/passwd"), @"403 outside_roots [source] `HERE/folder/passwd` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(refused("good.py", "../../../../../../../etc/passwd"), @"403 outside_roots [source] `HERE/../../../../../../../etc/passwd` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(refused("models/evil.py", "a.mp4"), @"403 outside_roots [model] `HERE/models/evil.py` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(refused("good.py", "no-such-file"), @"400 invalid_media [source] there is no file or folder `HERE/no-such-file`");
    // Whether something is there is not told outside.
    assert_snapshot!(refused("good.py", "../../../../../../../etc/no-such-file"), @"403 outside_roots [source] `HERE/../../../../../../../etc/no-such-file` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(refused("good.py", "folder/no-such-file"), @"403 outside_roots [source] `HERE/folder/no-such-file` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
}

#[test]
fn what_is_not_there_is_named() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    server.run("submit -m good.py --id one --wait a.mp4");
    let asked = |method: &str, path: &str| {
        let (status, answer) = server.ask(method, path, None);
        format!("{status} {} {}", answer["error"]["code"], answer["error"]["message"])
    };
    assert_snapshot!(asked("GET", "/v1/contents/none/tracks"), @r#"404 "not_found" "no content `none`""#);
    assert_snapshot!(asked("POST", "/v1/batches/77/undo"), @r#"404 "not_found" "no batch `77`""#);
    assert_snapshot!(asked("POST", "/v1/batches/first/undo"), @r#"400 "invalid_request" "`first` is no number of a batch""#);
    assert_snapshot!(asked("GET", "/v1/tags?job=none"), @r#"404 "not_found" "no job `none`""#);
    assert_snapshot!(asked("GET", "/v1/tags?content=a.mp4&from=soon"), @r#"400 "invalid_request" "the query is not understood: from: invalid digit found in string""#);
    assert_snapshot!(asked("GET", "/v1/tags?content=a.mp4&from=1&from_frame=2"), @r#"400 "invalid_request" "give either `from` or `from_frame`""#);
    assert_snapshot!(asked("GET", "/v1/export?q=seen&from_frame=2"), @r#"400 "invalid_request" "frames are counted in one content: name it, or give a time""#);
    assert_snapshot!(asked("POST", "/v1/jobs/one/retry?failed_only=true"), @r#"409 "conflict" "all parts of the job are done; to tag them again, retry all of it: without `--failed-only`, over HTTP without `failed_only`""#);
    assert_snapshot!(server.tell("retry one --failed-only"), @"
    exit 1
    --- stderr
    error: all parts of the job are done; to tag them again, retry all of it: without `--failed-only`, over HTTP without `failed_only`
    ");
    assert_snapshot!(server.tell("tags other.mp4"), @"
    exit 1
    --- stderr
    error: no content `other.mp4`
    ");
    assert_snapshot!(server.tell("submit -m good.py -p text=x --id one a.mp4"), @"
    exit 1
    --- stderr
    error: job `one` is there already, with another request: choose another id
    ");
    assert_eq!(server.ask("GET", "/v1/tags?content=a.mp4", None).1["items"].as_array().unwrap().len(), 1);
}

#[test]
fn media_that_change_before_their_turn_fail_their_job_and_touch_no_other() {
    let server = Server::with_album(&["waits.py", "good.py"]);
    server.place.put("a.mp4", "one_frame.mp4");
    server.run("submit -m good.py --id before --wait a.mp4");
    let tags = || server.ask("GET", "/v1/tags?content=a.mp4", None).1["items"].clone();
    let before: Value = tags();
    std::fs::write(server.path("a.mp4"), "something else").unwrap();
    assert_snapshot!(server.tell("submit -m good.py --id after a.mp4"), @"
    exit 1
    --- stderr
    error: `HERE/a.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds
    ");
    server.run("retry before");
    server.run("status before --watch");
    assert_snapshot!(server.tell("status before"), @"
    exit 0
    --- stdout
    before  failed
      content   a.mp4
      model     good
      submitted TIME
      started TIME
      ended TIME
      cause     `HERE/a.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds
    ");
    assert_eq!(tags(), before);
}

#[test]
fn files_that_a_model_was_never_given_are_told_and_their_tags_left_out() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["says.py"]);
    let lines = json!([
        "{\"type\":\"tag\",\"data\":{\"start_time\":0,\"end_time\":1,\"tag\":\"stray\",\"source_media\":\"/etc/passwd\"}}\n",
        "{\"type\":\"progress\",\"data\":{\"source_media\":\"/etc/passwd\"}}\n",
        "{\"type\":\"tag\",\"data\":{\"start_time\":0,\"end_time\":1,\"tag\":\"seen\",\"source_media\":{file}}}\n",
        "{\"type\":\"progress\",\"data\":{\"source_media\":{file}}}\n",
    ]);
    let body = json!({"model": server.path("says.py"), "source": server.path("a.mp4"), "content": "a", "params": {"lines": lines}});
    assert_eq!(server.ask("PUT", "/v1/jobs/odd", Some(&body)).0, 201);
    server.run("status odd --watch");
    assert_snapshot!(server.tell("status odd"), @"
    exit 0
    --- stdout
    odd  succeeded, 1/1 parts, 1 tag
      content   a
      model     says
      submitted TIME
      started TIME
      ended TIME
      warnings  2, the last one: progress message about `/etc/passwd`, a file it was not given; left out
    ");
    let tags = server.ask("GET", "/v1/tags?content=a", None).1;
    let texts: Vec<&Value> = tags["items"].as_array().unwrap().iter().map(|tag| &tag["tag"]).collect();
    assert_eq!(texts, [&json!("seen")]);
}
