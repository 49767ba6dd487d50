//! Makes one tag of a run that a cut has divided.
//!
//! Two tags become one when the first ends where its part ends, the second starts exactly where the next part starts,
//! and they agree in batch and text. A tag ends where its part does if it ends within the length of a frame of it; of a
//! model that looks at so many frames a second, also if it ends with the last frame of the part that was looked at.
//! Tags on a frame, and tags with `additional_info`, stay as they are: they say more than that something goes on. Where
//! several tags of one text meet at a cut, the first that the model wrote before it goes on as the first that it wrote
//! behind it, and so on.
//!
//! What is kept never changes, so neither the order in which parts were finished nor a crash shows in the result.

use std::collections::{BTreeMap, HashMap};

use crate::{BatchId, Part, StreamName, Tag, Time};

/// Stitches all tags of a stream's finished parts. `parts` are the stream's, by number; `fps` tells how many frames a second
/// were looked at for a batch, if it was not all of them.
///
/// They come in the order of `tags`; a stitched one in the place of its first piece, whose id and part it has.
pub fn stitch(tags: Vec<Tag>, parts: &[Part], fps: impl Fn(BatchId) -> Option<f64>) -> Vec<Tag> {
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
        let cut = Cut::between(before, after, fps(*batch));
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
    /// What ends here or later goes on up to the cut,
    pub earliest_end_ms: i64,
    /// if it ends no later than here.
    pub latest_end_ms: i64,
}

impl Cut {
    /// The cut between two parts, for tags of a model that looks at `fps` frames a second, if not at all of them.
    pub fn between(before: &Part, after: &Part, fps: Option<f64>) -> Self {
        let at_ms = after.start.to_millis();
        let within_a_frame_ms = at_ms.saturating_sub(frame_ms(before));
        let with_the_last_ms = step_ms(fps).map_or(within_a_frame_ms, |step_ms| last_looked_at_ms(before, step_ms));
        Self {
            part_start_ms: before.start.to_millis(),
            at_ms,
            earliest_end_ms: within_a_frame_ms.min(with_the_last_ms),
            latest_end_ms: at_ms.saturating_add(frame_ms(before)),
        }
    }

    /// Whether a tag of the part before it goes on up to here.
    pub fn is_reached(&self, start_ms: i64, end_ms: i64) -> bool {
        start_ms >= self.part_start_ms
            && start_ms <= self.at_ms
            && (self.earliest_end_ms..=self.latest_end_ms).contains(&end_ms)
    }

    /// Whether a tag of the part behind it begins here.
    pub fn is_left(&self, start_ms: i64) -> bool {
        start_ms == self.at_ms
    }
}

/// How far pieces of a run can lie apart.
pub(crate) fn reach_ms(longest_frame_ms: i64, fps: Option<f64>) -> i64 {
    longest_frame_ms.max(step_ms(fps).map_or(0, |step_ms| (step_ms * 1.5).ceil() as i64))
}

/// From one frame that is looked at to the next.
fn step_ms(fps: Option<f64>) -> Option<f64> {
    fps.filter(|fps| fps.is_finite() && *fps > 0.0).map(|fps| 1000.0 / fps)
}

/// The end of a tag that ends with the last frame of a part that is looked at, at the earliest.
///
/// Frames are looked at that are nearest to the points of a grid, which starts with the part. So the last of them lies less
/// than half a step before the last point.
fn last_looked_at_ms(part: &Part, step_ms: f64) -> i64 {
    let exact_ms = |time: Time| 1000.0 * time.ticks as f64 * time.num as f64 / time.den as f64;
    let whole_ms = exact_ms(part.duration);
    let frame_ms = whole_ms / part.count.max(1) as f64;
    // A little more than to the last frame, which may lie on a point.
    let steps = ((whole_ms - frame_ms + 0.001) / step_ms).floor();
    (exact_ms(part.start) + steps * step_ms + frame_ms - step_ms / 2.0).ceil() as i64
}

/// How long a frame of a part is on average, rounded up; of sound, 1.
pub(crate) fn frame_ms(part: &Part) -> i64 {
    let whole_ms = part.duration.to_millis().max(0).cast_unsigned();
    i64::try_from(whole_ms.div_ceil(part.count.max(1))).unwrap_or(i64::MAX).max(1)
}
