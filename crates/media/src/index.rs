//! The index of a video stream: every packet with its time, its place in presentation order and what depends on it.
//!
//! Built from the packets alone, without decoding. It is either trusted, or refused with the reason: a plan is only as
//! good as the index below it.

use std::collections::{HashSet, VecDeque};

use crate::{
    Rational, Timestamp,
    bitstream::{Facts, Reader},
    entries::{Entries, Entry},
    libav::{AvError, Input, Packet, Parser, Stream},
};

/// All packets of a stream. Memory: 20 bytes each, and 4 a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    entries: Entries,
    /// Entries in presentation order, those that are shown.
    shown: Vec<u32>,
    /// The first entry of each group that is decoded on its own; the first is 0.
    groups: Vec<u32>,
    base: Rational,
    /// How many groups only decoding tells about.
    ragged_groups: usize,
}

/// Why nothing can be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error("its {0} pictures are not understood without decoding")]
    Codec(String),
    #[error("it has no packets")]
    Empty,
    #[error("the file could not be read to its end ({0})")]
    Unreadable(String),
    #[error("a packet has no timestamp")]
    NoTime,
    #[error("two pictures have the same timestamp")]
    SameTime,
    #[error("a packet is damaged")]
    Damaged { at: Timestamp },
    #[error("{reason}")]
    Undecodable { at: Timestamp, reason: String },
    #[error("the decoder found a picture damaged")]
    Guessed { at: Timestamp },
    #[error("the headers change on the way")]
    NewHeaders,
    #[error("a packet does not hold one whole picture, or pictures are missing")]
    Uneven,
    #[error("nothing tells where decoding can start")]
    NoStart,
    #[error("pictures are shown in another order than their groups")]
    Tangled,
    #[error("pictures are further out of order than the stream says")]
    Late,
    #[error("the type of some pictures cannot be told without decoding")]
    NoKind,
    #[error("decoding everything was asked for")]
    Asked,
    #[error("{0}")]
    Surprise(String),
}

impl Distrust {
    /// Where the file is damaged, if that is the reason.
    pub fn damage(&self) -> Option<Timestamp> {
        match self {
            Self::Damaged { at } | Self::Undecodable { at, .. } | Self::Guessed { at } => Some(*at),
            _ => None,
        }
    }
}

