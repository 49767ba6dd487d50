//! Frames of a video as a stream.
//!
//! Threads of its own read ahead: they index the packets, plan which of them the wanted frames need, decode those side
//! by side and put what was chosen, converted and in order, into a queue that is bounded in bytes. Where no plan can be
//! trusted, or one turns out wrong, everything is decoded instead, with the same result. A slow reader slows the
//! decoders, and the file's length costs nothing. Dropping [`Frames`] ends the threads.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    FrameOptions, Image, MediaError, Report, Size, Skipped, Timestamp, Wholeness,
    ahead::Ahead,
    choose::Chooser,
    decode::StreamFacts,
    libav::{AvError, Decoder, DecoderRecipe},
    probe,
    reading::{Reading, Told},
    report::Tally,
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

/// The chosen frames of a video, in presentation order.
///
/// - Order: presentation order; a frame comes once.
/// - Memory: [`Limits::queue_bytes`](crate::Limits::queue_bytes) of finished frames, what the decoders themselves hold,
///   three frames a decoder in between, and 20 bytes a packet of the file.
/// - Threads: as many decode at a time, over all readers of the process, as
///   [`set_decode_threads`](crate::set_decode_threads) says.
/// - Damage: a packet that cannot be decoded costs its frames only, unless the options say otherwise; see
///   [`skipped`](Self::skipped). After an error the iterator ends.
pub struct Frames {
    path: PathBuf,
    ahead: Ahead<Told>,
    skipped: Skipped,
    tally: Arc<Tally>,
}

impl Frames {
    /// Opens the first video stream of `path` and begins to decode it.
    ///
    /// # Errors
    /// One that names the file and the way out: see [`MediaError`]. A file of which nothing can be decoded is an error
    /// of the first frame.
    pub fn open(path: &Path, options: &FrameOptions) -> Result<Self, MediaError> {
        check_size(path, options)?;
        // What is asked for must make sense before the file is looked at.
        Chooser::new(path, &options.rate, Timestamp::ZERO)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let container = probe::open(path, &options.limits, Arc::clone(&cancelled))?;
        let truncated = match container.wholeness {
            Wholeness::Cut { missing_bytes } => Some(format!("the last {missing_bytes} bytes are missing")),
            Wholeness::Whole | Wholeness::NoIndex | Wholeness::Unknown => None,
        };
        let libav = |doing, error: AvError| MediaError::Libav { path: path.into(), doing, reason: error.to_string() };
        let stream = container.video(path)?;
        let codec = stream.codec();
        let no_decoder = || MediaError::DecoderMissing { path: path.into(), codec: codec.clone() };
        let max_pixels = options.limits.max_pixels;
        // Opened once to see whether it can be: later, only a thread would be there to be told.
        Decoder::open(&stream, 1, max_pixels)
            .map_err(|error| libav("open a decoder for", error))?
            .ok_or_else(no_decoder)?;
        let recipe = DecoderRecipe::of(&stream, max_pixels).map_err(|error| libav("open a decoder for", error))?;
        let start = container.start();
        let chooser = Chooser::new(path, &options.rate, start)?;
        let skipped = Skipped { truncated, ..Skipped::default() };
        let tally = Arc::new(Tally::default());
        let reading = Reading {
            path: path.into(),
            codec: codec.clone(),
            start,
            facts: StreamFacts::of(&stream),
            picture_size: (stream.width(), stream.height()),
            recipe,
            options: options.clone(),
            chooser,
            cancelled: Arc::clone(&cancelled),
            tally: Arc::clone(&tally),
        };
        let (told, queue_bytes) = (skipped.clone(), options.limits.queue_bytes);
        let read = move |sender| reading.run(container.input, told, &sender);
        let ahead = Ahead::start("tagger-decode", path, queue_bytes, cancelled, read)?;
        Ok(Self { path: path.into(), ahead, skipped, tally })
    }

    /// What could not be read so far; complete once the iterator has ended.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// How many bytes the finished frames hold that wait to be taken.
    pub fn bytes_ahead(&self) -> usize {
        self.ahead.waiting_bytes()
    }

    /// How the frames were come by so far; complete once the iterator has ended.
    pub fn report(&self) -> Report {
        self.tally.report()
    }
}

fn check_size(path: &Path, options: &FrameOptions) -> Result<(), MediaError> {
    let (width, height, is_exact) = match options.size {
        Size::Full => return Ok(()),
        Size::Fit { width, height } => (width, height, true),
        Size::Within { width, height } => (width, height, false), // no larger than the picture, which has a limit
    };
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || is_exact && pixels > options.limits.max_pixels {
        return Err(MediaError::BadSize { path: path.into(), width, height });
    }
    Ok(())
}

impl Iterator for Frames {
    type Item = Result<Frame, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.ahead.next()? {
                Ok(Told::Frame(frame)) => return Some(Ok(frame)),
                Ok(Told::Skipped(skipped)) => self.skipped = *skipped,
                Ok(Told::Failed(error)) => {
                    self.ahead.stop();
                    return Some(Err(error));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("path", &self.path).field("skipped", &self.skipped).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::atomic::Ordering, thread};

    use super::*;
    use crate::{Limits, Rate, budget::Budget};

    const PACKETS: u64 = 500;

    /// Twenty groups of 25 pictures, which take far longer to decode than a reader takes to be dropped.
    fn clip(path: &Path) {
        let source = ["-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25:duration=20", "-pix_fmt", "yuv420p"];
        let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "keyint=25"];
        let made = Command::new("ffmpeg").args(["-loglevel", "error"]).args(source).args(codec).arg(path).output();
        assert!(made.unwrap().status.success());
    }

    #[test]
    fn a_reader_that_is_dropped_decodes_hardly_further_than_what_is_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        clip(&path);
        // All that one decoder holds back, before the first picture comes out of it.
        let at_hand = 32 * Budget::of_this_process().threads() as u64;
        for decode_all in [false, true] {
            // Nothing that comes out has to wait for room.
            let limits = Limits { queue_bytes: usize::MAX, ..Limits::default() };
            let size = Size::Fit { width: 16, height: 12 };
            let options = FrameOptions { rate: Rate::All, size, limits, decode_all, ..FrameOptions::default() };
            let frames = Frames::open(&path, &options).unwrap();
            let (tally, cancelled) = (Arc::clone(&frames.tally), Arc::clone(&frames.ahead.cancelled));
            while tally.report().packets_fed == 0 {
                thread::yield_now();
            }
            cancelled.store(true, Ordering::Relaxed); // as the drop does first, so that nothing is decoded in between
            let fed = tally.report().packets_fed;
            drop(frames);
            let fed_later = tally.report().packets_fed - fed;
            assert!(fed_later <= at_hand.min(PACKETS / 2), "{fed_later} packets after {fed}");
        }
    }
}
