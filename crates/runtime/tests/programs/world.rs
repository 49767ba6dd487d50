//! A folder with media and a model, and a service over it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tagger_runtime::config::{Config, Overrides};
use tagger_runtime::jobs::BackOff;
use tagger_runtime::service::{Clock, News, Service, Setup, Submit};
use tagger_runtime::{ContainerSetup, Containers, Executors, Guard, Interpreter, ProcessExecutor};
use tagger_store::{Job, JobId, Paging, Scope, Sqlite, TagQuery};

/// How long a job may take to get where a test waits for it, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A folder with `clip.mp4`, a minute long, and the folder `model`.
pub struct World {
    pub folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl World {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let world = Self { folder, _temporary: Some(temporary) };
        let pictures = "testsrc2=size=64x36:rate=24000/1001:duration=60";
        world.make(&format!("-f lavfi -i {pictures} -c:v libx264 -preset ultrafast -g 24 clip.mp4"));
        world.add_model("model", "video", "slot = 1");
        world
    }

    /// Adds a model of any habits in a folder of its own.
    pub fn add_model(&self, folder: &str, kind: &str, resources: &str) {
        let folder = self.folder.join(folder);
        fs::create_dir(&folder).unwrap();
        let command = json!([std::env::current_exe().unwrap(), "model"]);
        let manifest = format!("name = 'habits'\nkind = '{kind}'\ncommand = {command}\n[resources]\n{resources}\n");
        fs::write(folder.join("tagger.toml"), manifest).unwrap();
    }

    /// Makes media with ffmpeg.
    pub fn make(&self, arguments: &str) {
        let mut ffmpeg = Command::new("ffmpeg");
        let made = ffmpeg.args(["-v", "error", "-y"]).args(arguments.split(' ')).current_dir(&self.folder);
        assert!(made.status().unwrap().success(), "{arguments}");
    }

    /// The pipe that a model waits at; once it is removed, no other one does.
    pub fn gate(&self) -> PathBuf {
        let gate = self.folder.join("gate");
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        gate
    }

    /// The same folder, which belongs to somebody else.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _temporary: None }
    }

    /// One program at a time, parts of 10 s, and no long rests.
    pub fn config(&self) -> Config {
        self.config_and("")
    }

    fn config_of_file(&self) -> Config {
        let overrides =
            Overrides { file: Some("tagger-server.toml".into()), data: Some("data".into()), ..Overrides::default() };
        let mut config = Config::resolve(overrides, &self.folder).unwrap();
        config.rules.back_off = BackOff { first: Duration::from_millis(5), longest: Duration::from_millis(20) };
        config
    }

    pub async fn service(&self) -> Service {
        self.service_of(self.config()).await
    }

    pub async fn service_of(&self, config: Config) -> Service {
        self.service_at(config, Arc::new(now_ms)).await
    }

    /// The same with more in the file.
    pub fn config_and(&self, more: &str) -> Config {
        let text = format!("[resources]\nslot = 1\n[parts]\nseconds = 10\n{more}");
        fs::write(self.folder.join("tagger-server.toml"), text).unwrap();
        self.config_of_file()
    }

    pub async fn service_at(&self, config: Config, clock: Clock) -> Service {
        let executors = Executors {
            processes: ProcessExecutor { guard: Some(Guard::this_program("guard").unwrap()) },
            containers: Containers::new(ContainerSetup::default()),
        };
        self.start(config, clock, executors).await
    }

    pub async fn service_with(&self, config: Config, executors: Executors) -> Service {
        self.start(config, Arc::new(now_ms), executors).await
    }

    async fn start(&self, config: Config, clock: Clock, executors: Executors) -> Service {
        fs::create_dir_all(&config.data).unwrap();
        let store = Sqlite::open(&config.data.join("tagger.db")).unwrap();
        let setup = Setup { config, store: Arc::new(store), executors, python: Interpreter::default(), clock };
        Service::start(setup).await.unwrap()
    }

    /// A job over the clip by the model with these habits.
    pub fn submit(&self, id: &str, habits: Value) -> Submit {
        let path = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let mut params = match habits {
            Value::Object(habits) => habits,
            _ => Map::new(),
        };
        params.insert("media".into(), path("clip.mp4").into());
        Submit {
            id: id.into(),
            source: path("clip.mp4"),
            content: Some("clip".into()),
            model: path("model"),
            params,
            param_texts: Default::default(),
            priority: None,
        }
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// Waits until a job is as it should be. One that never is fails the test.
pub async fn until(service: &Service, id: &JobId, wanted: impl Fn(&Job) -> bool) -> Job {
    let mut watch = service.watch(None);
    let job = service.job(id).await.unwrap();
    if wanted(&job) {
        return job;
    }
    let come = async {
        while let Some(announcement) = watch.next().await {
            match announcement.what {
                News::Job(job) if job.id == *id && wanted(&job) => return (*job).clone(),
                _ => {}
            }
        }
        panic!("the service has ended");
    };
    match tokio::time::timeout(PATIENCE, come).await {
        Ok(job) => job,
        Err(_) => panic!("job `{id}` has come to a standstill: {}", told(service, id).await),
    }
}

pub async fn ended(service: &Service, id: &JobId) -> Job {
    until(service, id, |job| job.state.is_ended()).await
}

/// All tags of a job, a line each: everything but their numbers.
pub async fn tags(service: &Service, id: &JobId) -> Vec<String> {
    let mut query = TagQuery { is_stitched: false, ..TagQuery::of(Scope::Job(id.clone())) };
    query.paging.limit = 10_000;
    let page = service.tags(query).await.unwrap();
    assert!(page.next.is_none());
    let line = |tag: &tagger_store::Tag| {
        let frame = tag.frame_info.as_ref().map_or("-".into(), |frame| json!(frame).to_string());
        let info = tag.additional_info.as_ref().map_or("-".into(), |info| json!(info).to_string());
        format!("{} {}-{} {} part {} {frame} {info}", tag.track, tag.start_ms, tag.end_ms, tag.text, tag.part)
    };
    page.items.iter().map(line).collect()
}

/// A job in a few lines: where it stands, its parts, its attempts, how many tags it has.
pub async fn told(service: &Service, id: &JobId) -> String {
    let job = service.job(id).await.unwrap();
    let all = || Paging { after: None, limit: 1000 };
    let cause =
        |cause: &Option<String>| cause.as_ref().map_or(String::new(), |cause| format!(": {}", first_line(cause)));
    let mut told = format!("{:?}{}\n", job.state, cause(&job.cause)).to_lowercase();
    for part in service.parts(id, all()).await.unwrap().items {
        told += &format!("part {} {:?}", part.number, part.state).to_lowercase();
        told += &format!(", {} attempts{}\n", part.attempts, cause(&part.cause));
    }
    for attempt in service.attempts(id, all()).await.unwrap().items {
        let counted = if attempt.is_counted { "" } else { ", not counted" };
        let outcome = attempt.outcome.map_or("runs".into(), |outcome| format!("{outcome:?}").to_lowercase());
        told += &format!(
            "attempt {} of {} parts {outcome}{counted}{}\n",
            attempt.number,
            attempt.parts,
            cause(&attempt.cause)
        );
    }
    if let Some(warning) = &job.last_warning {
        told += &format!("{} warnings, the last: {warning}\n", job.counts.warnings);
    }
    told += &format!("{} tags", tags(service, id).await.len());
    told
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
