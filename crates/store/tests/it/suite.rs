//! What holds for any store: one list of rules, run against each implementation.

use std::sync::Arc;

use insta::assert_snapshot;
use serde_json::json;
use tagger_store::*;
use tagger_wire::{FrameInfo, Region};

use crate::sample::{self, *};

/// Makes a test of every rule for the store that `$open` gives, with what has to live as long as it.
macro_rules! suite {
    ($open:path) => {
        suite!($open:
            what_is_submitted_is_read_back,
            the_same_request_again_changes_nothing_and_another_is_refused,
            media_that_changed_are_another_version,
            the_first_listing_of_other_parts_gets_a_version_of_its_own,
            a_state_sets_the_times_that_go_with_it,
            changes_are_made_together_or_not_at_all,
            a_part_is_waiting_then_quarantined_then_done,
            attempts_follow_each_other,
            a_job_cannot_succeed_with_parts_undone,
            a_committed_part_has_its_tags_and_is_done,
            a_part_committed_twice_is_there_once,
            a_tag_that_ends_before_it_starts_takes_the_whole_part_back,
            the_old_tags_are_read_until_the_new_job_succeeds,
            a_run_that_finds_nothing_replaces_one_that_did,
            undoing_goes_back_step_by_step,
            only_a_current_batch_of_an_ended_job_is_undone,
            pruning_removes_what_was_replaced_and_its_words,
            a_walk_through_pages_reads_the_batches_it_began_with,
            a_job_done_again_is_read_as_before_until_it_succeeds,
            a_removed_job_leaves_nothing_and_what_it_replaced_comes_back,
            a_running_job_is_not_removed,
            tags_are_chosen_by_track_model_stream_and_window,
            a_tag_without_length_touches_the_window_it_begins_in,
            texts_are_found_by_their_words,
            a_search_everywhere_reads_current_tags_only,
            a_search_has_the_same_answer_for_few_and_for_many_texts,
            runs_are_stitched_where_a_part_ends,
            runs_of_frames_that_were_looked_at_are_stitched_over_those_that_were_not,
            a_stitched_run_is_found_by_any_of_its_pieces,
            jobs_are_listed_newest_first_by_state_content_and_model,
            a_cursor_of_another_list_is_refused,
            what_is_not_there_is_named,
        );
    };
    ($open:path: $($rule:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $rule() {
            let (store, _kept) = $open();
            crate::suite::$rule(store.clone()).await;
            assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
        }
    )*};
}
pub(crate) use suite;

type Shared = Arc<dyn Store>;

pub async fn what_is_submitted_is_read_back(store: Shared) {
    let new = job("j1", "film.mp4", "shot");
    let added = store.add_job(new.clone()).await.unwrap();
    assert!(added.is_new);
    let kept = store.job(&"j1".into()).await.unwrap();
    assert_eq!(kept, added.job);
    assert_eq!(
        (&kept.params, &kept.body, &kept.resources, &kept.tracks),
        (&new.params, &new.body, &new.resources, &new.tracks)
    );
    assert_eq!((kept.state, kept.run, kept.counts), (JobState::Queued, 1, Counts::default()));
    let film = store.content(&"film.mp4".into()).await.unwrap();
    assert_eq!((film.version.source, film.version.fingerprint), (new.content.source, new.content.fingerprint));
    assert_eq!(film.version.id, kept.version);

    store.apply(&"j1".into(), vec![prepared(3)]).await.unwrap();
    assert_eq!(store.parts(kept.version, StreamName::Video).await.unwrap(), sample::parts(3));
    assert_eq!(store.streams(kept.version).await.unwrap(), [stream(3)]);
}

pub async fn the_same_request_again_changes_nothing_and_another_is_refused(store: Shared) {
    let new = job("j1", "film.mp4", "shot");
    store.add_job(new.clone()).await.unwrap();
    // The order of an object's keys is no difference.
    let turned = json!({"params": {"fps": 2}, "model": "shot", "content": "film.mp4"});
    let again = store.add_job(NewJob { body: turned, created_ms: 9_000, ..new.clone() }).await.unwrap();
    assert_eq!((again.is_new, again.job.created_ms), (false, 1_000));
    let other = store.add_job(NewJob { body: json!({"model": "light"}), ..new }).await.unwrap_err();
    assert_snapshot!(other, @"job `j1` exists with another request: choose another name, or remove it first");
}

