//! Drives a model program of every kind through the real contract: arguments, paths on standard input, messages in a
//! file, exit status.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

static CLIPS: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let folder = root.join("target/test-media");
    let made = Command::new(root.join("fixtures/make-clips.sh")).arg(&folder).output().expect("bash and ffmpeg");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
});

/// The path of a clip, as it is written to standard input.
fn clip(name: &str) -> String {
    let path = CLIPS.join(name);
    assert!(path.exists(), "no {name}: ffmpeg could not make it");
    path.to_str().unwrap().to_owned()
}

/// The example program, which cargo puts beside the folder of the tests.
fn program() -> Command {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples/models");
    assert!(path.exists(), "`cargo test -p common-ml` builds {}", path.display());
    Command::new(path)
}

/// A model program at work.
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    folder: TempDir,
}

impl Program {
    fn start(kind: &str, params: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), kind, params)
    }

    fn start_in(folder: TempDir, kind: &str, params: &str) -> Self {
        Self::start_with(&[("ELV_CONTENT", "iq__one"), ("ELV_TOKEN", "a token")], folder, kind, params)
    }

    fn start_with(environment: &[(&str, &str)], folder: TempDir, kind: &str, params: &str) -> Self {
        let mut child = program()
            .env_remove("ELV_CONTENT")
            .env_remove("ELV_TOKEN")
            .envs(environment.iter().copied())
            .args([kind, "--output-path"])
            .arg(folder.path().join("out.jsonl"))
            .args(["--params", params])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { stdin: child.stdin.take(), child, folder }
    }

    /// Writes lines as they are.
    fn write(&mut self, lines: &str) {
        // A program that has ended reads no more; its exit status tells what became of it.
        let _ = self.stdin.as_mut().unwrap().write_all(lines.as_bytes());
    }

    /// The complete lines of the output file so far.
    fn output(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("out.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until the output is as it should be.
    fn wait_for(&self, wanted: impl Fn(&[Value]) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.output()) {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain: {:?}", self.output());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the program to end, its input still open or not.
    fn end(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a model over files and tells its messages, one a line in short, and its exit status.
fn run(kind: &str, params: &str, files: &[String]) -> String {
    let mut program = Program::start(kind, params);
    program.write(&files.iter().map(|file| format!("{file}\n")).collect::<String>());
    program.stdin = None;
    let status = program.end();
    tell(&program.output(), status)
}

fn tell(messages: &[Value], status: i32) -> String {
    let clips = format!("{}/", CLIPS.display());
    let mut told: Vec<String> = messages.iter().map(short).map(|line| line.replace(&clips, "")).collect();
    told.push(format!("exit {status}"));
    told.join("\n")
}

fn short(message: &Value) -> String {
    let data = &message["data"];
    let file = data["source_media"].as_str().unwrap_or("-");
    match message["type"].as_str().unwrap() {
        "tag" => {
            let (tag, track) = (data["tag"].as_str().unwrap(), data["track"].as_str().unwrap());
            let place = match &data["frame_info"] {
                Value::Null => "range".to_owned(),
                info => format!("frame {} {}", info["frame_idx"], info["box"]),
            };
            format!("{file} [{}, {}] {tag:?} {track:?} {place}", data["start_time"], data["end_time"])
        }
        "progress" => format!("{file} done"),
        "progress_ratio" => format!("ratio {}", data["progress"]),
        _ => format!("{file} error: {}", data["message"].as_str().unwrap()),
    }
}

#[test]
fn a_still_is_one_frame_at_time_0_without_ranges() {
    assert_snapshot!(run("frame", "{}", &[clip("cover.png")]), @r#"
    cover.png [0, 0] "picture" "" frame 0 null
    cover.png [0, 0] "number 1" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    cover.png done
    exit 0
    "#);
}

#[test]
fn a_one_frame_video_gives_frame_tags_and_then_ranges_as_long_as_the_frame() {
    assert_snapshot!(run("frame", "{}", &[clip("one_frame.mp4")]), @r#"
    one_frame.mp4 [0, 0] "picture" "" frame 0 null
    one_frame.mp4 [0, 0] "number 1" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    one_frame.mp4 [0, 40] "picture" "" range
    one_frame.mp4 [0, 40] "number 1" "" range
    one_frame.mp4 done
    exit 0
    "#);
}

#[test]
fn what_is_seen_on_one_frame_only_makes_no_range_when_asked() {
    assert_snapshot!(run("frame", r#"{"allow_single_frame": false, "fps": 0.5}"#, &[clip("h264.mp4")]), @r#"
    h264.mp4 [0, 0] "picture" "" frame 0 null
    h264.mp4 [0, 0] "number 1" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    h264.mp4 [2000, 2000] "picture" "" frame 50 null
    h264.mp4 [2000, 2000] "number 2" "" frame 50 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    h264.mp4 [4000, 4000] "picture" "" frame 100 null
    h264.mp4 [4000, 4000] "number 3" "" frame 100 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    h264.mp4 [0, 4040] "picture" "" range
    h264.mp4 done
    exit 0
    "#);
}

#[test]
fn a_batch_model_gets_as_many_pictures_as_it_wants_and_those_left_in_the_end() {
    let tags = run("batch", r#"{"fps": 1.25, "pictures": 3}"#, &[clip("h264.mp4")]);
    let frames: Vec<&str> = tags.lines().filter(|line| line.contains("frame")).collect();
    assert_snapshot!(frames.join("\n"), @r#"
    h264.mp4 [0, 0] "one of 3" "" frame 0 null
    h264.mp4 [800, 800] "one of 3" "" frame 20 null
    h264.mp4 [1600, 1600] "one of 3" "" frame 40 null
    h264.mp4 [2400, 2400] "one of 3" "" frame 60 null
    h264.mp4 [3200, 3200] "one of 3" "" frame 80 null
    h264.mp4 [4000, 4000] "one of 3" "" frame 100 null
    h264.mp4 [4800, 4800] "one of 2" "" frame 120 null
    h264.mp4 [5600, 5600] "one of 2" "" frame 140 null
    "#);
    let tags = run("batch", r#"{"fps": 1.25, "batch_size": 4}"#, &[clip("h264.mp4"), clip("cover.png")]);
    let frames: Vec<&str> = tags.lines().filter(|line| line.contains("frame")).collect();
    assert_snapshot!(frames.join("\n"), @r#"
    h264.mp4 [0, 0] "one of 4" "" frame 0 null
    h264.mp4 [800, 800] "one of 4" "" frame 20 null
    h264.mp4 [1600, 1600] "one of 4" "" frame 40 null
    h264.mp4 [2400, 2400] "one of 4" "" frame 60 null
    h264.mp4 [3200, 3200] "one of 4" "" frame 80 null
    h264.mp4 [4000, 4000] "one of 4" "" frame 100 null
    h264.mp4 [4800, 4800] "one of 4" "" frame 120 null
    h264.mp4 [5600, 5600] "one of 4" "" frame 140 null
    cover.png [0, 0] "one of 1" "" frame 0 null
    "#);
}

#[test]
fn an_av_model_gets_whole_files_of_any_kind() {
    let sizes = ["tone.wav", "h264.mp4"].map(|name| fs::metadata(clip(name)).unwrap().len().to_string());
    let told = run("av", "{}", &[clip("tone.wav"), clip("h264.mp4")]);
    assert_snapshot!(told.replace(&sizes[0], "SIZE").replace(&sizes[1], "SIZE"), @r#"
    tone.wav [0, 1000] "SIZE bytes" "size" range
    tone.wav done
    h264.mp4 [0, 1000] "SIZE bytes" "size" range
    h264.mp4 done
    exit 0
    "#);
}

/// What ffprobe says of every frame of a clip: its timestamp in ticks; and the length of a tick.
fn frames_by_ffprobe(clip: &str) -> (Vec<i64>, (i64, i64)) {
    let ask = |what: &str| {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "v:0", "-of", "default=nw=1:nk=1", "-show_entries", what, clip])
            .output()
            .expect("ffprobe");
        String::from_utf8(output.stdout).unwrap()
    };
    let base = ask("stream=time_base");
    let (num, den) = base.trim().split_once('/').unwrap();
    let ticks = ask("frame=pts").lines().map(|line| line.parse().unwrap()).collect();
    (ticks, (num.parse().unwrap(), den.parse().unwrap()))
}

/// Ticks in whole ms, halves to even.
fn millis(ticks: i64, (num, den): (i64, i64)) -> i64 {
    let (whole, rest) = ((ticks * num * 1000).div_euclid(den), (ticks * num * 1000).rem_euclid(den));
    match (2 * rest).cmp(&den) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Greater => whole + 1,
        std::cmp::Ordering::Equal => whole + whole % 2,
    }
}

#[test]
fn frame_tags_and_ranges_lie_where_ffprobe_says_the_frames_are() {
    for name in ["vfr.mp4", "ntsc.mp4", "slow.mp4"] {
        let (ticks, base) = frames_by_ffprobe(&clip(name));
        // Two points a second, whole in both number systems: the nearest frame of each, the earlier one on a tie, once.
        let half_seconds = |ticks: i64| (2 * ticks * base.0, base.1);
        let (last, den) = half_seconds(ticks[ticks.len() - 1] - ticks[0]);
        let mut chosen: Vec<usize> = (0..=last / den)
            .map(|point| {
                let distance = |index: &usize| (half_seconds(ticks[*index] - ticks[0]).0 - point * den).abs();
                (0..ticks.len()).min_by_key(distance).unwrap()
            })
            .collect();
        chosen.dedup();
        let mut expected = Vec::new();
        let mut ranges = Vec::new();
        for (nth, index) in chosen.iter().enumerate() {
            let time = millis(ticks[*index], base);
            // The clips are chosen so that the last frame, whose length another rule tells, is compared by time only.
            let end = ticks.get(index + 1).map(|next| time + millis(next - ticks[*index], base));
            expected.push((time, Some(time), "picture".to_owned(), Some(*index)));
            expected.push((time, Some(time), format!("number {}", nth + 1), Some(*index)));
            ranges.push((time, end, format!("number {}", nth + 1), None));
        }
        let all = (ranges[0].0, ranges[ranges.len() - 1].1, "picture".to_owned(), None);
        expected.push(all);
        expected.extend(ranges);

        let mut program = Program::start("frame", r#"{"fps": 2}"#);
        program.write(&clip(name));
        program.stdin = None;
        assert_eq!(program.end(), 0);
        let tags: Vec<_> = program
            .output()
            .iter()
            .filter(|message| message["type"] == "tag")
            .map(|message| {
                let data = &message["data"];
                let frame = data["frame_info"]["frame_idx"].as_u64().map(|index| index as usize);
                (
                    data["start_time"].as_i64().unwrap(),
                    data["end_time"].as_i64(),
                    data["tag"].as_str().unwrap().to_owned(),
                    frame,
                )
            })
            .collect();
        assert_eq!(tags.len(), expected.len(), "{name}");
        for (tag, expected) in tags.iter().zip(&expected) {
            let (_, end, ..) = expected;
            assert_eq!((tag.0, end.and(tag.1), &tag.2, tag.3), (expected.0, *end, &expected.2, expected.3), "{name}");
        }
    }
}

#[test]
fn every_message_can_be_read_while_the_input_stays_open_and_a_late_line_is_served() {
    let mut program = Program::start("producer", "{}");
    for (nth, name) in ["a.mp4", "b.mp4", "c.mp4"].iter().enumerate() {
        program.write(&format!("{name}\n"));
        program.wait_for(|messages| messages.len() == 2 * (nth + 1));
    }
    program.stdin = None;
    assert_eq!(program.end(), 0);
    assert_snapshot!(tell(&program.output(), 0), @r#"
    a.mp4 [0, 0] "batch 1" "" range
    a.mp4 done
    b.mp4 [0, 0] "batch 2" "" range
    b.mp4 done
    c.mp4 [0, 0] "batch 3" "" range
    c.mp4 done
    ratio 1.0
    exit 0
    "#);
}

#[test]
fn frame_tags_are_written_as_they_are_found_and_ranges_only_of_a_whole_file() {
    let mut program = Program::start("frame", r#"{"fail_at": 3}"#);
    program.write(&format!("{}\n", clip("h264.mp4")));
    assert_eq!(program.end(), 1);
    assert_snapshot!(tell(&program.output(), 1), @r#"
    h264.mp4 [0, 0] "picture" "" frame 0 null
    h264.mp4 [0, 0] "number 1" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    h264.mp4 [1000, 1000] "picture" "" frame 25 null
    h264.mp4 [1000, 1000] "number 2" "" frame 25 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    h264.mp4 error: number 3 is one too many
    exit 1
    "#);
}

#[test]
fn lines_that_come_together_are_gathered_into_batches_in_their_order() {
    let files: Vec<String> = (0..300).map(|n| format!("{n}.mp4")).collect();
    let mut program = Program::start("producer", "{}");
    program.write(&files.iter().map(|file| format!("  {file} \r\n\n")).collect::<String>());
    program.stdin = None;
    assert_eq!(program.end(), 0);
    let messages = program.output();
    let done: Vec<&str> = messages
        .iter()
        .filter(|message| message["type"] == "progress")
        .map(|message| message["data"]["source_media"].as_str().unwrap())
        .collect();
    assert_eq!(done, files);
    // How many batches there are is a matter of time; that there is not one a file is not.
    let last = messages.iter().rfind(|message| message["type"] == "tag").unwrap();
    let batches: usize = last["data"]["tag"].as_str().unwrap().trim_start_matches("batch ").parse().unwrap();
    assert!(batches < files.len() / 2, "{batches} batches");
}

#[test]
fn a_file_that_fails_ends_the_program_even_while_its_input_is_open() {
    let mut program = Program::start("frame", "{}");
    program.write(&format!("{}\n/no/such/clip.mp4\n{}\n", clip("cover.png"), clip("cover.png")));
    assert_eq!(program.end(), 1);
    assert_snapshot!(tell(&program.output(), 1), @r#"
    cover.png [0, 0] "picture" "" frame 0 null
    cover.png [0, 0] "number 1" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    cover.png done
    /no/such/clip.mp4 error: `/no/such/clip.mp4` does not exist; check the path
    exit 1
    "#);
}

#[test]
fn with_continue_on_error_the_next_file_follows_and_the_failed_one_has_an_error_and_no_progress() {
    let files =
        [clip("cover.png"), "/no/such/clip.mp4".into(), clip("text.mp4"), "notes.txt".into(), clip("cover.png")];
    assert_snapshot!(run("frame", r#"{"continue_on_error": true}"#, &files), @r#"
    cover.png [0, 0] "picture" "" frame 0 null
    cover.png [0, 0] "number 1" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    cover.png done
    /no/such/clip.mp4 error: `/no/such/clip.mp4` does not exist; check the path
    text.mp4 error: `text.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds
    notes.txt error: a frame model takes images and video, not `notes.txt` (unknown by its extension)
    cover.png [0, 0] "picture" "" frame 0 null
    cover.png [0, 0] "number 2" "" frame 0 {"x1":0.0,"y1":0.0,"x2":0.5,"y2":0.5}
    cover.png done
    exit 0
    "#);
    assert_snapshot!(run("av", r#"{"continue_on_error": true}"#, &["gone.mp3".into()]), @"
    gone.mp3 error: cannot read `gone.mp3`: No such file or directory (os error 2)
    exit 0
    ");
}

#[test]
fn a_frame_model_takes_no_sound_and_nothing_unknown() {
    assert_snapshot!(run("frame", "{}", &[clip("tone.wav")]), @"
    tone.wav error: a frame model takes images and video, not `tone.wav` (audio by its extension)
    exit 1
    ");
    assert_snapshot!(run("frame", "{}", &["media/data.bin".into()]), @"
    media/data.bin error: a frame model takes images and video, not `media/data.bin` (unknown by its extension)
    exit 1
    ");
}

#[test]
fn a_producer_s_failure_is_the_program_s() {
    assert_snapshot!(run("producer", r#"{"fail_at": 1}"#, &["a.mp4".into()]), @"
    - error: number 1 is one too many
    exit 1
    ");
    assert_snapshot!(run("producer", r#"{"fail_at": 1, "continue_on_error": true}"#, &["a.mp4".into()]), @"
    - error: number 1 is one too many
    ratio 1.0
    exit 0
    ");
    assert_snapshot!(run("producer", r#"{"fail_in_the_end": true}"#, &["a.mp4".into()]), @r#"
    a.mp4 [0, 0] "batch 1" "" range
    a.mp4 done
    - error: there is no end
    exit 1
    "#);
}

#[test]
fn no_files_are_no_failure() {
    assert_snapshot!(run("frame", "{}", &[]), @"exit 0");
    assert_snapshot!(run("producer", "{}", &["".into(), "  ".into()]), @"
    ratio 1.0
    exit 0
    ");
}

#[test]
fn parameters_that_are_wrong_are_told_in_the_output_file() {
    let wrong = [r#"{"fps": }"#, "[1]", r#"{"fps": -1}"#, r#"{"pictres": 1}"#, r#"{"fail_at": "never"}"#];
    assert_snapshot!(wrong.map(|params| run("frame", params, &[clip("cover.png")])).join("\n"), @r#"
    - error: --params must be one JSON object, such as '{"fps": 2}': expected value at line 1 column 9
    exit 1
    - error: --params must be one JSON object, such as '{"fps": 2}': this is an array
    exit 1
    - error: parameter `fps` is -1, a number above 0 is expected
    exit 1
    - error: unknown parameter `pictres`, did you mean `pictures`? (known: `fail_at`, `fail_in_the_end`, `in_order`, `pictures`)
    exit 1
    - error: parameter `fail_at` is "never", a whole number from 0 or null is expected
    exit 1
    "#);
    assert_snapshot!(run("sculpture", "{}", &[]), @"
    - error: no kind `sculpture`: frame, batch, av, producer or processor
    exit 1
    ");
}

#[test]
fn without_an_output_path_there_is_nothing_to_be_done() {
    let told = |arguments: &[&str]| {
        let output = program().args(arguments).stdin(Stdio::null()).output().unwrap();
        format!("exit {}: {}", output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).trim_end())
    };
    assert_snapshot!(told(&["frame"]), @r"
    exit 2: error: --output-path PATH is missing: the file to append messages to
    usage: PROGRAM --output-path PATH [--params JSON] < PATHS
           PROGRAM --describe
    ");
    assert_snapshot!(told(&["frame", "--params", "{}", "--output-path"]), @r"
    exit 2: error: --output-path needs a value
    usage: PROGRAM --output-path PATH [--params JSON] < PATHS
           PROGRAM --describe
    ");
    assert_snapshot!(told(&["frame", "--output-path", "/no/such/folder/out.jsonl"]), @"exit 1: error: cannot open `/no/such/folder/out.jsonl` for appending: No such file or directory (os error 2)");
}

#[test]
fn a_program_describes_itself_with_the_parameters_of_its_loop() {
    let told = |kind: &str| {
        let output = program().args([kind, "--describe"]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let names =
        |told: &Value| told["parameters"]["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let frame = told("frame");
    assert_eq!((&frame["name"], &frame["kind"]), (&"counter".into(), &"frame".into()));
    assert_eq!(frame["parameters"]["additionalProperties"], false);
    assert_eq!(frame["parameters"]["properties"]["pictures"]["default"], 3);
    assert_eq!(names(&frame)[4..], ["fps", "allow_single_frame", "batch_size", "continue_on_error"]);
    assert_eq!(names(&told("av"))[4..], ["continue_on_error"]);
}

#[test]
fn what_the_output_file_holds_already_stays() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = "{\"type\":\"progress\",\"data\":{\"source_media\":\"x\"}}\n";
    fs::write(folder.path().join("out.jsonl"), earlier).unwrap();
    let mut program = Program::start_in(folder, "av", "{}");
    program.write(&clip("tone.wav"));
    program.stdin = None;
    assert_eq!(program.end(), 0);
    assert_eq!(program.output().len(), 3);
}

/// Runs the processor over files that name ranges, in seconds, in one batch.
fn run_ranges(environment: &[(&str, &str)], params: &str, ranges: &[(i64, i64)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let files: String = ranges
        .iter()
        .map(|(start, end)| {
            let file = path.join(format!("{start}.json"));
            let named = serde_json::json!({"start_time": start * 1000, "end_time": end * 1000});
            fs::write(&file, named.to_string()).unwrap();
            format!("{}\n", file.display())
        })
        .collect();
    let mut program = Program::start_with(environment, folder, "processor", params);
    program.write(&files);
    program.stdin = None;
    let status = program.end();
    tell(&program.output(), status).replace(&format!("{}/", path.display()), "")
}

const CONTENT: [(&str, &str); 2] = [("ELV_CONTENT", "iq__one"), ("ELV_TOKEN", "a token")];

#[test]
fn ranges_that_touch_are_one_and_each_is_told_as_finished() {
    let ranges = [(30, 40), (0, 10), (10, 20)];
    assert_snapshot!(run_ranges(&CONTENT, r#"{"in_order": true}"#, &ranges), @r#"
    0.json [0, 20000] "20 s of iq__one" "" range
    0.json done
    10.json done
    30.json [30000, 40000] "10 s of iq__one" "" range
    30.json done
    exit 0
    "#);
    assert_snapshot!(run_ranges(&CONTENT, "{}", &ranges), @r#"
    0.json [0, 20000] "20 s of iq__one" "" range
    30.json [30000, 40000] "10 s of iq__one" "" range
    0.json [0, 0] "2 ranges" "" range
    0.json done
    10.json done
    30.json done
    exit 0
    "#);
}

#[test]
fn a_processor_needs_a_content_and_a_token() {
    assert_snapshot!(run_ranges(&CONTENT[..1], "{}", &[(0, 10)]), @"
    - error: the environment variable ELV_TOKEN is missing; the runtime sets it for models of time ranges
    exit 1
    ");
    assert_snapshot!(run_ranges(&CONTENT[1..], "{}", &[(0, 10)]), @"
    - error: the environment variable ELV_CONTENT is missing; the runtime sets it for models of time ranges
    exit 1
    ");
    assert_snapshot!(run_ranges(&[("ELV_CONTENT", "a b"), ("ELV_TOKEN", "t")], "{}", &[(0, 10)]), @"
    - error: `a b` is no content
    exit 1
    ");
}

#[test]
fn a_processor_that_fails_goes_on_with_the_next_batch_if_asked() {
    assert_snapshot!(run_ranges(&CONTENT, r#"{"fail_at": 1}"#, &[(0, 10)]), @"
    - error: number 1 is one too many
    exit 1
    ");
    assert_snapshot!(run_ranges(&CONTENT, r#"{"fail_at": 1, "continue_on_error": true}"#, &[(0, 10)]), @r#"
    - error: number 1 is one too many
    0.json [0, 0] "1 ranges" "" range
    exit 0
    "#);
}
