//! Opens a file and says what is in it, without decoding it.

use std::{
    cmp::Ordering,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    Limits, MediaError, MediaInfo, MediaKind, Rational, StreamInfo, StreamKind, Timestamp, VideoInfo, Wholeness, file,
    libav::{AvError, Input, OpenError, OpenOptions, Stream, StreamType},
    still::{self, Probed},
    wholeness::wholeness,
};

/// What libav's times of a whole container are counted in.
const MICROSECONDS: Rational = Rational { num: 1, den: 1_000_000 };

/// Formats libav "recognises" by name alone, or that only point to other files: none is media by its content, and they are
/// refused by their first bytes.
const NOT_MEDIA: [&str; 12] =
    ["adf", "bin", "concat", "dash", "ffmetadata", "hls", "idf", "image2", "lavfi", "sdp", "tty", "xbin"];

/// Says what the file contains. Looks at the content, not at the name.
///
/// # Errors
/// One that names the file and the way out: see [`MediaError`].
pub fn probe(path: &Path) -> Result<MediaInfo, MediaError> {
    probe_within(path, &Limits::default())
}

/// [`probe`] with limits of one's own.
///
/// # Errors
/// As [`probe`].
pub fn probe_within(path: &Path, limits: &Limits) -> Result<MediaInfo, MediaError> {
    let is_still = match still::probe(path, limits)? {
        Probed::Still(info) => return Ok(info),
        Probed::Unsupported => true,
        Probed::NotAStill => false,
    };
    let container = open(path, limits, Arc::default())?;
    let streams: Vec<StreamInfo> = container.input.streams().map(|stream| stream_info(&stream)).collect();
    let moves = |stream: &StreamInfo| matches!(stream.kind, StreamKind::Video(_)) && !stream.attached_picture;
    Ok(MediaInfo {
        format: container.input.format(),
        kind: match is_still {
            true => MediaKind::Still,
            false if streams.iter().any(moves) => MediaKind::Video,
            false => MediaKind::Audio,
        },
        start: container.start(),
        duration: container.input.duration_micros().map(|ticks| Timestamp { ticks, base: MICROSECONDS }),
        streams,
    })
}

/// An opened file of which at least one stream is picture or sound.
pub struct Container {
    pub input: Input,
    pub wholeness: Wholeness,
}

/// Opens a file for reading its packets.
pub fn open(path: &Path, limits: &Limits, cancelled: Arc<AtomicBool>) -> Result<Container, MediaError> {
    let opened = file::open(path)?;
    let wholeness = wholeness(&opened.file, opened.len);
    let options =
        OpenOptions { max_streams: limits.max_streams, max_pixels: limits.max_pixels, refused: &NOT_MEDIA, cancelled };
    let not_media = |reason: String| MediaError::NotMedia { path: path.into(), reason };
    let input = Input::open(opened.file, path, &options).map_err(|error| match error {
        OpenError::Refused(format) => not_media(format!("it looks like {format}")),
        OpenError::Libav(error) => not_opened(path, wholeness, error),
    })?;
    if input.streams().all(|stream| stream.kind() == StreamType::Other) {
        return Err(match wholeness {
            Wholeness::Cut { .. } | Wholeness::NoIndex => not_opened(path, wholeness, AvError::END),
            Wholeness::Whole | Wholeness::Unknown => not_media("it has neither pictures nor sound".into()),
        });
    }
    let streams = input.streams().count() as u64;
    if streams > limits.max_streams.into() {
        let limit = limits.max_streams.into();
        return Err(MediaError::OverLimit { path: path.into(), what: format!("{streams} streams"), limit });
    }
    for stream in input.streams().filter(|stream| stream.kind() == StreamType::Video) {
        check_pixels(path, stream.width(), stream.height(), limits)?;
    }
    Ok(Container { input, wholeness })
}

/// Refuses a picture that is too large.
pub fn check_pixels(path: &Path, width: u32, height: u32, limits: &Limits) -> Result<(), MediaError> {
    if u64::from(width) * u64::from(height) <= limits.max_pixels {
        return Ok(());
    }
    let what = format!("a picture of {width}x{height} pixels");
    Err(MediaError::OverLimit { path: path.into(), what, limit: limits.max_pixels })
}

fn not_opened(path: &Path, wholeness: Wholeness, error: AvError) -> MediaError {
    let (path, reason) = (path.into(), error.to_string());
    match wholeness {
        Wholeness::NoIndex => MediaError::Truncated { path, missing: "its index (moov) is missing", reason },
        Wholeness::Cut { .. } => MediaError::Truncated { path, missing: "its end is missing", reason },
        Wholeness::Whole | Wholeness::Unknown => MediaError::NotMedia { path, reason },
    }
}

