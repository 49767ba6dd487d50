//! Jobs over a real store with real programs.

use std::fs;

use serde_json::{Value, json};
use tagger_runtime::service::{ErrorCode, Service, Submit};
use tagger_store::{JobId, JobState};

use crate::world::{World, block_on, ended, tags, told, until};

/// What a job of a model with these habits comes to.
fn comes_to(habits: Value) -> String {
    block_on(async {
        let world = World::new();
        let service = world.service().await;
        let id = JobId::from("job");
        service.submit(world.submit("job", habits)).await.unwrap();
        ended(&service, &id).await;
        let told = told(&service, &id).await;
        nothing_is_left(&world, &service).await;
        told
    })
}

/// No part file, no output, no program.
async fn nothing_is_left(world: &World, service: &Service) {
    service.drain().await;
    for folder in ["data/parts", "data/work"] {
        let left: Vec<_> = fs::read_dir(world.folder.join(folder)).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub fn every_part_is_stored_with_its_tags_on_the_contents_time() {
    block_on(async {
        let world = World::new();
        let service = world.service().await;
        let id = JobId::from("job");
        let submitted = service.submit(world.submit("job", json!({}))).await.unwrap();
        assert!(submitted.is_new);
        ended(&service, &id).await;
        insta::assert_snapshot!(told(&service, &id).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts finished
        12 tags
        ");
        let tags = tags(&service, &id).await;
        insta::assert_snapshot!(tags[2..4].join("\n"), @r#"
        habits 10010-10110 first of 1 part 1 - {"number":1}
        lasts 10052-10152 last of 1 part 1 {"frame_idx":241,"box":{"x1":0.1,"y1":0.2,"x2":0.3,"y2":0.4}} {"number":1}
        "#);
        let again = service.submit(world.submit("job", json!({}))).await.unwrap();
        assert!(!again.is_new && again.job.state == JobState::Succeeded);
        let log = service.log(&id, None, 0).await.unwrap();
        assert_eq!(String::from_utf8(log.bytes).unwrap(), "the model has started\n");
        nothing_is_left(&world, &service).await;
    });
}

pub fn a_part_that_kills_every_program_is_quarantined_and_the_rest_is_kept() {
    insta::assert_snapshot!(comes_to(json!({"crash": 2})), @"
    quarantined: 1 of 6 parts are quarantined; the last one: it crashed (signal 6, aborted); its log ends:
    part 0 done, 0 attempts
    part 1 done, 0 attempts
    part 2 quarantined, 3 attempts: it crashed (signal 6, aborted); its log ends:
    part 3 done, 0 attempts
    part 4 done, 0 attempts
    part 5 done, 0 attempts
    attempt 1 of 6 parts failed: it crashed (signal 6, aborted); its log ends:
    attempt 2 of 3 parts finished
    attempt 3 of 1 parts failed: it crashed (signal 6, aborted); its log ends:
    attempt 4 of 1 parts failed: it crashed (signal 6, aborted); its log ends:
    10 tags
    ");
}

pub fn an_error_about_a_part_is_that_parts_alone() {
    insta::assert_snapshot!(comes_to(json!({"fail": 5})), @"
    quarantined: 1 of 6 parts are quarantined; the last one: no luck
    part 0 done, 0 attempts
    part 1 done, 0 attempts
    part 2 done, 0 attempts
    part 3 done, 0 attempts
    part 4 done, 0 attempts
    part 5 quarantined, 3 attempts: no luck
    attempt 1 of 6 parts failed: it exited with status 3; its log ends:
    attempt 2 of 1 parts failed: it exited with status 3; its log ends:
    attempt 3 of 1 parts failed: it exited with status 3; its log ends:
    10 tags
    ");
}

pub fn a_model_that_stalls_is_killed_and_the_part_it_was_at_blamed() {
    block_on(async {
        let world = World::new();
        let mut config = world.config();
        config.limits.progress_timeout = std::time::Duration::from_millis(700);
        config.rules.part_attempts = 1;
        let service = world.service_of(config).await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"stall": 1}))).await.unwrap();
        ended(&service, &id).await;
        insta::assert_snapshot!(told(&service, &id).await, @"
        quarantined: 1 of 6 parts are quarantined; the last one: it has written nothing for 0.7 s and was killed; its log ends:
        part 0 done, 0 attempts
        part 1 quarantined, 1 attempts: it has written nothing for 0.7 s and was killed; its log ends:
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts stalled: it has written nothing for 0.7 s and was killed; its log ends:
        attempt 2 of 4 parts finished
        10 tags
        ");
    });
}

pub fn floods_are_ended_and_the_part_they_came_from_blamed() {
    for habit in ["flood", "shout"] {
        block_on(async {
            let world = World::new();
            let mut config = world.config();
            config.limits.tags_per_part = 1000;
            config.limits.output_bytes = 1_000_000;
            config.rules.part_attempts = 1;
            let service = world.service_of(config).await;
            let id = JobId::from("job");
            service.submit(world.submit("job", json!({habit: 4}))).await.unwrap();
            ended(&service, &id).await;
            let told = told(&service, &id).await;
            assert!(told.starts_with("quarantined: 1 of 6 parts are quarantined"), "{told}");
            let cause =
                if habit == "flood" { "more than 1000 tags of one part" } else { "more than 1000000 bytes of output" };
            assert!(told.contains(&format!("part 4 quarantined, 1 attempts: it has written {cause}")), "{told}");
            assert!(told.ends_with("\n10 tags"), "{told}");
        });
    }
}

pub fn garbage_is_told_and_stops_nothing() {
    insta::assert_snapshot!(comes_to(json!({"garble": 3})), @"
    succeeded
    part 0 done, 0 attempts
    part 1 done, 0 attempts
    part 2 done, 0 attempts
    part 3 done, 0 attempts
    part 4 done, 0 attempts
    part 5 done, 0 attempts
    attempt 1 of 6 parts finished
    4 warnings, the last: progress message about `never/given.mp4`, a file it was not given; left out
    12 tags
    ");
}

pub fn exit_0_is_no_success_for_a_part_without_progress() {
    insta::assert_snapshot!(comes_to(json!({"leave_out": 3})), @"
    quarantined: 1 of 6 parts are quarantined; the last one: it exited with status 0, but no progress message has come; its log ends:
    part 0 done, 0 attempts
    part 1 done, 0 attempts
    part 2 done, 0 attempts
    part 3 quarantined, 3 attempts: it exited with status 0, but no progress message has come; its log ends:
    part 4 done, 0 attempts
    part 5 done, 0 attempts
    attempt 1 of 6 parts failed: it exited with status 0, but no progress message has come; its log ends:
    attempt 2 of 1 parts failed: it exited with status 0, but no progress message has come; its log ends:
    attempt 3 of 1 parts failed: it exited with status 0, but no progress message has come; its log ends:
    10 tags
    ");
}

pub fn output_that_gets_shorter_is_the_models_fault_and_keeps_what_was_finished() {
    block_on(async {
        let world = World::new();
        let gate = world.gate();
        let mut config = world.config();
        config.rules.part_attempts = 1;
        let service = world.service_of(config).await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"wait": 3, "shorten": 3}))).await.unwrap();
        // What is cut off before anybody has read it was never there.
        until(&service, &id, |job| job.counts.done == 3).await;
        tokio::task::spawn_blocking(move || fs::write(gate, "").unwrap()).await.unwrap();
        ended(&service, &id).await;
        insta::assert_snapshot!(told(&service, &id).await, @"
        quarantined: 1 of 6 parts are quarantined; the last one: the program has shortened its output file, to which it may only append
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 quarantined, 1 attempts: the program has shortened its output file, to which it may only append
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts failed: the program has shortened its output file, to which it may only append
        attempt 2 of 2 parts finished
        10 tags
        ");
    });
}

pub fn a_stopped_job_keeps_what_is_finished_and_a_retry_does_the_rest() {
    block_on(async {
        let world = World::new();
        let gate = world.gate();
        let service = world.service().await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"wait": 2}))).await.unwrap();
        until(&service, &id, |job| job.counts.done == 2).await;
        let not_yet = service.retry(&id, true).await.unwrap_err();
        assert_eq!(not_yet.code, ErrorCode::Conflict);
        service.stop(&id).await.unwrap();
        assert_eq!(ended(&service, &id).await.state, JobState::Stopped);
        fs::remove_file(&gate).unwrap();
        service.retry(&id, true).await.unwrap();
        assert_eq!(ended(&service, &id).await.state, JobState::Succeeded);
        insta::assert_snapshot!(told(&service, &id).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts stopped, not counted: it was ended by signal 15; its log ends:
        attempt 2 of 4 parts finished
        12 tags
        ");
        service.remove(&id).await.unwrap();
        assert_eq!(service.job(&id).await.unwrap_err().code, ErrorCode::NotFound);
        assert!(!world.folder.join("data/logs/job").exists());
        nothing_is_left(&world, &service).await;
    });
}

