//! Finds cuts: frames that have nothing to do with those before, in the midst of frames that have to do with each other.
//!
//! Three questions decide about a frame, and all of them are about the fifth of a second on either side:
//!
//! - How much of it does the frame before not explain?
//! - Is there a frame on one side that is explained by the last or first one of the other after all? Then something
//!   passed in between: a flash, a dropped frame, a jolt of the camera. The shot goes on.
//! - How much is unexplained from frame to frame on either side? That much is how this picture moves, flickers, fades or
//!   rustles, and only what is beyond it speaks for a cut. The largest step nearby is left out, which may be another cut.

use std::collections::VecDeque;

use super::Thumb;
use super::difference::Difference;
use super::picture::Picture;

/// How far around a frame the answers are looked for, in seconds: longer than any flash, shorter than shots are. A little
/// less than a fifth, so that rounding does not decide about frames that are just that far away.
const NEARBY_SECONDS: f64 = 0.19;

/// So many frames are near at least, however slow the clip.
const FEWEST_NEARBY: usize = 2;

/// So many frames are near at most, whatever a file says of its times.
const MOST_NEARBY: usize = 128;

/// So many of the near frames are compared with the one across, evenly picked: enough to meet one that no flash hides.
const COMPARED: usize = 6;

/// How far a cut between two clear and quiet pictures stands out, in parts of what shuffled pixels would differ by: even an
/// unlike picture has something similar to many a block. That much is a score of 1.
const CLEAR: f64 = 0.5;

/// Levels a pixel up to which a frame only repeats the one before, as in clips of few pictures a second that were stored
/// with more. Such a pair says nothing of how the picture moves.
const REPEATED: f64 = 0.5;

/// A frame whose neighbours have all been seen.
pub struct Judged {
    /// The frame.
    pub thumb: Thumb,
    /// How far it stands out as the first frame of a shot, 0 to 1, if it reaches the threshold.
    pub cut: Option<f64>,
}

/// The stream of frames, a fifth of a second of it remembered on either side of the frame in question.
pub struct Cuts {
    threshold: f64,
    frames: VecDeque<Seen>,
    /// The first of `frames` that is not judged yet.
    next: usize,
}

struct Seen {
    thumb: Thumb,
    seconds: f64,
    /// From the frame before; `None` for the first of the clip.
    step: Option<Difference>,
}

impl Cuts {
    /// `threshold`: what counts as standing out, 0 to 1.
    pub fn new(threshold: f64) -> Self {
        Self { threshold, frames: VecDeque::new(), next: 0 }
    }

    /// Takes the next frame in presentation order, and gives back those that it completes the neighbourhood of.
    pub fn push(&mut self, thumb: Thumb) -> Vec<Judged> {
        let step = self.frames.back().map(|last| Difference::between(&last.thumb.picture, &thumb.picture));
        let seconds = thumb.moment.time.seconds();
        self.frames.push_back(Seen { thumb, seconds, step });
        let mut judged = Vec::new();
        while self.is_surrounded(self.next) {
            judged.push(self.judge());
        }
        judged
    }

    /// Judges the frames that are left at the end of the clip.
    pub fn finish(&mut self) -> Vec<Judged> {
        let mut judged = Vec::new();
        while self.next < self.frames.len() {
            judged.push(self.judge());
        }
        judged
    }

    fn is_surrounded(&self, at: usize) -> bool {
        let after = self.frames.len().saturating_sub(at + 1);
        after >= FEWEST_NEARBY && (after >= MOST_NEARBY || !self.is_near(at, at + after))
    }

    fn is_near(&self, a: usize, b: usize) -> bool {
        (self.frames[a].seconds - self.frames[b].seconds).abs() < NEARBY_SECONDS
    }

    fn judge(&mut self) -> Judged {
        let at = self.next;
        let judged = Judged { cut: self.score(at), thumb: self.frames[at].thumb.clone() };
        self.next += 1;
        // What is not near to the next frame to be judged will not be asked again.
        while self.next < self.frames.len()
            && self.next > FEWEST_NEARBY
            && !(self.next <= MOST_NEARBY && self.is_near(0, self.next))
        {
            self.frames.pop_front();
            self.next -= 1;
        }
        judged
    }

    /// How far the frame stands out. `None` for the first of the clip, and as soon as it is known to be too little.
    fn score(&self, at: usize) -> Option<f64> {
        let step = self.frames[at].step?;
        let before = self.nearby(at, (0..at).rev());
        let after = self.nearby(at, at + 1..self.frames.len());
        let usual = self.usual_residual(&before, &after) / step.scale;
        let score = |difference: Difference| ((difference.ratio - usual) / CLEAR).min(1.0);
        let mut least = score(step);
        let picture = |at: usize| -> &Picture { &self.frames[at].thumb.picture };
        let across =
            thinned(&after).map(|i| (at - 1, i)).chain(thinned(&before).filter(|i| *i != at - 1).map(|i| (i, at)));
        for (one, other) in across {
            if least < self.threshold {
                return None;
            }
            least = least.min(score(Difference::between(picture(one), picture(other))));
        }
        Some(least).filter(|score| *score >= self.threshold)
    }

