//! Puts cuts and fades together and keeps them apart from each other.

use super::cuts::{Cuts, Judged};
use super::fades::Fades;
use super::{Boundary, BoundaryKind, Thumb};

/// What counts as a boundary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How far a cut stands out at least, 0 to 1.
    pub threshold: f64,
    /// No shot is shorter, in seconds: of two boundaries nearer to each other the clearer one stays.
    pub min_shot_seconds: f64,
    /// Whether a fade out and in again is a boundary.
    pub fades: bool,
}

/// Seconds by which rounding may make a shot shorter than it is.
const ROUNDING_SECONDS: f64 = 1e-6;

/// Finds where shots begin in a stream of frames; remembers two or three seconds of it.
pub struct Detector {
    settings: Settings,
    cuts: Cuts,
    fades: Fades,
    /// Where the shot before the pending boundary starts, in seconds.
    last: Option<f64>,
    pending: Option<Boundary>,
}

impl Detector {
    /// Starts at the beginning of a clip.
    pub fn new(settings: Settings) -> Self {
        Self { settings, cuts: Cuts::new(settings.threshold), fades: Fades::default(), last: None, pending: None }
    }

    /// Takes the next frame in presentation order, and gives back the boundaries that are certain by now.
    pub fn push(&mut self, thumb: Thumb) -> Vec<Boundary> {
        self.last.get_or_insert(thumb.moment.time.seconds());
        let judged = self.cuts.push(thumb);
        self.settle(judged)
    }

    /// Ends the clip at `end` seconds, and gives back the last boundaries.
    pub fn finish(mut self, end: f64) -> Vec<Boundary> {
        let judged = self.cuts.finish();
        let mut certain = self.settle(judged);
        if let Some(last) = self.fades.finish().filter(|_| self.settings.fades) {
            certain.extend(self.space(last));
        }
        certain.extend(self.pending.filter(|pending| self.is_a_shot(pending.at.time.seconds(), end)));
        certain
    }

    fn is_a_shot(&self, start: f64, end: f64) -> bool {
        end - start > self.settings.min_shot_seconds - ROUNDING_SECONDS
    }

    fn settle(&mut self, judged: Vec<Judged>) -> Vec<Boundary> {
        let mut certain = Vec::new();
        for frame in judged {
            for found in self.fades.push(&frame) {
                if self.settings.fades || found.kind == BoundaryKind::Cut {
                    certain.extend(self.space(found));
                }
            }
        }
        certain
    }

    /// Lets a boundary wait until the next one is known to be far enough away; gives back the one that waited.
    fn space(&mut self, found: Boundary) -> Option<Boundary> {
        let seconds = |boundary: &Boundary| boundary.at.time.seconds();
        let far = |from: f64| self.is_a_shot(from, seconds(&found));
        match self.pending {
            Some(pending) if far(seconds(&pending)) => {
                self.last = Some(seconds(&pending));
                self.pending.replace(found)
            }
            Some(pending) => {
                if found.score > pending.score {
                    self.pending = Some(found);
                }
                None
            }
            None => {
                if self.last.is_none_or(far) {
                    self.pending = Some(found);
                }
                None
            }
        }
    }
}
