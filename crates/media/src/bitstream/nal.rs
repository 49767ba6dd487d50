//! H.264 and HEVC: a packet is a row of units, each with a type.

use memchr::memmem;

use super::{Facts, bits::Bits, fingerprint};

/// How the units of a packet are told apart.
#[derive(Debug, Clone)]
pub enum Framing {
    /// By the bytes 0, 0, 1 before each.
    StartCodes,
    /// By a length of so many bytes before each.
    Lengths(usize),
}

const START_CODE: [u8; 3] = [0, 0, 1];

impl Framing {
    pub fn of_h264(headers: &[u8]) -> Self {
        match headers {
            [1, _, _, _, sizes, _, _, ..] => Self::Lengths(usize::from(sizes & 3) + 1),
            _ => Self::StartCodes,
        }
    }

    pub fn of_hevc(headers: &[u8]) -> Self {
        match headers {
            [0, 0, 1, ..] | [0, 0, 0, 1, ..] => Self::StartCodes,
            _ => headers.get(21).map_or(Self::StartCodes, |sizes| Self::Lengths(usize::from(sizes & 3) + 1)),
        }
    }

    /// The units of a packet, without what separates them.
    pub fn units<'a>(&'a self, data: &'a [u8]) -> Units<'a> {
        let rest = match self {
            Self::StartCodes => memmem::find(data, &START_CODE).map_or(&[][..], |at| &data[at + 3..]),
            Self::Lengths(_) => data,
        };
        Units { framing: self, rest }
    }
}

pub struct Units<'a> {
    framing: &'a Framing,
    rest: &'a [u8],
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (unit, rest) = match self.framing {
            Framing::StartCodes => match memmem::find(self.rest, &START_CODE) {
                Some(at) => (&self.rest[..at], &self.rest[at + 3..]),
                None => (self.rest, &[][..]),
            },
            Framing::Lengths(size) => {
                let (length, rest) = self.rest.split_at_checked(*size)?;
                let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
                rest.split_at_checked(length).unwrap_or((rest, &[]))
            }
        };
        self.rest = rest;
        (!unit.is_empty() || !rest.is_empty()).then_some(unit)
    }
}

/// The first bytes of a unit without those that only keep 0, 0, 1 out of it.
fn unescaped(unit: &[u8], at_most: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(at_most.min(unit.len()));
    let mut zeros = 0;
    for &byte in unit.iter().take(at_most) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes.push(byte);
    }
    bytes
}

/// More than the head of a slice that is read here can take.
const SLICE_HEAD_BYTES: usize = 16;
/// More than the messages before a picture take, unless they are long captions; those come after the one looked for.
const MESSAGE_BYTES: usize = 1024;

mod h264_unit {
    pub const SLICE: u8 = 1;
    pub const PARTITION: u8 = 2;
    pub const IDR_SLICE: u8 = 5;
    pub const MESSAGE: u8 = 6;
    pub const SEQUENCE_HEADER: u8 = 7;
    pub const PICTURE_HEADER: u8 = 8;
}

/// H.264, packet after packet.
#[derive(Debug)]
pub struct H264 {
    framing: Framing,
    /// What the sequence header says of the numbers that slices begin with.
    numbering: Option<Numbering>,
    /// The number of the last picture that others may refer to.
    last_referenced: Option<u32>,
}

/// How pictures that others may refer to are counted.
#[derive(Debug, Clone, Copy)]
struct Numbering {
    bits: u32,
    has_colour_planes: bool,
    /// Numbers may be left out on purpose, as layers in time do that somebody removed.
    may_skip: bool,
}

impl H264 {
    /// For a stream with these headers beside its packets.
    pub fn new(headers: &[u8]) -> Self {
        let framing = Framing::of_h264(headers);
        let numbering = match (&framing, headers) {
            // One header or more, each after its length; the first one serves.
            (Framing::Lengths(_), [_, _, _, _, _, _, high, low, rest @ ..]) => {
                let length = usize::from(*high) << 8 | usize::from(*low);
                rest.get(1..length).and_then(Numbering::read)
            }
            (Framing::StartCodes, _) => {
                let is_header =
                    |unit: &&[u8]| unit.first().is_some_and(|head| head & 0x1f == h264_unit::SEQUENCE_HEADER);
                framing.units(headers).find(is_header).and_then(|unit| Numbering::read(&unit[1..]))
            }
            _ => None,
        };
        Self { framing, numbering, last_referenced: None }
    }

