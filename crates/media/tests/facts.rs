//! What probe and scan say of real files.

#![allow(clippy::unwrap_used)] // in the helpers too, a panic is how a test fails

mod common;

use common::clip;
use tagger_media::{
    Damage, MediaKind, Pixels, Rational, Timestamp, VideoInfo, Wholeness, check_extension, probe, read_still, scan,
};

fn video(name: &str) -> VideoInfo {
    probe(&clip(name)).unwrap().video().expect("a video stream").1.clone()
}

fn text(error: impl ToString, name: &str) -> String {
    error.to_string().replace(&format!("{}/", clip(name).parent().unwrap().display()), "")
}

#[test]
fn the_kind_is_that_of_the_content() {
    for (name, kind) in [
        ("h264.mp4", MediaKind::Video),
        ("sound.mp4", MediaKind::Video),
        ("mpeg2_interlaced.mpg", MediaKind::Video),
        ("tone.m4a", MediaKind::Audio),
        ("cover.mp3", MediaKind::Audio),
        ("still.webp", MediaKind::Still),
        ("still.gif", MediaKind::Still),
        ("png_named.mp4", MediaKind::Still),
        ("mp4_named.png", MediaKind::Video),
    ] {
        assert_eq!(probe(&clip(name)).unwrap().kind, kind, "{name}");
    }
}

#[test]
fn a_clip_is_described() {
    let info = probe(&clip("sound.mp4")).unwrap();
    let (stream, video) = info.video().unwrap();
    assert_eq!((info.format.as_str(), stream.codec.as_str()), ("mov,mp4,m4a,3gp,3g2,mj2", "h264"));
    assert_eq!((video.width, video.height, video.pixel_format.as_str()), (320, 240, "yuv420p"));
    assert_eq!(video.average_fps, Rational::new(25, 1));
    let (stream, audio) = info.audio().unwrap();
    assert_eq!((stream.codec.as_str(), audio.sample_rate, audio.channels), ("aac", 44_100, 1));
    assert_eq!(audio.channel_layout, "mono");
    assert_eq!(info.duration.unwrap().to_millis(), 4000);
}

#[test]
fn rates_are_rational() {
    assert_eq!(video("ntsc.mp4").average_fps.unwrap().to_string(), "24000/1001");
}

#[test]
fn the_start_of_the_timeline_is_exact() {
    let start = |name| probe(&clip(name)).unwrap().start;
    assert_eq!(start("h264.ts"), Timestamp { ticks: 133_200, base: Rational::new(1, 90_000).unwrap() });
    assert_eq!(start("h264.mp4").ticks, 0);
    assert_eq!(start("sound_first.mkv").ticks, 0); // not where the sound's decoder is primed
}

#[test]
fn rotation_is_told_in_the_direction_that_stands_the_picture_upright() {
    for (name, size) in [("rotated_90.mp4", (240, 320)), ("rotated_180.mp4", (320, 240)), ("h264.mp4", (320, 240))] {
        let video = video(name);
        assert_eq!((video.display_width, video.display_height), size, "{name}");
        assert_eq!((video.width, video.height, video.mirrored), (320, 240, false));
    }
    assert_eq!(video("rotated_180.mp4").rotation_degrees, 180);
    assert_eq!(video("rotated_90.mp4").rotation_degrees + video("rotated_270.mp4").rotation_degrees, 360);
}

#[test]
fn facts_can_be_written_as_json() {
    let json = serde_json::to_value(probe(&clip("ntsc.mp4")).unwrap()).unwrap();
    assert_eq!(json["kind"], "video");
    assert_eq!(json["streams"][0]["kind"], "video");
    assert_eq!(json["streams"][0]["average_fps"], "24000/1001");
    assert_eq!(json["start"]["base"], "1/24000");
}

#[test]
fn a_scan_counts_what_is_really_there() {
    let scan = scan(&clip("sound.mp4")).unwrap();
    let video = scan.video.unwrap();
    assert_eq!((video.frame_count, video.variable_frame_rate, video.key_frames), (100, false, 2));
    assert_eq!((video.longest_gop, video.true_fps), (50, Rational::new(25, 1)));
    assert_eq!(video.min_interval, video.max_interval);
    assert_eq!(scan.audio.unwrap().duration.unwrap().to_millis(), 4000 + 23); // with what primes the decoder
    assert_eq!((scan.damage, scan.wholeness), (vec![], Wholeness::Whole));
}

