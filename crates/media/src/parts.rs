//! Cuts a stream into parts that are files of their own, by copying packets.
//!
//! A part is cut only where the next one decodes alone; without such a place the file stays one part. Parts are MP4
//! files (MOV or Matroska for what MP4 does not hold) whose time is counted in the stream's own unit, or an exact
//! fraction of it, so that a time in a part plus the part's start is the exact time in the whole. Matroska counts in
//! milliseconds and is taken only for streams that count so themselves. The file's sound goes with its pictures
//! (`beside.rs`), into the first of these containers that holds both.

use std::{
    cmp::Ordering,
    fs::{self, File},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use crate::{
    Limits, MediaError, Orientation, Rational, Timestamp,
    access::{Coding, Reader, Start},
    beside::{self, Beside, Stretch},
    libav::{AvError, Decoder, Format, Output, Packet, PacketTimes, Parser, Received, Sent, Stream},
    places::{self, Entry, Place},
    probe::{self, Container},
};

/// How a file is cut.
#[derive(Debug, Clone)]
pub struct CutOptions {
    /// The length that parts come as close to as safe places allow. Default: 30 s.
    pub target: Duration,
    /// What the file may cost.
    pub limits: Limits,
}

impl Default for CutOptions {
    fn default() -> Self {
        Self { target: Duration::from_secs(30), limits: Limits::default() }
    }
}

/// A piece of a stream as a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// Whether it is the source file itself, because there was no place to cut it. Then the rest describes the stream
    /// as its packets tell it.
    pub is_source: bool,
    /// What to add to a time in the part to get the time from the container's start in the whole file.
    pub start: Timestamp,
    /// From there to where the next part starts, or the last frame ends.
    pub duration: Timestamp,
    /// The index in the whole file of the part's first frame, for sound of its first sample.
    pub first_index: u64,
    /// How many frames it has, or samples of each channel.
    pub count: u64,
    /// What became of the sound.
    pub sound: PartSound,
}

/// What became of a file's sound in a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartSound {
    /// The file has none.
    Absent,
    /// It is in the part.
    Kept,
    /// It is in the part but for what is heard before the file's first picture, which no container of parts holds in front
    /// of these pictures.
    KeptFromFirstPicture,
    /// It is not in the part, for this reason.
    LeftOut(String),
}

/// Cuts the first video stream of `path` into files in `folder`, named `part-00000.mp4` and so on.
///
/// The parts' frames, one part after the other, are the file's: the same pixels, the index plus
/// [`first_index`](Part::first_index), the time plus [`start`](Part::start). Each part is read back and compared with the
/// whole before it gets its name.
///
/// The first stream of sound goes with the pictures: in MP4 and MOV it begins with the part, to a tick of the pictures'
/// unit, in Matroska up to a packet later, and it may outlast the part by a packet. The first part begins with whatever
/// comes first, so that its pictures may be shown later than at its start. Where no container holds the sound, parts
/// come without it and say so: see [`PartSound`].
///
/// A file shorter than one and a half targets, without a safe place, or in a form
/// that no part can hold exactly stays one part: the file itself.
///
/// # Errors
/// Those of [`probe`](crate::probe()), and [`MediaError::Unwritable`]. After an error no part is left in `folder`.
pub fn cut(path: &Path, folder: &Path, options: &CutOptions) -> Result<Vec<Part>, MediaError> {
    let table = Table::read(path, &options.limits)?;
    let target = ticks_of(options.target, table.base);
    let chosen = places::choose(&table.places(), table.first, table.end, target);
    let mut written = None;
    if !chosen.is_empty() {
        let bounds = chosen.iter().map(Some).chain([None]);
        let begins = [None].into_iter().chain(chosen.iter().map(Some));
        let pieces: Vec<Piece> = begins.zip(bounds).map(|(begin, end)| table.piece(begin, end)).collect();
        written = write(path, &table, &pieces, folder, &options.limits)?;
    }
    Ok(written.unwrap_or_else(|| vec![table.whole(path)]))
}

