//! No thread outlives its reader. In a file of its own, hence a process of its own: other tests have threads too.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use std::num::NonZeroUsize;

use common::clip;
use tagger_media::{Audio, AudioOptions, FrameOptions, Frames, Limits, Rate, set_decode_threads};

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn no_thread_outlives_its_reader() {
    let path = clip("h264.mp4");
    let before = threads();
    let limits = Limits { queue_bytes: 0, ..Limits::default() };
    let options = FrameOptions { rate: Rate::All, limits: limits.clone(), ..FrameOptions::default() };
    for taken in [0, 1, 10, 1000] {
        let mut frames = Frames::open(&path, &options).unwrap();
        assert!(threads() > before);
        frames.by_ref().take(taken).for_each(|frame| drop(frame.unwrap()));
        drop(frames);
        assert_eq!(threads(), before);
    }
    // In the middle of a group of a file that is decoded as a whole by several threads.
    let whole = FrameOptions { decode_all: true, ..options };
    drop(Frames::open(&path, &whole).unwrap());
    assert_eq!(threads(), before);
    let options = AudioOptions { limits, ..AudioOptions::default() };
    for taken in [0, 1, 1000] {
        let mut audio = Audio::open(&clip("stereo_44100.wav"), &options).unwrap();
        audio.by_ref().take(taken).for_each(|samples| drop(samples.unwrap()));
        drop(audio);
        assert_eq!(threads(), before);
    }
    // Readers beside each other. Each has a thread that reads and those of its decoder, one more than the budget has
    // turns. They take turns to decode, and none of them outlives the last reader.
    let budget = 2;
    set_decode_threads(NonZeroUsize::new(budget).unwrap());
    let whole = FrameOptions { rate: Rate::All, ..FrameOptions::default() };
    let mut readers: Vec<Frames> = (0..5).map(|_| Frames::open(&path, &whole).unwrap()).collect();
    let mut most = 0;
    let mut given = 0;
    while !readers.is_empty() {
        readers.retain_mut(|frames| frames.next().is_some_and(|frame| frame.is_ok()));
        given += readers.len();
        most = most.max(threads() - before);
    }
    assert_eq!(given, 5 * 150);
    assert!((5..=5 * (1 + budget + 1)).contains(&most), "{most} threads");
    assert_eq!(threads(), before);
}
