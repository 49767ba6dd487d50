//! A model program as a child process: started, fed, watched, stopped.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::executor::{Ending, Executor, Launch, RunningProgram};
use crate::guard::Guard;
use crate::log::{Capped, LOG_BYTES, Tail};
use crate::strays::{MARK, kill_strays};

/// How long a program may take to end by itself once its input has ended, when it is to stop.
const GRACE_AFTER_EOF: Duration = Duration::from_millis(1500);
/// How long it may take after it was asked to terminate. With the rest, all is over within 5 s.
const GRACE_AFTER_TERM: Duration = Duration::from_millis(2500);
/// How much of an answer on standard output is kept, from its end.
const ANSWER_BYTES: usize = 4 << 20;

/// How many lines of a tool that failed are told.
const TOOL_LINES: usize = 12;

/// Starts programs as child processes.
#[derive(Debug, Clone, Default)]
pub struct ProcessExecutor {
    /// Who ends the programs when this process dies. `None`: nobody; they see the end of their input.
    pub guard: Option<Guard>,
}

#[async_trait]
impl Executor for ProcessExecutor {
    async fn start(&self, launch: &Launch) -> io::Result<Box<dyn RunningProgram>> {
        let (process, input) = Process::launch(launch, self.guard.as_ref(), None)?;
        Ok(Box::new(Fed { process, input: Some(input) }))
    }
}

/// A process and the way into it.
struct Fed {
    process: Process,
    input: Option<UnboundedSender<String>>,
}

#[async_trait]
impl RunningProgram for Fed {
    fn feed(&mut self, paths: &[String]) {
        if let Some(input) = &self.input {
            // It fails only when the program has gone already, which its exit tells.
            let _ = input.send(paths.iter().flat_map(|path| [path.as_str(), "\n"]).collect());
        }
    }

    fn close_input(&mut self) {
        self.input = None;
    }

    fn cut_input(&mut self) {
        self.input = None;
        self.process.feeder.abort();
    }

    fn has_read(&self) -> bool {
        self.process.has_read()
    }

    fn end(&self) -> JoinHandle<()> {
        let program = self.process.group; // which is led by the program
        // A program that is gone altogether has ended too.
        spawn_blocking(move || {
            let _ = waitid(WaitId::Pid(program), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        })
    }

    fn known(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.process.group.as_raw_nonzero())).ok()
    }

    async fn wait(&mut self) -> io::Result<Ending> {
        let status = self.process.wait().await?;
        Ok(Ending { is_clean: status.success(), told: describe(status) })
    }

    fn terminate(&mut self) {
        self.process.terminate();
    }

    async fn kill(&mut self) {
        self.process.kill().await;
    }

    async fn stop(&mut self) {
        self.input = None;
        self.process.stop().await;
    }

    async fn finish(self: Box<Self>) -> String {
        self.process.finish().await
    }
}

/// A running model program, with everything it has started.
pub(crate) struct Process {
    child: Child,
    group: Pid,
    mark: OsString,
    feeder: JoinHandle<()>,
    /// How many bytes of input lie in the pipe or have been read from it.
    fed_bytes: Arc<AtomicU64>,
    /// Our own hold on the end that the program reads from: it tells how much is still unread.
    unread: OwnedFd,
    log: Arc<Mutex<Tail>>,
    answer: Option<Arc<Mutex<Tail>>>,
    readers: Vec<JoinHandle<()>>,
    is_finished: bool,
}

impl Process {
    /// Starts `command` in `folder` without any input, for what it writes to standard output. No other program may have
    /// the same `mark`: it tells what this one has started.
    ///
    /// # Errors
    /// The system's: no such program, not executable.
    pub fn ask(command: &[OsString], folder: &Path, mark: &OsStr) -> io::Result<Self> {
        let answer = Some(Tail::of(ANSWER_BYTES, None));
        let (process, _input) = Self::launch(&Launch::plain(command, folder, mark), None, answer)?;
        Ok(process)
    }

