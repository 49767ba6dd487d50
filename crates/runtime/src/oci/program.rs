//! A model program in a container: fed, watched, stopped, and always removed.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tagger_engine::{Client, EngineError, Frames, Streams};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use super::crowd::Crowd;
use super::explain::{Known, ending, not_started};
use super::media::{MEDIA, OUTPUT, place, used_bytes};
use super::recipe::recipe;
use super::{ContainerError, Containers};
use crate::causes::told;
use crate::executor::{Bounds, Ending, Launch, RunningProgram};
use crate::handover::base_name;
use crate::log::{Capped, LOG_BYTES, Redactor, Tail};

/// How long a program may take to end by itself once its input has ended, when it is to stop.
const GRACE_AFTER_EOF: Duration = Duration::from_millis(1500);
/// How long it may take after it was asked to terminate.
const GRACE_AFTER_TERM: Duration = Duration::from_millis(2000);
/// How much of an answer on standard output is kept, from its end.
const ANSWER_BYTES: usize = 4 << 20;
/// How much the way into a container takes that nobody reads from. What is beyond that has been read.
const WAY_BYTES: u64 = 1 << 20;
/// How long the engine may take to say where the processes of a container are counted.
const CROWD_PATIENCE: Duration = Duration::from_secs(1);
/// How often the room is measured that its files take.
const MEASURE_EVERY: Duration = Duration::from_millis(500);
/// How long an engine that has gone may take to come back.
const ENGINE_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A program that runs in a container.
pub(super) struct Contained {
    containers: Containers,
    id: String,
    input: Option<UnboundedSender<Vec<String>>>,
    feeder: JoinHandle<()>,
    fed: Arc<Fed>,
    log: Arc<Mutex<Tail>>,
    answer: Option<Arc<Mutex<Tail>>>,
    reader: JoinHandle<()>,
    /// Notes how the program has ended.
    waiter: JoinHandle<()>,
    ended: watch::Receiver<Option<Ending>>,
    /// Whether we have killed it.
    was_killed: Arc<AtomicBool>,
    gauge: JoinHandle<()>,
    /// Whether it has had all the processes that it may have, and how many these are.
    crowd: Arc<Crowd>,
    max_processes: u64,
    is_removed: bool,
}

/// How far the input has gone.
#[derive(Default)]
struct Fed {
    taken_bytes: AtomicU64,
    is_writing: AtomicBool,
}

impl Contained {
    /// Starts a program. If it is asked, what it says on standard output is its answer, which [`RunningProgram::finish`]
    /// gives.
    pub async fn start(containers: &Containers, launch: &Launch, is_asked: bool) -> io::Result<Self> {
        let container = launch.container.clone().ok_or(io::ErrorKind::InvalidInput)?;
        if let Some(id) = &container.running {
            let client = containers.client().await.map_err(|error| not_started(error, &container))?;
            let output = client.attach(id, Streams::Output).await;
            let output = output.map_err(|error| not_started(error.into(), &container))?;
            return Self::accompany(containers, client, id.clone(), launch, None, output, false);
        }
        let place = containers.inner.setup.place.clone();
        let spec = {
            let (launch, container) = (launch.clone(), container.clone());
            // Files may have to be copied.
            let made = spawn_blocking(move || recipe(&launch, &container, place.as_deref())).await;
            made.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?
        };
        let failed = |error: ContainerError| not_started(error, &container);
        let client = containers.client().await.map_err(failed)?;
        let id = client.create_container(&spec).await.map_err(|error| failed(error.into()))?;
        let begun = async {
            // Before the start, so that nothing is lost in either direction.
            let input = client.attach(&id, Streams::Input).await?;
            let output = client.attach(&id, Streams::Output).await?;
            client.start_container(&id).await?;
            Ok::<_, EngineError>((input, output))
        };
        let (input, output) = match begun.await {
            Ok(streams) => streams,
            Err(error) => {
                // If this fails too, the next start removes it.
                let _ = client.remove_container(&id).await;
                return Err(failed(error.into()));
            }
        };
        Self::accompany(containers, client, id, launch, Some(input), output, is_asked)
    }

