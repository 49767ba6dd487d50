//! What the user named, as media: files as they are, folders searched, everything looked into before it is taken.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tagger_media::{MediaError, MediaInfo, MediaKind, check_extension, probe};
use tagger_wire::{FileKind, ModelKind};
use walkdir::WalkDir;

use crate::Window;

/// One piece of media to tag.
#[derive(Debug, Clone)]
pub struct Input {
    /// The content's id: the path as the user gave it, or as it was found in a folder. Bytes that are no UTF-8 are
    /// written `\xNN`, so that different files stay different.
    pub content: String,
    /// Where it is, absolute.
    pub path: PathBuf,
    /// What it contains.
    pub media: MediaInfo,
    /// The stretch of it whose tags are wanted. Default: all.
    pub window: Window,
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
/// with the rest. A path that comes up twice is taken once, and so is a file that a folder holds under several names.
pub fn find_inputs(named: &[PathBuf]) -> (Vec<Input>, Vec<InputError>) {
    let mut found = Found::default();
    for path in named {
        if path.is_dir() {
            found.search(path);
        } else {
            match look_into(path) {
                Ok(input) => found.take(input),
                Err(error) => found.errors.push(error),
            }
        }
    }
    (found.inputs, found.errors)
}

#[derive(Default)]
struct Found {
    inputs: Vec<Input>,
    errors: Vec<InputError>,
    known: HashSet<PathBuf>,
    /// Files that the search of a folder has met, wherever links led it.
    met: HashSet<PathBuf>,
}

impl Found {
    fn search(&mut self, folder: &Path) {
        let mut is_empty = true;
        let visible =
            |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
            let path = match entry {
                Ok(entry) if entry.file_type().is_file() => entry.into_path(),
                Ok(_) => continue,
                // A link to a folder above: all that is in there is found anyway.
                Err(error) if error.loop_ancestor().is_some() => continue,
                // A link to nothing, which is told below if it is named like media.
                Err(error) if error.path().is_some_and(Path::is_symlink) => {
                    error.path().map(Path::to_owned).unwrap_or_default()
                }
                Err(source) => {
                    self.errors.push(InputError::Unsearchable { folder: folder.to_owned(), source });
                    is_empty = false;
                    continue;
                }
            };
            if !self.met.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                is_empty = false;
                continue;
            }
            match look_into(&path) {
                Ok(input) => self.take(input),
                // A text file in a folder of media is no fault; a broken clip is.
                Err(error) if FileKind::of(&path) != FileKind::Unknown => self.errors.push(error),
                Err(_) => continue,
            }
            is_empty = false;
        }
        if is_empty {
            self.errors.push(InputError::EmptyFolder { folder: folder.to_owned() });
        }
    }

    fn take(&mut self, input: Input) {
        if self.known.insert(input.path.clone()) {
            self.inputs.push(input);
        }
    }
}

fn look_into(path: &Path) -> Result<Input, InputError> {
    let media = probe(path)?;
    check_extension(path)?;
    let path_seen = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(Input { content: readable(path), path: path_seen, media, window: Window::default() })
}

fn readable(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text += chunk.valid();
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
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
