//! How unlike two frames are, told in a way that motion and light hardly touch.
//!
//! Each block of one frame is looked for in the other, in the place where it was and some way around it. What even the
//! best place leaves over is *unexplained*; it is measured against what would be left if the pixels of both frames were
//! shuffled, which is what two pictures of the same colours but nothing else in common differ by. So 0 is the same
//! picture, wherever the camera went, and 1 a picture that has nothing to do with the other; dark and pale scenes are
//! judged by the contrast they have. A change of light is taken out first if that explains more.

use super::picture::{Area, HEIGHT, Picture, Plane, WEIGHTS, WIDTH};

/// How unlike two pictures are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// What is unexplained, light taken as it is: mean levels a pixel.
    pub residual: f64,
    /// What would be unexplained if the two had nothing in common: mean levels a pixel, above 0.
    pub scale: f64,
    /// What is unexplained after allowing for a change of light, in parts of the scale: from 0, the same, to about 1.
    pub ratio: f64,
}

impl Difference {
    /// Compares two pictures; the same either way round.
    pub fn between(a: &Picture, b: &Picture) -> Self {
        let Some(area) = a.shared_area(b) else { return Self { residual: 0.0, scale: INVISIBLE, ratio: 0.0 } };
        let as_it_is = Self::in_area(a, b, &area);
        let same_light = if as_it_is.ratio < WORTH_A_SECOND_LOOK { None } else { same_light(a, b, &area) };
        let ratio = same_light.map_or(1.0, |(a, b)| Self::in_area(&a, &b, &area).ratio);
        Self { ratio: ratio.min(as_it_is.ratio), ..as_it_is }
    }

    fn in_area(a: &Picture, b: &Picture, area: &Area) -> Self {
        let scale = shuffled(a, b, area) + INVISIBLE;
        let in_place = residual_in_place(a, b, area);
        // What did not move needs no search: that could only find less.
        let residual = if in_place < WORTH_A_SEARCH * scale {
            in_place
        } else {
            (residual(a, b, area) + residual(b, a, area)) / 2.0
        };
        Self { residual, scale, ratio: residual / scale }
    }
}

/// Levels that two frames of the same still picture may differ by: noise and compression.
const INVISIBLE: f64 = 3.0;

/// A ratio below which two pictures are alike, whatever the light.
const WORTH_A_SECOND_LOOK: f64 = 0.15;

/// A ratio below which two pictures are the same.
const WORTH_A_SEARCH: f64 = 0.03;

/// Mean difference between a pixel of one picture and any pixel of the other.
fn shuffled(a: &Picture, b: &Picture, area: &Area) -> f64 {
    let channel = |(a, b): (&Plane, &Plane)| {
        let (in_a, in_b) = (histogram(a, area), histogram(b, area));
        // |x − y| counts the levels that lie between: those that one pixel has reached and the other has not.
        let (mut below_a, mut below_b, mut sum) = (0u64, 0u64, 0u64);
        let all = area.pixels() as u64;
        for level in 0..256 {
            below_a += u64::from(in_a[level]);
            below_b += u64::from(in_b[level]);
            sum += below_a * (all - below_b) + below_b * (all - below_a);
        }
        sum as f64 / (all * all) as f64
    };
    weighted(a.planes().iter().zip(b.planes()).map(channel))
}

fn histogram(plane: &Plane, area: &Area) -> [u32; 256] {
    let mut counts = [0; 256];
    for row in area.rows.0..area.rows.1 {
        for level in &plane[row * WIDTH..][area.columns.0..area.columns.1] {
            counts[usize::from(*level)] += 1;
        }
    }
    counts
}

fn residual_in_place(a: &Picture, b: &Picture, area: &Area) -> f64 {
    let (width, height) = (area.columns.1 - area.columns.0, area.rows.1 - area.rows.0);
    let at = area.rows.0 * WIDTH + area.columns.0;
    let channel = |(a, b): (&Plane, &Plane)| f64::from(distance(a, at, b, at, width, height)) / area.pixels() as f64;
    weighted(a.planes().iter().zip(b.planes()).map(channel))
}

/// Columns and rows of a block that is looked for. Larger ones blur local motion, smaller ones are found anywhere.
const BLOCK: (usize, usize) = (8, 6);

/// How far a block is looked for, in columns and rows: an eighth of the picture, as far as a camera pans in a frame.
const REACH: (usize, usize) = (8, 5);

/// Mean difference that is left of `a` after each block found its best place in `b`.
fn residual(a: &Picture, b: &Picture, area: &Area) -> f64 {
    let mut sum = 0;
    for top in (0..HEIGHT).step_by(BLOCK.1) {
        for left in (0..WIDTH).step_by(BLOCK.0) {
            let (top, bottom) = (top.max(area.rows.0), (top + BLOCK.1).min(area.rows.1));
            let (left, right) = (left.max(area.columns.0), (left + BLOCK.0).min(area.columns.1));
            if top < bottom && left < right {
                sum += best_distance(a, b, (left, top), (right - left, bottom - top));
            }
        }
    }
    f64::from(sum) / 2.0 / area.pixels() as f64
}

