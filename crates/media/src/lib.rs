//! Opens media files and gives out what they hold: facts, frames and sound with exact times, still pictures, and parts
//! that are files of their own.
//!
//! The one crate that talks to libav; every call into it lies in the private module `libav`. It knows nothing of
//! jobs, models or messages.
//!
//! ```no_run
//! use tagger_media::{FrameOptions, Frames, Rate};
//!
//! let options = FrameOptions { rate: Rate::Fps(2.0), ..FrameOptions::default() };
//! for frame in Frames::open("clip.mp4".as_ref(), &options)? {
//!     let frame = frame?;
//!     println!("{} at {} ms, {}x{}", frame.index, frame.time.to_millis(), frame.image.width, frame.image.height);
//! }
//! # Ok::<(), tagger_media::MediaError>(())
//! ```

mod access;
mod ahead;
mod audio;
mod beside;
mod bitstream;
mod budget;
mod checker;
mod choose;
mod convert;
mod crew;
mod decode;
mod entries;
mod error;
mod file;
mod flv;
mod frames;
mod full;
mod index;
mod info;
mod libav;
mod listen;
#[cfg(any(test, fuzzing))]
#[cfg_attr(fuzzing, doc(hidden))]
pub mod nonsense;
mod options;
mod packets;
mod parts;
mod places;
mod plan;
mod pool;
mod probe;
mod queue;
mod raster;
mod reading;
mod remux;
mod report;
mod scan;
mod select;
mod skipped;
mod sound;
mod still;
mod time;
mod timeline;
mod wholeness;

pub use audio::{Arrangement, Audio, AudioOptions, Channels, Samples};
pub use budget::set_decode_threads;
pub use error::MediaError;
pub use frames::{Frame, Frames};
pub use info::{AudioInfo, MediaInfo, MediaKind, StreamInfo, StreamKind, VideoInfo};
pub use libav::{ffmpeg_release, missing_decoders};
pub use options::{FrameOptions, Limits, OnDamage, Pixels, Rate, Size};
pub use parts::{CutOptions, Part, PartSound, cut, cut_range};
pub use probe::{probe, probe_within};
pub use raster::{Image, Orientation, Plane};
pub use remux::remux;
pub use report::{Mode, PlanReport, Report, Structure, plan_report};
pub use scan::{AudioScan, Damage, Gap, Scan, VideoScan, scan};
pub use select::{Grid, Picked};
pub use skipped::{DamagedSpan, Skipped};
pub use sound::{SoundPart, cut_sound, cut_sound_range, probe_sound, stitch};
pub use still::{check_extension, read_still};
pub use time::{Rational, Timestamp};
pub use timeline::Repairs;
pub use wholeness::Wholeness;
