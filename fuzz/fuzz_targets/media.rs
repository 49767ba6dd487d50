//! Any file is media with facts, frames, sound and parts, or an error; nothing panics, hangs or takes memory without
//! bound.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/media/tests/common/doors.rs"]
mod doors;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("file");
    std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("room for it");
    doors::try_all(&path, folder.path());
});
