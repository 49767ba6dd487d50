//! Counts what a file really contains, packet by packet, without decoding.
//!
//! Headers lie about rates and lengths; timestamps of packets do not. The facts are computed by plain functions over
//! the timestamps, so they are tested without a file.

use std::{path::Path, sync::Arc};

use serde::Serialize;

use crate::{
    Limits, MediaError, Rational, Timestamp, Wholeness,
    libav::{AvError, Input, Packet, Stream, StreamType},
    probe,
};

/// What the packets of a file say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scan {
    /// The first video stream that is no cover picture.
    pub video: Option<VideoScan>,
    /// The first audio stream.
    pub audio: Option<AudioScan>,
    /// What is broken, in the order it was met. Empty for a file in good order.
    pub damage: Vec<Damage>,
    /// Whether the file is as long as it says.
    pub wholeness: Wholeness,
}

/// The video packets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoScan {
    /// Frames that are shown. The two fields of an interlaced picture that lie in packets of their own count as two.
    pub frame_count: u64,
    /// Packets that decoders can start at.
    pub key_frames: u64,
    /// Frames from one of those to the next, at most.
    pub longest_gop: u64,
    /// The first timestamp on the stream's own timeline.
    pub first: Option<Timestamp>,
    /// The last one.
    pub last: Option<Timestamp>,
    /// Whether some frame lies more than a millisecond (or a tick, if that is longer) off an even spread.
    pub variable_frame_rate: bool,
    /// The shortest distance between two frames.
    pub min_interval: Option<Timestamp>,
    /// The longest distance between two frames.
    pub max_interval: Option<Timestamp>,
    /// Frames a second from the first timestamp to the last.
    pub true_fps: Option<Rational>,
    /// Distances of more than ten times the usual one, in order.
    pub gaps: Vec<Gap>,
    /// Packets without a timestamp.
    pub missing_timestamps: u64,
}

/// The audio packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AudioScan {
    /// How many.
    pub packets: u64,
    /// The first timestamp on the stream's own timeline.
    pub first: Option<Timestamp>,
    /// From the first packet's start to the last one's end.
    pub duration: Option<Timestamp>,
}

/// A hole between two frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The frame before it, on the stream's own timeline.
    pub from: Timestamp,
    /// The frame behind it.
    pub to: Timestamp,
}

/// Something broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Damage {
    /// Packets in a row that the container marks as damaged.
    Packets {
        /// The stream's index.
        stream: u32,
        /// How many.
        count: u64,
        /// The first one's time on the stream's own timeline.
        first: Option<Timestamp>,
        /// The last one's.
        last: Option<Timestamp>,
    },
    /// The file could not be read to its end.
    Unreadable {
        /// What libav said.
        reason: String,
    },
    /// The file is shorter than it says.
    Cut {
        /// By at least so many bytes.
        missing_bytes: u64,
    },
}

/// Reads all packets of the first video and the first audio stream.
///
/// Memory: 8 bytes a video frame.
///
/// # Errors
/// As [`probe`](crate::probe). Damage on the way is no error: see [`Scan::damage`].
pub fn scan(path: &Path) -> Result<Scan, MediaError> {
    let libav = |error: AvError| MediaError::Libav {
        path: path.into(),
        doing: "read the packets of",
        reason: error.to_string(),
    };
    let container = probe::open(path, &Limits::default(), Arc::default())?;
    let mut video = container.video(path).ok().map(|stream| VideoPackets::new(&stream));
    let mut audio = first_audio(&container.input).map(|stream| AudioPackets::new(&stream));
    let mut input = container.input;
    let wanted: Vec<u32> =
        video.iter().map(|video| video.stream).chain(audio.iter().map(|audio| audio.stream)).collect();
    input.keep_only(&wanted);
    let mut packet = Packet::new().map_err(libav)?;
    let mut damage = Vec::new();
    loop {
        match input.read(&mut packet) {
            Ok(true) => {}
            Ok(false) => break,
            Err(AvError::AGAIN) => continue,
            Err(error) => {
                damage.push(Damage::Unreadable { reason: error.to_string() });
                break;
            }
        }
        let stream = packet.stream_index();
        let base = if let Some(video) = video.as_mut().filter(|video| video.stream == stream) {
            video.take(&packet);
            video.base
        } else if let Some(audio) = audio.as_mut().filter(|audio| audio.stream == stream) {
            audio.take(&packet);
            audio.base
        } else {
            continue;
        };
        if packet.is_corrupt() {
            let time = packet.pts().or(packet.dts()).map(|ticks| Timestamp { ticks, base });
            note_damaged(&mut damage, stream, time);
        }
    }
    if let Wholeness::Cut { missing_bytes } = container.wholeness {
        damage.push(Damage::Cut { missing_bytes });
    }
    Ok(Scan {
        video: video.map(VideoPackets::facts),
        audio: audio.map(|audio| audio.facts()),
        damage,
        wholeness: container.wholeness,
    })
}

