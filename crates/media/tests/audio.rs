//! Sound of real files: how much, when, and what is refused.

#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use common::clip;
use tagger_media::{Audio, AudioOptions, Channels, Limits, MediaError, Samples};

fn blocks(name: &str, options: &AudioOptions) -> Vec<Samples> {
    Audio::open(&clip(name), options).unwrap().map(|samples| samples.unwrap()).collect()
}

fn count(name: &str, options: &AudioOptions) -> usize {
    blocks(name, options).iter().map(Samples::len).sum()
}

fn error(name: &str, options: &AudioOptions) -> String {
    let error = match Audio::open(&clip(name), options) {
        Ok(mut audio) => audio.find_map(Result::err).expect("an error"),
        Err(error) => error,
    };
    error.to_string().replace(&format!("{}/", clip(name).parent().unwrap().display()), "")
}

#[test]
fn sound_comes_at_its_own_rate_in_blocks_of_one_size() {
    let blocks = blocks("stereo_44100.wav", &AudioOptions::default());
    let (last, whole) = blocks.split_last().unwrap();
    assert!(whole.iter().all(|block| block.len() == 16384 && block.channels == 2 && block.rate == 44_100));
    assert_eq!(last.index as usize + last.len(), 3 * 44_100);
    assert_eq!(whole[1].time.to_millis(), 372); // 16384 / 44100
}

#[test]
fn what_primes_the_decoder_is_not_heard() {
    for (name, samples) in [
        ("stereo_48000.m4a", 141 * 1024), // of 142 packets; what fills the last one is told in no way that libav reads
        ("stereo_44100.mp3", 3 * 44_100),
        ("stereo_48000.opus", 3 * 48_000),
        ("stereo_44100.ogg", 3 * 44_100),
    ] {
        assert_eq!(count(name, &AudioOptions::default()), samples, "{name}");
    }
}

#[test]
fn sound_that_begins_late_says_so() {
    let blocks = blocks("late_sound.mov", &AudioOptions::default());
    assert_eq!((blocks[0].index, blocks[0].time.to_millis()), (0, 700));
}

#[test]
fn rate_and_channels_are_those_asked_for() {
    let options = AudioOptions { rate: Some(16_000), channels: Channels::Mono, ..AudioOptions::default() };
    let blocks = blocks("six_48000.wav", &options);
    assert!(blocks.iter().all(|block| block.rate == 16_000 && block.channels == 1));
    assert_eq!(blocks.iter().map(|block| block.data.len()).sum::<usize>(), 48_000);
}

#[test]
fn a_queue_smaller_than_a_block_still_gives_every_block() {
    let limits = Limits { queue_bytes: 0, ..Limits::default() };
    assert_eq!(count("stereo_44100.wav", &AudioOptions { limits, ..AudioOptions::default() }), 3 * 44_100);
}

#[test]
fn a_cut_file_gives_its_sound_and_says_that_it_is_cut() {
    let mut audio = Audio::open(&clip("cut_sound.wav"), &AudioOptions::default()).unwrap();
    assert!(audio.by_ref().map(|samples| samples.unwrap().len()).sum::<usize>() > 44_100);
    assert!(audio.skipped().truncated.as_ref().is_some_and(|why| why.ends_with("bytes are missing")));
}

#[test]
fn files_without_sound_are_errors_that_say_what_to_do() {
    let default = AudioOptions::default();
    assert_eq!(
        error("h264.mp4", &default),
        "no sound in `h264.mp4` (it holds video: h264); choose a file that has sound"
    );
    let other = AudioOptions { stream: Some(7), ..AudioOptions::default() };
    assert_eq!(
        error("tone.flac", &other),
        "no sound in `tone.flac` (it holds audio: flac); choose a file that has sound"
    );
}

#[test]
fn forms_that_make_no_sense_are_refused() {
    let default = AudioOptions::default;
    for options in [
        AudioOptions { rate: Some(0), ..default() },
        AudioOptions { rate: Some(u32::MAX), ..default() },
        AudioOptions { channels: Channels::Count(0), ..default() },
        AudioOptions { channels: Channels::Count(64), ..default() },
        AudioOptions { block_samples: 0, ..default() },
    ] {
        assert!(matches!(Audio::open(&clip("tone.wav"), &options), Err(MediaError::BadSound { .. })), "{options:?}");
    }
}
