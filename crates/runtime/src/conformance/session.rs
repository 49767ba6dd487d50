//! One start of the program under test: what it is sent, when, and everything that comes of it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tagger_wire::{Line, LineReader};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::media::Sample;
use crate::collector::{Changes, Collector};
use crate::executor::{Bounds, Ending, Executor, RunningProgram};
use crate::oci::MEDIA;
use crate::starting::{CONTENT, Start};
use crate::{Executors, Model};

/// What stands in the output file before a program of an [`Arguments::earlier_output`] starts.
const EARLIER: &str = "{\"type\":\"progress\",\"data\":{\"source_media\":\"earlier.mp4\"}}\n";

/// How a program is started.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    /// What follows `--params`. `None`: the option is left out.
    pub params: Option<String>,
    /// Whether arguments stand around these that no program can know.
    pub unknown: bool,
    /// Whether the output file exists already.
    pub earlier_output: bool,
}

/// What waiting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// It is there.
    Came,
    /// The program has ended without it.
    Ended,
    /// Neither within the time given.
    InVain,
}

/// A running program.
pub(super) struct Session {
    program: Box<dyn RunningProgram>,
    is_open: bool,
    end: JoinHandle<()>,
    has_ended: bool,
    output: PathBuf,
    collector: Collector,
    changes: Changes,
    begun: Instant,
    earlier_output: bool,
    seen: Transcript,
    /// Calls of `write` when the program was last looked at with its input open.
    writes_while_open: Option<u64>,
}

/// What came of one start.
#[derive(Debug, Clone, Default)]
pub(super) struct Transcript {
    /// The samples that were sent, in order, one an occurrence.
    pub sent: Vec<Sample>,
    /// Where the program finds it, if not where it lies: a program in a container sees other folders.
    pub folder_inside: Option<&'static str>,
    /// What was sent, in words.
    pub sent_told: String,
    /// Every line of output, in order.
    pub lines: Vec<Line>,
    /// How many of them could be seen while the input was open.
    pub lines_while_open: usize,
    /// How many calls of `write` the program made after that, if that can be known.
    pub writes_after: Option<u64>,
    /// How it ended. `None`: it did not, and was killed.
    pub status: Option<Ending>,
    /// Whether it ended before its input did.
    pub ended_while_open: bool,
    /// Whether the output file still begins with what it held before.
    pub kept_earlier: bool,
    /// From the start to the end, or to being killed.
    pub took: Duration,
    /// The end of its log.
    pub log: String,
    /// The most memory it had at once while its input was open, in bytes.
    pub peak_memory: Option<u64>,
}

impl Session {
    /// Starts the program of `model`; its output goes into `folder`, which must exist and be empty.
    pub async fn start(executors: &Executors, model: &Model, folder: &Path, how: &Arguments) -> io::Result<Self> {
        let arguments = |output: &OsStr| {
            let mut words = Vec::new();
            let mut more = |some: &[&OsStr]| words.extend(some.iter().map(|word| (*word).to_owned()));
            if how.unknown {
                more(&["--xx-first".as_ref(), "1".as_ref()]);
            }
            more(&["--output-path".as_ref(), output]);
            if how.unknown {
                more(&["--xx-between".as_ref()]);
            }
            if let Some(params) = &how.params {
                more(&["--params".as_ref(), params.as_ref()]);
            }
            if how.unknown {
                more(&["--xx-last=2".as_ref()]);
            }
            words
        };
        let content = std::env::var(CONTENT).ok();
        let start = Start {
            model,
            arguments: &arguments,
            folder,
            name: "output",
            paths: &[],
            content: content.as_deref(),
            job: None,
            env: Vec::new(),
            log: None,
            limits: Bounds::of(model.manifest.as_ref().map(|manifest| &manifest.resources)),
            devices: Vec::new(),
            containers: &executors.containers,
        };
        let (launch, output) = start.launch()?;
        if how.earlier_output {
            fs::write(&output, EARLIER)?;
            // Whoever the program runs as.
            fs::set_permissions(&output, Permissions::from_mode(0o666))?;
        }
        let changes = Changes::watch(output.parent().unwrap_or(folder));
        let program = executors.start(&launch).await.map_err(|error| match launch.command.first() {
            Some(program) if !model.is_image() => {
                io::Error::other(format!("cannot start `{}`: {error}", program.display()))
            }
            _ => error,
        })?;
        let mut told = Vec::new();
        told.extend(how.unknown.then_some("`--xx-first 1`, `--xx-between` and `--xx-last=2` among the arguments"));
        told.extend(how.params.is_none().then_some("no --params"));
        told.extend(how.earlier_output.then_some("an output file with a line in it"));
        Ok(Self {
            end: program.end(),
            program,
            is_open: true,
            has_ended: false,
            collector: Collector::new(output.clone()),
            output,
            changes,
            begun: Instant::now(),
            earlier_output: how.earlier_output,
            seen: Transcript {
                sent_told: told.join("; "),
                folder_inside: model.is_image().then_some(MEDIA),
                ..Transcript::default()
            },
            writes_while_open: None,
        })
    }

