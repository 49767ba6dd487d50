//! Which packets have to be decoded to get the wanted frames.
//!
//! Pure: an index and the places of the wanted frames in, tasks out. A task is what one decoder does without a look at
//! any other: it starts where decoding can start, ends with the last packet that is needed, and leaves out what nothing
//! in it refers to. Pictures that lead a group (shown before the picture it starts with) may refer to the group before;
//! they belong to that one's task, which goes on over the start for them. So the tasks stay independent, for the price
//! of decoding a start twice.

use std::{collections::HashSet, ops::Range};

use crate::index::Index;

/// What is to be decoded for a choice of frames.
#[derive(Debug)]
pub struct Plan {
    /// Places in presentation order of the wanted frames, ascending.
    wanted: Vec<usize>,
    /// For each task its group and which of the wanted frames are its own.
    tasks: Vec<(usize, Range<usize>)>,
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
    pub wanted: Option<usize>,
}

/// How many tasks at once, and how many threads each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crew {
    pub workers: usize,
    pub threads_each: usize,
}

impl Plan {
    /// Plans for the frames at these places in presentation order, ascending.
    pub fn new(index: &Index, wanted: Vec<usize>) -> Self {
        let mut tasks: Vec<(usize, Range<usize>)> = Vec::new();
        for (nth, &place) in wanted.iter().enumerate() {
            let entry = index.shown()[place];
            let group = index.group_of(entry);
            let group = if group > 0 && index.leads(entry, group) { group - 1 } else { group };
            match tasks.last_mut() {
                Some((last, range)) if *last == group => range.end = nth + 1,
                _ => tasks.push((group, nth..nth + 1)),
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

    fn detailed(&self, index: &Index, nth: usize, whole: bool) -> Task {
        let (group, range) = &self.tasks[nth];
        let group = *group;
        let wanted = &self.wanted[range.clone()];
        let is_wanted: HashSet<u32> = wanted.iter().map(|&place| index.shown()[place]).collect();
        let (own, next) = (index.group(group), index.group(group + 1));
        let is_ragged = group == 0 && index.head_is_ragged();
        let whole = whole || is_ragged;
        let own_entries = own.clone().filter(|&entry| is_ragged || !index.leads(entry, group));
        let leaders = next.clone().filter(|&entry| index.leads(entry, group + 1));
        let goes_on = is_wanted.iter().any(|entry| next.contains(entry));
        // The start alone pushes out of the decoder of a ragged head what that would otherwise hold back.
        let start = next.clone().take(usize::from(goes_on || is_ragged));
        let behind = start.chain(leaders.filter(|_| goes_on));
        let mut feed: Vec<u32> = Vec::new();
        // Backwards, because what is needed depends on what comes after: a picture can be left out when it is not
        // wanted and nothing behind it may refer to it.
        let mut highest_layer = None;
        for entry in own_entries.chain(behind).collect::<Vec<_>>().into_iter().rev() {
            let facts = &index.entries()[entry as usize];
            let is_referred_to = highest_layer
                .is_some_and(|highest| highest > facts.layer || (highest == facts.layer && !facts.unreferenced));
            if whole || is_wanted.contains(&entry) || is_referred_to {
                feed.push(entry);
                highest_layer = highest_layer.max(Some(facts.layer));
            }
        }
        feed.reverse();
        let mut comes_out: Vec<Coming> = feed
            .iter()
            .filter(|&&entry| index.entries()[entry as usize].shown)
            .map(|&entry| Coming { entry, wanted: None })
            .collect();
        comes_out.sort_by_key(|coming| index.entries()[coming.entry as usize].pts);
        let mut places = wanted.iter().peekable();
        for coming in &mut comes_out {
            coming.wanted = places.next_if(|&&place| index.shown()[place] == coming.entry).copied();
        }
        Task { group, feed, comes_out, is_ragged }
    }

    /// How to share the tasks among so many threads, with at most so many bytes of packets waiting in memory.
    ///
    /// Decoders of one thread each waste nothing, as long as there are tasks enough to keep all of them busy to the
    /// end. One decoder of many threads loses a quarter of them waiting, and needs no packets in advance.
    pub fn crew(&self, index: &Index, threads: usize, max_bytes: u64) -> Crew {
        const LOSS_OF_FRAME_THREADS: f64 = 1.25;
        let tasks: Vec<Task> = (0..self.tasks()).map(|nth| self.task(index, nth)).collect();
        let workers = threads.min(tasks.len()).max(1);
        let alone = Crew { workers: 1, threads_each: threads.max(1) };
        let weight =
            |task: &Task| task.feed.iter().map(|&entry| u64::from(index.entries()[entry as usize].bytes)).sum();
        let mut weights: Vec<u64> = tasks.iter().map(weight).collect();
        weights.sort_unstable_by(|a, b| b.cmp(a));
        if weights.iter().take(workers).sum::<u64>() > max_bytes {
            return alone;
        }
        let mut busy_until = vec![0; workers];
        for task in &tasks {
            if let Some(next_free) = busy_until.iter_mut().min() {
                *next_free += task.feed.len();
            }
        }
        let side_by_side = busy_until.into_iter().max().unwrap_or(0) as f64;
        let total: usize = tasks.iter().map(|task| task.feed.len()).sum();
        let one_by_one = total as f64 * LOSS_OF_FRAME_THREADS / threads.max(1) as f64;
        if side_by_side <= one_by_one { Crew { workers, threads_each: 1 } } else { alone }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::{Rational, index::Entry};

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
            let wanted: Vec<usize> = (0..index.shown().len()).filter(|place| wants[place % wants.len()]).collect();
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
            let plan = Plan::new(&index, vec![place]);
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
        let mut entries = Vec::new();
        for &length in groups {
            for nth in 0..length {
                let pts = entries.len() as i64;
                entries.push(Entry {
                    pts,
                    bytes: 10,
                    starts: nth == 0,
                    unreferenced: false,
                    layer: 0,
                    shown: true,
                    intra: None,
                });
            }
        }
        Index::new(entries, Rational { num: 1, den: 25 }, None).unwrap()
    }

    #[test]
    fn many_tasks_go_side_by_side_and_few_one_by_one() {
        let even = plain(&[10; 8]);
        let all = |index: &Index| Plan::new(index, (0..index.shown().len()).collect());
        assert_eq!(all(&even).crew(&even, 4, 1 << 20), Crew { workers: 4, threads_each: 1 });
        let one = plain(&[80]);
        assert_eq!(all(&one).crew(&one, 4, 1 << 20), Crew { workers: 1, threads_each: 4 });
        let uneven = plain(&[10, 70]);
        assert_eq!(all(&uneven).crew(&uneven, 2, 1 << 20), Crew { workers: 1, threads_each: 2 });
        assert_eq!(all(&one).crew(&one, 1, 1 << 20), Crew { workers: 1, threads_each: 1 });
    }

    #[test]
    fn packets_that_weigh_too_much_to_wait_in_memory_are_read_one_by_one() {
        let even = plain(&[10; 8]);
        let plan = Plan::new(&even, (0..80).collect());
        assert_eq!(plan.crew(&even, 4, 399), Crew { workers: 1, threads_each: 4 });
        assert_eq!(plan.crew(&even, 4, 400).workers, 4);
    }

    #[test]
    fn a_ragged_head_is_decoded_whole_from_the_start_of_the_file() {
        let picture =
            |pts, starts| Entry { pts, bytes: 1, starts, unreferenced: true, layer: 0, shown: true, intra: None };
        let entries = vec![picture(0, false), picture(1, false), picture(2, true), picture(3, false)];
        let index = Index::new(entries, Rational { num: 1, den: 25 }, None).unwrap();
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