pub fn a_drained_service_leaves_its_jobs_to_the_next_one() {
    block_on(async {
        let world = World::new();
        let gate = world.gate();
        let (running, queued) = (JobId::from("running"), JobId::from("queued"));
        {
            let service = world.service().await;
            service.submit(world.submit("running", json!({"wait": 2}))).await.unwrap();
            until(&service, &running, |job| job.counts.done == 2).await;
            service.submit(world.submit("queued", json!({}))).await.unwrap();
            service.drain().await;
            let refused = service.submit(world.submit("late", json!({}))).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Quiescing);
            assert_eq!(service.job(&running).await.unwrap().state, JobState::Running);
            assert_eq!(service.job(&queued).await.unwrap().state, JobState::Queued);
        }
        fs::remove_file(&gate).unwrap();
        let service = world.service().await;
        for id in [&running, &queued] {
            assert_eq!(ended(&service, id).await.state, JobState::Succeeded);
        }
        insta::assert_snapshot!(told(&service, &running).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts interrupted, not counted: it was ended by signal 15; its log ends:
        attempt 2 of 4 parts finished
        12 tags
        ");
    });
}

pub fn a_quiescing_service_lets_running_jobs_end_and_begins_no_others() {
    block_on(async {
        let world = World::new();
        let gate = world.gate();
        let service = world.service().await;
        let (running, queued) = (JobId::from("running"), JobId::from("queued"));
        service.submit(world.submit("running", json!({"wait": 2}))).await.unwrap();
        until(&service, &running, |job| job.counts.done == 2).await;
        service.submit(world.submit("queued", json!({}))).await.unwrap();
        let quiescing = tokio::spawn({
            let service = service.clone();
            async move { service.quiesce().await }
        });
        // Opened and closed: the model goes on.
        tokio::task::spawn_blocking(move || fs::write(gate, "").unwrap()).await.unwrap();
        quiescing.await.unwrap();
        assert_eq!(service.job(&running).await.unwrap().state, JobState::Succeeded);
        assert_eq!(service.job(&queued).await.unwrap().state, JobState::Queued);
    });
}

