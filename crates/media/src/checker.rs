//! Finds damage that packets show without being decoded.
//!
//! Pictures of H.264 are numbered, so that a missing one shows in the next; heads of VP8 and VP9 hold numbers that can be
//! wrong. Behind those heads lie numbers of an arithmetic coder without any checksum: other bytes there are other
//! pictures, and nothing tells.

use crate::{
    bitstream::Reader,
    libav::{Packet, Parser, Stream},
};

/// Looks at the packets of a stream one by one, in the order of the file.
pub struct Checker {
    reader: Reader,
    /// Tells fields from frames, in H.264.
    parser: Option<Parser>,
}

/// What a packet shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Its own bytes cannot be right.
    pub is_damaged: bool,
    /// A picture that it may refer to is missing before it.
    pub is_behind_a_loss: bool,
    /// It holds one field of a picture.
    pub is_field: bool,
}

impl Checker {
    /// `None` for codecs whose packets show nothing.
    pub fn new(stream: &Stream<'_>) -> Option<Self> {
        let reader = Reader::new(&stream.codec(), stream.extradata())?;
        let parser = match reader {
            Reader::H264(_) => Some(Parser::open(stream).ok().flatten()?),
            Reader::Vp8 | Reader::Vp9 => None,
            _ => return None,
        };
        Some(Self { reader, parser })
    }

    /// Looks at the next packet.
    pub fn check(&mut self, packet: &Packet) -> Found {
        let is_field = self.parser.as_mut().is_some_and(|parser| parser.head(packet).is_field);
        let facts = self.reader.read(packet.data(), packet.is_key(), is_field);
        let is_one_of_two = facts.shown == 1 && facts.spliced; // not both of them in one packet
        Found { is_damaged: facts.broken, is_behind_a_loss: facts.lost, is_field: is_field && is_one_of_two }
    }
}
