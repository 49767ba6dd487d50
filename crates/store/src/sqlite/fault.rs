//! What goes wrong inside, and what callers are told of it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::StoreError;

/// An error on its way out: ours, or the database's, which does not know the file.
#[derive(Debug)]
pub(super) enum Fault {
    Ours(StoreError),
    Sql(rusqlite::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Ours(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// Names the file, and what was tried: open, read, write.
    pub fn told(self, doing: &'static str, path: &Path) -> StoreError {
        let error = match self {
            Self::Ours(error) => return error,
            Self::Sql(error) => error,
        };
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { path, source: error.into() },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Broken { path, source: error.into() }
            }
            _ => StoreError::Failed { doing, path, source: error.into() },
        }
    }

    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        StoreError::NotFound { what, id: id.to_string() }.into()
    }

    pub fn conflict(what: &'static str, id: impl ToString, why: impl Into<String>) -> Self {
        StoreError::Conflict { what, id: id.to_string(), why: why.into() }.into()
    }

    pub fn invalid(what: impl Into<String>) -> Self {
        StoreError::Invalid { what: what.into() }.into()
    }
}
