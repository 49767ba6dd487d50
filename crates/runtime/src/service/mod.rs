//! Jobs on one machine: submitted, watched, stopped, done again, and read.
//!
//! A [`Service`] is a handle to an engine that works as long as any handle is there. What a call has changed is durable
//! when it returns, and a service that is killed at any instant goes on where it was when it is started again over the
//! same data. Nothing in here speaks HTTP.
//!
//! ```text
//! submit ─► engine ─► pure machine ─► effects ─► sources, scheduler, programs
//!              ▲           │                            │
//!              │           └─► store ◄── a part's tags ─┤
//!              └────────────────── events ◄─────────────┘
//! ```

mod announce;
mod engine;
mod error;
mod submit;
mod tidying;
mod totals;
mod work;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tagger_media::Timestamp;
use tagger_store::{
    Attempt, Batch, BatchId, Content, ContentId, Job, JobFilter, JobId, JobPart, JobState, Page, Paging, Scope, Store,
    StreamName, Tag, TagQuery, Undone,
};
use tagger_wire::ModelKind;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use crate::collector::Changes;
use crate::config::Config;
use crate::model::models_among;
use crate::sources::{Shelf, SourceError, check};
use crate::strays::kill_strays_of;
use crate::{Executors, Interpreter, Model, jobs};

use announce::{Announcer, News as What};
use engine::{Context, Engine, Entering, Message, work_folder};

pub use announce::{Announcement, News, Watch};
pub use engine::Clock;
pub use error::{ErrorCode, ServiceError};
pub use submit::{Submit, Submitted};
pub use totals::{Lent, Totalled};

/// How long containers that outlived the service before this one may run without a lease of the machine.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(60);
/// How much of a log is read at once.
const LOG_CHUNK_BYTES: u64 = 1 << 20;

/// What a service works with.
pub struct Setup {
    /// How it is set up.
    pub config: Config,
    /// What keeps everything; nobody else may write to it.
    pub store: Arc<dyn Store>,
    /// What starts model programs.
    pub executors: Executors,
    /// The interpreter of Python models.
    pub python: Interpreter,
    /// What time it is.
    pub clock: Clock,
}

/// A handle to the service; copies are the same service.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    python: Interpreter,
    engine: UnboundedSender<Message>,
    is_quiescing: AtomicBool,
}

/// A model that jobs can name.
#[derive(Debug, Clone, Serialize)]
pub struct ModelInfo {
    /// Its name.
    pub name: String,
    /// What it takes, if it says.
    pub kind: Option<ModelKind>,
    /// One sentence for people; empty if there is none.
    pub description: String,
    /// The track of tags that name none.
    pub default_track: String,
    /// What it occupies while it runs.
    pub resources: BTreeMap<String, f64>,
    /// Its parameters as a JSON Schema, if it says.
    pub parameters: Option<Map<String, Value>>,
}

/// A piece of an attempt's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPiece {
    /// The attempt it is of; 0 if there was none yet.
    pub attempt: u32,
    /// The bytes from where it was asked for, 1 MiB at most.
    pub bytes: Vec<u8>,
    /// Where to go on.
    pub next: u64,
}

/// How the service is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Whether it takes new jobs.
    pub is_ready: bool,
    /// How many jobs are in each state; states without jobs are left out.
    pub jobs: BTreeMap<JobState, u64>,
    /// How many bytes the part files take.
    pub part_bytes: u64,
    /// What it has done since it was started, and what is lent.
    pub totals: Totalled,
}

