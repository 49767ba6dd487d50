//! Turns what is asked for into a choice among frames in presentation order.
//!
//! One rule for both ways through a file: a full decode offers the frames as they come out, a plan offers the index.

use std::path::Path;

use crate::{Grid, MediaError, Picked, Rate, Timestamp};

/// Decides, frame by frame, which are given out.
#[derive(Debug, Clone)]
pub enum Chooser {
    Grid(Grid),
    All,
    Intra,
    /// Every so many frames; counts up to the next.
    Every {
        step: u64,
        until_next: u64,
    },
    Nearest(Nearest),
}

impl Chooser {
    /// `start` is where times asked for are counted from.
    pub fn new(path: &Path, rate: &Rate, start: Timestamp) -> Result<Self, MediaError> {
        Ok(match rate {
            &Rate::Fps(fps) => Grid::new(fps)
                .filter(|_| fps <= Rate::MAX_FPS)
                .map(Self::Grid)
                .ok_or_else(|| MediaError::BadRate { path: path.into(), fps })?,
            Rate::All => Self::All,
            Rate::KeyFrames => Self::Intra,
            Rate::EveryNth(step) => Self::Every { step: step.get(), until_next: 0 },
            Rate::At(times) => {
                if let Some(&seconds) = times.iter().find(|seconds| !seconds.is_finite()) {
                    return Err(MediaError::BadTime { path: path.into(), seconds });
                }
                Self::Nearest(Nearest::new(times, start.seconds()))
            }
        })
    }

    /// Whether it asks for the type of each frame.
    pub fn needs_kind(&self) -> bool {
        matches!(self, Self::Intra)
    }

    /// Takes in the next frame and says which frames that decides.
    pub fn offer(&mut self, seconds: f64, is_intra: bool) -> Picked {
        let alone = |this| Picked { earlier: false, this, this_is_next_earlier: true };
        match self {
            Self::Grid(grid) => grid.offer(seconds),
            Self::All => alone(true),
            Self::Intra => alone(is_intra),
            Self::Every { step, until_next } => {
                let this = *until_next == 0;
                *until_next = if this { *step - 1 } else { *until_next - 1 };
                alone(this)
            }
            Self::Nearest(nearest) => nearest.offer(seconds),
        }
    }

    /// Whether the end of the file decides for the last frame that was remembered.
    pub fn end(&self) -> bool {
        match self {
            Self::Nearest(nearest) => nearest.wants_the_last(),
            Self::Grid(_) | Self::All | Self::Intra | Self::Every { .. } => false,
        }
    }

    /// The places, in presentation order, of the frames chosen among all of a video.
    pub fn choose(mut self, frames: impl Iterator<Item = (f64, bool)>) -> Vec<u32> {
        let (mut chosen, mut earlier) = (Vec::new(), None);
        for (place, (seconds, is_intra)) in (0..).zip(frames) {
            let picked = self.offer(seconds, is_intra);
            chosen.extend(earlier.filter(|_| picked.earlier));
            chosen.extend(picked.this.then_some(place));
            if picked.this_is_next_earlier {
                earlier = Some(place);
            }
        }
        if self.end() {
            chosen.extend(earlier);
        }
        chosen
    }
}

/// Walks explicit times: each takes the frame nearest to it, the earlier one on a tie.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// Not passed yet, the next one last.
    points: Vec<f64>,
    earlier: Option<(f64, bool)>,
}

impl Nearest {
    fn new(times: &[f64], start_seconds: f64) -> Self {
        let mut points: Vec<f64> = times.iter().map(|time| time + start_seconds).collect();
        points.sort_by(|a, b| b.total_cmp(a));
        Self { points, earlier: None }
    }

    fn offer(&mut self, seconds: f64) -> Picked {
        let mut picked = Picked { this_is_next_earlier: true, ..Picked::default() };
        if let Some((earlier, _)) = self.earlier {
            picked.this_is_next_earlier = earlier != seconds;
        }
        while let Some(&point) = self.points.last().filter(|&&point| point <= seconds) {
            match &mut self.earlier {
                Some((earlier, taken)) if (*earlier - point).abs() <= (seconds - point).abs() => {
                    picked.earlier |= !*taken;
                    *taken = true;
                }
                _ => picked.this = true,
            }
            self.points.pop();
        }
        if picked.this_is_next_earlier {
            self.earlier = Some((seconds, picked.this));
        }
        picked
    }

    fn wants_the_last(&self) -> bool {
        !self.points.is_empty() && self.earlier.is_some_and(|(_, taken)| !taken)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use proptest::prelude::*;

    use super::*;

    fn choose(rate: Rate, times: &[f64]) -> Vec<u32> {
        let chooser = Chooser::new(Path::new("x"), &rate, Timestamp::ZERO).unwrap();
        chooser.choose(times.iter().map(|&seconds| (seconds, seconds % 2.0 == 0.0)))
    }

    #[test]
    fn each_way_to_ask_chooses_its_frames() {
        let times = [0.0, 1.0, 2.0, 3.0, 4.0];
        assert_eq!(choose(Rate::All, &times), [0, 1, 2, 3, 4]);
        assert_eq!(choose(Rate::KeyFrames, &times), [0, 2, 4]);
        assert_eq!(choose(Rate::Fps(0.5), &times), [0, 2, 4]);
        assert_eq!(choose(Rate::EveryNth(NonZeroU64::new(3).unwrap()), &times), [0, 3]);
    }

    #[test]
    fn times_take_the_nearest_frame_and_a_frame_comes_once() {
        let times = [0.0, 1.0, 2.0, 3.0];
        let at = |times: &[f64]| Rate::At(times.into());
        assert_eq!(choose(at(&[2.6, 0.4, 0.1]), &times), [0, 3]);
        assert_eq!(choose(at(&[1.5]), &times), [1]);
        assert_eq!(choose(at(&[-7.0, 99.0]), &times), [0, 3]);
        assert_eq!(choose(at(&[]), &times), [] as [u32; 0]);
        assert_eq!(choose(at(&[5.0]), &[]), [] as [u32; 0]);
    }

    proptest! {
        #[test]
        fn explicit_times_are_the_rule_to_the_word(gaps in prop::collection::vec(0u32..9, 1..40), asked in prop::collection::vec(-10i32..200, 0..20)) {
            let times: Vec<f64> = gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(f64::from(*sum) / 2.0) }).collect();
            let asked: Vec<f64> = asked.iter().map(|&half| f64::from(half) / 2.0).collect();
            let nearest = |&point: &f64| {
                let off = |place: &usize| (times[*place] - point).abs();
                (0..times.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap()
            };
            let mut expected: Vec<u32> = asked.iter().map(|point| nearest(point) as u32).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(choose(Rate::At(asked.into()), &times), expected);
        }
    }
}
