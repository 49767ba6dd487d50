//! Decodes a sound stream from its first packet to its last. What cannot be decoded is an event, not the end.

use crate::{
    Rational, Timestamp,
    libav::{AvError, Decoder, Heard, Input, Packet, Sent, Sound, Stream},
};

/// A decoder that answers the news of the end with errors again and again would never come to it.
const MAX_ERRORS_IN_A_ROW_AT_END: u32 = 256;

/// What happens on the way through a stream of sound.
pub enum Event {
    Sound {
        sound: Sound,
        /// The stream's own time of its first sample.
        pts: Option<Timestamp>,
    },
    /// A packet could not be decoded.
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

/// The way through a sound stream of an opened file.
pub struct Listening {
    input: Input,
    decoder: Decoder,
    stream: u32,
    base: Rational,
    packet: Packet,
    /// `packet` was read and not taken by the decoder yet.
    waiting: bool,
    state: State,
    sent_pts: Option<i64>,
}

#[derive(Clone, Copy)]
enum State {
    /// The decoder may hold sound.
    Receiving,
    /// The decoder wants, or after an error gets, a packet.
    Feeding,
    /// No packets are left. Counts the errors in a row.
    Draining(u32),
}

/// What the way through a stream needs to know of it.
pub struct StreamFacts {
    index: u32,
    base: Rational,
}

impl StreamFacts {
    pub fn of(stream: &Stream<'_>) -> Self {
        Self { index: stream.index(), base: stream.time_base() }
    }
}

impl Listening {
    /// Goes through a stream of `input` with a decoder that was opened for it.
    pub fn new(mut input: Input, stream: &StreamFacts, decoder: Decoder) -> Result<Self, AvError> {
        input.keep_only(&[stream.index]);
        Ok(Self {
            input,
            decoder,
            stream: stream.index,
            base: stream.base,
            packet: Packet::new()?,
            waiting: false,
            state: State::Receiving,
            sent_pts: None,
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

    fn receive(&mut self) -> Option<Event> {
        match self.decoder.receive_sound() {
            Ok(Heard::Sound(sound)) => {
                if let State::Draining(errors) = &mut self.state {
                    *errors = 0;
                }
                Some(Event::Sound { pts: self.at(sound.pts()), sound })
            }
            Ok(Heard::NeedsPacket) => {
                self.state = State::Feeding;
                None
            }
            Ok(Heard::Finished) => Some(Event::End),
            Err(error) => {
                match &mut self.state {
                    State::Draining(MAX_ERRORS_IN_A_ROW_AT_END) => return Some(Event::End),
                    State::Draining(errors) => *errors += 1,
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
                Ok(true) => self.waiting = true,
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
}
