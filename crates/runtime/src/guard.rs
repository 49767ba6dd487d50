//! The guard: a small process between the runtime and a model program, which ends the program when the runtime dies.
//!
//! A runtime that is killed outright can clean up nothing, so somebody else has to. The guard watches the runtime by a
//! descriptor of its process, which the system makes readable when the whole process has ended, however that came. (A
//! signal on the parent's death would follow the *thread* that started the child, and reach only the child itself.) As
//! a subreaper it inherits every descendant whose parent dies, so that nothing can leave its tree, whatever session or
//! group it has gone to; it kills until nobody is left.
//!
//! To the runtime it looks like the program: it leads the process group, hands on the input, and ends as the program did.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process, pidfd_open,
    set_child_subreaper, setrlimit, wait,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::process::inheriting;
use crate::tree::descendants;

/// The program's status when the guard could not start it, as shells give it.
const CANNOT_START: u8 = 127;
/// What a guard tells its successor, whose one task is to end by a signal.
const ENDED_BY: &str = "ended-by";

/// How a guard is started: this program with an argument that makes it call [`run_guard`].
#[derive(Debug, Clone)]
pub struct Guard {
    /// The program.
    pub program: PathBuf,
    /// Its first argument.
    pub argument: OsString,
}

impl Guard {
    /// This program is its own guard when its first argument is `argument`.
    ///
    /// # Errors
    /// The system cannot tell which program this is.
    pub fn this_program(argument: &str) -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, argument: argument.into() })
    }

    /// The command that starts `command` under guard.
    pub(crate) fn around(&self, command: &[OsString]) -> Vec<OsString> {
        let runtime = getpid().as_raw_nonzero().to_string();
        let mut guarded = vec![self.program.clone().into(), self.argument.clone(), runtime.into()];
        guarded.extend_from_slice(command);
        guarded
    }
}

/// Is the guard: takes the arguments behind the one of [`Guard::argument`] and gives the exit status.
pub fn run_guard(arguments: impl Iterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.collect();
    match arguments.split_first() {
        Some((word, signal)) if word == ENDED_BY => die_by(signal),
        Some((runtime, command)) if !command.is_empty() => match watch(runtime, command) {
            Ok(status) => end_as(status),
            Err(error) => {
                // Into the program's log, where its user looks.
                eprintln!("cannot start `{}`: {error}", command[0].display());
                CANNOT_START
            }
        },
        _ => CANNOT_START,
    }
}

/// Runs `command` to its end, or until the process `runtime` has ended.
fn watch(runtime: &OsStr, command: &[OsString]) -> io::Result<Option<WaitStatus>> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async {
        let given = runtime.to_str().and_then(|text| text.parse().ok()).and_then(Pid::from_raw);
        let runtime = given.ok_or(io::ErrorKind::InvalidInput)?;
        let mut runtime_end = end_of(runtime)?;
        if getppid() != Some(runtime) {
            return Ok(None); // it was faster to die
        }
        set_child_subreaper(Some(getpid()))?;
        // What ends the program comes to the whole group; the guard has to be there to the end. Handlers, since what is
        // ignored would be ignored by the program too.
        let mut deaf = Vec::new();
        for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()] {
            deaf.push(signal(kind)?);
        }
        let mut child_ends = signal(SignalKind::child())?;
        let child = inheriting(command).spawn()?;
        let program = Pid::from_child(&child);
        let status = loop {
            tokio::select! {
                _ = &mut runtime_end => break None,
                _ = child_ends.recv() => if let Some(status) = reap(program) { break Some(status) },
            }
        };
        end_descendants();
        Ok(status)
    })
}

/// Tells when a whole process has ended.
fn end_of(process: Pid) -> io::Result<oneshot::Receiver<()>> {
    let process = pidfd_open(process, PidfdFlags::empty())?;
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().spawn(move || {
        // A signal may interrupt the waiting.
        while poll(&mut [PollFd::new(&process, PollFlags::IN)], None).is_err() {}
        drop(sender); // which is the message
    })?;
    Ok(receiver)
}

/// Takes note of every child that has ended: how the program did, if it is among them.
fn reap(program: Pid) -> Option<WaitStatus> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == program {
            ended = Some(status);
        }
    }
    ended
}

/// Kills until nobody is left. Whoever is born meanwhile is found by the next look, as is who has lost his parent.
fn end_descendants() {
    loop {
        for descendant in descendants(getpid()) {
            // It may have ended by itself since.
            let _ = kill_process(descendant, Signal::KILL);
        }
        // No child left: nor anybody below, since whose parent has died becomes a child.
        if wait(WaitOptions::empty()).is_err() {
            return;
        }
    }
}

/// Ends as the program did.
fn end_as(status: Option<WaitStatus>) -> u8 {
    if let Some(signal) = status.and_then(WaitStatus::terminating_signal) {
        // By way of a new start, because handlers once set stay set in this one.
        if let Ok(program) = std::env::current_exe() {
            let argument = std::env::args_os().nth(1).unwrap_or_default();
            // It comes back only if it fails; then a status as shells give it has to do.
            let _ = inheriting(&[program.into(), argument, ENDED_BY.into(), signal.to_string().into()]).exec();
        }
        return u8::try_from(128 + signal).unwrap_or(CANNOT_START);
    }
    status.and_then(WaitStatus::exit_status).and_then(|code| u8::try_from(code).ok()).unwrap_or(CANNOT_START)
}

/// Ends this process by a signal.
fn die_by(signal: &[OsString]) -> u8 {
    // The program has left its core already, if it was to.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let number = signal.first().and_then(|text| text.to_str()).and_then(|text| text.parse().ok());
    let Some(signal) = number.and_then(Signal::from_named_raw) else { return CANNOT_START };
    // Twice: Rust's own handler of a segmentation fault only removes itself the first time.
    for _ in 0..2 {
        let _ = kill_process(getpid(), signal);
    }
    CANNOT_START
}
