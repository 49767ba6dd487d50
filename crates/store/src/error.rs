//! What can go wrong.

use std::error::Error;
use std::path::PathBuf;

/// Why a store could not be opened, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("no {what} `{id}`")]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
        /// What it was called.
        id: String,
    },
    /// What is asked for contradicts what is kept.
    #[error("{what} `{id}` {why}")]
    Conflict {
        /// Which kind of thing.
        what: &'static str,
        /// What it is called.
        id: String,
        /// What is true of it that forbids it.
        why: String,
    },
    /// What is asked for makes no sense.
    #[error("{what}")]
    Invalid {
        /// What does not.
        what: String,
    },
    /// The cursor is none that this list gave out.
    #[error("cursor `{cursor}` is none of this list: begin without one")]
    BadCursor {
        /// The cursor.
        cursor: String,
    },
    /// The store was written by a later release.
    #[error("store `{}` has format {found}, this release knows up to {known}: use a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest known here.
        known: i64,
    },
    /// The file is a database, but not of this kind.
    #[error("`{}` is another program's database: choose another data folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or no database at all.
    #[error("store `{}` is damaged or no store at all: move it away, or put a copy back in its place", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Another runtime has it open.
    #[error("store `{}` is in use by another runtime: stop that one, or choose another data folder", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("no space left for store `{}`: make some, and try again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The system or the database refused.
    #[error("cannot {doing} store `{}`", path.display())]
    Failed {
        /// What was tried: open, read, write.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store has been closed, or its thread has died.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call may succeed later without anything else being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Failed { .. } | Self::InUse { .. } => true,
            Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::BadCursor { .. }
            | Self::Newer { .. }
            | Self::Foreign { .. }
            | Self::Broken { .. }
            | Self::Closed => false,
        }
    }
}
