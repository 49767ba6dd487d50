//! Reads from the heads of coded pictures what a plan needs to know of a packet, without decoding.
//!
//! Containers mark "key frames", and mean different things by it; the coded pictures themselves say where decoding can
//! start, which pictures no other refers to, and what is shown. Pure functions over bytes: whatever cannot be read with
//! certainty is answered so that nothing is skipped because of it.

mod av1;
mod bits;
mod mpeg;
mod nal;
mod vpx;

pub use av1::units as av1_units;
pub use nal::Framing;
pub use vpx::{vp8, vp9};

use std::hash::{DefaultHasher, Hash, Hasher};

/// What the bytes of one packet say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Decoding can start here: every picture that follows it in time and in the file comes out right.
    pub starts: bool,
    /// No picture of the same or a lower layer refers to it.
    pub unreferenced: bool,
    /// The temporal layer: a picture refers to none of a higher one.
    pub layer: u8,
    /// Whether it is a picture of type I. `None` when that cannot be told.
    pub intra: Option<bool>,
    /// How many pictures it shows.
    pub shown: u32,
    /// A fingerprint of the headers for the decoder that it repeats or changes.
    pub headers: Option<u64>,
    /// A picture that others refer to is missing before it.
    pub lost: bool,
    /// Its bytes contradict each other.
    pub broken: bool,
    /// A part is missing, or which pictures can be decoded depends on more than where decoding started.
    pub spliced: bool,
}

impl Facts {
    /// A packet that can do nothing, and that nothing can do without.
    const NONE: Self = Self {
        starts: false,
        unreferenced: false,
        layer: 0,
        intra: Some(false),
        shown: 0,
        headers: None,
        lost: false,
        broken: false,
        spliced: false,
    };
}

/// How packets of a stream are to be read.
#[derive(Debug)]
pub enum Reader {
    H264(nal::H264),
    Hevc(nal::Framing),
    /// MPEG-1 and MPEG-2.
    Mpeg2,
    /// MPEG-4 part 2.
    Mpeg4,
    Vp8,
    Vp9,
    Av1(av1::Sequence),
    /// Every packet is a picture of its own.
    Intra,
}

impl Reader {
    /// The reader for a codec by libav's short name, with what the container keeps for its decoder. `None` for a codec
    /// that is not known here.
    pub fn new(codec: &str, headers: &[u8]) -> Option<Self> {
        Some(match codec {
            "h264" => Self::H264(nal::H264::new(headers)),
            "hevc" => Self::Hevc(nal::Framing::of_hevc(headers)),
            "mpeg1video" | "mpeg2video" => Self::Mpeg2,
            "mpeg4" => Self::Mpeg4,
            "vp8" => Self::Vp8,
            "vp9" => Self::Vp9,
            "av1" => Self::Av1(av1::Sequence::default()),
            "mjpeg" | "prores" | "dnxhd" => Self::Intra,
            _ => return None,
        })
    }

    /// Reads a packet. `is_key` and `is_field` are what the container and libav's parser say of it.
    pub fn read(&mut self, data: &[u8], is_key: bool, is_field: bool) -> Facts {
        match self {
            Self::H264(stream) => stream.read(data, is_field),
            Self::Hevc(framing) => nal::hevc(framing.units(data)),
            Self::Mpeg2 => mpeg::mpeg2(data, is_key),
            Self::Mpeg4 => mpeg::mpeg4(data, is_key),
            Self::Vp8 => vpx::vp8(data),
            Self::Vp9 => vpx::vp9(data),
            Self::Av1(sequence) => sequence.read(data, is_key),
            Self::Intra => Facts { starts: true, unreferenced: true, intra: Some(true), shown: 1, ..Facts::NONE },
        }
    }

    /// The fingerprint of the headers that a decoder is given before any packet.
    pub fn headers(&mut self, headers: &[u8]) -> Option<u64> {
        match self {
            Self::H264(stream) => stream.read(headers, false).headers,
            Self::Hevc(framing) => nal::hevc(framing.units(headers)).headers,
            _ => None,
        }
    }

    /// Whether the type of a picture is read by libav's parser.
    pub fn leaves_kind_to_parser(&self) -> bool {
        matches!(self, Self::Hevc(_))
    }

    /// Whether libav's parser is of use at all.
    pub fn needs_parser(&self) -> bool {
        matches!(self, Self::H264(_) | Self::Hevc(_))
    }

    /// Whether the decoder drops pictures that come out of order by more than it expects.
    pub fn drops_what_is_late(&self) -> bool {
        matches!(self, Self::H264(_))
    }
}

fn fingerprint(so_far: Option<u64>, bytes: &[u8]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    (so_far, bytes).hash(&mut hasher);
    Some(hasher.finish())
}
