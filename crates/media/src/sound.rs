//! Cuts sound into parts at packet boundaries, and joins parts again, by copying packets.
//!
//! What is heard is counted in samples: a packet's place is the sum of the samples before it, which the timestamps have to
//! confirm. A part in MP4 begins with a few packets that are decoded and not heard, so that its first sample is the
//! same as in the whole.

use std::{
    fs::{self, File},
    io::Cursor,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    CutOptions, Limits, MediaError, Part, Rational, Timestamp,
    libav::{AvError, Format, Output, Packet, PacketTimes, Sink, Stream},
    parts::{PartSound, Unfinished, changed, each_packet, ticks_of, unreadable, whole_multiple},
    places::{self, Place},
    probe,
};

/// How far a timestamp may lie off the sum of the samples before it: containers round, clocks do not.
pub const TOLERANCE_SECONDS: f64 = 0.002;

/// A packet of more samples has a corrupt duration. PCM comes in packets of a second at most.
const MAX_PACKET_SAMPLES: i64 = 1 << 24;

/// A file of sound that continues the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundPart {
    /// The file.
    pub path: PathBuf,
    /// What is heard of it: a whole number of samples.
    pub duration: Timestamp,
    /// Where it begins: the sum of the durations before it.
    pub start_offset: Timestamp,
}

impl SoundPart {
    /// Where it ends.
    pub fn end_offset(&self) -> Timestamp {
        self.start_offset.plus(self.duration)
    }
}

/// Cuts the first stream of sound into files in `folder`, named `part-00000.m4a` (`.wav` for PCM) and so on.
///
/// Parts end where packets end. The heard samples of the parts, one part after the other, are those of the file:
/// [`first_index`](Part::first_index) and [`count`](Part::count) count samples. The last part may be followed by what fills its
/// last packet. Sound with holes, of a codec whose packets do not tell how many samples they hold, or shorter than one and a
/// half targets stays one part: the file itself.
///
/// # Errors
/// Those of [`probe`](crate::probe()), and [`MediaError::Unwritable`]. After an error no part is left in `folder`.
pub fn cut_sound(path: &Path, folder: &Path, options: &CutOptions) -> Result<Vec<Part>, MediaError> {
    let table = Table::read(path, &options.limits)?;
    let chosen = if table.can_be_cut() {
        let target = ticks_of(options.target, table.unit());
        places::choose(&table.places(), 0, table.heard(), target)
    } else {
        Vec::new()
    };
    let written = if chosen.is_empty() {
        None
    } else {
        write_parts(path, folder, &table, &table.pieces(&chosen), &options.limits)?
    };
    Ok(written.unwrap_or_else(|| vec![table.whole(path)]))
}

/// Cuts out the smallest part of the first stream of sound that covers `[from, to)`, counted from the container's start:
/// whole packets. What [`cut_sound`] would not cut is not cut here either.
///
/// # Errors
/// As [`cut_sound`].
pub fn cut_sound_range(
    path: &Path,
    folder: &Path,
    from: Timestamp,
    to: Timestamp,
    limits: &Limits,
) -> Result<Part, MediaError> {
    let table = Table::read(path, limits)?;
    let places = if table.can_be_cut() { table.places() } else { Vec::new() };
    let sample = |time: Timestamp| time.since(table.start).seconds() * f64::from(table.rate);
    // `as` saturates.
    let (begin, end) = places::around(&places, sample(from).floor() as i64, sample(to).ceil() as i64);
    if begin.is_none() && end.is_none() {
        return Ok(table.whole(path));
    }
    let piece = table.piece(begin.unwrap_or(table.beginning()), end.unwrap_or(table.ending()));
    let written = write_parts(path, folder, &table, &[piece], limits)?;
    Ok(written.and_then(|mut parts| parts.pop()).unwrap_or_else(|| table.whole(path)))
}

/// How long the sound of each file is, and where it begins when they are played one after the other.
///
/// # Errors
/// Those of [`probe`](crate::probe()); [`MediaError::NoSound`] for a file without sound.
pub fn probe_sound(paths: &[PathBuf], limits: &Limits) -> Result<Vec<SoundPart>, MediaError> {
    let mut start_offset = Timestamp::ZERO;
    paths
        .iter()
        .map(|path| {
            let table = Table::read(path, limits)?;
            let duration = Timestamp { ticks: table.heard(), base: table.unit() };
            let part = SoundPart { path: path.clone(), duration, start_offset };
            start_offset = part.end_offset();
            Ok(part)
        })
        .collect()
}

