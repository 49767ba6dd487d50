//! Services that are killed, and what the next one makes of what they leave behind.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tagger_runtime::service::{News, Service, Submit};
use tagger_store::{JobId, JobState};

use crate::trouble::{SmallDisk, fill};
use crate::world::{World, ended, now_ms, tags, told};

/// The jobs that are done over and over.
const JOBS: [&str; 2] = ["one", "two"];

/// A service in a process of its own, which says on standard output what becomes of its jobs.
pub struct Server {
    pub process: Child,
    lines: BufReader<ChildStdout>,
    /// Whether it has said that it has taken in its jobs.
    has_jobs: bool,
}

impl Server {
    /// Starts it over `folder`, where it submits `jobs` with what `habits` says.
    fn start(folder: &Path, habits: &str, jobs: &[&str]) -> Self {
        let arguments = [folder.as_os_str(), habits.as_ref()].into_iter().chain(jobs.iter().map(OsStr::new));
        Self::start_as("service", arguments)
    }

    /// Starts this program in another part.
    pub fn start_as<'a>(part: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Self {
        let mut program = Command::new(std::env::current_exe().unwrap());
        let mut process = program.arg(part).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines, has_jobs: false }
    }

    /// Reads until it says `wanted`.
    pub fn until(&mut self, wanted: &str) {
        let mut line = String::new();
        while line.trim() != wanted {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended without `{wanted}`");
        }
    }

    /// Waits until it has taken in its jobs: with a full disk it could not.
    fn take_jobs(&mut self) {
        if !self.has_jobs {
            self.until("has its jobs");
            self.has_jobs = true;
        }
    }

    pub fn kill(&mut self) {
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
        // One job replaces the other's tags, and years may pass at once.
        config.store.keep_replaced_days = 10_000.0;
        let offset = world.folder.join("clock");
        let offset_ms = move || fs::read_to_string(&offset).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        let service = world.service_at(config, Arc::new(move || now_ms() + offset_ms())).await;
        serve(service, ids.iter().map(|id| world.submit(id, habits.clone())).collect()).await
    })
}

/// Submits jobs, tells what becomes of them, and ends when all have ended.
pub async fn serve(service: Service, jobs: Vec<Submit>) -> ExitCode {
    let mut watch = service.watch(None);
    let mut states = BTreeMap::new();
    for job in jobs {
        let submitted = service.submit(job).await.unwrap();
        states.insert(submitted.job.id.clone(), submitted.job.state);
    }
    println!("has its jobs");
    while !states.values().all(|state: &JobState| state.is_ended()) {
        if let Some(News::Job(job)) = watch.next().await.map(|announcement| announcement.what) {
            println!("{} {} of {}", job.id, job.counts.done, job.counts.parts);
            states.insert(job.id.clone(), job.state);
        }
    }
    service.drain().await;
    println!("ended");
    ExitCode::SUCCESS
}

pub fn a_service_that_is_killed_goes_on_where_it_was() {
    let world = World::new();
    let gate = world.gate();
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
    let disk = SmallDisk::mount(world.folder.join("data"));
    if disk.is_none() {
        println!("this user may not mount a small disk: none is filled");
    }
    let mut killed = 0;
    while killed < kills {
        empty(&world.folder.join("data"));
        let mut server = Server::start(&world.folder, "{}", &JOBS);
        // A few faults over the same jobs, until they have ended in spite of them.
        while killed < kills && random.below(8) > 0 {
            sleep(Duration::from_millis(random.below(400)));
            let a_while = Duration::from_millis(random.below(300));
            match random.below(9) {
                0 | 1 => {
                    server.kill();
                    server = Server::start(&world.folder, "{}", &JOBS);
                    killed += 1;
                }
                2 | 3 => killed += u64::from(for_a_model(&world, |pid| signal("KILL", pid))),
                4 => {
                    // Stopped until the end: of output that got shorter, nothing more may come.
                    for_a_model(&world, |pid| signal("STOP", pid));
                    for output in outputs(&world) {
                        // Gone by now, perhaps.
                        let _ = OpenOptions::new().write(true).open(output).and_then(|file| file.set_len(0));
                    }
                    server.kill();
                    server = Server::start(&world.folder, "{}", &JOBS);
                    killed += 1;
                }
                5 => {
                    let stopped: Vec<u32> = models(&world).into_iter().chain([server.process.id()]).collect();
                    stopped.iter().for_each(|pid| signal("STOP", *pid));
                    sleep(a_while);
                    stopped.iter().for_each(|pid| signal("CONT", *pid));
                }
                6 => {
                    let year_ms = 31_536_000_000_i64;
                    let offset_ms = i64::try_from(random.below(2 * year_ms.cast_unsigned())).unwrap() - year_ms;
                    fs::write(world.folder.join("clock"), offset_ms.to_string()).unwrap();
                }
                7 => {
                    server.take_jobs();
                    let (work, away) = (world.folder.join("data/work"), world.folder.join("data/away"));
                    fs::rename(&work, &away).unwrap();
                    fs::write(&work, "not a folder").unwrap();
                    sleep(a_while);
                    fs::remove_file(&work).unwrap();
                    fs::rename(&away, &work).unwrap();
                }
                8 if disk.is_some() => {
                    server.take_jobs();
                    let filling = world.folder.join("data/filling");
                    fill(&filling);
                    sleep(a_while);
                    fs::remove_file(&filling).unwrap();
                }
                8 => {}
                _ => unreachable!("below 9"),
            }
        }
        server.until("ended");
        assert!(server.process.wait().unwrap().success());
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut config = world.config();
            config.store.keep_replaced_days = 10_000.0;
            let service = world.service_of(config).await;
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

/// Removes what is in a folder; the folder itself may be a disk.
fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
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
pub fn models(world: &World) -> Vec<u32> {
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
