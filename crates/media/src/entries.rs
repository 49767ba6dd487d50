//! What an index keeps of every packet, packed.
//!
//! Three hours of video are a quarter of a million packets, and five times that at the rates of slow motion. They are
//! kept in 16 bytes each, in blocks, so that nothing is copied, or held twice, while the list grows.

/// One packet, in the order of the file, which is the order of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Presentation time in the stream's time base.
    pub pts: i64,
    /// Coded size.
    pub bytes: u32,
    /// Decoding can start here.
    pub starts: bool,
    /// No picture of the same or a lower layer refers to it.
    pub unreferenced: bool,
    /// A picture refers to none of a higher layer.
    pub layer: u8,
    /// Gives a picture that is part of the video.
    pub shown: bool,
    /// Type I, where that is known.
    pub intra: Option<bool>,
}

/// Entries by their place. Memory: 16 bytes each, in blocks of 64 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    blocks: Vec<Vec<Packed>>,
    len: u32,
}

const BLOCK: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed {
    pts: i64,
    bytes: u32,
    layer: u8,
    marks: u8,
}

const STARTS: u8 = 1;
const UNREFERENCED: u8 = 2;
const SHOWN: u8 = 4;
const INTRA: u8 = 8;
const INTRA_IS_KNOWN: u8 = 16;

impl Packed {
    fn new(entry: Entry) -> Self {
        let marks = [
            (entry.starts, STARTS),
            (entry.unreferenced, UNREFERENCED),
            (entry.shown, SHOWN),
            (entry.intra == Some(true), INTRA),
            (entry.intra.is_some(), INTRA_IS_KNOWN),
        ];
        let marks = marks.into_iter().filter(|(is_set, _)| *is_set).fold(0, |marks, (_, mark)| marks | mark);
        Self { pts: entry.pts, bytes: entry.bytes, layer: entry.layer, marks }
    }

    fn entry(self) -> Entry {
        let is = |mark| self.marks & mark != 0;
        Entry {
            pts: self.pts,
            bytes: self.bytes,
            starts: is(STARTS),
            unreferenced: is(UNREFERENCED),
            layer: self.layer,
            shown: is(SHOWN),
            intra: is(INTRA_IS_KNOWN).then_some(is(INTRA)),
        }
    }
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Puts one behind the others. `false` when there is no number left for it.
    pub fn push(&mut self, entry: Entry) -> bool {
        let Some(len) = self.len.checked_add(1) else { return false };
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(Packed::new(entry));
        }
        self.len = len;
        true
    }

    /// The entry of a place below [`len`](Self::len).
    pub fn at(&self, place: u32) -> Entry {
        self.blocks[place as usize / BLOCK][place as usize % BLOCK].entry()
    }

    /// The entry of a place, if there is one.
    pub fn get(&self, place: u32) -> Option<Entry> {
        (place < self.len).then(|| self.at(place))
    }

    /// All, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        self.blocks.iter().flatten().map(|packed| packed.entry())
    }

    /// Marks an entry as one that gives no picture of the video.
    pub fn hide(&mut self, place: u32) {
        self.blocks[place as usize / BLOCK][place as usize % BLOCK].marks &= !SHOWN;
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut all = Self::default();
        for entry in entries {
            if !all.push(entry) {
                break;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn entry()(pts: i64, bytes: u32, starts: bool, unreferenced: bool, layer: u8, shown: bool, intra: Option<bool>) -> Entry {
            Entry { pts, bytes, starts, unreferenced, layer, shown, intra }
        }
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(some in prop::collection::vec(entry(), 1..40), repeats in 1usize..300, hidden: prop::sample::Index) {
            let all: Vec<Entry> = some.iter().copied().cycle().take(some.len() * repeats).collect();
            let mut entries: Entries = all.iter().copied().collect();
            prop_assert_eq!(entries.iter().collect::<Vec<_>>(), all.clone());
            prop_assert_eq!(entries.len() as usize, all.len());
            prop_assert_eq!(entries.get(entries.len()), None);
            let place = hidden.index(all.len());
            entries.hide(place as u32);
            prop_assert_eq!(entries.at(place as u32), Entry { shown: false, ..all[place] });
        }
    }

    #[test]
    fn an_entry_takes_no_more_than_is_promised() {
        assert_eq!(size_of::<Packed>(), 16);
    }
}