/// Joins the packets of `parts` that are heard in `[start, end)` into one fragmented MP4.
///
/// The parts are pieces of one stream, as [`probe_sound`] describes them. Packets are whole, so that the result may begin and
/// end a packet's length outside of the range.
///
/// # Errors
/// Those of [`probe_sound`]; [`MediaError::CannotJoin`] when the parts differ in their codec, MP4 does not hold it, or nothing
/// lies in the range.
pub fn stitch(parts: &[SoundPart], start: Timestamp, end: Timestamp, limits: &Limits) -> Result<Vec<u8>, MediaError> {
    let mut joint: Option<Joint> = None;
    for part in parts {
        let samples = |time: Timestamp| {
            let seconds = time.since(part.start_offset).seconds();
            (seconds * part.duration.base.inverse().map_or(1.0, Rational::to_f64)).round() as i64
        };
        let (from, to) = (samples(start).max(0), samples(end).min(part.duration.ticks));
        if from < to {
            join(&mut joint, part, from, to, limits)?;
        }
    }
    let cannot = |reason: String| MediaError::CannotJoin {
        path: parts.first().map(|part| part.path.clone()).unwrap_or_default(),
        reason,
    };
    let nothing = || cannot(format!("nothing is heard from {:.3} s to {:.3} s", start.seconds(), end.seconds()));
    let Joint { output, .. } = joint.ok_or_else(nothing)?;
    output.finish().map(Cursor::into_inner).map_err(|error| cannot(error.to_string()))
}

/// The packets of a stream of sound.
struct Table {
    stream: u32,
    rate: u32,
    packets: Vec<Sounding>,
    /// Where the heard samples begin and end.
    first: i64,
    end: i64,
    /// Whether the timestamps confirm the sum of samples.
    is_continuous: bool,
    warm_up: Option<usize>,
    is_pcm: bool,
    codec: String,
    channels: u32,
    extradata: Vec<u8>,
    /// The first heard sample's time from the container's start.
    start: Timestamp,
}

/// A packet of sound, counted in samples from the stream's first packet.
#[derive(Debug, Clone, Copy)]
struct Sounding {
    position: i64,
    samples: i64,
}

impl Table {
    fn read(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        let container = probe::open(path, limits, Default::default())?;
        let container_start = container.start();
        let stream = container.audio(path, None)?;
        let (index, base, rate, codec) =
            (stream.index(), stream.time_base(), stream.audio().sample_rate, stream.codec());
        let (warm_up, extradata) = (stream.packets_to_warm_up(), stream.extradata().to_vec());
        let channels = stream.audio().channels;
        let is_pcm = codec.starts_with("pcm_");
        let counter = Counter::new(&stream, base, rate);
        let mut packets: Vec<Sounding> = Vec::new();
        let (mut position, mut first, mut end, mut first_pts) = (0, None, 0, None);
        let mut is_continuous = true;
        // More than a packet's samples can be asked to be left out.
        // Decoders of Opus know by themselves how many to begin with.
        let mut to_skip = if codec == "opus" { i64::from(stream.priming_samples()) } else { 0 };
        each_packet(path, container, index, |packet| {
            let samples =
                counter.samples(packet).filter(|samples| *samples <= MAX_PACKET_SAMPLES).unwrap_or_else(|| {
                    is_continuous = false;
                    0
                });
            if let Some(pts) = packet.pts() {
                let first_pts = *first_pts.get_or_insert(pts);
                let seconds = pts.saturating_sub(first_pts) as f64 * base.to_f64();
                let off = (seconds - position as f64 / f64::from(rate)).abs();
                is_continuous &= off <= TOLERANCE_SECONDS.max(2.0 * base.to_f64());
            }
            is_continuous &= !packet.is_corrupt() && !packet.changes_the_decoder();
            let (skip, discard) = packet.samples_to_skip();
            to_skip = if skip > 0 { i64::from(skip) } else { to_skip };
            let skipped = to_skip.min(samples);
            to_skip -= skipped;
            if !packet.is_discarded() && skipped < samples {
                first.get_or_insert(position + skipped);
                end = position + samples - i64::from(discard).min(samples);
            }
            packets.push(Sounding { position, samples });
            position += samples;
            Ok(())
        })?;
        let first = first.unwrap_or(0);
        // In the stream's own ticks, as libav moves the time of a stretch of sound whose beginning it left out.
        let skipped_ticks = (first as f64 / f64::from(rate) / base.to_f64()).round() as i64;
        let ticks = first_pts.unwrap_or(0).saturating_add(skipped_ticks);
        let start = Timestamp { ticks, base }.since(container_start);
        Ok(Self {
            stream: index,
            rate,
            packets,
            first,
            end: end.max(first),
            is_continuous,
            warm_up,
            is_pcm,
            codec,
            channels,
            extradata,
            start,
        })
    }

