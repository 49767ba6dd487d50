//! The `tagger` command: parses, calls, prints. What it decides lies in the crates below it.

mod args;
mod choice;
mod containers;
mod doctor;
mod image;
mod init;
mod inspect;
mod output;
mod progress;
mod remote;
mod report;
mod run;
mod serve;
mod signals;
mod test;
mod time;

use std::env;
use std::process::ExitCode;

use clap::Parser;

use args::{Command, Tagger};

/// Something failed; what, is on standard error.
const FAILED: u8 = 1;
/// The command line makes no sense; nothing was started.
const USAGE: u8 = 2;
/// Stopped by Ctrl-C or a request to terminate.
const INTERRUPTED: u8 = 130;
/// Done, except for parts that were given up.
const QUARANTINED: u8 = 3;

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
        Command::Build(args) => image::build(args),
        Command::Push(args) => image::push(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Serve(args) => serve::serve(args),
        Command::Submit(args) => remote::submit(&args),
        Command::Jobs(args) => remote::jobs(&args),
        Command::Status(args) => remote::status(&args),
        Command::Logs(args) => remote::logs(&args),
        Command::Stop(args) => remote::stop(&args),
        Command::Retry(args) => remote::retry(&args),
        Command::Rm(args) => remote::remove(&args),
        Command::Tags(args) => remote::tags(&args),
        Command::Export(args) => remote::export(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report::error(&error);
            ExitCode::from(exit_status(&error))
        }
    }
}

/// The command line makes no sense, in a way that only the command itself can tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// The status of a command that an error has ended: what a server refuses says it itself.
fn exit_status(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return USAGE;
    }
    let refused = error.downcast_ref::<remote::Refused>().and_then(|refused| refused.code);
    refused.map_or(FAILED, |code| code.exit_status())
}
