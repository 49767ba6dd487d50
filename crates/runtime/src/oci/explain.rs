//! How containers end, and why they do not start: in one sentence each, with the way out.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use tagger_engine::EngineError;

use super::ContainerError;
use crate::causes::told;
use crate::executor::{Container, Ending};
use crate::process::describe;

/// What shells and engines add to the number of the signal that ended a program.
const SIGNALLED: i64 = 128;

/// What is known of a program that has ended.
pub(super) struct Known {
    /// What it has exited with.
    pub exit_code: i64,
    /// Whether the engine says that memory ran out.
    pub is_out_of_memory: bool,
    /// Whether we have killed it.
    pub was_killed: bool,
}

/// How it ended. The engine may not know that memory ran out, so a kill that is not ours is told with both causes.
pub(super) fn ending(known: &Known, memory_bytes: u64) -> Ending {
    let limit = mebibytes(memory_bytes);
    let told = match known.exit_code {
        _ if known.is_out_of_memory && !known.was_killed => {
            format!("it needed more than the {limit} of memory that it may have: raise `memory` of its resources")
        }
        code if code == SIGNALLED + 9 && !known.was_killed => format!(
            "it was killed (signal 9): by the system because it needed more than the {limit} of memory that it may \
             have (raise `memory` of its resources), or by somebody from outside"
        ),
        code @ 129..=192 => describe(ExitStatus::from_raw(i32::try_from(code - SIGNALLED).unwrap_or(9))),
        code => format!("it exited with status {code}"),
    };
    Ending { is_clean: known.exit_code == 0, told }
}

/// Why a container could not be started.
pub(super) fn not_started(error: ContainerError, container: &Container) -> io::Error {
    let image = container.image_name.as_ref().unwrap_or(&container.image);
    let ContainerError::Engine(EngineError::Refused { message, .. }) = &error else {
        return io::Error::other(told(&error));
    };
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    // A runtime's words are a chain with the cause at its end. Docker's end with the class of the error.
    let message = message.strip_suffix(": unknown").unwrap_or(message);
    let cause = message.rsplit(": ").take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(": ");
    io::Error::other(if says(&["could not select device driver"]) {
        let devices = container.devices.join(", ");
        format!(
            "this Docker Engine cannot give GPUs by CDI names ({devices}): use Podman, or Docker 25 or newer with \
             `\"features\": {{\"cdi\": true}}` in its `daemon.json`"
        )
    } else if says(&["CDI device"]) {
        let devices = container.devices.join(", ");
        format!(
            "no such GPU for containers: {devices} ({cause}): `tagger doctor` says what names there are and what makes them"
        )
    } else if says(&["image not known", "no such image", "No such image"]) {
        format!("image `{image}` is no longer on this machine: fetch or build it again")
    } else if says(&["executable file", "exec format", "permission denied", "no command or entrypoint", "no such file"])
    {
        format!("the program that image `{image}` names as its entry point cannot be started: {cause}")
    } else if says(&["no space left"]) {
        format!("the disk of the container engine is full: {cause}")
    } else {
        format!("cannot start image `{image}`: {message}")
    })
}

/// A size for people.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_with_the_way_out() {
        let told = |exit_code, is_out_of_memory, was_killed| {
            ending(&Known { exit_code, is_out_of_memory, was_killed }, 64 << 20).told
        };
        insta::assert_snapshot!([
            told(0, false, false),
            told(3, false, false),
            told(137, false, false),
            told(137, true, false),
            told(137, false, true),
            told(139, false, false),
        ].join("\n"), @"
        it exited with status 0
        it exited with status 3
        it was killed (signal 9): by the system because it needed more than the 64 MiB of memory that it may have (raise `memory` of its resources), or by somebody from outside
        it needed more than the 64 MiB of memory that it may have: raise `memory` of its resources
        it was killed (signal 9; by the system when memory runs out)
        it crashed (signal 11, segmentation fault)
        ");
    }
}
