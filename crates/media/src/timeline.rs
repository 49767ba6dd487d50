//! Keeps sound on its timeline: sample `n` lies at the start plus `n / rate`, whatever packets were lost.
//!
//! Plain arithmetic on the times of decoded stretches, with no libav in sight. Timestamps are rounded, to a millisecond
//! by some containers, so that small differences mean nothing; a larger one is a hole, which silence fills, or an
//! overlap, which is trimmed. A clock that was set back, or forward by more than a day, is no statement about
//! sound: it goes on where it was.

use serde::Serialize;

use crate::{Rational, Timestamp};

/// How far a timestamp may lie off before it means something.
const TOLERANCE_SECONDS: f64 = 0.010;
/// The same behind a damaged packet: there a hole is expected.
const TOLERANCE_AFTER_DAMAGE_SECONDS: f64 = 0.001;
/// An overlap of more than this is a clock that was set back, as where two recordings were joined.
const MAX_OVERLAP_SECONDS: f64 = 1.0;
/// A hole of more than this is a clock that was set, or a corrupt timestamp.
const MAX_GAP_SECONDS: f64 = 24.0 * 3600.0;

/// What was done to keep the sound on its timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repairs {
    /// Holes between timestamps.
    pub gaps: u64,
    /// The silence that fills them.
    pub silence: Timestamp,
    /// Stretches of sound that began before the one before them ended.
    pub overlaps: u64,
    /// What was cut off of them.
    pub trimmed: Timestamp,
    /// Jumps of the clock by more than a second back or a day forward, which the sound does not follow.
    pub jumps: u64,
}

impl Repairs {
    /// Whether nothing had to be done.
    pub fn is_nothing(&self) -> bool {
        self.gaps == 0 && self.overlaps == 0 && self.jumps == 0
    }
}

impl Default for Repairs {
    fn default() -> Self {
        Self { gaps: 0, silence: Timestamp::ZERO, overlaps: 0, trimmed: Timestamp::ZERO, jumps: 0 }
    }
}

/// Where the next stretch of sound belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placement {
    /// Samples of silence before it.
    pub silence: u64,
    /// Samples to leave out at its beginning, at most all of them.
    pub skip: u32,
}

/// The timeline of sound of one rate.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// The time of sample 0.
    start: Timestamp,
    /// Samples a second.
    rate: u32,
    /// Samples placed so far.
    position: i64,
    /// How many samples the file's clock is ahead of the timeline, since it jumped.
    ahead: i64,
}

impl Timeline {
    pub fn new(start: Timestamp, rate: u32) -> Self {
        Self { start, rate, position: 0, ahead: 0 }
    }

    /// Places a stretch of so many samples. `pts` is the time of its first one, where the file tells it.
    pub fn place(
        &mut self,
        pts: Option<Timestamp>,
        samples: u32,
        damage_before: bool,
        repairs: &mut Repairs,
    ) -> Placement {
        let placement = pts.map_or(Placement::default(), |pts| self.compare(pts, samples, damage_before, repairs));
        self.position += placement.silence as i64 + i64::from(samples - placement.skip);
        placement
    }

    fn compare(&mut self, pts: Timestamp, samples: u32, damage_before: bool, repairs: &mut Repairs) -> Placement {
        let Some(told) = self.position_of(pts) else {
            repairs.jumps += 1;
            return Placement::default();
        };
        let off = told.saturating_sub(self.ahead).saturating_sub(self.position);
        if off.unsigned_abs() <= self.tolerance(pts.base, damage_before) {
            return Placement::default();
        }
        if off < -self.samples_in(MAX_OVERLAP_SECONDS) || off > self.samples_in(MAX_GAP_SECONDS) {
            self.ahead = told.saturating_sub(self.position);
            repairs.jumps += 1;
            return Placement::default();
        }
        if off > 0 {
            repairs.gaps += 1;
            repairs.silence = repairs.silence.plus(self.length(off));
            return Placement { silence: off.unsigned_abs(), skip: 0 };
        }
        let skip = u32::try_from(-off).unwrap_or(u32::MAX).min(samples);
        repairs.overlaps += 1;
        repairs.trimmed = repairs.trimmed.plus(self.length(skip.into()));
        Placement { silence: 0, skip }
    }

    /// The sample at a time, to the nearest. `None` where no number holds it.
    fn position_of(&self, pts: Timestamp) -> Option<i64> {
        let since = pts.since(self.start);
        let den = i128::from(since.base.den);
        let scaled = i128::from(since.ticks).checked_mul(i128::from(since.base.num))?.checked_mul(self.rate.into())?;
        i64::try_from((2 * scaled + den).div_euclid(2 * den)).ok()
    }

