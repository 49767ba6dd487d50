//! Finds processes that a program has started and that have left its process group, such as daemons.
//!
//! A process inherits the environment of the one that started it, wherever it goes from there. So each program gets a
//! mark in its environment, and who carries it is its offspring.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Pid, Signal, kill_process};

/// The environment variable that holds the mark.
pub(crate) const MARK: &str = "TAGGER_OUTPUT_FILE";

/// How often to look again for what was started while we looked. Who keeps on starting more is not to be caught up with.
const LOOKS: usize = 20;

/// Kills everything that carries `mark`. Where the system does not show the environment of processes, nobody is found.
pub(crate) fn kill_strays(mark: &OsStr) {
    for _ in 0..LOOKS {
        let strays = marked(mark);
        if strays.is_empty() {
            return;
        }
        for stray in strays {
            // It may have ended by itself since.
            let _ = kill_process(stray, Signal::KILL);
        }
    }
}

fn marked(mark: &OsStr) -> Vec<Pid> {
    let entry = [MARK.as_bytes(), b"=", mark.as_bytes()].concat();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let carries = |pid: &i32| {
        // Another user's process, or one that has just ended, cannot be read.
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == entry))
    };
    processes
        .filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok())
        .filter(carries)
        .filter_map(Pid::from_raw)
        .collect()
}
