//! A process that was forked while its parent decoded reads on by itself. In a file of its own, hence a process of its
//! own: a fork copies one thread only.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use std::{fs, process};

use common::clip;
use fork::{Fork, fork, waitpid};
use tagger_media::{FrameOptions, Frames, MediaError, Rate};

/// Python is the one that forks in practice; here the test program forks itself by way of a system call.
#[test]
fn a_forked_process_has_threads_of_its_own_and_is_told_that_it_lost_its_parents() {
    let path = clip("h264.mp4");
    let options = FrameOptions { rate: Rate::All, ..FrameOptions::default() };
    let mut before = Frames::open(&path, &options).unwrap();
    before.next().unwrap().unwrap();
    let told = std::env::temp_dir().join(format!("tagger-fork-{}", process::id()));
    let Fork::Parent(child) = fork().unwrap() else {
        let orphaned = matches!(before.next(), Some(Err(MediaError::Orphaned { .. })));
        let ended = before.next().is_none();
        drop(before);
        let count = Frames::open(&path, &options).unwrap().count();
        fs::write(&told, format!("{orphaned} {ended} {count}")).unwrap();
        process::exit(0) // without going back into the test harness
    };
    waitpid(child).unwrap();
    assert_eq!(fs::read_to_string(&told).unwrap(), "true true 150");
    fs::remove_file(&told).unwrap();
    assert_eq!(before.count(), 149);
}
