//! Tells the crate what differs between the versions of the system's FFmpeg.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    for (cfg, since) in [
        ("libav_frame_duration", "FFMPEG_6_0"),
        ("libav_frame_flags", "FFMPEG_6_1"),
        ("libav_coded_side_data", "FFMPEG_6_1"),
        ("libav_adds_priming", "FFMPEG_6_1"),
        ("libav_const_write", "FFMPEG_7_0"),
        ("libav_weighs_chroma_rows", "FFMPEG_8_0"),
    ] {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        // The binding passes what it found on to the crates that link it.
        if env::var_os(format!("DEP_FFMPEG_{since}")).is_some() {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}
