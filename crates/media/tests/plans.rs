//! Plans against the yardstick: whatever is left out, the frames are those of a full decode.

#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use std::{num::NonZeroU64, path::Path};

use common::clip;
use tagger_media::{
    Frame, FrameOptions, Frames, Limits, MediaError, Mode, OnDamage, Rate, Report, Size, Skipped, plan_report,
};

struct Read {
    frames: Vec<Frame>,
    skipped: Skipped,
    report: Report,
}

fn read(path: &Path, options: &FrameOptions) -> Read {
    let mut frames = Frames::open(path, options).unwrap();
    let given = frames.by_ref().map(Result::unwrap).collect();
    Read { frames: given, skipped: frames.skipped().clone(), report: frames.report() }
}

fn options(rate: Rate) -> FrameOptions {
    FrameOptions { rate, ..FrameOptions::default() }
}

/// Reads by plan and in full, and compares every frame to the last pixel.
fn same_both_ways(path: &Path, rate: &Rate) -> Report {
    let planned = read(path, &options(rate.clone()));
    let full = read(path, &FrameOptions { decode_all: true, ..options(rate.clone()) });
    let name = path.file_name().unwrap().display();
    let places = |read: &Read| -> Vec<_> {
        read.frames.iter().map(|frame| (frame.index, frame.pts, frame.time, frame.duration)).collect()
    };
    assert_eq!(places(&planned), places(&full), "{name} {rate:?} {:?}", planned.report);
    for (ours, theirs) in planned.frames.iter().zip(&full.frames) {
        assert!(ours.image == theirs.image, "{name} {rate:?}: frame {} differs, {:?}", ours.index, planned.report);
    }
    assert_eq!(full.report.mode, Mode::Full);
    planned.report
}

fn rates() -> Vec<Rate> {
    let fps = [0.11, 0.31, 3.7, 7.0, 60.0].map(Rate::Fps);
    let others = [
        Rate::All,
        Rate::KeyFrames,
        Rate::EveryNth(NonZeroU64::new(17).unwrap()),
        Rate::At([0.9, 0.02, 3.33, 2.5, 1e3].into()),
    ];
    fps.into_iter().chain(others).collect()
}

#[test]
fn sound_files_are_planned_and_agree_with_a_full_decode_at_every_rate() {
    for name in [
        "h264.mp4",
        "h264_opengop.mp4",
        "h264_8bframes.mp4",
        "h264_intra_refresh.mp4",
        "h264_interlaced.mp4",
        "hevc.mp4",
        "hevc_opengop.mp4",
        "vp8.webm",
        "av1.mp4",
        "mpeg2.ts",
        "mpeg2_interlaced.mpg",
        "mjpeg.avi",
        "prores.mov",
        "h264.flv",
        "fragmented.mp4",
        "vfr.mp4",
        "edit_list.mp4",
        "edit_list_opengop.mp4",
        "late_video.mkv",
        "one_frame.mp4",
    ] {
        for rate in rates() {
            let report = same_both_ways(&clip(name), &rate);
            assert_eq!((report.mode, report.groups_redone), (Mode::Planned, 0), "{name} {rate:?} {report:?}");
        }
    }
}

#[test]
fn files_that_cannot_be_planned_say_why_and_give_their_frames() {
    for (name, why) in [
        ("mpeg4.avi", "a packet has no timestamp"),
        ("raw.h264", "a packet has no timestamp"),
        ("ffv1_rgb.mkv", "its ffv1 pictures are not understood without decoding"),
        ("holes.ts", "a packet is damaged"),
    ] {
        let report = same_both_ways(&clip(name), &Rate::Fps(3.7));
        assert_eq!((report.mode, report.why.as_deref()), (Mode::Full, Some(why)), "{name}");
    }
}