    /// Feeds, hears and watches a container that runs. One without input is fed no more.
    fn accompany(
        containers: &Containers,
        client: Client,
        id: String,
        launch: &Launch,
        input: Option<UnixStream>,
        output: UnixStream,
        is_asked: bool,
    ) -> io::Result<Self> {
        let container = launch.container.clone().ok_or(io::ErrorKind::InvalidInput)?;
        let log_file = launch.log.as_ref().map(Capped::create).transpose()?;
        let fed = Arc::<Fed>::default();
        let (sender, lines) = unbounded_channel();
        let media = container.folder.join(MEDIA);
        let (sender, feeder) = match input {
            Some(input) => (Some(sender), tokio::spawn(feed(input, lines, media, fed.clone()))),
            None => (None, tokio::spawn(async {})),
        };
        let log = Tail::of(LOG_BYTES, log_file);
        let answer = is_asked.then(|| Tail::of(ANSWER_BYTES, None));
        let reader = tokio::spawn(listen(output, log.clone(), answer.clone(), Redactor::of(&container.secrets)));
        let was_killed = Arc::<AtomicBool>::default();
        let reason = Arc::<Mutex<Option<String>>>::default();
        let (ending, ended) = watch::channel(None);
        let waiter = tokio::spawn({
            let (containers, id) = (containers.clone(), id.clone());
            let (was_killed, reason) = (was_killed.clone(), reason.clone());
            async move {
                let seen = wait(&containers, client, &id, &was_killed, container.limits).await;
                let reason = reason.lock().unwrap_or_else(PoisonError::into_inner).take();
                let told = match reason {
                    Some(told) => Ending { is_clean: false, told },
                    None => seen,
                };
                // Nobody may be interested any more.
                let _ = ending.send(Some(told));
            }
        });
        let crowd = Arc::<Crowd>::default();
        let gauge = tokio::spawn({
            let (containers, id, was_killed) = (containers.clone(), id.clone(), was_killed.clone());
            let crowd = crowd.clone();
            let folders = Folders {
                output: container.folder.join(OUTPUT),
                cache: container.cache.clone(),
                limits: container.limits,
            };
            async move {
                let told = tokio::select! {
                    told = folders.overflow() => told,
                    never = watch(&crowd, &containers, &id) => match never {},
                };
                *reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
                was_killed.store(true, Ordering::Relaxed);
                signal(&containers, &id, "KILL").await;
            }
        });
        let containers = containers.clone();
        Ok(Self {
            containers,
            id,
            input: sender,
            feeder,
            fed,
            log,
            answer,
            reader,
            waiter,
            ended,
            was_killed,
            gauge,
            crowd,
            max_processes: container.limits.processes,
            is_removed: false,
        })
    }

    /// Waits until it has ended.
    async fn ending(&mut self) -> Ending {
        let ended = self.ended.wait_for(Option::is_some).await;
        let ending = ended.ok().and_then(|ending| ending.clone());
        // The waiter says something before it goes, unless it has panicked.
        ending.unwrap_or_else(|| Ending { is_clean: false, told: "nobody knows how it ended".into() })
    }

    fn send(&self, name: &'static str) -> JoinHandle<()> {
        let (containers, id) = (self.containers.clone(), self.id.clone());
        tokio::spawn(async move { signal(&containers, &id, name).await })
    }
}

#[async_trait]
impl RunningProgram for Contained {
    fn feed(&mut self, paths: &[String]) {
        if let Some(input) = &self.input {
            // It fails only when the program has gone already, which its exit tells.
            let _ = input.send(paths.to_vec());
        }
    }

    fn close_input(&mut self) {
        self.input = None;
    }

    fn cut_input(&mut self) {
        self.input = None;
        self.feeder.abort();
    }

    fn has_read(&self) -> bool {
        // What the way takes can be anywhere on it; only one that is full tells.
        !self.fed.is_writing.load(Ordering::Acquire) || self.fed.taken_bytes.load(Ordering::Acquire) > WAY_BYTES
    }

    fn end(&self) -> JoinHandle<()> {
        let mut ended = self.ended.clone();
        tokio::spawn(async move {
            // It fails only when the waiter has gone, and then it has ended too.
            let _ = ended.wait_for(Option::is_some).await;
        })
    }