    fn launch(
        launch: &Launch,
        guard: Option<&Guard>,
        answer: Option<Arc<Mutex<Tail>>>,
    ) -> io::Result<(Self, UnboundedSender<String>)> {
        let program = launch.command.first().ok_or(io::ErrorKind::InvalidInput)?;
        let guarded = guard.map(|guard| guard.around(&launch.command));
        if guard.is_some() && program.as_encoded_bytes().contains(&b'/') {
            // The guard could tell only by its exit status.
            access(Path::new(program), Access::EXEC_OK)?;
        }
        let log_file = launch.log.as_ref().map(Capped::create).transpose()?;
        let command = guarded.as_ref().unwrap_or(&launch.command);
        let (reader, writer) = io::pipe()?;
        let unread = OwnedFd::from(reader.try_clone()?);
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(&launch.folder)
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .env(MARK, &launch.mark)
            .stdin(Stdio::from(reader))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: stopping it reaches its workers, and Ctrl-C reaches only us, who stop it in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or(io::ErrorKind::NotFound)?;
        let fed_bytes = Arc::<AtomicU64>::default();
        let (sender, lines) = unbounded_channel();
        let feeder = tokio::spawn(feed(pipe::Sender::from_owned_fd(writer.into())?, lines, fed_bytes.clone()));
        let log = Tail::of(LOG_BYTES, log_file);
        let readers = vec![
            tokio::spawn(keep(child.stdout.take(), answer.as_ref().unwrap_or(&log).clone())),
            tokio::spawn(keep(child.stderr.take(), log.clone())),
        ];
        let mark = launch.mark.clone();
        let process = Self { child, group, mark, feeder, fed_bytes, unread, log, answer, readers, is_finished: false };
        Ok((process, sender))
    }

    /// Waits for the program to end. May be given up and called again.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks the program to terminate.
    pub fn terminate(&self) {
        // The group may be gone by now: then there is nothing left to ask.
        let _ = kill_process_group(self.group, Signal::TERM);
    }

    /// Whether the program has begun to read its input.
    pub fn has_read(&self) -> bool {
        // A system that cannot tell must not get a program killed.
        rustix::io::ioctl_fionread(&self.unread).map_or(true, |unread| unread < self.fed_bytes.load(Ordering::Acquire))
    }

    /// Ends the input, then asks, then kills, each with time to comply.
    pub async fn stop(&mut self) {
        self.feeder.abort();
        if timeout(GRACE_AFTER_EOF, self.child.wait()).await.is_err() {
            self.terminate();
            if timeout(GRACE_AFTER_TERM, self.child.wait()).await.is_err() {
                self.kill().await;
            }
        }
    }

    /// Kills the program with all it has started, at once.
    pub async fn kill(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait().await;
    }

    /// Kills all that the program has started, whether it has stayed in its group or not.
    fn kill_offspring(&self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        kill_strays(&self.mark);
    }

