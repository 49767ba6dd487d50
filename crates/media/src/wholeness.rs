//! Whether a file is as long as its outermost boxes say.
//!
//! Demuxers take a cut file for a short one and say nothing. MP4 and MOV, Matroska and WebM, AVI and WAV write the
//! length of their largest part in front of it; comparing it with the file tells a cut copy from a whole one without
//! decoding anything. Transport streams tell no length, but one that ends within a packet is cut. For all others the
//! answer is [`Wholeness::Unknown`].

use std::io::{Read, Seek, SeekFrom};

use serde::Serialize;

/// What the outermost structure says about the file's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wholeness {
    /// Every part is there.
    Whole,
    /// The end is missing.
    Cut {
        /// By at least so many bytes.
        missing_bytes: u64,
    },
    /// An MP4 or MOV without its index (`moov`): a recording that was never finished, or a copy that lost its end.
    NoIndex,
    /// The format does not tell.
    Unknown,
}

/// Reads the outermost boxes of a file of `len` bytes. Errors of reading count as not knowing.
pub fn wholeness(mut file: impl Read + Seek, len: u64) -> Wholeness {
    let mut head = [0; 12];
    if file.rewind().is_err() || file.read_exact(&mut head).is_err() {
        return Wholeness::Unknown;
    }
    match head {
        [b'R', b'I', b'F', b'F', a, b, c, d, ..] => {
            // Recorders that stream write 0 or all ones when the length is not known yet.
            match u32::from_le_bytes([a, b, c, d]) {
                0 | u32::MAX => Wholeness::Unknown,
                size => needing(u64::from(size) + 8, len),
            }
        }
        [0x1a, 0x45, 0xdf, 0xa3, ..] => matroska(&mut file, len).unwrap_or(Wholeness::Unknown),
        [_, _, _, _, kind @ ..] if is_first_box(&kind[..4]) => mp4(&mut file, len).unwrap_or(Wholeness::Unknown),
        _ => match transport_packet_bytes(&mut file) {
            Some(size) if !len.is_multiple_of(size) => Wholeness::Cut { missing_bytes: size - len % size },
            _ => Wholeness::Unknown,
        },
    }
}

/// The length of the packets that a transport stream is made of. `None` for any other file.
fn transport_packet_bytes(file: &mut (impl Read + Seek)) -> Option<u64> {
    /// Each packet begins with this, behind four bytes of time in the longer form.
    const SYNC: u8 = 0x47;
    /// So many in a row are no chance.
    const PACKETS: u64 = 5;
    let mut is_sync = |position: u64| {
        let mut byte = [0];
        file.seek(SeekFrom::Start(position)).is_ok() && file.read_exact(&mut byte).is_ok() && byte == [SYNC]
    };
    [(188, 0), (192, 4)]
        .into_iter()
        .find(|(size, offset)| (0..PACKETS).all(|nth| is_sync(nth * size + offset)))
        .map(|(size, _)| size)
}

fn needing(end: u64, len: u64) -> Wholeness {
    if end <= len { Wholeness::Whole } else { Wholeness::Cut { missing_bytes: end - len } }
}

fn is_first_box(kind: &[u8]) -> bool {
    [b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"].iter().any(|name| kind == *name)
}

/// Walks boxes of `size, kind` until the end. `None` when reading fails or the walk makes no sense.
fn mp4(file: &mut (impl Read + Seek), len: u64) -> Option<Wholeness> {
    // A fragmented recording of three hours has some thousands of boxes; a million is an attack.
    const MAX_BOXES: u32 = 1_000_000;
    let (mut position, mut has_index) = (0, false);
    for _ in 0..MAX_BOXES {
        if len.saturating_sub(position) < 8 {
            let whole = if position == len { Wholeness::Whole } else { needing(position + 8, len) };
            return Some(if has_index { whole } else { Wholeness::NoIndex });
        }
        file.seek(SeekFrom::Start(position)).ok()?;
        let mut header = [0; 8];
        file.read_exact(&mut header).ok()?;
        let [a, b, c, d, kind @ ..] = header;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            0 => len - position, // to the end of the file
            1 => {
                let mut large = [0; 8];
                file.read_exact(&mut large).ok()?;
                u64::from_be_bytes(large)
            }
            size => u64::from(size),
        };
        let end = position.checked_add(size)?;
        if size < 8 {
            return None;
        }
        has_index |= &kind == b"moov" && end <= len;
        if end > len {
            return Some(if has_index { needing(end, len) } else { Wholeness::NoIndex });
        }
        position = end;
    }
    None
}

/// Reads the EBML header and the segment's length behind it.
fn matroska(file: &mut (impl Read + Seek), len: u64) -> Option<Wholeness> {
    file.seek(SeekFrom::Start(4)).ok()?;
    let header = ebml_length(file)??;
    file.seek(SeekFrom::Current(i64::try_from(header).ok()?)).ok()?;
    let mut id = [0; 4];
    file.read_exact(&mut id).ok()?;
    if id != [0x18, 0x53, 0x80, 0x67] {
        return None;
    }
    // A live recording leaves the length open.
    let Some(segment) = ebml_length(file)? else { return Some(Wholeness::Unknown) };
    Some(needing(file.stream_position().ok()?.checked_add(segment)?, len))
}

