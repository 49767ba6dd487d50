//! Sound of a file as a stream of blocks of floats.
//!
//! A thread of its own decodes ahead, keeps the samples on their timeline, resamples and mixes them, and puts blocks
//! into a queue that is bounded in bytes. Dropping [`Audio`] ends the thread.

use std::{
    fmt, mem,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    Limits, MediaError, Rational, Repairs, Skipped, Timestamp, Wholeness,
    ahead::Ahead,
    libav::{AvError, Decoder, Layout, Resampler, Sound, SoundFormat},
    listen::{Event, Listening, StreamFacts},
    probe,
    queue::{ReceiverGone, Sender},
    timeline::{Placement, Timeline},
};

/// Silence is made in pieces, so that a hole of hours costs no more memory than sound.
const SILENCE_SAMPLES: u32 = 1 << 14;

/// Which sound, and in which form.
#[derive(Debug, Clone)]
pub struct AudioOptions {
    /// The index of the stream in the container. Default: the first stream of sound.
    pub stream: Option<u32>,
    /// Samples a second, 1 to [`AudioOptions::MAX_RATE`]. Default: the stream's own.
    pub rate: Option<u32>,
    /// Which channels. Default: all.
    pub channels: Channels,
    /// How the samples of a block lie. Default: interleaved.
    pub arrangement: Arrangement,
    /// Samples a block, of each channel, above 0; the last block has fewer. Default: 16384.
    pub block_samples: u32,
    /// What the file may cost.
    pub limits: Limits,
}

impl AudioOptions {
    /// The highest rate that can be asked for.
    pub const MAX_RATE: u32 = 768_000;
    /// The largest block that can be asked for.
    pub const MAX_BLOCK_SAMPLES: u32 = 1 << 24;
}

impl Default for AudioOptions {
    fn default() -> Self {
        Self {
            stream: None,
            rate: None,
            channels: Channels::All,
            arrangement: Arrangement::Interleaved,
            block_samples: 1 << 14,
            limits: Limits::default(),
        }
    }
}

/// Which channels are given out. Mixing down never exceeds the loudest channel: the mono of stereo is the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channels {
    /// Those of the stream, in its order.
    #[default]
    All,
    /// One.
    Mono,
    /// So many, 1 to 8, in their usual layout.
    Count(u32),
}

/// How the samples of a block lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// All channels of the first sample, then of the second.
    #[default]
    Interleaved,
    /// All samples of the first channel, then of the second.
    Planar,
}

/// A block of sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The number of its first sample since the stream's first, at `rate`.
    pub index: u64,
    /// When that one is heard, counted from the container's start: the first sample's time plus `index / rate`.
    pub time: Timestamp,
    /// Samples a second.
    pub rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// `channels` times as many floats as samples, -1 to 1 (a lossy codec may go beyond), arranged as asked for.
    pub data: Vec<f32>,
}

impl Samples {
    /// Samples of each channel.
    pub fn len(&self) -> usize {
        self.data.len() / self.channels as usize
    }

    /// Whether there are none. No block that is given out is empty.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

/// The sound of a file in blocks.
///
/// - Order: that of time, without holes: sample `n` lies `n / rate` behind the first. Where the file has a hole there is
///   silence, where stretches overlap the later one is trimmed; see [`repairs`](Self::repairs).
/// - What only primes the decoder or fills its last packet is not given out, as far as the file tells it.
/// - Memory: [`Limits::queue_bytes`](crate::Limits::queue_bytes) of finished blocks and two blocks in between, however
///   long the file is.
/// - Damage: a packet that cannot be decoded becomes silence; see [`skipped`](Self::skipped). After an error the
///   iterator ends.
pub struct Audio {
    path: PathBuf,
    ahead: Ahead<Told>,
    report: Report,
}

/// What the thread tells.
enum Told {
    Samples(Samples),
    Report(Box<Report>),
    Failed(MediaError),
}

#[derive(Clone, Default)]
struct Report {
    skipped: Skipped,
    repairs: Repairs,
}

impl Audio {
    /// Opens a sound stream of `path` and begins to decode it.
    ///
    /// # Errors
    /// One that names the file and the way out: see [`MediaError`]. A file of which nothing can be decoded is an error
    /// of the first block.
    pub fn open(path: &Path, options: &AudioOptions) -> Result<Self, MediaError> {
        check(path, options)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let container = probe::open(path, &options.limits, Arc::clone(&cancelled))?;
        let truncated = match container.wholeness {
            Wholeness::Cut { missing_bytes } => Some(format!("the last {missing_bytes} bytes are missing")),
            Wholeness::Whole | Wholeness::NoIndex | Wholeness::Unknown => None,
        };
        let libav = |doing, error: AvError| MediaError::Libav { path: path.into(), doing, reason: error.to_string() };
        let stream = container.audio(path, options.stream)?;
        let codec = stream.codec();
        let decoder = Decoder::open(&stream, 1, options.limits.max_pixels)
            .map_err(|error| libav("open a decoder for", error))?
            .ok_or_else(|| MediaError::DecoderMissing { path: path.into(), codec: codec.clone() })?;
        let facts = StreamFacts::of(&stream);
        let stream_start =
            stream.start().map_or(Timestamp::ZERO, |ticks| Timestamp { ticks, base: stream.time_base() });
        let container_start = container.start();
        let listening =
            Listening::new(container.input, &facts, decoder).map_err(|error| libav("begin to decode", error))?;
        let report = Report { skipped: Skipped { truncated, ..Skipped::default() }, ..Report::default() };
        let listen = {
            let (path, options, cancelled, report) =
                (path.to_path_buf(), options.clone(), Arc::clone(&cancelled), report.clone());
            move |sender| {
                let worker = Worker {
                    path,
                    codec,
                    options,
                    container_start,
                    stream_start,
                    chain: None,
                    damaged: false,
                    cancelled,
                    report,
                    sender,
                };
                worker.run(listening);
            }
        };
        let ahead = Ahead::start("tagger-listen", path, options.limits.queue_bytes, cancelled, listen)?;
        Ok(Self { path: path.into(), ahead, report })
    }

