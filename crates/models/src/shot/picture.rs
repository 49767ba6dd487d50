//! A frame as the detector sees it: 64×36 pixels of luma and two colour differences.
//!
//! So few pixels are enough to tell one scene from another, they average noise away, and a hand that moves in the
//! picture is a pixel or two. The aspect ratio is given up: both frames of a comparison are squeezed alike.

/// Columns of a picture.
pub const WIDTH: usize = 64;
/// Rows of a picture.
pub const HEIGHT: usize = 36;
/// Pixels of a picture.
pub const PIXELS: usize = WIDTH * HEIGHT;

/// One channel of a picture, rows top to bottom.
pub type Plane = [u8; PIXELS];

/// Luma, blue difference, red difference (BT.601, full range; no colour is 128).
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    planes: Box<[Plane; 3]>,
}

/// How much a level of each channel counts in every comparison.
pub const WEIGHTS: [f64; 3] = [1.0, 0.5, 0.5];

/// Columns and rows that hold the picture proper, `[start, end)` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Columns.
    pub columns: (usize, usize),
    /// Rows.
    pub rows: (usize, usize),
}

impl Area {
    /// How many pixels lie in it.
    pub fn pixels(&self) -> usize {
        (self.columns.1 - self.columns.0) * (self.rows.1 - self.rows.0)
    }
}

impl Picture {
    /// Reads RGB bytes, [`PIXELS`] × 3 of them. `None` for any other number.
    pub fn from_rgb(rgb: &[u8]) -> Option<Self> {
        if rgb.len() != PIXELS * 3 {
            return None;
        }
        let mut planes = [[0; PIXELS]; 3];
        for (i, pixel) in rgb.chunks_exact(3).enumerate() {
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            planes[0][i] = luma.round() as u8; // `as` saturates
            planes[1][i] = (128.0 + (b - luma) * 0.564).round() as u8;
            planes[2][i] = (128.0 + (r - luma) * 0.713).round() as u8;
        }
        Some(Self::from_planes(planes))
    }

    /// Luma, blue difference, red difference.
    pub fn planes(&self) -> &[Plane; 3] {
        &self.planes
    }

    /// Takes the three channels as they are.
    pub fn from_planes(planes: [Plane; 3]) -> Self {
        Self { planes: Box::new(planes) }
    }

    /// The same picture with other luma.
    pub fn with_luma(&self, map: impl Fn(u8) -> u8) -> Self {
        let [luma, blue, red] = *self.planes;
        Self::from_planes([luma.map(map), blue, red])
    }

    /// What is left when the black borders that both pictures share are cut away: letterbox, pillarbox, or the surroundings
    /// of a title. `None` if both are black all over.
    pub fn shared_area(&self, other: &Self) -> Option<Area> {
        let lit = |row: usize, column: usize| {
            let pixel = row * WIDTH + column;
            self.planes[0][pixel].max(other.planes[0][pixel]) > BLACK
        };
        let columns = span(WIDTH, |column| (0..HEIGHT).any(|row| lit(row, column)))?;
        let rows = span(HEIGHT, |row| (0..WIDTH).any(|column| lit(row, column)))?;
        Some(Area { columns, rows })
    }
}

/// The highest luma that passes for black: compressed black is seldom 0.
const BLACK: u8 = 20;

/// From the first to the last index that is `used`, widened to a quarter of the whole in its middle at least, so that a
/// speck of light on a black picture is not all there is.
fn span(length: usize, used: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    let first = (0..length).find(|i| used(*i))?;
    let last = (0..length).rfind(|i| used(*i))?;
    Some((first.min(length * 3 / 8), (last + 1).max(length * 5 / 8)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{covered, flat, scene};
    use super::*;

    #[test]
    fn colours_become_luma_and_two_differences() {
        let pixel = |rgb: [u8; 3]| {
            let picture = Picture::from_rgb(&rgb.repeat(PIXELS)).unwrap();
            picture.planes().map(|plane| plane[PIXELS - 1])
        };
        assert_eq!(pixel([0, 0, 0]), [0, 128, 128]);
        assert_eq!(pixel([255, 255, 255]), [255, 128, 128]);
        assert_eq!(pixel([255, 0, 0]), [76, 85, 255]);
    }

    #[test]
    fn bytes_of_another_size_are_no_picture() {
        assert!(Picture::from_rgb(&[0; PIXELS]).is_none());
        assert!(Picture::from_rgb(&[]).is_none());
    }

    #[test]
    fn black_bars_that_two_pictures_share_are_cut_away() {
        let letterboxed = |seed| covered(&covered(&scene(seed, 0, 0), 0..WIDTH, 0..6, 0), 0..WIDTH, 30..HEIGHT, 16);
        let area = letterboxed(1).shared_area(&letterboxed(2)).unwrap();
        assert_eq!(area, Area { columns: (0, WIDTH), rows: (6, 30) });
        assert_eq!(letterboxed(1).shared_area(&scene(2, 0, 0)).unwrap().pixels(), PIXELS);
    }

    #[test]
    fn a_speck_on_black_keeps_a_quarter_of_each_side_around_the_middle() {
        let speck = covered(&flat(0), 40..41, 2..3, 255);
        assert_eq!(speck.shared_area(&flat(0)).unwrap(), Area { columns: (24, 41), rows: (2, 22) });
        assert_eq!(flat(0).shared_area(&flat(10)), None);
    }
}