pub async fn media_that_changed_are_another_version(store: Shared) {
    store.add_job(job("j1", "film.mp4", "shot")).await.unwrap();
    let same = store.add_job(job("j2", "film.mp4", "light")).await.unwrap().job;
    let mut changed = job("j3", "film.mp4", "shot");
    changed.content.fingerprint.size_bytes += 1;
    let other = store.add_job(changed.clone()).await.unwrap().job;
    assert_eq!(same.version, store.job(&"j1".into()).await.unwrap().version);
    assert_ne!(other.version, same.version);
    let film = store.content(&"film.mp4".into()).await.unwrap();
    assert_eq!((film.version.id, film.version.fingerprint), (other.version, changed.content.fingerprint));
    assert_eq!(store.contents(limit(10)).await.unwrap().items, [film]);
    assert_eq!(store.version(same.version).await.unwrap().fingerprint, content("film.mp4").fingerprint);
}

pub async fn the_first_listing_of_other_parts_gets_a_version_of_its_own(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 4).await;
    // Another job over the same parts, elsewhere on the disk.
    store.add_job(job("j2", "film.mp4", "light")).await.unwrap();
    let mut moved = sample::parts(4);
    moved[0].file = "elsewhere/part-00000.mp4".into();
    let Change::Prepared { stream, provenance, at_ms, .. } = prepared(4) else { unreachable!() };
    let listed = |parts: Vec<Part>| {
        vec![Change::Prepared { stream: stream.clone(), parts, provenance: provenance.clone(), at_ms }]
    };
    let second = store.apply(&"j2".into(), listed(moved.clone())).await.unwrap();
    assert_eq!(store.parts(second.version, StreamName::Video).await.unwrap(), moved);
    // One over parts that were cut otherwise.
    store.add_job(job("j3", "film.mp4", "ocr")).await.unwrap();
    let third = store.apply(&"j3".into(), listed(sample::parts(2))).await.unwrap();
    assert_ne!(third.version, second.version);
    assert_eq!((third.counts.parts, second.counts.parts), (2, 4));
    assert_eq!(store.parts(second.version, StreamName::Video).await.unwrap(), moved);
    // Once listed, a job's parts stay.
    let again = store.apply(&"j3".into(), listed(sample::parts(3))).await.unwrap_err();
    assert_snapshot!(again, @"job `j3` has other parts already: do it from the start again");
    let gap = store.apply(&"j3".into(), listed(sample::parts(2).split_off(1))).await.unwrap_err();
    assert_snapshot!(gap, @"part 1 stands in place 0 of its stream");
}

pub async fn a_state_sets_the_times_that_go_with_it(store: Shared) {
    store.add_job(job("j1", "film.mp4", "shot")).await.unwrap();
    let at = async |new: JobState, at_ms| {
        let job = store.apply(&"j1".into(), vec![state(new, at_ms)]).await.unwrap();
        (job.started_ms, job.ended_ms)
    };
    assert_eq!(at(JobState::Running, 10).await, (Some(10), None));
    assert_eq!(at(JobState::Stopping, 20).await, (Some(10), None));
    assert_eq!(at(JobState::Stopped, 30).await, (Some(10), Some(30)));
    assert_eq!(at(JobState::Queued, 40).await, (Some(10), None));
    assert_eq!(at(JobState::Running, 50).await, (Some(10), None));
}

pub async fn changes_are_made_together_or_not_at_all(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 2).await;
    let before = store.job(&"j1".into()).await.unwrap();
    let waits = Change::PartWaits { number: 7, attempts: 1, cause: None, not_before_ms: None };
    let changes = vec![Change::Ratio(0.5), Change::Warned { count: 1, last: "w".into() }, waits];
    let error = store.apply(&"j1".into(), changes).await.unwrap_err();
    assert_snapshot!(error, @"no part `7`");
    assert_eq!(store.job(&"j1".into()).await.unwrap(), before);
}

pub async fn a_part_is_waiting_then_quarantined_then_done(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 2).await;
    let waits = Change::PartWaits { number: 1, attempts: 1, cause: Some("crashed".into()), not_before_ms: Some(5_000) };
    store.apply(&"j1".into(), vec![waits.clone()]).await.unwrap();
    let part = store.job_parts(&"j1".into(), limit(10)).await.unwrap().items.remove(1);
    assert_eq!((part.state, part.attempts, part.not_before_ms), (PartState::Waiting, 1, Some(5_000)));
    assert_eq!(part.cause.as_deref(), Some("crashed"));

    let given_up = Change::PartQuarantined { number: 1, attempts: 3, cause: "crashed thrice".into() };
    let counts = store.apply(&"j1".into(), vec![given_up.clone(), given_up.clone()]).await.unwrap().counts;
    assert_eq!((counts.parts, counts.done, counts.quarantined), (2, 0, 1));
    // It may be retried, or come to an end after all.
    let counts = store.apply(&"j1".into(), vec![waits, given_up.clone()]).await.unwrap().counts;
    assert_eq!(counts.quarantined, 1);
    let counts = store.commit_part(commit("j1", 1, vec![tag(30_000, 31_000, "a")])).await.unwrap().counts;
    assert_eq!((counts.done, counts.quarantined, counts.tags), (1, 0, 1));
    let part = store.job_parts(&"j1".into(), limit(10)).await.unwrap().items.remove(1);
    assert_eq!((part.state, part.cause, part.tags, part.done_ms), (PartState::Done, None, 1, Some(3_000)));
    // Done is for good.
    assert_snapshot!(store.apply(&"j1".into(), vec![given_up]).await.unwrap_err(), @"part `1` is done: its tags are kept");
}

