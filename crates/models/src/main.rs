//! The shipped models that are written in Rust, in one program: `tagger-models NAME --output-path PATH [--params JSON]`.
//!
//! From the second argument on, the program speaks the contract like any other model program. Each model is a module, and
//! says in `models/NAME/tagger.toml` what it is.

mod shot;

use std::process::ExitCode;

use common_ml::Arguments;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default();
    let parsed = Arguments::parse(arguments);
    match (name.to_str(), parsed) {
        (Some("shot"), Ok(arguments)) => common_ml::run_with(arguments, std::io::stdin(), shot::make),
        (Some("shot"), Err(error)) => usage(&error.to_string()),
        _ => usage(&format!("no model `{}` in this program; it holds: shot", name.display())),
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("error: {problem}\nusage: tagger-models MODEL --output-path PATH [--params JSON] < PATHS");
    ExitCode::from(2)
}
