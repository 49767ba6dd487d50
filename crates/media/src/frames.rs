//! Frames of a video as a stream.
//!
//! A thread of its own decodes ahead, chooses, converts what was chosen and puts it into a queue that is bounded in
//! bytes: a slow reader slows the decoder, and the file's length costs nothing. Dropping [`Frames`] ends the thread.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde::Serialize;

use crate::{
    FrameOptions, Grid, Image, MediaError, Picked, Rate, Size, Timestamp, Wholeness,
    convert::Converter,
    decode::{Decoded, Decoding, Event, StreamFacts},
    libav::{AvError, Decoder, Picture, Scaler},
    probe,
    queue::{self, Receiver, ReceiverGone, Sender},
};

/// A frame of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Presentation order among all frames of the file, from 0.
    pub index: u64,
    /// The stream's own timestamp.
    pub pts: Timestamp,
    /// Its time counted from the container's start.
    pub time: Timestamp,
    /// The distance to the next frame; for the last one what the stream says, failing that the previous distance.
    pub duration: Timestamp,
    /// The picture, upright.
    pub image: Image,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Skipped {
    /// Packets that gave no frame because they are damaged.
    pub packets: u64,
    /// Where the first of them lies, on the stream's own timeline, if its time can still be read.
    pub first: Option<Timestamp>,
    /// Where the last of them lies.
    pub last: Option<Timestamp>,
    /// What the decoder said last.
    pub reason: Option<String>,
    /// Why the end of the file is missing: it is shorter than it says, or could not be read to its end.
    pub truncated: Option<String>,
}

impl Skipped {
    /// Whether everything could be read.
    pub fn is_nothing(&self) -> bool {
        self.packets == 0 && self.truncated.is_none()
    }

    pub(crate) fn add(&mut self, time: Option<Timestamp>, reason: String) {
        self.packets += 1;
        self.first = self.first.or(time);
        self.last = time.or(self.last);
        self.reason = Some(reason);
    }
}

