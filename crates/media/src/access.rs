//! Reads from the bytes of a packet whether a decoder can begin with it.
//!
//! The container's mark for key frames is not enough: it is also set on pictures behind which others follow that need
//! what came before. What counts is in the coded picture itself.

use crate::bitstream::{self, Framing};

/// How the packets of a stream tell where decoding can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    H264,
    Hevc,
    /// MPEG-1 too.
    Mpeg2,
    Mpeg4,
    Vp8,
    Vp9,
    Av1,
    /// Pictures that the container marks as key frames need nothing else, and nothing reaches past them.
    IntraOnly,
    /// It cannot be told.
    Other,
}

/// Whether a decoder can begin with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    #[default]
    No,
    /// It can, but pictures that follow and are shown earlier may need what came before.
    Open,
    /// It can, and nothing that follows needs what came before.
    Closed,
}

/// What a packet's bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access {
    pub start: Start,
    /// It brings parameters that differ from the stream's first ones, as far as can be seen.
    pub new_parameters: bool,
    /// It brings all parameters that a decoder needs.
    pub has_parameters: bool,
    /// Decoders leave out pictures behind it, so that counting packets is not counting frames.
    pub drops_pictures: bool,
}

/// Reads packets of one stream.
#[derive(Debug, Clone)]
pub struct Reader {
    coding: Coding,
    extradata: Vec<u8>,
    /// How units of H.264 and HEVC are told apart.
    framing: Framing,
}

impl Reader {
    pub fn new(coding: Coding, extradata: &[u8]) -> Self {
        let framing = match coding {
            Coding::Hevc => Framing::of_hevc(extradata),
            _ => Framing::of_h264(extradata),
        };
        Self { coding, extradata: extradata.to_vec(), framing }
    }

    /// Whether its packets are divided by start codes, as in transport streams: there the two fields of a picture can
    /// lie in packets of their own.
    pub fn has_start_codes(&self) -> bool {
        matches!(self.coding, Coding::H264 | Coding::Hevc) && matches!(self.framing, Framing::StartCodes)
    }

    /// What a packet says that the container marks as a key frame or not.
    pub fn read(&self, data: &[u8], is_key: bool) -> Access {
        match self.coding {
            Coding::H264 => self.h264(data),
            Coding::Hevc => self.hevc(data),
            Coding::Mpeg2 => self.mpeg2(data),
            Coding::Mpeg4 => self.mpeg4(data),
            Coding::Vp8 => Access::closed_if(bitstream::vp8(data).starts),
            Coding::Vp9 => Access::closed_if(bitstream::vp9(data).starts),
            Coding::Av1 => self.av1(data),
            Coding::IntraOnly => Access::closed_if(is_key),
            Coding::Other => Access::default(),
        }
    }

    fn h264(&self, data: &[u8]) -> Access {
        const IDR: u8 = 5;
        const SPS: u8 = 7;
        const PPS: u8 = 8;
        let (mut access, mut has_sps, mut has_pps) = (Access::default(), false, false);
        for unit in self.units(data) {
            match unit[0] & 0x1f {
                IDR => access.start = Start::Closed,
                kind @ (SPS | PPS) => {
                    has_sps |= kind == SPS;
                    has_pps |= kind == PPS;
                    access.new_parameters |= !self.is_in_extradata(unit);
                }
                _ => {}
            }
        }
        access.has_parameters = has_sps && has_pps;
        access
    }

    fn hevc(&self, data: &[u8]) -> Access {
        let (mut access, mut brought) = (Access::default(), [false; 3]);
        for unit in self.units(data) {
            match (unit[0] >> 1) & 0x3f {
                // Pictures of a broken link that are shown before it are left out, and so are those of a clean random
                // access behind the end of a sequence.
                16..=18 | 36 | 37 => access.drops_pictures = true,
                19 | 20 => access.start = Start::Closed,
                21 => access.start = Start::Open,
                kind @ 32..=34 => {
                    brought[usize::from(kind - 32)] = true;
                    access.new_parameters |= !self.is_in_extradata(unit);
                }
                _ => {}
            }
        }
        access.has_parameters = brought == [true; 3];
        access
    }

    fn mpeg2(&self, data: &[u8]) -> Access {
        let (mut has_sequence, mut closed, mut intra) = (false, false, false);
        for (code, rest) in start_codes(data) {
            match code {
                0xb3 => has_sequence = true,
                0xb8 => closed = rest.get(3).is_some_and(|byte| byte & 0x60 == 0x40), // closed, and no broken link
                0x00 => intra = rest.get(1).is_some_and(|byte| byte >> 3 & 7 == 1),
                0x01..=0xaf => break, // the first slice
                _ => {}
            }
        }
        let start = match (has_sequence && intra, closed) {
            (false, _) => Start::No,
            (true, false) => Start::Open,
            (true, true) => Start::Closed,
        };
        Access { start, has_parameters: has_sequence, ..Access::default() }
    }

    fn mpeg4(&self, data: &[u8]) -> Access {
        let mut access = Access::default();
        for (code, rest) in start_codes(data) {
            match code {
                0x20..=0x2f => access.has_parameters = true,
                0xb6 => {
                    let intra = rest.first().is_some_and(|byte| byte >> 6 == 0);
                    let known = access.has_parameters || !self.extradata.is_empty();
                    access.start = if intra && known { Start::Open } else { Start::No };
                    break;
                }
                _ => {}
            }
        }
        access
    }