pub async fn attempts_follow_each_other(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 2).await;
    let started = |number| Change::AttemptStarted { number, parts: 2, log: Some("logs/1".into()), at_ms: 10 };
    let ended = |number, is_counted| Change::AttemptEnded {
        number,
        outcome: AttemptOutcome::Stalled,
        cause: Some("silent for 600 s".into()),
        is_counted,
        at_ms: 20,
    };
    store.apply(&"j1".into(), vec![started(1), ended(1, true), Change::Failures(1), started(2)]).await.unwrap();
    let attempts = store.attempts(&"j1".into(), limit(10)).await.unwrap().items;
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Stalled));
    assert_eq!((attempts[0].ended_ms, attempts[0].is_counted), (Some(20), true));
    assert_eq!((attempts[1].number, attempts[1].ended_ms, attempts[1].is_counted), (2, None, false));
    let job = store.job(&"j1".into()).await.unwrap();
    assert_eq!((job.attempts, job.failures), (2, 1));
    assert_snapshot!(store.apply(&"j1".into(), vec![started(2)]).await.unwrap_err(), @"job `j1` has had 2 attempts, so attempt 2 cannot be next");
    assert_snapshot!(store.apply(&"j1".into(), vec![ended(3, false)]).await.unwrap_err(), @"no attempt `3`");
}

pub async fn a_job_cannot_succeed_with_parts_undone(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 2).await;
    store.commit_part(commit("j1", 0, vec![])).await.unwrap();
    let error = store.apply(&"j1".into(), vec![state(JobState::Succeeded, 9)]).await.unwrap_err();
    assert_snapshot!(error, @"job `j1` cannot succeed with 1 of 2 parts done");
    assert_eq!(store.job(&"j1".into()).await.unwrap().state, JobState::Running);
}

pub async fn a_committed_part_has_its_tags_and_is_done(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 2).await;
    let on_frame = NewTag {
        track: "faces".into(),
        frame_info: Some(FrameInfo { frame_idx: 751, region: Some(Region::Corners([0.1, 0.2, 0.3, 1.0 / 3.0])) }),
        additional_info: json!({"zeta": 1, "alpha": [1.5, null]}).as_object().cloned(),
        ..tag(30_040, 30_040, "Grace Hopper")
    };
    let mut part = commit("j1", 1, vec![tag(30_000, 45_000, "Straße"), on_frame.clone()]);
    part.warnings = vec!["one".into(), "two".into()];
    let committed = store.commit_part(part).await.unwrap();
    assert_eq!(committed.counts, Counts { parts: 2, done: 1, quarantined: 0, tags: 2, warnings: 2 });
    assert_eq!(store.job(&"j1".into()).await.unwrap().last_warning.as_deref(), Some("two"));

    // Read while the job runs.
    let tags = walk(&*store, of_content("film.mp4"), 10).await;
    let [first, second] = &tags[..] else { panic!("{tags:?}") };
    assert_eq!((&*first.track, &*first.model, first.stream), ("labels", "shot", StreamName::Video));
    assert_eq!((first.start_ms, first.end_ms, first.part, &*first.text), (30_000, 45_000, 1, "Straße"));
    assert_eq!((&second.frame_info, &second.additional_info), (&on_frame.frame_info, &on_frame.additional_info));
    // What the model wrote is what comes out, in its order.
    assert_eq!(serde_json::to_string(&second.additional_info).unwrap(), r#"{"zeta":1,"alpha":[1.5,null]}"#);
    let batches = store.batches(&"film.mp4".into(), false).await.unwrap();
    let told: Vec<_> = batches.iter().map(|batch| (&*batch.track, batch.tags, &batch.provenance)).collect();
    let Change::Prepared { provenance, .. } = prepared(2) else { unreachable!() };
    assert_eq!(told, [("faces", 1, &provenance), ("labels", 1, &provenance)]);
}

pub async fn a_part_committed_twice_is_there_once(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 2).await;
    let first = store.commit_part(commit("j1", 0, vec![tag(0, 10, "a")])).await.unwrap();
    let again = store.commit_part(commit("j1", 0, vec![tag(0, 10, "a"), tag(5, 10, "b")])).await.unwrap();
    assert_eq!((first.is_new, again.is_new, again.counts), (true, false, first.counts));
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 a"]);
}

