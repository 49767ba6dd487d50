//! Where the parts of a job come from: a source file or folder is listed, cut where it is long, and its part files are
//! kept as long as a job needs them.

mod list;
mod shelf;

use std::io;
use std::path::PathBuf;

use tagger_media::MediaError;

use crate::InputError;

pub(crate) use list::fingerprint;
pub(crate) use list::{Listed, look_into, silence, stream_for, takes};
pub(crate) use shelf::{Held, Shelf, Wanted, check};

/// Why the media of a job cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there any more.
    #[error("`{}` is gone: put it back, or submit it from where it is now", path.display())]
    Vanished {
        /// The file or folder.
        path: PathBuf,
    },
    /// It is not what was submitted.
    #[error("`{}` has changed since it was submitted: submit it again", path.display())]
    Changed {
        /// The file or folder.
        path: PathBuf,
    },
    /// Not media, or not readable as such.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The same of something in a folder.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A folder is one content of stills, and this one has none.
    #[error("`{}` holds no stills: a folder is tagged as one content of stills; submit its other files one by one", folder.display())]
    NoStills {
        /// The folder.
        folder: PathBuf,
    },
    /// The model can do nothing with it.
    #[error("`{}` does not suit the model: it takes {takes}", path.display())]
    Unsuited {
        /// The file or folder.
        path: PathBuf,
        /// What the model takes.
        takes: &'static str,
    },
    /// It alone is larger than all parts together may be.
    #[error("the parts of `{}` take up to {needed_bytes} bytes, and all parts together may take {budget_bytes}: raise the disk budget", path.display())]
    BeyondBudget {
        /// The file.
        path: PathBuf,
        /// What its parts may take.
        needed_bytes: u64,
        /// What all parts may take.
        budget_bytes: u64,
    },
    /// There is no room for its parts, or no right to write them.
    #[error("cannot write into `{}`: make room there, and check its permissions", folder.display())]
    Unwritable {
        /// The folder of the parts.
        folder: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system refuses.
    #[error("cannot use `{}`", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody wants it any more.
    #[error("called off")]
    CalledOff,
}
