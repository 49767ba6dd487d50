//! Decodes every picture of the video stream, in presentation order, with exact times.
//!
//! One libav decoder, as many threads as it likes, one picture at a time: nothing is kept. What cannot be decoded is
//! an event among the pictures, not the end.

use crate::{
    Orientation, Rational, Timestamp,
    checker::Checker,
    libav::{AvError, Decoder, Input, Packet, Picture, Received, Sent, Stream},
};

/// After the last packet a decoder may answer with errors for the packets it still holds, a few a thread; one that
/// goes on and on would never come to its end.
const MAX_ERRORS_IN_A_ROW_AT_END: u32 = 256;

/// A picture and its place.
pub struct Decoded {
    pub picture: Picture,
    /// Presentation order, from 0.
    pub index: u64,
    /// The stream's own time.
    pub pts: Timestamp,
    /// How long the stream says it is shown.
    pub duration: Option<Timestamp>,
    pub orientation: Orientation,
}

/// What happens on the way through a stream.
pub enum Event {
    Picture(Decoded),
    /// The next packet is marked as damaged, or shows it, or what lies between `since` and it is lost.
    Marked {
        time: Option<Timestamp>,
        since: Option<Timestamp>,
    },
    /// A packet could not be decoded, or into more pixels than allowed.
    Damaged {
        time: Option<Timestamp>,
        reason: String,
    },
    /// The rest of the file could not be read; what was read is still decoded.
    Unreadable {
        error: AvError,
    },
    End,
}

/// The way through the video stream of an opened file.
pub struct Decoding {
    input: Input,
    decoder: Decoder,
    stream: u32,
    base: Rational,
    /// Makes times of indices for a stream that has none.
    frame_length: Rational,
    orientation: Orientation,
    max_pixels: u64,
    packet: Packet,
    checker: Option<Checker>,
    /// `packet` was read and not taken by the decoder yet.
    waiting: bool,
    fed: u64,
    state: State,
    next_index: u64,
    sent_pts: Option<i64>,
    /// Where the last picture ended: the time of the next one, should it have none.
    expected_pts: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The decoder may hold a picture.
    Receiving,
    /// The decoder wants, or after an error gets, a packet.
    Feeding,
    /// No packets are left. Counts the errors in a row.
    Draining(u32),
}

impl Decoding {
    /// Goes through `stream` of `input` with a decoder that was opened for it. A picture of more than `max_pixels`
    /// counts as damaged.
    pub fn new(mut input: Input, stream: &StreamFacts, decoder: Decoder, max_pixels: u64) -> Result<Self, AvError> {
        input.keep_only(&[stream.index]);
        let checker = input.streams().find(|own| own.index() == stream.index).and_then(|own| Checker::new(&own));
        Ok(Self {
            input,
            checker,
            decoder,
            stream: stream.index,
            base: stream.base,
            frame_length: stream.frame_length,
            orientation: stream.orientation,
            max_pixels,
            packet: Packet::new()?,
            waiting: false,
            fed: 0,
            state: State::Receiving,
            next_index: 0,
            sent_pts: None,
            expected_pts: None,
        })
    }

    /// What comes next. After [`Event::End`] only that.
    pub fn next(&mut self) -> Event {
        loop {
            let event = match self.state {
                State::Receiving | State::Draining(_) => self.receive(),
                State::Feeding => self.feed(),
            };
            if let Some(event) = event {
                return event;
            }
        }
    }

    /// How many packets the decoder took so far.
    pub fn fed(&self) -> u64 {
        self.fed
    }