pub async fn a_tag_that_ends_before_it_starts_takes_the_whole_part_back(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 1).await;
    let error = store.commit_part(commit("j1", 0, vec![tag(0, 10, "new word"), tag(9, 8, "b")])).await.unwrap_err();
    assert_snapshot!(error, @"tag `b` of part 0 ends at 8 ms, before it starts at 9 ms");
    assert_eq!(texts(&*store, of_content("film.mp4")).await, [""; 0]);
    // What was taken back is forgotten everywhere.
    assert!(store.commit_part(commit("j1", 0, vec![tag(0, 10, "new word")])).await.unwrap().is_new);
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 new word"]);
}

pub async fn the_old_tags_are_read_until_the_new_job_succeeds(store: Shared) {
    run(&*store, job("old", "film.mp4", "shot"), vec![vec![tag(0, 10, "old")], vec![]], 5_000).await;
    start(&*store, job("new", "film.mp4", "shot"), 2).await;
    store.commit_part(commit("new", 0, vec![tag(0, 10, "new")])).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 old"]);
    assert_eq!(texts(&*store, of_job("new")).await, ["0-10 new"]);
    store.commit_part(commit("new", 1, vec![tag(30_000, 30_010, "new")])).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 old"]);
    store.apply(&"new".into(), vec![state(JobState::Succeeded, 6_000)]).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 new", "30000-30010 new"]);
    // Another model's tags on a track of the same name are another lane.
    run(&*store, job("other", "film.mp4", "light"), vec![vec![tag(5, 9, "dark")], vec![]], 7_000).await;
    assert_eq!(store.batches(&"film.mp4".into(), false).await.unwrap().len(), 2);
    assert_eq!(store.batches(&"film.mp4".into(), true).await.unwrap().len(), 3);
}

pub async fn a_run_that_finds_nothing_replaces_one_that_did(store: Shared) {
    run(&*store, job("old", "film.mp4", "shot"), vec![vec![tag(0, 10, "old")]], 5_000).await;
    run(&*store, job("new", "film.mp4", "shot"), vec![vec![]], 6_000).await;
    assert_eq!(texts(&*store, of_content("film.mp4")).await, [""; 0]);
}

async fn current(store: &dyn Store) -> BatchId {
    store.batches(&"film.mp4".into(), false).await.unwrap()[0].id
}

pub async fn undoing_goes_back_step_by_step(store: Shared) {
    for name in ["one", "two", "three"] {
        run(&*store, job(name, "film.mp4", "shot"), vec![vec![tag(0, 10, name)]], 5_000).await;
    }
    let first = store.undo(current(&*store).await, 9_000).await.unwrap();
    assert_eq!(first.restored, Some(current(&*store).await));
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 two"]);
    store.undo(current(&*store).await, 9_000).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 one"]);
    assert_eq!(store.undo(current(&*store).await, 9_000).await.unwrap(), Undone { restored: None });
    assert_eq!(texts(&*store, of_content("film.mp4")).await, [""; 0]);
    // Then the next job is the first again: read at once.
    start(&*store, job("four", "film.mp4", "shot"), 2).await;
    store.commit_part(commit("four", 0, vec![tag(0, 10, "four")])).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 four"]);
}

pub async fn only_a_current_batch_of_an_ended_job_is_undone(store: Shared) {
    run(&*store, job("one", "film.mp4", "shot"), vec![vec![tag(0, 10, "one")]], 5_000).await;
    let replaced = current(&*store).await;
    run(&*store, job("two", "film.mp4", "shot"), vec![vec![tag(0, 10, "two")]], 5_000).await;
    assert_snapshot!(store.undo(replaced, 9_000).await.unwrap_err(), @"batch `1` is superseded; only a current one can be undone");
    assert_snapshot!(store.undo(BatchId(77), 9_000).await.unwrap_err(), @"no batch `77`");
    start(&*store, job("three", "film.mp4", "light"), 1).await;
    let written = store.batches(&"film.mp4".into(), false).await.unwrap();
    let written = written.iter().find(|batch| batch.model == "light").unwrap();
    assert_snapshot!(store.undo(written.id, 9_000).await.unwrap_err(), @"batch `3` is of a job that is running: stop that first, and let it end");
}

pub async fn pruning_removes_what_was_replaced_and_its_words(store: Shared) {
    let many = (0..5_000).map(|n| tag(n, n + 10, &format!("old {n}"))).collect();
    run(&*store, job("old", "film.mp4", "shot"), vec![many], 5_000).await;
    run(&*store, job("new", "film.mp4", "shot"), vec![vec![tag(0, 10, "new")]], 6_000).await;
    assert_eq!(store.prune(6_000).await.unwrap(), 0);
    assert_eq!(store.batches(&"film.mp4".into(), true).await.unwrap().len(), 2);
    assert_eq!(store.prune(6_001).await.unwrap(), 1);
    let left = store.batches(&"film.mp4".into(), true).await.unwrap();
    assert_eq!((left.len(), &*left[0].job.0), (1, "new"));
    assert_eq!(texts(&*store, of_job("old")).await, [""; 0]);
    assert_eq!(store.undo(current(&*store).await, 9_000).await.unwrap().restored, None);
}

