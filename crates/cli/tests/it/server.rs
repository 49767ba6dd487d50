//! A server and the commands that talk to it, as an operator uses them.

use std::io::{BufRead, Read};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::place::Place;
use crate::serving::Server;

/// A token that nobody guesses.
const TOKEN: &str = "a-token-of-more-than-16-letters";

#[test]
fn a_job_goes_from_a_file_to_its_tags() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    assert_snapshot!(server.tell("submit -m good.py -p text=hello --id one --wait a.mp4"), @"
    exit 0
    --- stdout
    one
    --- stderr
    one: good over a.mp4 succeeded, 1/1 parts, 1 tag
    ");
    assert_snapshot!(server.tell("jobs"), @"
    exit 0
    --- stdout
     job  state      done  parts  tags  model  content  submitted
     one  succeeded  100%  1/1    1     good   a.mp4 TIME
    ");
    assert_snapshot!(server.tell("status one"), @"
    exit 0
    --- stdout
    one  succeeded, 1/1 parts, 1 tag
      content   a.mp4
      model     good
      submitted TIME
      started TIME
      ended TIME
    ");
    assert_snapshot!(server.tell("tags a.mp4"), @"
    exit 0
    --- stdout
    a.mp4
     start         end           track  tag    details
     00:00:00.000  00:00:00.040  good   hello
    ");
    assert_snapshot!(server.tell("export a.mp4 --format vtt"), @"
    exit 0
    --- stdout
    WEBVTT

    00:00:00.000 --> 00:00:00.040
    good: hello
    ");
    assert_snapshot!(server.tell("export --words hello --format csv"), @"
    exit 0
    --- stdout
    content,stream,track,model,start_time,end_time,tag,frame_idx,box,additional_info,part
    a.mp4,video,good,good,0,40,hello,,,,0
    ");
    assert_snapshot!(server.tell("rm one"), @"
    exit 0
    --- stderr
    one removed
    ");
    assert_snapshot!(server.tell("tags a.mp4"), @"
    exit 1
    --- stderr
    error: no content `a.mp4`
    ");
    assert_snapshot!(server.end(Signal::TERM).1, @"
    exit 0
    ending all programs in order (this takes some seconds at most)
    ended; jobs that have not ended go on at the next start
    ");
}

#[test]
fn what_is_exported_to_a_file_is_what_is_shown() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    server.run("submit -m good.py --wait a.mp4");
    server.run("export a.mp4 -o tags.jsonl");
    server.run("tags a.mp4 --format jsonl -o shown.jsonl");
    assert_eq!(server.place.read("tags.jsonl"), server.place.read("shown.jsonl"));
    assert!(server.place.read("tags.jsonl").starts_with(r#"{"content":"a.mp4","stream":"video","track":"good","#));
    server.run("export a.mp4 -o tags.csv");
    assert!(server.place.read("tags.csv").starts_with("content,stream,"), "the extension says the format");
    server.run("export a.mp4 --format vtt -o tags.csv");
    assert!(server.place.read("tags.csv").starts_with("WEBVTT"), "unless somebody does");
}

#[test]
fn tags_of_a_folder_tell_which_still_they_are_about() {
    let server = Server::with_album(&["good.py"]);
    server.run("submit -m good.py -p text=seen --id one --wait album");
    assert_snapshot!(server.tell("tags album"), @"
    exit 0
    --- stdout
    album/a.png
     start         end           track  tag   details
     00:00:00.000  00:00:00.040  good   seen

    album/b.png
     start         end           track  tag   details
     00:00:00.000  00:00:00.040  good   seen
    ");
    let parts = server.ask("GET", "/v1/jobs/one/parts", None).1;
    assert_eq!((&parts["items"][0]["file"], &parts["items"][1]["file"]), (&json!("a.png"), &json!("b.png")));
    assert!(
        String::from_utf8(server.run("tags album --format jsonl").stdout)
            .unwrap()
            .starts_with(r#"{"content":"album","#)
    );
    assert_snapshot!(server.tell("tags album --track none"), @"
    exit 0
    --- stderr
    no tags found
    ");
}

#[test]
fn a_poison_part_leaves_the_other_tags_and_can_be_tried_again() {
    let server = Server::with_album(&["errs_on.py"]);
    assert_snapshot!(server.tell("submit -m errs_on.py -p file=b.png -p status=1 --id some --wait album"), @"
    exit 3
    --- stdout
    some
    --- stderr
    some: errs_on over album quarantined, 1/2 parts, 1 quarantined, 1 tag
    some: quarantined because: 1 of 2 parts are quarantined; the last one: ValueError: no faces in here
    ");
    assert_snapshot!(server.tell("status some"), @"
    exit 0
    --- stdout
    some  quarantined, 1/2 parts, 1 quarantined, 1 tag
      content   album
      model     errs_on
      submitted TIME
      started TIME
      ended TIME
      cause     1 of 2 parts are quarantined; the last one: ValueError: no faces in here
      attempt 1 failed: it exited with status 1
      attempt 2 failed: it exited with status 1
      attempt 3 failed: it exited with status 1
      part 1    quarantined after 3 attempts: ValueError: no faces in here
    ");
    assert_snapshot!(server.tell("tags album"), @"
    exit 0
    --- stdout
    album/a.png
     start         end           track    tag   details
     00:00:00.000  00:00:00.040  errs_on  seen
    ");
    assert!(server.run("retry some --failed-only").status.success());
    assert_snapshot!(server.tell("status some --watch"), @"
    exit 3
    --- stdout
    some  quarantined, 1/2 parts, 1 quarantined, 1 tag
      content   album
      model     errs_on
      submitted TIME
      started TIME
      ended TIME
      cause     1 of 2 parts are quarantined; the last one: ValueError: no faces in here
      attempt 1 failed: it exited with status 1
      attempt 2 failed: it exited with status 1
      attempt 3 failed: it exited with status 1
      attempt 4 failed: it exited with status 1
      attempt 5 failed: it exited with status 1
      attempt 6 failed: it exited with status 1
      part 1    quarantined after 3 attempts: ValueError: no faces in here
    --- stderr
    some: errs_on over album quarantined, 1/2 parts, 1 quarantined, 1 tag
    some: quarantined because: 1 of 2 parts are quarantined; the last one: ValueError: no faces in here
    ");
}

#[test]
fn the_same_job_twice_is_one_and_another_of_its_name_is_refused() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    let body = json!({"model": server.path("good.py"), "source": server.path("a.mp4"), "content": "a"});
    let (first, job) = server.ask("PUT", "/v1/jobs/one", Some(&body));
    let (second, again) = server.ask("PUT", "/v1/jobs/one", Some(&body));
    assert_eq!((first, second, &job["id"]), (201, 200, &again["id"]));
    let other = json!({"model": server.path("good.py"), "source": server.path("a.mp4"), "content": "b"});
    assert_snapshot!(server.refusal("PUT", "/v1/jobs/one", other), @"409 conflict [id] job `one` is there already, with another request: choose another id");
}

#[test]
fn what_is_wrong_with_a_job_is_told_before_anything_is_kept() {
    let server = Server::start(&["a.mp4=one_frame.mp4"], &["good.py"]);
    server.place.write("words.txt", "no media");
    server.place.write("greedy/tagger.toml", "name = 'greedy'\nkind = 'frame'\ncommand = ['true']\nresources.gpu = 99");
    server.place.write(
        "typed/tagger.toml",
        "name = 'typed'\nkind = 'frame'\ncommand = ['true']\n[parameters]\nadditionalProperties = false\nproperties.fps.type = 'number'",
    );
    let refused = |body: Value| server.refusal("POST", "/v1/jobs", body);
    let (good, clip) = (server.path("good.py"), server.path("a.mp4"));
    assert_snapshot!(refused(json!({"model": "shoot", "source": clip})), @"400 unknown_model [model] unknown model `shoot`: neither a shipped one (shot) nor a folder with a tagger.toml nor a .py file; did you mean `shot`?");
    assert_snapshot!(refused(json!({"model": good, "source": clip, "colour": 1})), @"400 invalid_request [colour] the request is not understood: unknown field `colour`, expected one of `model`, `source`, `content`, `params`, `param_texts`, `priority` at line 1 column 76");
    assert_snapshot!(refused(json!({"model": good})), @"400 invalid_request [-] the request is not understood: missing field `source` at line 1 column 35");
    assert_snapshot!(refused(json!({"model": good, "source": clip, "priority": "high"})), @r#"400 invalid_request [priority] the request is not understood: invalid type: string "high", expected i32 at line 1 column 85"#);
    assert_snapshot!(refused(json!({"model": server.path("typed/"), "source": clip, "params": {"fps": "two"}})), @r#"400 invalid_parameter [params] model `typed`: parameter `fps` is "two", a number is expected"#);
    assert_snapshot!(refused(json!({"model": server.path("typed/"), "source": clip, "params": {"fsp": 2}})), @"400 invalid_parameter [params] model `typed`: unknown parameter `fsp`, did you mean `fps`? (known: `fps`)");
    assert_snapshot!(refused(json!({"model": server.path("greedy/"), "source": clip})), @"422 exceeds_machine [model] it needs 99 of resource `gpu`, and this machine has 0");
    assert_snapshot!(refused(json!({"model": good, "source": clip, "content": ""})), @"400 invalid_request [content] the content's name has 0 bytes, 1 to 4096 are expected");
    assert_snapshot!(refused(json!({"model": good, "source": server.path("nowhere.mp4")})), @"400 invalid_media [source] there is no file or folder `HERE/nowhere.mp4`");
    assert_snapshot!(refused(json!({"model": good, "source": server.path("words.txt")})), @"400 invalid_media [source] `HERE/words.txt` is not media that can be read (Invalid data found when processing input); check what the file holds");
    assert_snapshot!(refused(json!({"model": good, "source": "/etc/passwd"})), @"403 outside_roots [source] `/etc/passwd` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(refused(json!({"model": "/usr/bin/evil.py", "source": clip})), @"403 outside_roots [model] `/usr/bin/evil.py` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`");
    assert_snapshot!(server.tell("submit -m good.py --id a/b a.mp4"), @"
    exit 2
    --- stderr
    error: a job cannot be named `a/b`: take letters, digits, `-`, `_`, `.`, `:` or `@`, and no `.` first
    ");
    assert_snapshot!(server.tell("submit -m good.py --id one a.mp4 words.txt"), @"
    exit 2
    --- stderr
    error: --id names one job, and this would be 2
    ");
    assert_eq!(server.ask("GET", "/v1/jobs", None).1["items"], json!([]));
}

#[test]
fn what_is_asked_for_and_is_not_there_is_an_error_of_one_shape() {
    let server = Server::start(&[], &[]);
    let refused = |method: &str, path: &str| {
        let (status, answer) = server.ask(method, path, None);
        format!("{status} {answer}")
    };
    assert_snapshot!(refused("GET", "/v1/jobs/none"), @r#"404 {"error":{"code":"not_found","message":"no job `none`"}}"#);
    assert_snapshot!(refused("POST", "/v1/jobs/none/stop"), @r#"404 {"error":{"code":"not_found","message":"no job `none`"}}"#);
    assert_snapshot!(refused("GET", "/v1/tags?content=none"), @r#"404 {"error":{"code":"not_found","message":"no content `none`"}}"#);
    assert_snapshot!(refused("GET", "/v1/tags"), @r#"400 {"error":{"code":"invalid_request","message":"give `content`, `job`, or words to look for as `q`","field":"content"}}"#);
    assert_snapshot!(refused("GET", "/v1/tags?content=a&colour=1"), @r#"400 {"error":{"code":"invalid_request","message":"the query is not understood: colour: unknown field `colour`, expected one of `content`, `job`, `track`, `model`, `from`, `to`, `from_frame`, `to_frame`, `q`, `stitch`, `limit`, `cursor`"}}"#);
    assert_snapshot!(refused("GET", "/v1/jobs?state=sleeping"), @r#"400 {"error":{"code":"invalid_request","message":"no job is ever `sleeping`; states are queued, running, stopping, succeeded, quarantined, failed, stopped","field":"state"}}"#);
    assert_snapshot!(refused("GET", "/v1/jobs?limit=0"), @r#"400 {"error":{"code":"invalid_request","message":"a page holds 1 to 10000, not 0","field":"limit"}}"#);
    assert_snapshot!(refused("GET", "/v1/jobs?cursor=x"), @r#"400 {"error":{"code":"invalid_request","message":"cursor `x` is none of this list: begin without one","field":"cursor"}}"#);
    assert_snapshot!(refused("GET", "/v1/export?content=none&format=pdf"), @r#"400 {"error":{"code":"invalid_request","message":"`pdf` is none of jsonl, csv and vtt","field":"format"}}"#);
    assert_snapshot!(refused("GET", "/v2"), @r#"404 {"error":{"code":"not_found","message":"there is no such path; /v1/openapi.json lists all"}}"#);
    assert_snapshot!(refused("DELETE", "/v1/models"), @r#"405 {"error":{"code":"invalid_request","message":"this path does not take that method; /v1/openapi.json lists all"}}"#);
    assert_snapshot!(refused("POST", "/v1/jobs"), @r#"400 {"error":{"code":"invalid_request","message":"a body of JSON is needed, with the header `Content-Type: application/json`"}}"#);
    let large = json!({"model": "x", "source": "y".repeat(20_000)});
    assert_snapshot!(server.refusal("POST", "/v1/jobs", large), @"413 too_large [-] the request is larger than this server's limit `limits.request`");
}

#[test]
fn media_that_vanish_between_submit_and_run_are_told_and_nothing_is_lost() {
    let server = Server::start(&["a.mp4=one_frame.mp4", "b.mp4=one_frame.mp4"], &["good.py"]);
    server.run("submit -m good.py --id one --wait a.mp4");
    std::fs::remove_file(server.path("a.mp4")).unwrap();
    assert_snapshot!(server.tell("retry one"), @"
    exit 1
    --- stderr
    error: `HERE/a.mp4` is gone: put it back, or submit it from where it is now
    ");
    assert!(server.tell("tags a.mp4").contains("a.mp4"), "what was stored is still there");
}

#[test]
fn a_job_that_is_under_way_when_the_server_ends_goes_on_with_the_next_one() {
    let server = Server::with_album(&["waits.py"]);
    server.run("submit -m waits.py --id slow album");
    while server.ask("GET", "/v1/jobs/slow", None).1["done"] != json!(1) {
        std::thread::yield_now();
    }
    let (place, told) = server.end(Signal::TERM);
    assert_snapshot!(told, @"
    exit 0
    ending all programs in order (this takes some seconds at most)
    ended; jobs that have not ended go on at the next start
    ");
    let server = Server::over(place, &[]);
    let (_, job) = server.ask("GET", "/v1/jobs/slow", None);
    assert_eq!((&job["done"], &job["parts"]), (&json!(1), &json!(2)));
    // It waits at the second file it is given; this time it is given only one.
    assert_snapshot!(server.tell("status slow --watch"), @"
    exit 0
    --- stdout
    slow  succeeded, 2/2 parts, 2 tags
      content   album
      model     waits
      submitted TIME
      started TIME
      ended TIME
      attempt 1 interrupted: it was ended by signal 15
      attempt 2 finished
    --- stderr
    slow: waits over album succeeded, 2/2 parts, 2 tags
    ");
    assert_eq!(server.ask("GET", "/v1/tags?content=album", None).1["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_hangup_lets_running_jobs_end_and_takes_no_new_ones() {
    let mut server = Server::with_album(&["waits.py", "good.py"]);
    server.run("submit -m waits.py --id slow album");
    while server.ask("GET", "/v1/jobs/slow", None).1["done"] != json!(1) {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&server.child.0), Signal::HUP).unwrap();
    let mut line = String::new();
    server.told.read_line(&mut line).unwrap();
    while server.ask("GET", "/v1/ready", None).0 == 200 {
        std::thread::yield_now();
    }
    assert_snapshot!(server.tell("submit -m good.py album"), @"
    exit 1
    --- stderr
    error: the server is shutting down and takes no new jobs: submit again when it is back
    ");
    server.run("stop slow");
    let mut told = String::new();
    server.told.read_to_string(&mut told).unwrap();
    assert_eq!(server.child.0.wait().unwrap().code(), Some(0), "{told}");
}

#[test]
fn without_the_token_nothing_is_told() {
    let place = Place::with(&["a.mp4=one_frame.mp4"]);
    let server = Server::over(place, &[("TAGGER_TOKEN", TOKEN)]);
    assert_eq!(server.ask("GET", "/v1/health", None).0, 200);
    let (status, answer) = server.ask("GET", "/v1/jobs", None);
    assert_snapshot!(format!("{status} {answer}"), @r#"401 {"error":{"code":"unauthorized","message":"a token is needed: send `Authorization: Bearer …`, or set TAGGER_TOKEN for the command"}}"#);
    assert_snapshot!(server.tell("jobs"), @"
    exit 1
    --- stderr
    error: a token is needed: send `Authorization: Bearer …`, or set TAGGER_TOKEN for the command
    ");
    let with = |token: &str| {
        let mut command = server.place.command(["jobs", "--json"]);
        command.env("TAGGER_SERVER", &server.url).env("TAGGER_TOKEN", token).output().unwrap()
    };
    assert!(with(TOKEN).status.success());
    assert!(!with("another-token-of-16-letters").status.success());
    let (place, told) = server.end(Signal::TERM);
    assert!(!told.contains(TOKEN));
    for file in place.files() {
        assert!(!String::from_utf8_lossy(&std::fs::read(place.path(&file)).unwrap_or_default()).contains(TOKEN));
    }
}

#[test]
fn a_configuration_is_checked_without_starting_anything() {
    let place = Place::new();
    place.write("server.toml", "[parts]\nseconds = 20\n\n[limit]\nlog = 5\n");
    assert_snapshot!(place.tagger("serve --check-config --config server.toml", &[]), @"
    exit 1
    --- stderr
    error: HERE/server.toml:4: unknown key `limit`; did you mean `limits`?
    ");
    assert_snapshot!(place.tagger("serve --listen 0.0.0.0:0", &[]), @"
    exit 1
    --- stderr
    error: listening on 0.0.0.0:0 lets the network in: set a token with `token_file` or TAGGER_TOKEN, or listen on 127.0.0.1
    ");
    assert_snapshot!(place.tagger("jobs --server http://127.0.0.1:1", &[]), @"
    exit 1
    --- stderr
    error: no server answers at http://127.0.0.1:1: start one with `tagger serve`, or name another one with --server
      caused by: io: Connection refused (os error 111)
    ");
    assert_snapshot!(place.tagger("jobs --server https://example.org", &[]), @"
    exit 1
    --- stderr
    error: --server `https://example.org`: commands speak HTTP without encryption: reach the server through a tunnel, such as `ssh -L 8086:127.0.0.1:8086 HOST`, and name http://127.0.0.1:8086
    ");
}
