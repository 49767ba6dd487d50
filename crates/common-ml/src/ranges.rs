//! Joins what was seen on single frames into spans of time.

use std::collections::HashMap;

/// A text seen on consecutive sampled frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The text.
    pub tag: String,
    /// The first frame's time, in ms.
    pub start_ms: i64,
    /// The last frame's time plus that frame's duration, each rounded on its own, in ms.
    pub end_ms: i64,
}

/// Builds the time-range tags of one video, frame by frame.
///
/// For each text: maximal runs of consecutive sampled frames that carry it. A text that comes twice on a frame counts
/// once there. Memory grows with the number of runs, not of frames.
#[derive(Debug)]
pub struct RangeBuilder {
    allow_single_frame: bool,
    runs: Vec<Run>,
    open: HashMap<String, usize>,
    frame: u64,
}

#[derive(Debug)]
struct Run {
    range: Range,
    first_frame: u64,
    last_frame: u64,
}

impl RangeBuilder {
    /// `allow_single_frame`: whether a run of one sampled frame makes a range.
    pub fn new(allow_single_frame: bool) -> Self {
        Self { allow_single_frame, runs: Vec::new(), open: HashMap::new(), frame: 0 }
    }

    /// Adds the next sampled frame with the texts seen on it; none is fine, and ends all runs.
    pub fn add<'a>(&mut self, time_ms: i64, duration_ms: i64, texts: impl IntoIterator<Item = &'a str>) {
        let end_ms = time_ms.saturating_add(duration_ms);
        for text in texts {
            if let Some(&index) = self.open.get(text) {
                let run = &mut self.runs[index];
                run.range.end_ms = end_ms;
                run.last_frame = self.frame;
            } else {
                let range = Range { tag: text.to_owned(), start_ms: time_ms, end_ms };
                self.open.insert(text.to_owned(), self.runs.len());
                self.runs.push(Run { range, first_frame: self.frame, last_frame: self.frame });
            }
        }
        let (runs, frame) = (&self.runs, self.frame);
        self.open.retain(|_, index| runs[*index].last_frame == frame);
        self.frame += 1;
    }

    /// The ranges, in the order in which they begin.
    pub fn finish(self) -> Vec<Range> {
        let long_enough = |run: &Run| self.allow_single_frame || run.last_frame > run.first_frame;
        self.runs.into_iter().filter(long_enough).map(|run| run.range).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    /// Frames a second apart, 40 ms long; each word of a string is a tag.
    fn ranges(allow_single_frame: bool, frames: &[&str]) -> String {
        let mut builder = RangeBuilder::new(allow_single_frame);
        for (second, words) in frames.iter().enumerate() {
            builder.add(second as i64 * 1000, 40, words.split_whitespace());
        }
        let told: Vec<String> =
            builder.finish().iter().map(|r| format!("{} {}-{}", r.tag, r.start_ms, r.end_ms)).collect();
        told.join(", ")
    }

    #[test]
    fn consecutive_frames_become_one_range_each_way() {
        assert_snapshot!(ranges(true, &["dog", "dog cat", "cat", "", "dog"]), @"dog 0-1040, cat 1000-2040, dog 4000-4040");
    }

    #[test]
    fn a_tag_seen_on_one_frame_is_dropped_when_asked() {
        assert_snapshot!(ranges(false, &["dog", "dog cat", "", "dog"]), @"dog 0-1040");
    }

    #[test]
    fn a_text_that_comes_twice_on_a_frame_counts_once() {
        assert_snapshot!(ranges(false, &["face face", "", "face face", "face"]), @"face 2000-3040");
    }

    proptest! {
        #[test]
        fn every_frame_that_carries_a_text_lies_in_one_range_and_no_other_frame_does(
            seen in prop::collection::vec(any::<[bool; 3]>(), 0..40),
        ) {
            let texts = ["a", "b", "c"];
            let mut builder = RangeBuilder::new(true);
            for (index, on) in seen.iter().enumerate() {
                let here = texts.iter().zip(on).filter(|(_, on)| **on).map(|(text, _)| *text);
                builder.add(index as i64 * 10, 10, here);
            }
            let ranges = builder.finish();
            for (index, on) in seen.iter().enumerate() {
                for (text, on) in texts.iter().zip(on) {
                    let time = index as i64 * 10;
                    let hits = ranges.iter().filter(|r| r.tag == *text && r.start_ms <= time && time < r.end_ms);
                    prop_assert_eq!(hits.count(), usize::from(*on));
                }
            }
        }
    }
}