impl Container {
    /// The stream whose frames are read: the first video stream that is no cover picture.
    pub fn video(&self, path: &Path) -> Result<Stream<'_>, MediaError> {
        let real = |stream: &Stream<'_>| stream.kind() == StreamType::Video && !stream.is_attached_picture();
        self.input.streams().find(real).ok_or_else(|| {
            let found: Vec<String> = self.input.streams().map(|stream| found(&stream)).collect();
            MediaError::NoVideo { path: path.into(), found: found.join(", ") }
        })
    }

    /// The stream of sound with this index, or the first one.
    pub fn audio(&self, path: &Path, index: Option<u32>) -> Result<Stream<'_>, MediaError> {
        let wanted = |stream: &Stream<'_>| {
            stream.kind() == StreamType::Audio && index.is_none_or(|index| stream.index() == index)
        };
        self.input.streams().find(wanted).ok_or_else(|| {
            let found: Vec<String> = self.input.streams().map(|stream| found(&stream)).collect();
            MediaError::NoSound { path: path.into(), found: found.join(", ") }
        })
    }

    /// Where the timeline begins: the earliest stream's start, as libav counts.
    ///
    /// libav rounds it to microseconds; the exact time is that of the stream it came from.
    pub fn start(&self) -> Timestamp {
        let Some(micros) = self.input.start_micros() else { return Timestamp::ZERO };
        let rounded = Timestamp { ticks: micros, base: MICROSECONDS };
        let is_rounded = |start: &Timestamp| start.since(rounded).seconds().abs() < 1e-6;
        let seen_or_heard = || self.input.streams().filter(|stream| stream.kind() != StreamType::Other);
        let exact = if earliest(seen_or_heard().filter_map(|stream| start(&stream))).is_some_and(|at| is_rounded(&at)) {
            earliest(seen_or_heard().filter_map(|stream| audible_start(&stream)))
        } else {
            self.input.streams().filter_map(|stream| start(&stream)).find(is_rounded) // subtitles, by less than a second
        };
        exact.unwrap_or(rounded)
    }
}

fn earliest(starts: impl Iterator<Item = Timestamp>) -> Option<Timestamp> {
    starts.min_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal))
}

fn start(stream: &Stream<'_>) -> Option<Timestamp> {
    Some(Timestamp { ticks: stream.start()?, base: stream.time_base() })
}

/// Where a stream begins to be seen or heard. Opus in Matroska begins before 0 by the samples that prime its decoder;
/// FFmpeg counted them in before 8.
pub fn audible_start(stream: &Stream<'_>) -> Option<Timestamp> {
    let start = start(stream)?;
    if start.ticks >= 0 {
        return Some(start);
    }
    Some(Timestamp { ticks: start.ticks.saturating_add(stream.priming()).min(0), ..start })
}

fn found(stream: &Stream<'_>) -> String {
    let kind = if stream.is_attached_picture() { "a cover picture".into() } else { stream.type_name() };
    format!("{kind}: {}", stream.codec())
}

fn stream_info(stream: &Stream<'_>) -> StreamInfo {
    let base = stream.time_base();
    let at = |ticks| Timestamp { ticks, base };
    StreamInfo {
        index: stream.index(),
        kind: match stream.kind() {
            StreamType::Video => StreamKind::Video(video_info(stream)),
            StreamType::Audio => StreamKind::Audio(stream.audio()),
            StreamType::Other => StreamKind::Other { name: stream.type_name() },
        },
        codec: stream.codec(),
        time_base: base,
        start: stream.start().map(at),
        duration: stream.duration().map(at),
        language: stream.tag(c"language"),
        title: stream.tag(c"title"),
        default: stream.is_default(),
        attached_picture: stream.is_attached_picture(),
    }
}

fn video_info(stream: &Stream<'_>) -> VideoInfo {
    let (width, height, orientation) = (stream.width(), stream.height(), stream.orientation());
    let (display_width, display_height) = orientation.turned(width, height);
    VideoInfo {
        width,
        height,
        display_width,
        display_height,
        rotation_degrees: orientation.clockwise_degrees(),
        mirrored: orientation.mirrored(),
        pixel_format: stream.pixel_format(),
        sample_aspect_ratio: stream.sample_aspect_ratio(),
        average_fps: stream.average_fps(),
        nominal_fps: stream.nominal_fps(),
        colour_space: stream.colour_space(),
        colour_range: stream.colour_range(),
    }
}