/// Twice the weighted difference between a block of `a` and the most similar one of `b` in reach.
fn best_distance(a: &Picture, b: &Picture, (left, top): (usize, usize), (width, height): (usize, usize)) -> u32 {
    let (a, b) = (a.planes(), b.planes());
    let here = top * WIDTH + left;
    let mut best = u32::MAX;
    for row in top.saturating_sub(REACH.1)..=(top + REACH.1).min(HEIGHT - height) {
        for column in left.saturating_sub(REACH.0)..=(left + REACH.0).min(WIDTH - width) {
            let there = row * WIDTH + column;
            let channel = |c: usize| distance(&a[c], here, &b[c], there, width, height);
            best = best.min(2 * channel(0) + channel(1) + channel(2));
        }
    }
    best
}

/// Sum of the differences between two blocks of the same size.
fn distance(a: &Plane, in_a: usize, b: &Plane, in_b: usize, width: usize, height: usize) -> u32 {
    let row = |row: usize| {
        let (a, b) = (&a[in_a + row * WIDTH..][..width], &b[in_b + row * WIDTH..][..width]);
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>()
    };
    (0..height).map(row).sum()
}

/// Least contrast (standard deviation of luma) that has a shape which light can fall on.
const SHAPED: f64 = 6.0;

/// The two pictures with the luma of the livelier one brought to mean and contrast of the other. `None` if one is too
/// flat to say that light is what changed.
fn same_light(a: &Picture, b: &Picture, area: &Area) -> Option<(Picture, Picture)> {
    let (in_a, in_b) = (mean_and_deviation(a, area), mean_and_deviation(b, area));
    let (from, to, picture) = if in_a.1 > in_b.1 { (in_a, in_b, a) } else { (in_b, in_a, b) };
    if to.1 < SHAPED {
        return None;
    }
    let lit = picture.with_luma(|luma| (to.0 + (f64::from(luma) - from.0) * to.1 / from.1).round() as u8);
    Some(if in_a.1 > in_b.1 { (lit, b.clone()) } else { (a.clone(), lit) })
}

fn mean_and_deviation(picture: &Picture, area: &Area) -> (f64, f64) {
    let counts = histogram(&picture.planes()[0], area);
    let all = area.pixels() as f64;
    let moment = |f: &dyn Fn(f64) -> f64| {
        counts.iter().zip(0..).map(|(n, l)| f64::from(*n) * f(f64::from(l))).sum::<f64>() / all
    };
    let mean = moment(&|level| level);
    (mean, moment(&|level| (level - mean) * (level - mean)).sqrt())
}

fn weighted(channels: impl Iterator<Item = f64>) -> f64 {
    channels.zip(WEIGHTS).map(|(value, weight)| value * weight).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{covered, flat, grainy, mixed, scene};
    use super::*;

    fn ratio(a: &Picture, b: &Picture) -> f64 {
        Difference::between(a, b).ratio
    }

    #[test]
    fn a_camera_that_pans_changes_little_and_another_scene_much() {
        for seed in 0..20 {
            let here = scene(seed, 0, 0);
            assert!(ratio(&here, &scene(seed, 5, -3)) < 0.2, "{seed}");
            assert!(ratio(&here, &scene(seed + 100, 0, 0)) > 0.4, "{seed}");
        }
    }

    #[test]
    fn a_dark_scene_is_judged_by_its_own_contrast() {
        let dark = |seed| mixed(&scene(seed, 0, 0), 0.15, 0);
        assert!(ratio(&dark(1), &dark(2)) > 0.3);
        assert!(ratio(&grainy(&dark(1), 4.0, 1), &grainy(&dark(1), 4.0, 2)) < 0.2);
    }

    #[test]
    fn more_light_on_the_same_scene_is_no_other_scene() {
        let dim = scene(1, 0, 0);
        let bright = dim.with_luma(|luma| luma / 2 + 110);
        let difference = Difference::between(&dim, &bright);
        assert!(difference.ratio < 0.1, "{difference:?}");
        assert!(difference.residual > 20.0, "the residual takes light as it is: {difference:?}");
    }

    #[test]
    fn flat_colours_differ_wholly_or_not_at_all() {
        assert_eq!(ratio(&flat(0), &flat(0)), 0.0);
        assert_eq!(ratio(&flat(90), &flat(90)), 0.0);
        assert!(ratio(&flat(0), &flat(200)) > 0.95);
        assert!(ratio(&flat(0), &scene(1, 0, 0)) > 0.7);
    }

    #[test]
    fn black_bars_do_not_make_scenes_alike() {
        let letterboxed = |seed| covered(&covered(&scene(seed, 0, 0), 0..WIDTH, 0..8, 0), 0..WIDTH, 28..HEIGHT, 0);
        assert!(ratio(&letterboxed(1), &letterboxed(2)) > 0.4);
    }

    proptest! {
        #[test]
        fn it_is_the_same_either_way_round_and_between_0_and_about_1(a in 0u64..50, b in 0u64..50, x in -9i64..9, part in 0.0..1.0) {
            let (one, other) = (scene(a, x, 0), mixed(&scene(b, 0, 0), part, 255));
            let (there, back) = (Difference::between(&one, &other), Difference::between(&other, &one));
            prop_assert!((there.ratio - back.ratio).abs() < 1e-9);
            prop_assert!((0.0..1.3).contains(&there.ratio));
            prop_assert_eq!(ratio(&one, &one), 0.0);
        }
    }
}