    fn known(&self, _: &str) -> Option<String> {
        None // its number outside is the engine's business
    }

    fn remark(&self) -> Option<String> {
        let count = self.max_processes;
        self.crowd.was_full().then(|| {
            format!("it had all {count} processes and threads that it may have (raise `processes` of its resources)")
        })
    }

    async fn wait(&mut self) -> io::Result<Ending> {
        Ok(self.ending().await)
    }

    fn terminate(&mut self) {
        self.send("TERM");
    }

    async fn kill(&mut self) {
        self.was_killed.store(true, Ordering::Relaxed);
        // As long as it can be seen.
        let _ = timeout(CROWD_PATIENCE, look(&self.crowd, &self.containers, &self.id)).await;
        let sent = self.send("KILL");
        // An engine that hangs must not keep us; the container is removed at the end, or by the next start.
        let _ = timeout(ENGINE_PATIENCE, async { (sent.await, self.ending().await) }).await;
    }

    async fn stop(&mut self) {
        self.cut_input();
        if timeout(GRACE_AFTER_EOF, self.ending()).await.is_err() {
            self.terminate();
            if timeout(GRACE_AFTER_TERM, self.ending()).await.is_err() {
                self.kill().await;
            }
        }
    }

    async fn finish(mut self: Box<Self>) -> String {
        self.feeder.abort();
        self.gauge.abort();
        // What it said last is still on its way.
        let _ = timeout(Duration::from_millis(500), &mut self.reader).await;
        self.reader.abort();
        if let Ok(client) = self.containers.client().await {
            self.is_removed = client.remove_container(&self.id).await.is_ok();
        }
        self.waiter.abort();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.close();
        match &self.answer {
            Some(answer) => answer.lock().unwrap_or_else(PoisonError::into_inner).text(),
            None => log.text(),
        }
    }
}

impl Drop for Contained {
    /// No container outlives its user, even when an error of ours cuts the work short.
    fn drop(&mut self) {
        for task in [&self.feeder, &self.reader, &self.waiter, &self.gauge] {
            task.abort();
        }
        if !self.is_removed
            && let Ok(tokio) = tokio::runtime::Handle::try_current()
        {
            let (containers, id) = (self.containers.clone(), self.id.clone());
            tokio.spawn(async move {
                if let Ok(client) = containers.client().await {
                    // If not now, then at the next start.
                    let _ = client.remove_container(&id).await;
                }
            });
        }
    }
}

/// Sends a signal, through absences of the engine. That it stays away is told by the waiting.
async fn signal(containers: &Containers, id: &str, name: &str) {
    let sent = async {
        while let Some(client) = come_back(containers).await {
            match client.signal_container(id, name).await {
                Err(error) if error.is_away() => sleep(LOOK_EVERY).await,
                // One that has ended needs no signal any more.
                Ok(()) | Err(_) => return,
            }
        }
    };
    let _ = timeout(ENGINE_PATIENCE, sent).await;
}

/// Looks at the number of a program's processes from time to time. Never ends.
async fn watch(crowd: &Crowd, containers: &Containers, id: &str) -> Infallible {
    loop {
        sleep(MEASURE_EVERY).await;
        look(crowd, containers, id).await;
    }
}

async fn look(crowd: &Crowd, containers: &Containers, id: &str) {
    if let Ok(client) = containers.client().await {
        crowd.look(&client, id).await;
    }
}

/// Writes paths as the program knows them. Files that were not there at the start are placed before they are named.
async fn feed(mut input: UnixStream, mut sent: UnboundedReceiver<Vec<String>>, media: PathBuf, fed: Arc<Fed>) {
    while let Some(paths) = sent.recv().await {
        let media = media.clone();
        let placed =
            spawn_blocking(move || paths.iter().map(|path| as_seen_inside(path, &media) + "\n").collect::<String>());
        let Ok(lines) = placed.await else { return };
        let mut rest = lines.as_bytes();
        fed.is_writing.store(true, Ordering::Release);
        while !rest.is_empty() {
            // A program that ends early is no error here: what became of it is told by its exit and its messages.
            let Ok(count @ 1..) = input.write(rest).await else { return };
            fed.taken_bytes.fetch_add(count as u64, Ordering::Release);
            rest = &rest[count..];
        }
        fed.is_writing.store(false, Ordering::Release);
    }
    let _ = input.shutdown().await;
}