    fn av1(&self, data: &[u8]) -> Access {
        let mut has_sequence = !self.extradata.is_empty();
        for (kind, unit) in bitstream::av1_units(data) {
            match kind {
                1 => has_sequence = true,
                // A frame header, or a whole frame: not shown again, of type key, shown.
                3 | 6 => {
                    let key_and_shown = unit.first().is_some_and(|byte| byte & 0xf0 == 0x10);
                    return Access::closed_if(has_sequence && key_and_shown);
                }
                _ => {}
            }
        }
        Access::default()
    }

    fn is_in_extradata(&self, unit: &[u8]) -> bool {
        // Zeros before the next start code belong to it.
        let len = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        len > 0 && self.extradata.windows(len).any(|window| window == &unit[..len])
    }

    /// The units of a packet of H.264 or HEVC, none of them empty.
    fn units<'a>(&'a self, data: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.framing.units(data).filter(|unit| !unit.is_empty())
    }
}

impl Access {
    fn closed_if(closed: bool) -> Self {
        Self { start: if closed { Start::Closed } else { Start::No }, ..Self::default() }
    }
}

/// The start codes of MPEG-1, 2 and 4: the byte that names them, and what follows.
fn start_codes(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let is_start = |(_, window): &(usize, &[u8])| window[..3] == [0, 0, 1];
    data.windows(4).enumerate().filter(is_start).map(|(at, window)| (window[3], &data[at + 4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(coding: Coding, data: &[u8]) -> Access {
        Reader::new(coding, &[]).read(data, true)
    }

    #[test]
    fn only_an_idr_picture_begins_h264() {
        let with_parameters = [0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 8, 0, 0, 1, 0x65, 1];
        let access = read(Coding::H264, &with_parameters);
        assert_eq!((access.start, access.has_parameters, access.new_parameters), (Start::Closed, true, true));
        assert_eq!(read(Coding::H264, &[0, 0, 1, 0x41, 1]).start, Start::No);
        assert_eq!(read(Coding::H264, &[]).start, Start::No);
    }

    #[test]
    fn units_can_have_lengths_for_start_codes() {
        let extradata = [1, 100, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 9];
        let reader = Reader::new(Coding::H264, &extradata);
        assert!(!reader.has_start_codes());
        let access = reader.read(&[0, 0, 0, 2, 0x67, 9, 0, 0, 0, 2, 0x65, 1], true);
        assert_eq!((access.start, access.new_parameters), (Start::Closed, false));
        assert_eq!(reader.read(&[0xff, 0xff, 0xff, 0xff, 0x65], true).start, Start::Closed); // cut in its first unit
    }

    #[test]
    fn a_clean_random_access_of_hevc_is_open() {
        assert_eq!(read(Coding::Hevc, &[0, 0, 1, 19 << 1, 1]).start, Start::Closed);
        assert_eq!(read(Coding::Hevc, &[0, 0, 1, 21 << 1, 1]).start, Start::Open);
        assert_eq!(read(Coding::Hevc, &[0, 0, 1, 1 << 1, 1]).start, Start::No);
        assert!(read(Coding::Hevc, &[0, 0, 1, 16 << 1, 1]).drops_pictures);
    }

    #[test]
    fn mpeg2_says_whether_a_group_is_closed() {
        let group = |flags| [0, 0, 1, 0xb3, 9, 0, 0, 1, 0xb8, 0, 0, 0, flags, 0, 0, 1, 0, 0, 1 << 3, 0, 0, 1, 1, 0];
        assert_eq!(read(Coding::Mpeg2, &group(0x40)).start, Start::Closed);
        assert_eq!(read(Coding::Mpeg2, &group(0)).start, Start::Open);
        assert_eq!(read(Coding::Mpeg2, &group(0)[4..]).start, Start::No); // without its sequence header
    }

    #[test]
    fn pictures_that_are_not_intra_begin_nothing() {
        assert_eq!(read(Coding::Mpeg2, &[0, 0, 1, 0xb3, 9, 0, 0, 1, 0, 0, 2 << 3, 0]).start, Start::No);
        assert_eq!(read(Coding::Mpeg4, &[0, 0, 1, 0x20, 0, 0, 1, 0xb6, 0x40]).start, Start::No);
        assert_eq!(read(Coding::Mpeg4, &[0, 0, 1, 0x20, 0, 0, 1, 0xb6, 0x00]).start, Start::Open);
        assert_eq!(read(Coding::Vp8, &[1]).start, Start::No);
        assert_eq!(read(Coding::Vp9, &[0b1000_0100]).start, Start::No);
        assert_eq!(read(Coding::Vp9, &[0b1000_0000]).start, Start::Closed);
    }

    #[test]
    fn av1_begins_with_a_key_frame_that_is_shown() {
        let sequence = [0x0a, 1, 0];
        let frame = |first| [&sequence[..], &[0x32, 1, first]].concat();
        assert_eq!(read(Coding::Av1, &frame(0x10)).start, Start::Closed);
        assert_eq!(read(Coding::Av1, &frame(0x00)).start, Start::No); // hidden
        assert_eq!(read(Coding::Av1, &frame(0x30)).start, Start::No); // inter
        assert_eq!(read(Coding::Av1, &[0x32, 1, 0x10]).start, Start::No); // no sequence header
    }
}