    fn unit(&self) -> Rational {
        Rational { num: 1, den: self.rate.into() }
    }

    /// How many samples are heard.
    fn heard(&self) -> i64 {
        self.end - self.first
    }

    /// Whether parts of it can be heard as they are in the whole.
    fn can_be_cut(&self) -> bool {
        self.warm_up.is_some() && self.is_continuous
    }

    fn beginning(&self) -> Place {
        Place { packet: 0, pts: 0 }
    }

    fn ending(&self) -> Place {
        Place { packet: self.packets.len(), pts: self.heard() }
    }

    /// Every packet that begins behind the first heard sample, at its place from there.
    fn places(&self) -> Vec<Place> {
        let place = |(packet, sounding): (usize, &Sounding)| Place { packet, pts: sounding.position - self.first };
        self.packets.iter().enumerate().map(place).filter(|place| place.pts > 0 && place.pts < self.heard()).collect()
    }

    /// The codec, as far as MP4 can tell it: layers 2 and 3 of MPEG are told apart by each packet only.
    fn family(&self) -> &str {
        if self.codec == "mp2" { "mp3" } else { &self.codec }
    }

    /// Whether a decoder of the one takes packets of the other.
    fn is_like(&self, other: &Self) -> bool {
        // That of FLAC also tells what the file as a whole holds.
        let same_start = self.extradata == other.extradata || self.codec == "flac";
        (&self.codec, self.rate, self.channels) == (&other.codec, other.rate, other.channels) && same_start
    }

    fn whole(&self, path: &Path) -> Part {
        Part {
            path: path.into(),
            is_source: true,
            start: Timestamp { ticks: 0, base: self.unit() },
            duration: self.start.plus(Timestamp { ticks: self.heard(), base: self.unit() }),
            first_index: 0,
            count: self.heard().unsigned_abs(),
            sound: PartSound::Kept,
        }
    }
}

/// Tells how many samples a packet holds.
pub struct Counter {
    is_opus: bool,
    /// Of packets of one size each; PCM has none.
    constant: Option<i64>,
    bytes_a_sample: Option<i64>,
    base: Rational,
    rate: u32,
}

impl Counter {
    pub fn new(stream: &Stream<'_>, base: Rational, rate: u32) -> Self {
        // Asked of two sizes: what does not depend on the size holds for every packet.
        let (some, more) = (stream.samples_in_packet(1 << 12), stream.samples_in_packet(1 << 13));
        let is_pcm = stream.codec().starts_with("pcm_");
        let constant = some.filter(|_| some == more && !is_pcm).map(i64::from);
        let bytes_a_sample = some.filter(|_| is_pcm).map(|samples| (1 << 12) / i64::from(samples));
        Self { is_opus: stream.codec() == "opus", constant, bytes_a_sample, base, rate }
    }

    pub fn samples(&self, packet: &Packet) -> Option<i64> {
        if self.is_opus {
            return opus_samples(packet.data());
        }
        if let Some(bytes) = self.bytes_a_sample.filter(|&bytes| bytes > 0) {
            return Some(packet.data().len() as i64 / bytes);
        }
        self.constant.or_else(|| {
            // A tick that is longer than a sample was rounded.
            let samples = i128::from(packet.duration()) * i128::from(self.base.num) * i128::from(self.rate);
            let is_fine = i128::from(self.base.num) * i128::from(self.rate) <= i128::from(self.base.den);
            let is_whole = samples > 0 && samples % i128::from(self.base.den) == 0;
            (is_fine && is_whole).then(|| i64::try_from(samples / i128::from(self.base.den)).ok()).flatten()
        })
    }
}

