//! The sound that goes with parts of pictures.
//!
//! It is read beside the pictures, once, and copied into each part by time: the packets that are heard while the part is
//! seen. The packet that lies over a cut goes into both parts. In MP4 and MOV it follows a few packets that are
//! decoded and not heard, and an edit list makes the sound begin with the first picture, to the sample. Matroska has no
//! such list, and demuxers do not cut Vorbis by it: there a part's sound begins with the first packet that begins no
//! earlier than the pictures, and that of Opus is only what it should be once the decoder has adapted, a tenth of a
//! second later. What is heard before the first picture of all goes into the first part.

use std::{collections::VecDeque, fs::File, path::Path};

use crate::{
    Limits, MediaError, Rational, Timestamp,
    libav::{AvError, Format, Input, Output, Packet, PacketTimes, Stream},
    parts::each_packet,
    probe,
    remux::rescaled,
    sound::{Counter, TOLERANCE_SECONDS},
};

/// Behind everything.
pub const END: Timestamp = Timestamp { ticks: i64::MAX, base: Rational { num: 1, den: 1 } };

/// The place of sound among the streams of a part: behind the pictures.
const PLACE: usize = 1;

/// The sound of a file that is being cut.
pub struct Beside {
    input: Input,
    stream: u32,
    base: Rational,
    rate: u32,
    container_start: Timestamp,
    counter: Counter,
    clock: Clock,
    /// Where it begins to be heard, in samples from the container's start, and how many samples before that only prime
    /// the decoder.
    begins: i64,
    priming: i64,
    is_pcm: bool,
    /// Whether an edit list may make it begin inside of a packet.
    can_be_trimmed: bool,
    /// How many packets a decoder needs before what it gives is the same as in the whole.
    warm_up: usize,
    /// What the next part may begin with: the packets in front of `next`.
    recent: VecDeque<Sounding>,
    /// The packet that was read and belongs to no part yet.
    next: Option<Sounding>,
}

/// A packet of sound.
struct Sounding {
    packet: Packet,
    /// Where it begins, in samples from the container's start.
    at: i64,
    samples: i64,
}

impl Sounding {
    fn end(&self) -> i64 {
        self.at.saturating_add(self.samples)
    }
}

/// The sound of the part that is being written.
pub struct Stretch {
    /// Where the part begins and ends, in samples from the container's start.
    start: i64,
    end: i64,
    /// The length of a sample, and the unit that the part counts its sound in.
    samples: Rational,
    unit: Rational,
    /// Where each packet begins, in samples from the part's start.
    written: Vec<i64>,
    bytes: usize,
}

impl Beside {
    /// Opens the sound of a file a second time, beside its pictures. `None` where it has none.
    pub fn open(path: &Path, limits: &Limits) -> Result<Option<Self>, MediaError> {
        let container = probe::open(path, limits, Default::default())?;
        let container_start = container.start();
        let Ok(stream) = container.audio(path, None) else { return Ok(None) };
        let (index, base, rate) = (stream.index(), stream.time_base(), stream.audio().sample_rate);
        let (counter, warm_up) = (Counter::new(&stream, base, rate), stream.packets_to_warm_up().unwrap_or(0));
        let is_pcm = stream.codec().starts_with("pcm_");
        let can_be_trimmed = stream.codec() != "vorbis";
        let tolerance = TOLERANCE_SECONDS.max(2.0 * base.to_f64()) * f64::from(rate);
        // Where times are rounded, what primes the decoder tells better where the first packet begins.
        let priming = i64::from(stream.priming_samples());
        let clock = Clock { tolerance: tolerance as i64, begin: None, end: (priming > 0).then_some(-priming) };
        let begins = probe::audible_start(&stream).map_or(0, |begin| {
            let since = begin.since(container_start);
            rescaled(since.ticks, since.base, Rational { num: 1, den: rate.into() })
        });
        let mut input = container.input;
        input.keep_only(&[index]);
        Ok(Some(Self {
            input,
            begins,
            priming,
            stream: index,
            base,
            rate,
            container_start,
            counter,
            clock,
            is_pcm,
            can_be_trimmed,
            warm_up,
            recent: VecDeque::new(),
            next: None,
        }))
    }

    /// The stream, to be copied counting samples.
    pub fn stream(&self) -> Option<(Stream<'_>, Rational)> {
        let stream = self.input.streams().find(|stream| stream.index() == self.stream)?;
        Some((stream, self.sample()))
    }