/// Cuts out the smallest part of the first video stream that covers `[from, to)`, counted from the container's start:
/// from the last safe place that is not behind `from` to the first that is not before `to`.
///
/// # Errors
/// As [`cut`].
pub fn cut_range(
    path: &Path,
    folder: &Path,
    from: Timestamp,
    to: Timestamp,
    limits: &Limits,
) -> Result<Part, MediaError> {
    let table = Table::read(path, limits)?;
    let (begin, end) = places::around(&table.places(), table.tick_before(from), table.tick_behind(to));
    if begin.is_none() && end.is_none() {
        return Ok(table.whole(path));
    }
    let mut pieces = vec![table.piece(begin.as_ref(), end.as_ref())];
    if table.is_doubtful(0..pieces[0].packets.start) {
        // How many frames come before it is known once they were decoded.
        pieces.insert(0, table.piece(None, begin.as_ref()));
    }
    let Some(mut parts) = write(path, &table, &pieces, folder, limits)? else { return Ok(table.whole(path)) };
    let Some(part) = parts.pop() else { return Ok(table.whole(path)) };
    for before in parts {
        fs::remove_file(&before.path).map_err(|source| MediaError::Unwritable { path: before.path, source })?;
    }
    Ok(part)
}

/// Times of which differences overflow are corrupt.
const SANE: Range<i64> = -(1 << 60)..1 << 60;

/// The packets of a video stream.
struct Table {
    /// How many packets before the first one that can be decoded are left out.
    left_out: usize,
    entries: Vec<Entry>,
    /// The shown times, sorted.
    shown: Vec<i64>,
    base: Rational,
    stream: u32,
    container_start: Timestamp,
    /// The first shown time and the end of the last frame, in ticks.
    first: i64,
    end: i64,
    /// Why counting packets may not be counting frames: the numbers of the packets that make it so.
    doubtful: Vec<usize>,
    /// Whether times and parameters are such that a part can hold them.
    can_be_cut: bool,
    appearance: Appearance,
    sound: Option<Heard>,
}

/// What has to be known of a file's sound to cut its pictures.
struct Heard {
    /// The last tick of the pictures that is not behind its beginning, where that is told.
    begins: Option<i64>,
}

/// What a part must have in common with the whole.
#[derive(Debug, PartialEq)]
struct Appearance {
    codec: String,
    size: (u32, u32),
    orientation: Orientation,
}

impl Appearance {
    fn of(stream: &Stream<'_>) -> Self {
        Self { codec: stream.codec(), size: (stream.width(), stream.height()), orientation: stream.orientation() }
    }
}

/// A piece of the table that becomes a part.
#[derive(Clone)]
struct Piece {
    packets: Range<usize>,
    /// Where the part's timeline begins: with its first frame, or with sound that is heard before the first of all.
    origin: i64,
    /// When its first frame is shown and its last one ends, in ticks.
    first: i64,
    end: i64,
}

