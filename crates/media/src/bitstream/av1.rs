//! AV1: pictures name what they renew, so one that renews nothing can be left out.

use super::{Facts, bits::Bits, fingerprint};

/// What the sequence header says, as far as the heads of frames depend on it.
#[derive(Debug, Default)]
pub struct Sequence {
    known: Option<Known>,
    /// Whether the pictures that are kept are intra, where that is known.
    kept: [Option<bool>; 8],
}

#[derive(Debug, Clone, Copy)]
struct Known {
    is_still: bool,
    /// Bits of a presentation time in each frame, where there is one.
    time_bits: u32,
    has_removal_times: bool,
    frame_id_bits: u32,
    order_hint_bits: u32,
    /// 2: each frame says.
    screen_content: u32,
    /// 2: each frame says.
    integer_vectors: u32,
}

mod unit {
    pub const SEQUENCE: u8 = 1;
    pub const FRAME_HEADER: u8 = 3;
    pub const FRAME: u8 = 6;
}

/// What the head of a frame says.
enum Frame {
    New {
        is_key: bool,
        is_intra: bool,
        is_shown: bool,
        /// Which of the kept pictures it replaces, a bit each. `None` when that cannot be told.
        renews: Option<u32>,
    },
    /// One that was kept is shown.
    Kept { slot: u32 },
}

impl Sequence {
    /// Reads a packet: all that belongs to one moment.
    pub fn read(&mut self, data: &[u8], is_key: bool) -> Facts {
        let mut facts = Facts { unreferenced: true, ..Facts::NONE };
        let (mut frames, mut has_sequence) = (0u32, false);
        for (kind, unit) in units(data) {
            match kind {
                unit::SEQUENCE => {
                    self.known = Known::read(unit);
                    has_sequence = true;
                    facts.headers = fingerprint(facts.headers, unit);
                }
                unit::FRAME_HEADER | unit::FRAME => {
                    let Some(frame) = self.known.as_ref().map(|known| known.frame(unit)) else { return Facts::NONE };
                    match frame {
                        Frame::New { is_key: starts, is_intra, is_shown, renews } => {
                            facts.starts |= frames == 0 && starts && is_shown && is_key && has_sequence;
                            facts.unreferenced &= renews == Some(0);
                            facts.shown += u32::from(is_shown);
                            facts.intra = if is_shown { Some(is_intra) } else { facts.intra };
                            self.renew(renews, is_intra);
                        }
                        Frame::Kept { slot } => {
                            facts.unreferenced = false; // shown again, a key frame replaces all that is kept
                            facts.shown += 1;
                            facts.intra = self.kept[slot as usize % 8];
                        }
                    }
                    frames += 1;
                }
                _ => {}
            }
        }
        facts.unreferenced &= frames > 0;
        facts
    }

    fn renew(&mut self, renews: Option<u32>, is_intra: bool) {
        for (slot, kept) in self.kept.iter_mut().enumerate() {
            match renews {
                Some(slots) if slots >> slot & 1 == 0 => {}
                Some(_) => *kept = Some(is_intra),
                None => *kept = None,
            }
        }
    }
}

/// The units of a packet that belong to the picture itself, with their types.
pub fn units(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&head, mut behind) = rest.split_first()?;
        if head & 4 != 0 {
            behind = behind.get(1..)?;
        }
        let length = if head & 2 != 0 {
            let (length, size) = leb128(behind)?;
            behind = &behind[size..];
            length
        } else {
            behind.len()
        };
        let (unit, next) = behind.split_at_checked(length)?;
        rest = next;
        Some((head >> 3 & 0xf, unit))
    })
}

fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (nth, &byte) in bytes.iter().take(8).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * nth);
        if byte & 0x80 == 0 {
            return Some((value, nth + 1));
        }
    }
    None
}

impl Known {
    fn read(unit: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(unit);
        bits.skip(3 + 1); // profile, still picture
        if bits.bit() {
            return Some(Self {
                is_still: true,
                time_bits: 0,
                has_removal_times: false,
                frame_id_bits: 0,
                order_hint_bits: 0,
                screen_content: 2,
                integer_vectors: 2,
            });
        }
        let (mut time_bits, mut delay_bits, mut has_removal_times) = (0, 0, false);
        if bits.bit() {
            bits.skip(32 + 32);
            let even = bits.bit();
            if even {
                bits.golomb();
            }
            if bits.bit() {
                has_removal_times = true;
                delay_bits = bits.number(5) + 1;
                bits.skip(32 + 5);
                let presentation_bits = bits.number(5) + 1;
                time_bits = if even { 0 } else { presentation_bits };
            }
        }
        let has_display_delays = bits.bit();
        for _ in 0..=bits.number(5) {
            bits.skip(12);
            if bits.number(5) > 7 {
                bits.skip(1);
            }
            if has_removal_times && bits.bit() {
                bits.skip(2 * delay_bits + 1);
            }
            if has_display_delays && bits.bit() {
                bits.skip(4);
            }
        }
        let (width_bits, height_bits) = (bits.number(4) + 1, bits.number(4) + 1);
        bits.skip(width_bits + height_bits);
        let frame_id_bits = if bits.bit() {
            let delta = bits.number(4) + 2;
            delta + bits.number(3) + 1
        } else {
            0
        };
        bits.skip(3 + 4); // block size and tools
        let has_order = bits.bit();
        bits.skip(if has_order { 2 } else { 0 });
        let screen_content = if bits.bit() { 2 } else { bits.number(1) };
        let integer_vectors = if screen_content == 0 || bits.bit() { 2 } else { bits.number(1) };
        let order_hint_bits = if has_order { bits.number(3) + 1 } else { 0 };
        (!bits.overrun()).then_some(Self {
            is_still: false,
            time_bits,
            has_removal_times,
            frame_id_bits,
            order_hint_bits,
            screen_content,
            integer_vectors,
        })
    }

