//! Measures the shot detector on clips whose shots are known, through the program and its contract.
//!
//! The clips are made by `fixtures/shots/make.sh`, which also says what each must give. The table of all of them:
//! `cargo test --release -p tagger-models --test shot -- --nocapture`.

#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::{env, fs, io::Write};

use tagger_wire::{Message, Tag};

/// Frames at which a shot may begin, `[from, to]`.
struct Expected {
    from: u64,
    to: u64,
    /// Whether it is also right to find nothing there.
    optional: bool,
}

impl Expected {
    fn parse(line: &str) -> Self {
        let (optional, range) = line.strip_prefix('?').map_or((false, line), |range| (true, range));
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        Self { from: from.parse().unwrap(), to: to.parse().unwrap(), optional }
    }
}

/// Boundaries that are right, too many, and missing.
#[derive(Default)]
struct Score {
    right: usize,
    extra: Vec<u64>,
    missed: Vec<u64>,
}

impl Score {
    fn of(found: &[u64], expected: &[Expected]) -> Self {
        let mut score = Self::default();
        let mut met = vec![false; expected.len()];
        for frame in found {
            let place = (0..expected.len()).find(|i| !met[*i] && (expected[*i].from..=expected[*i].to).contains(frame));
            match place {
                Some(place) => {
                    met[place] = true;
                    score.right += usize::from(!expected[place].optional);
                }
                None => score.extra.push(*frame),
            }
        }
        let missed = expected.iter().zip(met).filter(|(expected, met)| !met && !expected.optional);
        score.missed = missed.map(|(expected, _)| expected.from).collect();
        score
    }
}

/// The made clips with what each must give.
fn made_clips() -> &'static BTreeMap<String, (PathBuf, Vec<Expected>)> {
    static CLIPS: LazyLock<BTreeMap<String, (PathBuf, Vec<Expected>)>> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join("target/test-media/shots");
        let made = Command::new("bash").arg(root.join("fixtures/shots/make.sh")).arg(&folder).status().unwrap();
        assert!(made.success(), "fixtures/shots/make.sh failed");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let expectations = files.filter(|path| path.extension().is_some_and(|extension| extension == "expected"));
        let clip = |path: PathBuf| {
            let expected = fs::read_to_string(&path).unwrap().lines().map(Expected::parse).collect();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), (path.with_extension("mp4"), expected))
        };
        expectations.map(clip).collect()
    });
    &CLIPS
}

/// Runs the program over files. Gives the tags of each by path, and how the program ended.
fn run(files: &[&Path], params: &str) -> (BTreeMap<PathBuf, Vec<Tag>>, Vec<Message>, Output) {
    let folder = tempfile::tempdir().unwrap();
    let output_path = folder.path().join("tags.jsonl");
    let mut program = Command::new(env!("CARGO_BIN_EXE_tagger-models"))
        .args(["shot", "--params", params, "--output-path"])
        .arg(&output_path)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let paths: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
    program.stdin.take().unwrap().write_all(paths.join("\n").as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    let (mut tags, mut others) = (BTreeMap::<PathBuf, Vec<Tag>>::new(), Vec::new());
    for line in fs::read_to_string(&output_path).unwrap().lines() {
        match serde_json::from_str(line).unwrap() {
            Message::Tag(tag) => tags.entry(PathBuf::from(&tag.source_media)).or_default().push(tag),
            other => others.push(other),
        }
    }
    (tags, others, output)
}

/// The tags of every made clip under the default parameters.
fn tags_of_made_clips() -> &'static BTreeMap<PathBuf, Vec<Tag>> {
    static TAGS: LazyLock<BTreeMap<PathBuf, Vec<Tag>>> = LazyLock::new(|| {
        let files: Vec<_> = made_clips().values().map(|(path, _)| path.as_path()).collect();
        let (tags, _, output) = run(&files, "{}");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        tags
    });
    &TAGS
}

fn info(tag: &Tag, name: &str) -> serde_json::Value {
    tag.additional_info.as_ref().unwrap()[name].clone()
}

/// The first frames of all shots but the first.
fn boundaries(tags: &[Tag]) -> Vec<u64> {
    tags.iter().skip(1).map(|tag| info(tag, "start_frame").as_u64().unwrap()).collect()
}

/// A clip of the pinned package that `make` fetches; `None`, with a word about it, where it was not fetched.
fn sample(name: &str) -> Option<PathBuf> {
    let fetched = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sample-media");
    let path = env::var_os("TAGGER_SAMPLE_MEDIA").map_or_else(fetched, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is missing: run `make sample-media`", path.display());
    println!("skipped: {} is missing, `make sample-media` fetches it", path.display());
    None
}

/// Prints a line of the table, and fails unless as many are right as `least_right`, of 1, in precision and in recall.
fn report<'a>(title: &str, scores: impl IntoIterator<Item = (&'a String, Score)>, least_right: f64) {
    let (mut right, mut extra, mut missed, mut clips) = (0, 0, 0, 0);
    let mut faults = String::new();
    for (name, score) in scores {
        clips += 1;
        right += score.right;
        extra += score.extra.len();
        missed += score.missed.len();
        if !score.extra.is_empty() || !score.missed.is_empty() {
            faults += &format!("\n    {name}: too many {:?}, missing {:?}", score.extra, score.missed);
        }
    }
    let part = |of: usize| if of == 0 { 1.0 } else { right as f64 / of as f64 };
    let (precision, recall) = (part(right + extra), part(right + missed));
    let f1 = 2.0 * precision * recall / (precision + recall);
    println!(
        "| {title} | {clips} | {} | {extra} | {missed} | {precision:.3} | {recall:.3} | {f1:.3} |{faults}",
        right + missed
    );
    assert!(clips > 0 && precision >= least_right && recall >= least_right, "{title}: {faults}");
}