    /// Reads the next packet.
    pub fn read(&mut self, data: &[u8], is_field: bool) -> Facts {
        let mut facts = Facts { intra: None, ..Facts::NONE };
        let (mut slices, mut intra_slices, mut firsts) = (0u32, 0u32, 0u32);
        let (mut idr, mut recovers, mut referenced, mut number) = (false, false, false, None);
        for unit in self.framing.units(data) {
            let Some(&head) = unit.first() else { continue };
            match head & 0x1f {
                kind @ (h264_unit::SLICE | h264_unit::PARTITION | h264_unit::IDR_SLICE) => {
                    let bytes = unescaped(&unit[1..], SLICE_HEAD_BYTES);
                    let mut bits = Bits::new(&bytes);
                    firsts += u32::from(bits.golomb() == 0);
                    slices += 1;
                    intra_slices += u32::from(matches!(bits.golomb() % 5, 2 | 4));
                    idr |= kind == h264_unit::IDR_SLICE;
                    referenced |= head & 0x60 != 0;
                    bits.golomb(); // which picture header
                    number = number.or(self.numbering.map(|numbering| numbering.of_slice(&mut bits)));
                }
                h264_unit::MESSAGE => recovers |= recovers_at_once(&unescaped(&unit[1..], MESSAGE_BYTES)),
                kind @ (h264_unit::SEQUENCE_HEADER | h264_unit::PICTURE_HEADER) => {
                    facts.headers = fingerprint(facts.headers, unit);
                    if kind == h264_unit::SEQUENCE_HEADER {
                        self.numbering = Numbering::read(&unit[1..]);
                    }
                }
                _ => {}
            }
        }
        facts.intra = match intra_slices {
            0 => Some(false),
            all if all == slices && !is_field => Some(true),
            _ => None, // what the decoder calls such a picture depends on which slice it means
        };
        facts.starts = idr || (recovers && facts.intra == Some(true));
        facts.unreferenced = slices > 0 && !referenced;
        // Two fields make one picture. One alone waits for the other, which lies in a packet of its own.
        facts.shown = if is_field && firsts == 2 { 1 } else { firsts };
        let skips = if slices > 0 { self.skips_a_number(number, idr, referenced) } else { Some(false) };
        facts.lost = skips == Some(true) && self.numbering.is_some_and(|numbering| !numbering.may_skip);
        facts.spliced = (is_field && firsts == 1) || skips != Some(false);
        facts
    }

    /// Whether a picture that others refer to is missing before this one. `None` when the numbers cannot be read.
    fn skips_a_number(&mut self, number: Option<u32>, idr: bool, referenced: bool) -> Option<bool> {
        let (number, numbering) = (number?, self.numbering?);
        let last = if idr { Some(number) } else { self.last_referenced };
        if referenced {
            self.last_referenced = Some(number);
        }
        Some(last.is_some_and(|last| number != last && number != (last + 1) % (1 << numbering.bits)))
    }
}

