//! Finds fades: the picture drains into one flat colour, and another rises from it.
//!
//! Watched is the *contrast* of each frame, how far its pixels spread around their mean. Where it sinks to a fifth and
//! rises again, the picture has been away. It faded if that took its time on both sides, and if all parts of the picture
//! went towards the flat colour alike: something that walks in front of the lens leaves a flat picture too, but part by part.

use std::collections::VecDeque;

use super::cuts::Judged;
use super::picture::{HEIGHT, PIXELS, Picture, WEIGHTS, WIDTH};
use super::{Boundary, BoundaryKind, Moment};

/// How far contrast sinks at least, in parts of what it was.
const DEEP: f64 = 0.2;

/// How much contrast there must be again, in parts of the least, before a picture can have come. Less than what sinking asks
/// for: what comes may be paler than what went, and a flash must not be waited on for ever.
const RISEN: f64 = 2.5;

/// Least contrast, in levels, that is a picture at all.
const PICTURE: f64 = 4.0;

/// Contrasts this near to each other, in levels, are equally flat.
const EQUALLY_FLAT: f64 = 1.0;

/// How long the picture is remembered that sinks, in seconds. Of a slower fade the last part is seen, which is enough.
const MEMORY_SECONDS: f64 = 2.0;

/// So many frames are remembered at most, whatever a file says of its times.
const MOST_REMEMBERED: usize = 512;

/// After so long without much more contrast, the new picture has come.
const SETTLED_SECONDS: f64 = 0.2;

/// What is not much less contrast, in parts of the most there was.
const STRONG: f64 = 0.9;

/// A picture is there while it has so much of its contrast.
const THERE: f64 = 0.8;

/// Least number of steps between picture and flat colour: with fewer it is a cut or a flash.
const FEWEST_STEPS: usize = 3;

/// Least likeness of the picture that sinks or rises to the whole one.
const ALIKE: f64 = 0.85;

/// The stream of frames, cuts marked, in which fades are looked for.
#[derive(Default)]
pub struct Fades {
    /// The picture that is there, while none is away.
    shown: VecDeque<Tone>,
    away: Option<Away>,
}

/// A picture has gone.
struct Away {
    /// How it sank, the frame included with which it was gone.
    out: Vec<Tone>,
    /// The flattest frame.
    flattest: Tone,
    flat: Middle,
    /// Frames since the last flat one.
    rising: VecDeque<Tone>,
}

/// What a fade changes in a frame.
#[derive(Clone)]
struct Tone {
    moment: Moment,
    seconds: f64,
    /// Standard deviation of the pixels, in levels.
    contrast: f64,
    /// Mean colour of each cell of a grid.
    cells: Vec<f64>,
}

impl Fades {
    /// Takes the next frame, and gives back the boundaries that are known by now, in their order.
    pub fn push(&mut self, frame: &Judged) -> Vec<Boundary> {
        let tone = Tone::of(frame.thumb.moment, &frame.thumb.picture);
        let mut found = Vec::new();
        if let Some(score) = frame.cut {
            found.extend(self.away.take().and_then(|away| away.fade()));
            found.push(Boundary { at: frame.thumb.moment, kind: BoundaryKind::Cut, score });
            self.shown.clear();
        }
        match self.away.take() {
            None => self.show(tone),
            Some(mut away) => {
                if away.has_settled(&tone) {
                    found.extend(away.fade());
                    self.shown = away.rising;
                    self.show(tone);
                } else {
                    away.push(tone);
                    self.away = Some(away);
                }
            }
        }
        found
    }

    /// The last boundary, which only the end of the clip settles.
    pub fn finish(&mut self) -> Option<Boundary> {
        self.away.take()?.fade()
    }

    fn show(&mut self, tone: Tone) {
        let peak = peak(&self.shown);
        self.shown.push_back(tone.clone());
        if peak >= PICTURE && tone.contrast <= peak * DEEP {
            let out = std::mem::take(&mut self.shown).into();
            let flat = Middle::new(tone.moment);
            self.away = Some(Away { out, flattest: tone, flat, rising: VecDeque::new() });
        } else {
            forget(&mut self.shown);
        }
    }
}

