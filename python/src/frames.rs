//! Sampled frames as Python sees them: one at a time, or several of one size in one array.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{mem, process};

use numpy::ndarray::{Array3, Array4};
use numpy::{IntoPyArray, PyArray3, PyArray4};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tagger_media::{Frame, FrameOptions, Image, MediaError, Rate};

use crate::errors::{self, to_py};

/// The most that one batch of frames may hold, unless it is a single frame or the whole file was asked for.
const MAX_BATCH_BYTES: usize = 128 << 20;

/// The sampled frames of a video, decoded ahead by a native thread that waits when nobody reads.
#[pyclass(frozen, module = "common_ml._native")]
pub struct Frames {
    reader: Mutex<Reader>,
    process: u32,
}

struct Reader {
    /// `None` once it was given up in a child made by `fork`.
    frames: Option<tagger_media::Frames>,
    /// A frame of another size than those before it, kept for the next batch.
    waiting: Option<Frame>,
}

/// Frame index in presentation order, the stream's own timestamp in seconds, time from the container's start and
/// duration in ms.
type Place = (u64, f64, i64, i64);

/// Frames of one size, with the place of each.
type Placed<'py> = (Vec<Place>, Bound<'py, PyArray4<u8>>);

#[pymethods]
impl Frames {
    /// The frames nearest to a grid of `fps` points a second.
    #[new]
    #[pyo3(signature = (path, fps, /))]
    fn new(py: Python<'_>, path: PathBuf, fps: f64) -> PyResult<Self> {
        Self::open(py, path, Rate::Fps(fps))
    }

    /// The pictures that were coded without reference to others.
    #[staticmethod]
    #[pyo3(signature = (path, /))]
    fn key_frames(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Self::open(py, path, Rate::KeyFrames)
    }

    fn __iter__(frames: PyRef<'_, Self>) -> PyRef<'_, Self> {
        frames
    }

    /// The next frame: its place, and the upright RGB picture of shape (height, width, 3).
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(Place, Bound<'py, PyArray3<u8>>)>> {
        self.check_process()?;
        let frame = py.detach(|| self.with(Reader::next)).map_err(to_py)?;
        frame.map(|frame| Ok((place(&frame), into_array(py, frame.image)?))).transpose()
    }

    /// The next frames in one array of shape (frames, height, width, 3), with the place of each; `None` at the end.
    ///
    /// At most `count` frames and 128 MiB, but at least one frame; fewer where the picture changes its size, and at the
    /// end. A `count` of 0 takes all that have the same size, whatever they take.
    #[pyo3(signature = (count, /))]
    fn read<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Option<Placed<'py>>> {
        self.check_process()?;
        let Some(batch) = py.detach(|| self.with(|reader| reader.read(count))).map_err(to_py)? else { return Ok(None) };
        let shape = (batch.places.len(), batch.height as usize, batch.width as usize, 3);
        let array =
            Array4::from_shape_vec(shape, batch.data).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Some((batch.places, array.into_pyarray(py))))
    }

    /// How many bytes the decoded frames hold that wait to be read.
    #[getter]
    fn bytes_ahead(&self, py: Python<'_>) -> usize {
        py.detach(|| self.with(|reader| reader.frames.as_ref().map_or(0, tagger_media::Frames::bytes_ahead)))
    }

    /// What could not be read so far, in words; `None` if nothing is missing. Complete once the frames have ended.
    #[getter]
    fn skipped(&self, py: Python<'_>) -> Option<String> {
        let told = |reader: &mut Reader| reader.frames.as_ref().map(|frames| frames.skipped().clone());
        py.detach(|| self.with(told)).filter(|skipped| !skipped.is_nothing()).map(|skipped| skipped.to_string())
    }
}

impl Frames {
    fn open(py: Python<'_>, path: PathBuf, rate: Rate) -> PyResult<Self> {
        let options = FrameOptions { rate, ..FrameOptions::default() };
        let frames = errors::read(py, &path, |path| tagger_media::Frames::open(path, &options))?;
        let reader = Mutex::new(Reader { frames: Some(frames), waiting: None });
        Ok(Self { reader, process: process::id() })
    }

    fn with<T>(&self, read: impl FnOnce(&mut Reader) -> T) -> T {
        // A panic while reading leaves a reader that is whole, at worst short of a frame.
        read(&mut self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn check_process(&self) -> PyResult<()> {
        if self.process == process::id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err("these frames were opened before fork; open the file again in the child"))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if self.process != process::id() {
            // The decoding thread stayed with the parent: there is nobody to join, and waiting would never end.
            mem::forget(self.reader.get_mut().unwrap_or_else(PoisonError::into_inner).frames.take());
        }
    }
}

impl Reader {
    fn next(&mut self) -> Result<Option<Frame>, MediaError> {
        match self.waiting.take() {
            Some(frame) => Ok(Some(frame)),
            None => self.frames.as_mut().and_then(Iterator::next).transpose(),
        }
    }

    fn read(&mut self, count: usize) -> Result<Option<Batch>, MediaError> {
        let Some(first) = self.next()? else { return Ok(None) };
        let frame_bytes = first.image.data.len().max(1);
        let room = if count == 0 { usize::MAX } else { count.min(MAX_BATCH_BYTES / frame_bytes).max(1) };
        let (width, height) = (first.image.width, first.image.height);
        let mut batch = Batch { width, height, places: vec![place(&first)], data: first.image.data };
        if count != 0 {
            batch.data.reserve_exact((room - 1) * frame_bytes); // untouched pages cost nothing at the end of a file
        }
        while batch.places.len() < room {
            let Some(frame) = self.next()? else { break };
            if (frame.image.width, frame.image.height) != (width, height) {
                self.waiting = Some(frame);
                break;
            }
            batch.places.push(place(&frame));
            batch.data.extend_from_slice(&frame.image.data);
        }
        Ok(Some(batch))
    }
}

/// Frames of one size, one after the other.
struct Batch {
    width: u32,
    height: u32,
    places: Vec<Place>,
    data: Vec<u8>,
}

fn place(frame: &Frame) -> Place {
    (frame.index, frame.pts.seconds(), frame.time.to_millis(), frame.duration.to_millis())
}

/// Hands the pixels of an RGB picture over to numpy.
pub fn into_array(py: Python<'_>, image: Image) -> PyResult<Bound<'_, PyArray3<u8>>> {
    let shape = (image.height as usize, image.width as usize, 3);
    let array = Array3::from_shape_vec(shape, image.data).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(array.into_pyarray(py))
}
