//! Frames of real files: which ones, when, how they lie, and what damage costs.

#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use std::fs;

use common::clip;
use tagger_media::{
    Damage, Frame, FrameOptions, Frames, Limits, MediaError, OnDamage, Pixels, Rate, Rational, Size, Skipped,
    Timestamp, scan,
};

fn options(rate: Rate) -> FrameOptions {
    FrameOptions { rate, ..FrameOptions::default() }
}

fn frames(name: &str, rate: Rate) -> (Vec<Frame>, Skipped) {
    let mut frames = Frames::open(&clip(name), &options(rate)).unwrap();
    let given: Vec<Frame> = frames.by_ref().map(|frame| frame.unwrap()).collect();
    (given, frames.skipped().clone())
}

fn error(name: &str, options: &FrameOptions) -> String {
    let error = match Frames::open(&clip(name), options) {
        Ok(mut frames) => frames.find_map(Result::err).expect("an error"),
        Err(error) => error,
    };
    // What is told, without where the clips lie.
    error.to_string().replace(&format!("{}/", clip(name).parent().unwrap().display()), "")
}

fn summary(frames: &[Frame]) -> Vec<(u64, i64)> {
    frames.iter().map(|frame| (frame.index, frame.time.to_millis())).collect()
}

#[test]
fn one_frame_a_second_is_the_default() {
    let (given, skipped) = frames("h264.mp4", FrameOptions::default().rate);
    assert_eq!(summary(&given), [(0, 0), (25, 1000), (50, 2000), (75, 3000), (100, 4000), (125, 5000)]);
    assert!(given.iter().all(|frame| frame.duration.to_millis() == 40));
    assert!(given.iter().all(|frame| frame.image.data.len() == 320 * 240 * 3 && frame.image.pixels == Pixels::Rgb24));
    assert!(skipped.is_nothing());
}

#[test]
fn b_frames_arrive_in_presentation_order() {
    let (given, _) = frames("h264_8bframes.mp4", Rate::All);
    assert_eq!(given.len(), 150);
    assert!(given.windows(2).all(|pair| pair[0].index + 1 == pair[1].index && pair[0].pts < pair[1].pts));
}

#[test]
fn times_of_23_976_are_exact() {
    let (given, _) = frames("ntsc.mp4", Rate::All);
    let base = Rational::new(1001, 24_000).unwrap();
    assert_eq!(given.len(), 240);
    for frame in &given {
        let exact = Timestamp { ticks: frame.index as i64, base };
        assert_eq!(frame.time.partial_cmp(&exact), Some(std::cmp::Ordering::Equal), "{}", frame.index);
    }
}

#[test]
fn a_container_that_starts_late_counts_times_from_its_start() {
    let (given, _) = frames("h264.ts", Rate::Fps(1.0));
    assert_eq!(given[0].pts, Timestamp { ticks: 133_200, base: Rational::new(1, 90_000).unwrap() });
    assert_eq!(given[0].time.to_millis(), 0);
}

#[test]
fn a_stream_that_starts_after_the_container_keeps_its_delay() {
    let (given, _) = frames("late_video.mkv", Rate::Fps(1.0));
    assert_eq!(summary(&given)[..2], [(0, 507), (25, 1507)]);
}

#[test]
fn each_frame_of_a_variable_rate_has_its_own_duration() {
    let (given, _) = frames("vfr.mp4", Rate::All);
    assert!(given.windows(2).all(|pair| pair[1].pts.since(pair[0].pts) == pair[0].duration));
    let mut durations: Vec<i64> = given.iter().map(|frame| frame.duration.to_millis()).collect();
    durations.sort_unstable();
    durations.dedup();
    assert!(durations.len() > 1, "{durations:?}");
}

#[test]
fn a_one_frame_video_yields_its_frame() {
    for rate in [Rate::Fps(1.0), Rate::Fps(0.01), Rate::All, Rate::KeyFrames] {
        let (given, _) = frames("one_frame.mp4", rate);
        assert_eq!(summary(&given), [(0, 0)]);
        assert_eq!(given[0].duration.to_millis(), 40);
    }
}