pub async fn a_walk_through_pages_reads_the_batches_it_began_with(store: Shared) {
    let old = vec![tag(0, 10, "old"), tag(20, 30, "old"), tag(40, 50, "old")];
    run(&*store, job("old", "film.mp4", "shot"), vec![old], 5_000).await;
    let mut query = TagQuery { paging: limit(1), ..of_content("film.mp4") };
    let first = store.tags(query.clone()).await.unwrap();
    run(&*store, job("new", "film.mp4", "shot"), vec![vec![tag(0, 99, "new")]], 6_000).await;
    query.paging = Paging { after: first.next, limit: 10 };
    assert_eq!(short(&store.tags(query.clone()).await.unwrap().items), ["20-30 old", "40-50 old"]);
    store.prune(9_000).await.unwrap();
    assert_snapshot!(store.tags(query).await.unwrap_err(), @"batch `1` has been removed meanwhile: begin without a cursor");
}

pub async fn a_job_done_again_is_read_as_before_until_it_succeeds(store: Shared) {
    run(&*store, job("j1", "film.mp4", "shot"), vec![vec![tag(0, 10, "before")]], 5_000).await;
    let looks = Fingerprint { size_bytes: 5, modified_ns: 6 };
    let redo = Change::Redo { fingerprint: looks, at_ms: 6_000 };
    let again = store.apply(&"j1".into(), vec![redo.clone(), state(JobState::Queued, 6_000)]).await.unwrap();
    assert_eq!((again.run, again.stream, again.counts, again.ended_ms), (2, None, Counts::default(), None));
    assert_eq!(store.version(again.version).await.unwrap().fingerprint, looks);
    store.apply(&"j1".into(), vec![prepared(2)]).await.unwrap();
    store.commit_part(commit("j1", 0, vec![tag(0, 10, "half")])).await.unwrap();
    // Once more, before it was through: what it had begun is given up.
    store.apply(&"j1".into(), vec![redo, prepared(1)]).await.unwrap();
    store.commit_part(commit("j1", 0, vec![tag(0, 10, "after")])).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 before"]);
    assert_eq!(texts(&*store, of_job("j1")).await, ["0-10 after"]);
    store.apply(&"j1".into(), vec![state(JobState::Succeeded, 7_000)]).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 after"]);
    store.undo(current(&*store).await, 8_000).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 before"]);
}

pub async fn a_removed_job_leaves_nothing_and_what_it_replaced_comes_back(store: Shared) {
    run(&*store, job("old", "film.mp4", "shot"), vec![vec![tag(0, 10, "old")]], 5_000).await;
    run(&*store, job("new", "film.mp4", "shot"), vec![vec![tag(0, 10, "new")]], 6_000).await;
    store.remove_job(&"new".into(), 7_000).await.unwrap();
    assert_eq!(texts(&*store, of_content("film.mp4")).await, ["0-10 old"]);
    assert!(matches!(store.job(&"new".into()).await, Err(StoreError::NotFound { .. })));
    assert_eq!(found(&store, "new").await, [""; 0]);
    store.remove_job(&"old".into(), 7_000).await.unwrap();
    assert!(store.contents(limit(10)).await.unwrap().items.is_empty());
    assert!(store.jobs(JobFilter::default(), limit(10)).await.unwrap().items.is_empty());
    // The name is free again.
    assert!(store.add_job(job("new", "other.mp4", "light")).await.unwrap().is_new);
}

pub async fn a_running_job_is_not_removed(store: Shared) {
    start(&*store, job("j1", "film.mp4", "shot"), 1).await;
    assert_snapshot!(store.remove_job(&"j1".into(), 7_000).await.unwrap_err(), @"job `j1` is running: stop it first, and let it end");
}

pub async fn tags_are_chosen_by_track_model_stream_and_window(store: Shared) {
    let faces = NewTag { track: "faces".into(), ..tag(10, 20, "Ada") };
    run(&*store, job("j1", "film.mp4", "celeb"), vec![vec![tag(0, 5, "x"), faces]], 5_000).await;
    run(&*store, job("j2", "film.mp4", "shot"), vec![vec![tag(3, 100_000, "long"), tag(50, 60, "y")]], 5_000).await;
    let ask = async |change: fn(&mut TagQuery)| {
        let mut query = of_content("film.mp4");
        change(&mut query);
        texts(&*store, query).await
    };
    assert_eq!(ask(|_| ()).await, ["0-5 x", "3-100000 long", "10-20 Ada", "50-60 y"]);
    assert_eq!(ask(|q| q.tracks = vec!["faces".into()]).await, ["10-20 Ada"]);
    assert_eq!(ask(|q| q.tracks = vec!["faces".into(), "labels".into()]).await.len(), 4);
    assert_eq!(ask(|q| q.models = vec!["shot".into()]).await, ["3-100000 long", "50-60 y"]);
    assert_eq!(ask(|q| q.streams = vec![StreamName::Audio]).await, [""; 0]);
    assert_eq!(ask(|q| q.from_ms = Some(20)).await, ["3-100000 long", "50-60 y"]);
    assert_eq!(ask(|q| q.from_ms = Some(19)).await, ["3-100000 long", "10-20 Ada", "50-60 y"]);
    assert_eq!(ask(|q| (q.from_ms, q.to_ms) = (Some(30), Some(50))).await, ["3-100000 long"]);
    assert_eq!(ask(|q| q.to_ms = Some(3)).await, ["0-5 x"]);
}

