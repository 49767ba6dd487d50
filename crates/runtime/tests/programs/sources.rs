//! What models are given of different media, and what of it is told and read.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tagger_runtime::service::{Service, Submit};
use tagger_store::{JobId, JobState, Scope, TagQuery};

use crate::world::{World, block_on, ended, tags, told};

/// A job over some media by a model with these habits.
fn over(world: &World, id: &str, source: &str, model: &str, habits: Value) -> Submit {
    let path = |name: &str| world.folder.join(name).to_str().unwrap().to_owned();
    Submit { source: path(source), model: path(model), content: Some(source.into()), ..world.submit(id, habits) }
}

/// The texts of a job's tags on a track.
async fn texts(service: &Service, id: &str, track: &str) -> Vec<String> {
    let tags = tags(service, &id.into()).await;
    tags.iter().filter(|tag| tag.starts_with(track)).map(|tag| tag[..tag.find(" part").unwrap()].to_owned()).collect()
}

pub fn long_sound_is_cut_into_parts_and_its_tags_lie_where_they_are_heard() {
    block_on(async {
        let world = World::new();
        world.add_model("listener", "audio", "slot = 1");
        world.make("-f lavfi -i sine=frequency=440:sample_rate=8000:duration=25 long.wav");
        world.make("-i long.wav -c:a aac -ar 8000 long.m4a");
        let service = world.service().await;
        for source in ["long.wav", "long.m4a"] {
            let id = JobId::from(source);
            service.submit(over(&world, source, source, "listener", json!({}))).await.unwrap();
            assert_eq!(ended(&service, &id).await.state, JobState::Succeeded, "{}", told(&service, &id).await);
        }
        let wav = texts(&service, "long.wav", "habits").await;
        insta::assert_snapshot!(wav.join("\n"), @"
        habits 0-100 first of 0
        habits 9984-10084 first of 1
        habits 19968-20068 first of 2
        ");
        let m4a = texts(&service, "long.m4a", "habits").await;
        insta::assert_snapshot!(m4a.join("\n"), @"
        habits 0-100 first of 0
        habits 9984-10084 first of 1
        habits 19968-20068 first of 2
        ");
    });
}

pub fn a_model_of_video_that_is_given_no_sound_has_a_warning() {
    block_on(async {
        let world = World::new();
        world.add_model("looker", "frame", "slot = 1");
        let tone = "-i clip.mp4 -f lavfi -i sine=frequency=440:duration=60 -c:v copy -c:a";
        world.make(&format!("{tone} adpcm_ms old.mkv"));
        world.make(&format!("{tone} aac new.mp4"));
        let service = world.service().await;
        let mut warned = Vec::new();
        for (id, source, model) in
            [("old", "old.mkv", "model"), ("new", "new.mp4", "model"), ("looked", "old.mkv", "looker")]
        {
            service.submit(over(&world, id, source, model, json!({}))).await.unwrap();
            let job = ended(&service, &id.into()).await;
            assert_eq!(job.state, JobState::Succeeded, "{}", told(&service, &id.into()).await);
            warned.push(job.last_warning);
        }
        let why = "given without its sound: no container of parts holds adpcm_ms beside h264".to_owned();
        assert_eq!(warned, [Some(why), None, None]);
    });
}

pub fn each_still_of_a_folder_is_a_part() {
    block_on(async {
        let world = World::new();
        world.add_model("looker", "frame", "slot = 1");
        fs::create_dir(world.folder.join("album")).unwrap();
        fs::write(world.folder.join("album/about.txt"), "no still").unwrap();
        for still in ["a.png", "b.jpg", "c.png"] {
            world.make(&format!("-f lavfi -i color=red:size=32x32 -frames:v 1 album/{still}"));
        }
        let service = world.service().await;
        let id = JobId::from("album");
        service.submit(over(&world, "album", "album", "looker", json!({}))).await.unwrap();
        ended(&service, &id).await;
        insta::assert_snapshot!(told(&service, &id).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        attempt 1 of 3 parts finished
        6 tags
        ");
    });
}

pub fn a_folder_in_which_a_still_was_renamed_is_other_media() {
    block_on(async {
        let world = World::new();
        world.add_model("looker", "frame", "slot = 1");
        fs::create_dir(world.folder.join("album")).unwrap();
        world.make("-f lavfi -i color=red:size=32x32 -frames:v 1 album/a.png");
        let gate = world.gate();
        let service = world.service().await;
        service.submit(world.submit("first", json!({"wait": 0}))).await.unwrap();
        let id = JobId::from("album");
        service.submit(over(&world, "album", "album", "looker", json!({}))).await.unwrap();
        // The sizes and times of all files stay what they were.
        fs::rename(world.folder.join("album/a.png"), world.folder.join("album/b.png")).unwrap();
        fs::remove_file(&gate).unwrap();
        service.stop(&"first".into()).await.unwrap();
        let job = ended(&service, &id).await;
        let cause = job.cause.unwrap().replace(world.folder.to_str().unwrap(), "HERE");
        assert!(cause.ends_with("`HERE/album` has changed since it was submitted: submit it again"), "{cause}");
    });
}

pub fn a_program_sees_the_gpus_that_were_lent_to_it_and_no_others() {
    block_on(async {
        let world = World::new();
        for (folder, resources) in [("none", "slot = 1"), ("one", "gpu = 1"), ("both", "gpu = 2")] {
            world.add_model(folder, "video", resources);
        }
        let mut config = world.config();
        config.parts.length = Duration::from_secs(1000);
        config.machine.gpus = vec!["4".into(), "GPU-7".into()];
        let service = world.service_of(config).await;
        let mut seen = Vec::new();
        for model in ["none", "one", "both"] {
            service.submit(over(&world, model, "clip.mp4", model, json!({"devices": true}))).await.unwrap();
            ended(&service, &model.into()).await;
            seen.extend(texts(&service, model, "devices").await);
        }
        assert_eq!(seen, ["devices 0-0 sees []", "devices 0-0 sees [4]", "devices 0-0 sees [4,GPU-7]"]);
    });
}

pub fn what_goes_on_across_cuts_is_one_tag_when_it_is_read() {
    block_on(async {
        let world = World::new();
        let service = world.service().await;
        let id = JobId::from("job");
        // As long as each part is: 240 frames.
        service.submit(world.submit("job", json!({"spans": 10_010}))).await.unwrap();
        ended(&service, &id).await;
        assert_eq!(texts(&service, "job", "spans").await.len(), 6, "what is stored stays as it is");
        let query = TagQuery { tracks: vec!["spans".into()], ..TagQuery::of(Scope::Content("clip".into())) };
        let read = service.tags(query).await.unwrap().items;
        let spans: Vec<_> = read.iter().map(|tag| (tag.start_ms, tag.end_ms, tag.text.as_str())).collect();
        assert_eq!(spans, [(0, 60_060, "on and on")]);
    });
}

pub fn what_a_model_sees_on_all_frames_it_looks_at_is_one_tag_across_cuts() {
    block_on(async {
        let world = World::new();
        world.add_model("frames", "frame", "slot = 1");
        let service = world.service().await;
        let id = JobId::from("job");
        // Two frames a second: the last one of a part is number 228, and ends 9551 ms after the part's start.
        let habits = json!({"fps": 2, "spans": 9_551});
        service.submit(over(&world, "job", "clip.mp4", "frames", habits)).await.unwrap();
        ended(&service, &id).await;
        assert_eq!(texts(&service, "job", "spans").await.len(), 6, "what is stored stays as it is");
        let query = TagQuery { tracks: vec!["spans".into()], ..TagQuery::of(Scope::Content("clip.mp4".into())) };
        let read = service.tags(query).await.unwrap().items;
        let spans: Vec<_> = read.iter().map(|tag| (tag.start_ms, tag.end_ms, tag.text.as_str())).collect();
        assert_eq!(spans, [(0, 50_050 + 9_551, "on and on")]);
    });
}

pub fn a_batch_says_where_it_comes_from() {
    block_on(async {
        let world = World::new();
        let service = world.service().await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"fps": 2}))).await.unwrap();
        ended(&service, &id).await;
        let tracks = service.tracks(&"clip".into(), false).await.unwrap();
        let mut told = tracks[0].provenance.clone();
        assert_eq!(told["model_digest"], json!(service.job(&id).await.unwrap().model_digest));
        assert_eq!(told["ffmpeg"], json!(tagger_media::ffmpeg_release()));
        for differing in ["model_digest", "ffmpeg", "tagger"] {
            told[differing] = json!("…");
        }
        told["params"]["media"] = json!("…");
        insta::assert_snapshot!(told, @r#"{"ffmpeg":"…","model":"habits","model_digest":"…","params":{"fps":2,"media":"…"},"parts":{"count":6,"cut_to_seconds":10.0},"sampling":{"of":1439,"fps":null},"stream":"video","tagger":"…"}"#);
    });
}

pub fn a_retry_over_media_that_have_become_shorter_begins_anew() {
    block_on(async {
        let world = World::new();
        let service = world.service().await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({}))).await.unwrap();
        assert_eq!(ended(&service, &id).await.counts.parts, 6);
        world.make("-i clip.mp4 -t 30 -c copy short.mp4");
        fs::rename(world.folder.join("short.mp4"), world.folder.join("clip.mp4")).unwrap();
        service.retry(&id, false).await.unwrap();
        let job = ended(&service, &id).await;
        assert_eq!((job.state, job.counts.parts), (JobState::Succeeded, 3), "{}", told(&service, &id).await);
        assert_eq!(tags(&service, &id).await.len(), 6);
    });
}
