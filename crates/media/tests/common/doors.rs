//! Every way into the crate, for a file that may be anything.

use std::path::Path;

use tagger_media::{
    Audio, AudioOptions, CutOptions, FrameOptions, Frames, Limits, MediaError, OnDamage, Pixels, Rate, Rational, Size,
    Timestamp, check_extension, cut, cut_range, cut_sound, plan_report, probe_sound, probe_within, read_still, remux,
    scan, stitch,
};

/// More frames or blocks tell nothing new about damage and cost time.
const MAX_ITEMS: usize = 60;

/// Tries every door with `path`; what is written goes into `folder`. Gives what each door said.
///
/// # Panics
/// When a door breaks a promise: a picture of another size than it says, or a thread that panicked.
pub fn try_all(path: &Path, folder: &Path) -> Vec<(&'static str, Result<usize, MediaError>)> {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    let mut said = vec![
        ("probe", probe_within(path, &limits).map(|info| info.streams.len())),
        ("extension", check_extension(path).map(|()| 0)),
        ("still", read_still(path, &limits).map(|image| image.data.len())),
        ("scan", scan(path).map(|scan| scan.damage.len())),
        ("plan", plan_report(path, &Rate::Fps(0.31)).map(|report| report.frames_wanted.unwrap_or(0) as usize)),
    ];
    let plain = || FrameOptions { limits: limits.clone(), ..FrameOptions::default() };
    for (door, options) in [
        ("frames", FrameOptions { rate: Rate::Fps(3.7), ..plain() }),
        ("key frames", FrameOptions { rate: Rate::KeyFrames, pixels: Pixels::Gray8, ..plain() }),
        ("planes", FrameOptions { rate: Rate::All, pixels: Pixels::Yuv420p, ..plain() }),
        ("small", FrameOptions { size: Size::Within { width: 33, height: 33 }, decode_all: true, ..plain() }),
        ("strict", FrameOptions { rate: Rate::All, on_damage: OnDamage::Fail, ..plain() }),
    ] {
        said.push((door, frames(path, &options)));
    }
    said.push(("sound", sound(path, &AudioOptions { limits: limits.clone(), ..AudioOptions::default() })));
    let options = CutOptions { target: std::time::Duration::from_millis(500), limits: limits.clone() };
    let second = |ticks| Timestamp { ticks, base: Rational { num: 1, den: 1 } };
    said.push(("cut", cut(path, folder, &options).map(|parts| parts.len())));
    said.push(("cut range", cut_range(path, folder, second(1), second(2), &limits).map(|_| 1)));
    said.push(("cut sound", cut_sound(path, folder, &options).map(|parts| parts.len())));
    let joined = probe_sound(&[path.into()], &limits).and_then(|parts| stitch(&parts, second(0), second(1), &limits));
    said.push(("stitch", joined.map(|bytes| bytes.len())));
    said.push(("remux", remux(path, &folder.join("whole.mp4"), &limits).map(|_| 1)));
    for (door, result) in &said {
        assert!(!matches!(result, Err(MediaError::Fault { .. })), "{door} of {}: a thread panicked", path.display());
    }
    said
}

fn frames(path: &Path, options: &FrameOptions) -> Result<usize, MediaError> {
    let mut count = 0;
    for frame in Frames::open(path, options)?.take(MAX_ITEMS) {
        let image = frame?.image;
        let bytes: usize = image.planes().map(|plane| plane.data.len()).sum();
        assert!(bytes == image.data.len() && bytes > 0, "{image:?} of {}", path.display());
        count += 1;
    }
    Ok(count)
}

fn sound(path: &Path, options: &AudioOptions) -> Result<usize, MediaError> {
    Audio::open(path, options)?.take(MAX_ITEMS).try_fold(0, |sum, block| Ok(sum + block?.data.len()))
}
