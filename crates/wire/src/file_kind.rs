//! What a model may expect of a file, told from its extension alone.

use std::path::Path;

/// The extensions that the contract lists, by kind. A runtime hands media on under one of these.
pub const LISTED_EXTENSIONS: [(FileKind, &[&str]); 3] = [
    (FileKind::Image, &["jpg", "jpeg", "png", "gif", "bmp", "tiff", "webp"]),
    (FileKind::Video, &["mp4", "mkv", "avi", "mov", "wmv", "flv", "webm", "mpeg"]),
    (FileKind::Audio, &["mp3", "wav", "aac", "flac", "ogg", "wma", "m4a"]),
];

/// The kind of a media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A still picture.
    Image,
    /// Moving pictures, with or without sound.
    Video,
    /// Sound only.
    Audio,
    /// Not one of the listed extensions.
    Unknown,
}

impl FileKind {
    /// Tells the kind from the extension, any case. The file need not exist.
    pub fn of(path: &Path) -> Self {
        let Some(extension) = path.extension().and_then(|e| e.to_str()) else { return Self::Unknown };
        let extension = extension.to_ascii_lowercase();
        LISTED_EXTENSIONS
            .iter()
            .find(|(_, listed)| listed.contains(&extension.as_str()))
            .map_or(Self::Unknown, |(kind, _)| *kind)
    }

    /// The word used for it in Python and in messages: `image`, `video`, `audio` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_folders_do_not_count() {
        assert_eq!(FileKind::of(Path::new("a.mp4/CLIP.JPeG")), FileKind::Image);
        assert_eq!(FileKind::of(Path::new("a.mp4/clip")), FileKind::Unknown);
        assert_eq!(FileKind::of(Path::new("two.dots.webm")), FileKind::Video);
    }

    #[test]
    fn every_listed_extension_is_recognised_as_its_kind() {
        for (kind, extensions) in LISTED_EXTENSIONS {
            for extension in extensions {
                assert_eq!(FileKind::of(Path::new(&format!("x.{extension}"))), kind);
            }
        }
    }
}
