//! Finds processes that a program has started and that have left its process group, such as daemons.
//!
//! A process inherits the environment of the one that started it, wherever it goes from there. So each program gets a
//! mark in its environment, and who carries it is its offspring.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// The environment variable that holds the mark.
pub(crate) const MARK: &str = "TAGGER_OUTPUT_FILE";

/// How often to look again for what was started while we looked. Who keeps on starting more is not to be caught up with.
const LOOKS: usize = 20;

/// Kills everything that carries `mark`. Where the system does not show the environment of processes, nobody is found.
pub(crate) fn kill_strays(mark: &OsStr) {
    kill_all(|value| value == mark.as_bytes());
}

/// Kills everything whose mark is a path in `folder`.
pub(crate) fn kill_strays_of(folder: &Path) {
    kill_all(|value| Path::new(OsStr::from_bytes(value)).starts_with(folder));
}

fn kill_all(is_meant: impl Fn(&[u8]) -> bool) {
    for _ in 0..LOOKS {
        let strays = marked(&is_meant);
        if strays.is_empty() {
            return;
        }
        for stray in strays {
            // It may have ended by itself since.
            let _ = kill_process(stray, Signal::KILL);
        }
    }
}

fn marked(is_meant: impl Fn(&[u8]) -> bool) -> Vec<Pid> {
    let start = [MARK.as_bytes(), b"="].concat();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let carries = |pid: &i32| {
        // Another user's process, or one that has just ended, cannot be read.
        let Ok(all) = fs::read(format!("/proc/{pid}/environ")) else { return false };
        all.split(|byte| *byte == 0).filter_map(|one| one.strip_prefix(start.as_slice())).any(&is_meant)
    };
    processes
        .filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok())
        .filter(carries)
        .filter_map(Pid::from_raw)
        .collect()
}
