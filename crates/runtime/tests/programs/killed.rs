//! Services that are killed, and what the next one makes of what they leave behind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tagger_runtime::service::News;
use tagger_store::{JobId, JobState};

use crate::world::{World, ended, tags, told};

/// The jobs that are done over and over.
const JOBS: [&str; 2] = ["one", "two"];

/// A service in a process of its own, which says on standard output what becomes of its jobs.
struct Server {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it over `folder`, where it submits `jobs` with what `habits` says.
    fn start(folder: &Path, habits: &str, jobs: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("service")
            .args([folder.as_os_str(), habits.as_ref()])
            .args(jobs)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// Reads until it says `wanted`.
    fn until(&mut self, wanted: &str) {
        let mut line = String::new();
        while line.trim() != wanted {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended without `{wanted}`");
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Is a service: submits the jobs, tells what becomes of them, and ends when all have ended.
pub fn be_a_service(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let world = World::of(Path::new(&arguments.next().unwrap()));
    let habits: serde_json::Value = serde_json::from_str(arguments.next().unwrap().to_str().unwrap()).unwrap();
    let ids: Vec<String> = arguments.map(|id| id.into_string().unwrap()).collect();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut config = world.config();
        // Chance may strike the same part again and again.
        (config.rules.part_attempts, config.rules.barren_attempts) = (10_000, 10_000);
        let service = world.service_of(config).await;
        let mut watch = service.watch(None);
        let mut states = BTreeMap::new();
        for id in &ids {
            let submitted = service.submit(world.submit(id, habits.clone())).await.unwrap();
            states.insert(submitted.job.id.clone(), submitted.job.state);
        }
        while !states.values().all(|state: &JobState| state.is_ended()) {
            if let Some(News::Job(job)) = watch.next().await.map(|announcement| announcement.what) {
                println!("{} {} of {}", job.id, job.counts.done, job.counts.parts);
                states.insert(job.id.clone(), job.state);
            }
        }
        service.drain().await;
        println!("ended");
        ExitCode::SUCCESS
    })
}

pub fn a_service_that_is_killed_goes_on_where_it_was() {
    let world = World::new();
    let gate = world.folder.join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let mut server = Server::start(&world.folder, r#"{"wait": 2}"#, &["job"]);
    server.until("job 2 of 6");
    server.kill();
    fs::remove_file(&gate).unwrap();
    let mut server = Server::start(&world.folder, r#"{"wait": 2}"#, &["job"]);
    server.until("ended");
    assert!(server.process.wait().unwrap().success());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let service = world.service().await;
        insta::assert_snapshot!(told(&service, &"job".into()).await, @"
        succeeded
        part 0 done, 0 attempts
        part 1 done, 0 attempts
        part 2 done, 0 attempts
        part 3 done, 0 attempts
        part 4 done, 0 attempts
        part 5 done, 0 attempts
        attempt 1 of 6 parts interrupted, not counted: the server ended
        attempt 2 of 4 parts finished
        12 tags
        ");
    });
}

/// Random numbers that a seed brings back (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

pub fn faults_at_random_instants_lose_no_tag_and_double_none() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("TAGGER_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000_007);
    let kills = number("TAGGER_KILLS").unwrap_or(10);
    println!("faults: TAGGER_SEED={seed} TAGGER_KILLS={kills} brings this run back");
    let mut random = Random(seed);
    let world = World::new();
    let undisturbed = undisturbed();
    let mut killed = 0;
    while killed < kills {
        let _ = fs::remove_dir_all(world.folder.join("data"));
        let mut server = Server::start(&world.folder, "{}", &JOBS);
        // A few faults over the same jobs, until they have ended in spite of them.
        while killed < kills && random.below(6) > 0 {
            sleep(Duration::from_millis(random.below(400)));
            match random.below(4) {
                0 | 1 => {
                    server.kill();
                    server = Server::start(&world.folder, "{}", &JOBS);
                    killed += 1;
                }
                2 => killed += u64::from(for_a_model(&world, |pid| signal("KILL", pid))),
                3 => {
                    for_a_model(&world, |pid| {
                        signal("STOP", pid);
                        signal("CONT", pid);
                    });
                    for output in outputs(&world) {
                        // Gone by now, perhaps.
                        let _ = OpenOptions::new().write(true).open(output).and_then(|file| file.set_len(0));
                    }
                    server.kill();
                    server = Server::start(&world.folder, "{}", &JOBS);
                    killed += 1;
                }
                _ => unreachable!("below 4"),
            }
        }
        server.until("ended");
        assert!(server.process.wait().unwrap().success());
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let service = world.service().await;
            for id in JOBS.map(JobId::from) {
                let job = ended(&service, &id).await;
                assert_eq!(job.state, JobState::Succeeded, "seed {seed}: {}", told(&service, &id).await);
                assert_eq!(tags(&service, &id).await, undisturbed, "seed {seed}: {}", told(&service, &id).await);
            }
            service.drain().await;
        });
        for folder in ["data/parts", "data/work"] {
            let left: Vec<_> = fs::read_dir(world.folder.join(folder)).unwrap().collect();
            assert!(left.is_empty(), "seed {seed}: {left:?}");
        }
        assert_eq!(models(&world), Vec::<u32>::new(), "seed {seed}: a program is left");
    }
}

/// The tags of a job that nothing has happened to.
fn undisturbed() -> Vec<String> {
    let world = World::new();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let service = world.service().await;
        let id = JobId::from("job");
        service.submit(world.submit("job", json!({}))).await.unwrap();
        ended(&service, &id).await;
        tags(&service, &id).await
    })
}

/// Does something to a running model program, if there is one.
fn for_a_model(world: &World, what: impl Fn(u32)) -> bool {
    let models = models(world);
    models.iter().for_each(|pid| what(*pid));
    !models.is_empty()
}

/// The running model programs of this world.
fn models(world: &World) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let work = world.folder.join("data/work");
    let is_model = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            let is_ours = words.iter().any(|word| word.starts_with(work.as_os_str().as_encoded_bytes()));
            is_ours && words.get(1) == Some(&b"model".as_slice())
        })
    };
    processes.filter(is_model).collect()
}

fn signal(name: &str, pid: u32) {
    // It may have ended by itself since.
    let _ = Command::new("kill").args(["-s", name, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The output files of running programs.
fn outputs(world: &World) -> Vec<std::path::PathBuf> {
    let folders = fs::read_dir(world.folder.join("data/work")).into_iter().flatten();
    folders.filter_map(|folder| Some(folder.ok()?.path().join("output.jsonl"))).collect()
}
