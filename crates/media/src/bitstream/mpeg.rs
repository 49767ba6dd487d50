//! MPEG-1, MPEG-2 and MPEG-4 part 2: codes of four bytes begin each part.

use super::{Facts, bits::Bits};

const PICTURE: u8 = 0x00;
const FIRST_SLICE: u8 = 0x01;
const LAST_SLICE: u8 = 0xaf;
const SEQUENCE: u8 = 0xb3;
const EXTENSION: u8 = 0xb5;
const VIDEO_OBJECT_PLANE: u8 = 0xb6;

/// Every start code of a packet with what follows it.
fn parts(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    memchr::memmem::find_iter(data, &[0, 0, 1])
        .filter_map(|at| data[at + 3..].split_first().map(|(&code, behind)| (code, behind)))
}

/// Reads a packet of MPEG-1 or MPEG-2.
pub fn mpeg2(data: &[u8], is_key: bool) -> Facts {
    const FRAME: u8 = 3;
    let mut kinds = Vec::new();
    let (mut has_sequence, mut structure) = (false, FRAME);
    for (code, behind) in parts(data) {
        match code {
            PICTURE => kinds.push(behind.get(1).map_or(0, |byte| byte >> 3 & 7)),
            SEQUENCE => has_sequence = true,
            EXTENSION if behind.first().is_some_and(|byte| byte >> 4 == 8) => {
                structure = behind.get(2).map_or(0, |byte| byte & 3);
            }
            // Only the other field of a picture is still to come.
            FIRST_SLICE..=LAST_SLICE if structure == FRAME => break,
            _ => {}
        }
    }
    let Some(&kind) = kinds.first() else { return Facts::NONE };
    let intra = kinds.iter().all(|&kind| kind == 1);
    Facts {
        starts: is_key && has_sequence && kind == 1,
        unreferenced: kinds.iter().all(|&kind| kind == 3),
        intra: (intra || kind != 1).then_some(intra),
        shown: 1,
        spliced: structure != FRAME && kinds.len() != 2,
        ..Facts::NONE
    }
}

/// Reads a packet of MPEG-4 part 2.
pub fn mpeg4(data: &[u8], is_key: bool) -> Facts {
    /// A plane that is this short may stand for "the same again", which gives no picture.
    const SHORT: usize = 16;
    let mut planes = parts(data).filter(|(code, _)| *code == VIDEO_OBJECT_PLANE).map(|(_, behind)| behind);
    let Some(first) = planes.next() else { return Facts::NONE };
    let kind = Bits::new(first).number(2);
    Facts {
        starts: is_key && kind == 0,
        unreferenced: kind == 2,
        intra: Some(kind == 0),
        shown: 1,
        spliced: first.len() < SHORT || planes.next().is_some(), // two in a packet: nothing says which time is whose
        ..Facts::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(kind: u8) -> [u8; 9] {
        [0, 0, 1, PICTURE, 0, kind << 3, 0, 0, 0]
    }

    #[test]
    fn an_intra_picture_starts_where_the_sequence_header_is_repeated() {
        let header = [0, 0, 1, SEQUENCE, 9, 9, 9, 9];
        assert!(mpeg2(&[&header[..], &picture(1)].concat(), true).starts);
        assert!(!mpeg2(&picture(1), true).starts);
        assert!(!mpeg2(&[&header[..], &picture(2)].concat(), true).starts);
    }

    #[test]
    fn nobody_refers_to_a_b_picture() {
        assert!(mpeg2(&picture(3), false).unreferenced && !mpeg2(&picture(2), false).unreferenced);
        let plane = |kind: u8| [&[0, 0, 1, VIDEO_OBJECT_PLANE, kind << 6][..], &[7; 20]].concat();
        assert!(mpeg4(&plane(2), false).unreferenced && mpeg4(&plane(0), true).starts);
    }

    #[test]
    fn a_lone_field_and_two_planes_in_a_packet_are_not_counted_on() {
        let extension = |structure: u8| [0, 0, 1, EXTENSION, 0x80, 0, structure];
        let field = [&picture(2)[..], &extension(1), &[0, 0, 1, FIRST_SLICE, 5]].concat();
        assert!(mpeg2(&field, false).spliced);
        assert!(!mpeg2(&[field.clone(), field].concat(), false).spliced);
        assert!(!mpeg2(&[&picture(2)[..], &extension(3)].concat(), false).spliced);
        let plane = [&[0, 0, 1, VIDEO_OBJECT_PLANE, 0x40][..], &[7; 20]].concat();
        assert!(mpeg4(&[plane.clone(), plane].concat(), false).spliced);
        assert!(mpeg4(&[0, 0, 1, VIDEO_OBJECT_PLANE, 0x40], false).spliced);
    }
}