impl Table {
    fn read(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        let container = probe::open(path, limits, Default::default())?;
        let container_start = container.start();
        let stream = container.video(path)?;
        let (base, index, coding) = (stream.time_base(), stream.index(), stream.coding());
        let reader = Reader::new(coding, stream.extradata());
        let has_hidden = stream.is_vp8();
        let appearance = Appearance::of(&stream);
        let sound = container.audio(path, None).ok().map(|stream| Heard {
            begins: probe::audible_start(&stream)
                .map(|begin| last_tick(base, begin))
                .filter(|begin| SANE.contains(begin)),
        });
        // Where start codes divide them, the two fields of a picture can lie in packets of their own.
        let mut parser = match coding {
            Coding::H264 if reader.has_start_codes() => {
                Parser::open(&stream).map_err(|error| unreadable(path, error))?
            }
            _ => None,
        };
        let (mut entries, mut doubtful, mut durations) = (Vec::new(), Vec::new(), Vec::new());
        let mut can_be_cut = coding != Coding::Other;
        each_packet(path, container, index, |packet| {
            let Some(pts) = packet.pts() else {
                can_be_cut = false;
                return Ok(());
            };
            let access = reader.read(packet.data(), packet.is_key());
            can_be_cut &= !packet.changes_the_decoder();
            can_be_cut &= !parser.as_mut().is_some_and(|parser| parser.head(packet).is_field);
            if packet.is_corrupt() || access.drops_pictures {
                doubtful.push(entries.len());
            }
            let hidden = has_hidden && packet.first_byte().is_some_and(|byte| byte & 0x10 == 0);
            entries.push(Entry { pts, shown: !hidden && !packet.is_discarded(), access });
            durations.push(packet.duration());
            Ok(())
        })?;
        let left_out = match first_place_of_a_bad_beginning(&entries) {
            Some(place) if count_frames(path, limits, Some(place))? == 0 => place,
            Some(_) => {
                doubtful.insert(0, 0);
                0
            }
            None => 0,
        };
        entries.drain(..left_out);
        durations.drain(..left_out);
        let doubtful = doubtful.into_iter().filter_map(|packet| packet.checked_sub(left_out)).collect();
        let mut shown: Vec<i64> = entries.iter().filter(|entry| entry.shown).map(|entry| entry.pts).collect();
        shown.sort_unstable();
        let mut all: Vec<i64> = entries.iter().map(|entry| entry.pts).collect();
        all.sort_unstable();
        let (first, last) = (shown.first().copied().unwrap_or(0), shown.last().copied().unwrap_or(0));
        can_be_cut &= all.first().is_none_or(|first| SANE.contains(first));
        can_be_cut &= all.last().is_none_or(|last| SANE.contains(last));
        // Two packets of one time cannot be told apart, and an edit list can hide what lies before a part only.
        can_be_cut &= all.windows(2).all(|pair| pair[0] < pair[1]);
        can_be_cut &= has_hidden || entries.iter().all(|entry| entry.shown || entry.pts < first);
        let own = entries.iter().zip(&durations).find(|(entry, _)| entry.pts == last).map_or(0, |(_, &own)| own);
        let distance = shown.windows(2).last().map_or(0, |pair| pair[1].saturating_sub(pair[0]));
        let end = last.saturating_add(if own > 0 { own } else { distance }.max(1));
        Ok(Self {
            left_out,
            entries,
            shown,
            base,
            stream: index,
            container_start,
            first,
            end,
            doubtful,
            can_be_cut,
            appearance,
            sound,
        })
    }

    fn places(&self) -> Vec<Place> {
        if self.can_be_cut { places::safe(&self.entries) } else { Vec::new() }
    }

    fn piece(&self, begin: Option<&Place>, end: Option<&Place>) -> Piece {
        let heard = self.sound.as_ref().and_then(|sound| sound.begins);
        let first = begin.map_or(self.first, |place| place.pts);
        Piece {
            packets: begin.map_or(0, |place| place.packet)..end.map_or(self.entries.len(), |place| place.packet),
            origin: if begin.is_none() { heard.map_or(first, |heard| heard.min(first)) } else { first },
            first,
            end: end.map_or(self.end, |place| place.pts),
        }
    }

    fn shown_in(&self, piece: &Piece) -> &[i64] {
        let at = |pts| self.shown.partition_point(|&shown| shown < pts);
        &self.shown[at(piece.first)..at(piece.end)]
    }

    fn time(&self, ticks: i64) -> Timestamp {
        Timestamp { ticks, base: self.base }
    }

    fn is_doubtful(&self, packets: Range<usize>) -> bool {
        self.doubtful.iter().any(|packet| packets.contains(packet))
    }

    /// The last tick of the stream that is not behind a time from the container's start.
    fn tick_before(&self, time: Timestamp) -> i64 {
        last_tick(self.base, time.plus(self.container_start))
    }

    /// The first tick that is not before it.
    fn tick_behind(&self, time: Timestamp) -> i64 {
        let before = self.tick_before(time);
        let is_exact = self.time(before).since(self.container_start).partial_cmp(&time) == Some(Ordering::Equal);
        if is_exact { before } else { before.saturating_add(1) }
    }

