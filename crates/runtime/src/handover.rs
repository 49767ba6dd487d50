//! The paths that a model program is given.
//!
//! A program tells files apart by base name and kinds by a listed extension. A file that fits is handed over as it is;
//! any other gets a link that does, in a folder of the run's own.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tagger_media::MediaKind;
use tagger_wire::FileKind;

use crate::Input;

/// The path to hand over for each input. Links are made in `folder`, which must exist, as needed.
pub(crate) fn hand_over(inputs: &[Input], folder: &Path) -> io::Result<Vec<String>> {
    let mut taken = HashSet::new();
    let mut paths = Vec::with_capacity(inputs.len());
    for (number, input) in inputs.iter().enumerate() {
        let path = match fitting(input).filter(|(_, name)| !taken.contains(*name)) {
            Some((path, _)) => path.to_owned(),
            None => link(input, number, folder)?,
        };
        taken.insert(base_name(&path).to_owned());
        paths.push(path);
    }
    Ok(paths)
}

/// The part of a path that messages are matched by.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The input's own path and base name, if a program can be given them: a line of UTF-8 that survives being stripped, with
/// an extension that says what is inside.
fn fitting(input: &Input) -> Option<(&str, &str)> {
    let path = input.path.to_str()?;
    let is_one_line = path.trim() == path && !path.contains(['\n', '\r']);
    let name = base_name(path);
    (is_one_line && FileKind::of(&input.path) == wanted(input)).then_some((path, name))
}

fn wanted(input: &Input) -> FileKind {
    match input.media.kind {
        MediaKind::Video => FileKind::Video,
        MediaKind::Audio => FileKind::Audio,
        MediaKind::Still => FileKind::Image,
    }
}

/// The listed extension closest to what the file contains.
fn listed_extension(input: &Input) -> &'static str {
    let format = input.media.format.as_str();
    let is = |names: &[&str]| names.iter().any(|name| format.split(',').any(|part| part == *name));
    match input.media.kind {
        MediaKind::Still if is(&["tiff", "tiff_pipe"]) => "tiff",
        MediaKind::Still if is(&["png", "png_pipe"]) => "png",
        MediaKind::Still if is(&["bmp", "bmp_pipe"]) => "bmp",
        MediaKind::Still if is(&["webp", "webp_pipe"]) => "webp",
        MediaKind::Still if is(&["gif"]) => "gif",
        MediaKind::Still => "jpg",
        MediaKind::Video if is(&["mp4"]) => "mp4",
        MediaKind::Video if is(&["mpegts", "mpeg", "mpegvideo", "mxf"]) => "mpeg",
        MediaKind::Video if is(&["avi"]) => "avi",
        MediaKind::Video if is(&["flv"]) => "flv",
        MediaKind::Video => "mkv",
        MediaKind::Audio if is(&["mp4"]) => "m4a",
        MediaKind::Audio if is(&["mp3"]) => "mp3",
        MediaKind::Audio if is(&["flac"]) => "flac",
        MediaKind::Audio if is(&["aac"]) => "aac",
        MediaKind::Audio if is(&["ogg", "matroska"]) => "ogg",
        MediaKind::Audio => "wav",
    }
}

fn link(input: &Input, number: usize, folder: &Path) -> io::Result<String> {
    let stem = input.path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    // Numbered, so that equal base names stay apart; readable, since models print it.
    let readable: String = stem.trim().chars().map(|c| if c.is_control() || c == '/' { '_' } else { c }).collect();
    let short: String = readable.chars().take(60).collect();
    let path: PathBuf = folder.join(format!("{number:04}-{short}.{}", listed_extension(input)));
    symlink(&input.path, &path)?;
    path.into_os_string()
        .into_string()
        .map_err(|path| io::Error::other(format!("temporary folder {} is not UTF-8", path.display())))
}