    /// What could not be read so far; complete once the iterator has ended.
    pub fn skipped(&self) -> &Skipped {
        &self.report.skipped
    }

    /// What was done so far to keep the sound on its timeline; complete once the iterator has ended.
    pub fn repairs(&self) -> &Repairs {
        &self.report.repairs
    }
}

fn check(path: &Path, options: &AudioOptions) -> Result<(), MediaError> {
    let bad = |what: String| Err(MediaError::BadSound { path: path.into(), what });
    if let Some(rate) = options.rate
        && !(1..=AudioOptions::MAX_RATE).contains(&rate)
    {
        return bad(format!("{rate} samples a second"));
    }
    if let Channels::Count(channels) = options.channels
        && !(1..=8).contains(&channels)
    {
        return bad(format!("{channels} channels"));
    }
    if !(1..=AudioOptions::MAX_BLOCK_SAMPLES).contains(&options.block_samples) {
        return bad(format!("blocks of {} samples", options.block_samples));
    }
    Ok(())
}

impl Iterator for Audio {
    type Item = Result<Samples, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.ahead.next()? {
                Ok(Told::Samples(samples)) => return Some(Ok(samples)),
                Ok(Told::Report(report)) => self.report = *report,
                Ok(Told::Failed(error)) => {
                    self.ahead.stop();
                    return Some(Err(error));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audio")
            .field("path", &self.path)
            .field("skipped", &self.report.skipped)
            .field("repairs", &self.report.repairs)
            .finish_non_exhaustive()
    }
}

/// The thread's side.
struct Worker {
    path: PathBuf,
    codec: String,
    options: AudioOptions,
    container_start: Timestamp,
    stream_start: Timestamp,
    /// Made for the first sound that arrives.
    chain: Option<Chain>,
    /// Something was lost since the last sound.
    damaged: bool,
    cancelled: Arc<AtomicBool>,
    report: Report,
    sender: Sender<Told>,
}

/// From decoded sound to blocks.
struct Chain {
    /// The first sample's time, from the container's start.
    start: Timestamp,
    rate: u32,
    layout: Layout,
    timeline: Timeline,
    resampler: Resampler,
    /// Samples already given out, of each channel.
    given: u64,
    /// Interleaved samples on their way to the next block.
    pending: Vec<f32>,
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

impl Worker {
    fn run(mut self, listening: Listening) {
        if let Err(Stop::Failed(error)) = self.listen(listening) {
            // Nobody to tell is as good as told.
            let _ = self.sender.send(Told::Failed(error), 0);
        }
    }

    fn listen(&mut self, mut listening: Listening) -> Result<(), Stop> {
        while !self.cancelled.load(Ordering::Relaxed) {
            match listening.next() {
                Event::Sound { sound, pts } => self.take(&sound, pts)?,
                Event::Damaged { time, reason } => {
                    self.report.skipped.add(time, reason);
                    self.damaged = true;
                    self.tell()?;
                }
                Event::Unreadable { error } => {
                    self.report.skipped.truncated = Some(error.to_string());
                    self.tell()?;
                }
                Event::End => return self.end(),
            }
        }
        Err(Stop::ReaderLeft)
    }

