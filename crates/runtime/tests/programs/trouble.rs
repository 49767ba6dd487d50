//! Trouble that passes: a full disk, a folder that cannot be written to, a clock that jumps.

use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;
use tagger_runtime::config::Config;
use tagger_runtime::service::News;
use tagger_store::{JobId, JobState};

use crate::world::{World, ended, tags, told, until};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

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
    let gate = world.folder.join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
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
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> Option<Self> {
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
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        let bytes = vec![0; size];
        while file.write_all(&bytes).is_ok() {}
    }
}
