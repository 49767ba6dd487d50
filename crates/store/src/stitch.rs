//! Makes one tag of a run that a cut has divided.
//!
//! Two tags become one when the first ends where its part ends, within the length of a frame, the second starts exactly
//! where the next part starts, and they agree in batch and text. Tags on a frame, and tags with `additional_info`, stay
//! as they are: they say more than that something goes on. Where several tags of one text meet at a cut, the first that
//! the model wrote before it goes on as the first that it wrote behind it, and so on.
//!
//! What is kept never changes, so neither the order in which parts were finished nor a crash shows in the result.

use std::collections::{BTreeMap, HashMap};

use crate::{BatchId, Part, StreamName, Tag};

/// Stitches all tags of a stream's finished parts. `parts` are the stream's, by number.
///
/// They come in the order of `tags`; a stitched one in the place of its first piece, whose id and part it has.
pub fn stitch(tags: Vec<Tag>, parts: &[Part]) -> Vec<Tag> {
    let mut by_part: BTreeMap<(BatchId, &str, u32), Vec<usize>> = BTreeMap::new();
    for (index, tag) in tags.iter().enumerate().filter(|(_, tag)| can_go_on(tag)) {
        by_part.entry((tag.batch, &tag.text, tag.part)).or_default().push(index);
    }
    let mut next = HashMap::new();
    let mut goes_before = vec![true; tags.len()];
    for ((batch, text, number), here) in &by_part {
        let Some(there) = number.checked_add(1).and_then(|number| by_part.get(&(*batch, *text, number))) else {
            continue;
        };
        let (Some(before), Some(after)) = (parts.get(*number as usize), parts.get(*number as usize + 1)) else {
            continue;
        };
        let cut = Cut::between(before, after);
        let in_order = |indices: &[usize], takes_part: &dyn Fn(&Tag) -> bool| {
            let mut chosen: Vec<usize> = indices.iter().copied().filter(|&index| takes_part(&tags[index])).collect();
            chosen.sort_by_key(|&index| tags[index].id);
            chosen
        };
        let ending = in_order(here, &|tag| cut.is_reached(tag.start_ms, tag.end_ms));
        let starting = in_order(there, &|tag| cut.is_left(tag.start_ms));
        for (first, second) in ending.into_iter().zip(starting) {
            next.insert(first, second);
            goes_before[second] = false;
        }
    }
    let ends: Vec<i64> = (0..tags.len())
        .map(|index| {
            let run = std::iter::successors(Some(index), |index| next.get(index).copied());
            run.map(|index| tags[index].end_ms).max().unwrap_or_default()
        })
        .collect();
    let heads = tags.into_iter().zip(ends).zip(goes_before).filter(|(_, is_head)| *is_head);
    heads.map(|((tag, end_ms), _)| Tag { end_ms, ..tag }).collect()
}

fn can_go_on(tag: &Tag) -> bool {
    tag.stream != StreamName::Still && tag.frame_info.is_none() && tag.additional_info.is_none()
}

/// Where one part ends and the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Where the part before it starts.
    pub part_start_ms: i64,
    /// Where the part behind it starts.
    pub at_ms: i64,
    /// The length of a frame of the part before it.
    pub frame_ms: i64,
}

impl Cut {
    pub fn between(before: &Part, after: &Part) -> Self {
        Self { part_start_ms: before.start.to_millis(), at_ms: after.start.to_millis(), frame_ms: frame_ms(before) }
    }

    /// Whether a tag of the part before it goes on up to here.
    pub fn is_reached(&self, start_ms: i64, end_ms: i64) -> bool {
        start_ms >= self.part_start_ms && start_ms <= self.at_ms && self.at_ms.abs_diff(end_ms) <= self.reach()
    }

    /// Whether a tag of the part behind it begins here.
    pub fn is_left(&self, start_ms: i64) -> bool {
        start_ms == self.at_ms
    }

    fn reach(&self) -> u64 {
        self.frame_ms.max(0).cast_unsigned()
    }
}

/// How long a frame of a part is on average, rounded up; of sound, 1.
pub(crate) fn frame_ms(part: &Part) -> i64 {
    let whole_ms = part.duration.to_millis().max(0).cast_unsigned();
    i64::try_from(whole_ms.div_ceil(part.count.max(1))).unwrap_or(i64::MAX).max(1)
}
