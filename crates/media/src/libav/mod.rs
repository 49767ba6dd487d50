//! The one place that calls libav: owned, freed on drop, and safe to use from above.
//!
//! Every `unsafe` block of the crate lies in this folder, with one unsafe operation each. Types: [`Input`] gives
//! [`Packet`]s of [`Stream`]s, a [`Decoder`] turns them into [`Picture`]s or [`Sound`], a [`Scaler`] or [`Resampler`]
//! turns those into plain bytes or floats.

mod complaints;
mod decoder;
mod error;
mod filter;
mod input;
mod io;
mod names;
mod output;
mod packet;
mod parser;
mod picture;
mod scaler;
mod sound;
mod version;
mod webp;

pub use decoder::{Decoder, DecoderRecipe, Heard, Received, Sent};
pub use error::AvError;
use filter::Filter;
pub use input::{Input, OpenError, OpenOptions, Stream, StreamType};
pub use output::{Format, Output, PacketTimes, Sink};
pub use packet::Packet;
pub use parser::Parser;
pub use picture::{Picture, PixelFormat};
pub use scaler::{Field, ScaleTo, Scaler, TargetLayout};
pub use sound::{Layout, Resampler, Sound, SoundFormat};
pub use version::{ffmpeg_release, missing_decoders};

use crate::Rational;

/// What libav is told of a limit on pixels: it counts the blocks that a picture is coded in, which reach over its edge.
fn coded_pixels(max_pixels: u64) -> i64 {
    const LARGEST_BLOCK: u64 = 128 * 128;
    i64::try_from(max_pixels.saturating_mul(2).saturating_add(LARGEST_BLOCK)).unwrap_or(i64::MAX)
}

/// A rational of libav; `None` for its "unknown" (0/0, 0/1) and for nonsense.
fn rational(raw: ffmpeg_sys_the_third::AVRational) -> Option<Rational> {
    Rational::new(raw.num.into(), raw.den.into()).filter(|rational| rational.num > 0)
}

/// A timestamp of libav; `None` for its "no timestamp".
fn ticks(raw: i64) -> Option<i64> {
    (raw != ffmpeg_sys_the_third::AV_NOPTS_VALUE).then_some(raw)
}
