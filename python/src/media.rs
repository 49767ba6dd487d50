//! Single questions about a file: what it promises, what it contains, the picture it holds, itself in another container.

use std::path::PathBuf;

use numpy::PyArray3;
use pyo3::prelude::*;
use tagger_media::Limits;

use crate::errors;
use crate::frames::into_array;

/// "image", "video", "audio" or "unknown", by the extension alone.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn file_kind(path: PathBuf) -> &'static str {
    common_ml::FileKind::of(&path).name()
}

/// Reads a still: upright RGB, shape (height, width, 3).
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn read_still(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyArray3<u8>>> {
    let image = errors::read(py, &path, |path| tagger_media::read_still(path, &Limits::default()))?;
    into_array(py, image)
}

/// What a media file says about itself.
#[pyclass(frozen, get_all, module = "common_ml._native")]
pub struct MediaFacts {
    /// Seconds from the container's start to its end; `None` if it does not say.
    duration: Option<f64>,
    /// Whether there is a video stream.
    has_video: bool,
    /// Frames a second of the first video stream on average; `None` without one, or if it does not say.
    average_fps: Option<f64>,
}

/// Reads what a media file says about itself, without decoding.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn probe(py: Python<'_>, path: PathBuf) -> PyResult<MediaFacts> {
    let info = errors::read(py, &path, tagger_media::probe)?;
    let video = info.video();
    Ok(MediaFacts {
        duration: info.duration.map(|duration| duration.seconds()),
        has_video: video.is_some(),
        average_fps: video.and_then(|(_, video)| video.average_fps).map(|fps| fps.to_f64()),
    })
}

/// Copies pictures and sound into a plain MP4; answers what of it could not be read, in words, `None` if nothing.
#[pyfunction]
#[pyo3(signature = (source, target, /))]
pub fn copy_into_mp4(py: Python<'_>, source: PathBuf, target: PathBuf) -> PyResult<Option<String>> {
    let skipped = errors::read(py, &source, |source| tagger_media::remux(source, &target, &Limits::default()))?;
    Ok((!skipped.is_nothing()).then(|| skipped.to_string()))
}
