//! Trouble that passes: a full disk, a folder that cannot be written to, a clock that jumps.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;
use tagger_runtime::config::Config;
use tagger_runtime::service::{ErrorCode, News, Service, Watch};
use tagger_store::{JobId, JobState};

use crate::killed::models;
use crate::world::{World, block_on, ended, tags, told, until};

/// However often something fails, it is tried again.
fn patient(mut config: Config) -> Config {
    (config.rules.part_attempts, config.rules.barren_attempts) = (10_000, 10_000);
    config
}

pub fn a_full_disk_makes_a_job_wait_and_loses_nothing() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(world.folder.join("data")) else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let gate = world.gate();
    block_on(async {
        let service = world.service_of(patient(world.config())).await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"wait": 2}))).await.unwrap();
        until(&service, &id, |job| job.counts.done == 2).await;
        let mut watch = service.watch(None);
        let filling = world.folder.join("data/filling");
        fill(&filling);
        tokio::task::spawn_blocking(move || {
            let opened = OpenOptions::new().write(true).open(&gate).unwrap();
            fs::remove_file(&gate).unwrap(); // the next attempt shall not wait
            drop(opened);
        })
        .await
        .unwrap();
        // Either the store has no room for what the job has come to, or the model has none for what it found.
        loop {
            match watch.next().await.unwrap().what {
                News::Trouble(_) => break,
                News::Job(job) if job.attempts > 2 => break,
                _ => {}
            }
        }
        fs::remove_file(&filling).unwrap();
        let job = ended(&service, &id).await;
        assert_eq!(job.state, JobState::Succeeded, "{}", told(&service, &id).await);
        assert_eq!(tags(&service, &id).await.len(), 12);
        service.drain().await;
    });
}

pub fn output_that_cannot_be_written_counts_against_nobody() {
    let world = World::new();
    block_on(async {
        let service = world.service().await;
        let work = world.folder.join("data/work");
        fs::remove_dir(&work).unwrap();
        fs::write(&work, "not a folder").unwrap();
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({}))).await.unwrap();
        until(&service, &id, |job| job.attempts == 5).await;
        fs::remove_file(&work).unwrap();
        let job = ended(&service, &id).await;
        let told = told(&service, &id).await;
        assert_eq!(job.state, JobState::Succeeded, "{told}");
        assert!(told.contains("attempt 4 of 6 parts interrupted, not counted: cannot make"), "{told}");
        assert!(told.ends_with("\n12 tags"), "{told}");
    });
}

pub fn a_stop_does_not_wait_for_a_full_disk() {
    let world = World::new();
    let Some(_disk) = SmallDisk::mount(world.folder.join("data")) else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let gate = world.gate();
    block_on(async {
        let service = world.service_of(patient(world.config())).await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"wait": 2}))).await.unwrap();
        until(&service, &id, |job| job.counts.done == 2).await;
        let filling = world.folder.join("data/filling");
        fill(&filling);
        let refused = service.stop(&id).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::StorageFull);
        assert!(refused.message.starts_with("the program of job `job` is being ended"), "{refused}");
        while !models(&world).is_empty() {
            tokio::task::yield_now().await;
        }
        fs::remove_file(&filling).unwrap();
        assert_eq!(ended(&service, &id).await.state, JobState::Stopped);
        fs::remove_file(&gate).unwrap();
        service.retry(&id, true).await.unwrap();
        assert_eq!(ended(&service, &id).await.state, JobState::Succeeded);
        assert_eq!(tags(&service, &id).await.len(), 12);
    });
}

pub fn parts_that_cannot_be_written_make_a_job_wait() {
    let world = World::new();
    block_on(async {
        let service = world.service().await;
        let mut watch = service.watch(None);
        let parts = world.folder.join("data/parts");
        fs::remove_dir(&parts).unwrap();
        fs::write(&parts, "not a folder").unwrap();
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({}))).await.unwrap();
        let trouble = loop {
            if let News::Trouble(trouble) = watch.next().await.unwrap().what {
                break trouble.replace(world.folder.to_str().unwrap(), "HERE");
            }
        };
        insta::assert_snapshot!(trouble, @"job `job` waits: cannot write into `HERE/data/parts/1/video`: make room there, and check its permissions: Not a directory (os error 20)");
        fs::remove_file(&parts).unwrap();
        assert_eq!(ended(&service, &id).await.state, JobState::Succeeded);
        assert_eq!(tags(&service, &id).await.len(), 12);
    });
}

const DAY_MS: i64 = 86_400_000;

