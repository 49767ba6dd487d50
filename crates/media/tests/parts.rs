//! Parts of real files: how many, what they are called, and what is left when it does not work.

#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use std::{fs, path::Path, time::Duration};

use common::clip;
use tagger_media::{
    CutOptions, Frame, FrameOptions, Frames, Limits, MediaError, Part, Rate, Rational, Timestamp, cut, cut_range,
    cut_sound, probe, probe_sound, stitch,
};

fn about(seconds: u64) -> CutOptions {
    CutOptions { target: Duration::from_secs(seconds), ..CutOptions::default() }
}

fn millis(ticks: i64) -> Timestamp {
    Timestamp { ticks, base: Rational { num: 1, den: 1000 } }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn summary(parts: &[Part]) -> Vec<(i64, i64, u64, u64)> {
    let row = |part: &Part| (part.start.to_millis(), part.duration.to_millis(), part.first_index, part.count);
    parts.iter().map(row).collect()
}

fn frames(path: &Path) -> Vec<Frame> {
    let options = FrameOptions { rate: Rate::All, ..FrameOptions::default() };
    Frames::open(path, &options).unwrap().map(|frame| frame.unwrap()).collect()
}

#[test]
fn a_file_is_cut_at_its_key_frames() {
    let folder = tempfile::tempdir().unwrap();
    let parts = cut(&clip("h264.mp4"), folder.path(), &about(2)).unwrap();
    assert_eq!(summary(&parts), [(0, 2000, 0, 50), (2000, 2000, 50, 50), (4000, 2000, 100, 50)]);
    assert_eq!(names(folder.path()), ["part-00000.mp4", "part-00001.mp4", "part-00002.mp4"]);
    assert!(parts.iter().all(|part| !part.is_source));
}

#[test]
fn a_part_is_sampled_as_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let whole = frames(&clip("ntsc.mkv"));
    for part in cut(&clip("ntsc.mkv"), folder.path(), &about(3)).unwrap() {
        for frame in frames(&part.path) {
            let same = &whole[(part.first_index + frame.index) as usize];
            let time = part.start.plus(frame.time);
            assert_eq!(time.partial_cmp(&same.time), Some(std::cmp::Ordering::Equal));
            assert!(frame.image == same.image, "frame {} of {}", frame.index, part.path.display());
        }
    }
}

#[test]
fn a_short_file_is_one_part_and_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip("h264.mp4");
    let parts = cut(&path, folder.path(), &CutOptions::default()).unwrap();
    assert_eq!((parts.len(), parts[0].is_source, &parts[0].path), (1, true, &path));
    assert_eq!(summary(&parts), [(0, 6000, 0, 150)]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn rotated_video_stays_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = |path: &Path| probe(path).unwrap().video().unwrap().1.rotation_degrees;
    let path = clip("rotated_90.mp4");
    assert_ne!(rotation(&path), 0);
    for part in cut(&path, folder.path(), &about(2)).unwrap() {
        assert!(!part.is_source);
        assert_eq!(rotation(&part.path), rotation(&path));
    }
}

#[test]
fn a_range_begins_at_the_key_frame_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let part = cut_range(&clip("h264.mp4"), folder.path(), millis(2500), millis(3100), &Limits::default()).unwrap();
    assert_eq!(summary(&[part]), [(2000, 2000, 50, 50)]);
    assert_eq!(names(folder.path()), ["part-00000.mp4"]);
}

#[test]
fn a_range_beyond_every_key_frame_is_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let part = cut_range(&clip("h264.mp4"), folder.path(), millis(0), millis(9000), &Limits::default()).unwrap();
    assert!(part.is_source);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn sound_is_cut_where_packets_end() {
    let folder = tempfile::tempdir().unwrap();
    let parts = cut_sound(&clip("stereo_44100.mp3"), folder.path(), &about(1)).unwrap();
    assert_eq!(names(folder.path()), ["part-00000.m4a", "part-00001.m4a", "part-00002.m4a"]);
    assert_eq!(parts.iter().map(|part| part.count).sum::<u64>(), 3 * 44_100);
    assert!(parts.windows(2).all(|pair| pair[1].first_index == pair[0].first_index + pair[0].count));
}

#[test]
fn after_an_error_no_part_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("part-00001.mp4");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("kept"), "").unwrap();
    let error = cut(&clip("h264.mp4"), folder.path(), &about(2)).unwrap_err();
    assert!(matches!(error, MediaError::Unwritable { .. }), "{error}");
    assert_eq!(names(folder.path()), ["part-00001.mp4"]);
    let missing = folder.path().join("missing");
    assert!(matches!(cut(&clip("h264.mp4"), &missing, &about(2)), Err(MediaError::Unwritable { .. })));
}

#[test]
fn a_full_disk_is_an_error_and_no_reason_to_leave_a_file_in_one_piece() {
    for (name, cut) in [("h264.mp4", cut as fn(&_, &_, &_) -> _), ("stereo_44100.mp3", cut_sound)] {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(".part-00000.unfinished")).unwrap();
        let error = cut(&clip(name), folder.path(), &about(1)).unwrap_err();
        assert!(matches!(error, MediaError::Unwritable { .. }), "{error}");
        assert!(names(folder.path()).is_empty());
    }
}

#[test]
fn what_has_no_such_stream_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let no_video = cut(&clip("tone.flac"), folder.path(), &about(1));
    assert!(matches!(no_video, Err(MediaError::NoVideo { .. })));
    let no_sound = cut_sound(&clip("h264.mp4"), folder.path(), &about(1));
    assert!(matches!(no_sound, Err(MediaError::NoSound { .. })));
}

#[test]
fn offsets_of_sound_are_the_sums_of_exact_durations() {
    let parts = probe_sound(&[clip("stereo_44100.mp3"), clip("stereo_44100.wav")], &Limits::default()).unwrap();
    assert_eq!(parts[0].duration, Timestamp { ticks: 3 * 44_100, base: Rational { num: 1, den: 44_100 } });
    assert_eq!((parts[1].start_offset.to_millis(), parts[1].end_offset().to_millis()), (3000, 6000));
}

#[test]
fn a_range_without_sound_cannot_be_stitched() {
    let parts = probe_sound(&[clip("stereo_48000.m4a")], &Limits::default()).unwrap();
    let name = clip("stereo_48000.m4a").display().to_string();
    let error = stitch(&parts, millis(9000), millis(9500), &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string().replace(&name, "stereo_48000.m4a"),
        "cannot join `stereo_48000.m4a`: nothing is heard from 9.000 s to 9.500 s; join consecutive parts of one stream"
    );
}
