//! Pictures in memory, and turning them upright.

use std::fmt;

use crate::Pixels;

/// An upright picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What a pixel is, and how pixels lie in `data`.
    pub pixels: Pixels,
    /// Of RGB `height × width × 3` bytes, of grey `height × width`: rows top to bottom, no padding. Of planes one behind
    /// the other: see [`planes`](Self::planes).
    pub data: Vec<u8>,
}

/// A plane of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane<'a> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes a sample.
    pub channels: u8,
    /// `height × width × channels` bytes, rows top to bottom, no padding.
    pub data: &'a [u8],
}

/// One of the eight ways a picture can lie: the source column and row of a pixel come from its target column and row,
/// exchanged if `swap`, then counted from the far edge where flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// Rows become columns.
    swap: bool,
    /// Source columns are counted from the right.
    flip_columns: bool,
    /// Source rows are counted from the bottom.
    flip_rows: bool,
}

impl Orientation {
    /// Upright already.
    pub const UPRIGHT: Self = Self { swap: false, flip_columns: false, flip_rows: false };

    /// Reads the number that EXIF gives: 1 to 8. Anything else is upright.
    pub fn from_exif(number: u8) -> Self {
        let (swap, flip_columns, flip_rows) = match number {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, false, true),
            7 => (true, true, true),
            8 => (true, true, false),
            _ => return Self::UPRIGHT,
        };
        Self { swap, flip_columns, flip_rows }
    }

    /// Reads a display matrix (row-major 3×3, as containers store it). An angle between quarter turns goes to the
    /// nearer one; a matrix of zeros is upright.
    pub fn from_display_matrix(matrix: &[i32; 9]) -> Self {
        let [a, b, _, c, d, ..] = *matrix;
        if a.unsigned_abs() >= b.unsigned_abs() {
            Self { swap: false, flip_columns: a < 0, flip_rows: d < 0 }
        } else {
            Self { swap: true, flip_columns: b < 0, flip_rows: c < 0 }
        }
    }

    /// How far the stored picture is turned clockwise, after mirroring if it is [`mirrored`](Self::mirrored).
    pub fn clockwise_degrees(self) -> u32 {
        // Mirroring first flips the source's columns once more.
        match (self.swap, self.flip_columns ^ self.mirrored(), self.flip_rows) {
            (false, false, false) => 0,
            (true, false, true) => 90,
            (false, true, true) => 180,
            (true, true, false) => 270,
            _ => unreachable!("mirroring was taken out"),
        }
    }

    /// Whether the picture is mirrored, left to right, before it is turned.
    pub fn mirrored(self) -> bool {
        self.swap ^ self.flip_columns ^ self.flip_rows
    }

    /// The size of a picture after it was turned.
    pub fn turned(self, width: u32, height: u32) -> (u32, u32) {
        if self.swap { (height, width) } else { (width, height) }
    }
}

impl fmt::Debug for Image {
    /// Its size, not its million pixels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}x{}, {:?})", self.width, self.height, self.pixels)
    }
}

impl Image {
    /// Its planes: one of RGB or grey, three of YUV. Ends early where `data` does.
    pub fn planes(&self) -> impl Iterator<Item = Plane<'_>> {
        let mut rest = self.data.as_slice();
        self.pixels.planes(self.width, self.height).map_while(move |(width, height, channels)| {
            let bytes = width as usize * height as usize * usize::from(channels);
            let (data, behind) = rest.split_at_checked(bytes)?;
            rest = behind;
            Some(Plane { width, height, channels, data })
        })
    }

    /// The picture after turning it. Where chroma planes are halved from an odd number of columns or rows, turning may
    /// shift them by one luma sample.
    pub fn oriented(self, orientation: Orientation) -> Self {
        if orientation == Orientation::UPRIGHT {
            return self;
        }
        let (width, height) = orientation.turned(self.width, self.height);
        let mut data = Vec::with_capacity(self.data.len());
        self.planes().for_each(|plane| plane.turn(orientation, &mut data));
        Self { width, height, pixels: self.pixels, data }
    }
}

