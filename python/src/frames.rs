//! Sampled frames as Python sees them: one at a time, or several of one size in one array (a plane, if there are some).

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{mem, process};

use numpy::ndarray::{Array3, ArrayD, IxDyn};
use numpy::{IntoPyArray, PyArray3, PyArrayDyn};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tagger_media::{Frame, FrameOptions, Image, MediaError, OnDamage, Pixels, Rate, Size};

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

/// Pixels of one plane.
type Array<'py> = Bound<'py, PyArrayDyn<u8>>;

#[pymethods]
impl Frames {
    /// The frames nearest to a grid of `fps` points a second, as large as `size` says (columns and rows; kept in
    /// proportion, they are the most there may be), in `pixels`: `rgb`, `gray`, or `yuv420p` in three planes. `on_damage`:
    /// `skip` or `fail`.
    #[new]
    #[pyo3(signature = (path, fps, /, size = None, keep_aspect = true, pixels = "rgb", on_damage = "skip"))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        fps: f64,
        size: Option<(u32, u32)>,
        keep_aspect: bool,
        pixels: &str,
        on_damage: &str,
    ) -> PyResult<Self> {
        Self::open(py, path, Rate::Fps(fps), size, keep_aspect, pixels, on_damage)
    }

    /// The pictures that were coded without reference to others.
    #[staticmethod]
    #[pyo3(signature = (path, /, size = None, keep_aspect = true, pixels = "rgb", on_damage = "skip"))]
    fn key_frames(
        py: Python<'_>,
        path: PathBuf,
        size: Option<(u32, u32)>,
        keep_aspect: bool,
        pixels: &str,
        on_damage: &str,
    ) -> PyResult<Self> {
        Self::open(py, path, Rate::KeyFrames, size, keep_aspect, pixels, on_damage)
    }

    fn __iter__(frames: PyRef<'_, Self>) -> PyRef<'_, Self> {
        frames
    }

    /// The next frame: its place, and the upright picture of shape (height, width, 3), of grey (height, width). Of planes
    /// the first.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(Place, Array<'py>)>> {
        self.check_process()?;
        let Some(frame) = py.detach(|| self.with(Reader::next)).map_err(to_py)? else { return Ok(None) };
        let mut batch = Batch::of(frame);
        Ok(Some((batch.places.swap_remove(0), batch.into_arrays(py, false)?.swap_remove(0))))
    }

    /// The next frames in one array of shape (frames, height, width, 3), of grey (frames, height, width), with the place
    /// of each; `None` at the end. Of planes the first.
    ///
    /// At most `count` frames and 128 MiB, but at least one frame; fewer where the picture changes its size, and at the
    /// end. A `count` of 0 takes all that have the same size, whatever they take.
    #[pyo3(signature = (count, /))]
    fn read<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Option<(Vec<Place>, Array<'py>)>> {
        Ok(self.read_planes(py, count)?.map(|(places, mut planes)| (places, planes.swap_remove(0))))
    }

    /// As `read`, all planes, each of shape (frames, height, width).
    #[pyo3(signature = (count, /))]
    fn read_planes<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Option<(Vec<Place>, Vec<Array<'py>>)>> {
        self.check_process()?;
        let Some(mut batch) = py.detach(|| self.with(|reader| reader.read(count))).map_err(to_py)? else {
            return Ok(None);
        };
        let places = mem::take(&mut batch.places);
        Ok(Some((places, batch.into_arrays(py, true)?)))
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
    fn open(
        py: Python<'_>,
        path: PathBuf,
        rate: Rate,
        size: Option<(u32, u32)>,
        keep_aspect: bool,
        pixels: &str,
        on_damage: &str,
    ) -> PyResult<Self> {
        let size = match size {
            None => Size::Full,
            Some((width, height)) if keep_aspect => Size::Within { width, height },
            Some((width, height)) => Size::Fit { width, height },
        };
        let pixels = match pixels {
            "rgb" => Pixels::Rgb24,
            "gray" => Pixels::Gray8,
            "yuv420p" => Pixels::Yuv420p,
            other => return Err(PyValueError::new_err(format!("no pixels are called `{other}`; ask for rgb or gray"))),
        };
        let on_damage = match on_damage {
            "skip" => OnDamage::Skip,
            "fail" => OnDamage::Fail,
            other => return Err(PyValueError::new_err(format!("on_damage is skip or fail, not `{other}`"))),
        };
        let options = FrameOptions { rate, size, pixels, on_damage, ..FrameOptions::default() };
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
        let size = (first.image.width, first.image.height);
        let mut batch = Batch::of(first);
        if count != 0 {
            batch.reserve_for(room); // untouched pages cost nothing at the end of a file
        }
        while batch.places.len() < room {
            let Some(frame) = self.next()? else { break };
            if (frame.image.width, frame.image.height) != size {
                self.waiting = Some(frame);
                break;
            }
            batch.add(&frame);
        }
        Ok(Some(batch))
    }
}

/// Frames of one size, one after the other.
struct Batch {
    places: Vec<Place>,
    planes: Vec<PlaneOfBatch>,
}

/// The same plane of some frames.
struct PlaneOfBatch {
    width: usize,
    height: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Batch {
    /// A frame by itself. Its first plane stays where it is.
    fn of(frame: Frame) -> Self {
        let places = vec![place(&frame)];
        let mut planes: Vec<PlaneOfBatch> = Vec::new();
        for plane in frame.image.planes() {
            let data = if planes.is_empty() { Vec::new() } else { plane.data.to_vec() };
            let (width, height, channels) = (plane.width as usize, plane.height as usize, plane.channels.into());
            planes.push(PlaneOfBatch { width, height, channels, data });
        }
        if let Some(first) = planes.first_mut() {
            first.data = frame.image.data;
            first.data.truncate(first.width * first.height * first.channels);
        }
        Self { places, planes }
    }

    /// Makes room for so many frames in all.
    fn reserve_for(&mut self, frames: usize) {
        for plane in &mut self.planes {
            plane.data.reserve_exact((frames - 1) * plane.width * plane.height * plane.channels);
        }
    }

    fn add(&mut self, frame: &Frame) {
        self.places.push(place(frame));
        for (plane, more) in self.planes.iter_mut().zip(frame.image.planes()) {
            plane.data.extend_from_slice(more.data);
        }
    }

    /// Hands the pixels over to numpy: an array a plane, with a first axis for the frames where they are `stacked`.
    fn into_arrays(self, py: Python<'_>, stacked: bool) -> PyResult<Vec<Array<'_>>> {
        let array = |plane: PlaneOfBatch| {
            let picture = plane.width * plane.height * plane.channels;
            let frames = stacked.then(|| plane.data.len() / picture.max(1));
            let colours = (plane.channels > 1).then_some(plane.channels);
            let shape: Vec<usize> = frames.into_iter().chain([plane.height, plane.width]).chain(colours).collect();
            let array = ArrayD::from_shape_vec(IxDyn(&shape), plane.data);
            Ok(array.map_err(|error| PyValueError::new_err(error.to_string()))?.into_pyarray(py))
        };
        self.planes.into_iter().map(array).collect()
    }
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
