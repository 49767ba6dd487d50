//! Rounding, as the contract wants it.

/// The whole number nearest to `value`, halves to the even neighbour. `None` for NaN and what an `i64` cannot hold.
///
/// Times on the wire are whole milliseconds, but a reader accepts fractions; Python's `round` does the same.
pub fn round_half_even(value: f64) -> Option<i64> {
    let rounded = value.round_ties_even();
    // 2^63 itself is representable as f64 and already too large; -2^63 still fits.
    let limit = 9_223_372_036_854_775_808.0;
    (rounded >= -limit && rounded < limit).then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use super::round_half_even;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0.5, 1.5, 2.5, -0.5, -1.5].map(round_half_even), [0, 2, 2, 0, -2].map(Some));
    }

    #[test]
    fn what_an_integer_cannot_hold_has_no_answer() {
        assert_eq!([f64::NAN, f64::INFINITY, 1e300, 9.3e18, -9.3e18].map(round_half_even), [None; 5]);
    }
}
