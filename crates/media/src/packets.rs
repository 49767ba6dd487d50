//! Reads a file a second time, for the packets that a plan asks for.

use std::collections::VecDeque;

use crate::{
    index::{Distrust, Index},
    libav::{AvError, Input, Packet},
};

/// The packets of a stream by their place in the index, handed out in nearly ascending order.
pub struct Packets {
    input: Input,
    stream: u32,
    /// The entry that is read next.
    next: u32,
    packet: Packet,
    /// Packets that were passed and may be asked for again.
    kept: VecDeque<(u32, Packet)>,
}

impl Packets {
    pub fn new(mut input: Input, stream: u32) -> Result<Self, Distrust> {
        input.keep_only(&[stream]);
        Ok(Self { input, stream, next: 0, packet: Packet::new().map_err(unreadable)?, kept: VecDeque::new() })
    }

    /// The packets of an input that was read to its end, or `None` when it has to be opened once more for them.
    ///
    /// Opening takes as long as decoding a picture or two, and an MP4's tables take memory a second time.
    pub fn again(mut input: Input, stream: u32, index: &Index) -> Option<Self> {
        // In these, a packet has its times from the container, wherever reading starts.
        let format = input.format();
        if !format.starts_with("mov,") && !format.starts_with("matroska,") {
            return None;
        }
        input.rewind(stream).ok()?;
        let mut packets = Self::new(input, stream).ok()?;
        // Kept, because it is the first that is asked for.
        packets.read_on(index, 0).is_ok().then_some(packets)
    }

    /// The packet of an entry. Those from `keep_from` on can be asked for later, those before it no more.
    pub fn get(&mut self, index: &Index, entry: u32, keep_from: u32) -> Result<Packet, Distrust> {
        while self.next <= entry {
            self.read_on(index, keep_from.min(entry))?;
        }
        let place = self.kept.binary_search_by_key(&entry, |(kept, _)| *kept).map_err(|_| differs())?;
        if entry < keep_from {
            return self.kept.remove(place).map(|(_, packet)| packet).ok_or_else(differs);
        }
        self.kept[place].1.share().map_err(unreadable)
    }

    /// Nothing before this entry is asked for again.
    pub fn forget_before(&mut self, entry: u32) {
        while self.kept.front().is_some_and(|(kept, _)| *kept < entry) {
            self.kept.pop_front();
        }
    }

    /// How many packets are kept for later.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    fn read_on(&mut self, index: &Index, keep_from: u32) -> Result<(), Distrust> {
        loop {
            match self.input.read(&mut self.packet) {
                Ok(true) if self.packet.stream_index() == self.stream => break,
                Ok(true) | Err(AvError::AGAIN) => {}
                Ok(false) => return Err(differs()),
                Err(error) => return Err(unreadable(error)),
            }
        }
        let expected = index.entries().get(self.next).ok_or_else(differs)?;
        if self.packet.pts() != Some(expected.pts) || self.packet.data().len() != expected.bytes as usize {
            return Err(differs());
        }
        if self.next >= keep_from {
            self.kept.push_back((self.next, self.packet.share().map_err(unreadable)?));
        }
        self.next += 1;
        Ok(())
    }
}

fn unreadable(error: AvError) -> Distrust {
    Distrust::Unreadable(error.to_string())
}

fn differs() -> Distrust {
    Distrust::Surprise("the file reads differently the second time".into())
}
