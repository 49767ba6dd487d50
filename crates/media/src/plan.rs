//! Which packets have to be decoded to get the wanted frames.
//!
//! Pure: an index and the places of the wanted frames in, tasks out. A task is what one decoder does without a look at
//! any other: it starts where decoding can start, ends with the last packet that is needed, and leaves out what nothing
//! in it refers to. Pictures that lead a group (shown before the picture it starts with) may refer to the group before;
//! they belong to that one's task, which goes on over the start for them. So the tasks stay independent, for the price
//! of decoding a start twice.

use std::collections::BTreeSet;

use crate::{
    crew::{Crew, Load, Means},
    index::Index,
};

/// What is to be decoded for a choice of frames. Memory: 4 bytes a wanted frame, 8 a task.
#[derive(Debug)]
pub struct Plan {
    /// Places in presentation order of the wanted frames, ascending.
    wanted: Vec<u32>,
    /// For each task its group, and the first of the wanted frames that are its own.
    tasks: Vec<(u32, u32)>,
}

/// What one decoder does in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The group it starts with.
    pub group: usize,
    /// The entries that are decoded, in the order of the file.
    pub feed: Vec<u32>,
    /// The pictures that come out, in presentation order.
    pub comes_out: Vec<Coming>,
    /// The decoder begins in the middle of a stream or with pictures that lack their references.
    pub is_ragged: bool,
}

/// A picture that a task gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coming {
    pub entry: u32,
    /// Its place in presentation order, if it is wanted.
    pub wanted: Option<u32>,
}

impl Plan {
    /// Plans for the frames at these places in presentation order, ascending.
    pub fn new(index: &Index, wanted: Vec<u32>) -> Self {
        let mut tasks: Vec<(u32, u32)> = Vec::new();
        for (nth, &place) in (0..).zip(&wanted) {
            let entry = index.shown()[place as usize];
            let group = index.group_of(entry);
            let group = if group > 0 && index.leads(entry, group) { group - 1 } else { group } as u32;
            if tasks.last().is_none_or(|(last, _)| *last != group) {
                tasks.push((group, nth));
            }
        }
        Self { wanted, tasks }
    }

    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// How many frames are wanted.
    pub fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// A task in full.
    pub fn task(&self, index: &Index, nth: usize) -> Task {
        self.detailed(index, nth, false)
    }

    /// The same task with nothing left out.
    pub fn whole_task(&self, index: &Index, nth: usize) -> Task {
        self.detailed(index, nth, true)
    }

    /// The group of a task, and the places of its wanted frames.
    fn outline(&self, nth: usize) -> (usize, &[u32]) {
        let (group, from) = self.tasks[nth];
        let to = self.tasks.get(nth + 1).map_or(self.wanted.len(), |(_, next)| *next as usize);
        (group as usize, &self.wanted[from as usize..to])
    }

    fn detailed(&self, index: &Index, nth: usize, whole: bool) -> Task {
        let (group, wanted) = self.outline(nth);
        let is_ragged = group == 0 && index.head_is_ragged();
        let whole = whole || is_ragged;
        let mut wanted_entries: Vec<u32> = wanted.iter().map(|&place| index.shown()[place as usize]).collect();
        wanted_entries.sort_unstable();
        let (own, next) = (index.group(group), index.group(group + 1));
        let goes_on = wanted_entries.last().is_some_and(|last| next.contains(last));
        let own_entries = own.filter(|&entry| is_ragged || !index.leads(entry, group));
        let leaders = next.clone().filter(|&entry| goes_on && index.leads(entry, group + 1));
        // The start alone pushes out of the decoder of a ragged head what that would otherwise hold back.
        let start = next.clone().take(usize::from(goes_on || is_ragged));
        let mut feed: Vec<u32> = Vec::new();
        // Backwards, because what is needed depends on what comes after: a picture can be left out when it is not
        // wanted and nothing behind it may refer to it.
        let mut highest_layer = None;
        for entry in own_entries.chain(start).chain(leaders).rev() {
            let facts = index.entries().at(entry);
            let is_wanted = wanted_entries.binary_search(&entry).is_ok();
            let is_referred_to = highest_layer
                .is_some_and(|highest| highest > facts.layer || (highest == facts.layer && !facts.unreferenced));
            if whole || is_wanted || is_referred_to {
                feed.push(entry);
                highest_layer = highest_layer.max(Some(facts.layer));
            }
        }
        feed.reverse();
        Task { group, comes_out: coming_out(index, &feed, wanted), feed, is_ragged }
    }

    /// How to share the tasks among threads.
    pub fn crew(&self, index: &Index, means: &Means) -> Crew {
        Crew::of((0..self.tasks()).map(|nth| self.load(index, nth)), means)
    }

