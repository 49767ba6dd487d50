//! Decodes everything and gives what is chosen: slow, and right for every file.
//!
//! It is what a plan must agree with, and what is done where there can be none.

use crate::{
    MediaError, OnDamage, Skipped, Timestamp,
    budget::{Budget, Turn},
    choose::Chooser,
    convert::Converter,
    decode::{Decoded, Decoding, Event},
    libav::{AvError, Input},
    queue::{ReceiverGone, Sender},
    reading::{Place, Reading, Stop, Told},
};

/// Decodes all of the stream and gives the chosen frames that are shown after `last_given`, in the stream's ticks.
pub fn decode(
    reading: &Reading,
    input: Input,
    skipped: Skipped,
    sender: &Sender<Told>,
    last_given: Option<i64>,
) -> Result<(), Stop> {
    let budget = Budget::of_this_process();
    let threads = budget.threads();
    let mut turn = Turn::new(budget, threads, &reading.cancelled);
    if !turn.take() {
        return Err(Stop::ReaderLeft);
    }
    let libav = |error: AvError| {
        let path = reading.path.clone();
        Stop::Failed(MediaError::Libav { path, doing: "begin to decode", reason: error.to_string() })
    };
    let decoder = reading.decoder(threads, false).map_err(libav)?;
    let decoding = Decoding::new(input, &reading.facts, decoder, reading.options.limits.max_pixels).map_err(libav)?;
    let walk = Walk {
        reading,
        sender,
        turn,
        chooser: reading.chooser.clone(),
        converter: Converter::new(&reading.options),
        guessed_before: skipped.first.filter(|_| skipped.guessed > 0),
        skipped,
        last_given,
    };
    walk.go(decoding)
}

struct Walk<'a> {
    reading: &'a Reading,
    sender: &'a Sender<Told>,
    turn: Turn<'a>,
    chooser: Chooser,
    converter: Converter,
    /// The picture whose damage made a plan end, counted already.
    guessed_before: Option<Timestamp>,
    skipped: Skipped,
    last_given: Option<i64>,
}

/// A frame that may still be chosen, or was and waits for its duration.
struct Candidate {
    decoded: Decoded,
    chosen: bool,
    /// Known once the next frame arrived.
    duration: Option<Timestamp>,
}

impl Walk<'_> {
    fn go(mut self, mut decoding: Decoding) -> Result<(), Stop> {
        let mut candidate: Option<Candidate> = None;
        let mut distance = None;
        while self.turn.pass() {
            let event = decoding.next();
            self.reading.tally.fed_in_all(decoding.fed());
            match event {
                Event::Picture(decoded) => {
                    self.reading.tally.decoded(1);
                    if decoded.picture.is_damaged() && self.guessed_before != Some(decoded.pts) {
                        self.fail_if_asked(Some(decoded.pts), "parts of a picture are missing")?;
                        self.skipped.add_guessed(decoded.pts);
                        self.tell_skipped()?;
                    }
                    self.take(decoded, &mut candidate, &mut distance)?;
                }
                Event::Marked { time, since } => {
                    self.fail_if_asked(since.or(time), "a packet is damaged")?;
                    self.skipped.add_marked(time, since);
                    self.tell_skipped()?;
                }
                Event::Damaged { time, reason } => {
                    self.fail_if_asked(time, &reason)?;
                    self.skipped.add(time, reason);
                    self.tell_skipped()?;
                }
                Event::Unreadable { error } => {
                    self.fail_if_asked(None, &error.to_string())?;
                    self.skipped.truncated = Some(error.to_string());
                    self.tell_skipped()?;
                }
                Event::End => return self.end(candidate, distance),
            }
        }
        Err(Stop::ReaderLeft)
    }

    fn fail_if_asked(&self, at: Option<Timestamp>, reason: &str) -> Result<(), Stop> {
        match self.reading.options.on_damage {
            OnDamage::Skip => Ok(()),
            OnDamage::Fail => {
                let path = self.reading.path.clone();
                Err(Stop::Failed(MediaError::Damaged { path, at, reason: reason.into() }))
            }
        }
    }

    /// Takes in the next frame: the candidate before it now has a duration and may be chosen or dropped.
    fn take(
        &mut self,
        decoded: Decoded,
        candidate: &mut Option<Candidate>,
        distance: &mut Option<Timestamp>,
    ) -> Result<(), Stop> {
        let picked = self.chooser.offer(decoded.pts.seconds(), decoded.picture.is_intra());
        if let Some(earlier) = candidate {
            if earlier.duration.is_none() {
                let to_next = decoded.pts.since(earlier.decoded.pts);
                // Frames of one timestamp, or back in time, have no distance to speak of.
                *distance = if to_next.ticks > 0 { Some(to_next) } else { *distance };
                earlier.duration =
                    if to_next.ticks > 0 { Some(to_next) } else { earlier.decoded.duration.or(*distance) };
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
        if last.chosen || self.chooser.end() {
            let duration = last.duration.or(last.decoded.duration).or(distance);
            self.give(&last.decoded, duration)?;
        }
        Ok(())
    }

    fn nothing_decoded(&self) -> MediaError {
        let path = self.reading.path.clone();
        if let Some(reason) = self.skipped.truncated.clone() {
            return MediaError::Truncated { path, missing: "no frame of it can be decoded", reason };
        }
        let reason = self.skipped.reason.clone().unwrap_or_else(|| "it has no packets".into());
        MediaError::NothingDecoded { path, codec: self.reading.codec.clone(), reason }
    }

    fn give(&mut self, decoded: &Decoded, duration: Option<Timestamp>) -> Result<(), Stop> {
        if self.last_given.is_some_and(|last| decoded.pts.ticks <= last) {
            return Ok(());
        }
        let (index, pts, orientation) = (decoded.index, decoded.pts, decoded.orientation);
        let place = Place { index, pts, duration, orientation };
        let frame = self.reading.frame(&mut self.converter, &decoded.picture, place)?;
        self.reading.send(self.sender, frame, &mut self.turn)
    }

    fn tell_skipped(&self) -> Result<(), ReceiverGone> {
        self.sender.send(Told::Skipped(Box::new(self.skipped.clone())), 0)
    }
}
