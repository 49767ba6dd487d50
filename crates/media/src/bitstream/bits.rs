//! Bits, most significant first.

/// Bytes that are read bit by bit. Behind the end everything is 0, and [`overrun`](Self::overrun) says so.
pub struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub fn bit(&mut self) -> bool {
        let byte = self.bytes.get(self.position / 8).copied().unwrap_or(0);
        let bit = byte >> (7 - self.position % 8) & 1 == 1;
        self.position += 1;
        bit
    }

    /// A number of at most 32 bits.
    pub fn number(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |number, _| number << 1 | u32::from(self.bit()))
    }

    pub fn skip(&mut self, bits: u32) {
        self.position += bits as usize;
    }

    /// An Exp-Golomb number; `u32::MAX` for one that cannot be.
    pub fn golomb(&mut self) -> u32 {
        let mut zeros = 0;
        while !self.bit() {
            zeros += 1;
            if zeros >= 32 || self.overrun() {
                return u32::MAX;
            }
        }
        let rest = self.number(zeros);
        ((1u64 << zeros) - 1 + u64::from(rest)) as u32 // below 2^32, as there are fewer than 32 zeros
    }

    /// Whether more was read than there is.
    pub fn overrun(&self) -> bool {
        self.position > self.bytes.len() * 8
    }
}

#[cfg(test)]
#[allow(clippy::unusual_byte_groupings)] // grouped by what the bits mean
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_numbers_count_from_zero() {
        let mut bits = Bits::new(&[0b1_010_011_0, 0b0100_0010, 0b1_0000000]);
        assert_eq!([bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()], [0, 1, 2, 3, 4]);
    }

    #[test]
    fn reading_behind_the_end_is_noticed() {
        let mut bits = Bits::new(&[0xff]);
        assert_eq!((bits.number(8), bits.overrun()), (0xff, false));
        assert_eq!((bits.golomb(), bits.overrun()), (u32::MAX, true));
    }
}
