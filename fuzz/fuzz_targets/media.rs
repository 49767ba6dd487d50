//! Any file is media with facts and frames, or an error; nothing panics, hangs or takes memory without bound.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use tagger_media::{FrameOptions, Frames, Limits, Rate, probe_within, read_still, scan};

/// More frames tell nothing new about damage and cost time.
const MAX_FRAMES: usize = 20;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    let path = file.path();
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    let Ok(info) = probe_within(path, &limits) else { return };
    let _ = read_still(path, &limits);
    if info.video().is_none() {
        return;
    }
    let _ = scan(path);
    for rate in [Rate::Fps(3.7), Rate::KeyFrames] {
        let options = FrameOptions { rate, limits: limits.clone(), ..FrameOptions::default() };
        let Ok(frames) = Frames::open(path, &options) else { continue };
        for frame in frames.take(MAX_FRAMES).flatten() {
            let pixels = u64::from(frame.image.width) * u64::from(frame.image.height);
            assert_eq!(frame.image.data.len() as u64, pixels * 3);
        }
    }
});