impl Numbering {
    /// Reads a sequence header as far as the numbering.
    fn read(unit: &[u8]) -> Option<Self> {
        /// Profiles that tell their chroma and scaling.
        const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
        let bytes = unescaped(unit, 256);
        let mut bits = Bits::new(&bytes);
        let profile = bits.number(8);
        bits.skip(8 + 8);
        bits.golomb();
        let mut has_colour_planes = false;
        if HIGH.contains(&profile) {
            let chroma = bits.golomb();
            has_colour_planes = chroma == 3 && bits.bit();
            bits.golomb();
            bits.golomb();
            bits.skip(1);
            if bits.bit() {
                let lists = if chroma == 3 { 12 } else { 8 };
                (0..lists).for_each(|list| skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 }));
            }
        }
        let number_bits = bits.golomb().saturating_add(4);
        let is_read = number_bits <= 16 && !bits.overrun();
        match bits.golomb() {
            0 => _ = bits.golomb(), // how pictures are put in order: three ways
            1 => {
                bits.skip(1);
                bits.golomb();
                bits.golomb();
                (0..bits.golomb().min(255)).for_each(|_| _ = bits.golomb());
            }
            _ => {}
        }
        bits.golomb();
        let may_skip = bits.bit() || bits.overrun();
        is_read.then_some(Self { bits: number_bits, has_colour_planes, may_skip })
    }

    /// The number that a slice's head goes on with.
    fn of_slice(self, bits: &mut Bits<'_>) -> u32 {
        bits.skip(if self.has_colour_planes { 2 } else { 0 });
        bits.number(self.bits)
    }
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) {
    let (mut last, mut next) = (8i64, 8i64);
    if !bits.bit() {
        return;
    }
    for _ in 0..size {
        if next != 0 {
            let code = i64::from(bits.golomb());
            let delta = if code % 2 == 0 { -(code / 2) } else { code / 2 + 1 };
            next = (last + delta).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
}

/// Whether messages say that decoding can start at this very picture, and that the result is exact.
fn recovers_at_once(messages: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    let mut rest = messages;
    let number = |rest: &mut &[u8]| {
        let mut sum = 0;
        while let Some((&byte, behind)) = rest.split_first() {
            *rest = behind;
            sum += usize::from(byte);
            if byte != 0xff {
                return Some(sum);
            }
        }
        None
    };
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (number(&mut rest), number(&mut rest)) else { return false };
        let (message, behind) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        if kind == RECOVERY_POINT {
            let mut bits = Bits::new(message);
            let (frames, exact, broken) = (bits.golomb(), bits.bit(), bits.bit());
            return frames == 0 && exact && !broken && !bits.overrun();
        }
        rest = behind;
    }
    false
}

/// Reads a packet of HEVC. The type of its picture is left to a parser that knows the headers.
pub fn hevc<'a>(units: impl Iterator<Item = &'a [u8]>) -> Facts {
    let mut facts = Facts { intra: None, ..Facts::NONE };
    let (mut slices, mut unreferenced) = (0u32, true);
    for unit in units {
        let [head, second, third, ..] = *unit else { continue };
        if (u16::from(head & 1) << 5) | u16::from(second >> 3) != 0 {
            continue; // another layer, of depth or detail, that the decoder leaves out
        }
        match head >> 1 & 0x3f {
            kind @ 0..=31 => {
                slices += 1;
                facts.shown += u32::from(third & 0x80 != 0); // the first slice of a picture
                facts.layer = facts.layer.max((second & 7).saturating_sub(1));
                facts.starts |= (16..=21).contains(&kind);
                facts.spliced |= (16..=18).contains(&kind); // broken link: its leading pictures are gone
                unreferenced &= kind <= 14 && kind % 2 == 0;
            }
            32..=34 => facts.headers = fingerprint(facts.headers, unit),
            36 | 37 => facts.spliced = true, // the end of a sequence or of the stream
            _ => {}
        }
    }
    facts.unreferenced = slices > 0 && unreferenced;
    facts
}

#[cfg(test)]
#[allow(clippy::unusual_byte_groupings)] // grouped by what the bits mean
mod tests {
    use super::*;

    /// Baseline profile, header 0, numbers of 4 bits, order counts of 4 bits, one reference, no number left out.
    const SEQUENCE: [u8; 7] = [0x67, 66, 0, 30, 0b1_1_1_1_010_0, 0, 0];