    fn take(&mut self, sound: &Sound, pts: Option<Timestamp>) -> Result<(), Stop> {
        if sound.samples() == 0 {
            return Ok(());
        }
        let Some(format) = sound.format() else {
            self.report.skipped.add(pts, "sound without a rate or channels".into());
            return Ok(self.tell()?);
        };
        let mut chain = match self.chain.take() {
            Some(chain) if chain.resampler.fits(&format) => chain,
            Some(chain) => chain.changed(&format, self.container_start).map_err(|error| self.failed(error))?,
            None => self.begin(&format, pts).map_err(|error| self.failed(error))?,
        };
        let before = self.report.repairs;
        let damaged = mem::take(&mut self.damaged);
        let placed = chain.timeline.place(pts, sound.samples(), damaged, &mut self.report.repairs);
        if before != self.report.repairs {
            self.tell()?;
        }
        self.fill(&mut chain, placed)?;
        chain.resampler.convert(sound, placed.skip, &mut chain.pending).map_err(|error| self.failed(error))?;
        self.give(&mut chain, false)?;
        self.chain = Some(chain);
        Ok(())
    }

    fn begin(&self, format: &SoundFormat, pts: Option<Timestamp>) -> Result<Chain, AvError> {
        let rate = self.options.rate.unwrap_or(format.rate);
        let layout = match self.options.channels {
            Channels::All => format.layout.clone(),
            Channels::Mono => Layout::usual(1),
            Channels::Count(channels) => Layout::usual(channels),
        };
        let first = pts.unwrap_or(self.stream_start);
        Ok(Chain {
            start: first.since(self.container_start),
            rate,
            resampler: Resampler::new(format, rate, &layout)?,
            layout,
            timeline: Timeline::new(first, format.rate),
            given: 0,
            pending: Vec::new(),
        })
    }

    /// Makes the silence that a hole needs, giving out blocks on the way.
    fn fill(&self, chain: &mut Chain, placed: Placement) -> Result<(), Stop> {
        let mut left = placed.silence;
        while left > 0 {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::ReaderLeft);
            }
            let piece = u32::try_from(left).unwrap_or(u32::MAX).min(SILENCE_SAMPLES);
            chain.resampler.silence(piece, &mut chain.pending).map_err(|error| self.failed(error))?;
            self.give(chain, false)?;
            left -= u64::from(piece);
        }
        Ok(())
    }

    /// Gives out the blocks that are full; at the end also what is left.
    fn give(&self, chain: &mut Chain, at_end: bool) -> Result<(), Stop> {
        let block = self.options.block_samples as usize * chain.layout.channels() as usize;
        let whole = chain.pending.len() / block * block;
        let ready = if at_end { chain.pending.len() } else { whole };
        let rest = chain.pending.split_off(ready);
        let ready = mem::replace(&mut chain.pending, rest);
        for data in ready.chunks(block) {
            let samples = chain.block(data, self.options.arrangement);
            let weight = size_of_val(data);
            self.sender.send(Told::Samples(samples), weight)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(mut chain) = self.chain.take() else { return Err(Stop::Failed(self.nothing_decoded())) };
        chain.resampler.finish(&mut chain.pending).map_err(|error| self.failed(error))?;
        self.give(&mut chain, true)
    }

    fn nothing_decoded(&self) -> MediaError {
        let path = self.path.clone();
        if let Some(reason) = self.report.skipped.truncated.clone() {
            return MediaError::Truncated { path, missing: "no sound of it can be decoded", reason };
        }
        let reason = self.report.skipped.reason.clone().unwrap_or_else(|| "it has no packets".into());
        MediaError::NothingDecoded { path, codec: self.codec.clone(), reason }
    }

    fn failed(&self, error: AvError) -> Stop {
        Stop::Failed(MediaError::Libav {
            path: self.path.clone(),
            doing: "resample the sound of",
            reason: error.to_string(),
        })
    }

    fn tell(&self) -> Result<(), ReceiverGone> {
        self.sender.send(Told::Report(Box::new(self.report.clone())), 0)
    }
}

impl Chain {
    /// Goes on with sound of another rate or other channels; what is given out keeps its own.
    fn changed(mut self, format: &SoundFormat, container_start: Timestamp) -> Result<Self, AvError> {
        self.resampler.finish(&mut self.pending)?;
        let done = self.given + (self.pending.len() / self.layout.channels() as usize) as u64;
        self.timeline = Timeline::new(self.time_of(done).plus(container_start), format.rate);
        self.resampler = Resampler::new(format, self.rate, &self.layout)?;
        Ok(self)
    }

    fn time_of(&self, sample: u64) -> Timestamp {
        let ticks = i64::try_from(sample).unwrap_or(i64::MAX);
        self.start.plus(Timestamp { ticks, base: Rational { num: 1, den: self.rate.into() } })
    }

    fn block(&mut self, interleaved: &[f32], arrangement: Arrangement) -> Samples {
        let channels = self.layout.channels();
        let index = self.given;
        self.given += (interleaved.len() / channels as usize) as u64;
        let data = match arrangement {
            Arrangement::Interleaved => interleaved.to_vec(),
            Arrangement::Planar => {
                let channel = |channel| interleaved.iter().skip(channel).step_by(channels as usize).copied();
                (0..channels as usize).flat_map(channel).collect()
            }
        };
        Samples { index, time: self.time_of(index), rate: self.rate, channels, data }
    }
}