    fn whole(&self, path: &Path) -> Part {
        Part {
            path: path.into(),
            is_source: true,
            start: Timestamp { ticks: 0, base: self.base },
            duration: self.time(self.end).since(self.container_start),
            first_index: 0,
            count: self.shown.len() as u64,
            sound: if self.sound.is_some() { PartSound::Kept } else { PartSound::Absent },
        }
    }
}

impl Piece {
    /// The same, begun with its first frame.
    fn without_head(&self) -> Self {
        Self { origin: self.first, ..self.clone() }
    }
}

/// The last tick of `base` that is not behind a time on the same timeline.
fn last_tick(base: Rational, time: Timestamp) -> i64 {
    let den = i128::from(time.base.den) * i128::from(base.num);
    let ticks = (i128::from(time.ticks) * i128::from(time.base.num)).checked_mul(base.den.into());
    let beyond = if time.ticks < 0 { i64::MIN } else { i64::MAX };
    ticks.and_then(|ticks| i64::try_from(ticks.div_euclid(den)).ok()).unwrap_or(beyond)
}

/// A recording that begins in the middle of a group loses pictures until the first one that stands alone: there is the
/// packet with which it could have begun.
fn first_place_of_a_bad_beginning(entries: &[Entry]) -> Option<usize> {
    let (first, earliest) = (entries.first()?, entries.iter().map(|entry| entry.pts).min()?);
    let begins_well = match first.access.start {
        Start::No => false,
        Start::Open => first.pts == earliest,
        Start::Closed => true,
    };
    if begins_well { None } else { places::safe(entries).first().map(|place| place.packet) }
}

pub fn ticks_of(duration: Duration, base: Rational) -> i64 {
    (duration.as_secs_f64() / base.to_f64()).round().max(1.0) as i64
}

/// Calls `with` for every packet of a stream, in order.
pub fn each_packet(
    path: &Path,
    container: Container,
    stream: u32,
    mut with: impl FnMut(&Packet) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let mut input = container.input;
    input.keep_only(&[stream]);
    let mut packet = Packet::new().map_err(|error| unreadable(path, error))?;
    loop {
        match input.read(&mut packet) {
            Ok(true) if packet.stream_index() != stream => {}
            Ok(true) => with(&packet)?,
            Ok(false) => return Ok(()),
            Err(AvError::AGAIN) => {}
            // What lies behind cannot be read by anybody else either: the stream ends here.
            Err(_) => return Ok(()),
        }
    }
}

pub fn unreadable(path: &Path, error: AvError) -> MediaError {
    MediaError::Libav { path: path.into(), doing: "read the packets of", reason: error.to_string() }
}

/// Files that are removed unless they are kept.
#[derive(Default)]
pub struct Unfinished(pub Vec<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        for path in &self.0 {
            // One that is not there yet needs no removing.
            let _ = fs::remove_file(path);
        }
    }
}

const CONTAINERS: [(Format, &str); 3] = [(Format::Mp4, "mp4"), (Format::Mov, "mov"), (Format::Matroska, "mkv")];

/// Writes a part for each piece, with the file's sound if any container holds it. `None` when no container holds the
/// pictures exactly.
fn write(
    path: &Path,
    table: &Table,
    pieces: &[Piece],
    folder: &Path,
    limits: &Limits,
) -> Result<Option<Vec<Part>>, MediaError> {
    let without_head: Vec<Piece> = pieces.iter().map(Piece::without_head).collect();
    let mut sound = PartSound::Absent;
    if table.sound.is_some() {
        let container = probe::open(path, limits, Default::default())?;
        let (pictures, heard) = (container.video(path)?, container.audio(path, None)?);
        let holds_both = |(format, _): &(Format, _)| format.holds(&pictures) && format.holds(&heard);
        let holding: Vec<_> = CONTAINERS.into_iter().filter(holds_both).collect();
        let mut tries = vec![(pieces, PartSound::Kept)];
        if pieces.iter().any(|piece| piece.origin < piece.first) {
            tries.push((&without_head, PartSound::KeptFromFirstPicture));
        }
        for (pieces, sound) in tries {
            for &container in &holding {
                if let Some(parts) = write_in(container, path, table, pieces, folder, limits, sound.clone())? {
                    return Ok(Some(parts));
                }
            }
        }
        sound = PartSound::LeftOut(match holding.first() {
            None => format!("no container of parts holds {} beside {}", heard.codec(), pictures.codec()),
            Some(_) => format!("no container of parts holds this {} exactly", heard.codec()),
        });
    }
    for container in CONTAINERS {
        if let Some(parts) = write_in(container, path, table, &without_head, folder, limits, sound.clone())? {
            return Ok(Some(parts));
        }
    }
    Ok(None)
}