    /// In samples. Never less than two ticks: rounding times is what containers do.
    fn tolerance(&self, base: Rational, damage_before: bool) -> u64 {
        let seconds = if damage_before { TOLERANCE_AFTER_DAMAGE_SECONDS } else { TOLERANCE_SECONDS };
        (seconds.max(2.0 * base.to_f64()) * f64::from(self.rate)).ceil() as u64
    }

    fn samples_in(&self, seconds: f64) -> i64 {
        (seconds * f64::from(self.rate)) as i64
    }

    fn length(&self, samples: i64) -> Timestamp {
        Timestamp { ticks: samples, base: Rational { num: 1, den: self.rate.into() } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: u32 = 48_000;

    fn at(ticks: i64, den: i64) -> Option<Timestamp> {
        Some(Timestamp { ticks, base: Rational { num: 1, den } })
    }

    fn line() -> (Timeline, Repairs) {
        (Timeline::new(at(0, 1000).unwrap(), RATE), Repairs::default())
    }

    #[test]
    fn sound_without_holes_is_left_alone() {
        let (mut line, mut repairs) = line();
        for block in 0..1000 {
            let rounded_to_a_millisecond = (block * 1024 * 1000 + 24_000) / 48_000;
            let placed = line.place(at(rounded_to_a_millisecond, 1000), 1024, false, &mut repairs);
            assert_eq!(placed, Placement::default());
        }
        assert!(repairs.is_nothing());
    }

    #[test]
    fn a_lost_packet_is_filled_with_silence() {
        let (mut line, mut repairs) = line();
        line.place(at(0, 48_000), 1024, false, &mut repairs);
        assert_eq!(line.place(at(2048, 48_000), 1024, false, &mut repairs), Placement { silence: 1024, skip: 0 });
        assert_eq!(line.place(at(3072, 48_000), 1024, false, &mut repairs), Placement::default());
        assert_eq!((repairs.gaps, repairs.silence), (1, at(1024, 48_000).unwrap()));
    }

    #[test]
    fn a_short_hole_is_a_hole_behind_damage_only() {
        for (damage_before, silence) in [(false, 0), (true, 120)] {
            let (mut line, mut repairs) = line();
            line.place(at(0, 48_000), 120, false, &mut repairs);
            assert_eq!(line.place(at(240, 48_000), 120, damage_before, &mut repairs).silence, silence);
        }
    }

    #[test]
    fn an_overlap_is_trimmed_whole_stretches_included() {
        let (mut line, mut repairs) = line();
        line.place(at(0, 48_000), 4800, false, &mut repairs);
        assert_eq!(line.place(at(2400, 48_000), 1200, false, &mut repairs), Placement { silence: 0, skip: 1200 });
        assert_eq!(line.place(at(3600, 48_000), 4800, false, &mut repairs), Placement { silence: 0, skip: 1200 });
        assert_eq!((repairs.overlaps, repairs.trimmed), (2, at(2400, 48_000).unwrap()));
    }

    #[test]
    fn a_clock_that_was_set_does_not_move_the_sound() {
        let (mut line, mut repairs) = line();
        line.place(at(100_000, 1000), 48, false, &mut repairs);
        line.place(at(0, 1000), 4800, false, &mut repairs);
        assert_eq!(line.place(at(100, 1000), 4800, false, &mut repairs), Placement::default());
        assert_eq!(line.place(at(i64::MAX, 1), 4800, false, &mut repairs), Placement::default());
        assert_eq!(repairs.jumps, 2);
    }

    proptest! {
        #[test]
        fn every_sample_lies_at_its_time_within_the_tolerance(
            stretches in proptest::collection::vec((0i64..40_000, 1u32..5000), 1..50), den in 1000i64..100_000,
        ) {
            let (mut line, mut repairs) = line();
            let mut told = 0i64;
            for (hole, samples) in stretches {
                told += hole;
                let pts = at((told * den + 24_000) / 48_000, den);
                let before = line.position;
                let placed = line.place(pts, samples, false, &mut repairs);
                let first = before + placed.silence as i64;
                let tolerance = line.tolerance(pts.unwrap().base, false) as i64;
                prop_assert!((first - told).abs() <= tolerance + 24_000 / den + 1, "{first} {told}");
                told += i64::from(samples);
            }
            prop_assert_eq!(repairs.overlaps + repairs.jumps, 0);
        }
    }
}