pub async fn a_tag_without_length_touches_the_window_it_begins_in(store: Shared) {
    let tags = vec![tag(10, 10, "flash"), tag(i64::MIN, i64::MAX, "ever"), tag(i64::MAX, i64::MAX, "end")];
    run(&*store, job("j1", "film.mp4", "shot"), vec![tags], 5_000).await;
    let ask = async |from_ms, to_ms| {
        let query = TagQuery { from_ms, to_ms, ..of_content("film.mp4") };
        walk(&*store, query, 2).await.into_iter().map(|tag| tag.text).collect::<Vec<_>>()
    };
    assert_eq!(ask(Some(10), Some(11)).await, ["ever", "flash"]);
    assert_eq!(ask(Some(9), Some(10)).await, ["ever"]);
    assert_eq!(ask(Some(11), Some(12)).await, ["ever"]);
    assert_eq!(ask(None, None).await, ["ever", "flash", "end"]);
}

async fn found(store: &Shared, words: &str) -> Vec<String> {
    let query = TagQuery { text: Some(words.into()), ..TagQuery::of(Scope::Everywhere) };
    walk(&**store, query, 2).await.into_iter().map(|tag| format!("{} {}", tag.content, tag.text)).collect()
}

pub async fn texts_are_found_by_their_words(store: Shared) {
    let tags = ["A red car", "red wine", "Café", "don't panic", "100 %", "car"];
    let tags = (0..).zip(tags).map(|(n, text)| tag(n, n + 1, text)).collect();
    run(&*store, job("j1", "film.mp4", "ocr"), vec![tags], 5_000).await;
    let ask = async |words: &str| {
        let query = TagQuery { text: Some(words.into()), ..of_content("film.mp4") };
        let in_content = walk(&*store, query, 2).await;
        let everywhere = found(&store, words).await;
        assert_eq!(in_content.len(), everywhere.len());
        in_content.into_iter().map(|tag| tag.text).collect::<Vec<_>>()
    };
    assert_eq!(ask("car").await, ["A red car", "car"]);
    assert_eq!(ask("CAR re").await, ["A red car"]);
    assert_eq!(ask("red").await, ["A red car", "red wine"]);
    assert_eq!(ask("cafe").await, ["Café"]);
    assert_eq!(ask("don't").await, ["don't panic"]);
    assert_eq!(ask("100 %").await, ["100 %"]);
    // Nothing that is typed is an operator.
    assert_eq!(ask("red OR wine").await, [""; 0]);
    assert_eq!(ask("\"wine\" *").await, ["red wine"]);
    let nothing = store.tags(TagQuery { text: Some(" % ".into()), ..of_content("film.mp4") }).await.unwrap_err();
    assert_snapshot!(nothing, @"`%` has no word to search for");
}

pub async fn a_search_everywhere_reads_current_tags_only(store: Shared) {
    run(&*store, job("j1", "a.mp4", "ocr"), vec![vec![tag(0, 5, "word one"), tag(0, 5, "other")]], 5_000).await;
    run(&*store, job("j2", "b.mp4", "ocr"), vec![vec![tag(0, 5, "word two"), tag(7, 8, "word one")]], 5_000).await;
    assert_eq!(found(&store, "word").await, ["a.mp4 word one", "b.mp4 word one", "b.mp4 word two"]);
    run(&*store, job("j3", "b.mp4", "ocr"), vec![vec![tag(0, 5, "word three")]], 5_000).await;
    assert_eq!(found(&store, "word").await, ["a.mp4 word one", "b.mp4 word three"]);
    let words = TagQuery { text: Some("word".into()), ..TagQuery::of(Scope::Everywhere) };
    let of_model = TagQuery { models: vec!["shot".into()], ..words.clone() };
    assert!(store.tags(of_model).await.unwrap().items.is_empty());
    let window = TagQuery { from_ms: Some(0), ..words };
    assert_snapshot!(store.tags(window).await.unwrap_err(), @"a search in all contents takes no window: times are a content's own");
    let all = store.tags(TagQuery::of(Scope::Everywhere)).await.unwrap_err();
    assert_snapshot!(all, @"tags of all contents are found by text only");
}

