//! What was acknowledged is there after a kill at any instant, and no part is there by half.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tagger_store::*;

use crate::sample::*;

const PARTS: u32 = 400;
const TAGS_A_PART: i64 = 25;
const KILLS: u32 = 10;

/// Two tracks, and words of its own for every part.
fn tags_of(part: u32) -> Vec<NewTag> {
    let start_ms = i64::from(part) * PART_MS;
    let on_track = |n: i64| if n % 2 == 0 { "labels" } else { "faces" };
    (0..TAGS_A_PART)
        .map(|n| NewTag { track: on_track(n).into(), ..tag(start_ms + n, start_ms + n * n, &format!("{part} {n}")) })
        .collect()
}

/// The program that is killed: commits what is not done yet, several parts at a time, and says which are.
#[tokio::test]
#[ignore = "a part of the test below"]
async fn commits_until_it_is_killed() {
    let store = Arc::new(Sqlite::open(Path::new(&env::var("STORE").unwrap())).unwrap());
    let parts = store.job_parts(&"j1".into(), limit(PARTS)).await.unwrap().items;
    let waiting = Arc::new(std::sync::Mutex::new(parts.into_iter().filter(|part| part.state != PartState::Done)));
    let writers = (0..4).map(|_| {
        let (store, waiting) = (store.clone(), waiting.clone());
        tokio::spawn(async move {
            loop {
                let Some(part) = waiting.lock().unwrap().next() else { return };
                store.commit_part(commit("j1", part.number, tags_of(part.number))).await.unwrap();
                println!("\nkept {}", part.number);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn started(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::commits_until_it_is_killed", "--ignored", "--nocapture"])
        .env("STORE", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged_and_leaves_no_part_by_half() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    start(&Sqlite::open(&path).unwrap(), job("j1", "film.mp4", "shot"), PARTS).await;
    let mut seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut kept = Vec::new();
    for round in 0..=KILLS {
        // Killed after so many more parts: at whatever the writer is doing then.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let so_many = if round == KILLS { PARTS as usize } else { 1 + (seed >> 33) as usize % 30 };
        let mut program = started(&path);
        let lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = lines.filter_map(|line| line.strip_prefix("kept ")?.parse::<u32>().ok());
        kept.extend(told.by_ref().take(so_many));
        program.kill().unwrap();
        kept.extend(told);
        program.wait().unwrap();
        let done = holds(&path, &kept).await;
        assert!(round < KILLS || done == PARTS as usize, "{done} of {PARTS} parts after an undisturbed end");
    }
}

/// Looks through the store. Gives how many parts are done.
async fn holds(path: &Path, kept: &[u32]) -> usize {
    let store = Sqlite::open(path).unwrap();
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
    let parts = store.job_parts(&"j1".into(), limit(PARTS)).await.unwrap().items;
    let done: Vec<u32> = parts.iter().filter(|part| part.state == PartState::Done).map(|part| part.number).collect();
    assert!(kept.iter().all(|part| done.contains(part)), "kept {kept:?}, there {done:?}");
    let mut expected: Vec<String> = done
        .iter()
        .flat_map(|part| tags_of(*part))
        .map(|tag| format!("{} {}-{} {}", tag.track, tag.start_ms, tag.end_ms, tag.text))
        .collect();
    let tags = walk(&store, of_content("film.mp4"), 1_000).await;
    let mut there: Vec<String> =
        tags.iter().map(|tag| format!("{} {}-{} {}", tag.track, tag.start_ms, tag.end_ms, tag.text)).collect();
    expected.sort_unstable();
    there.sort_unstable();
    assert_eq!(there, expected);
    done.len()
}

/// The program that may write files of 4 MiB only: one commit too large for that, among small ones.
#[tokio::test]
#[ignore = "a part of the test below"]
async fn commits_more_than_fits() {
    let store = Arc::new(Sqlite::open(Path::new(&env::var("STORE").unwrap())).unwrap());
    let asked = (0..20).map(|part| {
        let store = store.clone();
        tokio::spawn(async move {
            let long = "x".repeat(if part == 10 { 8 << 20 } else { 10 });
            store.commit_part(commit("j1", part, vec![tag(0, 1, &format!("{part} {long}"))])).await
        })
    });
    for (part, answer) in (0..).zip(asked.collect::<Vec<_>>()) {
        match answer.await.unwrap() {
            Ok(_) => assert_ne!(part, 10),
            Err(error) => assert!(part == 10 && error.is_transient(), "part {part}: {error:?}"),
        }
    }
    println!("\nthrough");
}

#[tokio::test]
async fn a_commit_that_the_disk_has_no_room_for_takes_none_of_its_neighbours_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    start(&Sqlite::open(&path).unwrap(), job("j1", "film.mp4", "shot"), 20).await;
    // A limit of the shell's stands for the disk's: 4096 units of 1 KiB, or of half that.
    let script = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "kill::commits_more_than_fits", "--ignored", "--nocapture"])
        .env("STORE", &path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("\nthrough\n"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(store.job(&"j1".into()).await.unwrap().counts.done, 19);
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
}
