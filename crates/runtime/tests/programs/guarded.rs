//! Programs under guard.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitCode};

use tagger_runtime::{Ending, Executor, Guard, Launch, LogFile, ProcessExecutor};

/// A program whose children go to sessions of their own, with nothing left in their environment. Each says in the pipe
/// `alive` that it is there, and holds it open as long as it lives.
const FAMILY: &str = r#"
    exec 3> "$0/alive"
    env -i /usr/bin/setsid sh -c 'echo child >&3; env -i /usr/bin/setsid sh -c "echo grandchild >&3; exec sleep 1000" & exec sleep 1000' &
    echo parent >&3
"#;

fn executor() -> ProcessExecutor {
    ProcessExecutor { guard: Some(Guard::this_program("guard").unwrap()) }
}

fn shell(script: &str, folder: &Path) -> Launch {
    Launch {
        command: [OsString::from("/bin/sh"), "-c".into(), script.into(), folder.into()].to_vec(),
        folder: folder.to_owned(),
        mark: folder.join("mark").into(),
        ..Launch::default()
    }
}

/// A named pipe that all members of the family hold open.
fn pipe_in(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("alive");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// The words that come through the pipe until nobody holds it any more; `after` is called once three have come.
fn words(pipe: &Path, after: impl FnOnce()) -> Vec<String> {
    let mut reader = BufReader::new(File::open(pipe).unwrap());
    let mut words = Vec::new();
    for _ in 0..3 {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        words.push(line.trim().to_owned());
    }
    after();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap(); // ends when the last one has died
    words.extend(rest.lines().map(str::to_owned));
    words.sort();
    words
}

pub fn nothing_outlives_a_runtime_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let mut runtime = Command::new(std::env::current_exe().unwrap())
        .args(["short-lived-runtime".as_ref(), folder.path()])
        .spawn()
        .unwrap();
    let words = words(&pipe, || runtime.kill().unwrap());
    runtime.wait().unwrap();
    assert_eq!(words, ["child", "grandchild", "parent"]);
}

/// Starts the family and waits to be killed.
pub fn be_a_runtime(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let folder = arguments.next().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let script = format!("{FAMILY} exec sleep 1000");
        let mut program = executor().start(&shell(&script, Path::new(&folder))).await.unwrap();
        program.wait().await.unwrap();
    });
    ExitCode::FAILURE
}

pub fn a_guarded_program_ends_as_if_it_were_alone() {
    let folder = tempfile::tempdir().unwrap();
    let endings: Vec<String> =
        ["exit 0", "exit 3", "kill -SEGV $$", "kill -TERM $$", "kill -KILL $$", "cat >&2; exit 9"]
            .iter()
            .map(|script| {
                let (ending, log) = run(&executor(), &shell(script, folder.path()), &["a.mp4".into()]);
                format!(
                    "{}, {}{}",
                    ending.is_clean,
                    ending.told,
                    if log.is_empty() { "".into() } else { format!(": {log}") }
                )
            })
            .collect();
    insta::assert_snapshot!(endings.join("\n"), @"
    true, it exited with status 0
    false, it exited with status 3
    false, it crashed (signal 11, segmentation fault)
    false, it was ended by signal 15
    false, it was killed (signal 9; by the system when memory runs out)
    false, it exited with status 9: a.mp4
    ");
    let missing = Launch { command: vec!["/no/such/program".into()], ..shell("", folder.path()) };
    let started = tokio::runtime::Runtime::new().unwrap().block_on(executor().start(&missing));
    let told = started.err().unwrap().to_string();
    assert!(told.starts_with("No such file or directory"), "{told}");
}

pub fn what_a_guarded_program_leaves_behind_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe_in(folder.path());
    let launch = shell(&format!("{FAMILY} read line; exit 0"), folder.path());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut program = executor().start(&launch).await.unwrap();
        // The family is complete when the input ends, which is the parent's sign to go; the rest is ended by the guard.
        let words = words(&pipe, || program.close_input());
        assert_eq!(words, ["child", "grandchild", "parent"]);
        assert_eq!(program.wait().await.unwrap().told, "it exited with status 0");
    });
}

pub fn a_long_log_keeps_its_beginning_and_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut launch = shell("seq 1 100000", folder.path());
    launch.log = Some(LogFile { path: path.clone(), max_bytes: 10 });
    let (_, end) = run(&ProcessExecutor::default(), &launch, &[]);
    assert!(end.ends_with("99999\n100000"), "{end}");
    let kept = fs::read_to_string(path).unwrap();
    // 588,895 bytes were written: 10 are the beginning, 16 KiB the end.
    assert!(kept.starts_with("1\n2\n3\n4\n5\n\n[572501 bytes of log left out]\n"), "{}", &kept[..80]);
    assert!(kept.ends_with("99999\n100000\n"));
}

/// Runs a program to its end: how it ended, and the end of its log.
fn run(executor: &ProcessExecutor, launch: &Launch, paths: &[String]) -> (Ending, String) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut program = executor.start(launch).await.unwrap();
        program.feed(paths);
        program.close_input();
        let ending = program.wait().await.unwrap();
        (ending, program.finish().await)
    })
}
