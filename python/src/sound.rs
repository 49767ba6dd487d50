//! Sound in consecutive files, and ranges of it.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tagger_media::{Limits, Rational, SoundPart, Timestamp};

use crate::errors;

/// Files of sound of which each continues the one before it.
#[pyclass(frozen, module = "common_ml._native")]
pub struct Sound {
    parts: Vec<SoundPart>,
}

#[pymethods]
impl Sound {
    /// Reads how long the sound of each file is.
    #[new]
    #[pyo3(signature = (paths, /))]
    fn new(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Self> {
        let first = paths.first().cloned().unwrap_or_default();
        let parts = errors::read(py, &first, |_| tagger_media::probe_sound(&paths, &Limits::default()))?;
        Ok(Self { parts })
    }

    /// The duration of each file, and where it begins, in ms.
    fn lengths(&self) -> Vec<(f64, f64)> {
        let millis = |time: Timestamp| time.seconds() * 1000.0;
        self.parts.iter().map(|part| (millis(part.duration), millis(part.start_offset))).collect()
    }

    /// The packets that are heard from one time to another, in ms, as a fragmented MP4.
    #[pyo3(signature = (start_ms, end_ms, /))]
    fn stitch<'py>(&self, py: Python<'py>, start_ms: f64, end_ms: f64) -> PyResult<Bound<'py, PyBytes>> {
        let first = self.parts.first().map(|part| part.path.clone()).unwrap_or_default();
        let (start, end) = (from_millis(start_ms), from_millis(end_ms));
        let stitch = |_: &_| tagger_media::stitch(&self.parts, start, end, &Limits::default());
        Ok(PyBytes::new(py, &errors::read(py, &first, stitch)?))
    }
}

/// To the nanosecond, far finer than a sample.
fn from_millis(millis: f64) -> Timestamp {
    let ticks = (millis * 1e6).round() as i64; // `as` saturates
    Timestamp { ticks, base: Rational { num: 1, den: 1_000_000_000 } }
}