impl Service {
    /// Starts a service over the data of the one before it: ends what that one has left running, clears away what it has
    /// left lying, and goes on with its jobs. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The store cannot be read, or the data folder cannot be used.
    pub async fn start(setup: Setup) -> Result<Self, ServiceError> {
        let Setup { config, store, executors, python, clock } = setup;
        let data = config.data.clone();
        let system = |error: io::Error| {
            let message = format!("cannot use the data folder `{}`: {error}", data.display());
            ServiceError::new(ErrorCode::Internal, None, message)
        };
        let work = work_folder(&config);
        // Only output of programs that have lost their runtime: what was finished is in the store.
        kill_strays_of(&work);
        let containers = executors.containers.clone();
        let survivors = containers.sweep(&work).await;
        clear(&work, &survivors).map_err(system)?;
        let shelf = Shelf::open(&config.data, config.parts.length, Some(config.parts.disk_bytes)).map_err(system)?;
        let announcer = Arc::new(Announcer::new());
        let executor = Arc::new(executors);
        let totals = totals::Totals::default();
        let context = Arc::new(Context { config, store, executor, containers, clock, shelf, announcer, totals });
        let engine = Engine::start(context.clone());
        let inner = Inner { context, python, engine, is_quiescing: AtomicBool::new(false) };
        let service = Self { inner: Arc::new(inner) };
        let entering = service.unfinished().await?;
        service.inner.context.shelf.sweep().map_err(system)?;
        for job in entering {
            service.send(Message::Enter(Box::new(job)))?;
        }
        if !survivors.is_empty() {
            let containers = service.inner.context.containers.clone();
            tokio::spawn(async move {
                sleep(TAKE_OVER_WITHIN).await;
                containers.let_all_go().await;
            });
        }
        Ok(service)
    }

    /// The jobs that the service before this one had not ended, oldest first.
    async fn unfinished(&self) -> Result<Vec<Entering>, ServiceError> {
        let states = vec![JobState::Queued, JobState::Running, JobState::Stopping];
        let filter = JobFilter { states, ..JobFilter::default() };
        let mut paging = Paging { after: None, limit: 1000 };
        let mut rows = Vec::new();
        loop {
            let page = self.store().jobs(filter.clone(), paging.clone()).await?;
            rows.extend(page.items);
            match page.next {
                Some(next) => paging.after = Some(next),
                None => break,
            }
        }
        rows.reverse();
        let mut entering = Vec::new();
        for row in rows {
            let row = self.close_attempts(row).await?;
            entering.push(self.entering(row).await?);
        }
        Ok(entering)
    }

    /// A job of the store as the engine takes it.
    async fn entering(&self, row: Job) -> Result<Entering, ServiceError> {
        let version = self.store().version(row.version).await?;
        let mut parts = Vec::new();
        let mut paging = Paging { after: None, limit: 10_000 };
        loop {
            let page = self.store().job_parts(&row.id, paging.clone()).await?;
            parts.extend(page.items.into_iter().map(machine_part));
            match page.next {
                Some(next) => paging.after = Some(next),
                None => break,
            }
        }
        let listed = match row.stream {
            Some(stream) => Some((stream, self.store().parts(row.version, stream).await?)),
            None => None,
        };
        let held = row.stream.map(|stream| self.inner.context.shelf.hold((row.version, stream)));
        let (model, needs) = self.model_of(&row).await;
        Ok(Entering { row, version, parts: jobs::Parts::restore(parts), listed, model, needs, held })
    }

    /// A job.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn job(&self, id: &JobId) -> Result<Job, ServiceError> {
        Ok(self.store().job(id).await?)
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for a cursor of another list.
    pub async fn jobs(&self, filter: JobFilter, paging: Paging) -> Result<Page<Job>, ServiceError> {
        Ok(self.store().jobs(filter, paging).await?)
    }

    /// What became of a job's parts.
    ///
    /// # Errors
    /// As [`job`](Self::job) and [`jobs`](Self::jobs).
    pub async fn parts(&self, id: &JobId, paging: Paging) -> Result<Page<JobPart>, ServiceError> {
        Ok(self.store().job_parts(id, paging).await?)
    }