/// A length of 1 to 8 bytes: the leading zeros of the first one tell how many. `Some(None)` is the unknown length.
fn ebml_length(file: &mut impl Read) -> Option<Option<u64>> {
    let mut first = [0];
    file.read_exact(&mut first).ok()?;
    let extra = first[0].leading_zeros();
    if extra > 7 {
        return None;
    }
    let mut rest = [0; 7];
    let rest = &mut rest[..extra as usize];
    file.read_exact(rest).ok()?;
    let bits = 7 * (extra + 1);
    let start = u64::from(first[0]) & ((1 << (7 - extra)) - 1);
    let value = rest.iter().fold(start, |value, &byte| value << 8 | u64::from(byte));
    Some((value != (1 << bits) - 1).then_some(value))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8]) -> Wholeness {
        wholeness(Cursor::new(bytes), bytes.len() as u64)
    }

    fn mp4_box(kind: &[u8; 4], payload: usize) -> Vec<u8> {
        let mut bytes = u32::try_from(payload + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.resize(payload + 8, 0);
        bytes
    }

    #[test]
    fn an_mp4_is_whole_with_its_index_at_either_end() {
        let (kind, index, data) = (mp4_box(b"ftyp", 16), mp4_box(b"moov", 50), mp4_box(b"mdat", 100));
        assert_eq!(of(&[kind.clone(), index.clone(), data.clone()].concat()), Wholeness::Whole);
        assert_eq!(of(&[kind, data, index].concat()), Wholeness::Whole);
    }

    #[test]
    fn an_mp4_that_lost_its_end_is_cut_or_has_no_index() {
        let (kind, index, data) = (mp4_box(b"ftyp", 16), mp4_box(b"moov", 50), mp4_box(b"mdat", 100));
        let index_first = [kind.clone(), index.clone(), data.clone()].concat();
        assert_eq!(of(&index_first[..index_first.len() - 30]), Wholeness::Cut { missing_bytes: 30 });
        let index_last = [kind, data, index].concat();
        assert_eq!(of(&index_last[..index_last.len() - 30]), Wholeness::NoIndex);
    }

    #[test]
    fn a_box_of_64_bit_length_and_one_to_the_end_are_followed() {
        let mut large = [1u32.to_be_bytes().as_slice(), b"mdat", &24u64.to_be_bytes(), &[0; 8]].concat();
        large.splice(0..0, mp4_box(b"ftyp", 8));
        large.extend(mp4_box(b"moov", 8));
        assert_eq!(of(&large), Wholeness::Whole);
        let open_end = [mp4_box(b"ftyp", 8), mp4_box(b"moov", 8), b"\0\0\0\0mdat123".to_vec()].concat();
        assert_eq!(of(&open_end), Wholeness::Whole);
    }

    #[test]
    fn matroska_tells_its_length_unless_it_was_recorded_live() {
        let file = |size: &[u8], payload: usize| {
            [&[0x1a, 0x45, 0xdf, 0xa3, 0x84, 1, 2, 3, 4, 0x18, 0x53, 0x80, 0x67], size, &vec![0; payload]].concat()
        };
        assert_eq!(of(&file(&[0x40, 100], 100)), Wholeness::Whole);
        assert_eq!(of(&file(&[0x40, 100], 60)), Wholeness::Cut { missing_bytes: 40 });
        assert_eq!(of(&file(&[0x01, 255, 255, 255, 255, 255, 255, 255], 60)), Wholeness::Unknown);
    }

    #[test]
    fn riff_tells_its_length_unless_it_was_streamed() {
        let file = |size: u32| [b"RIFF".as_slice(), &size.to_le_bytes(), b"WAVEdata"].concat();
        assert_eq!(of(&file(8)), Wholeness::Whole);
        assert_eq!(of(&file(108)), Wholeness::Cut { missing_bytes: 100 });
        assert_eq!(of(&file(u32::MAX)), Wholeness::Unknown);
    }

    #[test]
    fn a_transport_stream_that_ends_within_a_packet_is_cut() {
        let packet = |size: usize, offset: usize| {
            let mut packet = vec![0; size];
            packet[offset] = 0x47;
            packet
        };
        for stream in [packet(188, 0).repeat(6), packet(192, 4).repeat(6)] {
            assert_eq!(of(&stream), Wholeness::Unknown);
            assert_eq!(of(&stream[..stream.len() - 30]), Wholeness::Cut { missing_bytes: 30 });
        }
    }

    #[test]
    fn other_bytes_tell_nothing() {
        assert_eq!(of(b""), Wholeness::Unknown);
        assert_eq!(of(b"just some text in a file"), Wholeness::Unknown);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(start in prop_oneof![Just(b"RIFF".to_vec()), Just(vec![0x1a, 0x45, 0xdf, 0xa3]), Just(b"\0\0\0\x08ftyp".to_vec())],
                                  rest in prop::collection::vec(any::<u8>(), 0..64)) {
            of(&[start, rest].concat());
        }
    }
}
