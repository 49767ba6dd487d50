//! The clips, made by `fixtures/make-clips.sh` when the first test asks.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("target/test-media");
    let made = Command::new(root.join("fixtures/make-clips.sh")).arg(&folder).output().expect("bash and ffmpeg");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
});

/// The path of a clip.
pub fn clip(name: &str) -> PathBuf {
    let path = FOLDER.join(name);
    assert!(path.exists(), "no {name}: ffmpeg could not make it");
    path
}