    /// The stills of a job over a folder, by the number of their part: their names from that folder on. None for a job over
    /// anything else.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    pub async fn stills(&self, id: &JobId) -> Result<Vec<String>, ServiceError> {
        let job = self.store().job(id).await?;
        if job.stream != Some(StreamName::Still) {
            return Ok(Vec::new());
        }
        let folder = self.store().version(job.version).await?.source;
        let parts = self.store().parts(job.version, StreamName::Still).await?;
        let name = |file: &str| Some(file.strip_prefix(&folder)?.strip_prefix('/')?.to_owned());
        Ok(parts.iter().map(|part| name(&part.file)).collect::<Option<_>>().unwrap_or_default())
    }

    /// A job's attempts.
    ///
    /// # Errors
    /// As [`job`](Self::job) and [`jobs`](Self::jobs).
    pub async fn attempts(&self, id: &JobId, paging: Paging) -> Result<Page<Attempt>, ServiceError> {
        Ok(self.store().attempts(id, paging).await?)
    }

    /// Stops a job: its program is ended in order, what it has finished stays. A job that has ended stays as it is. Gives
    /// the job, which may still be stopping.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    pub async fn stop(&self, id: &JobId) -> Result<Job, ServiceError> {
        self.job(id).await?;
        self.ask(|reply| Message::Stop(id.clone(), reply)).await??;
        self.job(id).await
    }

    /// Does an ended job again: the parts that are not done, or all of them. What was written before stays readable until
    /// the job has succeeded anew.
    ///
    /// # Errors
    /// As [`job`](Self::job); [`ErrorCode::Conflict`] when it has not ended, or nothing of it has failed.
    pub async fn retry(&self, id: &JobId, failed_only: bool) -> Result<Job, ServiceError> {
        let row = self.job(id).await?;
        if !row.state.is_ended() {
            return Err(jobs::Refusal::NotEnded.into());
        }
        let mut entering = self.entering(row).await?;
        if !failed_only {
            // Over the media as they are now.
            let source = PathBuf::from(&entering.version.source);
            let now = submit::blocking(move || crate::sources::fingerprint(&source)).await?;
            if now != entering.version.fingerprint {
                (entering.version.fingerprint, entering.listed, entering.held) = (now, None, None);
            }
        }
        let entering = Box::new(entering);
        self.ask(|reply| Message::Retry { entering, failed_only, reply }).await??;
        self.job(id).await
    }

    /// Removes an ended job with everything it wrote.
    ///
    /// # Errors
    /// As [`job`](Self::job); [`ErrorCode::Conflict`] when it has not ended.
    pub async fn remove(&self, id: &JobId) -> Result<(), ServiceError> {
        let row = self.job(id).await?;
        let (sender, holds) = oneshot::channel();
        self.send(Message::Holds(id.clone(), sender))?;
        if holds.await? || !row.state.is_ended() {
            let message = format!("job `{id}` has not ended: stop it first");
            return Err(ServiceError::new(ErrorCode::Conflict, None, message));
        }
        self.store().remove_job(id, self.now_ms()).await?;
        // What cannot be removed of its logs is no reason to say that the job is there.
        let _ = fs::remove_dir_all(self.inner.context.config.data.join("logs").join(id.as_ref()));
        self.inner.context.announcer.announce(What::Removed(id.clone()));
        Ok(())
    }

    /// Tags.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] without such a content or job; [`ErrorCode::InvalidRequest`] for a query that makes no sense.
    pub async fn tags(&self, query: TagQuery) -> Result<Page<Tag>, ServiceError> {
        Ok(self.store().tags(query).await?)
    }

    /// The tracks of a content: a batch for each that is read. With `all`, also those that are pending or kept for undoing.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn tracks(&self, content: &ContentId, all: bool) -> Result<Vec<Batch>, ServiceError> {
        Ok(self.store().batches(content, all).await?)
    }

    /// Contents, newest first.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for a cursor of another list.
    pub async fn contents(&self, paging: Paging) -> Result<Page<Content>, ServiceError> {
        Ok(self.store().contents(paging).await?)
    }

    /// A content.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn content(&self, id: &ContentId) -> Result<Content, ServiceError> {
        Ok(self.store().content(id).await?)
    }

    /// Takes a batch back, and reads the one again that it replaced.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Conflict`] unless it is read and its job has ended.
    pub async fn undo(&self, batch: BatchId) -> Result<Undone, ServiceError> {
        Ok(self.store().undo(batch, self.now_ms()).await?)
    }

    /// What the programs of a job have said: the log of an attempt, by default the latest, from byte `from` on.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    pub async fn log(&self, id: &JobId, attempt: Option<u32>, from: u64) -> Result<LogPiece, ServiceError> {
        let row = self.job(id).await?;
        let attempt = attempt.unwrap_or(row.attempts);
        let path = self.inner.context.config.data.join(engine::log_name(id, attempt));
        let read = move || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(from))?;
            file.take(LOG_CHUNK_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = match spawn_blocking(read).await.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic())) {
            // Its program has said nothing yet, or was never started.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| {
                ServiceError::new(ErrorCode::Internal, None, format!("cannot read the log of job `{id}`: {error}"))
            })?,
        };
        let next = from + bytes.len() as u64;
        Ok(LogPiece { attempt, bytes, next })
    }

    /// The same, but while there is nothing from byte `from` on, waits for more: until something is said, the attempt is
    /// over, or `patience` is.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    pub async fn log_to_come(
        &self,
        id: &JobId,
        attempt: Option<u32>,
        from: u64,
        patience: Duration,
    ) -> Result<LogPiece, ServiceError> {
        if patience.is_zero() {
            return self.log(id, attempt, from).await;
        }
        let until = Instant::now() + patience;
        // Both from before the first look, so that nothing happens in between.
        let mut watch = self.watch(None);
        self.job(id).await?;
        let folder = self.inner.context.config.data.join("logs").join(id.as_ref());
        // A folder that is not there cannot be watched. Where it cannot be made, it is looked for from time to time.
        let _ = fs::create_dir_all(&folder);
        let mut changes = Changes::watch(&folder);
        loop {
            let piece = self.log(id, attempt, from).await?;
            let job = self.job(id).await?;
            if !piece.bytes.is_empty() || job.state.is_ended() || piece.attempt < job.attempts {
                return Ok(piece);
            }
            loop {
                tokio::select! {
                    () = changes.next() => break,
                    announcement = watch.next() => match announcement.map(|announcement| announcement.what) {
                        Some(What::Job(job)) if job.id == *id => break,
                        Some(What::Missed) => break,
                        Some(_) => {}
                        None => return Ok(piece),
                    },
                    () = sleep_until(until) => return Ok(piece),
                }
            }
        }
    }

    /// When a frame of the media behind these tags is shown, in milliseconds on the content's timeline; the largest number
    /// for a frame behind the last. The media themselves are asked, so the time is exact at any rate.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] without such a content or job; [`ErrorCode::InvalidMedia`] when the media have gone or changed;
    /// [`ErrorCode::InvalidRequest`] where tags of several contents are asked for.
    pub async fn time_of_frame(&self, scope: &Scope, frame: u64) -> Result<i64, ServiceError> {
        let version = match scope {
            Scope::Content(content) => self.content(content).await?.version,
            Scope::Job(job) => self.store().version(self.job(job).await?.version).await?,
            Scope::Batch(_) | Scope::Everywhere => {
                let message = "frames are counted in one content: name it, or give a time";
                return Err(ServiceError::new(ErrorCode::InvalidRequest, None, message));
            }
        };
        let time = submit::blocking(move || {
            let source = PathBuf::from(version.source);
            check(&source, version.fingerprint)?;
            Ok::<_, SourceError>(crate::time_of_frame(&source, frame)?)
        })
        .await?;
        Ok(time.map_or(i64::MAX, Timestamp::to_millis))
    }

    /// Everything that changes from now on; before it, what came after announcement `after`, as far as that is known.
    pub fn watch(&self, after: Option<u64>) -> Watch {
        self.inner.context.announcer.watch(after)
    }

    /// The models that can be named, by name. One whose manifest does not hold is left out.
    pub async fn models(&self) -> Vec<ModelInfo> {
        let (folders, python) = (self.inner.context.config.models.clone(), self.inner.python.clone());
        let mut configured: Vec<Model> = self.config().image_models();
        let resolve = move || -> Vec<Model> {
            let names = models_among(&folders);
            names.iter().filter_map(|name| Model::resolve_among(name, &folders, &python).ok()).collect()
        };
        let models = spawn_blocking(resolve).await.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
        // One of the configuration goes before one of a folder.
        configured.extend(
            models
                .into_iter()
                .filter(|model| configured.iter().all(|known| known.name != model.name))
                .collect::<Vec<_>>(),
        );
        configured.sort_by(|a, b| a.name.cmp(&b.name));
        configured.iter().map(ModelInfo::of).collect()
    }

    /// What is known of one model, which is asked for its parameters if its manifest does not tell them.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownModel`], [`ErrorCode::OutsideRoots`].
    pub async fn model(&self, name: &str) -> Result<ModelInfo, ServiceError> {
        Ok(ModelInfo::of(&self.find_model(name).await?))
    }

    /// How the service is.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn health(&self) -> Result<Health, ServiceError> {
        Ok(Health {
            is_ready: !self.inner.is_quiescing.load(Ordering::Relaxed),
            jobs: self.store().job_counts().await?,
            part_bytes: self.inner.context.shelf.used_bytes(),
            totals: self.inner.context.totals.read(self.config()),
        })
    }

    /// Takes no new jobs from now on, and returns when those have ended that are running. What waits goes on with the next
    /// service over the same data.
    pub async fn quiesce(&self) {
        self.inner.is_quiescing.store(true, Ordering::Relaxed);
        // Without an engine, all is at rest.
        let _ = self.ask(Message::Quiesce).await;
        self.inner.context.containers.close().await;
    }

    /// Takes no new jobs from now on, ends all programs in order, and returns when they have ended. Jobs that have not
    /// ended go on with the next service over the same data.
    pub async fn drain(&self) {
        self.inner.is_quiescing.store(true, Ordering::Relaxed);
        let _ = self.ask(Message::Drain).await;
        self.inner.context.containers.close().await;
    }

    /// How the service is set up.
    pub fn config(&self) -> &Config {
        &self.inner.context.config
    }

    fn store(&self) -> &dyn Store {
        self.inner.context.store.as_ref()
    }

    fn now_ms(&self) -> i64 {
        (self.inner.context.clock)()
    }

    fn send(&self, message: Message) -> Result<(), ServiceError> {
        self.inner.engine.send(message).map_err(|_| ServiceError::closed())
    }

    /// Sends a question to the engine and waits for the answer.
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, ServiceError> {
        let (reply, answer) = oneshot::channel();
        self.send(question(reply))?;
        Ok(answer.await?)
    }
}

impl ModelInfo {
    fn of(model: &Model) -> Self {
        Self {
            name: model.name.clone(),
            kind: model.kind(),
            description: model.description().to_owned(),
            default_track: model.default_track().to_owned(),
            resources: model.manifest.as_ref().map(|manifest| manifest.resources.clone()).unwrap_or_default(),
            parameters: model.parameters().cloned(),
        }
    }
}

/// Empties the folder for output, but for what is still being written there.
fn clear(work: &Path, but: &[PathBuf]) -> io::Result<()> {
    match fs::read_dir(work) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                if !but.contains(&path) {
                    if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
                }
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(work),
        Err(error) => Err(error),
    }
}

fn machine_part(part: JobPart) -> jobs::Part {
    let state = match part.state {
        tagger_store::PartState::Waiting => jobs::PartState::Waiting,
        tagger_store::PartState::Done => jobs::PartState::Done,
        tagger_store::PartState::Quarantined => jobs::PartState::Quarantined,
    };
    jobs::Part { state, attempts: part.attempts }
}