impl Plane<'_> {
    /// Appends the plane as it is after turning it.
    fn turn(&self, orientation: Orientation, turned: &mut Vec<u8>) {
        let (width, height) = orientation.turned(self.width, self.height);
        let (columns, rows, size) = (self.width as usize, self.height as usize, usize::from(self.channels));
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (u, v) = if orientation.swap { (y, x) } else { (x, y) };
                let column = if orientation.flip_columns { columns - 1 - u } else { u };
                let row = if orientation.flip_rows { rows - 1 - v } else { v };
                let pixel = (row * columns + column) * size;
                turned.extend_from_slice(&self.data[pixel..pixel + size]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// 1 2 3
    /// 4 5 6
    /// ```
    fn digits() -> Image {
        Image { width: 3, height: 2, pixels: Pixels::Gray8, data: vec![1, 2, 3, 4, 5, 6] }
    }

    #[test]
    fn each_plane_is_turned_by_itself() {
        let luma = [1, 2, 3, 4, 5, 6];
        let picture =
            Image { width: 3, height: 2, pixels: Pixels::Yuv420p, data: [&luma[..], &[7, 8], &[9, 0]].concat() };
        let turned = picture.oriented(Orientation::from_exif(6));
        let planes: Vec<_> = turned.planes().map(|plane| (plane.width, plane.height, plane.data)).collect();
        assert_eq!(planes, [(2, 3, &[4, 1, 5, 2, 6, 3][..]), (1, 2, &[7, 8]), (1, 2, &[9, 0])]);
    }

    #[test]
    fn the_eight_exif_orientations_stand_upright() {
        let turned: Vec<_> = (1..=8).map(|number| digits().oriented(Orientation::from_exif(number)).data).collect();
        assert_eq!(
            turned,
            [
                [1, 2, 3, 4, 5, 6],
                [3, 2, 1, 6, 5, 4],
                [6, 5, 4, 3, 2, 1],
                [4, 5, 6, 1, 2, 3],
                [1, 4, 2, 5, 3, 6],
                [4, 1, 5, 2, 6, 3],
                [6, 3, 5, 2, 4, 1],
                [3, 6, 2, 5, 1, 4],
            ]
        );
    }

    #[test]
    fn a_quarter_turn_swaps_the_sides() {
        let image = digits().oriented(Orientation::from_exif(6));
        assert_eq!((image.width, image.height), (2, 3));
    }

    #[test]
    fn a_display_matrix_says_the_same_as_the_exif_number() {
        const ONE: i32 = 1 << 16;
        for (a, b, c, d, exif) in [
            (ONE, 0, 0, ONE, 1),
            (-ONE, 0, 0, ONE, 2),
            (-ONE, 0, 0, -ONE, 3),
            (ONE, 0, 0, -ONE, 4),
            (0, ONE, ONE, 0, 5),
            (0, ONE, -ONE, 0, 6),
            (0, -ONE, -ONE, 0, 7),
            (0, -ONE, ONE, 0, 8),
            (0, 0, 0, 0, 1),
        ] {
            let orientation = Orientation::from_display_matrix(&[a, b, 0, c, d, 0, 0, 0, 1 << 30]);
            assert_eq!(orientation, Orientation::from_exif(exif), "{exif}");
        }
    }

    #[test]
    fn turning_and_mirroring_are_told_apart() {
        let told = |number| {
            let orientation = Orientation::from_exif(number);
            (orientation.clockwise_degrees(), orientation.mirrored())
        };
        assert_eq!([told(1), told(6), told(3), told(8)], [(0, false), (90, false), (180, false), (270, false)]);
        assert_eq!([told(2), told(7), told(4), told(5)], [(0, true), (90, true), (180, true), (270, true)]);
    }

    #[test]
    fn mirroring_then_turning_is_the_orientation_itself() {
        for number in 1..=8 {
            let orientation = Orientation::from_exif(number);
            let mirror = Orientation::from_exif(if orientation.mirrored() { 2 } else { 1 });
            let turn = Orientation::from_exif([1, 6, 3, 8][orientation.clockwise_degrees() as usize / 90]);
            assert_eq!(digits().oriented(mirror).oriented(turn), digits().oriented(orientation), "{number}");
        }
    }
}