    fn load(&self, index: &Index, nth: usize) -> Load {
        let task = self.task(index, nth);
        let wanted: BTreeSet<u32> =
            task.comes_out.iter().filter(|coming| coming.wanted.is_some()).map(|coming| coming.entry).collect();
        let gives = (1..).zip(&task.feed).filter(|(_, entry)| wanted.contains(entry)).map(|(fed, _)| fed).collect();
        let bytes = task.feed.iter().map(|&entry| u64::from(index.entries().at(entry).bytes)).sum();
        Load { packets: task.feed.len() as u64, bytes, gives }
    }
}

/// The pictures that come of a feed, in presentation order, with the places of the wanted ones.
fn coming_out(index: &Index, feed: &[u32], wanted: &[u32]) -> Vec<Coming> {
    let shown = feed.iter().filter(|&&entry| index.entries().at(entry).shown);
    let mut coming: Vec<Coming> = shown.map(|&entry| Coming { entry, wanted: None }).collect();
    coming.sort_by_key(|coming| index.entries().at(coming.entry).pts);
    let mut places = wanted.iter().peekable();
    for coming in &mut coming {
        coming.wanted = places.next_if(|&&place| index.shown()[place as usize] == coming.entry).copied();
    }
    coming
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{Rational, entries::Entry};

    /// A picture of the model: what it refers to is known here, and hidden from the plan.
    #[derive(Debug, Clone)]
    struct Picture {
        entry: Entry,
        refers_to: Vec<usize>,
    }

    /// A group by choices: how many pictures lead it, and for each picture that follows what it is.
    #[derive(Debug, Clone)]
    struct Choices {
        leading: Vec<(u8, bool, prop::sample::Index)>,
        trailing: Vec<(u8, bool, bool, prop::sample::Index)>,
        swaps: Vec<prop::sample::Index>,
    }

    fn choices() -> impl Strategy<Value = Choices> {
        let leading = prop::collection::vec((0u8..3, any::<bool>(), any::<prop::sample::Index>()), 0..4);
        let trailing =
            prop::collection::vec((0u8..3, any::<bool>(), any::<bool>(), any::<prop::sample::Index>()), 0..12);
        let swaps = prop::collection::vec(any::<prop::sample::Index>(), 12);
        (leading, trailing, swaps).prop_map(|(leading, trailing, swaps)| Choices { leading, trailing, swaps })
    }

    /// A stream that keeps the rules of real ones: trailing pictures refer to their own group, leading ones to the group
    /// before as well; nobody refers to a higher layer, nor to an unreferenced picture of its own layer.
    fn stream(groups: &[Choices]) -> Vec<Picture> {
        let mut pictures: Vec<Picture> = Vec::new();
        let mut before: Vec<usize> = Vec::new();
        let mut time = 0;
        for (nth, group) in groups.iter().enumerate() {
            let leading: &[_] = if nth == 0 { &[] } else { &group.leading };
            let start = pictures.len();
            let start_time = time + leading.len() as i64;
            let entry = |pts, starts, layer, unreferenced, shown| Entry {
                pts,
                bytes: 1,
                starts,
                unreferenced,
                layer,
                shown,
                intra: Some(starts),
            };
            pictures.push(Picture { entry: entry(start_time, true, 0, false, true), refers_to: Vec::new() });
            let mut own = vec![start];
            let may = |pictures: &[Picture], from: &[usize], layer: u8| -> Vec<usize> {
                let fits = |other: &Entry| other.layer < layer || (other.layer == layer && !other.unreferenced);
                from.iter().copied().filter(|&other| fits(&pictures[other].entry)).collect()
            };
            let mut leaders = Vec::new();
            for (offset, (layer, unreferenced, pick)) in (0i64..).zip(leading) {
                let from: Vec<usize> = before.iter().chain(&own).chain(&leaders).copied().collect();
                let fits = may(&pictures, &from, *layer);
                let refers_to = vec![*pick.get(&fits), start];
                leaders.push(pictures.len());
                pictures.push(Picture { entry: entry(time + offset, false, *layer, *unreferenced, true), refers_to });
            }
            let mut times: Vec<i64> = (1..=group.trailing.len() as i64).map(|nth| start_time + nth).collect();
            for (place, swap) in group.swaps.iter().enumerate().take(times.len()) {
                let other = swap.index(times.len());
                times.swap(place, other);
            }
            for ((layer, unreferenced, shown, pick), pts) in group.trailing.iter().zip(times) {
                let fits = may(&pictures, &own, *layer);
                let refers_to = vec![*pick.get(&fits), start];
                own.push(pictures.len());
                pictures.push(Picture { entry: entry(pts, false, *layer, *unreferenced, *shown), refers_to });
            }
            before = own;
            time = start_time + group.trailing.len() as i64 + 1;
        }
        pictures
    }

    fn index(pictures: &[Picture]) -> Index {
        let entries = pictures.iter().map(|picture| picture.entry).collect();
        Index::new(entries, Rational { num: 1, den: 25 }, None).unwrap()
    }

    /// What a decoder makes of a feed: the entries that come out right.
    fn decode(pictures: &[Picture], feed: &[u32]) -> BTreeSet<usize> {
        let mut right = BTreeSet::new();
        for &entry in feed {
            let entry = entry as usize;
            if pictures[entry].refers_to.iter().all(|other| right.contains(other)) {
                right.insert(entry);
            }
        }
        right
    }

    proptest! {
        #[test]
        fn every_wanted_picture_comes_out_right_once_and_in_order(groups in prop::collection::vec(choices(), 1..6), wants in prop::collection::vec(any::<bool>(), 128)) {
            let pictures = stream(&groups);
            let index = index(&pictures);
            let wanted: Vec<u32> = (0u32..).take(index.shown().len()).filter(|&place| wants[place as usize % wants.len()]).collect();
            let plan = Plan::new(&index, wanted.clone());
            let mut given = Vec::new();
            for nth in 0..plan.tasks() {
                for task in [plan.task(&index, nth), plan.whole_task(&index, nth)] {
                    prop_assert!(task.feed.windows(2).all(|pair| pair[0] < pair[1]));
                    let right = decode(&pictures, &task.feed);
                    prop_assert_eq!(right.len(), task.feed.len(), "something was left out that is referred to");
                    let shown = task.feed.iter().filter(|&&entry| pictures[entry as usize].entry.shown).count();
                    prop_assert_eq!(shown, task.comes_out.len());
                    let times: Vec<i64> = task.comes_out.iter().map(|coming| pictures[coming.entry as usize].entry.pts).collect();
                    prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
                }
                given.extend(plan.task(&index, nth).comes_out.iter().filter_map(|coming| coming.wanted));
            }
            prop_assert_eq!(given, wanted);
        }

        #[test]
        fn nothing_is_decoded_that_no_rule_asks_for(groups in prop::collection::vec(choices(), 1..4), pick: prop::sample::Index) {
            let pictures = stream(&groups);
            let index = index(&pictures);
            let place = pick.index(index.shown().len());
            let plan = Plan::new(&index, vec![place as u32]);
            let task = plan.task(&index, 0);
            let wanted = index.shown()[place];
            prop_assert_eq!(task.feed.last(), Some(&wanted), "nothing behind the last wanted picture is decoded");
            for &entry in &task.feed[..task.feed.len() - 1] {
                let facts = pictures[entry as usize].entry;
                let layers: Vec<u8> = task.feed.iter().filter(|&&later| later > entry).map(|&later| pictures[later as usize].entry.layer).collect();
                let highest = layers.into_iter().max().unwrap();
                prop_assert!(highest > facts.layer || (highest == facts.layer && !facts.unreferenced));
            }
        }
    }

    /// Groups of so many pictures in plain order.
    fn plain(groups: &[usize]) -> Index {
        let starts = groups.iter().flat_map(|&length| (0..length).map(|nth| nth == 0));
        let entry =
            |(pts, starts)| Entry { pts, bytes: 10, starts, unreferenced: false, layer: 0, shown: true, intra: None };
        Index::new((0..).zip(starts).map(entry).collect(), Rational { num: 1, den: 25 }, None).unwrap()
    }

    #[test]
    fn a_ragged_head_is_decoded_whole_from_the_start_of_the_file() {
        let picture =
            |pts, starts| Entry { pts, bytes: 1, starts, unreferenced: true, layer: 0, shown: true, intra: None };
        let entries = [picture(0, false), picture(1, false), picture(2, true), picture(3, false)];
        let index = Index::new(entries.into_iter().collect(), Rational { num: 1, den: 25 }, None).unwrap();
        let task = Plan::new(&index, vec![1]).task(&index, 0);
        assert_eq!((task.feed, task.is_ragged), (vec![0, 1, 2], true));
    }

    #[test]
    fn wanted_frames_of_a_group_share_its_task() {
        let index = plain(&[10; 3]);
        let plan = Plan::new(&index, vec![0, 4, 25]);
        let fed: BTreeMap<usize, usize> =
            (0..plan.tasks()).map(|nth| plan.task(&index, nth)).map(|task| (task.group, task.feed.len())).collect();
        assert_eq!(fed, BTreeMap::from([(0, 5), (2, 6)]));
    }
}