fn write_in(
    (format, extension): (Format, &'static str),
    path: &Path,
    table: &Table,
    pieces: &[Piece],
    folder: &Path,
    limits: &Limits,
    sound: PartSound,
) -> Result<Option<Vec<Part>>, MediaError> {
    let container = probe::open(path, limits, Default::default())?;
    if !format.holds(&container.video(path)?) {
        return Ok(None);
    }
    let beside = match sound {
        PartSound::Kept | PartSound::KeptFromFirstPicture => Beside::open(path, limits)?,
        PartSound::Absent | PartSound::LeftOut(_) => None,
    };
    let (unfinished, parts) = (Unfinished::default(), Vec::new());
    let mut writer = Writer { table, pieces, folder, format, extension, limits, sound, beside, unfinished, parts };
    match writer.copy(path, container)? {
        Copied::All => writer.keep().map(Some),
        Copied::Refused => Ok(None),
    }
}

enum Copied {
    All,
    /// This container does not hold the stream exactly.
    Refused,
}

/// Copies pieces into files.
struct Writer<'a> {
    table: &'a Table,
    pieces: &'a [Piece],
    folder: &'a Path,
    format: Format,
    extension: &'static str,
    limits: &'a Limits,
    sound: PartSound,
    beside: Option<Beside>,
    unfinished: Unfinished,
    parts: Vec<Part>,
}

/// The part that is being written.
struct Open {
    output: Output<File>,
    path: PathBuf,
    /// Output ticks a tick of the stream.
    scale: i64,
    /// One a packet, in ticks of the stream from the piece's origin.
    times: Vec<PacketTimes>,
    sound: Option<Stretch>,
}

