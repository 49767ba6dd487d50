//! Counts what a file really contains, packet by packet, without decoding.
//!
//! Headers lie about rates and lengths; timestamps of packets do not. The facts are computed by plain functions over
//! the timestamps, so they are tested without a file.

use std::{path::Path, sync::Arc};

use serde::Serialize;

use crate::{
    Limits, MediaError, Rational, Timestamp, Wholeness,
    checker::{Checker, Found},
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
    /// Frames that are shown.
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
    /// Frames a second from the first timestamp to the last: of rates that differ by less than timestamps are rounded by,
    /// the one that the file tells, failing that the usual one. `None` where too many timestamps are missing.
    pub true_fps: Option<Rational>,
    /// Distances of more than ten times the usual one, in order.
    pub gaps: Vec<Gap>,
    /// Frames without a timestamp.
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
    /// Packets in a row that the container marks as damaged, or that cannot be right.
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
    /// Pictures before which another is missing that they may refer to, in a row.
    Lost {
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
/// Memory: 16 bytes a video frame.
///
/// Damage is what packets and files say of themselves: marks of the container, a missing end, pictures missing from the
/// numbering of H.264, heads of VP8 and VP9 that cannot be right. Wrong bytes behind the head of a picture show only when
/// it is decoded, if they show at all.
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
        let mut found = Found::default();
        let base = if let Some(video) = video.as_mut().filter(|video| video.stream == stream) {
            found = video.take(&packet);
            video.base
        } else if let Some(audio) = audio.as_mut().filter(|audio| audio.stream == stream) {
            audio.take(&packet);
            audio.base
        } else {
            continue;
        };
        let time = packet.pts().or(packet.dts()).map(|ticks| Timestamp { ticks, base });
        if packet.is_corrupt() || found.is_damaged {
            note(&mut damage, Damage::Packets { stream, count: 1, first: time, last: time });
        } else if found.is_behind_a_loss {
            note(&mut damage, Damage::Lost { stream, count: 1, first: time, last: time });
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

/// Adds one damaged packet to the run it continues, or begins a new one. More runs than anybody reads become one.
fn note(damage: &mut Vec<Damage>, new: Damage) {
    const MAX_RUNS: usize = 1000;
    let is_full = damage.len() >= MAX_RUNS;
    match (damage.last_mut(), &new) {
        (Some(Damage::Packets { stream, count, last, .. }), Damage::Packets { stream: same, last: time, .. })
        | (Some(Damage::Lost { stream, count, last, .. }), Damage::Lost { stream: same, last: time, .. })
            if stream == same || is_full =>
        {
            *count += 1;
            *last = time.or(*last);
        }
        _ if is_full => {}
        _ => damage.push(new),
    }
}

/// What is kept of the video packets.
struct VideoPackets {
    stream: u32,
    base: Rational,
    is_vp8: bool,
    checker: Option<Checker>,
    /// The rates that the file tells.
    told: [Option<Rational>; 2],
    /// Times of the frames that are shown, in the order of the file.
    times: Vec<i64>,
    /// When they are decoded.
    decode_times: Vec<i64>,
    shown: u64,
    /// A field without its other one was read last.
    half: bool,
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
            checker: Checker::new(stream),
            told: [stream.average_fps(), stream.nominal_fps()],
            times: Vec::new(),
            decode_times: Vec::new(),
            shown: 0,
            half: false,
            missing_timestamps: 0,
            key_frames: 0,
            gop: 0,
            longest_gop: 0,
        }
    }

    /// Takes in a packet, and says what damage it shows.
    fn take(&mut self, packet: &Packet) -> Found {
        let found = self.checker.as_mut().map(|checker| checker.check(packet)).unwrap_or_default();
        let is_field = found.is_field;
        let is_second_field = is_field && self.half;
        self.half = is_field && !is_second_field;
        if is_second_field {
            return found;
        }
        if packet.is_key() {
            self.key_frames += 1;
            self.gop = 0;
        }
        // VP8 keeps pictures that are only referred to in packets of their own: bit 4 of the first byte is `show`.
        let hidden = self.is_vp8 && packet.first_byte().is_some_and(|byte| byte & 0x10 == 0);
        if hidden || packet.is_discarded() {
            return found;
        }
        self.shown += 1;
        self.gop += 1;
        self.longest_gop = self.longest_gop.max(self.gop);
        match packet.pts() {
            Some(pts) => self.times.push(pts),
            None => self.missing_timestamps += 1,
        }
        self.decode_times.extend(packet.dts());
        found
    }

    fn facts(mut self) -> VideoScan {
        // Where some frames do not say when they are shown, they may all say when they are decoded: as often.
        if self.missing_timestamps > 0 && self.decode_times.len() as u64 == self.shown {
            self.times = std::mem::take(&mut self.decode_times);
        }
        self.times.sort_unstable();
        let is_timed = self.times.len() as u64 == self.shown;
        let at = |ticks| Timestamp { ticks, base: self.base };
        let intervals = || self.times.windows(2).filter(|_| is_timed).map(|pair| pair[1].saturating_sub(pair[0]));
        let variable_frame_rate = is_timed && is_uneven(&self.times, self.base);
        let true_fps = true_fps(&self.times, self.base).filter(|_| is_timed);
        VideoScan {
            frame_count: self.shown,
            key_frames: self.key_frames,
            longest_gop: self.longest_gop,
            first: self.times.first().copied().map(at),
            last: self.times.last().copied().map(at),
            variable_frame_rate,
            min_interval: intervals().min().map(at),
            max_interval: intervals().max().map(at),
            true_fps: match true_fps {
                Some(fps) if !variable_frame_rate => Some(usual(fps, &self.times, self.base, self.told)),
                fps => fps,
            },
            gaps: gaps(&self.times).filter(|_| is_timed).map(|(from, to)| Gap { from: at(from), to: at(to) }).collect(),
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

/// Of the rates that agree with the span of the timestamps to a tick, the one that the file tells, failing that one of
/// those that are in use, failing that `measured`: containers that count in milliseconds know no 23.976.
fn usual(measured: Rational, times: &[i64], base: Rational, told: [Option<Rational>; 2]) -> Rational {
    const WHOLE: [i64; 9] = [24, 25, 30, 48, 50, 60, 100, 120, 240];
    let ([first, .., last], Ok(intervals)) = (times, i128::try_from(times.len().saturating_sub(1))) else {
        return measured;
    };
    let span = i128::from(*last) - i128::from(*first);
    let agrees = |rate: &Rational| {
        // intervals / rate − span × base, and a tick, both times the denominators.
        let (num, den) = (i128::from(rate.num), i128::from(rate.den));
        let tick = i128::from(base.num) * num;
        let expected = intervals.checked_mul(den).and_then(|off| off.checked_mul(base.den.into()));
        let off = expected.zip(span.checked_mul(tick)).map(|(expected, span)| (expected - span).abs());
        off.is_some_and(|off| off <= tick)
    };
    let ntsc = WHOLE.iter().filter_map(|&rate| Rational::new(rate * 1000, 1001));
    let whole = WHOLE.iter().filter_map(|&rate| Rational::new(rate, 1));
    told.into_iter().flatten().chain(whole).chain(ntsc).find(agrees).unwrap_or(measured)
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
    fn a_rate_that_milliseconds_hide_is_told_as_the_one_it_must_be() {
        let millis = |num: i64, den: i64| -> Vec<i64> { (0..1000).map(|n| (n * 1000 * den + num / 2) / num).collect() };
        let told =
            |times: &[i64], told| usual(true_fps(times, MILLIS).unwrap(), times, MILLIS, [told, None]).to_string();
        assert_eq!(told(&millis(24_000, 1001), None), "24000/1001");
        assert_eq!(told(&millis(24, 1), None), "24/1");
        assert_eq!(told(&millis(25, 1), Rational::new(50, 1)), "25/1", "what the file tells does not agree");
        // Three frames are too few to tell; the file knows.
        assert_eq!(told(&millis(24_000, 1001)[..3], Rational::new(24_000, 1001)), "24000/1001");
        assert_eq!(told(&millis(17, 1), None), "199800/11753", "measured");
    }

    #[test]
    fn damaged_packets_in_a_row_are_told_as_one_run() {
        let at = |ticks| Some(Timestamp { ticks, base: MILLIS });
        let packets = |stream, count, first, last| Damage::Packets { stream, count, first: at(first), last: at(last) };
        let lost = Damage::Lost { stream: 0, count: 1, first: at(40), last: at(40) };
        let mut damage = Vec::new();
        for (stream, ticks) in [(0, 10), (0, 20), (1, 20), (0, 30)] {
            note(&mut damage, packets(stream, 1, ticks, ticks));
        }
        note(&mut damage, lost.clone());
        assert_eq!(damage, [packets(0, 2, 10, 20), packets(1, 1, 20, 20), packets(0, 1, 30, 30), lost]);
    }
}