#[test]
fn rotated_video_arrives_upright() {
    let (lying, _) = frames("h264.mp4", Rate::Fps(0.1));
    for (name, size) in
        [("rotated_90.mp4", (240, 320)), ("rotated_180.mp4", (320, 240)), ("rotated_270.mp4", (240, 320))]
    {
        let (upright, _) = frames(name, Rate::Fps(0.1));
        assert_eq!((upright[0].image.width, upright[0].image.height), size, "{name}");
        assert_ne!(upright[0].image.data, lying[0].image.data);
    }
}

#[test]
fn a_requested_size_is_given_exactly() {
    let options =
        FrameOptions { size: Size::Fit { width: 33, height: 77 }, pixels: Pixels::Gray8, ..options(Rate::KeyFrames) };
    for frame in Frames::open(&clip("rotated_90.mp4"), &options).unwrap() {
        let image = frame.unwrap().image;
        assert_eq!((image.width, image.height, image.pixels, image.data.len()), (33, 77, Pixels::Gray8, 33 * 77));
    }
}

#[test]
fn a_stream_that_changes_its_size_gives_frames_of_both() {
    let (given, _) = frames("resized.ts", Rate::All);
    let mut sizes: Vec<_> = given.iter().map(|frame| (frame.image.width, frame.image.height)).collect();
    sizes.dedup();
    assert_eq!(sizes, [(160, 120), (320, 240)]);
}

#[test]
fn a_cut_file_gives_its_frames_and_says_that_it_is_cut() {
    for name in ["cut_index_first.mp4", "cut.mkv", "cut.avi"] {
        let (given, skipped) = frames(name, Rate::Fps(1.0));
        assert!(given.len() >= 2, "{name}");
        assert!(skipped.truncated.is_some_and(|why| why.ends_with("bytes are missing")), "{name}");
    }
}

#[test]
fn damaged_packets_cost_their_frames_and_are_counted() {
    let (given, skipped) = frames("damaged_hevc.mp4", Rate::All);
    assert!(skipped.packets > 0 && skipped.first.is_some() && skipped.reason.is_some(), "{skipped:?}");
    assert!(given.len() > 20 && given.len() as u64 + skipped.packets <= 100, "{}", given.len());
    let (given, _) = frames("damaged.ts", Rate::Fps(1.0));
    assert_eq!(given.last().unwrap().time.to_millis(), 5000);
}

#[test]
fn damage_that_costs_no_frame_is_counted_too() {
    let (given, skipped) = frames("cut.ts", Rate::All);
    let last_decoded = given[given.len() - 2].pts; // the one behind it refers to it
    assert_eq!((skipped.packets, skipped.guessed, skipped.first), (0, 1, Some(last_decoded)));
    assert!(skipped.to_string().starts_with("1 frame incomplete at 5.000 s"), "{skipped}");
    // Its damage lies at 3 s, where no frame is wanted.
    let (given, skipped) = frames("holes.ts", Rate::Fps(0.2));
    assert_eq!(summary(&given), [(0, 0), (120, 5000)]);
    assert_eq!(skipped.marked, 2); // one by the container, and the one before which pictures are missing
    assert!(skipped.spans.iter().all(|span| (3.0..5.0).contains(&span.first.seconds())), "{skipped:?}");
}