impl Writer<'_> {
    fn copy(&mut self, path: &Path, container: Container) -> Result<Copied, MediaError> {
        let mut input = container.input;
        input.keep_only(&[self.table.stream]);
        let mut packet = Packet::new().map_err(|error| unreadable(path, error))?;
        // Counted from the first packet in the table, as pieces are.
        let mut number = 0;
        let mut left_out = self.table.left_out;
        for nth in 0..self.pieces.len() {
            let piece = &self.pieces[nth];
            let Some(stream) = input.streams().find(|stream| stream.index() == self.table.stream) else {
                return Err(changed(path));
            };
            let Some(mut open) = self.begin(nth, &stream)? else { return Ok(Copied::Refused) };
            while number < piece.packets.end {
                match input.read(&mut packet) {
                    Ok(true) if packet.stream_index() != self.table.stream => continue,
                    Ok(true) => {}
                    Err(AvError::AGAIN) => continue,
                    Ok(false) | Err(_) => return Err(changed(path)),
                }
                if left_out > 0 {
                    left_out -= 1;
                    continue;
                }
                if packet.pts() != Some(self.table.entries[number].pts) {
                    return Err(changed(path));
                }
                if let Some(nth) = number.checked_sub(piece.packets.start)
                    && let Err(error) = self.write(&mut open, &packet, nth)
                {
                    return self.failed(&open.path, error);
                }
                number += 1;
            }
            let Open { mut output, path: part, mut sound, .. } = open;
            let finished = match (&mut self.beside, &mut sound) {
                (Some(beside), Some(stretch)) => beside.finish(&mut output, stretch),
                _ => Ok(()),
            };
            if let Err(error) = finished.and_then(|()| output.finish()) {
                return self.failed(&part, error);
            }
            if let (Some(beside), Some(stretch)) = (&self.beside, &sound)
                && !beside.is_in(stretch, &part, self.limits)?
            {
                return Ok(Copied::Refused);
            }
            let Some(part) = self.check(piece, part)? else { return Ok(Copied::Refused) };
            self.parts.push(part);
        }
        Ok(Copied::All)
    }

    /// Begins the file of a piece. `None` when the container refuses the stream or its unit of time.
    fn begin(&mut self, nth: usize, stream: &Stream<'_>) -> Result<Option<Open>, MediaError> {
        let path = self.folder.join(format!(".part-{nth:05}.unfinished"));
        let unwritable = |source| MediaError::Unwritable { path: path.clone(), source };
        self.unfinished.0.push(path.clone());
        let file = File::create(&path).map_err(unwritable)?;
        let unit = Rational { num: 1, den: self.table.base.den };
        let mut streams = vec![(*stream, unit)];
        streams.extend(self.beside.as_ref().and_then(Beside::stream));
        let begun = Output::of_streams(file, self.format, &streams).and_then(|mut output| {
            let seen = self.seen(&self.pieces[nth]);
            let beside = self.beside.as_mut();
            let sound = beside.map(|beside| beside.begin(&mut output, self.format, seen)).transpose()?;
            Ok((output, sound))
        });
        let (output, sound) = match begun {
            Ok(begun) => begun,
            Err(error) => return error.of_the_system().map_or(Ok(None), |source| Err(unwritable(source))),
        };
        let scale = output.time_base().and_then(|unit| whole_multiple(self.table.base, unit));
        let times = self.times(&self.pieces[nth]);
        Ok(scale.map(|scale| Open { output, path, scale, times, sound }))
    }

    /// When a piece begins and ends, from the container's start: with the last one goes whatever sound is left.
    fn seen(&self, piece: &Piece) -> (Timestamp, Timestamp) {
        let is_last = piece.packets.end == self.table.entries.len();
        let at = |ticks| self.table.time(ticks).since(self.table.container_start);
        (at(piece.origin), if is_last { beside::END } else { at(piece.end) })
    }

    /// Writes the sound up to the packet with this number in the piece, and the packet.
    fn write(&mut self, open: &mut Open, packet: &Packet, nth: usize) -> Result<(), AvError> {
        if let (Some(beside), Some(stretch), Some(pts)) = (&mut self.beside, &mut open.sound, packet.pts()) {
            let time = self.table.time(pts).since(self.table.container_start);
            beside.write_until(&mut open.output, stretch, time)?;
        }
        open.output.write(packet, open.times[nth].scaled(open.scale))
    }

    /// When the packets of a piece are decoded and shown, from its origin on.
    fn times(&self, piece: &Piece) -> Vec<PacketTimes> {
        let shown: Vec<i64> =
            self.table.entries[piece.packets.clone()].iter().map(|entry| entry.pts - piece.origin).collect();
        let mut sorted = shown.clone();
        sorted.sort_unstable();
        let end = piece.end - piece.origin;
        let next = |pts| sorted.get(sorted.partition_point(|&shown| shown <= pts)).copied().unwrap_or(end);
        let decoded = places::decode_times(&shown);
        let times = decoded.into_iter().zip(&shown);
        times.map(|(dts, &pts)| PacketTimes { pts, dts, duration: next(pts) - pts }).collect()
    }

    /// Reads a part back and compares it with the piece. `None` when it is not the same.
    fn check(&self, piece: &Piece, path: PathBuf) -> Result<Option<Part>, MediaError> {
        let part = Table::read(&path, self.limits)?;
        let shown = self.table.shown_in(piece);
        let same_time = |(&there, &here): (&i64, &i64)| {
            let there = part.time(there).since(part.container_start);
            there.partial_cmp(&self.table.time(here - piece.origin)) == Some(Ordering::Equal)
        };
        let is_same = part.appearance == self.table.appearance
            && part.shown.len() == shown.len()
            && part.entries.len() == piece.packets.len()
            && part.shown.iter().zip(shown).all(same_time);
        if !is_same {
            return Ok(None);
        }
        let is_doubtful = self.table.is_doubtful(piece.packets.clone());
        let count = if is_doubtful { count_frames(&path, self.limits, None)? } else { shown.len() as u64 };
        let first_index = match self.parts.last() {
            Some(before) => before.first_index + before.count,
            None => self.table.shown.partition_point(|&shown| shown < piece.first) as u64,
        };
        Ok(Some(Part {
            path,
            is_source: false,
            start: self.table.time(piece.origin).since(self.table.container_start),
            duration: self.table.time(piece.end - piece.origin),
            first_index,
            count,
            sound: match &self.sound {
                PartSound::KeptFromFirstPicture if piece.packets.start > 0 => PartSound::Kept,
                sound => sound.clone(),
            },
        }))
    }

    /// What an error of writing means: the container refuses the stream, or the disk the bytes.
    fn failed(&self, path: &Path, error: AvError) -> Result<Copied, MediaError> {
        match error.of_the_system() {
            Some(source) => Err(MediaError::Unwritable { path: path.into(), source }),
            None => Ok(Copied::Refused),
        }
    }

    /// Gives the parts their names.
    fn keep(mut self) -> Result<Vec<Part>, MediaError> {
        for (nth, part) in self.parts.iter_mut().enumerate() {
            let path = self.folder.join(format!("part-{nth:05}.{}", self.extension));
            fs::rename(&part.path, &path).map_err(|source| MediaError::Unwritable { path: path.clone(), source })?;
            self.unfinished.0.push(path.clone());
            part.path = path;
        }
        self.unfinished.0.clear();
        Ok(self.parts)
    }
}

