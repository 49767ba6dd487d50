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
pub(crate) fn hand_over<'a>(inputs: impl Iterator<Item = &'a Input>, folder: &Path) -> io::Result<Vec<String>> {
    let mut taken = HashSet::new();
    let mut paths = Vec::new();
    for (number, input) in inputs.enumerate() {
        let path = match fitting(input).filter(|(_, name)| !taken.contains(*name)) {
            Some((path, _)) => path.to_owned(),
            None => link(input, number, &taken, folder)?,
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
    let name = base_name(path);
    (path.trim() == path && !path.contains(breaks_lines) && FileKind::of(&input.path) == wanted(input))
        .then_some((path, name))
}

/// Whether some program may take this for the end of a line, or strip it.
fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
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
        MediaKind::Video if is(&["asf"]) => "wmv",
        MediaKind::Video => "mkv",
        MediaKind::Audio if is(&["mp4"]) => "m4a",
        MediaKind::Audio if is(&["mp3"]) => "mp3",
        MediaKind::Audio if is(&["flac"]) => "flac",
        MediaKind::Audio if is(&["aac"]) => "aac",
        MediaKind::Audio if is(&["ogg", "matroska"]) => "ogg",
        MediaKind::Audio if is(&["asf"]) => "wma",
        MediaKind::Audio => "wav",
    }
}

fn link(input: &Input, number: usize, taken: &HashSet<String>, folder: &Path) -> io::Result<String> {
    let stem = input.path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    // Numbered, so that equal base names stay apart; readable, since models print it.
    let readable: String = stem.trim().chars().take(60).map(|c| if breaks_lines(c) { '_' } else { c }).collect();
    let mut name = format!("{number:04}-{readable}.{}", listed_extension(input));
    while taken.contains(&name) {
        name.insert(0, '0');
    }
    let path: PathBuf = folder.join(name);
    symlink(&input.path, &path)?;
    path.into_os_string()
        .into_string()
        .map_err(|path| io::Error::other(format!("temporary folder {} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_media::{MediaInfo, Timestamp};

    fn input(path: &str, format: &str, kind: MediaKind) -> Input {
        let media = MediaInfo { format: format.into(), kind, start: Timestamp::ZERO, duration: None, streams: vec![] };
        Input { content: path.into(), path: path.into(), media, window: crate::Window::default() }
    }

    fn handed_over(inputs: &[Input]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let paths = hand_over(inputs.iter(), folder.path()).unwrap();
        let shown = |path: &String| path.replace(folder.path().to_str().unwrap(), "LINKS");
        paths.iter().map(shown).collect()
    }

    #[test]
    fn what_fits_is_handed_over_as_it_is_and_the_rest_by_a_link_that_says_what_it_holds() {
        let inputs = [
            input("/m/ a.MP4", "mov,mp4", MediaKind::Video),
            input("/m/a.m4v", "mov,mp4", MediaKind::Video),
            input("/m/a.ts", "mpegts", MediaKind::Video),
            input("/m/a.asf", "asf", MediaKind::Video),
            input("/m/sound.mp4", "mov,mp4", MediaKind::Audio),
            input("/m/no extension", "png", MediaKind::Still),
            input("/m/two\nlines.png", "png", MediaKind::Still),
        ];
        insta::assert_snapshot!(handed_over(&inputs).join("\n"), @"
        /m/ a.MP4
        LINKS/0001-a.mp4
        LINKS/0002-a.mpeg
        LINKS/0003-a.wmv
        LINKS/0004-sound.m4a
        LINKS/0005-no extension.png
        LINKS/0006-two_lines.png
        ");
    }

    #[test]
    fn equal_base_names_are_kept_apart_even_from_those_that_look_like_links() {
        let video = |path| input(path, "mov,mp4", MediaKind::Video);
        let inputs = [video("/a/x.mp4"), video("/a/0002-x.mp4"), video("/b/x.mp4"), video("/b/0002-x.mp4")];
        let paths = handed_over(&inputs);
        let names: HashSet<&str> = paths.iter().map(|path| base_name(path)).collect();
        assert_eq!(names.len(), inputs.len(), "{paths:?}");
    }
}