pub async fn a_search_has_the_same_answer_for_few_and_for_many_texts(store: Shared) {
    let tags = (0..3_000).map(|n| tag(n, n + 5, &format!("plate {n}"))).collect();
    run(&*store, job("j1", "film.mp4", "ocr"), vec![tags], 5_000).await;
    let ask = async |words: &str| {
        let query = TagQuery { text: Some(words.into()), from_ms: Some(100), ..of_content("film.mp4") };
        walk(&*store, query, 700).await
    };
    let many = ask("plate").await;
    assert_eq!(many.len(), 2_904);
    assert!(many.is_sorted_by_key(|tag| tag.start_ms));
    assert_eq!(ask("plate 299").await, many.into_iter().filter(|t| t.text.contains(" 299")).collect::<Vec<_>>());
}

pub async fn runs_are_stitched_where_a_part_ends(store: Shared) {
    let framed = |start_ms, end_ms| NewTag {
        frame_info: Some(FrameInfo { frame_idx: 0, region: None }),
        ..tag(start_ms, end_ms, "framed")
    };
    let parts = vec![
        // A run of three parts; its first piece ends a frame (40 ms) before the cut.
        vec![tag(20_000, 29_960, "night"), tag(5, 29_959, "short"), framed(0, 30_000), tag(9, 30_000, "twice")],
        vec![
            tag(30_000, 60_000, "night"),
            tag(30_000, 31_000, "short"),
            framed(30_000, 31_000),
            // Two go on behind the cut: the one written first is the other's continuation.
            tag(30_000, 40_000, "twice"),
            tag(30_000, 35_000, "twice"),
        ],
        vec![tag(60_000, 61_000, "night"), tag(60_001, 61_000, "twice")],
    ];
    run(&*store, job("j1", "film.mp4", "shot"), parts, 5_000).await;
    let runs = texts(&*store, of_content("film.mp4")).await;
    assert_snapshot!(runs.join("\n"), @"
    0-30000 framed
    5-29959 short
    9-40000 twice
    20000-61000 night
    30000-31000 short
    30000-31000 framed
    30000-35000 twice
    60001-61000 twice
    ");
    let raw = TagQuery { is_stitched: false, ..of_content("film.mp4") };
    let raw = walk(&*store, raw, 2).await;
    assert_eq!(raw.len(), 11);
    let parts = store.parts(store.job(&"j1".into()).await.unwrap().version, StreamName::Video).await.unwrap();
    assert_eq!(short(&stitch(raw, &parts, |_| None)), runs);
    // In all contents, too.
    let words = TagQuery { text: Some("night".into()), ..TagQuery::of(Scope::Everywhere) };
    assert_eq!(texts(&*store, words).await, ["20000-61000 night"]);
}

/// At one frame a second of 25, the last frame of a part that is looked at is that of second 29.
pub async fn runs_of_frames_that_were_looked_at_are_stitched_over_those_that_were_not(store: Shared) {
    let parts = vec![
        vec![tag(3_000, 29_040, "day"), tag(5_000, 28_040, "rain"), tag(29_000, 29_040, "bird")],
        vec![tag(30_000, 59_040, "day"), tag(30_000, 30_040, "rain"), tag(31_000, 31_040, "bird")],
        vec![tag(60_000, 70_040, "day")],
    ];
    store.add_job(job("j1", "film.mp4", "shot")).await.unwrap();
    let Change::Prepared { stream, parts: listed, at_ms, .. } = prepared(3) else { unreachable!() };
    let provenance = json!({"sampling": {"of": 2_250, "fps": 1}});
    store
        .apply(&"j1".into(), vec![Change::Prepared { stream, parts: listed.clone(), provenance, at_ms }])
        .await
        .unwrap();
    for (part, tags) in (0..).zip(parts) {
        store.commit_part(commit("j1", part, tags)).await.unwrap();
    }
    let runs = texts(&*store, of_content("film.mp4")).await;
    assert_snapshot!(runs.join("\n"), @"
    3000-70040 day
    5000-28040 rain
    29000-29040 bird
    30000-30040 rain
    31000-31040 bird
    ");
    let raw = walk(&*store, TagQuery { is_stitched: false, ..of_content("film.mp4") }, 100).await;
    assert_eq!(short(&stitch(raw, &listed, |_| Some(1.0))), runs);
    // Where nothing was looked at.
    let query = TagQuery { from_ms: Some(29_500), to_ms: Some(29_600), ..of_content("film.mp4") };
    assert_eq!(texts(&*store, query).await, ["3000-70040 day"]);
}

pub async fn a_stitched_run_is_found_by_any_of_its_pieces(store: Shared) {
    let parts = (0..4).map(|n| vec![tag(n * PART_MS, n * PART_MS + 29_980, "day")]).collect();
    run(&*store, job("j1", "film.mp4", "shot"), parts, 5_000).await;
    let ask = async |from_ms, to_ms| {
        let query = TagQuery { from_ms: Some(from_ms), to_ms: Some(to_ms), ..of_content("film.mp4") };
        texts(&*store, query).await
    };
    assert_eq!(ask(70_000, 70_001).await, ["0-119980 day"]);
    assert_eq!(ask(0, 500_000).await, ["0-119980 day"]);
    // Between two pieces.
    assert_eq!(ask(59_985, 59_990).await, ["0-119980 day"]);
    assert_eq!(ask(119_985, 119_990).await, [""; 0]);
}

pub async fn jobs_are_listed_newest_first_by_state_content_and_model(store: Shared) {
    for (id, content, model) in
        [("j1", "a", "shot"), ("j2", "b", "shot"), ("j3", "a", "ocr"), ("j4", "a", "shot"), ("j5", "b", "ocr")]
    {
        store.add_job(job(id, content, model)).await.unwrap();
    }
    store.apply(&"j2".into(), vec![state(JobState::Running, 5)]).await.unwrap();
    store.apply(&"j4".into(), vec![state(JobState::Failed, 5)]).await.unwrap();
    let ask = async |filter: JobFilter| {
        let mut paging = limit(2);
        let mut ids = Vec::new();
        loop {
            let page = store.jobs(filter.clone(), paging.clone()).await.unwrap();
            ids.extend(page.items.into_iter().map(|job| job.id.to_string()));
            match page.next {
                Some(next) => paging.after = Some(next),
                None => return ids,
            }
        }
    };
    let all = JobFilter::default();
    assert_eq!(ask(all.clone()).await, ["j5", "j4", "j3", "j2", "j1"]);
    let states = vec![JobState::Queued, JobState::Failed, JobState::Queued];
    assert_eq!(ask(JobFilter { states: states.clone(), ..all.clone() }).await, ["j5", "j4", "j3", "j1"]);
    assert_eq!(ask(JobFilter { content: Some("a".into()), ..all.clone() }).await, ["j4", "j3", "j1"]);
    let both = JobFilter { states, content: Some("a".into()), model: Some("shot".into()) };
    assert_eq!(ask(both).await, ["j4", "j1"]);
    let counts = store.job_counts().await.unwrap();
    assert_eq!(counts, [(JobState::Queued, 3), (JobState::Running, 1), (JobState::Failed, 1)].into());
}

pub async fn a_cursor_of_another_list_is_refused(store: Shared) {
    run(&*store, job("j1", "film.mp4", "shot"), vec![vec![tag(0, 1, "a"), tag(2, 3, "a")]], 5_000).await;
    run(&*store, job("j2", "other.mp4", "shot"), vec![vec![]], 5_000).await;
    let next = store.tags(TagQuery { paging: limit(1), ..of_content("film.mp4") }).await.unwrap().next;
    let elsewhere = TagQuery { paging: Paging { after: next.clone(), limit: 1 }, ..of_content("other.mp4") };
    assert!(matches!(store.tags(elsewhere).await, Err(StoreError::BadCursor { .. })));
    let jobs = store.jobs(JobFilter::default(), Paging { after: next, limit: 1 }).await;
    assert!(matches!(jobs, Err(StoreError::BadCursor { .. })));
    let invented = Paging { after: Some(Cursor("t1_2".into())), limit: 1 };
    let error = store.tags(TagQuery { paging: invented, ..of_content("film.mp4") }).await.unwrap_err();
    assert_snapshot!(error, @"cursor `t1_2` is none of this list: begin without one");
}

pub async fn what_is_not_there_is_named(store: Shared) {
    assert_snapshot!(store.job(&"none".into()).await.unwrap_err(), @"no job `none`");
    assert_snapshot!(store.content(&"none".into()).await.unwrap_err(), @"no content `none`");
    assert_snapshot!(store.tags(of_content("none")).await.unwrap_err(), @"no content `none`");
    assert_snapshot!(store.tags(of_job("none")).await.unwrap_err(), @"no job `none`");
    assert_snapshot!(store.tags(TagQuery::of(Scope::Batch(BatchId(5)))).await.unwrap_err(), @"no batch `5`");
    assert_snapshot!(store.apply(&"none".into(), vec![Change::Ratio(1.0)]).await.unwrap_err(), @"no job `none`");
    assert_snapshot!(store.commit_part(commit("none", 0, vec![])).await.unwrap_err(), @"no job `none`");
    store.add_job(job("j1", "film.mp4", "shot")).await.unwrap();
    assert_snapshot!(store.commit_part(commit("j1", 0, vec![])).await.unwrap_err(), @"no part `0`");
}
