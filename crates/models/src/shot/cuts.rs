//! Finds cuts: frames that have nothing to do with those before, in the midst of frames that have to do with each other.
//!
//! Three questions decide about a frame, and all of them are about the fifth of a second on either side:
//!
//! - How much of it does the frame before not explain?
//! - Is there a frame on one side that is explained by the last or first one of the other after all? Then something
//!   passed in between: a flash, a dropped frame, a jolt of the camera. The shot goes on.
//! - How much is unexplained from frame to frame on either side? That much is how this picture moves, flickers, fades or
//!   rustles, and only what is beyond it speaks for a cut.

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
        let usual = |frames: &[usize]| {
            let moved = frames.iter().filter_map(|i| Some(self.frames[*i].step?.residual)).filter(|r| *r > REPEATED);
            let (count, sum) = moved.fold((0, 0.0), |(count, sum), residual| (count + 1, sum + residual));
            if count == 0 { 0.0 } else { sum / f64::from(count) / step.scale }
        };
        let usual = usual(&before).max(usual(&after));
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