impl Index {
    /// Reads all packets of `stream`. `cancelled` is heeded by `input` itself.
    pub fn read(input: &mut Input, stream: u32) -> Result<Self, Distrust> {
        let unreadable = |error: AvError| Distrust::Unreadable(error.to_string());
        input.keep_only(&[stream]);
        let mut indexer = match input.streams().find(|candidate| candidate.index() == stream) {
            Some(stream) => Indexer::new(&stream)?,
            None => return Err(Distrust::Empty),
        };
        let mut packet = Packet::new().map_err(unreadable)?;
        loop {
            match input.read(&mut packet) {
                Ok(true) if packet.stream_index() == stream => indexer.take(&packet)?,
                Ok(true) | Err(AvError::AGAIN) => {}
                Ok(false) => return indexer.finish(),
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    /// Puts entries in order. `late_by` is how far they may be out of order, where that matters.
    pub fn new(entries: Entries, base: Rational, late_by: Option<usize>) -> Result<Self, Distrust> {
        let mut index = Self { entries, shown: Vec::new(), groups: Vec::new(), base, ragged_groups: 0 };
        if index.entries.len() == 0 {
            return Err(Distrust::Empty);
        }
        index.groups = positions(&index.entries, |entry| entry.starts);
        let first_start = *index.groups.first().ok_or(Distrust::NoStart)?;
        if first_start != 0 {
            index.groups.insert(0, 0);
        }
        index.put_in_order();
        if index.shown.windows(2).any(|pair| index.pts(pair[0]) == index.pts(pair[1])) {
            return Err(Distrust::SameTime);
        }
        index.ragged_groups = if first_start != 0 {
            2 // what leads the first start is lost with some decoders, and not with others
        } else {
            usize::from(index.group(0).any(|entry| index.leads(entry, 0)))
        };
        if index.is_tangled() {
            return Err(Distrust::Tangled);
        }
        if late_by.is_some_and(|allowed| index.disorder() > allowed) {
            return Err(Distrust::Late);
        }
        Ok(index)
    }

    fn put_in_order(&mut self) {
        self.shown = positions(&self.entries, |entry| entry.shown);
        let entries = &self.entries;
        // Not stable, which would take memory: two of the same time are refused.
        self.shown.sort_unstable_by_key(|&entry| entries.at(entry).pts);
    }

    fn pts(&self, entry: u32) -> i64 {
        self.entries.at(entry).pts
    }

    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// The entries that are shown, in presentation order.
    pub fn shown(&self) -> &[u32] {
        &self.shown
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The entries of a group; none behind the last group.
    pub fn group(&self, group: usize) -> std::ops::Range<u32> {
        let end = self.entries.len();
        let from = |group: usize| self.groups.get(group).copied().unwrap_or(end);
        from(group)..from(group + 1)
    }

    /// The group whose entries include this one.
    pub fn group_of(&self, entry: u32) -> usize {
        self.groups.partition_point(|&start| start <= entry).saturating_sub(1)
    }

    /// Whether an entry of a group is shown before the picture the group starts with: it may refer to the group before.
    pub fn leads(&self, entry: u32, group: usize) -> bool {
        let start = self.group(group).start;
        self.entries.at(start).starts && self.pts(entry) < self.pts(start)
    }

    /// Whether only decoding tells which pictures of the first groups are shown.
    pub fn head_is_ragged(&self) -> bool {
        self.ragged_groups > 0
    }

    /// What has to be decoded to know which pictures of the ragged head are shown: one group more than the head, so that
    /// everything comes out. `None` when the file is shorter.
    pub fn head(&self) -> Option<std::ops::Range<u32>> {
        let behind = self.group(self.ragged_groups);
        (!behind.is_empty()).then_some(0..behind.end)
    }

    /// Tells which times the ragged head really shows.
    pub fn correct_head(&mut self, shown: &HashSet<i64>) {
        for entry in 0..self.group(self.ragged_groups).start {
            if !shown.contains(&self.pts(entry)) {
                self.entries.hide(entry);
            }
        }
        self.put_in_order();
    }

    /// When an entry is shown.
    pub fn time(&self, entry: u32) -> Timestamp {
        Timestamp { ticks: self.pts(entry), base: self.base }
    }

    /// The distance from the picture of this place in presentation order to the next; `None` for the last.
    pub fn distance(&self, place: usize) -> Option<Timestamp> {
        let (&this, &next) = (self.shown.get(place)?, self.shown.get(place + 1)?);
        Some(self.time(next).since(self.time(this)))
    }

    /// Whether some picture of a group is shown after the next group starts.
    fn is_tangled(&self) -> bool {
        (0..self.groups.len()).any(|group| {
            let next = self.group(group + 1);
            let own = self.group(group);
            let shown = own.clone().filter(|&entry| self.entries.at(entry).shown);
            // What leads this group ends before it starts, what follows ends before the next one starts.
            let last = shown.map(|entry| self.pts(entry)).max();
            let behind = !next.is_empty() && last.is_some_and(|last| last > self.pts(next.start));
            behind || (group > 0 && self.led_from_before(group))
        })
    }

    /// Whether a picture that leads a group is shown before the group ahead of it starts.
    fn led_from_before(&self, group: usize) -> bool {
        let (before, own) = (self.group(group - 1), self.group(group));
        let start = self.pts(before.start);
        self.entries.at(before.start).starts && own.into_iter().any(|entry| self.pts(entry) < start)
    }

    /// The most pictures that lie ahead of another in the file and are shown after it.
    fn disorder(&self) -> usize {
        /// More pictures than any decoder holds back.
        const WINDOW: usize = 32;
        let (mut before, mut most) = (VecDeque::with_capacity(WINDOW), 0);
        for pts in self.entries.iter().filter(|entry| entry.shown).map(|entry| entry.pts) {
            most = most.max(before.iter().filter(|&&earlier| earlier > pts).count());
            if before.len() == WINDOW {
                before.pop_front();
            }
            before.push_back(pts);
        }
        most
    }
}

fn positions(entries: &Entries, wanted: impl Fn(&Entry) -> bool) -> Vec<u32> {
    // Counted first: a list that grows as it goes would end with twice the memory.
    let mut positions = Vec::with_capacity(entries.iter().filter(&wanted).count());
    positions
        .extend((0..).zip(entries.iter()).filter(|(_, entry)| wanted(entry)).map(|(position, _): (u32, _)| position));
    positions
}

/// Takes in packet after packet.
struct Indexer {
    reader: Reader,
    parser: Option<Parser>,
    entries: Entries,
    base: Rational,
    late_by: Option<usize>,
    /// The headers that every decoder is given in the first place.
    given_headers: Option<u64>,
    /// The headers in force.
    headers: Option<u64>,
    /// Some start carries no headers.
    a_start_has_none: bool,
    /// Some start carries others than every decoder is given.
    a_start_has_others: bool,
}

impl Indexer {
    fn new(stream: &Stream<'_>) -> Result<Self, Distrust> {
        let codec = stream.codec();
        let mut reader = Reader::new(&codec, stream.extradata()).ok_or(Distrust::Codec(codec))?;
        let parser = if reader.needs_parser() { Parser::open(stream).ok().flatten() } else { None };
        if reader.needs_parser() && parser.is_none() {
            return Err(Distrust::Codec(stream.codec()));
        }
        Ok(Self {
            given_headers: reader.headers(stream.extradata()),
            late_by: reader.drops_what_is_late().then(|| stream.reorder_depth()),
            reader,
            parser,
            entries: Entries::default(),
            base: stream.time_base(),
            headers: None,
            a_start_has_none: false,
            a_start_has_others: false,
        })
    }

    fn take(&mut self, packet: &Packet) -> Result<(), Distrust> {
        let pts = packet.pts().ok_or(Distrust::NoTime)?;
        if packet.is_corrupt() {
            return Err(Distrust::Damaged { at: Timestamp { ticks: pts, base: self.base } });
        }
        if packet.has_new_headers() && self.entries.len() > 0 {
            return Err(Distrust::NewHeaders);
        }
        let head = self.parser.as_mut().map(|parser| parser.head(packet));
        let is_field = head.is_some_and(|head| head.is_field);
        let mut facts = self.reader.read(packet.data(), packet.is_key(), is_field);
        if self.reader.leaves_kind_to_parser() {
            facts.intra = head.and_then(|head| head.intra);
        }
        if facts.broken {
            return Err(Distrust::Damaged { at: Timestamp { ticks: pts, base: self.base } });
        }
        if facts.shown > 1 || facts.spliced {
            return Err(Distrust::Uneven);
        }
        self.check_headers(&facts)?;
        let is_taken = self.entries.push(Entry {
            pts,
            bytes: u32::try_from(packet.data().len()).unwrap_or(u32::MAX),
            starts: facts.starts,
            unreferenced: facts.unreferenced,
            layer: facts.layer,
            shown: facts.shown == 1 && !packet.is_discarded(),
            intra: facts.intra,
        });
        if is_taken { Ok(()) } else { Err(Distrust::Unreadable("too many packets".into())) }
    }

    /// A group can be decoded on its own only with its own headers: all starts carry them, or there are none but those
    /// that every decoder has anyway. Between starts they may only be repeated.
    fn check_headers(&mut self, facts: &Facts) -> Result<(), Distrust> {
        let are_others = facts.headers.is_some() && facts.headers != self.given_headers;
        if facts.starts {
            self.a_start_has_none |= facts.headers.is_none();
            self.a_start_has_others |= are_others;
            self.headers = facts.headers;
            if self.a_start_has_none && self.a_start_has_others {
                return Err(Distrust::NewHeaders);
            }
        } else if facts.headers.is_some() && facts.headers != self.headers && (are_others || self.a_start_has_others) {
            return Err(Distrust::NewHeaders);
        }
        Ok(())
    }

    fn finish(self) -> Result<Index, Distrust> {
        Index::new(self.entries, self.base, self.late_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Rational = Rational { num: 1, den: 25 };

    fn entry(pts: i64, starts: bool) -> Entry {
        Entry { pts, bytes: 100, starts, unreferenced: false, layer: 0, shown: true, intra: Some(starts) }
    }

    /// Pictures by their times; those marked start a group.
    fn index(times: &[(i64, bool)]) -> Result<Index, Distrust> {
        Index::new(times.iter().map(|&(pts, starts)| entry(pts, starts)).collect(), BASE, None)
    }

    #[test]
    fn pictures_are_put_in_order_and_into_groups() {
        let index = index(&[(0, true), (3, false), (1, false), (2, false), (4, true), (5, false)]).unwrap();
        assert_eq!(index.shown(), [0, 2, 3, 1, 4, 5]);
        assert_eq!((index.group(0), index.group(1), index.group(2)), (0..4, 4..6, 6..6));
        assert_eq!((index.group_of(3), index.group_of(4)), (0, 1));
        assert!(!index.head_is_ragged());
    }

    #[test]
    fn pictures_that_lead_a_group_are_known() {
        let index = index(&[(0, true), (1, false), (4, true), (2, false), (3, false), (5, false)]).unwrap();
        assert!(index.leads(3, 1) && index.leads(4, 1) && !index.leads(5, 1) && !index.leads(2, 1));
    }

    #[test]
    fn a_head_that_lacks_its_start_or_its_references_is_ragged() {
        let cut = index(&[(0, false), (1, true)]).unwrap();
        assert!(cut.head_is_ragged());
        assert_eq!(cut.head(), None, "too short to be looked at");
        let mut led = index(&[(2, true), (0, false), (1, false), (3, false), (4, true)]).unwrap();
        assert!(led.head_is_ragged());
        assert_eq!(led.head(), Some(0..5));
        led.correct_head(&HashSet::from([2, 3]));
        assert_eq!(led.shown(), [0, 3, 4]);
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        assert_eq!(index(&[]), Err(Distrust::Empty));
        assert_eq!(index(&[(0, false)]), Err(Distrust::NoStart));
        assert_eq!(index(&[(0, true), (1, false), (1, false)]), Err(Distrust::SameTime));
        assert_eq!(index(&[(0, true), (5, false), (4, true)]), Err(Distrust::Tangled));
        assert_eq!(index(&[(0, true), (3, true), (4, true), (2, false)]), Err(Distrust::Tangled));
    }

    #[test]
    fn a_stream_may_be_out_of_order_by_what_it_says_and_no_more() {
        let entries: Entries = [0, 4, 2, 1, 3].iter().map(|&pts| entry(pts, pts == 0)).collect();
        assert!(Index::new(entries.clone(), BASE, Some(2)).is_ok());
        assert_eq!(Index::new(entries, BASE, Some(1)), Err(Distrust::Late));
    }
}
