//! What the user named, as media: files as they are, folders searched, everything looked into before it is taken.

use std::path::{Path, PathBuf};

use tagger_media::{MediaError, MediaInfo, MediaKind, check_extension, probe};
use tagger_wire::{FileKind, ModelKind};
use walkdir::WalkDir;

/// One piece of media to tag.
#[derive(Debug, Clone)]
pub struct Input {
    /// The content's id: the path as the user gave it, or as it was found in a folder.
    pub content: String,
    /// Where it is, absolute.
    pub path: PathBuf,
    /// What it contains.
    pub media: MediaInfo,
}

/// Why something cannot be tagged.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file is not usable media; the text names it.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Nothing in there.
    #[error("`{}` holds no media: no file in it can be read as audio, video or a still", folder.display())]
    EmptyFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be searched.
    #[error("cannot search `{}`", folder.display())]
    Unsearchable {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: walkdir::Error,
    },
}

/// Looks into everything the user named: the inputs in the order given, a folder's sorted by path, and what is wrong
/// with the rest. A file that comes up twice is taken once.
pub fn find_inputs(named: &[PathBuf]) -> (Vec<Input>, Vec<InputError>) {
    let (mut inputs, mut errors) = (Vec::<Input>::new(), Vec::new());
    for path in named {
        if path.is_dir() {
            search(path, &mut inputs, &mut errors);
        } else {
            match look_into(path) {
                Ok(input) => take(input, &mut inputs),
                Err(error) => errors.push(error),
            }
        }
    }
    (inputs, errors)
}

fn search(folder: &Path, inputs: &mut Vec<Input>, errors: &mut Vec<InputError>) {
    let mut found = false;
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(source) => {
                errors.push(InputError::Unsearchable { folder: folder.to_owned(), source });
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        match look_into(entry.path()) {
            Ok(input) => {
                found = true;
                take(input, inputs);
            }
            // A text file in a folder of media is no fault; a broken clip is.
            Err(error) if FileKind::of(entry.path()) != FileKind::Unknown => {
                found = true;
                errors.push(error);
            }
            Err(_) => {}
        }
    }
    if !found {
        errors.push(InputError::EmptyFolder { folder: folder.to_owned() });
    }
}

fn look_into(path: &Path) -> Result<Input, InputError> {
    let media = probe(path)?;
    check_extension(path)?;
    let path_seen = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(Input { content: path.to_string_lossy().into_owned(), path: path_seen, media })
}

fn take(input: Input, inputs: &mut Vec<Input>) {
    if !inputs.iter().any(|known| known.path == input.path) {
        inputs.push(input);
    }
}

impl Input {
    /// Whether a model of this kind can do anything with it. A model that says no kind is given everything.
    pub fn suits(&self, kind: Option<ModelKind>) -> bool {
        match (kind, self.media.kind) {
            (None, _) => true,
            (Some(ModelKind::Frame), kind) => kind != MediaKind::Audio,
            (Some(ModelKind::Video), kind) => kind == MediaKind::Video,
            (Some(ModelKind::Audio), _) => self.media.audio().is_some(),
            (Some(ModelKind::Processor), _) => false,
        }
    }
}