pub fn changed(path: &Path) -> MediaError {
    MediaError::Changed { path: path.into() }
}

/// How many units of `fine` a unit of `coarse` is, if it is a whole number.
pub fn whole_multiple(coarse: Rational, fine: Rational) -> Option<i64> {
    let ratio = Rational::new(coarse.num.checked_mul(fine.den)?, coarse.den.checked_mul(fine.num)?)?;
    (ratio.den == 1).then_some(ratio.num)
}

/// How many frames the first so many packets of a file give, or all of them.
fn count_frames(path: &Path, limits: &Limits, packets: Option<usize>) -> Result<u64, MediaError> {
    let container = probe::open(path, limits, Default::default())?;
    let libav = |error: AvError| MediaError::Libav { path: path.into(), doing: "decode", reason: error.to_string() };
    let stream = container.video(path)?;
    let (index, codec) = (stream.index(), stream.codec());
    let mut decoder = Decoder::open(&stream, 0, limits.max_pixels)
        .map_err(libav)?
        .ok_or_else(|| MediaError::DecoderMissing { path: path.into(), codec })?;
    let (mut frames, mut left) = (0, packets.unwrap_or(usize::MAX));
    each_packet(path, container, index, |packet| {
        if left > 0 {
            left -= 1;
            while let Ok(Sent::Full) = decoder.send(Some(packet)) {
                frames += receive_all(&mut decoder, 0);
            }
            frames += receive_all(&mut decoder, 0);
        }
        Ok(())
    })?;
    // A decoder that cannot be told of the end holds nothing.
    let _ = decoder.send(None);
    // For each packet that it still holds it may answer with an error first.
    Ok(frames + receive_all(&mut decoder, 256))
}

/// Takes what the decoder has, passing over so many errors.
fn receive_all(decoder: &mut Decoder, mut errors: u32) -> u64 {
    let mut frames = 0;
    loop {
        match decoder.receive() {
            Ok(Received::Picture(_)) => frames += 1,
            Ok(Received::NeedsPacket | Received::Finished) => return frames,
            Err(_) if errors == 0 => return frames,
            Err(_) => errors -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_whole_multiple_of_another_or_it_is_not() {
        let base = |num, den| Rational::new(num, den).expect("a fraction");
        assert_eq!(whole_multiple(base(1001, 24_000), base(1, 24_000)), Some(1001));
        assert_eq!(whole_multiple(base(1, 1000), base(1, 16_000)), Some(16));
        assert_eq!(whole_multiple(base(1, 90_000), base(1, 1000)), None);
    }
}