    fn receive(&mut self) -> Option<Event> {
        match self.decoder.receive() {
            Ok(Received::Picture(picture)) => {
                if let State::Draining(errors) = &mut self.state {
                    *errors = 0;
                }
                Some(self.placed(picture))
            }
            Ok(Received::NeedsPacket) => {
                self.state = State::Feeding;
                None
            }
            Ok(Received::Finished) => Some(Event::End),
            Err(error) => {
                match &mut self.state {
                    State::Draining(MAX_ERRORS_IN_A_ROW_AT_END) => return Some(Event::End),
                    State::Draining(errors) => *errors += 1,
                    // A packet is next, so that a decoder which repeats its error cannot hold up the file.
                    State::Receiving | State::Feeding => self.state = State::Feeding,
                }
                Some(Event::Damaged { time: self.at(self.sent_pts), reason: error.to_string() })
            }
        }
    }

    fn feed(&mut self) -> Option<Event> {
        if !self.waiting {
            match self.input.read(&mut self.packet) {
                Ok(true) if self.packet.stream_index() != self.stream => return None,
                Ok(true) => {
                    self.waiting = true;
                    let found = self.checker.as_mut().map(|checker| checker.check(&self.packet)).unwrap_or_default();
                    if self.packet.is_corrupt() || found.is_damaged || found.is_behind_a_loss {
                        let is_behind_a_loss = self.input.has_lost() || found.is_behind_a_loss;
                        let since = is_behind_a_loss.then(|| self.at(self.sent_pts)).flatten();
                        return Some(Event::Marked { time: self.at(self.packet.pts().or(self.packet.dts())), since });
                    }
                }
                Ok(false) => return self.drain(),
                Err(AvError::AGAIN) => return None,
                Err(error) => {
                    self.drain();
                    return Some(Event::Unreadable { error });
                }
            }
        }
        match self.decoder.send(Some(&self.packet)) {
            Ok(Sent::Full) => self.state = State::Receiving,
            Ok(Sent::Taken) => {
                self.sent_pts = self.packet.pts().or(self.packet.dts());
                self.waiting = false;
                self.fed += 1;
                self.state = State::Receiving;
            }
            Err(error) => {
                self.waiting = false;
                let time = self.at(self.packet.pts().or(self.packet.dts()));
                return Some(Event::Damaged { time, reason: error.to_string() });
            }
        }
        None
    }

    fn drain(&mut self) -> Option<Event> {
        self.state = State::Draining(0);
        // An error here is told again by `receive`.
        let _ = self.decoder.send(None);
        None
    }

    fn at(&self, ticks: Option<i64>) -> Option<Timestamp> {
        ticks.map(|ticks| Timestamp { ticks, base: self.base })
    }

    fn placed(&mut self, picture: Picture) -> Event {
        let index = self.next_index;
        self.next_index += 1;
        let ticks = picture.pts().or(self.expected_pts);
        let pts = self
            .at(ticks)
            .unwrap_or_else(|| Timestamp { ticks: i64::try_from(index).unwrap_or(i64::MAX), base: self.frame_length });
        let duration = self.at(picture.duration());
        self.expected_pts = ticks.zip(picture.duration()).and_then(|(ticks, duration)| ticks.checked_add(duration));
        let orientation = picture.orientation().unwrap_or(self.orientation);
        let (width, height) = (picture.width(), picture.height());
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Event::Damaged { time: Some(pts), reason: format!("{width}x{height} pixels are over the limit") };
        }
        Event::Picture(Decoded { picture, index, pts, duration, orientation })
    }
}

/// What the way through a stream needs to know of it.
#[derive(Debug, Clone, Copy)]
pub struct StreamFacts {
    pub index: u32,
    pub base: Rational,
    pub frame_length: Rational,
    pub orientation: Orientation,
}

impl StreamFacts {
    pub fn of(stream: &Stream<'_>) -> Self {
        let fps = stream.average_fps().or_else(|| stream.nominal_fps());
        Self {
            index: stream.index(),
            base: stream.time_base(),
            // 25 is what libav assumes of a raw stream that tells no rate.
            frame_length: fps.and_then(Rational::inverse).unwrap_or(Rational { num: 1, den: 25 }),
            orientation: stream.orientation(),
        }
    }
}