#[test]
fn damage_is_told_with_its_time_in_every_container_or_is_an_error_as_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    // Where the bytes are overwritten, of 100.
    for (name, percent) in [
        ("h264.mp4", 50),
        ("h264.mov", 50),
        ("h264.mkv", 50),
        ("h264.mkv", 90),
        ("h264.ts", 50),
        ("h264.flv", 8), // passed over when the file is opened
        ("h264.flv", 50),
        ("h264.flv", 93),
        ("vp8.webm", 80), // several pictures; within one nothing would tell
        ("vp9.webm", 80),
        ("fragmented.mp4", 50),
        ("hevc.mp4", 50),
        ("mpeg2_interlaced.mpg", 50),
        ("mpeg4.avi", 50),
        ("av1.mp4", 50),
    ] {
        let (whole, _) = frames(name, Rate::All);
        let mut bytes = fs::read(clip(name)).unwrap();
        let at = bytes.len() * percent / 100;
        bytes[at..][..3000].fill(0x55);
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut damaged = Frames::open(&path, &options(Rate::All)).unwrap();
        let given: Vec<Frame> = damaged.by_ref().map(|frame| frame.unwrap()).collect();
        let skipped = damaged.skipped();
        let (begin, end) = (whole[0].pts.seconds(), whole.last().unwrap().pts.seconds());
        let begin_of_damage = skipped.spans.first().map_or(begin + 0.8 * (end - begin), |span| span.first.seconds());
        let share = (begin_of_damage - begin) / (end - begin);
        assert!(share > percent.min(50) as f64 / 100.0 - 0.1 && (percent > 10 || share < 0.3), "{name}: {skipped}");
        assert!(!skipped.spans.is_empty() || skipped.truncated.is_some(), "{name}: {skipped:?}");
        for (ours, theirs) in
            given.iter().zip(&whole).take_while(|(_, frame)| frame.pts.seconds() < begin_of_damage - 0.5)
        {
            assert!(ours.pts == theirs.pts && ours.image == theirs.image, "{name}: frame {}", ours.index);
        }
        let fail = FrameOptions { on_damage: OnDamage::Fail, ..options(Rate::All) };
        let error = Frames::open(&path, &fail).unwrap().find_map(Result::err).expect(name);
        assert!(matches!(error, MediaError::Damaged { .. }), "{name}: {error}");
    }
}

#[test]
fn bytes_that_are_missing_from_the_first_seconds_of_flv_are_told_where_they_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, _) = frames("h264.flv", Rate::All);
    let path = folder.path().join("hole.flv");
    for percent in [5, 20, 40] {
        let mut bytes = fs::read(clip("h264.flv")).unwrap();
        let at = bytes.len() * percent / 100;
        bytes.drain(at..at + 700);
        fs::write(&path, bytes).unwrap();
        for rate in [Rate::All, Rate::Fps(0.2)] {
            let mut damaged = Frames::open(&path, &options(rate)).unwrap();
            let given: Vec<Frame> = damaged.by_ref().map(|frame| frame.unwrap()).collect();
            let span = damaged.skipped().spans[0];
            let seconds = percent as f64 / 100.0 * whole.len() as f64 / 25.0;
            assert!(span.first.seconds() < seconds + 0.5 && span.last.seconds() > seconds - 0.5, "{span} at {seconds}");
            assert!(given.iter().all(|frame| whole.iter().any(|whole| whole.pts == frame.pts)));
        }
        assert!(!scan(&path).unwrap().damage.is_empty());
    }
}

#[test]
fn a_head_of_vp8_or_vp9_that_cannot_be_right_is_told_though_no_wanted_frame_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mark) in [("vp8.webm", [0x9d, 0x01, 0x2a]), ("vp9.webm", [0x49, 0x83, 0x42])] {
        let mut bytes = fs::read(clip(name)).unwrap();
        let last = bytes.windows(3).rposition(|window| window == mark).unwrap();
        bytes[last] ^= 0x40;
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut damaged = Frames::open(&path, &options(Rate::At([0.0].into()))).unwrap();
        assert_eq!(damaged.by_ref().filter(Result::is_ok).count(), 1);
        assert!(damaged.skipped().marked == 1 && damaged.skipped().first.is_some(), "{name}: {:?}", damaged.skipped());
        let damage = scan(&path).unwrap().damage;
        assert!(matches!(damage[..], [Damage::Packets { count: 1, first: Some(_), .. }]), "{name}: {damage:?}");
    }
}

#[test]
fn what_a_demuxer_passes_over_is_told_from_the_last_packet_in_front_of_it_to_the_first_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, _) = frames("h264.mkv", Rate::All);
    let mut bytes = fs::read(clip("h264.mkv")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..][..3000].fill(0x55);
    let path = folder.path().join("damaged.mkv");
    fs::write(&path, bytes).unwrap();
    for rate in [Rate::All, Rate::Fps(0.2)] {
        let mut damaged = Frames::open(&path, &options(rate.clone())).unwrap();
        let given: Vec<Frame> = damaged.by_ref().map(|frame| frame.unwrap()).collect();
        let span = damaged.skipped().spans[0];
        let is_given = |frame: &&Frame| given.iter().any(|given| given.pts == frame.pts);
        let (first, last) = (span.first.seconds() - 0.1, span.last.seconds());
        assert!((3.9..4.1).contains(&last) && (2.5..3.1).contains(&first), "{}", damaged.skipped());
        if rate == Rate::All {
            let lost: Vec<f64> =
                whole.iter().filter(|frame| !is_given(frame)).map(|frame| frame.pts.seconds()).collect();
            assert!(lost.len() > 20 && lost.iter().all(|time| (first..last).contains(time)), "{lost:?}");
        }
    }
}

