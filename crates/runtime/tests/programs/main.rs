//! Programs that are started, fed, stopped and killed for real. This one program plays every part: by its first argument
//! it is the guard, a runtime that gets killed, or, without one it knows, the tests.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on ends

mod guarded;

use std::panic::catch_unwind;
use std::process::ExitCode;

use tagger_runtime::run_guard;

/// Every test and its name.
const TESTS: &[(&str, fn())] = &[
    ("nothing_outlives_a_runtime_that_was_killed", guarded::nothing_outlives_a_runtime_that_was_killed),
    ("a_guarded_program_ends_as_if_it_were_alone", guarded::a_guarded_program_ends_as_if_it_were_alone),
    ("what_a_guarded_program_leaves_behind_is_ended", guarded::what_a_guarded_program_leaves_behind_is_ended),
    ("a_long_log_keeps_its_beginning_and_its_end", guarded::a_long_log_keeps_its_beginning_and_its_end),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().and_then(|word| word.to_str()) {
        Some("guard") => ExitCode::from(run_guard(arguments)),
        Some("short-lived-runtime") => guarded::be_a_runtime(arguments),
        word => run_tests(word.filter(|word| !word.starts_with('-'))),
    }
}

/// Runs the tests whose names hold `filter`, one after the other.
fn run_tests(filter: Option<&str>) -> ExitCode {
    let chosen = TESTS.iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter)));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let is_well = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_well { "ok" } else { "FAILED" });
        *(if is_well { &mut passed } else { &mut failed }) += 1;
    }
    println!("\ntest result: {passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