fn first_audio(input: &Input) -> Option<Stream<'_>> {
    input.streams().find(|stream| stream.kind() == StreamType::Audio)
}

/// Adds a damaged packet to the run it continues, or begins a new one.
fn note_damaged(damage: &mut Vec<Damage>, packet_stream: u32, time: Option<Timestamp>) {
    if let Some(Damage::Packets { stream, count, last, .. }) = damage.last_mut()
        && *stream == packet_stream
    {
        *count += 1;
        *last = time.or(*last);
        return;
    }
    damage.push(Damage::Packets { stream: packet_stream, count: 1, first: time, last: time });
}

/// What is kept of the video packets.
struct VideoPackets {
    stream: u32,
    base: Rational,
    is_vp8: bool,
    /// Times of the frames that are shown, in the order of the file.
    times: Vec<i64>,
    shown: u64,
    missing_timestamps: u64,
    key_frames: u64,
    gop: u64,
    longest_gop: u64,
}

impl VideoPackets {
    fn new(stream: &Stream<'_>) -> Self {
        Self {
            stream: stream.index(),
            base: stream.time_base(),
            is_vp8: stream.is_vp8(),
            times: Vec::new(),
            shown: 0,
            missing_timestamps: 0,
            key_frames: 0,
            gop: 0,
            longest_gop: 0,
        }
    }

    fn take(&mut self, packet: &Packet) {
        if packet.is_key() {
            self.key_frames += 1;
            self.gop = 0;
        }
        // VP8 keeps pictures that are only referred to in packets of their own: bit 4 of the first byte is `show`.
        let hidden = self.is_vp8 && packet.first_byte().is_some_and(|byte| byte & 0x10 == 0);
        if hidden || packet.is_discarded() {
            return;
        }
        self.shown += 1;
        self.gop += 1;
        self.longest_gop = self.longest_gop.max(self.gop);
        match packet.pts() {
            Some(pts) => self.times.push(pts),
            None => self.missing_timestamps += 1,
        }
    }

    fn facts(mut self) -> VideoScan {
        self.times.sort_unstable();
        let at = |ticks| Timestamp { ticks, base: self.base };
        let intervals = || self.times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        VideoScan {
            frame_count: self.shown,
            key_frames: self.key_frames,
            longest_gop: self.longest_gop,
            first: self.times.first().copied().map(at),
            last: self.times.last().copied().map(at),
            variable_frame_rate: is_uneven(&self.times, self.base),
            min_interval: intervals().min().map(at),
            max_interval: intervals().max().map(at),
            true_fps: true_fps(&self.times, self.base),
            gaps: gaps(&self.times).map(|(from, to)| Gap { from: at(from), to: at(to) }).collect(),
            missing_timestamps: self.missing_timestamps,
        }
    }
}

/// What is kept of the audio packets.
struct AudioPackets {
    stream: u32,
    base: Rational,
    packets: u64,
    /// The earliest start and the latest end.
    span: Option<(i64, i64)>,
}

impl AudioPackets {
    fn new(stream: &Stream<'_>) -> Self {
        Self { stream: stream.index(), base: stream.time_base(), packets: 0, span: None }
    }

    fn take(&mut self, packet: &Packet) {
        self.packets += 1;
        let Some(start) = packet.pts() else { return };
        let end = start.saturating_add(packet.duration().max(0));
        let (first, last) = self.span.unwrap_or((start, end));
        self.span = Some((first.min(start), last.max(end)));
    }

    fn facts(&self) -> AudioScan {
        let at = |ticks| Timestamp { ticks, base: self.base };
        AudioScan {
            packets: self.packets,
            first: self.span.map(|(first, _)| at(first)),
            duration: self.span.map(|(first, last)| at(last.saturating_sub(first))),
        }
    }
}