pub fn what_is_known_to_be_wrong_is_refused_before_a_job_is_there() {
    block_on(async {
        let world = World::new();
        let service = world.service().await;
        fs::write(world.folder.join("notes.txt"), "no media").unwrap();
        fs::create_dir(world.folder.join("model2")).unwrap();
        let manifest = fs::read_to_string(world.folder.join("model/tagger.toml")).unwrap();
        let demanding = manifest.replace("slot = 1", "slot = 2")
            + "[parameters]\nadditionalProperties = false\n[parameters.properties.media]\ntype = 'string'\n";
        fs::write(world.folder.join("model2/tagger.toml"), demanding).unwrap();
        let path = |name: &str| world.folder.join(name).to_str().unwrap().to_owned();
        let good = || world.submit("job", json!({}));
        let wrong = [
            Submit { id: "../up".into(), ..good() },
            Submit { model: "habit".into(), ..good() },
            Submit { model: path("models"), ..good() },
            Submit { source: path("gone.mp4"), ..good() },
            Submit { source: "/etc/passwd".into(), ..good() },
            Submit { source: path("notes.txt"), ..good() },
            Submit { model: path("model2"), ..good() },
            Submit { model: path("model2"), ..world.submit("job", json!({"medium": 1})) },
        ];
        let mut told = String::new();
        for submit in wrong {
            let error = service.submit(submit).await.unwrap_err();
            let text = error.message.replace(world.folder.to_str().unwrap(), "HERE");
            told += &format!("{:?} {}: {text}\n", error.code, error.field.unwrap_or("-"));
        }
        insta::assert_snapshot!(told, @"
        InvalidRequest id: job id `../up` must be 1 to 128 letters, digits, `-`, `_`, `.`, `:` or `@`, and not begin with `.`
        UnknownModel model: unknown model `habit`: neither a shipped one (none found) nor a folder with a tagger.toml nor a .py file
        UnknownModel model: there is no model file or folder `HERE/models`
        InvalidMedia source: there is no file or folder `HERE/gone.mp4`
        OutsideRoots source: `/etc/passwd` lies outside the folders that this server may read (`HERE`): move it there, or add its folder to `roots`
        InvalidMedia source: `HERE/notes.txt` is not media that can be read (Invalid data found when processing input); check what the file holds
        ExceedsMachine model: it needs 2 of resource `slot`, and this machine has 1
        InvalidParameter params: model `habits`: unknown parameter `medium`, did you mean `media`? (known: `media`)
        ");
        service.submit(good()).await.unwrap();
        let other = service.submit(world.submit("job", json!({"crash": 1}))).await.unwrap_err();
        assert_eq!((other.code, other.field), (ErrorCode::Conflict, Some("id")));
    });
}

pub fn media_that_change_between_submit_and_start_are_named() {
    block_on(async {
        let world = World::new();
        world.gate();
        let mut config = world.config();
        // The file itself is the one part, and is looked at again when its program starts.
        config.parts.length = std::time::Duration::from_secs(1000);
        let service = world.service_of(config).await;
        service.submit(world.submit("first", json!({"wait": 0}))).await.unwrap();
        let source = world.folder.join("copy.mp4");
        fs::copy(world.folder.join("clip.mp4"), &source).unwrap();
        let id = JobId::from("changed");
        let path = source.to_str().unwrap().to_owned();
        service.submit(Submit { source: path, content: None, ..world.submit("changed", json!({})) }).await.unwrap();
        until(&service, &id, |job| job.counts.parts == 1).await;
        fs::write(&source, "something else").unwrap();
        service.stop(&"first".into()).await.unwrap();
        let job = ended(&service, &id).await;
        let cause = job.cause.unwrap().replace(world.folder.to_str().unwrap(), "HERE");
        insta::assert_snapshot!(cause, @"1 of 1 parts are quarantined; the last one: `HERE/copy.mp4` has changed since it was submitted: submit it again");
    });
}