    /// Clears up after the program has ended: workers it left behind are killed. Gives the end of its log, or of its
    /// answer if it was asked.
    pub async fn finish(mut self) -> String {
        self.feeder.abort();
        self.kill_offspring();
        self.is_finished = true;
        for reader in self.readers.drain(..) {
            // With every writer dead the pipes end, unless one of them has got away.
            let _ = timeout(Duration::from_millis(200), reader).await;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.close();
        match &self.answer {
            Some(answer) => answer.lock().unwrap_or_else(PoisonError::into_inner).text(),
            None => log.text(),
        }
    }
}

impl Drop for Process {
    /// Nothing that was started outlives us, even when an error of ours cuts the work short.
    fn drop(&mut self) {
        if !self.is_finished {
            self.kill_offspring();
        }
    }
}

/// A command that is started without any arrangements: by the guard, which hands on what it was given itself.
pub(crate) fn inheriting(command: &[OsString]) -> std::process::Command {
    let mut inheriting = std::process::Command::new(&command[0]);
    inheriting.args(&command[1..]);
    inheriting
}

/// A service of somebody else's that works for us, in a group of its own. Dropped, it is asked to terminate.
pub(crate) struct Daemon {
    child: Child,
    group: Pid,
}

impl Daemon {
    /// Starts `command` in `folder`; what it says goes to the file `log`. Under guard, all it has started ends with it.
    ///
    /// # Errors
    /// The system's: no such program.
    pub fn start(command: &[OsString], folder: &Path, log: &Path, guard: Option<&Guard>) -> io::Result<Self> {
        let guarded = guard.map(|guard| guard.around(command));
        let command = guarded.as_deref().unwrap_or(command);
        let said = File::create(log)?;
        let child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { child, group })
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to terminate, and waits until it has.
    pub async fn close(mut self) {
        let _ = kill_process_group(self.group, Signal::TERM);
        let _ = self.child.wait().await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Not by force: its guard has to outlive it, to end what it leaves behind.
        let _ = kill_process_group(self.group, Signal::TERM);
    }
}

/// Runs a script to its end.
///
/// # Errors
/// What the script said last, or why it could not be started.
pub fn run_script(script: &Path) -> Result<(), String> {
    // By its full path: a bare name would be looked for on the search path.
    let path = std::path::absolute(script).map_err(|error| error.to_string())?;
    let ended = std::process::Command::new(path).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr).lines().last().map(str::to_owned);
    Err(said.unwrap_or_else(|| describe(ended.status)))
}

/// Runs a tool, such as a compiler, to its end, and hands on each line it writes on standard error. Gives what it wrote on
/// standard output.
///
/// # Errors
/// The end of what the tool said, or why it could not be started.
pub fn run_tool(command: &[OsString], folder: &Path, mut observe: impl FnMut(&str)) -> Result<String, String> {
    let [program, arguments @ ..] = command else { return Err("there is no program to start".to_owned()) };
    let started = std::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.map_err(|error| format!("cannot start `{}`: {error}", program.display()))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut last = VecDeque::new();
    let output = std::thread::scope(|scope| {
        // Both pipes are emptied side by side: a tool that fills one must not wait for the other.
        let answer = scope.spawn(|| {
            let mut bytes = Vec::new();
            // What does not arrive is missed by who reads it.
            let _ = stdout.map(|mut stdout| std::io::Read::read_to_end(&mut stdout, &mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        });
        for line in stderr.into_iter().flat_map(|stderr| std::io::BufRead::split(io::BufReader::new(stderr), b'\n')) {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            observe(&line);
            last.extend((!line.is_empty()).then_some(line));
            last.drain(..last.len().saturating_sub(TOOL_LINES));
        }
        answer.join().unwrap_or_default()
    });
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(output);
    }
    let said = last.into_iter().collect::<Vec<_>>().join("\n");
    Err(if said.is_empty() { describe(status) } else { said })
}

/// What an exit status says, in words.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with status {code}"),
        (None, Some(9)) => "it was killed (signal 9; by the system when memory runs out)".to_owned(),
        (None, Some(signal @ (4 | 6 | 7 | 8 | 11))) => format!("it crashed ({})", signal_name(signal)),
        (None, Some(signal)) => format!("it was ended by signal {signal}"),
        (None, None) => format!("it ended: {status}"),
    }
}

/// The signals that a program brings upon itself.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => "signal 4, illegal instruction",
        6 => "signal 6, aborted",
        7 => "signal 7, bus error",
        8 => "signal 8, arithmetic error",
        _ => "signal 11, segmentation fault",
    }
}

async fn feed(mut input: pipe::Sender, mut sent: UnboundedReceiver<String>, fed_bytes: Arc<AtomicU64>) {
    while let Some(lines) = sent.recv().await {
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            // A program that ends early is no error here: what became of it is told by its exit and its messages.
            let Ok(count @ 1..) = input.write(rest).await else { return };
            fed_bytes.fetch_add(count as u64, Ordering::Release);
            rest = &rest[count..];
        }
    }
}

async fn keep(stream: Option<impl AsyncRead + Unpin>, tail: Arc<Mutex<Tail>>) {
    let Some(mut stream) = stream else { return };
    let mut chunk = vec![0; 8 << 10];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(&chunk[..count]);
    }
}