impl fmt::Display for Skipped {
    /// In words: what is missing, and where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.packets > 0 {
            write!(f, "{} damaged packet{} skipped", self.packets, if self.packets == 1 { "" } else { "s" })?;
            if let (Some(first), Some(last)) = (self.first, self.last) {
                write!(f, " between {:.3} s and {:.3} s", first.seconds(), last.seconds())?;
            }
            if let Some(reason) = &self.reason {
                write!(f, " ({reason})")?;
            }
        }
        if let Some(truncated) = &self.truncated {
            write!(f, "{}the end is missing ({truncated})", if self.packets > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

/// The chosen frames of a video, in presentation order.
///
/// - Order: presentation order; a frame comes once.
/// - Memory: [`Limits::queue_bytes`](crate::Limits::queue_bytes) of finished frames, what the decoder itself holds, and
///   three frames in between, however long the file is.
/// - Damage: a packet that cannot be decoded costs its frames only; see [`skipped`](Self::skipped). After an error the
///   iterator ends.
pub struct Frames {
    path: PathBuf,
    queue: Option<Receiver<Told>>,
    thread: Option<JoinHandle<()>>,
    cancelled: Arc<AtomicBool>,
    skipped: Skipped,
}

/// What the thread tells.
enum Told {
    Frame(Frame),
    Skipped(Box<Skipped>),
    Failed(MediaError),
}

impl Frames {
    /// Opens the first video stream of `path` and begins to decode it.
    ///
    /// # Errors
    /// One that names the file and the way out: see [`MediaError`]. A file of which nothing can be decoded is an error
    /// of the first frame.
    pub fn open(path: &Path, options: &FrameOptions) -> Result<Self, MediaError> {
        let chooser = Chooser::new(path, options.rate)?;
        check_size(path, options)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let container = probe::open(path, &options.limits, Arc::clone(&cancelled))?;
        let truncated = match container.wholeness {
            Wholeness::Cut { missing_bytes } => Some(format!("the last {missing_bytes} bytes are missing")),
            Wholeness::Whole | Wholeness::NoIndex | Wholeness::Unknown => None,
        };
        let libav = |doing, error: AvError| MediaError::Libav { path: path.into(), doing, reason: error.to_string() };
        let stream = container.video(path)?;
        let codec = stream.codec();
        let decoder = Decoder::open(&stream, 0, options.limits.max_pixels)
            .map_err(|error| libav("open a decoder for", error))?
            .ok_or_else(|| MediaError::DecoderMissing { path: path.into(), codec: codec.clone() })?;
        let facts = StreamFacts::of(&stream);
        let start = container.start();
        let decoding = Decoding::new(container.input, &facts, decoder, options.limits.max_pixels)
            .map_err(|error| libav("begin to decode", error))?;
        let (sender, receiver) = queue::bounded(options.limits.queue_bytes);
        let skipped = Skipped { truncated, ..Skipped::default() };
        let worker = Worker {
            path: path.into(),
            codec,
            start,
            chooser,
            converter: Converter::new(options),
            cancelled: Arc::clone(&cancelled),
            skipped: skipped.clone(),
            sender,
        };
        let thread = thread::Builder::new()
            .name("tagger-decode".into())
            .spawn(move || worker.run(decoding))
            .map_err(|source| MediaError::Unreadable { path: path.into(), source })?;
        Ok(Self { path: path.into(), queue: Some(receiver), thread: Some(thread), cancelled, skipped })
    }

    /// What could not be read so far; complete once the iterator has ended.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// Ends the thread, and says whether it ended by itself.
    fn finish(&mut self) -> thread::Result<()> {
        self.cancelled.store(true, Ordering::Relaxed);
        self.queue = None; // a thread that waits for room learns it from this
        self.thread.take().map_or(Ok(()), JoinHandle::join)
    }
}

fn check_size(path: &Path, options: &FrameOptions) -> Result<(), MediaError> {
    let Size::Fit { width, height } = options.size else { return Ok(()) };
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > options.limits.max_pixels {
        return Err(MediaError::BadSize { path: path.into(), width, height });
    }
    Ok(())
}

impl Iterator for Frames {
    type Item = Result<Frame, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.queue.as_ref()?.recv() {
                Some(Told::Frame(frame)) => return Some(Ok(frame)),
                Some(Told::Skipped(skipped)) => self.skipped = *skipped,
                Some(Told::Failed(error)) => {
                    // The error is the news; how the thread ends after it is not.
                    let _ = self.finish();
                    return Some(Err(error));
                }
                None => {
                    let ended = self.finish();
                    return ended.is_err().then(|| Err(MediaError::Fault { path: self.path.clone() }));
                }
            }
        }
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("path", &self.path).field("skipped", &self.skipped).finish_non_exhaustive()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        // A panic of the thread has nobody left to be told to; the panic hook has printed it.
        let _ = self.finish();
    }
}

/// Decides, frame by frame, which are given out.
enum Chooser {
    Grid(Grid),
    All,
    Intra,
}

impl Chooser {
    fn new(path: &Path, rate: Rate) -> Result<Self, MediaError> {
        match rate {
            Rate::Fps(fps) => Grid::new(fps)
                .filter(|_| fps <= Rate::MAX_FPS)
                .map(Self::Grid)
                .ok_or_else(|| MediaError::BadRate { path: path.into(), fps }),
            Rate::All => Ok(Self::All),
            Rate::KeyFrames => Ok(Self::Intra),
        }
    }

    fn offer(&mut self, frame: &Decoded) -> Picked {
        let alone = |this| Picked { earlier: false, this, this_is_next_earlier: true };
        match self {
            Self::Grid(grid) => grid.offer(frame.pts.seconds()),
            Self::All => alone(true),
            Self::Intra => alone(frame.picture.is_intra()),
        }
    }
}

/// The thread's side.
struct Worker {
    path: PathBuf,
    codec: String,
    start: Timestamp,
    chooser: Chooser,
    converter: Converter,
    cancelled: Arc<AtomicBool>,
    skipped: Skipped,
    sender: Sender<Told>,
}

/// Why the thread ends before the file does.
enum Stop {
    ReaderLeft,
    Failed(MediaError),
}

impl From<ReceiverGone> for Stop {
    fn from(_: ReceiverGone) -> Self {
        Self::ReaderLeft
    }
}

/// A frame that may still be chosen, or was and waits for its duration.
struct Candidate {
    decoded: Decoded,
    chosen: bool,
    /// Known once the next frame arrived.
    duration: Option<Timestamp>,
}