pub fn replaced_tags_can_be_read_again_for_as_long_as_is_configured() {
    let world = World::new();
    block_on(async {
        let now_ms = Arc::new(AtomicI64::new(20_000 * DAY_MS));
        let days = |count: i64| now_ms.fetch_add(count * DAY_MS, Ordering::Relaxed);
        let clock = now_ms.clone();
        let service = world.service_at(world.config(), Arc::new(move || clock.load(Ordering::Relaxed))).await;
        let mut watch = service.watch(None);
        job_done(&world, &service, "one").await;
        job_done(&world, &service, "two").await;
        days(30);
        job_done(&world, &service, "three").await;
        assert_eq!(
            kept(&service).await,
            6,
            "what was replaced 30 days ago is there still, and so is what was replaced now"
        );
        days(1);
        job_done(&world, &service, "four").await;
        assert_eq!(kept(&service).await, 8, "of what is too old for the first time there is a day's notice");
        days(1);
        job_done(&world, &service, "five").await;
        assert_eq!((pruned(&mut watch).await, kept(&service).await), (2, 8), "both tracks of `one`");
        service.drain().await;
        drop(service);
        days(31);
        let clock = now_ms.clone();
        let service = world.service_at(world.config(), Arc::new(move || clock.load(Ordering::Relaxed))).await;
        service.drain().await;
        drop(service);
        days(1);
        let clock = now_ms.clone();
        let service = world.service_at(world.config(), Arc::new(move || clock.load(Ordering::Relaxed))).await;
        assert_eq!(
            pruned(&mut service.watch(Some(0))).await,
            6,
            "a server that is started once a day gives up as well"
        );
        assert_eq!(kept(&service).await, 2);
    });
}

pub fn a_clock_that_jumps_beyond_the_time_of_keeping_leaves_what_can_be_undone() {
    let world = World::new();
    block_on(async {
        let now_ms = Arc::new(AtomicI64::new(20_000 * DAY_MS));
        let days = |count: i64| now_ms.fetch_add(count * DAY_MS, Ordering::Relaxed);
        let clock = now_ms.clone();
        let service = world.service_at(world.config(), Arc::new(move || clock.load(Ordering::Relaxed))).await;
        job_done(&world, &service, "one").await;
        job_done(&world, &service, "two").await;
        days(3_650);
        job_done(&world, &service, "three").await;
        assert_eq!(kept(&service).await, 6, "while the clock is wrong");
        service.drain().await;
        drop(service);
        let clock = now_ms.clone();
        let service = world.service_at(world.config(), Arc::new(move || clock.load(Ordering::Relaxed))).await;
        assert_eq!(kept(&service).await, 6, "started anew while the clock is wrong");
        days(-3_650);
        for (name, all) in [("four", 8), ("five", 10)] {
            job_done(&world, &service, name).await;
            assert_eq!(kept(&service).await, all, "after the clock was set right");
            days(1);
        }
        for _ in 0..4 {
            for batch in service.tracks(&"clip".into(), false).await.unwrap() {
                assert!(service.undo(batch.id).await.unwrap().restored.is_some());
            }
        }
        let read = service.tracks(&"clip".into(), false).await.unwrap();
        assert_eq!(read.iter().map(|batch| &*batch.job.0).collect::<Vec<_>>(), ["one", "one"]);
    });
}

async fn job_done(world: &World, service: &Service, id: &str) {
    service.submit(world.submit(id, json!({}))).await.unwrap();
    assert_eq!(ended(service, &id.into()).await.state, JobState::Succeeded);
}

/// How many batches there are, read or kept for undoing.
async fn kept(service: &Service) -> usize {
    service.tracks(&"clip".into(), true).await.unwrap().len()
}

/// How many batches the next pruning gives up.
async fn pruned(watch: &mut Watch) -> u64 {
    loop {
        if let News::Pruned { batches } = watch.next().await.unwrap().what {
            return batches;
        }
    }
}

pub fn a_clock_that_jumps_changes_nothing() {
    let world = World::new();
    block_on(async {
        let (calls, year_ms) = (AtomicI64::new(0), 31_536_000_000);
        let jumping = move || year_ms * 50 + year_ms * (calls.fetch_add(1, Ordering::Relaxed) * 7 % 5 - 2);
        let service = world.service_at(world.config(), Arc::new(jumping)).await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({"crash": 4}))).await.unwrap();
        let job = ended(&service, &id).await;
        assert_eq!(job.state, JobState::Quarantined, "{}", told(&service, &id).await);
        assert_eq!(tags(&service, &id).await.len(), 10);
    });
}

/// A few megabytes that can be full.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn mount(path: PathBuf) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&path).output().ok()?;
        mounted.status.success().then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Writes until nothing more fits.
pub fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        let bytes = vec![0; size];
        while file.write_all(&bytes).is_ok() {}
    }
}
