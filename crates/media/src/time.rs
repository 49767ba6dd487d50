//! Exact time: whole ticks of a rational time base.
//!
//! Milliseconds and seconds are derived at the edge, from integers, so that nothing drifts over three hours of 23.976.

use std::fmt;

use serde::{Serialize, Serializer};

/// A fraction in lowest terms, such as a frame rate (`30000/1001`) or a time base (`1/90000`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator; carries the sign.
    pub num: i64,
    /// Denominator, above zero.
    pub den: i64,
}

impl Rational {
    /// Brings `num / den` to lowest terms. `None` when `den` is 0 or the result does not fit.
    pub fn new(num: i64, den: i64) -> Option<Self> {
        Self::reduced(num.into(), den.into())
    }

    /// The fraction as a double, rounded once.
    pub fn to_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    /// One divided by it. `None` for zero.
    pub fn inverse(self) -> Option<Self> {
        Self::new(self.den, self.num)
    }

    fn reduced(num: i128, den: i128) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()) as i128 * den.signum();
        Some(Self { num: i64::try_from(num / divisor).ok()?, den: i64::try_from(den / divisor).ok()? })
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl Serialize for Rational {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A point in time or a length of it: `ticks × base` seconds, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Timestamp {
    /// How many units of `base`.
    pub ticks: i64,
    /// The length of a tick in seconds.
    pub base: Rational,
}

impl Timestamp {
    /// No time at all, in seconds.
    pub const ZERO: Self = Self { ticks: 0, base: Rational { num: 1, den: 1 } };

    /// Seconds in double precision: `ticks × num / den`, in this order.
    pub fn seconds(self) -> f64 {
        self.ticks as f64 * self.base.num as f64 / self.base.den as f64
    }

    /// Whole milliseconds, halves to even; the nearest value that fits for times beyond 292 million years.
    pub fn to_millis(self) -> i64 {
        let den = i128::from(self.base.den);
        // 2^63 × 2^63 × 1000 would not fit, and no time base of a real file comes near.
        let Some(num) = (i128::from(self.ticks) * i128::from(self.base.num)).checked_mul(1000) else {
            return if (self.ticks < 0) == (self.base.num < 0) { i64::MAX } else { i64::MIN };
        };
        let rounded = round_half_even(num, den);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }

    /// The time from `origin` to `self`, exactly: in their common base when the bases differ.
    ///
    /// Ticks that do not fit the common base, as a corrupt file can have, are rounded to `self.base` and saturate.
    pub fn since(self, origin: Self) -> Self {
        if self.base == origin.base {
            return Self { ticks: self.ticks.saturating_sub(origin.ticks), base: self.base };
        }
        self.exactly_since(origin).unwrap_or_else(|| {
            let origin_ticks = (origin.seconds() / self.base.to_f64()).round() as i64; // `as` saturates
            Self { ticks: self.ticks.saturating_sub(origin_ticks), base: self.base }
        })
    }

    /// The time that is `length` later, exactly, as [`since`](Self::since) is exact.
    pub fn plus(self, length: Self) -> Self {
        self.since(Self { ticks: length.ticks.saturating_neg(), base: length.base })
    }

    fn exactly_since(self, origin: Self) -> Option<Self> {
        let (a, b) = (self.base, origin.base);
        // The largest unit that divides both bases: gcd(a.num × b.den, b.num × a.den) / (a.den × b.den).
        let (a_cross, b_cross) = (i128::from(a.num) * i128::from(b.den), i128::from(b.num) * i128::from(a.den));
        let unit = gcd(a_cross.unsigned_abs(), b_cross.unsigned_abs()) as i128;
        if unit == 0 {
            return None;
        }
        let base = Rational::reduced(unit, i128::from(a.den) * i128::from(b.den))?;
        let here = i128::from(self.ticks).checked_mul(a_cross / unit)?;
        let there = i128::from(origin.ticks).checked_mul(b_cross / unit)?;
        Some(Self { ticks: i64::try_from(here.checked_sub(there)?).ok()?, base })
    }
}

impl PartialOrd for Timestamp {
    /// By time where the bases are the same or their common base fits.
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        let here = i128::from(self.ticks) * i128::from(self.base.num);
        let there = i128::from(other.ticks) * i128::from(other.base.num);
        Some(here.checked_mul(other.base.den.into())?.cmp(&there.checked_mul(self.base.den.into())?))
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn round_half_even(num: i128, den: i128) -> i128 {
    let (floor, rest) = (num.div_euclid(den), num.rem_euclid(den));
    match (rest).cmp(&(den - rest)) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ticks: i64, num: i64, den: i64) -> Timestamp {
        Timestamp { ticks, base: Rational::new(num, den).unwrap() }
    }

    #[test]
    fn a_rational_is_kept_in_lowest_terms_with_its_sign_on_top() {
        assert_eq!(Rational::new(60000, 2002).unwrap().to_string(), "30000/1001");
        assert_eq!(Rational::new(3, -6).unwrap().to_string(), "-1/2");
        assert_eq!(Rational::new(0, 7).unwrap().to_string(), "0/1");
        assert_eq!(Rational::new(1, 0), None);
        assert_eq!(Rational::new(i64::MIN, -1), None);
    }

    #[test]
    fn half_a_millisecond_goes_to_the_even_neighbour() {
        let millis = |ticks| at(ticks, 1, 2000).to_millis();
        assert_eq!([millis(1), millis(3), millis(5), millis(-1), millis(-3)], [0, 2, 2, 0, -2]);
    }

    #[test]
    fn three_hours_of_23_976_end_on_the_millisecond() {
        let last_frame = 3 * 3600 * 24000 / 1001;
        assert_eq!(at(last_frame, 1001, 24000).to_millis(), 10_799_998);
    }

    #[test]
    fn a_time_that_does_not_fit_saturates() {
        assert_eq!(at(i64::MAX, i64::MAX, 1).to_millis(), i64::MAX);
        assert_eq!(at(i64::MIN, i64::MAX, 1).to_millis(), i64::MIN);
        assert_eq!(at(i64::MIN, 1, 1).since(at(i64::MAX, 1, 90000)).ticks, i64::MIN);
    }

    #[test]
    fn times_of_two_bases_are_subtracted_exactly() {
        assert_eq!(at(133_500, 1, 90000).since(at(1_483_333, 1, 1_000_000)), at(3, 1, 9_000_000));
    }

    proptest! {
        #[test]
        fn a_difference_plus_its_origin_is_the_time(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000,
                                                    x in 1i64..100_000, y in 1i64..100_000) {
            let (here, there) = (at(a, 1, x), at(b, 1, y));
            let difference = here.since(there);
            let (lhs, rhs) = (i128::from(difference.ticks) * i128::from(difference.base.num) * i128::from(x) * i128::from(y),
                              (i128::from(a) * i128::from(y) - i128::from(b) * i128::from(x)) * i128::from(difference.base.den));
            prop_assert_eq!(lhs, rhs);
        }

        #[test]
        fn milliseconds_are_never_off_by_more_than_half(ticks: i64, num in 1i64..1_000_000, den in 1i64..1_000_000) {
            let (exact, millis) = (i128::from(ticks) * i128::from(num) * 1000, i128::from(at(ticks, num, den).to_millis()));
            if millis.abs() < i128::from(i64::MAX) {
                prop_assert!((millis * i128::from(den) - exact).abs() * 2 <= i128::from(den));
            }
        }
    }
}