/// How many samples of 48 kHz a packet of Opus holds: its first byte tells the length of a frame, and how many there are.
fn opus_samples(data: &[u8]) -> Option<i64> {
    let &first = data.first()?;
    let config = first >> 3;
    let frame = match (config, config & 3) {
        (0..=11, 3) => 2880,
        (0..=11, length) => 480 << length,
        (12..=15, length) => 480 << (length & 1),
        (_, length) => 120 << length,
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => i64::from(data.get(1)? & 0x3f),
    };
    Some(frame * frames)
}

/// Packets that become a part.
struct Piece {
    /// The first packet, which may be decoded only, and the one behind the last.
    from: usize,
    to: usize,
    /// The samples that are heard, from the first one of the whole on.
    heard: Range<i64>,
}

impl Table {
    fn pieces(&self, chosen: &[Place]) -> Vec<Piece> {
        let begins = [self.beginning()].into_iter().chain(chosen.iter().copied());
        let ends = chosen.iter().copied().chain([self.ending()]);
        begins.zip(ends).map(|(begin, end)| self.piece(begin, end)).collect()
    }

    fn piece(&self, begin: Place, end: Place) -> Piece {
        Piece {
            from: begin.packet.saturating_sub(self.warm_up.unwrap_or(0)),
            to: end.packet,
            heard: begin.pts..end.pts,
        }
    }
}

/// Writes a part for each piece. `None` when the container does not hold them exactly.
fn write_parts(
    path: &Path,
    folder: &Path,
    table: &Table,
    pieces: &[Piece],
    limits: &Limits,
) -> Result<Option<Vec<Part>>, MediaError> {
    let (format, extension) = if table.is_pcm { (Format::Wav, "wav") } else { (Format::Mp4, "m4a") };
    let paths: Vec<PathBuf> = (0..pieces.len()).map(|nth| folder.join(format!(".part-{nth:05}.unfinished"))).collect();
    let mut unfinished = Unfinished(paths.clone());
    match copy(path, &paths, table, pieces, format, limits)? {
        Ok(()) => {}
        Err(Failure { nth, error }) => {
            return match error.of_the_system() {
                Some(source) => Err(MediaError::Unwritable { path: paths[nth].clone(), source }),
                None => Ok(None),
            };
        }
    }
    let mut parts = Vec::new();
    for (nth, (piece, written)) in pieces.iter().zip(&paths).enumerate() {
        // What fills the last packet is told by no field that MP4 has.
        let filling = table.packets.last().filter(|_| piece.to == table.packets.len()).map_or(0, |last| last.samples);
        let count = piece.heard.end - piece.heard.start;
        let part = Table::read(written, limits)?;
        let is_same = part.is_continuous
            && part.start.ticks == 0
            && (part.rate, part.family(), part.channels) == (table.rate, table.family(), table.channels)
            && (count..=count + filling).contains(&part.heard());
        if !is_same {
            return Ok(None);
        }
        let path = folder.join(format!("part-{nth:05}.{extension}"));
        let length = |samples| Timestamp { ticks: samples, base: table.unit() };
        parts.push(Part {
            path,
            is_source: false,
            start: table.start.plus(length(piece.heard.start)),
            duration: length(count),
            first_index: piece.heard.start.unsigned_abs(),
            count: count.unsigned_abs(),
            sound: PartSound::Kept,
        });
    }
    for (written, part) in paths.iter().zip(&parts) {
        let unwritable = |source| MediaError::Unwritable { path: part.path.clone(), source };
        fs::rename(written, &part.path).map_err(unwritable)?;
        unfinished.0.push(part.path.clone());
    }
    unfinished.0.clear();
    Ok(Some(parts))
}

/// Which part could not be written, and what libav said.
struct Failure {
    nth: usize,
    error: AvError,
}

