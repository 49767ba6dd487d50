//! What starts model programs, whatever they are: a process here, a container later.
//!
//! An executor starts, feeds, stops and reports. It never looks at what a program has found.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

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
}

impl Launch {
    /// A program with nothing but its arguments.
    pub(crate) fn plain(command: &[OsString], folder: &Path, mark: &OsStr) -> Self {
        Self { command: command.to_vec(), folder: folder.to_owned(), mark: mark.to_owned(), ..Self::default() }
    }
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
pub trait Executor: Send + Sync {
    /// Starts a program with its input open.
    ///
    /// # Errors
    /// The system's: no such program, not executable.
    fn start(&self, launch: &Launch) -> io::Result<Box<dyn RunningProgram>>;
}

/// A program that was started. Dropped, it is killed with all it has started.
#[async_trait]
pub trait RunningProgram: Send {
    /// Sends paths, one a line, without waiting for them to be read. After the end of input they go nowhere.
    fn feed(&mut self, paths: &[String]);

    /// Ends the input behind what was sent.
    fn close_input(&mut self);

    /// Ends the input at once: what has not gone out yet never does.
    fn cut_input(&mut self);

    /// Whether it has begun to read its input; `true` where that cannot be known.
    fn has_read(&self) -> bool;

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
