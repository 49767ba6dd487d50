//! What a reader of frames may ask for, and how much it may cost.

use std::{num::NonZeroU64, sync::Arc};

/// Which frames, at which size, in which pixels.
#[derive(Debug, Clone, Default)]
pub struct FrameOptions {
    /// Which frames are given out. Default: one a second.
    pub rate: Rate,
    /// The size they are given out at. Default: as stored.
    pub size: Size,
    /// What a pixel is. Default: RGB.
    pub pixels: Pixels,
    /// What a damaged packet means. Default: it is skipped.
    pub on_damage: OnDamage,
    /// Decodes everything instead of planning what the wanted frames need: the same frames, later. It is the yardstick
    /// of plans. Default: false.
    pub decode_all: bool,
    /// What the file may cost.
    pub limits: Limits,
}

/// Which frames of a video are given out.
#[derive(Debug, Clone, PartialEq)]
pub enum Rate {
    /// The frames nearest to a regular grid of so many points a second; finite, above 0 and at most [`Rate::MAX_FPS`].
    Fps(f64),
    /// Every frame.
    All,
    /// Every picture that was coded without reference to another (type I), which includes all key frames.
    KeyFrames,
    /// The first frame and every so many after it.
    EveryNth(NonZeroU64),
    /// The frames nearest to these times, in seconds from the container's start, in any order; each frame once.
    At(Arc<[f64]>),
}

impl Rate {
    /// The finest grid: finer than any camera, coarse enough to be walked point by point.
    pub const MAX_FPS: f64 = 1e6;
}

impl Default for Rate {
    fn default() -> Self {
        Self::Fps(1.0)
    }
}

/// What is done about a packet that cannot be decoded as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// It costs its frames, and is counted: see [`Skipped`](crate::Skipped), also for what cannot be known.
    #[default]
    Skip,
    /// It is an error that ends the reading. Wrong bytes in parts of the file that no wanted frame needs are not noticed.
    Fail,
}

/// How large a frame is given out. Another size than the stored one is made by an area filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// As stored (turned upright). A stream may change its size on the way.
    #[default]
    Full,
    /// Exactly this size, upright; the aspect ratio is the caller's business.
    Fit {
        /// Columns, above 0.
        width: u32,
        /// Rows, above 0.
        height: u32,
    },
    /// As large as fits into this, upright, in the proportions that [`Size::Full`] gives. Never enlarged.
    Within {
        /// Columns at most, above 0.
        width: u32,
        /// Rows at most, above 0.
        height: u32,
    },
}

impl Size {
    /// The columns and rows that an upright picture of this size is given out at.
    pub(crate) fn of(self, width: u32, height: u32) -> (u32, u32) {
        /// `length × part / whole`, halves up, at least 1.
        fn share(length: u32, part: u32, whole: u32) -> u32 {
            let (length, part, whole) = (u128::from(length), u128::from(part), u128::from(whole).max(1));
            u32::try_from((2 * length * part + whole) / (2 * whole)).unwrap_or(u32::MAX).max(1)
        }
        match self {
            Self::Full => (width, height),
            Self::Fit { width, height } => (width, height),
            Self::Within { width: most_columns, height: most_rows } if width > most_columns || height > most_rows => {
                let is_wider = u64::from(width) * u64::from(most_rows) >= u64::from(height) * u64::from(most_columns);
                if is_wider {
                    (most_columns, share(height, most_columns, width).min(most_rows))
                } else {
                    (share(width, most_rows, height).min(most_columns), most_rows)
                }
            }
            Self::Within { .. } => (width, height),
        }
    }
}

/// What a pixel is, and how pixels lie in memory: planes one behind the other, in each rows top to bottom, no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pixels {
    /// One plane, three bytes a pixel: red, green, blue, full range. Made by the matrix and from the range that the
    /// stream tells (BT.601, BT.709, BT.2020, …; limited or full); by BT.601 and from limited range where it tells none.
    #[default]
    Rgb24,
    /// One plane, one byte a pixel: the stream's own luma, by whatever matrix it was made, spread to full range. Of RGB,
    /// that of BT.601.
    Gray8,
    /// Three planes, one byte a sample: luma, then the differences to blue and to red, those of half the columns and
    /// half the rows (rounded up).
    ///
    /// Matrix, range and place of the chroma samples are the stream's own. Samples that are stored this way are given
    /// out untouched; others (4:2:2, 4:4:4, more than 8 bits) are converted, those of RGB by BT.601 in limited range.
    Yuv420p,
}

impl Pixels {
    /// Columns, rows and bytes a sample of each plane, of a picture of this size.
    pub(crate) fn planes(self, width: u32, height: u32) -> impl ExactSizeIterator<Item = (u32, u32, u8)> + Clone {
        let half = (width.div_ceil(2), height.div_ceil(2), 1);
        let planes = match self {
            Self::Rgb24 => vec![(width, height, 3)],
            Self::Gray8 => vec![(width, height, 1)],
            Self::Yuv420p => vec![(width, height, 1), half, half],
        };
        planes.into_iter()
    }
}

/// What a file may cost. A file that wants more is an error, not a slow death.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Pixels of one picture. Default: 16384 × 16384.
    pub max_pixels: u64,
    /// Streams of one file. Default: 256.
    pub max_streams: u32,
    /// Bytes of finished frames that wait for the reader; one frame may always wait. Default: 32 MiB.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 16384 * 16384, max_streams: 256, queue_bytes: 32 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn within(width: u32, height: u32) -> Size {
        Size::Within { width, height }
    }

    #[test]
    fn a_picture_that_has_to_fit_keeps_its_proportions_and_is_never_enlarged() {
        assert_eq!(within(640, 640).of(1920, 1080), (640, 360));
        assert_eq!(within(640, 640).of(1080, 1920), (360, 640));
        assert_eq!(within(640, 100).of(1920, 1080), (178, 100));
        assert_eq!(within(640, 640).of(320, 240), (320, 240));
        assert_eq!(within(10, 10).of(4000, 1), (10, 1));
    }

    #[test]
    fn chroma_planes_have_half_the_columns_and_rows_rounded_up() {
        let planes: Vec<_> = Pixels::Yuv420p.planes(213, 121).collect();
        assert_eq!(planes, [(213, 121, 1), (107, 61, 1), (107, 61, 1)]);
    }

    proptest! {
        #[test]
        fn whatever_fits_fits(width in 1u32.., height in 1u32.., most_columns in 1u32.., most_rows in 1u32..) {
            let (columns, rows) = within(most_columns, most_rows).of(width, height);
            prop_assert!((1..=most_columns.min(width)).contains(&columns) && (1..=most_rows.min(height)).contains(&rows));
            prop_assert!(columns == most_columns.min(width) || rows == most_rows.min(height));
        }
    }
}
