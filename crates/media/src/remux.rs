//! Copies the streams of a file into a plain MP4, packet by packet.
//!
//! What is seen and heard stays the same, with the same times; only the container is another. A fragmented MP4, which
//! keeps its index in pieces, becomes one that tells at once how long it is and where everything lies.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{
    Limits, MediaError, Rational, Skipped, Wholeness,
    libav::{AvError, Format, Output, Packet, PacketTimes, Stream, StreamType},
    parts::{Unfinished, unreadable},
    probe::{self, Container},
};

/// Copies all pictures and sound of `from` into the plain MP4 `to`, and says what of it could not be read.
///
/// Cover pictures, subtitles and data are left out. `to` appears whole or not at all, and may be `from` itself.
///
/// # Errors
/// Those of [`probe`](crate::probe()); [`MediaError::CannotCopy`] for what MP4 does not hold, or packets without
/// decoding times;
/// [`MediaError::Unwritable`].
pub fn remux(from: &Path, to: &Path, limits: &Limits) -> Result<Skipped, MediaError> {
    let container = probe::open(from, limits, Default::default())?;
    let unfinished = beside(to);
    let unwritable = |source| MediaError::Unwritable { path: to.into(), source };
    let sink = File::create(&unfinished).map_err(unwritable)?;
    let mut removed_unless_kept = Unfinished(vec![unfinished.clone()]);
    let skipped = copy(from, container, sink).map_err(|failure| match failure {
        Failure::Reading(error) => error,
        Failure::Writing(error) => match error.of_the_system() {
            Some(source) => unwritable(source),
            None => MediaError::CannotCopy { path: from.into(), reason: error.to_string() },
        },
    })?;
    fs::rename(&unfinished, to).map_err(unwritable)?;
    removed_unless_kept.0.clear();
    Ok(skipped)
}

/// Where a file is written until it is whole.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.unfinished"))
}

enum Failure {
    Reading(MediaError),
    Writing(AvError),
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        Self::Reading(error)
    }
}

impl From<AvError> for Failure {
    fn from(error: AvError) -> Self {
        Self::Writing(error)
    }
}

fn copy(path: &Path, container: Container, sink: File) -> Result<Skipped, Failure> {
    let cannot = |reason: String| MediaError::CannotCopy { path: path.into(), reason };
    let (mut input, wholeness) = (container.input, container.wholeness);
    let streams = chosen(input.streams());
    if let Some(stream) = streams.iter().find(|stream| !Format::Mp4.holds(stream)) {
        return Err(cannot(format!("it does not hold {}", stream.codec())).into());
    }
    let with_units: Vec<_> = streams.iter().map(|stream| (*stream, stream.time_base())).collect();
    let mut output = Output::of_streams(sink, Format::Mp4, &with_units)?;
    let places = streams.iter().enumerate().map(|(nth, stream)| {
        let to = output.time_base_of(nth).unwrap_or(stream.time_base());
        Place { stream: stream.index(), from: stream.time_base(), to }
    });
    let places: Vec<Place> = places.collect();
    input.keep_only(&places.iter().map(|place| place.stream).collect::<Vec<_>>());
    let missing = match wholeness {
        Wholeness::Cut { missing_bytes } => Some(format!("the last {missing_bytes} bytes are missing")),
        Wholeness::Whole | Wholeness::NoIndex | Wholeness::Unknown => None,
    };
    // Of a transport stream the packet that it ends in goes as it is: there, any packet may be marked.
    let leaves_out_the_last = missing.is_some() && input.format() != "mpegts";
    let mut packet = Packet::new().map_err(|error| unreadable(path, error))?;
    let ended = loop {
        match input.read(&mut packet) {
            Ok(true) => {}
            Err(AvError::AGAIN) => continue,
            Ok(false) => break None,
            // What lies behind cannot be read by anybody else either.
            Err(error) => break Some(error.to_string()),
        }
        if packet.is_corrupt() && leaves_out_the_last {
            continue; // the packet that the file ends in
        }
        let Some(nth) = places.iter().position(|place| place.stream == packet.stream_index()) else { continue };
        let times =
            places[nth].times(&packet).ok_or_else(|| cannot("not every packet says when it is decoded".into()))?;
        output.write_to(nth, &packet, times)?;
    };
    output.finish()?;
    Ok(Skipped { truncated: missing.or(ended), ..Skipped::default() })
}

/// Pictures and sound, the first video stream first: its unit is the one that the timeline is counted in.
fn chosen<'a>(streams: impl Iterator<Item = Stream<'a>>) -> Vec<Stream<'a>> {
    let moves_or_sounds = |stream: &Stream<'_>| stream.kind() != StreamType::Other && !stream.is_attached_picture();
    let mut chosen: Vec<Stream<'a>> = streams.filter(moves_or_sounds).collect();
    chosen.sort_by_key(|stream| stream.kind() != StreamType::Video);
    chosen
}

/// A stream that is copied, and the units of its times before and after.
struct Place {
    stream: u32,
    from: Rational,
    to: Rational,
}

impl Place {
    /// A packet's times in the new unit. `None` where it does not say when it is decoded.
    fn times(&self, packet: &Packet) -> Option<PacketTimes> {
        let dts = packet.dts()?;
        let pts = packet.pts().unwrap_or(dts);
        let converted = |ticks| rescaled(ticks, self.from, self.to);
        Some(PacketTimes { pts: converted(pts), dts: converted(dts), duration: converted(packet.duration()) })
    }
}

/// Ticks of one unit in another, to the nearest; what does not fit saturates.
pub fn rescaled(ticks: i64, from: Rational, to: Rational) -> i64 {
    let num = i128::from(ticks) * i128::from(from.num) * i128::from(to.den);
    let den = i128::from(from.den) * i128::from(to.num);
    let rounded = num.saturating_add(den / 2).div_euclid(den.max(1));
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_go_to_the_nearest_of_another_unit() {
        let base = |num, den| Rational::new(num, den).expect("a fraction");
        assert_eq!(rescaled(3, base(1001, 24_000), base(1, 24_000)), 3003);
        assert_eq!(rescaled(-1, base(1, 1000), base(1, 90_000)), -90);
        assert_eq!([44, 45, 46].map(|ticks| rescaled(ticks, base(1, 90_000), base(1, 1000))), [0, 1, 1]);
        assert_eq!(rescaled(i64::MAX, base(1, 1), base(1, 1000)), i64::MAX);
    }

    #[test]
    fn a_file_is_written_beside_its_place() {
        assert_eq!(beside(Path::new("media/a.mp4")), Path::new("media/.a.mp4.unfinished"));
        assert_eq!(beside(Path::new("a.mp4")), Path::new(".a.mp4.unfinished"));
    }
}
