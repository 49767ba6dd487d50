//! The one map from errors of the core to Python exceptions.

use std::error::Error;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pyo3::exceptions::{
    PyFileNotFoundError, PyIsADirectoryError, PyOSError, PyPermissionError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use tagger_media::MediaError;

/// Reads `path` with the interpreter lock released.
///
/// A panic that a hostile file brings about becomes an ordinary exception: PyO3's own for panics is none that a program
/// catches with `except Exception`, so the run loop would not report it.
pub fn read<T: Send>(
    py: Python<'_>,
    path: &Path,
    read: impl FnOnce(&Path) -> Result<T, MediaError> + Send,
) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(|| read(path))))
        .unwrap_or_else(|_| Err(MediaError::Fault { path: path.into() }))
        .map_err(to_py)
}

/// The exception a Python programmer expects, with the whole story in its text.
pub fn to_py(error: MediaError) -> PyErr {
    let text = with_causes(&error);
    match error {
        MediaError::NotFound { .. } => PyFileNotFoundError::new_err(text),
        MediaError::IsFolder { .. } => PyIsADirectoryError::new_err(text),
        MediaError::Unreadable { source, .. } | MediaError::Unwritable { source, .. } => match source.kind() {
            ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
            _ => PyOSError::new_err(text),
        },
        // Nothing about the file or the call would mend these.
        MediaError::Fault { .. } | MediaError::DecoderMissing { .. } => PyRuntimeError::new_err(text),
        _ => PyValueError::new_err(text),
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