impl Worker {
    fn run(mut self, decoding: Decoding) {
        if let Err(Stop::Failed(error)) = self.decode(decoding) {
            // Nobody to tell is as good as told.
            let _ = self.sender.send(Told::Failed(error), 0);
        }
    }

    fn decode(&mut self, mut decoding: Decoding) -> Result<(), Stop> {
        let mut candidate: Option<Candidate> = None;
        let mut distance = None;
        while !self.cancelled.load(Ordering::Relaxed) {
            match decoding.next() {
                Event::Picture(decoded) => self.take(decoded, &mut candidate, &mut distance)?,
                Event::Damaged { time, reason } => {
                    self.skipped.add(time, reason);
                    self.tell_skipped()?;
                }
                Event::Unreadable { error } => {
                    self.skipped.truncated = Some(error.to_string());
                    self.tell_skipped()?;
                }
                Event::End => return self.end(candidate, distance),
            }
        }
        Err(Stop::ReaderLeft)
    }

    /// Takes in the next frame: the candidate before it now has a duration and may be chosen or dropped.
    fn take(
        &mut self,
        decoded: Decoded,
        candidate: &mut Option<Candidate>,
        distance: &mut Option<Timestamp>,
    ) -> Result<(), Stop> {
        let picked = self.chooser.offer(&decoded);
        if let Some(earlier) = candidate {
            if earlier.duration.is_none() {
                let to_next = decoded.pts.since(earlier.decoded.pts);
                // Frames of one timestamp, or back in time, have no distance to speak of.
                *distance = if to_next.ticks > 0 { Some(to_next) } else { *distance };
                earlier.duration =
                    if to_next.ticks > 0 { Some(to_next) } else { own_duration(&earlier.decoded, *distance) };
            }
            earlier.chosen |= picked.earlier;
            if earlier.chosen {
                self.give(&earlier.decoded, earlier.duration)?;
                earlier.chosen = false;
            }
        }
        if picked.this_is_next_earlier {
            *candidate = Some(Candidate { decoded, chosen: picked.this, duration: None });
        }
        Ok(())
    }

    fn end(&mut self, candidate: Option<Candidate>, distance: Option<Timestamp>) -> Result<(), Stop> {
        let Some(last) = candidate else { return Err(Stop::Failed(self.nothing_decoded())) };
        if last.chosen {
            let duration = last.duration.or_else(|| own_duration(&last.decoded, distance));
            self.give(&last.decoded, duration)?;
        }
        Ok(())
    }

    fn nothing_decoded(&self) -> MediaError {
        let path = self.path.clone();
        if let Some(reason) = self.skipped.truncated.clone() {
            return MediaError::Truncated { path, missing: "no frame of it can be decoded", reason };
        }
        let reason = self.skipped.reason.clone().unwrap_or_else(|| "it has no packets".into());
        MediaError::NothingDecoded { path, codec: self.codec.clone(), reason }
    }

    fn give(&mut self, decoded: &Decoded, duration: Option<Timestamp>) -> Result<(), Stop> {
        let image = self.converter.image(&decoded.picture, decoded.orientation);
        let image = image.map_err(|error| Stop::Failed(self.not_converted(&decoded.picture, error)))?;
        let weight = image.data.len();
        let frame = Frame {
            index: decoded.index,
            pts: decoded.pts,
            time: decoded.pts.since(self.start),
            duration: duration.unwrap_or(Timestamp { ticks: 0, base: decoded.pts.base }),
            image,
        };
        Ok(self.sender.send(Told::Frame(frame), weight)?)
    }

    fn not_converted(&self, picture: &Picture, error: AvError) -> MediaError {
        let (path, format) = (self.path.clone(), picture.pixel_format());
        if Scaler::can_read(format) {
            MediaError::Libav { path, doing: "convert a frame of", reason: error.to_string() }
        } else {
            MediaError::PixelFormat { path, format: format.name() }
        }
    }

    fn tell_skipped(&self) -> Result<(), ReceiverGone> {
        self.sender.send(Told::Skipped(Box::new(self.skipped.clone())), 0)
    }
}

/// The duration of a frame without a next one.
fn own_duration(decoded: &Decoded, distance: Option<Timestamp>) -> Option<Timestamp> {
    decoded.duration.or(distance)
}