impl Away {
    fn push(&mut self, tone: Tone) {
        if tone.contrast > self.flattest.contrast + EQUALLY_FLAT {
            self.rising.push_back(tone);
            forget(&mut self.rising);
            return;
        }
        self.rising.clear();
        if tone.contrast < self.flattest.contrast - EQUALLY_FLAT {
            self.flat = Middle::new(tone.moment);
        } else {
            self.flat.push(tone.moment);
        }
        if tone.contrast < self.flattest.contrast {
            self.flattest = tone;
        }
    }

    /// Whether a picture was there before this frame: it hardly gets stronger, or goes already.
    fn has_settled(&self, next: &Tone) -> bool {
        let peak = peak(&self.rising);
        let top = self.rising.iter().find(|tone| tone.contrast >= peak * STRONG);
        let stays = top.is_some_and(|top| next.seconds - top.seconds >= SETTLED_SECONDS);
        let has_risen = peak >= (self.flattest.contrast * RISEN).max(PICTURE);
        has_risen && stays || peak >= PICTURE && next.contrast <= peak * DEEP
    }

    /// The boundary, if this was a fade.
    fn fade(&self) -> Option<Boundary> {
        let (old, new) = (peak(&self.out), peak(&self.rising));
        if new < PICTURE || self.flattest.contrast > new * DEEP {
            return None;
        }
        let start = self.out.iter().rposition(|tone| tone.contrast >= old * THERE)?;
        let end = self.rising.iter().position(|tone| tone.contrast >= new * THERE)?;
        let (out, rise) = (&self.out[start..], self.rising.iter().take(end + 1).rev());
        if out.len() <= FEWEST_STEPS || end + 1 < FEWEST_STEPS {
            return None;
        }
        let alike = alike(out.iter(), &self.flattest).min(alike(rise, &self.flattest));
        let depth = 1.0 - self.flattest.contrast / old.min(new);
        (alike >= ALIKE).then(|| Boundary { at: self.flat.middle(), kind: BoundaryKind::Fade, score: alike * depth })
    }
}

/// How much the frames of a ramp are one picture, its first, more or less of it: 1 if all cells keep their shares of the
/// distance to the flat colour, and only what is left of the picture, on average over the ramp, if it goes part by part.
fn alike<'a>(ramp: impl Iterator<Item = &'a Tone>, flat: &'a Tone) -> f64 {
    let mut ramp = ramp.filter(|tone| tone.contrast > flat.contrast + EQUALLY_FLAT);
    let Some(full) = ramp.next() else { return 0.0 };
    let from_flat = |tone: &'a Tone| tone.cells.iter().zip(&flat.cells).map(|(cell, flat)| cell - flat);
    let product = |a: &'a Tone, b: &'a Tone| from_flat(a).zip(from_flat(b)).map(|(a, b)| a * b).sum::<f64>();
    let (mut sum, mut count) = (0.0, 0.0);
    for part in ramp {
        let energy = product(full, full) * product(part, part);
        sum += if energy > 0.0 { product(full, part).powi(2) / energy } else { 0.0 };
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Columns and rows of a cell.
const CELL: (usize, usize) = (8, 6);

impl Tone {
    fn of(moment: Moment, picture: &Picture) -> Self {
        let (mut cells, mut variance) = (Vec::new(), 0.0);
        for (plane, weight) in picture.planes().iter().zip(WEIGHTS) {
            let (mut sum, mut squares) = (0u64, 0u64);
            for level in plane.iter().map(|level| u64::from(*level)) {
                sum += level;
                squares += level * level;
            }
            let mean = sum as f64 / PIXELS as f64;
            variance += weight * (squares as f64 / PIXELS as f64 - mean * mean);
            for top in (0..HEIGHT).step_by(CELL.1) {
                for left in (0..WIDTH).step_by(CELL.0) {
                    let row =
                        |row: usize| plane[row * WIDTH + left..][..CELL.0].iter().map(|l| u32::from(*l)).sum::<u32>();
                    let sum: u32 = (top..top + CELL.1).map(row).sum();
                    cells.push(weight * f64::from(sum) / (CELL.0 * CELL.1) as f64);
                }
            }
        }
        Self { moment, seconds: moment.time.seconds(), contrast: variance.max(0.0).sqrt(), cells }
    }
}

fn peak<'a>(tones: impl IntoIterator<Item = &'a Tone>) -> f64 {
    tones.into_iter().map(|tone| tone.contrast).fold(0.0, f64::max)
}