    fn sample(&self) -> Rational {
        Rational { num: 1, den: self.rate.into() }
    }

    /// Begins the sound of a part that is seen from `start` to `end`, both counted from the container's start. Parts have to
    /// be begun in their order.
    pub fn begin(
        &mut self,
        output: &mut Output<File>,
        format: Format,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<Stretch, AvError> {
        let unit = output.time_base_of(PLACE).ok_or(AvError::INVALID)?;
        let (start, end, samples) = (self.in_samples(start), self.in_samples(end), self.sample());
        let mut stretch = Stretch { start, end, samples, unit, written: Vec::new(), bytes: 0 };
        while let Some(sounding) = self.take_before(start)? {
            self.remember(sounding);
        }
        let earliest = match format {
            // A demuxer looks for what warms up a decoder no further back than a second.
            Format::Mp4 | Format::Mov if self.can_be_trimmed => start.saturating_sub(i64::from(self.rate)),
            // In Matroska the header says how much of the very first packets is not heard.
            Format::Matroska if start <= self.begins => start.saturating_sub(self.priming),
            _ => start,
        };
        let is_heard = self.recent.back().is_some_and(|sounding| sounding.end() > start)
            || self.next.as_ref().is_some_and(|next| next.at < end);
        for sounding in self.recent.iter().filter(|sounding| is_heard && sounding.at >= earliest) {
            stretch.write(output, sounding)?;
        }
        Ok(stretch)
    }

    /// Writes what begins up to `time` from the container's start.
    pub fn write_until(
        &mut self,
        output: &mut Output<File>,
        stretch: &mut Stretch,
        time: Timestamp,
    ) -> Result<(), AvError> {
        let until = self.in_samples(time).saturating_add(1).min(stretch.end);
        while let Some(sounding) = self.take_before(until)? {
            stretch.write(output, &sounding)?;
            self.remember(sounding);
        }
        Ok(())
    }

    /// Writes the rest of a part's sound.
    pub fn finish(&mut self, output: &mut Output<File>, stretch: &mut Stretch) -> Result<(), AvError> {
        self.write_until(output, stretch, END)
    }

    /// Whether a part that was read back has the sound that was written.
    pub fn is_in(&self, stretch: &Stretch, path: &Path, limits: &Limits) -> Result<bool, MediaError> {
        let container = probe::open(path, limits, Default::default())?;
        let (mut places, mut bytes) = (Vec::new(), 0);
        let Ok(stream) = container.audio(path, None) else { return Ok(stretch.written.is_empty()) };
        let (index, base, start) = (stream.index(), stream.time_base(), container.start());
        let Some((own, _)) = self.stream() else { return Ok(false) };
        if stream.audio().sample_rate != own.audio().sample_rate || stream.audio().channels != own.audio().channels {
            return Ok(false);
        }
        let rate = f64::from(self.rate);
        each_packet(path, container, index, |packet| {
            if let Some(ticks) = packet.pts() {
                places.push(Timestamp { ticks, base }.since(start).seconds() * rate);
            }
            bytes += packet.data().len();
            Ok(())
        })?;
        let off = |(&place, &written): (&f64, &i64)| (place - written as f64).abs();
        let tolerance = TOLERANCE_SECONDS * rate;
        // PCM comes back in other packets.
        let is_all = if self.is_pcm { bytes == stretch.bytes } else { places.len() == stretch.written.len() };
        let compared = if self.is_pcm { 1 } else { places.len() };
        Ok(is_all && places.iter().zip(&stretch.written).take(compared).map(off).all(|off| off <= tolerance))
    }

    fn in_samples(&self, time: Timestamp) -> i64 {
        rescaled(time.ticks, time.base, self.sample())
    }

    fn remember(&mut self, sounding: Sounding) {
        self.recent.push_back(sounding);
        // One more than warms up: the one that lies over the cut.
        if self.recent.len() > self.warm_up + 1 {
            self.recent.pop_front();
        }
    }

    /// The next packet, if it begins before `until`.
    fn take_before(&mut self, until: i64) -> Result<Option<Sounding>, AvError> {
        if self.next.is_none() {
            self.next = self.read()?;
        }
        Ok(self.next.take_if(|next| next.at < until))
    }

    fn read(&mut self) -> Result<Option<Sounding>, AvError> {
        let mut packet = Packet::new()?;
        loop {
            match self.input.read(&mut packet) {
                Ok(true) if packet.stream_index() != self.stream => continue,
                Ok(true) => {}
                Err(AvError::AGAIN) => continue,
                // What lies behind cannot be read by anybody else either: the sound ends here.
                Ok(false) | Err(_) => return Ok(None),
            }
            if packet.changes_the_decoder() {
                return Err(AvError::INVALID); // a part has one description of its sound
            }
            let told = packet.pts().map(|ticks| Timestamp { ticks, base: self.base }.since(self.container_start));
            let told = told.map(|time| self.in_samples(time));
            let samples = self.counter.samples(&packet);
            if let Some(at) = self.clock.place(told, samples) {
                // A length that was rounded is good enough to tell what lies over a cut.
                let lasts = || rescaled(packet.duration(), self.base, self.sample());
                return Ok(Some(Sounding { at, samples: samples.unwrap_or_else(lasts), packet }));
            }
        }
    }
}

impl Stretch {
    fn write(&mut self, output: &mut Output<File>, sounding: &Sounding) -> Result<(), AvError> {
        // What an edit list hides would be heard in a part.
        if sounding.packet.is_discarded() && sounding.end() > self.start {
            return Ok(());
        }
        let at = sounding.at.saturating_sub(self.start);
        // Halves away from zero, as demuxers round the samples that only prime a decoder.
        let ticks = |samples: i64| samples.signum() * rescaled(samples.saturating_abs(), self.samples, self.unit);
        let times = PacketTimes { pts: ticks(at), dts: ticks(at), duration: ticks(sounding.samples) };
        output.write_to(PLACE, &sounding.packet, times)?;
        self.written.push(at);
        self.bytes += sounding.packet.data().len();
        Ok(())
    }
}

/// Puts packets one behind the other, as their timestamps tell.
struct Clock {
    /// How far a timestamp may lie off the end of the packet before it and still mean that end.
    tolerance: i64,
    /// Where the last packet begins, and where the next one is expected to: the last one's end, if it tells how long it
    /// is.
    begin: Option<i64>,
    end: Option<i64>,
}

impl Clock {
    /// Where a packet begins that its timestamp places at `told`. `None` for one without a place, or that begins no later
    /// than the one before it, as behind a clock that was set back.
    fn place(&mut self, told: Option<i64>, samples: Option<i64>) -> Option<i64> {
        let at = match (told, self.end) {
            (Some(told), Some(end)) if told.abs_diff(end) > self.tolerance.unsigned_abs() => told,
            (_, Some(end)) => end,
            (told, None) => told?,
        };
        if self.begin.is_some_and(|begin| at <= begin) {
            return None;
        }
        self.begin = Some(at);
        self.end = samples.map(|samples| at.saturating_add(samples));
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed<const N: usize>(packets: [(Option<i64>, Option<i64>); N]) -> [Option<i64>; N] {
        let mut clock = Clock { tolerance: 96, begin: None, end: None };
        packets.map(|(told, samples)| clock.place(told, samples))
    }

    #[test]
    fn packets_follow_each_other_to_the_sample_where_times_are_rounded() {
        let rounded = [0, 1008, 2064, 3072].map(|told| (Some(told), Some(1024)));
        assert_eq!(placed(rounded), [0, 1024, 2048, 3072].map(Some));
        assert_eq!(placed([(Some(0), Some(1024)), (None, Some(1024))]), [0, 1024].map(Some));
    }

    #[test]
    fn a_hole_stays_a_hole() {
        assert_eq!(placed([(Some(0), Some(1024)), (Some(5000), Some(1024))]), [0, 5000].map(Some));
    }

    #[test]
    fn packets_that_do_not_tell_their_length_are_where_their_times_say() {
        assert_eq!(placed([(Some(-5), None), (Some(50), None)]), [-5, 50].map(Some));
    }

    #[test]
    fn what_lies_behind_a_clock_that_was_set_back_is_left_out_until_it_has_caught_up() {
        let told = [0, 1024, 200, 1224, 2248].map(|told| (Some(told), Some(1024)));
        assert_eq!(placed(told), [Some(0), Some(1024), None, Some(1224), Some(2248)]);
        assert_eq!(placed([(None, Some(1024))]), [None]);
    }
}
