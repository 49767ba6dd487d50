//! What holds whatever is written, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tagger_store::*;
use tagger_wire::{FrameInfo, Region};

use crate::sample::*;

/// Each case has a store of its own.
fn with_store<T>(test: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("tagger.db")).unwrap();
    let result = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test(&store));
    drop(store);
    result
}

/// The parts of these tests: 4 s each, 4 frames a second.
const SHORT_PART_MS: i64 = 4_000;
const SHORT_PARTS: u32 = 4;

fn short_parts(fps: Option<f64>) -> Change {
    let time = |ms: i64| Time { ticks: ms, num: 1, den: 1_000 };
    let parts = (0..SHORT_PARTS)
        .map(|number| Part {
            start: time(i64::from(number) * SHORT_PART_MS),
            duration: time(SHORT_PART_MS),
            count: 16,
            ..parts(number + 1).pop().unwrap()
        })
        .collect();
    Change::Prepared {
        stream: stream(SHORT_PARTS),
        parts,
        provenance: serde_json::json!({"sampling": {"fps": fps}}),
        at_ms: 0,
    }
}

/// Lengths of every class, from none to days.
fn length() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 1i64..100, 1i64..10_000, (0u32..40).prop_map(|bits| 1i64 << bits)]
}

/// A tag of a part. Many begin or end about where the part does, and few words are said, so runs come about.
fn tag_of_part() -> impl Strategy<Value = (u32, NewTag)> {
    let begin = prop_oneof![Just(0), 0..SHORT_PART_MS];
    let end = prop_oneof![Just(None), (-2_500i64..300).prop_map(|by| Some(SHORT_PART_MS + by))];
    (0..SHORT_PARTS, begin, end, length(), "[ab]", any::<bool>(), 0..8u8).prop_map(
        |(part, begin, end, length, text, on_first, kind)| {
            let start_ms = i64::from(part) * SHORT_PART_MS + begin;
            let end_ms = end.map_or(start_ms + length, |end| i64::from(part) * SHORT_PART_MS + end).max(start_ms);
            let track = if on_first { "labels" } else { "faces" };
            let frame_info = (kind == 0).then_some(FrameInfo { frame_idx: 3, region: None });
            let additional_info = (kind == 1).then(serde_json::Map::new);
            (part, NewTag { track: track.into(), frame_info, additional_info, ..tag(start_ms, end_ms, &text) })
        },
    )
}

async fn keep(store: &dyn Store, fps: Option<f64>, order: &[u32], tags: &[(u32, NewTag)]) {
    store.add_job(job("j1", "film.mp4", "shot")).await.unwrap();
    store.apply(&"j1".into(), vec![short_parts(fps)]).await.unwrap();
    for part in order {
        let of_part = tags.iter().filter(|(number, _)| number == part).map(|(_, tag)| tag.clone()).collect();
        store.commit_part(commit("j1", *part, of_part)).await.unwrap();
    }
}

fn touches(tag: &Tag, from_ms: i64, to_ms: i64) -> bool {
    tag.start_ms < to_ms && (tag.end_ms > from_ms || tag.start_ms >= from_ms)
}

fn order() -> impl Strategy<Value = Vec<u32>> {
    // Each part once, and some again, in any order.
    let all: Vec<u32> = (0..SHORT_PARTS).chain(0..SHORT_PARTS).collect();
    (Just(all), 0..=SHORT_PARTS as usize)
        .prop_flat_map(|(all, again)| Just(all[..SHORT_PARTS as usize + again].to_vec()).prop_shuffle())
}