/// Drops what is too long ago.
fn forget(tones: &mut VecDeque<Tone>) {
    let now = tones.back().map_or(0.0, |tone| tone.seconds);
    while tones.len() > MOST_REMEMBERED || tones.front().is_some_and(|tone| now - tone.seconds > MEMORY_SECONDS) {
        tones.pop_front();
    }
}

/// Finds the middle of any number of moments without remembering them all: of many, every second is dropped.
struct Middle {
    kept: Vec<Moment>,
    /// One of so many is kept.
    stride: u64,
    skipped: u64,
}

impl Middle {
    const MOST_KEPT: usize = 256;

    fn new(moment: Moment) -> Self {
        Self { kept: vec![moment], stride: 1, skipped: 0 }
    }

    fn push(&mut self, moment: Moment) {
        self.skipped += 1;
        if self.skipped < self.stride {
            return;
        }
        self.skipped = 0;
        self.kept.push(moment);
        if self.kept.len() > Self::MOST_KEPT {
            let mut keep = false;
            self.kept.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }

    fn middle(&self) -> Moment {
        self.kept[self.kept.len() / 2]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::BoundaryKind::{Cut, Fade};
    use super::super::testing::*;
    use super::*;

    /// A shot of `frames` that comes from a grey in so many frames and goes to it in so many.
    fn faded(seed: u64, frames: usize, rise: usize, sink: usize, level: u8) -> Vec<Picture> {
        let part = |n: usize, of: usize| if of == 0 { 1.0 } else { (n as f64 / of as f64).min(1.0) };
        (0..frames)
            .map(|n| mixed(&scene(seed, n as i64 / 4, 0), part(n, rise).min(part(frames - 1 - n, sink)), level))
            .collect()
    }

    #[test]
    fn a_fade_through_black_or_white_is_one_boundary_at_its_flattest() {
        for level in [0, 255, 90] {
            let clip = [faded(1, 40, 0, 12, level), faded(2, 40, 12, 0, level)].concat();
            assert_eq!(boundaries(&clip), [(40, Fade)], "{level}");
        }
    }

    #[test]
    fn a_fade_that_stays_black_is_one_boundary_in_the_middle() {
        let clip = [faded(1, 40, 0, 12, 0), vec![flat(0); 30], faded(2, 40, 12, 0, 0)].concat();
        assert_eq!(boundaries(&clip), [(55, Fade)]);
    }

    #[test]
    fn fades_at_the_ends_of_a_clip_make_no_shots() {
        assert_eq!(boundaries(&[vec![flat(0); 5], faded(1, 80, 15, 15, 0), vec![flat(0); 5]].concat()), []);
    }

    #[test]
    fn where_one_side_is_a_cut_the_cut_alone_counts() {
        assert_eq!(boundaries(&[faded(1, 40, 0, 12, 0), faded(2, 40, 0, 0, 0)].concat()), [(40, Cut)]);
        let clip = [faded(1, 40, 0, 0, 0), vec![flat(0); 10], faded(2, 40, 12, 0, 0)].concat();
        assert_eq!(boundaries(&clip), [(40, Cut)]);
    }

    #[test]
    fn black_between_two_cuts_is_a_shot_of_its_own() {
        let clip = [faded(1, 20, 0, 0, 0), vec![flat(0); 20], faded(2, 20, 0, 0, 0)].concat();
        assert_eq!(boundaries(&clip), [(20, Cut), (40, Cut)]);
    }

    #[test]
    fn a_picture_that_gets_only_darker_does_not_fade() {
        let part = |n: i64| 1.0 - 0.6 * (1.0 - ((n - 30).abs() as f64 / 15.0).min(1.0));
        let clip: Vec<_> = (0..60).map(|n| mixed(&scene(1, n, 0), part(n), 0)).collect();
        assert_eq!(boundaries(&clip), []);
    }

    #[test]
    fn something_that_covers_the_lens_is_no_fade() {
        let hidden = |n: i64| (64 - (n - 30).abs() * 4).clamp(0, 64) as usize;
        let clip: Vec<_> = (0..60).map(|n| covered(&scene(1, 0, 0), 0..hidden(n), 0..HEIGHT, 40)).collect();
        assert_eq!(boundaries(&clip), []);
    }

    #[test]
    fn each_of_several_fades_is_found() {
        let clip = [faded(1, 30, 0, 8, 0), faded(2, 30, 8, 8, 0), faded(3, 30, 8, 8, 255), faded(4, 30, 8, 0, 255)];
        assert_eq!(boundaries(&clip[..2].concat()), [(30, Fade)]);
        assert_eq!(boundaries(&clip[2..].concat()), [(30, Fade)]);
    }

    #[test]
    fn a_pale_flash_does_not_hide_the_fade_that_follows() {
        let mut clip = [faded(1, 60, 0, 12, 0), faded(2, 40, 12, 0, 0)].concat();
        clip[20] = mixed(&clip[20], 0.18, 255);
        // A little less contrast from then on, as in a scene that moves.
        clip[21..48].iter_mut().for_each(|picture| *picture = mixed(picture, 0.85, 128));
        assert_eq!(boundaries(&clip), [(60, Fade)]);
    }

    #[test]
    fn a_picture_that_grows_livelier_after_it_came_is_a_new_shot_all_the_same() {
        let part = |n: i32| (f64::from(n) / 24.0).min(0.5 + f64::from(n - 12) / 300.0);
        let livelier = (0..150).map(|n| mixed(&scene(2, 0, 0), part(n), 0)).collect();
        let clip = [faded(1, 40, 0, 12, 0), livelier].concat();
        assert_eq!(boundaries(&clip), [(40, Fade)]);
    }

    #[test]
    fn fades_can_be_left_out() {
        let settings = super::super::detector::Settings { threshold: 0.4, min_shot_seconds: 0.2, fades: false };
        let clip = [faded(1, 40, 0, 12, 0), faded(2, 40, 12, 0, 0), faded(3, 20, 0, 0, 0)].concat();
        assert_eq!(boundaries_with(settings, &clip), [(80, Cut)]);
    }

    #[test]
    fn what_is_remembered_does_not_grow_with_the_clip() {
        let mut fades = Fades::default();
        for index in 0..3000u64 {
            let picture = mixed(&scene(1, 0, 0), if index % 1500 < 400 { 1.0 } else { 0.0 }, 0);
            // A file may give all frames one time.
            fades.push(&Judged { thumb: thumb(index, 0, picture), cut: None });
            let away = fades.away.as_ref().map_or(0, |a| a.out.len() + a.rising.len() + a.flat.kept.len());
            assert!(fades.shown.len() + away <= 3 * MOST_REMEMBERED);
        }
    }

    proptest! {
        #[test]
        fn the_middle_of_many_is_near_the_middle(count in 1u64..5000) {
            let mut middle = Middle::new(moment(0, 0));
            (1..count).for_each(|index| middle.push(moment(index, index as i64)));
            prop_assert!(middle.kept.len() <= Middle::MOST_KEPT);
            let off = middle.middle().index.abs_diff(count / 2);
            prop_assert!(off <= 1 + count / 100, "{off}");
        }
    }
}
