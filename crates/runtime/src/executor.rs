//! What starts model programs, whatever they are: a process or a container.
//!
//! An executor starts, feeds, stops and reports. It never looks at what a program has found.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::task::JoinHandle;

/// A program to start.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it starts.
    pub folder: PathBuf,
    /// Variables that it gets besides those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// What tells its offspring from everything else on this machine. No two running programs have the same.
    pub mark: OsString,
    /// Where its log is kept. `None`: only its end is, in memory.
    pub log: Option<LogFile>,
    /// The container that it runs in; then `command` are the arguments of the image's program, and `folder` and `mark`
    /// are without meaning. `None`: it is a process.
    pub container: Option<Container>,
}

impl Launch {
    /// A program with nothing but its arguments.
    pub(crate) fn plain(command: &[OsString], folder: &Path, mark: &OsStr) -> Self {
        Self { command: command.to_vec(), folder: folder.to_owned(), mark: mark.to_owned(), ..Self::default() }
    }
}

/// What a program that runs in a container needs besides.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// The image, by name or id.
    pub image: String,
    /// What people call it. Default: as above.
    pub image_name: Option<String>,
    /// A folder of its own, with the folders `media` and `output` in it: all that it sees of this machine's files.
    pub folder: PathBuf,
    /// What it is fed at once. Files that come later are copied where they cannot be linked.
    pub files: Vec<PathBuf>,
    /// A folder that it keeps between its runs.
    pub cache: Option<PathBuf>,
    /// What it may have.
    pub limits: Bounds,
    /// What it may do besides.
    pub grants: Grants,
    /// Devices by their CDI names.
    pub devices: Vec<String>,
    /// Texts that must not come into its log.
    pub secrets: Vec<String>,
    /// The job it works for. If this process is killed, the next service of the same place may take the program over.
    pub job: Option<String>,
    /// The id of a container that runs this already, and has been fed. Default: one is made.
    pub running: Option<String>,
}

/// How much a container may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Memory, swap and memory files included. Default: 4 GiB.
    pub memory_bytes: u64,
    /// Processors' time. Default: all there is.
    pub cpus: Option<f64>,
    /// Processes and threads. Default: 1024.
    pub processes: u64,
    /// What its output may be. Its folder for output may hold twice that. Default: 1 GB.
    pub output_bytes: u64,
    /// What the folder that it keeps may hold. Default: 50 GB.
    pub cache_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            memory_bytes: 4 << 30,
            cpus: None,
            processes: 1024,
            output_bytes: 1_000_000_000,
            cache_bytes: 50_000_000_000,
        }
    }
}

impl Bounds {
    /// What `memory`, `cpu` and `processes` among a model's resources allow it; the rest as by default.
    pub(crate) fn of(resources: Option<&BTreeMap<String, f64>>) -> Self {
        let default = Self::default();
        let amount = |name: &str| resources?.get(name).copied().filter(|amount| *amount > 0.0);
        Self {
            memory_bytes: amount("memory").map_or(default.memory_bytes, |bytes| bytes as u64),
            cpus: amount("cpu"),
            processes: amount("processes").map_or(default.processes, |count| (count as u64).max(1)),
            ..default
        }
    }
}

/// What a container may do that is not allowed by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grants {
    /// Use this machine's network.
    pub network: bool,
    /// Write over the files of its image, in a copy of its own.
    pub writable_root: bool,
}

/// A file for what a program says on standard output and error.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// The file. What it held before is replaced.
    pub path: PathBuf,
    /// How long it may get. What a program says beyond that is left out, except for the end of it.
    pub max_bytes: u64,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Whether the exit status was 0.
    pub is_clean: bool,
    /// The same in words, for the case that it is all that can be said.
    pub told: String,
}

/// Starts programs.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Starts a program with its input open.
    ///
    /// # Errors
    /// The system's: no such program, not executable. The engine's: no such image.
    async fn start(&self, launch: &Launch) -> io::Result<Box<dyn RunningProgram>>;
}

/// A program that was started. Dropped, it is killed with all it has started.
#[async_trait]
pub trait RunningProgram: Send {
    /// Sends paths, one a line, without waiting for them to be read. White space around them is sent too. After the end of
    /// input they go nowhere.
    fn feed(&mut self, paths: &[String]);

    /// Ends the input behind what was sent.
    fn close_input(&mut self);

    /// Ends the input at once: what has not gone out yet never does.
    fn cut_input(&mut self);

    /// Whether it has begun to read its input; `true` where that cannot be known.
    fn has_read(&self) -> bool;

    /// Something that ends when it has, without asking how: until [`wait`](Self::wait) does, the system keeps what it knows
    /// of it.
    fn end(&self) -> JoinHandle<()>;

    /// What the system knows of it, as the file `name` of its folder in `/proc`. `None` where that cannot be seen.
    fn known(&self, name: &str) -> Option<String>;

    /// What it has run into that may explain its end, in words. `None` where nothing is known.
    fn remark(&self) -> Option<String> {
        None
    }

    /// Waits for it to end. May be given up and called again.
    async fn wait(&mut self) -> io::Result<Ending>;

    /// Asks it to terminate.
    fn terminate(&mut self);

    /// Kills it with all it has started, at once.
    async fn kill(&mut self);

    /// Ends its input, then asks, then kills, each with time to comply; 5 s at most.
    async fn stop(&mut self);

    /// Clears up after it has ended: what it left running is killed. Gives the end of its log.
    async fn finish(self: Box<Self>) -> String;
}