/// Copies packets into the parts they belong to: those that warm up the next decoder, into two.
fn copy(
    path: &Path,
    paths: &[PathBuf],
    table: &Table,
    pieces: &[Piece],
    format: Format,
    limits: &Limits,
) -> Result<Result<(), Failure>, MediaError> {
    let mut input = probe::open(path, limits, Default::default())?.input;
    input.keep_only(&[table.stream]);
    let mut packet = Packet::new().map_err(|error| unreadable(path, error))?;
    let mut open: Vec<(usize, Output<File>)> = Vec::new();
    let mut number = 0;
    while number < table.packets.len() {
        match input.read(&mut packet) {
            Ok(true) if packet.stream_index() != table.stream => continue,
            Ok(true) => {}
            Err(AvError::AGAIN) => continue,
            Ok(false) | Err(_) => return Err(changed(path)),
        }
        for nth in (0..pieces.len()).filter(|&nth| pieces[nth].from == number) {
            let Some(stream) = input.streams().find(|stream| stream.index() == table.stream) else {
                return Err(changed(path));
            };
            let file = File::create(&paths[nth])
                .map_err(|source| MediaError::Unwritable { path: paths[nth].clone(), source })?;
            match begin(file, format, &stream, table) {
                Ok(output) => open.push((nth, output)),
                Err(error) => return Ok(Err(Failure { nth, error })),
            }
        }
        let Sounding { position, samples } = table.packets[number];
        for (nth, output) in &mut open {
            let pts = position - table.first - pieces[*nth].heard.start;
            if let Err(error) = output.write(&packet, PacketTimes { pts, dts: pts, duration: samples }) {
                return Ok(Err(Failure { nth: *nth, error }));
            }
        }
        number += 1;
        while let Some(at) = open.iter().position(|(nth, _)| pieces[*nth].to == number) {
            let (nth, output) = open.remove(at);
            if let Err(error) = output.finish() {
                return Ok(Err(Failure { nth, error }));
            }
        }
    }
    Ok(Ok(()))
}

/// Begins a container that counts in samples.
fn begin<S: Sink>(sink: S, format: Format, stream: &Stream<'_>, table: &Table) -> Result<Output<S>, AvError> {
    if !format.holds(stream) {
        return Err(AvError::INVALID);
    }
    let output = Output::new(sink, format, stream, table.unit())?;
    let counts_samples = output.time_base().and_then(|unit| whole_multiple(table.unit(), unit)) == Some(1);
    if counts_samples { Ok(output) } else { Err(AvError::INVALID) }
}

/// Parts that are being joined.
struct Joint {
    output: Output<Cursor<Vec<u8>>>,
    like: Table,
    /// Samples written so far.
    position: i64,
}

/// Adds the packets of `part` that are heard in `[from, to)`, counted from the part's start in samples.
fn join(joint: &mut Option<Joint>, part: &SoundPart, from: i64, to: i64, limits: &Limits) -> Result<(), MediaError> {
    let path = &part.path;
    let cannot = |reason: String| MediaError::CannotJoin { path: path.clone(), reason };
    let table = Table::read(path, limits)?;
    let container = probe::open(path, limits, Default::default())?;
    let stream = container.audio(path, Some(table.stream))?;
    if joint.is_none() {
        let output = begin(Cursor::new(Vec::new()), Format::FragmentedMp4, &stream, &table)
            .map_err(|error| cannot(format!("MP4 does not hold {}: {error}", table.codec)))?;
        *joint = Some(Joint { output, like: Table::read(path, limits)?, position: 0 });
    }
    let Some(Joint { output, like, position }) = joint else { return Ok(()) };
    if !like.is_like(&table) {
        let described = |table: &Table| format!("{} of {} Hz and {} channels", table.codec, table.rate, table.channels);
        return Err(cannot(format!("it holds {}, the one before it {}", described(&table), described(like))));
    }
    let mut number = 0;
    each_packet(path, container, table.stream, |packet| {
        let Sounding { position: at, samples } = table.packets.get(number).copied().ok_or_else(|| changed(path))?;
        number += 1;
        // What is only decoded and not heard belongs to the part before.
        let (begin, end) = ((at - table.first).max(0), (at + samples).min(table.end) - table.first);
        if begin < to && end > from && begin < end {
            let times = PacketTimes { pts: *position, dts: *position, duration: samples };
            output.write(packet, times).map_err(|error| cannot(error.to_string()))?;
            *position += samples;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_opus_tell_its_length() {
        for (data, samples) in [
            (&[0xfc][..], Some(960)),    // one frame of 20 ms
            (&[0x80], Some(120)),        // of 2.5 ms
            (&[0x19], Some(2 * 2880)),   // two of 60 ms
            (&[0x63, 3], Some(3 * 480)), // three of 10 ms
            (&[0x63], None),
            (&[], None),
        ] {
            assert_eq!(opus_samples(data), samples, "{data:x?}");
        }
    }
}
