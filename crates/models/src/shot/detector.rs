//! Puts cuts and fades together and keeps them apart from each other.

use super::cuts::Cuts;
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

/// Finds where shots begin in a stream of frames; remembers two or three seconds of it, and what it found.
pub struct Detector {
    settings: Settings,
    cuts: Cuts,
    fades: Fades,
    start_seconds: Option<f64>,
    found: Vec<Boundary>,
}

impl Detector {
    /// Starts at the beginning of a clip.
    pub fn new(settings: Settings) -> Self {
        let cuts = Cuts::new(settings.threshold);
        Self { settings, cuts, fades: Fades::default(), start_seconds: None, found: Vec::new() }
    }

    /// Takes the next frame in presentation order.
    pub fn push(&mut self, thumb: Thumb) {
        self.start_seconds.get_or_insert(thumb.moment.time.seconds());
        for frame in self.cuts.push(thumb) {
            self.found.extend(self.fades.push(&frame));
        }
    }

    /// Ends the clip, and gives back the boundaries in order.
    pub fn finish(mut self, end_seconds: f64) -> Vec<Boundary> {
        for frame in self.cuts.finish() {
            self.found.extend(self.fades.push(&frame));
        }
        self.found.extend(self.fades.finish());
        self.found.retain(|boundary| self.settings.fades || boundary.kind == BoundaryKind::Cut);
        let start_seconds = self.start_seconds.unwrap_or(end_seconds);
        apart(self.found, start_seconds, end_seconds, self.settings.min_shot_seconds)
    }
}

/// Those of the boundaries between which shots are long enough, the clearest chosen first, the earlier of equals.
fn apart(mut found: Vec<Boundary>, start: f64, end: f64, min_shot: f64) -> Vec<Boundary> {
    let seconds = |boundary: &Boundary| boundary.at.time.seconds();
    let far = |a: f64, b: f64| (a - b).abs() > min_shot - ROUNDING_SECONDS;
    found.retain(|boundary| far(seconds(boundary), start) && far(seconds(boundary), end));
    found.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable
    let mut kept: Vec<Boundary> = Vec::new();
    for boundary in found {
        // Only the kept ones next to it in time can be too near.
        let at = kept.partition_point(|other| other.at.index < boundary.at.index);
        let neighbours = at.checked_sub(1).into_iter().chain([at]).filter_map(|i| kept.get(i));
        if neighbours.into_iter().all(|other| far(seconds(other), seconds(&boundary))) {
            kept.insert(at, boundary);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::picture::Picture;
    use super::super::shots;
    use super::super::testing::*;
    use super::*;

    fn settings(min_shot_seconds: f64) -> Settings {
        Settings { threshold: 0.4, min_shot_seconds, fades: true }
    }

    fn shots_of(frames: &[usize]) -> Vec<Picture> {
        frames.iter().zip(1..).flat_map(|(count, seed)| vec![scene(seed, 0, 0); *count]).collect()
    }

    fn cuts(min_shot_seconds: f64, frames: &[usize]) -> Vec<u64> {
        boundaries_with(settings(min_shot_seconds), &shots_of(frames)).into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn a_clip_of_one_frame_or_none_has_no_boundary() {
        assert_eq!(boundaries(&[]), []);
        assert_eq!(boundaries(&[scene(1, 0, 0)]), []);
        assert_eq!(boundaries(&[scene(1, 0, 0), scene(2, 0, 0)]), []);
    }

    #[test]
    fn no_shot_is_shorter_than_asked_not_even_the_first_and_the_last() {
        assert_eq!(cuts(0.2, &[30, 30, 30]), [30, 60]);
        assert_eq!(cuts(0.2, &[5, 30, 5]), [5, 35]);
        assert!(cuts(0.2, &[4, 30, 4]).is_empty());
        assert_eq!(cuts(1.0, &[25, 25, 25]), [25, 50]);
        assert_eq!(cuts(1.04, &[25, 25, 25, 2]), [50]);
    }

    #[test]
    fn of_two_boundaries_too_near_to_each_other_the_clearer_one_stays() {
        let clear = [scene(1, 0, 0), scene(2, 0, 0)];
        let dim = mixed(&scene(3, 0, 0), 0.2, 0);
        let other_dim = mixed(&scene(4, 0, 0), 0.2, 0);
        let clip = [vec![other_dim; 30], vec![dim; 8], vec![clear[1].clone(); 30]].concat();
        assert_eq!(boundaries_with(settings(0.2), &clip).len(), 2);
        assert_eq!(boundaries_with(settings(0.5), &clip), [(38, BoundaryKind::Cut)]);
        let back: Vec<_> = clip.into_iter().rev().collect();
        assert_eq!(boundaries_with(settings(0.5), &back), [(30, BoundaryKind::Cut)]);
    }

    /// What a run of frames shows, told shortly enough to be printed when a test fails.
    #[derive(Debug, Clone)]
    enum Shown {
        Scene { seed: u64, x: i64 },
        Mixed { seed: u64, part: f64 },
        Flat(u8),
    }

    impl Shown {
        fn any() -> impl Strategy<Value = Self> {
            prop_oneof![
                (0u64..4, -8i64..8).prop_map(|(seed, x)| Self::Scene { seed, x }),
                (0u64..4, 0.0..1.0).prop_map(|(seed, part)| Self::Mixed { seed, part }),
                any::<u8>().prop_map(Self::Flat),
            ]
        }

        fn picture(&self) -> Picture {
            match *self {
                Self::Scene { seed, x } => scene(seed, x, 0),
                Self::Mixed { seed, part } => mixed(&scene(seed, 0, 0), part, 0),
                Self::Flat(level) => flat(level),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_comes_the_shots_cover_the_clip_without_gap_or_overlap(
            runs in prop::collection::vec((Shown::any(), 1usize..12, 0i64..90), 1..12),
            min_shot_seconds in 0.0..1.0,
        ) {
            let mut detector = Detector::new(settings(min_shot_seconds));
            let (mut millis, mut moments) = (0, Vec::new());
            for (shown, count, step) in runs {
                for _ in 0..count {
                    let thumb = thumb(moments.len() as u64, millis, shown.picture());
                    moments.push(thumb.moment);
                    detector.push(thumb);
                    millis += step;
                }
            }
            let (first, last) = (moments[0], moments[moments.len() - 1]);
            let found = detector.finish(last.time.seconds() + 0.04);
            let shots = shots::between(first, &found, last, moment(0, 40).time);
            prop_assert_eq!(shots[0].frames.0, 0);
            prop_assert_eq!(shots[0].millis.0, 0);
            prop_assert_eq!(shots[shots.len() - 1].frames.1, moments.len() as u64);
            prop_assert_eq!(shots[shots.len() - 1].millis.1, last.time.to_millis() + 40);
            for pair in shots.windows(2) {
                prop_assert_eq!(pair[0].frames.1, pair[1].frames.0);
                prop_assert_eq!(pair[0].millis.1, pair[1].millis.0);
            }
            for shot in &shots {
                prop_assert!(shot.frames.0 < shot.frames.1);
                if shots.len() > 1 {
                    prop_assert!((shot.millis.1 - shot.millis.0) as f64 >= min_shot_seconds * 1000.0 - 0.01);
                }
                prop_assert!(shot.opened_by.is_none_or(|boundary| (0.0..=1.0).contains(&boundary.score)));
            }
        }
    }
}
