//! Measures a store, for `benches/store.py`: how fast parts are committed and how long questions take.
//!
//! `store-speed FOLDER TAGS` writes a track of 100,000 tags and one of `TAGS`, asks both for windows, lists 20,000 jobs,
//! and prints a JSON object with what it saw: tags a second, and milliseconds. Commits are held against bare inserts of
//! the same rows, in batches as large, into tables of the same form in a file beside.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use rusqlite::Connection;
use serde_json::json;
use tagger_store::{
    Change, Commit, Fingerprint, JobFilter, JobId, JobState, NewContent, NewJob, NewTag, Paging, Part, Scope, Sqlite,
    Store, Stream, StreamName, TagQuery, Time,
};
use tokio::task::JoinSet;

const PART_MS: i64 = 30_000;
const TAGS_A_PART: u32 = 900;
/// How many parts are finished about the same time, as programs side by side finish them.
const SIDE_BY_SIDE: u32 = 8;
/// How many parts a round of writing has, and how many rounds there are: the two ways take turns.
const PARTS_A_ROUND: u32 = 40;
const ROUNDS: u32 = 10;
const WINDOW_MS: i64 = 10_000;
const QUESTIONS: usize = 2_000;
const JOBS: u32 = 20_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, tags] = &arguments[..] else { bail!("usage: store-speed FOLDER TAGS") };
    let (folder, tags) = (PathBuf::from(folder), tags.parse::<u32>().context("TAGS is no number")?);
    let store = Arc::new(Sqlite::open(&folder.join("tagger.db"))?);

    let (committed_per_s, bare_per_s) = compare(&store, &folder).await?;
    let mut asked = Vec::new();
    for (name, tags) in [("small", tags.min(100_000)), ("large", tags)] {
        begin(&store, name, tags.div_ceil(TAGS_A_PART)).await?;
        let begun = Instant::now();
        let parts = 0..tags.div_ceil(TAGS_A_PART);
        write(&store, name, parts.map(|part| (part, tags_of(part)))).await?;
        let filled_per_s = f64::from(tags) / begun.elapsed().as_secs_f64();
        asked.push((name, tags, filled_per_s));
    }
    let written: u64 = asked.iter().map(|(_, tags, _)| u64::from(tags.div_ceil(TAGS_A_PART) * TAGS_A_PART)).sum();
    let mut windows = serde_json::Map::new();
    for (name, tags, filled_per_s) in asked {
        let (p50_ms, p99_ms) = windows_of(&*store, name, tags).await?;
        let told = json!({"tags": tags, "filled_per_s": filled_per_s, "p50_ms": p50_ms, "p99_ms": p99_ms});
        windows.insert(name.into(), told);
    }
    let (p50_ms, p99_ms) = job_pages(&store).await?;
    let told = json!({
        "committed_per_s": committed_per_s,
        "bare_per_s": bare_per_s,
        "written": u64::from(TAGS_A_PART * PARTS_A_ROUND * ROUNDS) + written,
        "windows": windows,
        "jobs": {"jobs": JOBS, "p50_ms": p50_ms, "p99_ms": p99_ms},
    });
    println!("{told}");
    Ok(())
}

/// The tags of a part: most are short, some last for minutes, and two in a hundred say something new.
fn tags_of(part: u32) -> Vec<NewTag> {
    let mut random = Random(u64::from(part) + 1);
    (0..TAGS_A_PART)
        .map(|n| {
            let start_ms = i64::from(part) * PART_MS + random.below(PART_MS.cast_unsigned());
            let length_ms = match random.below(20) {
                0..8 => 0,
                8..15 => 40 + random.below(960),
                15..19 => random.below(10_000),
                _ => random.below(300_000),
            };
            let text = match random.below(50) {
                0 => format!("somebody says number {n} of {part}"),
                _ => format!("label {}", random.below(1_000)),
            };
            let track = "labels".to_owned();
            let end_ms = start_ms + length_ms;
            NewTag { track, start_ms, end_ms, text, frame_info: None, additional_info: None }
        })
        .collect()
}