    fn frame(&self, unit: &[u8]) -> Frame {
        const KEY: u32 = 0;
        const INTRA_ONLY: u32 = 2;
        const SWITCH: u32 = 3;
        let mut bits = Bits::new(unit);
        if self.is_still {
            return Frame::New { is_key: true, is_intra: true, is_shown: true, renews: Some(0xff) };
        }
        if bits.bit() {
            return Frame::Kept { slot: bits.number(3) };
        }
        let kind = bits.number(2);
        let is_shown = bits.bit();
        if is_shown {
            bits.skip(self.time_bits);
        } else {
            bits.skip(1);
        }
        let renews_all = kind == SWITCH || (kind == KEY && is_shown);
        let resilient = renews_all || bits.bit();
        bits.skip(1);
        let screen_content = if self.screen_content == 2 { bits.number(1) } else { self.screen_content };
        if screen_content == 1 && self.integer_vectors == 2 {
            bits.skip(1);
        }
        bits.skip(self.frame_id_bits);
        bits.skip(u32::from(kind != SWITCH));
        bits.skip(self.order_hint_bits);
        let is_intra = matches!(kind, KEY | INTRA_ONLY);
        bits.skip(if is_intra || resilient { 0 } else { 3 });
        let renews = match (renews_all, self.has_removal_times) {
            (true, _) => Some(0xff),
            (false, true) => None, // times of which nothing tells the length come first
            (false, false) => Some(bits.number(8)).filter(|_| !bits.overrun()),
        };
        Frame::New { is_key: kind == KEY, is_intra, is_shown, renews }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits written as text, padded to whole bytes, in a unit that tells its length.
    fn unit(kind: u8, text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| matches!(byte, b'0' | b'1')).map(|byte| byte - b'0').collect();
        let bytes: Vec<u8> = digits
            .chunks(8)
            .map(|bits| bits.iter().enumerate().fold(0, |byte, (nth, bit)| byte | bit << (7 - nth)))
            .collect();
        [&[kind << 3 | 2, bytes.len() as u8][..], &bytes].concat()
    }

    fn sequence() -> Vec<u8> {
        // profile, still, reduced, timing, delays | one point | sizes of 8 bits | ids, tools | order hints of 7 bits
        unit(
            unit::SEQUENCE,
            "000 0 0 0 0 00000 000000000000 00000 0111 0111 00000000 00000000 0 000 0000 1 00 1 1 110 0000",
        )
    }

    fn frame(kind: &str, shown: bool, renews: &str) -> Vec<u8> {
        let (shown, primary) = if shown { ("1", "000") } else { ("0 1", "000") };
        unit(unit::FRAME, &format!("0 {kind} {shown} 0 0 0 0 0000000 {primary} {renews} 00000000"))
    }

    #[test]
    fn a_shown_key_frame_with_its_header_starts() {
        let key = unit(unit::FRAME, "0 00 1 0 0 0 0000000 00000000");
        let facts = Sequence::default().read(&[sequence(), key].concat(), true);
        assert_eq!((facts.starts, facts.intra, facts.shown, facts.unreferenced), (true, Some(true), 1, false));
        assert!(facts.headers.is_some());
    }

    #[test]
    fn a_picture_that_renews_nothing_is_unreferenced() {
        let mut stream = Sequence::default();
        stream.read(&sequence(), true);
        assert!(stream.read(&frame("01", true, "00000000"), false).unreferenced);
        assert!(!stream.read(&frame("01", true, "00000100"), false).unreferenced);
        let both = [frame("01", false, "00000001"), frame("01", true, "00000000")].concat();
        assert_eq!((stream.read(&both, false).unreferenced, stream.read(&both, false).shown), (false, 1));
    }

    #[test]
    fn an_old_picture_shown_again_is_of_the_kind_it_was() {
        let mut stream = Sequence::default();
        stream.read(&sequence(), true);
        let shown_again = unit(unit::FRAME_HEADER, "1 010 0000"); // slot 2
        assert_eq!(stream.read(&shown_again, false).intra, None);
        stream.read(&frame("01", false, "00000100"), false);
        let facts = stream.read(&shown_again, false);
        assert_eq!((facts.shown, facts.intra, facts.unreferenced), (1, Some(false), false));
    }

    #[test]
    fn without_a_sequence_header_nothing_is_said() {
        assert_eq!(Sequence::default().read(&frame("01", true, "00000000"), false), Facts::NONE);
        assert_eq!(Sequence::default().read(&[0xff; 5], true).shown, 0);
    }
}
