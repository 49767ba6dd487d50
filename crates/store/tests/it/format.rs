//! Stores of every release stay readable: `fixtures/store` has one of each format.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use rusqlite::Connection;
use serde_json::json;
use tagger_store::*;
use tagger_wire::{FrameInfo, Region};

use crate::sample::*;

fn kept(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/store/format-{format}.db"))
}

/// Writes the fixture of the present format: once, when that is new, with
/// `cargo test --release -p tagger-store -- --ignored writes_the_fixture`.
#[tokio::test]
#[ignore = "writes fixtures/store"]
async fn writes_the_fixture_of_the_present_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    let store = Sqlite::open(&path).unwrap();
    let face = NewTag {
        track: "faces".into(),
        frame_info: Some(FrameInfo { frame_idx: 12, region: Some(Region::Corners([0.25, 0.5, 0.75, 1.0])) }),
        additional_info: json!({"score": 0.75}).as_object().cloned(),
        ..tag(480, 480, "Grace Hopper")
    };
    let first = vec![vec![tag(0, 30_000, "night"), face], vec![tag(30_000, 45_000, "night")]];
    run(&store, job("first", "film.mp4", "shot"), first, 5_000).await;
    run(&store, job("second", "film.mp4", "shot"), vec![vec![tag(0, 100, "day")], vec![]], 6_000).await;
    start(&store, job("third", "other.mp4", "shot"), 2).await;
    let changes = vec![
        Change::AttemptStarted { number: 1, parts: 2, log: Some("logs/third/1".into()), at_ms: 7_000 },
        Change::PartQuarantined { number: 1, attempts: 3, cause: "crashed".into() },
        Change::AttemptEnded {
            number: 1,
            outcome: AttemptOutcome::Failed,
            cause: Some("exit status 1".into()),
            is_counted: true,
            at_ms: 8_000,
        },
        Change::Warned { count: 2, last: "slow".into() },
        Change::Ratio(0.5),
    ];
    store.apply(&"third".into(), changes).await.unwrap();
    drop(store);
    let format: u32 = Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    let target = kept(format);
    assert!(!target.exists(), "{} is kept for ever", target.display());
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(path, target).unwrap();
}

/// The fixture in a place where it may be brought up to date.
fn opened(format: u32) -> (Sqlite, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    fs::copy(kept(format), &path).unwrap();
    (Sqlite::open(&path).unwrap(), path, folder)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[tokio::test]
async fn a_store_of_the_first_format_says_what_it_always_said() {
    let (store, _, _folder) = opened(1);
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    assert_snapshot!(json(&store.job(&"third".into()).await.unwrap()), @r#"
    {
      "id": "third",
      "content": "other.mp4",
      "version": 2,
      "stream": "video",
      "model": "shot",
      "model_digest": "sha256:5f2c",
      "params": {
        "fps": 2
      },
      "body": {
        "content": "other.mp4",
        "model": "shot",
        "params": {
          "fps": 2
        }
      },
      "priority": 0,
      "resources": {
        "gpu": 0.5
      },
      "tracks": [
        "labels"
      ],
      "run": 1,
      "state": "running",
      "cause": null,
      "created_ms": 1000,
      "started_ms": 1500,
      "ended_ms": null,
      "counts": {
        "parts": 2,
        "done": 0,
        "quarantined": 1,
        "tags": 0,
        "warnings": 2
      },
      "last_warning": "slow",
      "ratio": 0.5,
      "attempts": 1,
      "failures": 0
    }
    "#);
    assert_snapshot!(json(&store.job_parts(&"third".into(), limit(9)).await.unwrap().items), @r#"
    [
      {
        "number": 0,
        "state": "waiting",
        "attempts": 0,
        "cause": null,
        "not_before_ms": null,
        "tags": 0,
        "done_ms": null
      },
      {
        "number": 1,
        "state": "quarantined",
        "attempts": 3,
        "cause": "crashed",
        "not_before_ms": null,
        "tags": 0,
        "done_ms": null
      }
    ]
    "#);
    assert_snapshot!(json(&store.attempts(&"third".into(), limit(9)).await.unwrap().items), @r#"
    [
      {
        "number": 1,
        "parts": 2,
        "started_ms": 7000,
        "ended_ms": 8000,
        "outcome": "failed",
        "cause": "exit status 1",
        "log": "logs/third/1",
        "is_counted": true
      }
    ]
    "#);
    assert_snapshot!(json(&store.content(&"film.mp4".into()).await.unwrap()), @r#"
    {
      "id": "film.mp4",
      "created_ms": 1000,
      "version": {
        "id": 1,
        "content": "film.mp4",
        "source": "/media/film.mp4",
        "fingerprint": {
          "size_bytes": 1000000,
          "modified_ns": 1700000000000000000
        },
        "created_ms": 1000
      }
    }
    "#);
    let version = store.content(&"film.mp4".into()).await.unwrap().version.id;
    assert_eq!(store.parts(version, StreamName::Video).await.unwrap(), parts(2));
    assert_eq!(store.streams(version).await.unwrap(), [stream(2)]);
    let batches = store.batches(&"film.mp4".into(), true).await.unwrap();
    let told: Vec<String> =
        batches.iter().map(|b| format!("{} {} {} {}: {}", b.id, b.track, b.job, b.state, b.tags)).collect();
    assert_snapshot!(told.join("\n"), @"
    2 faces first current: 1
    3 labels second current: 1
    1 labels first superseded: 2
    ");
    assert_snapshot!(json(&walk(&store, of_content("film.mp4"), 9).await), @r#"
    [
      {
        "id": 4,
        "batch": 3,
        "job": "second",
        "content": "film.mp4",
        "stream": "video",
        "track": "labels",
        "model": "shot",
        "part": 0,
        "start_ms": 0,
        "end_ms": 100,
        "text": "day",
        "frame_info": null,
        "additional_info": null
      },
      {
        "id": 2,
        "batch": 2,
        "job": "first",
        "content": "film.mp4",
        "stream": "video",
        "track": "faces",
        "model": "shot",
        "part": 0,
        "start_ms": 480,
        "end_ms": 480,
        "text": "Grace Hopper",
        "frame_info": {
          "frame_idx": 12,
          "box": {
            "x1": 0.25,
            "y1": 0.5,
            "x2": 0.75,
            "y2": 1.0
          }
        },
        "additional_info": {
          "score": 0.75
        }
      }
    ]
    "#);
    assert_eq!(texts(&store, of_job("first")).await, ["0-45000 night", "480-480 Grace Hopper"]);
    let words = TagQuery { text: Some("hopper".into()), ..TagQuery::of(Scope::Everywhere) };
    assert_eq!(texts(&store, words).await, ["480-480 Grace Hopper"]);
    // It can be gone on with.
    store.commit_part(commit("third", 0, vec![tag(1, 2, "new")])).await.unwrap();
    assert_eq!(texts(&store, of_content("other.mp4")).await, ["1-2 new"]);
}

#[test]
fn a_store_of_any_age_gets_the_tables_of_a_new_one() {
    let tables = |path: &Path| -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.db");
    drop(Sqlite::open(&new).unwrap());
    let newest: u32 = Connection::open(&new).unwrap().query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
    for format in 1..=newest {
        let (store, path, _folder) = opened(format);
        drop(store);
        assert_eq!(tables(&path), tables(&new), "format {format}");
    }
}