    fn packet(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 1], *unit].concat()).collect()
    }

    fn stream() -> H264 {
        H264::new(&packet(&[&SEQUENCE]))
    }

    fn h264_packet(units: &[&[u8]]) -> Facts {
        stream().read(&packet(units), false)
    }

    // First macroblock 0 is the bit 1; slice types in Exp-Golomb: P 0 is 1, B 1 is 010, I 2 is 011; picture header 0 is 1.
    const I: u8 = 0b1_011_1_000;
    const P: u8 = 0b1_1_1_0000_0;
    const B: u8 = 0b1_010_1_000;

    #[test]
    fn a_missing_reference_shows_in_the_numbers() {
        let p = |head: u8, number: u8| packet(&[&[head, 0b1_1_1_0000_0 | number << 1]]);
        let mut stream = stream();
        assert!(!stream.read(&packet(&[&[0x65, I, 0]]), false).spliced);
        assert!(!stream.read(&p(0x41, 1), false).spliced);
        assert!(!stream.read(&p(0x01, 2), false).spliced, "nobody refers to it");
        assert!(!stream.read(&p(0x01, 2), false).spliced);
        assert!(!stream.read(&p(0x41, 2), false).spliced);
        let behind = stream.read(&p(0x41, 4), false);
        assert!(behind.spliced && behind.lost);
        assert!(!stream.read(&packet(&[&[0x65, I, 0]]), false).spliced);
    }

    #[test]
    fn numbers_go_round() {
        let p = |number: u8| packet(&[&[0x41, 0b1_1_1_0000_0 | number << 1]]);
        let mut stream = stream();
        assert!(!(12..20).any(|number| stream.read(&p(number % 16), false).spliced));
    }

    #[test]
    fn an_idr_picture_starts_and_a_p_picture_does_not() {
        assert!(h264_packet(&[&[0x65, I]]).starts);
        let p = h264_packet(&[&[0x41, P]]);
        assert_eq!((p.starts, p.unreferenced, p.intra, p.shown), (false, false, Some(false), 1));
    }

    #[test]
    fn a_picture_without_reference_idc_is_unreferenced() {
        assert!(h264_packet(&[&[0x01, B]]).unreferenced);
        assert!(!h264_packet(&[]).unreferenced);
    }

    #[test]
    fn an_intra_picture_starts_only_where_it_recovers_at_once_and_exactly() {
        let recovery = |byte| [0x06, 6, 1, byte, 0x80];
        let starts = |byte| h264_packet(&[&recovery(byte), &[0x41, I]]).starts;
        assert!(starts(0b1_1_0_00_1_00));
        assert!(!starts(0b1_0_0_00_1_00), "not exact");
        assert!(!starts(0b1_1_1_00_1_00), "a broken link");
        assert!(!starts(0b010_1_0_1_00), "after one frame");
        assert!(!h264_packet(&[&[0x41, I]]).starts);
        assert!(!h264_packet(&[&recovery(0b1_1_0_00_1_00), &[0x41, P]]).starts);
    }

    #[test]
    fn slices_of_both_kinds_leave_the_kind_of_the_picture_open() {
        assert_eq!(h264_packet(&[&[0x41, I], &[0x41, 0b0_1_0_1_0000]]).intra, None);
    }

    #[test]
    fn a_field_in_a_packet_of_its_own_is_no_picture_one_can_count_on() {
        let bytes = packet(&[&[0x41, P]]);
        assert!(stream().read(&bytes, true).spliced);
        let pair = stream().read(&bytes.repeat(2), true);
        assert_eq!((pair.spliced, pair.shown), (false, 1));
    }

    #[test]
    fn units_are_found_by_length_and_by_start_code() {
        let by_length = Framing::of_h264(&[1, 0, 0, 0, 0xff, 0, 0]);
        let units: Vec<&[u8]> = by_length.units(&[0, 0, 0, 2, 7, 8, 0, 0, 0, 9, 1]).collect();
        assert_eq!(units, [&[7, 8][..], &[1]]);
        let by_code = Framing::of_h264(&[0, 0, 0, 1, 0x67]);
        assert_eq!(by_code.units(&[0, 0, 1, 7, 0, 0, 1, 8]).collect::<Vec<_>>(), [[7], [8]]);
        assert_eq!(by_code.units(&[5, 5, 5]).count(), 0);
    }

    #[test]
    fn hevc_tells_starts_layers_and_what_nobody_refers_to() {
        let packet = |kind: u8, layer: u8| {
            let bytes = [0, 0, 1, kind << 1, layer + 1, 0x80];
            hevc(Framing::StartCodes.units(&bytes))
        };
        assert!(packet(19, 0).starts && packet(21, 0).starts && !packet(1, 0).starts);
        assert!(packet(0, 2).unreferenced && !packet(1, 2).unreferenced);
        assert_eq!((packet(0, 2).layer, packet(0, 2).shown), (2, 1));
        assert!(packet(16, 0).spliced && !packet(20, 0).spliced);
    }
}