#[test]
fn a_scan_counts_frames_that_show() {
    for (name, frames) in [("vp8.webm", 100), ("vp9.webm", 100), ("av1.mp4", 50), ("raw.h264", 150), ("ntsc.mkv", 240)]
    {
        assert_eq!(scan(&clip(name)).unwrap().video.unwrap().frame_count, frames, "{name}");
    }
    for name in ["paff.mkv", "paff.ts", "paff.mp4"] {
        let video = scan(&clip(name)).unwrap().video.unwrap();
        assert_eq!((video.frame_count, video.missing_timestamps), (40, 0), "{name}: two fields are one frame");
    }
}

#[test]
fn rates_are_told_as_they_are_whatever_timestamps_hide() {
    let told = |name| scan(&clip(name)).unwrap().video.unwrap();
    for name in ["ntsc.mp4", "ntsc.mkv"] {
        assert_eq!(told(name).true_fps, Rational::new(24_000, 1001), "{name}");
    }
    for name in ["wrong_rate.ts", "wrong_rate.mkv"] {
        let scanned = told(name);
        assert_eq!((scanned.true_fps, scanned.variable_frame_rate), (Rational::new(25, 1), false), "{name}");
        assert_ne!(video(name).average_fps, Rational::new(25, 1), "{name}: the headers lie");
    }
    let without_times = told("cut.avi");
    assert!(without_times.missing_timestamps > 0);
    assert_eq!((without_times.true_fps, without_times.variable_frame_rate), (Rational::new(25, 1), false));
}

#[test]
fn a_variable_rate_is_told_from_a_constant_one() {
    let is_variable = |name| scan(&clip(name)).unwrap().video.unwrap().variable_frame_rate;
    assert!(is_variable("vfr.mp4"));
    for name in ["h264.mp4", "ntsc.mkv", "h264.flv", "mpeg2.ts", "slow.mp4", "one_frame.mp4"] {
        assert!(!is_variable(name), "{name}");
    }
}

#[test]
fn a_scan_notices_damage() {
    for name in ["cut_index_first.mp4", "cut.mkv", "cut.avi"] {
        let damage = scan(&clip(name)).unwrap().damage;
        assert!(matches!(damage.last(), Some(Damage::Cut { missing_bytes: 1.. })), "{name}: {damage:?}");
    }
    let damage = scan(&clip("cut.ts")).unwrap().damage;
    assert_eq!(damage, [Damage::Cut { missing_bytes: 113 }], "it ends within a packet");
    let damage = scan(&clip("damaged.ts")).unwrap().damage;
    assert!(matches!(damage[..], [Damage::Lost { stream: 0, first: Some(_), .. }]), "{damage:?}");
    let damage = scan(&clip("holes.ts")).unwrap().damage;
    assert!(matches!(damage[..], [Damage::Packets { stream: 0, count: 1.., first: Some(_), .. }, ..]), "{damage:?}");
}

#[test]
fn every_still_format_is_read() {
    for name in ["still.png", "still.jpg", "still.gif", "still.bmp", "still.tiff", "still.webp", "png_named.jpg"] {
        let image = read_still(&clip(name), &Default::default()).unwrap();
        assert_eq!(
            (image.width, image.height, image.pixels, image.data.len()),
            (60, 42, Pixels::Rgb24, 60 * 42 * 3),
            "{name}"
        );
        let info = probe(&clip(name)).unwrap();
        let (_, still) = info.video().unwrap();
        assert_eq!((info.kind, still.width, still.height), (MediaKind::Still, 60, 42), "{name}");
    }
}

#[test]
fn an_extension_that_lies_is_an_error_with_the_right_name() {
    let told = |name| check_extension(&clip(name)).map_err(|error| text(error, name)).unwrap_err();
    assert_eq!(told("png_named.jpg"), "`png_named.jpg` is named .jpg but holds PNG data; rename it to .png");
    assert_eq!(told("png_named.mp4"), "`png_named.mp4` is named .mp4 but holds PNG data; rename it to .png");
    assert_eq!(told("mp4_named.png"), "`mp4_named.png` is named .png but holds MP4 data; rename it to .mp4");
    for name in ["still.jpg", "still.webp", "h264.mp4", "text.png", "tone.wav"] {
        check_extension(&clip(name)).unwrap();
    }
}

#[test]
fn stills_that_cannot_be_read_are_errors_that_say_why() {
    let told = |name| text(read_still(&clip(name), &Default::default()).unwrap_err(), name);
    let start = |name, text: &str| assert!(told(name).starts_with(text), "{}", told(name));
    start("text.png", "`text.png` is not media that can be read (it is none of jpg, png, gif, bmp, tiff and webp)");
    start("empty_picture.png", "`empty_picture.png` is not media that can be read (");
    start("enormous.bmp", "`enormous.bmp` has a picture of 65535x65535 pixels, over the limit of 268435456");
    start("cut.png", "`cut.png` is truncated or not finished: its end is missing");
    start("cut.jpg", "`cut.jpg` is truncated or not finished: its end is missing");
}
