//! Finds where the tags of an FLV file do not follow each other.
//!
//! A tag begins with what it is and how long its content is, and is followed by its length once more. Where the two
//! disagree, or no tag begins, bytes were lost or overwritten. Plain arithmetic on the file's bytes.

/// More places than anybody reads.
const MAX_BREAKS: usize = 64;

/// The places, as offsets from the file's beginning, where something else lies than a whole tag, up to the next whole
/// one. `bytes` are the beginning of the file; what its end cuts off is no break.
pub fn breaks(bytes: &[u8]) -> Vec<u64> {
    let mut breaks = Vec::new();
    let Some(mut at) = first_tag(bytes) else { return breaks };
    while at < bytes.len() && breaks.len() < MAX_BREAKS {
        if let Some(next) = behind_tag(bytes, at) {
            at = next;
            continue;
        }
        let Some(next) = (at + 1..bytes.len()).find(|&next| behind_tag(bytes, next).is_some()) else { break };
        breaks.push(at as u64);
        at = next;
    }
    breaks
}

/// The header says where it ends itself; the length of no tag follows it.
fn first_tag(bytes: &[u8]) -> Option<usize> {
    let [b'F', b'L', b'V', _, _, a, b, c, d, ..] = *bytes else { return None };
    usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?.checked_add(4)
}

/// Where the tag ends that begins at `at`, with its length behind it. `None` if there is none, or not all of it.
fn behind_tag(bytes: &[u8], at: usize) -> Option<usize> {
    const HEAD: usize = 11;
    let [kind, a, b, c, _, _, _, _, 0, 0, 0] = *bytes.get(at..)?.first_chunk::<HEAD>()? else { return None };
    let size = u32::from_be_bytes([0, a, b, c]);
    let is_known = matches!(kind & 0x1f, 8 | 9 | 18); // sound, pictures, what is told about both
    let end = at + HEAD + size as usize;
    let told = u32::from_be_bytes(*bytes.get(end..)?.first_chunk()?);
    // Some writers do not count the whole head.
    let agrees = told == size + 11 || told == size + 10 || (told == size && size > 0);
    (is_known && agrees).then_some(end + 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(kind: u8, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len()).unwrap();
        let mut tag = vec![kind];
        tag.extend(&size.to_be_bytes()[1..]);
        tag.extend([0; 7]);
        tag.extend(content);
        tag.extend((size + 11).to_be_bytes());
        tag
    }

    fn file(tags: &[Vec<u8>]) -> Vec<u8> {
        [b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec(), tags.concat()].concat()
    }

    #[test]
    fn whole_tags_follow_each_other_up_to_where_the_bytes_end() {
        let bytes = file(&[tag(18, b"facts"), tag(8, &[1; 40]), tag(9, &[2; 300])]);
        assert_eq!(breaks(&bytes), []);
        assert_eq!(breaks(&bytes[..bytes.len() - 20]), []);
        assert_eq!(breaks(b"something else altogether"), []);
    }

    #[test]
    fn a_hole_and_an_overwritten_head_are_breaks() {
        let tags = [tag(18, b"facts"), tag(9, &[1; 200]), tag(9, &[2; 300]), tag(8, &[3; 40]), tag(9, &[4; 50])];
        let begin = |nth: usize| 13 + tags[..nth].iter().map(Vec::len).sum::<usize>();
        let mut hole = file(&tags);
        hole.drain(begin(2) + 50..begin(2) + 150);
        assert_eq!(breaks(&hole), [begin(2) as u64]);
        let mut overwritten = file(&tags);
        overwritten[begin(1)..begin(1) + 11].fill(0xff);
        overwritten[begin(3)] = 77;
        assert_eq!(breaks(&overwritten), [begin(1) as u64, begin(3) as u64]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(rest in prop::collection::vec(any::<u8>(), 0..300)) {
            breaks(&[b"FLV\x01\x05\0\0\0\x09".to_vec(), rest].concat());
        }
    }
}
