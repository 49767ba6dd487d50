//! VP8 and VP9. Their pictures hand down statistics whether they are referred to or not, so none can be left out.

use super::{Facts, bits::Bits};

/// Reads a packet of VP8.
pub fn vp8(data: &[u8]) -> Facts {
    let Some(&head) = data.first() else { return Facts::NONE };
    let is_key = head & 1 == 0;
    let broken = !holds_its_first_part(data, is_key);
    Facts { broken, starts: is_key, intra: Some(is_key), shown: u32::from(head & 0x10 != 0), ..Facts::NONE }
}

/// Whether a packet of VP8 is as long as it says at least, and a key frame has its mark.
fn holds_its_first_part(data: &[u8], is_key: bool) -> bool {
    /// The coding is of one of four versions.
    const LAST_VERSION: u8 = 3;
    let Some(&[a, b, c]) = data.first_chunk() else { return false };
    let part_bytes = u32::from_le_bytes([a, b, c, 0]) >> 5;
    let head_bytes = if is_key { 10 } else { 3 };
    let has_mark = !is_key || data.get(3..6) == Some(&[0x9d, 0x01, 0x2a]);
    has_mark && a >> 1 & 7 <= LAST_VERSION && head_bytes + part_bytes as usize <= data.len()
}

/// Reads a packet of VP9: one picture, or several of which mostly the last is shown.
pub fn vp9(data: &[u8]) -> Facts {
    let mut facts = Facts::NONE;
    for (nth, frame) in frames(data).into_iter().enumerate() {
        let mut bits = Bits::new(frame);
        facts.broken |= bits.number(2) != 2;
        let profile = bits.number(2);
        facts.broken |= profile == 3 && bits.bit();
        if bits.bit() {
            facts.shown += 1;
            facts.intra = None; // whatever was kept earlier is shown now
            continue;
        }
        let is_key = !bits.bit();
        let is_shown = bits.bit();
        facts.shown += u32::from(is_shown);
        facts.starts |= nth == 0 && is_key;
        let is_resilient = bits.bit();
        let is_intra = is_key || (!is_shown && bits.bit());
        if !is_key && !is_resilient {
            bits.skip(2);
        }
        facts.broken |= is_intra && bits.number(24) != 0x49_8342;
        if is_shown {
            facts.intra = Some(is_key); // only pictures that are not shown can be intra without being key frames
        }
    }
    facts
}

/// The pictures of a packet: an index at its end tells their lengths, if there are several.
fn frames(data: &[u8]) -> Vec<&[u8]> {
    let whole = || vec![data];
    let Some(&marker) = data.last() else { return Vec::new() };
    let (count, size) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let index_bytes = 2 + count * size;
    if marker & 0xe0 != 0xc0 || data.len() < index_bytes || data[data.len() - index_bytes] != marker {
        return whole();
    }
    let (mut pictures, index) = data.split_at(data.len() - index_bytes);
    let mut frames = Vec::with_capacity(count);
    for length in index[1..=count * size].chunks_exact(size) {
        let length = length.iter().rev().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let Some((frame, rest)) = pictures.split_at_checked(length) else { return whole() };
        if !frame.is_empty() {
            frames.push(frame);
        }
        pictures = rest;
    }
    frames
}

#[cfg(test)]
#[allow(clippy::unusual_byte_groupings)] // grouped by what the bits mean
mod tests {
    use super::*;

    const KEY: u8 = 0b10_00_0_0_1_0;
    const INTER: u8 = 0b10_00_0_1_1_0;
    const HIDDEN: u8 = 0b10_00_0_1_0_0;
    const EXISTING: u8 = 0b10_00_1_000;

    #[test]
    fn vp8_tells_key_frames_and_hidden_ones() {
        assert!(vp8(&[0b1_0000]).starts);
        assert_eq!((vp8(&[1]).starts, vp8(&[1]).shown), (false, 0));
    }

    #[test]
    fn heads_that_cannot_be_right_are_told() {
        // A first part of two bytes, in a key frame of 16 by 16 pixels and in another.
        let key = [0b0101_0000, 0, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0, 1, 2];
        let other = [0b0101_0001, 0, 0, 1, 2];
        for whole in [&key[..], &other[..]] {
            assert!(!vp8(whole).broken);
            assert!(vp8(&whole[..whole.len() - 1]).broken);
        }
        let mut overwritten = key;
        overwritten[4] = 7;
        assert!(vp8(&overwritten).broken);
        assert!(!vp9(&[KEY, 0x49, 0x83, 0x42]).broken);
        assert!(vp9(&[KEY, 0x49, 0x83, 0x43]).broken);
        assert!(!vp9(&[INTER, 7]).broken);
        assert!(vp9(&[0, 7]).broken, "no frame begins with zeros");
    }

    #[test]
    fn a_superframe_shows_its_last_picture() {
        let marker = 0xc0 | 1; // two pictures, lengths of one byte
        let facts = vp9(&[HIDDEN, 0, INTER, marker, 2, 1, marker]);
        assert_eq!((facts.shown, facts.starts, facts.intra), (1, false, Some(false)));
        assert!(!facts.unreferenced);
    }

    #[test]
    fn key_frames_start_and_an_old_picture_shown_again_is_of_no_known_kind() {
        assert_eq!((vp9(&[KEY, 0]).starts, vp9(&[KEY, 0]).intra), (true, Some(true)));
        assert_eq!((vp9(&[EXISTING]).shown, vp9(&[EXISTING]).intra), (1, None));
        assert_eq!(vp9(&[]).shown, 0);
    }
}