fn scores<'a>(of: impl Fn(&str, &[Expected]) -> bool + 'a) -> impl Iterator<Item = (&'a String, Score)> {
    let tags = tags_of_made_clips();
    let clips = made_clips().iter().filter(move |(name, (_, expected))| of(name, expected));
    clips.map(move |(name, (path, expected))| (name, Score::of(&boundaries(&tags[path]), expected)))
}

fn is_montage(name: &str) -> bool {
    name.starts_with("montage-")
}

#[test]
fn every_boundary_of_the_made_clips_is_found() {
    report("made for a rule: cuts and fades", scores(|name, expected| !is_montage(name) && !expected.is_empty()), 1.0);
}

#[test]
fn nothing_is_found_where_a_clip_is_one_shot_whatever_it_does() {
    report("made for a rule: one shot", scores(|name, expected| !is_montage(name) && expected.is_empty()), 1.0);
}

#[test]
fn random_montages_are_taken_apart() {
    // They were not looked at while the rules were made, so a few of their boundaries may be wrong.
    report("random montages", scores(|name, _| is_montage(name)), 0.95);
}

#[test]
fn real_clips_have_exactly_their_cuts() {
    for (name, cuts) in [("bikes.mp4", &[30, 76, 137, 187, 242][..]), ("bigbuckbunny.mp4", &[])] {
        let Some(path) = sample(name) else { continue };
        let (tags, _, output) = run(&[&path], "{}");
        assert!(output.status.success());
        assert_eq!(boundaries(&tags[&path]), cuts, "{name}");
    }
}

#[test]
fn shots_cover_each_clip_from_its_first_frame_to_the_end_of_its_last() {
    for (path, tags) in tags_of_made_clips() {
        assert_eq!(info(&tags[0], "start_frame"), 0);
        assert_eq!(info(&tags[0], "kind"), "start");
        for pair in tags.windows(2) {
            assert_eq!(pair[0].end_time, pair[1].start_time, "{}", path.display());
            assert_eq!(info(&pair[0], "end_frame"), info(&pair[1], "start_frame"), "{}", path.display());
        }
        let (frames, end) = ffprobe(path);
        let last = &tags[tags.len() - 1];
        assert_eq!(info(last, "end_frame"), frames, "{}", path.display());
        assert!(
            (last.end_time as f64 - end * 1000.0).abs() <= 1.0,
            "{}: {} not {end} s",
            path.display(),
            last.end_time
        );
    }
}

/// How many frames ffprobe counts, and where the last one ends in seconds.
fn ffprobe(path: &Path) -> (u64, f64) {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "packet=pts_time,duration_time",
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ends = text.lines().map(|line| line.split(',').take(2).map(|field| field.parse::<f64>().unwrap()).sum::<f64>());
    (text.lines().count() as u64, ends.fold(0.0, f64::max))
}

#[test]
fn at_a_variable_frame_rate_a_shot_starts_at_its_frame_s_own_time() {
    let (path, _) = &made_clips()["variable-rate"];
    let starts: Vec<_> = tags_of_made_clips()[path].iter().map(|tag| tag.start_time).collect();
    assert_eq!(starts, [0, 2000, 4000], "frames 0, 29 and 59 of a clip that lost most of its frames at 25 a second");
}

#[test]
fn kinds_and_scores_say_how_shots_begin() {
    let of = |name: &str| {
        let tags = &tags_of_made_clips()[&made_clips()[name].0];
        tags.iter().map(|tag| (info(tag, "kind"), info(tag, "score").as_f64())).collect::<Vec<_>>()
    };
    assert_eq!(of("pan"), [("start".into(), None)]);
    for (name, kind) in [("colours", "cut"), ("fade-black", "fade")] {
        for (told, score) in &of(name)[1..] {
            assert_eq!(told, kind);
            assert!(score.is_some_and(|score| (0.9..=1.0).contains(&score)), "{score:?}");
        }
    }
}

#[test]
fn parameters_choose_what_counts() {
    let starts = |name: &str, params: &str| {
        let path = &made_clips()[name].0;
        boundaries(&run(&[path], params).0[path])
    };
    assert!(starts("fade-black", r#"{"fades": false}"#).is_empty());
    assert_eq!(starts("caption", r#"{"threshold": 0.05}"#), [20, 46]);
    assert_eq!(starts("sources", r#"{"min_shot_seconds": 2.5}"#), [100]);
}

#[test]
fn parameters_out_of_range_end_the_program_before_it_starts() {
    let (_, others, output) = run(&[], r#"{"threshold": 7}"#);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(serde_json::to_string(&others).unwrap(), @r#"[{"type":"error","data":{"message":"parameter `threshold` is 7, a number from 0.05 to 1 is expected","source_media":null}}]"#);
}

#[test]
fn a_file_without_pictures_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let tone = folder.path().join("tone.wav");
    let made = Command::new("ffmpeg").args(["-v", "error", "-f", "lavfi", "-i", "sine=d=0.1"]).arg(&tone).status();
    assert!(made.unwrap().success());
    let (tags, others, output) = run(&[&tone], "{}");
    assert_eq!(output.status.code(), Some(1));
    assert!(tags.is_empty());
    let [Message::Error { message, source_media }] = &others[..] else { panic!("{others:?}") };
    assert_eq!(source_media.as_deref(), tone.to_str());
    assert!(message.contains("no video stream") && message.contains("tone.wav"), "{message}");
}

#[test]
fn another_name_than_a_model_s_is_a_usage_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_tagger-models")).arg("shop").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r"
    error: no model `shop` in this program; it holds: shot
    usage: tagger-models MODEL --output-path PATH [--params JSON] < PATHS
    ");
}
