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
    /// It costs its frames, and is counted.
    #[default]
    Skip,
    /// It is an error that ends the reading. Damage in parts of the file that no wanted frame needs is not noticed.
    Fail,
}

/// How large a frame is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// As stored (turned upright). A stream may change its size on the way.
    #[default]
    Full,
    /// Exactly this size, upright, by an area filter; the aspect ratio is the caller's business.
    Fit {
        /// Columns, above 0.
        width: u32,
        /// Rows, above 0.
        height: u32,
    },
}

/// What a pixel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pixels {
    /// Three bytes: red, green, blue, full range.
    #[default]
    Rgb24,
    /// One byte: luma, full range.
    Gray8,
}

impl Pixels {
    /// Bytes a pixel.
    pub fn channels(self) -> u8 {
        match self {
            Self::Rgb24 => 3,
            Self::Gray8 => 1,
        }
    }
}

/// What a file may cost. A file that wants more is an error, not a slow death.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Pixels of one picture. Default: 16384 × 16384.
    pub max_pixels: u64,
    /// Streams of one file. Default: 256.
    pub max_streams: u32,
    /// Bytes of finished frames that wait for the reader; one frame may always wait. Default: 64 MiB.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 16384 * 16384, max_streams: 256, queue_bytes: 64 << 20 }
    }
}