#[test]
fn files_without_frames_are_errors_that_say_what_to_do() {
    let one = options(Rate::Fps(1.0));
    assert_eq!(
        [
            error("empty.mp4", &one),
            error("text.mp4", &one),
            error("playlist.mp4", &one),
            error("live_playlist.mp4", &one),
            error("tone.flac", &one),
            error("cover.mp3", &one),
            error("cut_index_last.mp4", &one),
        ],
        [
            "`empty.mp4` is empty (0 bytes); copy it again",
            "`text.mp4` is not media that can be read (Invalid data found when processing input); check what the file holds",
            "`playlist.mp4` is not media that can be read (it looks like hls); check what the file holds",
            "`live_playlist.mp4` is not media that can be read (it looks like hls); check what the file holds",
            "no video stream in `tone.flac` (it holds audio: flac); choose a video file",
            "no video stream in `cover.mp3` (it holds audio: mp3, a cover picture: png); choose a video file",
            "`cut_index_last.mp4` is truncated or not finished: its index (moov) is missing (Invalid data found when \
             processing input); copy or record it again",
        ]
    );
}

#[test]
fn rates_and_sizes_that_make_no_sense_are_refused() {
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        let refused = Frames::open(&clip("h264.mp4"), &options(Rate::Fps(fps)));
        assert!(matches!(refused, Err(MediaError::BadRate { .. })), "{fps}");
    }
    for (width, height) in [(0, 10), (10, 0), (u32::MAX, u32::MAX)] {
        let options = FrameOptions { size: Size::Fit { width, height }, ..FrameOptions::default() };
        assert!(matches!(Frames::open(&clip("h264.mp4"), &options), Err(MediaError::BadSize { .. })));
    }
}

#[test]
fn limits_are_kept() {
    let limits = |limits| FrameOptions { limits, ..FrameOptions::default() };
    let small = limits(Limits { max_pixels: 1000, ..Limits::default() });
    assert_eq!(
        error("h264.mp4", &small),
        "`h264.mp4` has a picture of 320x240 pixels, over the limit of 1000; make it smaller or raise the limit"
    );
    let few = limits(Limits { max_streams: 1, ..Limits::default() });
    assert!(Frames::open(&clip("sound.mp4"), &few).is_err());
}

#[test]
fn a_size_that_grows_over_the_limit_on_the_way_costs_those_frames() {
    let limits = Limits { max_pixels: 160 * 120, ..Limits::default() };
    let options = FrameOptions { limits, ..options(Rate::All) };
    let mut frames = Frames::open(&clip("resized.ts"), &options).unwrap();
    assert!(frames.by_ref().all(|frame| frame.unwrap().image.width == 160));
    assert!(frames.skipped().packets > 0);
}

#[test]
fn a_queue_smaller_than_a_frame_still_gives_every_frame() {
    let limits = Limits { queue_bytes: 0, ..Limits::default() };
    let options = FrameOptions { limits, ..options(Rate::All) };
    assert_eq!(Frames::open(&clip("h264.mp4"), &options).unwrap().count(), 150);
}

#[test]
fn a_webp_that_libav_would_end_the_process_over_is_told_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    for (name, behind) in [("size", &[0xff; 16][..]), ("header", b"VP8X\x0a\0\0\0\0\0\0\0\x07\0\0\x07\0\0")] {
        let path = folder.path().join(name).with_extension("webp");
        fs::write(&path, [fs::read(clip("still.webp")).unwrap().as_slice(), behind].concat()).unwrap();
        let error = match Frames::open(&path, &options(Rate::All)) {
            Ok(mut frames) => frames.find_map(Result::err).expect("an error"),
            Err(error) => error,
        };
        assert!(error.to_string().contains(&format!("{name}.webp")), "{error}");
        assert!(tagger_media::read_still(&path, &Limits::default()).is_ok(), "its picture is whole");
    }
}
