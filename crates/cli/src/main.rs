//! The `tagger` command: parses, calls, prints. What it decides lies in the crates below it.

mod args;
mod choice;
mod init;
mod inspect;
mod output;
mod progress;
mod report;
mod run;
mod test;
mod time;

use std::process::ExitCode;

use clap::Parser;

use args::{Command, Tagger};

/// Something failed; what, is on standard error.
const FAILED: u8 = 1;
/// Stopped by Ctrl-C or a request to terminate.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let result = match Tagger::parse().command {
        Command::Run(args) => run::run(args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Init(args) => init::init(&args),
        Command::Test(args) => test::test(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report::error(&error);
            ExitCode::from(FAILED)
        }
    }
}
