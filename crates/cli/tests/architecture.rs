//! Keeps the dependencies pointing one way, as ARCHITECTURE.md draws them.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate, and what must not be anywhere below it.
const MUST_NOT_REACH: [(&str, &[&str]); 11] = [
    ("tagger-wire", &["tokio", "pyo3", "ffmpeg-sys-the-third", "tagger-media", "common-ml", "tagger-runtime"]),
    ("tagger-params", &["tokio", "pyo3", "tagger-wire", "tagger-media", "common-ml", "tagger-runtime"]),
    ("tagger-media", &["tokio", "pyo3", "tagger-wire", "common-ml", "tagger-runtime"]),
    ("common-ml", &["tokio", "pyo3", "tagger-runtime"]),
    ("tagger-models", &["tokio", "pyo3", "tagger-runtime"]),
    ("common-ml-python", &["tokio", "tagger-runtime"]),
    ("tagger-store", &["pyo3", "tagger-params", "tagger-media", "common-ml", "tagger-runtime"]),
    ("tagger-engine", &["pyo3", "tagger-wire", "tagger-media", "tagger-store", "tagger-runtime"]),
    ("tagger-runtime", &["pyo3", "common-ml", "tagger-models", "axum", "tagger-server"]),
    ("tagger-image", &["pyo3", "common-ml", "tagger-models", "axum", "tagger-server"]),
    ("tagger-server", &["pyo3", "common-ml", "tagger-models"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn no_crate_reaches_what_lies_above_it() {
    for (name, forbidden) in MUST_NOT_REACH {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none", "-p", name])
            .current_dir(root())
            .output()
            .unwrap();
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.starts_with(name), "cargo tree -p {name}: {}", String::from_utf8_lossy(&output.stderr));
        for line in tree.lines() {
            let dependency = line.split(' ').next().unwrap_or_default();
            assert!(!forbidden.contains(&dependency), "{name} must not depend on {dependency}:\n{tree}");
        }
    }
}

#[test]
fn only_the_runtime_starts_processes() {
    let mut starters = Vec::new();
    for package in fs::read_dir(root().join("crates")).unwrap() {
        let source = package.unwrap().path().join("src");
        for file in rust_files(&source) {
            let text = fs::read_to_string(&file).unwrap();
            // What tests need is theirs.
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            if program.contains("Command::new(") {
                starters.push(file.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(starters, ["crates/runtime/src/process.rs"]);
}

#[test]
fn only_the_media_crate_talks_to_libav() {
    for package in fs::read_dir(root().join("crates")).unwrap() {
        let manifest = fs::read_to_string(package.as_ref().unwrap().path().join("Cargo.toml")).unwrap();
        let is_media = package.unwrap().file_name() == "media";
        assert_eq!(manifest.contains("ffmpeg-sys-the-third"), is_media, "{manifest}");
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