/// A line with a path as the program knows it. The file is placed in `media`.
fn as_seen_inside(line: &str, media: &Path) -> String {
    let path = line.trim();
    if path.is_empty() {
        return line.to_owned();
    }
    // One that cannot be placed is named all the same: that it is not there is told by the program.
    let _ = place(Path::new(path), media, false);
    line.replacen(path, &format!("{MEDIA}/{}", base_name(path)), 1)
}

/// Keeps what the program says. It is always read: a program whose output nobody takes would stand still.
async fn listen(output: UnixStream, log: Arc<Mutex<Tail>>, answer: Option<Arc<Mutex<Tail>>>, mut redactor: Redactor) {
    let mut frames = Frames::new(output);
    let mut chunk = vec![0; 8 << 10];
    while let Ok(Some((count, is_error))) = frames.read(&mut chunk).await {
        match answer.as_ref().filter(|_| !is_error) {
            Some(answer) => answer.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk[..count]),
            None => {
                let passed = redactor.pass(&chunk[..count]);
                log.lock().unwrap_or_else(PoisonError::into_inner).push(&passed);
            }
        }
    }
    log.lock().unwrap_or_else(PoisonError::into_inner).push(&redactor.rest());
}

/// Waits until the program has ended, through absences of the engine.
async fn wait(
    containers: &Containers,
    mut client: Client,
    id: &str,
    was_killed: &AtomicBool,
    limits: Bounds,
) -> Ending {
    loop {
        match client.wait_container(id).await {
            Ok(exit_code) => {
                let standing = client.container(id).await.ok().flatten();
                let is_out_of_memory = standing.is_some_and(|standing| standing.is_out_of_memory);
                let was_killed = was_killed.load(Ordering::Relaxed);
                return ending(&Known { exit_code, is_out_of_memory, was_killed }, limits.memory_bytes);
            }
            Err(error) if error.is_away() => match come_back(containers).await {
                Some(back) => client = back,
                None => {
                    let seconds = ENGINE_PATIENCE.as_secs();
                    let told =
                        format!("the container engine has gone and not come back within {seconds} s: start it again");
                    return Ending { is_clean: false, told };
                }
            },
            Err(error) if error.is_not_found() => {
                let told = "its container was removed by somebody from outside".to_owned();
                return Ending { is_clean: false, told };
            }
            Err(error) => return Ending { is_clean: false, told: told(&error) },
        }
    }
}

/// Waits for an engine that has gone.
async fn come_back(containers: &Containers) -> Option<Client> {
    let gone = Instant::now();
    while gone.elapsed() < ENGINE_PATIENCE {
        if let Ok(client) = containers.client().await {
            return Some(client);
        }
        sleep(LOOK_EVERY).await;
    }
    None
}

/// What a program can fill.
struct Folders {
    output: PathBuf,
    cache: Option<PathBuf>,
    limits: Bounds,
}

impl Folders {
    /// Waits until it has filled one of them. Gives that in words.
    async fn overflow(self) -> String {
        let folders = Arc::new(self);
        loop {
            sleep(MEASURE_EVERY).await;
            let measured = folders.clone();
            let full = spawn_blocking(move || measured.full()).await;
            if let Ok(Some(told)) = full {
                return told;
            }
        }
    }

    fn full(&self) -> Option<String> {
        let limit = self.limits.output_bytes;
        // Beside its output, it may keep something there meanwhile.
        let room = limit.saturating_mul(2);
        if used_bytes(&self.output, room) > room {
            return Some(format!(
                "it has filled its output folder with more than twice the {limit} bytes that its output may be: raise \
                 `output` of [limits] in the server's configuration, or mend the model"
            ));
        }
        let (cache, limit) = (self.cache.as_ref()?, self.limits.cache_bytes);
        (used_bytes(cache, limit) > limit).then(|| {
            format!("it keeps more than {limit} bytes between its runs in `{}`: clear that folder", cache.display())
        })
    }
}
