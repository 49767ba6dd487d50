//! Jobs, parts and tags to try a store with.

use serde_json::json;
use tagger_store::*;

/// A part's length, at 25 frames a second.
pub const PART_MS: i64 = 30_000;

pub fn content(id: &str) -> NewContent {
    NewContent {
        id: id.into(),
        source: format!("/media/{id}"),
        fingerprint: Fingerprint { size_bytes: 1_000_000, modified_ns: 1_700_000_000_000_000_000 },
    }
}

pub fn job(id: &str, content_id: &str, model: &str) -> NewJob {
    NewJob {
        id: id.into(),
        content: content(content_id),
        model: model.into(),
        model_digest: "sha256:5f2c".into(),
        params: json!({"fps": 2}).as_object().unwrap().clone(),
        body: json!({"content": content_id, "model": model, "params": {"fps": 2}}),
        priority: 0,
        resources: [("gpu".to_owned(), 0.5)].into(),
        tracks: vec!["labels".into()],
        created_ms: 1_000,
    }
}

pub fn parts(count: u32) -> Vec<Part> {
    (0..count)
        .map(|number| Part {
            number,
            start: Time { ticks: i64::from(number) * PART_MS / 40, num: 1, den: 25 },
            duration: Time { ticks: PART_MS / 40, num: 1, den: 25 },
            first_index: u64::from(number) * 750,
            count: 750,
            file: format!("parts/part-{number:05}.mp4"),
            is_source: false,
        })
        .collect()
}

pub fn stream(parts: u32) -> Stream {
    Stream {
        name: StreamName::Video,
        start: Time { ticks: 0, num: 1, den: 25 },
        duration: Some(Time { ticks: i64::from(parts) * PART_MS / 40, num: 1, den: 25 }),
        count: Some(u64::from(parts) * 750),
    }
}

pub fn prepared(count: u32) -> Change {
    Change::Prepared {
        stream: stream(count),
        parts: parts(count),
        provenance: json!({"model_digest": "sha256:5f2c", "tagger": "0.1.0"}),
        at_ms: 2_000,
    }
}

pub fn state(state: JobState, at_ms: i64) -> Change {
    Change::State { state, cause: None, at_ms }
}

pub fn tag(start_ms: i64, end_ms: i64, text: &str) -> NewTag {
    NewTag { track: "labels".into(), start_ms, end_ms, text: text.into(), frame_info: None, additional_info: None }
}

pub fn commit(job: &str, part: u32, tags: Vec<NewTag>) -> Commit {
    Commit { job: job.into(), part, tags, warnings: Vec::new(), at_ms: 3_000 }
}

/// Submits a job over so many parts, and lets it run.
pub async fn start(store: &dyn Store, new: NewJob, parts: u32) {
    let id = new.id.clone();
    store.add_job(new).await.unwrap();
    store.apply(&id, vec![state(JobState::Running, 1_500), prepared(parts)]).await.unwrap();
}

/// A job from its beginning to its success, with these tags part by part.
pub async fn run(store: &dyn Store, new: NewJob, tags: Vec<Vec<NewTag>>, at_ms: i64) {
    let id = new.id.clone();
    start(store, new, tags.len() as u32).await;
    for (part, tags) in (0..).zip(tags) {
        assert!(store.commit_part(commit(&id.0, part, tags)).await.unwrap().is_new);
    }
    store.apply(&id, vec![state(JobState::Succeeded, at_ms)]).await.unwrap();
}

pub fn limit(limit: u32) -> Paging {
    Paging { after: None, limit }
}

/// Everything a question has for an answer, read in pages of `size`.
pub async fn walk(store: &dyn Store, mut query: TagQuery, size: u32) -> Vec<Tag> {
    query.paging = limit(size);
    let mut tags = Vec::new();
    loop {
        let page = store.tags(query.clone()).await.unwrap();
        assert!(page.items.len() <= size as usize);
        tags.extend(page.items);
        match page.next {
            Some(next) => query.paging.after = Some(next),
            None => return tags,
        }
    }
}

/// Tags in short: `start-end text`.
pub fn short(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(|tag| format!("{}-{} {}", tag.start_ms, tag.end_ms, tag.text)).collect()
}

pub async fn texts(store: &dyn Store, query: TagQuery) -> Vec<String> {
    short(&walk(store, query, 3).await)
}

pub fn of_content(id: &str) -> TagQuery {
    TagQuery::of(Scope::Content(id.into()))
}

pub fn of_job(id: &str) -> TagQuery {
    TagQuery::of(Scope::Job(id.into()))
}
