//! Chooses which frames of a video are given out.
//!
//! Plain arithmetic on the times of frames in presentation order, with no libav in sight, so that every rule of the
//! grid is tested without a video file. The grid starts at the first frame's time and goes on by repeated addition of
//! `1 / fps` in double precision; each point takes the frame nearest in time, the earlier one on a tie; a frame is
//! taken once; the last point is the last one that is not later than the last frame.

/// A grid that is walked frame by frame, remembering one frame only.
#[derive(Debug, Clone)]
pub struct Grid {
    step_seconds: f64,
    /// The next point; `None` before the first frame.
    point: Option<f64>,
    /// The latest frame that differs in time from the ones before it.
    earlier: Option<Offered>,
}

#[derive(Debug, Clone, Copy)]
struct Offered {
    seconds: f64,
    taken: bool,
}

/// What the arrival of a frame decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Picked {
    /// The frame remembered as the earlier one is taken.
    pub earlier: bool,
    /// The frame that arrived is taken.
    pub this: bool,
    /// The frame that arrived is from now on the earlier one. False when it repeats the time of that one, which then
    /// wins every tie.
    pub this_is_next_earlier: bool,
}

/// More points than this between two frames are crossed in one stride, or a corrupt timestamp would cost hours: at one
/// frame a second a gap of twelve days. The walk is exact below it.
const MAX_POINTS_PER_GAP: f64 = 1e6;

impl Grid {
    /// A grid of `fps` points a second. `None` unless `fps` is finite and above 0.
    pub fn new(fps: f64) -> Option<Self> {
        (fps.is_finite() && fps > 0.0).then(|| Self { step_seconds: 1.0 / fps, point: None, earlier: None })
    }

    /// Takes in the time of the next frame in presentation order and says which frames that decides.
    pub fn offer(&mut self, seconds: f64) -> Picked {
        let mut this = Offered { seconds, taken: false };
        let mut picked = Picked { this_is_next_earlier: true, ..Picked::default() };
        let mut point = self.point.unwrap_or(seconds);
        if let Some(earlier) = &mut self.earlier {
            picked.this_is_next_earlier = earlier.seconds != seconds;
            while point <= seconds {
                let (earlier_off, this_off) = ((earlier.seconds - point).abs(), (seconds - point).abs());
                if earlier_off <= this_off {
                    picked.earlier |= !earlier.taken;
                    earlier.taken = true;
                } else {
                    this.taken = true;
                    picked.this = true;
                }
                // Up to the middle of the gap every point takes the earlier frame, behind it every point takes this one.
                let half_decided = if this.taken { seconds } else { earlier.seconds / 2.0 + seconds / 2.0 };
                point = towards(half_decided, point, self.step_seconds);
            }
        } else {
            this.taken = true;
            picked.this = true;
            point = after(point, self.step_seconds);
        }
        self.point = Some(point);
        if picked.this_is_next_earlier {
            self.earlier = Some(this);
        }
        picked
    }
}

/// The next point on the way to `goal`, before which nothing new is decided.
fn towards(goal: f64, point: f64, step_seconds: f64) -> f64 {
    let points_left = (goal - point) / step_seconds;
    let stride =
        if points_left > MAX_POINTS_PER_GAP { (points_left.floor() * step_seconds).min(goal - point) } else { 0.0 };
    after(point + stride, step_seconds)
}

/// The point after this one; the next double where the step is too small to be felt, so that the grid always moves.
fn after(point: f64, step_seconds: f64) -> f64 {
    let next = point + step_seconds;
    if next > point { next } else { point.next_up() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The frames a grid takes, by index, as a reader that keeps one candidate sees them.
    fn walk(times: &[f64], fps: f64) -> Vec<usize> {
        let mut grid = Grid::new(fps).unwrap();
        let (mut taken, mut earlier) = (Vec::new(), 0);
        for (index, &seconds) in times.iter().enumerate() {
            let picked = grid.offer(seconds);
            if picked.earlier {
                taken.push(earlier);
            }
            if picked.this {
                taken.push(index);
            }
            if picked.this_is_next_earlier {
                earlier = index;
            }
        }
        taken
    }

    /// The rule as it is worded: every point looks at every frame.
    fn by_the_word(times: &[f64], fps: f64) -> Vec<usize> {
        let mut taken = Vec::new();
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return taken };
        let mut point = first;
        while point <= last {
            let off = |index: &usize| (times[*index] - point).abs();
            let nearest = (0..times.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap(); // the first of equals
            if !taken.contains(&nearest) {
                taken.push(nearest);
            }
            point += 1.0 / fps;
        }
        taken
    }

    #[test]
    fn a_grid_as_fine_as_the_frames_takes_all_of_them() {
        let times: Vec<f64> = (0..50).map(|n| f64::from(n) / 25.0).collect();
        assert_eq!(walk(&times, 100.0), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn the_earlier_frame_wins_a_tie() {
        assert_eq!(walk(&[0.0, 0.75, 1.25, 2.0], 1.0), [0, 1, 3]);
    }

    #[test]
    fn a_one_frame_video_yields_its_frame() {
        assert_eq!(walk(&[7.5], 1.0), [0]);
        assert_eq!(walk(&[], 1.0), [] as [usize; 0]);
    }

    #[test]
    fn points_after_the_last_frame_take_nothing() {
        assert_eq!(walk(&[0.0, 0.5, 0.9], 1.0), [0]);
    }

    #[test]
    fn the_grid_starts_at_the_first_frame_wherever_that_is() {
        assert_eq!(walk(&[10.25, 10.75, 11.125, 11.5, 12.25], 1.0), [0, 2, 4]);
    }

    #[test]
    fn of_frames_with_one_timestamp_the_first_is_taken() {
        assert_eq!(walk(&[0.0, 1.0, 1.0, 1.0, 2.0], 1.0), [0, 1, 4]);
        assert_eq!(walk(&[0.0, 0.9, 0.9, 2.0], 1.0), [0, 1, 3]);
    }

    #[test]
    fn a_corrupt_timestamp_far_away_costs_no_time() {
        assert_eq!(walk(&[0.0, 1e18, 1e18 + 1e6, f64::MAX], 1e6), [0, 1, 2, 3]);
        assert_eq!(walk(&[-1e300, 0.0, 1.0], 1.0), [0, 1, 2]);
    }

    #[test]
    fn rates_that_are_no_rates_make_no_grid() {
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Grid::new(fps).is_none(), "{fps}");
        }
    }

    proptest! {
        #[test]
        fn the_walk_is_the_rule_to_the_word(first in -90_000i64..900_000,
                                            gaps in prop::collection::vec(0i64..9_000, 0..80),
                                            fps in prop_oneof![0.05f64..60.0, Just(1.0), Just(0.31), Just(12.5), Just(25.0)]) {
            let times: Vec<f64> = std::iter::once(first)
                .chain(gaps.iter().scan(first, |ticks, gap| { *ticks += gap; Some(*ticks) }))
                .map(|ticks| ticks as f64 / 90_000.0)
                .collect();
            prop_assert_eq!(walk(&times, fps), by_the_word(&times, fps));
        }

        #[test]
        fn any_times_in_any_order_end_and_take_a_frame_once(times in prop::collection::vec(any::<f64>().prop_filter("finite", |t| t.is_finite()), 1..20),
                                                            fps in 1e-300f64..1e6) {
            let taken = walk(&times, fps);
            prop_assert_eq!(taken[0], 0);
            prop_assert!(taken.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
