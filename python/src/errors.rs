//! The one map from errors of the core to Python exceptions.

use std::error::Error;
use std::io::ErrorKind;

use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileNotFoundError, PyIsADirectoryError, PyOSError, PyPermissionError, PyRuntimeError, PyValueError,
};
use tagger_media::MediaError;

/// The exception a Python programmer expects, with the whole story in its text.
pub fn to_py(error: MediaError) -> PyErr {
    let text = with_causes(&error);
    match error {
        MediaError::NotFound { .. } => PyFileNotFoundError::new_err(text),
        MediaError::IsFolder { .. } => PyIsADirectoryError::new_err(text),
        MediaError::Unreadable { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            PyPermissionError::new_err(text)
        }
        MediaError::Unreadable { .. } => PyOSError::new_err(text),
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