/// Whether a frame lies more than a millisecond, or a tick if that is longer, off an even spread from the first
/// timestamp to the last. Containers that count in milliseconds round a constant rate by no more than that.
fn is_uneven(times: &[i64], base: Rational) -> bool {
    let ([first, .., last], Ok(intervals)) = (times, i128::try_from(times.len().saturating_sub(1))) else {
        return false;
    };
    let span = i128::from(*last) - i128::from(*first);
    times.iter().zip(0i128..).any(|(&time, nth)| {
        // off = (time − first) − nth × span / intervals, in ticks; everything times `intervals` to stay exact.
        let off = ((i128::from(time) - i128::from(*first)) * intervals - nth * span).abs();
        let over_a_tick = off > intervals;
        let over_a_millisecond = off.saturating_mul(i128::from(base.num) * 1000) > intervals * i128::from(base.den);
        over_a_tick && over_a_millisecond
    })
}

/// Intervals a second, from the first timestamp to the last.
fn true_fps(times: &[i64], base: Rational) -> Option<Rational> {
    let [first, .., last] = times else { return None };
    let seconds = Rational::new(last.checked_sub(*first)?.checked_mul(base.num)?, base.den)?;
    let per_interval = Rational::new(seconds.num, seconds.den.checked_mul(i64::try_from(times.len()).ok()? - 1)?)?;
    per_interval.inverse()
}

/// Neighbours more than ten times the median distance apart.
fn gaps(times: &[i64]) -> impl Iterator<Item = (i64, i64)> {
    let mut intervals: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let middle = intervals.len() / 2;
    let usual = if intervals.is_empty() { i64::MAX } else { *intervals.select_nth_unstable(middle).1 };
    let longest = usual.saturating_mul(10);
    times
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        .filter(move |(from, to)| usual > 0 && to.saturating_sub(*from) > longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: Rational = Rational { num: 1, den: 1000 };
    const FINE: Rational = Rational { num: 1, den: 90_000 };

    #[test]
    fn a_constant_rate_rounded_to_milliseconds_is_constant() {
        let ntsc: Vec<i64> = (0..1000).map(|n| (n * 1_001_000 + 12_000) / 24_000).collect();
        assert!(!is_uneven(&ntsc, MILLIS));
        assert!(!is_uneven(&[0, 3600, 7200, 10_800], FINE));
        assert!(!is_uneven(&[0], FINE) && !is_uneven(&[], FINE));
    }

    #[test]
    fn a_dropped_frame_makes_the_rate_variable() {
        assert!(is_uneven(&[0, 3600, 7200, 14_400], FINE));
    }

    #[test]
    fn a_coarse_time_base_may_round_by_a_tick() {
        let base = Rational { num: 1, den: 10 };
        assert!(!is_uneven(&[0, 3, 7, 10], base));
        assert!(is_uneven(&[0, 3, 9, 10], base));
    }

    #[test]
    fn the_true_rate_is_exact() {
        let times: Vec<i64> = (0..241).map(|n| n * 1001).collect();
        let base = Rational { num: 1, den: 24_000 };
        assert_eq!(true_fps(&times, base).unwrap().to_string(), "24000/1001");
        assert_eq!(true_fps(&[5], base), None);
        assert_eq!(true_fps(&[5, 5], base), None);
        assert_eq!(true_fps(&[i64::MIN, i64::MAX], base), None);
    }

    #[test]
    fn a_gap_is_ten_times_the_usual_distance() {
        assert_eq!(gaps(&[0, 1, 2, 3, 14, 15]).collect::<Vec<_>>(), [(3, 14)]);
        assert_eq!(gaps(&[0, 1, 2, 3, 13, 14]).count(), 0);
        assert_eq!(gaps(&[]).count() + gaps(&[7]).count() + gaps(&[7, 7, 7, 9]).count(), 0);
    }

    #[test]
    fn damaged_packets_in_a_row_are_told_as_one_run() {
        let at = |ticks| Some(Timestamp { ticks, base: MILLIS });
        let mut damage = Vec::new();
        for (stream, ticks) in [(0, 10), (0, 20), (1, 20), (0, 30)] {
            note_damaged(&mut damage, stream, at(ticks));
        }
        assert_eq!(
            damage,
            [
                Damage::Packets { stream: 0, count: 2, first: at(10), last: at(20) },
                Damage::Packets { stream: 1, count: 1, first: at(20), last: at(20) },
                Damage::Packets { stream: 0, count: 1, first: at(30), last: at(30) },
            ]
        );
    }
}