async fn begin(store: &Sqlite, name: &str, parts: u32) -> anyhow::Result<()> {
    let id = JobId::from(name);
    store.add_job(job(name)).await?;
    let time = |ticks| Time { ticks, num: 1, den: 1_000 };
    let part = |number| Part {
        number,
        start: time(i64::from(number) * PART_MS),
        duration: time(PART_MS),
        first_index: u64::from(number) * 750,
        count: 750,
        file: format!("part-{number:05}.mp4"),
        is_source: false,
    };
    let stream = Stream { name: StreamName::Video, start: time(0), duration: None, count: None };
    let parts = (0..parts).map(part).collect();
    store.apply(&id, vec![Change::Prepared { stream, parts, provenance: json!({}), at_ms: 0 }]).await?;
    Ok(())
}

fn job(name: &str) -> NewJob {
    let fingerprint = Fingerprint { size_bytes: 0, modified_ns: 0 };
    NewJob {
        id: name.into(),
        content: NewContent { id: name.into(), source: name.into(), fingerprint },
        model: "labels".into(),
        model_digest: String::new(),
        params: serde_json::Map::new(),
        body: json!({}),
        priority: 0,
        resources: [].into(),
        tracks: Vec::new(),
        created_ms: 0,
    }
}

/// Commits parts, some at a time.
async fn write(store: &Arc<Sqlite>, name: &str, parts: impl Iterator<Item = (u32, Vec<NewTag>)>) -> anyhow::Result<()> {
    let mut writing = JoinSet::new();
    for (part, tags) in parts {
        if writing.len() == SIDE_BY_SIDE as usize {
            writing.join_next().await.context("something is being written")???;
        }
        let commit = Commit { job: name.into(), part, tags, warnings: Vec::new(), at_ms: 0 };
        let store = store.clone();
        writing.spawn(async move { store.commit_part(commit).await.map(drop) });
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok(())
}

/// Tags a second by commits, and by bare inserts, each way's medians over the rounds.
async fn compare(store: &Arc<Sqlite>, folder: &Path) -> anyhow::Result<(f64, f64)> {
    begin(store, "compared", PARTS_A_ROUND * ROUNDS).await?;
    let mut bare = Bare::open(&folder.join("bare.db")).await?;
    let (mut committed, mut inserted) = (Vec::new(), Vec::new());
    let tags = f64::from(PARTS_A_ROUND * TAGS_A_PART);
    for round in 0..ROUNDS {
        let parts = round * PARTS_A_ROUND..(round + 1) * PARTS_A_ROUND;
        let made: Vec<(u32, Vec<NewTag>)> = parts.clone().map(|part| (part, tags_of(part))).collect();
        let begun = Instant::now();
        write(store, "compared", made.into_iter()).await?;
        committed.push(tags / begun.elapsed().as_secs_f64());
        inserted.push(tags / bare.insert(parts)?);
    }
    Ok((middle(committed), middle(inserted)))
}

/// The same tables in a file of their own, without anything of ours around them.
struct Bare {
    connection: Connection,
}

impl Bare {
    async fn open(path: &Path) -> anyhow::Result<Self> {
        let store = Sqlite::open(path)?;
        begin(&store, "bare", PARTS_A_ROUND * ROUNDS).await?;
        let first = vec![tags_of(0).remove(0)];
        store.commit_part(Commit { job: "bare".into(), part: 0, tags: first, warnings: vec![], at_ms: 0 }).await?;
        drop(store);
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA foreign_keys = on;
             PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4096",
        )?;
        Ok(Self { connection })
    }

    /// Seconds for the tags of `parts`. Texts have their numbers before the clock starts.
    fn insert(&mut self, parts: std::ops::Range<u32>) -> anyhow::Result<f64> {
        let batch: i64 = self.connection.query_row("SELECT id FROM batches", [], |row| row.get(0))?;
        let mut rows = Vec::new();
        let naming = self.connection.transaction()?;
        for part in parts {
            for tag in tags_of(part) {
                naming.prepare_cached("INSERT OR IGNORE INTO texts (text) VALUES (?1)")?.execute([&tag.text])?;
                let number = "SELECT id FROM texts WHERE text = ?1";
                let text: i64 = naming.prepare_cached(number)?.query_row([&tag.text], |row| row.get(0))?;
                let span = 64 - (tag.end_ms - tag.start_ms).leading_zeros();
                rows.push((batch, part, span, tag.start_ms, tag.end_ms, text));
            }
        }
        naming.commit()?;
        let begun = Instant::now();
        for batch in rows.chunks((TAGS_A_PART * SIDE_BY_SIDE) as usize) {
            let inserting = self.connection.transaction()?;
            let sql = "INSERT INTO tags (batch, part, span, start_ms, end_ms, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let mut insert = inserting.prepare_cached(sql)?;
            for row in batch {
                insert.execute(*row)?;
            }
            drop(insert);
            inserting.commit()?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// Milliseconds for the tags of a window: median and 99th percentile.
async fn windows_of(store: &dyn Store, name: &str, tags: u32) -> anyhow::Result<(f64, f64)> {
    let length_ms = i64::from(tags.div_ceil(TAGS_A_PART)) * PART_MS;
    let mut random = Random(7);
    let mut took = Vec::with_capacity(QUESTIONS);
    for question in 0..QUESTIONS + QUESTIONS / 10 {
        let from_ms = random.below((length_ms - WINDOW_MS).max(1).cast_unsigned());
        let query = TagQuery {
            from_ms: Some(from_ms),
            to_ms: Some(from_ms + WINDOW_MS),
            tracks: vec!["labels".into()],
            paging: Paging { after: None, limit: 1_000 },
            ..TagQuery::of(Scope::Content(name.into()))
        };
        let begun = Instant::now();
        let page = store.tags(query).await?;
        let took_ms = begun.elapsed().as_secs_f64() * 1_000.0;
        if page.items.is_empty() || page.next.is_some() {
            bail!("{} tags from {from_ms} ms on of `{name}`: a window has some, and they fit a page", page.items.len());
        }
        // The first ones find nothing in memory yet.
        if question >= QUESTIONS / 10 {
            took.push(took_ms);
        }
    }
    Ok(percentiles(took))
}

/// Milliseconds for a page of the list of jobs, over all its pages, of all jobs and of those that have succeeded.
async fn job_pages(store: &Arc<Sqlite>) -> anyhow::Result<(f64, f64)> {
    let mut adding = JoinSet::new();
    for number in 0..JOBS {
        if adding.len() == 64 {
            adding.join_next().await.context("something is being added")???;
        }
        let store = store.clone();
        adding.spawn(async move {
            let added = store.add_job(job(&format!("job {number}"))).await?;
            let ended = Change::State { state: JobState::Succeeded, cause: None, at_ms: 1 };
            store.apply(&added.job.id, vec![ended]).await.map(drop)
        });
    }
    while let Some(added) = adding.join_next().await {
        added??;
    }
    let mut took = Vec::new();
    for states in [vec![], vec![JobState::Succeeded], vec![JobState::Succeeded, JobState::Failed]] {
        let filter = JobFilter { states, ..JobFilter::default() };
        let mut paging = Paging::default();
        loop {
            let begun = Instant::now();
            let page = store.jobs(filter.clone(), paging.clone()).await?;
            took.push(begun.elapsed().as_secs_f64() * 1_000.0);
            let Some(next) = page.next else { break };
            paging.after = Some(next);
        }
    }
    Ok(percentiles(took))
}

fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: usize| values.get(values.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

fn middle(values: Vec<f64>) -> f64 {
    percentiles(values).0
}

/// The same numbers each time (Knuth's generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit).cast_signed()
    }
}
