//! VP8 and VP9. Their pictures hand down statistics whether they are referred to or not, so none can be left out.

use super::{Facts, bits::Bits};

/// Reads a packet of VP8.
pub fn vp8(data: &[u8]) -> Facts {
    let Some(&head) = data.first() else { return Facts::NONE };
    let is_key = head & 1 == 0;
    Facts { starts: is_key, intra: Some(is_key), shown: u32::from(head & 0x10 != 0), ..Facts::NONE }
}

/// Reads a packet of VP9: one picture, or several of which mostly the last is shown.
pub fn vp9(data: &[u8]) -> Facts {
    let mut facts = Facts::NONE;
    for (nth, frame) in frames(data).into_iter().enumerate() {
        let mut bits = Bits::new(frame);
        facts.spliced |= bits.number(2) != 2;
        let profile = bits.number(2);
        bits.skip(u32::from(profile == 3));
        if bits.bit() {
            facts.shown += 1;
            facts.intra = None; // whatever was kept earlier is shown now
            continue;
        }
        let is_key = !bits.bit();
        let is_shown = bits.bit();
        facts.shown += u32::from(is_shown);
        facts.starts |= nth == 0 && is_key;
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