    /// Sends files, all at once.
    pub fn send(&mut self, samples: &[&Sample]) {
        let lines: Vec<String> = samples.iter().map(|sample| sample.path.clone()).collect();
        let names: Vec<String> = samples.iter().map(|sample| format!("`{}`", sample.name())).collect();
        self.send_as(samples, &lines, &names.join(", "));
    }

    /// Sends a file with white space around it.
    pub fn send_spaced(&mut self, sample: &Sample) {
        let told = format!("an empty line, `  {}  `, and a line of spaces", sample.name());
        self.send_as(&[sample], &[String::new(), format!("  {}  ", sample.path), "   ".to_owned()], &told);
    }

    fn send_as(&mut self, samples: &[&Sample], lines: &[String], told: &str) {
        self.seen.sent.extend(samples.iter().map(|sample| (*sample).clone()));
        self.tell(told);
        self.program.feed(lines);
    }

    fn tell(&mut self, what: &str) {
        if !self.seen.sent_told.is_empty() {
            self.seen.sent_told += "; ";
        }
        self.seen.sent_told += what;
    }

    /// Waits until the lines are as they should be, for `patience` at most.
    pub async fn until(&mut self, patience: Duration, wanted: impl Fn(&Transcript) -> bool) -> Waited {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            self.look();
            if wanted(&self.seen) {
                return Waited::Came;
            }
            if self.has_ended {
                return Waited::Ended;
            }
            tokio::select! {
                _ = &mut self.end => self.has_ended = true,
                () = self.changes.next() => {}
                () = sleep_until(deadline) => return Waited::InVain,
            }
        }
    }

    /// Takes note of everything that is new.
    fn look(&mut self) {
        let lines = &mut self.seen.lines;
        // What cannot be read now is read again at the end; a file that was cut is found out there.
        while self.collector.read_some(|line| lines.push(line)).unwrap_or(false) {}
    }

    /// Asks the program to terminate.
    pub fn terminate(&mut self) {
        self.tell("SIGTERM");
        self.program.terminate();
    }

    /// Ends the input.
    pub fn close(&mut self) {
        self.program.close_input();
        if std::mem::take(&mut self.is_open) && !self.has_ended {
            self.tell("end of input");
        }
    }

    /// Ends the input, waits for the program to end while anything new comes within `patience`, and tells everything.
    pub async fn finish(mut self, patience: Duration) -> io::Result<Transcript> {
        self.look();
        self.seen.lines_while_open = self.seen.lines.len();
        self.writes_while_open = self.writes();
        self.seen.peak_memory = self.peak_memory();
        self.seen.ended_while_open = self.has_ended && self.is_open;
        self.close();
        if !self.has_ended {
            let mut known = self.seen.lines.len();
            while self.until(patience, |seen| seen.lines.len() > known).await == Waited::Came {
                known = self.seen.lines.len();
            }
        }
        self.seen.took = self.begun.elapsed();
        self.seen.writes_after = self.writes().zip(self.writes_while_open).map(|(all, open)| all - open);
        if self.has_ended {
            self.seen.status = Some(self.program.wait().await?);
        } else {
            self.program.kill().await;
        }
        self.seen.log = self.program.finish().await;
        let text = match fs::read(&self.output) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            text => text?,
        };
        let earlier = EARLIER.as_bytes();
        self.seen.kept_earlier = self.earlier_output && text.starts_with(earlier);
        self.seen.lines = lines(if self.seen.kept_earlier { &text[earlier.len()..] } else { &text });
        Ok(self.seen)
    }

    /// How many times the program has called `write`, with what it has started and outlived.
    fn writes(&self) -> Option<u64> {
        field(&self.program.known("io")?, "syscw:")
    }

    fn peak_memory(&self) -> Option<u64> {
        field(&self.program.known("status")?, "VmHWM:").map(|kibibytes| kibibytes << 10)
    }
}

/// The number behind `name` in a file of `/proc`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn lines(text: &[u8]) -> Vec<Line> {
    let mut reader = LineReader::new();
    let mut lines = Vec::new();
    reader.push(text, |line| lines.push(line));
    lines.extend(reader.finish());
    lines
}
