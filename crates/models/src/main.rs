//! The shipped models that are written in Rust, in one program: `tagger-models NAME --output-path PATH [--params JSON]`.
//!
//! From the second argument on, the program speaks the contract like any other model program. Each model is a module, and
//! says in `models/NAME/tagger.toml` what it is.

mod shot;

use std::io::stdin;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default();
    match name.to_str() {
        Some("shot") => common_ml::run_with(shot::MANIFEST, arguments, stdin(), shot::make),
        _ => {
            eprintln!("error: no model `{}` in this program; it holds: shot", name.display());
            eprintln!("usage: tagger-models MODEL --output-path PATH [--params JSON] < PATHS");
            ExitCode::from(2)
        }
    }
}
