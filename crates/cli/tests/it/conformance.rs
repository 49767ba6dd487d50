//! `tagger test`: a program that keeps the contract passes, and each of those that break one rule fails on that rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use insta::assert_snapshot;
use serde_json::Value;

use crate::place::Place;

/// How many programs are tested at once: most of the time goes into starting interpreters.
const AT_ONCE: usize = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

/// Tests one program of the folder; gives the exit status and the report.
fn report_on(program: &str) -> (i32, Value) {
    let place = Place::new();
    let target = folder().join(program).to_str().unwrap().to_owned();
    let mut command = place.command(["test", "--json", "--timeout", "15", &target]);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    place.assert_nothing_is_left();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{program}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// The rules that came to a verdict.
fn rules(report: &Value, verdict: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["verdict"] == verdict).map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_program_that_keeps_every_rule_passes() {
    let (status, report) = report_on("conforming.py");
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(rules(&report, "kept").len(), 25);
    for finding in report["findings"].as_array().unwrap() {
        for told in ["sent", "came", "contract"] {
            assert_ne!(finding[told], "", "{finding:#}");
        }
    }
}

#[test]
fn each_broken_program_fails_on_its_rule_and_on_no_other() {
    let programs: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('_') && name != "conforming.py")
        .collect();
    let queue = Mutex::new(programs.iter());
    let next = || queue.lock().unwrap().next();
    let broken = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(program) = next() {
                    let (status, report) = report_on(program);
                    let found = rules(&report, "broken");
                    assert!(
                        status == 1 && found.len() == 1 && program.starts_with(&found[0]),
                        "{program} ended with {status} and breaks {found:?}: {report:#}"
                    );
                    broken.lock().unwrap().extend(found);
                }
            });
        }
    });
    let (_, report) = report_on("conforming.py");
    let all: BTreeSet<String> = rules(&report, "kept").into_iter().collect();
    assert_eq!(broken.into_inner().unwrap(), all, "a rule that no program breaks is a rule that is not tested");
}

#[test]
fn a_broken_rule_is_told_with_what_was_sent_and_what_came() {
    let place = Place::new();
    let target = folder().join("end-of-input-status.py");
    let told = place.tagger("test", &[target.to_str().unwrap()]);
    let head: Vec<&str> = told.lines().take(6).collect();
    assert_snapshot!(head.join("\n"), @"
    exit 1
    --- stdout
    end-of-input-status (takes video, stills, sound)
      BROKEN  end-of-input       when its input ends, a program finishes what it was given and exits with status 0
                sent  `clip.mp4`, `second.mp4`, `still.png`, `clip.mp4`; end of input
                came  4 tags; progress of `clip.mp4`, `second.mp4`, `still.png`, `clip.mp4`; it exited with status 3
    ");
    assert!(told.ends_with("0 rules kept, 1 broken, 24 not judged, in TIME"), "{told}");
}

#[test]
fn what_cannot_be_tested_is_an_error() {
    let place = Place::new();
    place.write("gone/tagger.toml", "name = 'gone'\nkind = 'video'\ncommand = ['./gone']");
    place.write("text/tagger.toml", "name = 'text'\nkind = 'video'\ncommand = ['./text']");
    place.write("text/text", "nothing that could be started");
    place.write("ranges/tagger.toml", "name = 'ranges'\nkind = 'processor'\ncommand = ['true']");
    let told: Vec<String> =
        ["./gone", "./text", "./ranges"].iter().map(|model| place.tagger("test", &[model])).collect();
    assert_snapshot!(told.join("\n"), @"
    ");
}