    /// What is unexplained from frame to frame on the livelier side, on average, the largest step of both left out.
    fn usual_residual(&self, before: &[usize], after: &[usize]) -> f64 {
        let residuals = |frames: &[usize]| -> Vec<f64> {
            let of = |i: &usize| Some(self.frames[*i].step?.residual).filter(|residual| *residual > REPEATED);
            frames.iter().filter_map(of).collect()
        };
        let (mut before, mut after) = (residuals(before), residuals(after));
        let largest = |residuals: &[f64]| residuals.iter().copied().fold(0.0, f64::max);
        let livelier = if largest(&before) > largest(&after) { &mut before } else { &mut after };
        let out = largest(livelier);
        if let Some(at) = livelier.iter().position(|residual| *residual == out) {
            livelier.swap_remove(at);
        }
        let mean = |residuals: &[f64]| residuals.iter().sum::<f64>() / residuals.len().max(1) as f64;
        mean(&before).max(mean(&after))
    }

    /// The neighbours of a frame out of `candidates`, which start next to it.
    fn nearby(&self, at: usize, candidates: impl Iterator<Item = usize>) -> Vec<usize> {
        let is_one = |(n, i): &(usize, usize)| *n < FEWEST_NEARBY || (*n < MOST_NEARBY && self.is_near(at, *i));
        candidates.enumerate().take_while(is_one).map(|(_, i)| i).collect()
    }
}

/// A few of many, the first and the last among them.
fn thinned(frames: &[usize]) -> impl Iterator<Item = usize> {
    let steps = frames.len().min(COMPARED);
    (0..steps).map(move |n| frames[n * (frames.len() - 1) / (steps - 1).max(1)])
}

#[cfg(test)]
mod tests {
    use super::super::BoundaryKind::Cut;
    use super::super::testing::*;
    use super::*;

    fn still(seed: u64, frames: usize) -> Vec<Picture> {
        vec![scene(seed, 0, 0); frames]
    }

    fn pan(seed: u64, frames: i64, step: i64) -> Vec<Picture> {
        (0..frames).map(|n| scene(seed, n * step, n)).collect()
    }

    #[test]
    fn a_cut_lies_on_the_first_frame_of_the_new_shot() {
        assert_eq!(boundaries(&[still(1, 20), still(2, 20)].concat()), [(20, Cut)]);
        assert_eq!(boundaries(&[pan(1, 20, 3), pan(2, 20, -4), still(3, 20)].concat()), [(20, Cut), (40, Cut)]);
    }

    #[test]
    fn a_camera_that_pans_shakes_or_jumps_makes_no_cut() {
        assert_eq!(boundaries(&pan(1, 60, 6)), []);
        let shake: Vec<_> = (0..60i64).map(|n| scene(1, n * 37 % 11 - 5, n * 23 % 7 - 3)).collect();
        assert_eq!(boundaries(&shake), []);
        assert_eq!(boundaries(&[still(1, 20), vec![scene(1, 7, 4); 20]].concat()), []);
    }

    #[test]
    fn a_flash_makes_no_cut_however_white() {
        for frames in 1..=3 {
            let mut clip = pan(1, 40, 1);
            clip[20..20 + frames].fill(flat(255));
            assert_eq!(boundaries(&clip), [], "{frames}");
        }
    }

    #[test]
    fn a_cut_under_a_flash_is_one_cut() {
        let found = boundaries(&[still(1, 20), vec![flat(255); 2], still(2, 20)].concat());
        assert_eq!(found.len(), 1);
        assert!((20..=22).contains(&found[0].0), "{found:?}");
    }

    #[test]
    fn noise_makes_no_cut_and_hides_none() {
        let noisy = |seed, from: u64| (from..from + 20).map(move |n| grainy(&scene(seed, 0, 0), 60.0, n));
        assert_eq!(boundaries(&noisy(1, 0).chain(noisy(2, 20)).collect::<Vec<_>>()), [(20, Cut)]);
        let snow: Vec<_> = (0..40).map(|n| grainy(&flat(128), 250.0, n)).collect();
        assert_eq!(boundaries(&snow), []);
    }

    #[test]
    fn a_lamp_that_is_switched_on_makes_no_cut() {
        let lit = scene(1, 0, 0).with_luma(|luma| luma / 2 + 100);
        assert_eq!(boundaries(&[still(1, 20), vec![lit; 20]].concat()), []);
    }

    #[test]
    fn few_pictures_a_second_stored_with_many_make_no_cuts() {
        let slow: Vec<_> = (0..60).map(|n| scene(1, n / 4 * 12, 0)).collect();
        assert_eq!(boundaries(&slow), []);
    }

    #[test]
    fn shots_of_a_few_frames_are_found_each() {
        let quick: Vec<_> = (0..8).flat_map(|n| still(n % 2, 5)).collect();
        assert_eq!(boundaries(&quick), [5, 10, 15, 20, 25, 30, 35].map(|index| (index, Cut)));
    }

    #[test]
    fn what_is_remembered_does_not_grow_with_the_clip() {
        let (mut cuts, mut judged) = (Cuts::new(0.4), 0);
        for index in 0..600 {
            // A file may give all frames one time.
            judged += cuts.push(thumb(index, if index < 300 { index as i64 * 40 } else { 12_000 }, flat(0))).len();
            assert!(cuts.frames.len() <= 2 * MOST_NEARBY + 2);
        }
        assert_eq!(judged + cuts.finish().len(), 600);
    }

    #[test]
    fn a_few_of_many_hold_the_first_and_the_last() {
        let of = |count: usize| thinned(&(0..count).collect::<Vec<_>>()).collect::<Vec<_>>();
        assert!(of(0).is_empty());
        assert_eq!(of(1), [0]);
        assert_eq!(of(4), [0, 1, 2, 3]);
        assert_eq!(of(24), [0, 4, 9, 13, 18, 23]);
    }
}
