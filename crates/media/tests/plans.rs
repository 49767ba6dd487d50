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
        "hevc_layers.mp4",
        "hevc_opengop.ts",
        "h264_opengop.ts",
        "h264_opengop.mkv",
        "vp8.webm",
        "av1.mp4",
        "av1_layers.mkv",
        "mpeg2.ts",
        "mpeg2_interlaced.mpg",
        "mjpeg.avi",
        "prores.mov",
        "h264.flv",
        "fragments.mp4",
        "fragmented.mp4",
        "rotated_90.mp4",
        "resized_whole.ts",
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
fn pictures_in_two_fields_are_planned_where_both_lie_in_one_packet() {
    for name in ["paff.mkv", "paff.mp4"] {
        for rate in rates() {
            let report = same_both_ways(&clip(name), &rate);
            // Of a field that refers to the other one only the decoder says whether the picture counts as type I.
            let mode = if rate == Rate::KeyFrames { Mode::Full } else { Mode::Planned };
            assert_eq!((report.mode, report.groups_redone), (mode, 0), "{name} {rate:?} {report:?}");
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
        ("paff.ts", "a packet does not hold one whole picture, or pictures are missing"),
    ] {
        let report = same_both_ways(&clip(name), &Rate::Fps(3.7));
        assert_eq!((report.mode, report.why.as_deref()), (Mode::Full, Some(why)), "{name}");
    }
}

#[test]
fn a_plan_that_meets_damage_goes_on_with_a_full_decode_and_loses_nothing() {
    // The last picture is cut short, which only its decoder notices.
    for rate in [Rate::All, Rate::Fps(12.5), Rate::Fps(3.7)] {
        let report = same_both_ways(&clip("cut.ts"), &rate);
        assert_eq!((report.mode, report.groups_redone), (Mode::Full, 1), "{rate:?} {report:?}");
        assert_eq!(report.why.as_deref(), Some("the decoder found a picture damaged"));
    }
    let report = same_both_ways(&clip("cut.ts"), &Rate::Fps(1.0));
    assert_eq!(report.mode, Mode::Planned, "the damaged picture is not wanted");
}

#[test]
fn a_file_that_begins_in_the_middle_of_a_group_is_planned_behind_its_ragged_head() {
    for name in ["h264_middle.ts", "hevc_opengop_middle.ts", "mpeg2_middle.ts"] {
        assert_eq!(same_both_ways(&clip(name), &Rate::Fps(0.31)).mode, Mode::Planned, "{name}");
        for rate in [Rate::Fps(3.7), Rate::All] {
            same_both_ways(&clip(name), &rate);
        }
    }
}

#[test]
fn damage_that_shows_in_the_packets_is_met_by_a_full_decode() {
    for rate in rates() {
        let report = same_both_ways(&clip("damaged.ts"), &rate);
        assert_eq!(report.mode, Mode::Full, "{rate:?} {report:?}");
    }
}

#[test]
fn damage_fails_when_asked_to() {
    let fail = FrameOptions { on_damage: OnDamage::Fail, ..options(Rate::All) };
    for name in ["cut.ts", "damaged_hevc.mp4", "cut_index_first.mp4"] {
        let mut frames = Frames::open(&clip(name), &fail).unwrap();
        let error = frames.find_map(Result::err).expect(name);
        assert!(matches!(error, MediaError::Damaged { .. }), "{name}: {error}");
        assert!(frames.next().is_none());
    }
    let mut frames = Frames::open(&clip("h264.mp4"), &fail).unwrap();
    assert!(frames.all(|frame| frame.is_ok()));
}

#[test]
fn a_plan_leaves_out_what_no_wanted_frame_needs() {
    let fed = |name: &str, fps| {
        let report = read(&clip(name), &options(Rate::Fps(fps))).report;
        assert_eq!(report.packets, report.packets_fed + report.packets_left_out());
        (report.packets, report.packets_fed)
    };
    // Groups of 50: the first is wanted at 0, 1 s; 3 pictures of 4 in between are B, of which 2 are referred to by none.
    assert!(matches!(fed("h264.mp4", 1.0), (150, 3..=60)));
    assert!(matches!(fed("h264.mp4", 0.5), (150, 3)));
    assert!(matches!(fed("hevc.mp4", 1.0), (100, 4..=20)));
    assert!(matches!(fed("mpeg2.ts", 1.0), (100, 4..=20)));
    assert!(matches!(fed("mjpeg.avi", 1.0), (50, 2)));
    assert!(matches!(fed("prores.mov", 1.0), (50, 2)));
    assert!(matches!(fed("hevc_layers.mp4", 3.7), (100, 15..=50)));
}

#[test]
fn what_a_plan_would_do_is_told_without_doing_it() {
    for name in ["h264.mp4", "h264_opengop.mp4", "hevc_layers.mp4", "mpeg2.ts"] {
        let told = plan_report(&clip(name), &Rate::Fps(1.0)).unwrap();
        let done = read(&clip(name), &options(Rate::Fps(1.0)));
        assert_eq!((told.mode, told.why), (Mode::Planned, None));
        assert_eq!(told.packets_fed, Some(done.report.packets_fed), "{name}");
        assert_eq!(told.frames_wanted, Some(done.frames.len() as u64), "{name}");
    }
    let structure = |name: &str| plan_report(&clip(name), &Rate::All).unwrap().structure.unwrap();
    let open = structure("h264_opengop.mp4");
    assert_eq!((open.packets, open.frames, open.layers), (150, 150, 1));
    assert!((20..=23).contains(&open.longest_group), "with the pictures that lead it");
    assert!(open.open_groups > 1 && open.open_groups < open.groups, "{open:?}");
    assert_eq!(structure("h264.mp4").open_groups, 0);
    assert!(structure("hevc_layers.mp4").layers > 1);
    let told = plan_report(&clip("raw.h264"), &Rate::Fps(1.0)).unwrap();
    assert_eq!((told.mode, told.why.as_deref()), (Mode::Full, Some("a packet has no timestamp")));
}

#[test]
fn a_queue_smaller_than_a_frame_still_gives_every_frame_of_every_worker() {
    let limits = Limits { queue_bytes: 0, ..Limits::default() };
    let options = FrameOptions { limits, ..options(Rate::All) };
    let given = read(&clip("h264_opengop.mp4"), &options).frames;
    assert!((0..150).eq(given.iter().map(|frame| frame.index)));
}

#[test]
fn readers_at_the_same_time_share_the_threads_and_all_come_to_their_end() {
    let size = Size::Fit { width: 16, height: 12 };
    let readers: Vec<Frames> = (0..6)
        .map(|nth| {
            let name = ["h264.mp4", "raw.h264", "hevc.mp4"][nth % 3];
            Frames::open(&clip(name), &FrameOptions { size, ..options(Rate::All) }).unwrap()
        })
        .collect();
    let counts: Vec<usize> = readers.into_iter().rev().map(|frames| frames.map(Result::unwrap).count()).collect();
    assert_eq!(counts, [100, 150, 150, 100, 150, 150]);
}

#[test]
fn times_that_are_none_are_refused() {
    let at = Rate::At([1.0, f64::NAN].into());
    assert!(matches!(Frames::open(&clip("h264.mp4"), &options(at)), Err(MediaError::BadTime { .. })));
}

#[test]
fn skipped_damage_is_told_with_its_time() {
    let read = read(&clip("damaged_hevc.mp4"), &options(Rate::All));
    assert_eq!(read.report.mode, Mode::Full);
    assert!(read.skipped.packets > 0 && read.skipped.first.is_some());
}