/// Any number that JSON can hold.
fn number() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_window_reads_what_a_plain_filter_would(
        tags in prop::collection::vec(tag_of_part(), 0..60),
        order in order(),
        fps in prop::option::of(0.2f64..6.0),
        windows in prop::collection::vec((-2_000i64..18_000, 0i64..6_000), 1..12),
        size in 1u32..20,
    ) {
        with_store(async |store| {
            keep(store, fps, &order, &tags).await;
            let raw = walk(store, TagQuery { is_stitched: false, ..of_content("film.mp4") }, 1_000).await;
            prop_assert_eq!(raw.len(), tags.len(), "a part committed again is there once");
            prop_assert!(raw.is_sorted_by_key(|tag| (tag.start_ms, tag.end_ms, tag.id)));
            let version = store.job(&"j1".into()).await.unwrap().version;
            let parts = store.parts(version, StreamName::Video).await.unwrap();
            let runs = stitch(raw.clone(), &parts, |_| fps);
            prop_assert_eq!(&walk(store, of_content("film.mp4"), size).await, &runs);
            for (from_ms, length_ms) in windows {
                let to_ms = from_ms + length_ms;
                let query =
                    TagQuery { from_ms: Some(from_ms), to_ms: Some(to_ms), ..of_content("film.mp4") };
                let read = walk(store, TagQuery { is_stitched: false, ..query.clone() }, size).await;
                let filtered: Vec<Tag> = raw.iter().filter(|tag| touches(tag, from_ms, to_ms)).cloned().collect();
                prop_assert_eq!(read, filtered);
                // A run may begin before the window, so their order is the window's own.
                let mut read = walk(store, query.clone(), size).await;
                let mut filtered: Vec<Tag> = runs.iter().filter(|tag| touches(tag, from_ms, to_ms)).cloned().collect();
                read.sort_by_key(|tag| tag.id);
                filtered.sort_by_key(|tag| tag.id);
                prop_assert_eq!(read, filtered);
                let mut said = walk(store, TagQuery { text: Some("a".into()), ..query }, size).await;
                said.sort_by_key(|tag| tag.id);
                let filtered: Vec<Tag> = runs
                    .iter()
                    .filter(|tag| tag.text == "a" && touches(tag, from_ms, to_ms))
                    .cloned()
                    .collect::<Vec<_>>();
                prop_assert_eq!(said.len(), filtered.len());
                prop_assert!(filtered.iter().all(|tag| said.contains(tag)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_a_model_wrote_is_what_comes_out(
        text in any::<String>(),
        track in any::<String>(),
        frame_idx in 0..=i64::MAX.cast_unsigned(),
        corners in prop::array::uniform4(number()),
        key in any::<String>(),
        value in number(),
    ) {
        with_store(async |store| {
            let new = NewTag {
                track,
                frame_info: Some(FrameInfo { frame_idx, region: Some(Region::Corners(corners)) }),
                additional_info: Some([(key, value.into())].into_iter().collect()),
                ..tag(0, 1, &text)
            };
            start(store, job("j1", "film.mp4", "shot"), 1).await;
            store.commit_part(commit("j1", 0, vec![new.clone()])).await.unwrap();
            let tags = walk(store, of_content("film.mp4"), 2).await;
            prop_assert_eq!(tags.len(), 1);
            prop_assert_eq!((&tags[0].text, &*tags[0].track), (&new.text, &*new.track));
            prop_assert_eq!(&tags[0].frame_info, &new.frame_info);
            prop_assert_eq!(&tags[0].additional_info, &new.additional_info);
            Ok(())
        })?;
    }

    #[test]
    fn whatever_is_typed_is_searched_for_or_refused_with_a_reason(
        typed in prop_oneof![any::<String>(), "[a-z\"*^:(){}+ -]{0,12}", "(AND|OR|NOT|NEAR| |a){1,5}"],
        cursor in prop_oneof![any::<String>(), "[tw](-?[0-9]{1,19}_){2,5}[0-9]"],
    ) {
        with_store(async |store| {
            run(store, job("j1", "film.mp4", "shot"), vec![vec![tag(0, 1, &typed)]], 5_000).await;
            for scope in [Scope::Everywhere, Scope::Content("film.mp4".into())] {
                let query = TagQuery { text: Some(typed.clone()), ..TagQuery::of(scope) };
                match store.tags(query.clone()).await {
                    // Not always found: marks and the like are no words.
                    Ok(page) => prop_assert!(page.items.len() <= 1),
                    Err(error) => prop_assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}"),
                }
                let paging = Paging { after: Some(Cursor(cursor.clone())), limit: 1 };
                if let Err(error) = store.tags(TagQuery { paging, text: Some("a".into()), ..query }).await {
                    let is_told = matches!(error, StoreError::BadCursor { .. } | StoreError::Conflict { .. });
                    prop_assert!(is_told, "{error:?}");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_walk_meets_everything_once_while_writing_goes_on(
        tags in prop::collection::vec(tag_of_part(), 1..60),
        size in 1u32..8,
    ) {
        with_store(async |store| {
            let halves = tags.split_at(tags.len() / 2);
            keep(store, None, &[], &[]).await;
            let of = |half: &[(u32, NewTag)]| half.iter().map(|(_, tag)| tag.clone()).collect::<Vec<_>>();
            store.commit_part(commit("j1", 0, of(halves.0))).await.unwrap();
            let query = TagQuery { is_stitched: false, ..of_content("film.mp4") };
            let first: BTreeSet<TagId> = walk(store, query.clone(), 1_000).await.iter().map(|tag| tag.id).collect();
            let mut later = of(halves.1).into_iter();
            let (mut met, mut paging, mut part) = (Vec::new(), limit(size), 1);
            loop {
                let page = store.tags(TagQuery { paging: paging.clone(), ..query.clone() }).await.unwrap();
                met.extend(page.items.iter().map(|tag| tag.id));
                let Some(next) = page.next else { break };
                paging.after = Some(next);
                if part < SHORT_PARTS {
                    store.commit_part(commit("j1", part, later.by_ref().take(10).collect())).await.unwrap();
                    part += 1;
                }
            }
            let once: BTreeSet<TagId> = met.iter().copied().collect();
            prop_assert_eq!(once.len(), met.len());
            prop_assert!(first.is_subset(&once));
            Ok(())
        })?;
    }

    #[test]
    fn replacing_undoing_pruning_and_removing_go_as_in_a_simple_model(
        steps in prop::collection::vec((0..6u8, 0..4usize), 1..25),
    ) {
        with_store(async |store| {
            let mut model = Model::default();
            for (at_ms, (step, job)) in (0..).zip(steps) {
                model.step(store, step, job, at_ms).await;
                let read = match store.batches(&"film.mp4".into(), true).await {
                    Ok(batches) => batches,
                    Err(StoreError::NotFound { .. }) => Vec::new(),
                    Err(other) => panic!("{other}"),
                };
                let in_state = |states: &[BatchState]| {
                    let chosen = read.iter().filter(|batch| states.contains(&batch.state));
                    chosen.map(|batch| batch.job.to_string()).collect::<BTreeSet<_>>()
                };
                let (top, below) = model.stack.split_last().map_or((None, &[][..]), |(top, below)| (Some(top), below));
                prop_assert_eq!(in_state(&[BatchState::Current]), top.cloned().into_iter().collect());
                prop_assert_eq!(in_state(&[BatchState::Superseded]), below.iter().cloned().collect());
                prop_assert_eq!(in_state(&[BatchState::Undone]), model.undone.clone());
                prop_assert_eq!(in_state(&[BatchState::Pending]), model.pending.clone());
                if !model.jobs.is_empty() {
                    let said: Vec<String> =
                        walk(store, of_content("film.mp4"), 10).await.into_iter().map(|tag| tag.text).collect();
                    prop_assert_eq!(said, top.cloned().into_iter().collect::<Vec<_>>());
                }
            }
            prop_assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
            Ok(())
        })?;
    }
}

/// What is read of one track: the top of a stack.
#[derive(Default)]
struct Model {
    /// The jobs there are, and whether each is still running, has succeeded, or was stopped.
    jobs: Vec<(String, JobState)>,
    stack: Vec<String>,
    pending: BTreeSet<String>,
    undone: BTreeSet<String>,
    count: u32,
}

impl Model {
    async fn step(&mut self, store: &dyn Store, step: u8, chosen: usize, at_ms: i64) {
        let chosen = self.jobs.get(chosen).cloned();
        match (step, chosen) {
            (0, _) => self.begin(store).await,
            (1, Some((name, JobState::Running))) => self.end(store, &name, JobState::Succeeded, at_ms).await,
            (2, Some((name, JobState::Running))) => self.end(store, &name, JobState::Stopped, at_ms).await,
            (3, _) => {
                let Some(top) = self.stack.last().cloned() else { return };
                let batches = store.batches(&"film.mp4".into(), false).await.unwrap();
                let undone = store.undo(batches[0].id, at_ms).await;
                if self.state(&top) == JobState::Running {
                    assert!(matches!(undone, Err(StoreError::Conflict { .. })));
                } else {
                    assert!(undone.is_ok());
                    self.stack.pop();
                    self.undone.insert(top);
                }
            }
            (4, _) => {
                store.prune(i64::MAX).await.unwrap();
                let jobs = self.jobs.clone();
                let can_go_on = |name: &String| jobs.iter().any(|job| job.0 == *name && job.1 != JobState::Succeeded);
                let top = self.stack.last().cloned();
                self.stack.retain(|name| can_go_on(name) || Some(name) == top.as_ref());
                self.undone.retain(can_go_on);
            }
            (5, Some((name, state))) => {
                let removed = store.remove_job(&(&*name).into(), at_ms).await;
                if state == JobState::Running {
                    assert!(matches!(removed, Err(StoreError::Conflict { .. })));
                    return;
                }
                removed.unwrap();
                self.jobs.retain(|job| job.0 != name);
                self.stack.retain(|other| *other != name);
                self.pending.remove(&name);
                self.undone.remove(&name);
            }
            _ => {}
        }
    }

    async fn begin(&mut self, store: &dyn Store) {
        self.count += 1;
        let name = format!("j{}", self.count);
        start(store, job(&name, "film.mp4", "shot"), 1).await;
        store.commit_part(commit(&name, 0, vec![tag(0, 1, &name)])).await.unwrap();
        if self.stack.is_empty() {
            self.stack.push(name.clone());
        } else {
            self.pending.insert(name.clone());
        }
        self.jobs.push((name, JobState::Running));
    }

    async fn end(&mut self, store: &dyn Store, name: &str, ending: JobState, at_ms: i64) {
        store.apply(&name.into(), vec![state(ending, at_ms)]).await.unwrap();
        self.jobs.iter_mut().filter(|job| job.0 == name).for_each(|job| job.1 = ending);
        if ending == JobState::Succeeded {
            self.pending.remove(name);
            self.stack.retain(|other| other != name);
            self.stack.push(name.to_owned());
        }
    }

    fn state(&self, name: &str) -> JobState {
        self.jobs.iter().find(|job| job.0 == name).unwrap().1
    }
}
