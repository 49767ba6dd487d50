//! The `tagger` command: parses, calls, prints. What it decides lies in the crates below it.

mod args;
mod choice;
mod doctor;
mod init;
mod inspect;
mod output;
mod progress;
mod report;
mod run;
mod signals;
mod test;
mod time;

use std::env;
use std::process::ExitCode;

use clap::Parser;

use args::{Command, Tagger};

/// Something failed; what, is on standard error.
const FAILED: u8 = 1;
/// Stopped by Ctrl-C or a request to terminate.
const INTERRUPTED: u8 = 130;

/// The first argument that makes this program the guard of a model program: it is for the runtime, not for users.
const GUARD: &str = "guard";

fn main() -> ExitCode {
    if env::args_os().nth(1).is_some_and(|word| word == GUARD) {
        return ExitCode::from(tagger_runtime::run_guard(env::args_os().skip(2)));
    }
    let result = match Tagger::parse().command {
        Command::Run(args) => run::run(args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Init(args) => init::init(&args),
        Command::Test(args) => test::test(&args),
        Command::Doctor(args) => doctor::doctor(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report::error(&error);
            ExitCode::from(FAILED)
        }
    }
}
