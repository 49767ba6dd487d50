//! What a media file is said to contain, before anything is decoded.

use serde::Serialize;

use crate::{Rational, Timestamp};

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MediaInfo {
    /// libav's short name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`; for a still its format, such as `png`.
    pub format: String,
    /// What the content is, whatever the file is called.
    pub kind: MediaKind,
    /// Where the timeline begins: the earliest stream's start. Times of frames are counted from here.
    pub start: Timestamp,
    /// From there to the end, where the container knows it.
    pub duration: Option<Timestamp>,
    /// Every stream, in the container's order.
    pub streams: Vec<StreamInfo>,
}

impl MediaInfo {
    /// The video stream whose frames are read: the first one that moves. A still has one too.
    pub fn video(&self) -> Option<(&StreamInfo, &VideoInfo)> {
        self.streams.iter().filter(|stream| !stream.attached_picture).find_map(|stream| match &stream.kind {
            StreamKind::Video(video) => Some((stream, video)),
            StreamKind::Audio(_) | StreamKind::Other { .. } => None,
        })
    }

    /// The first audio stream.
    pub fn audio(&self) -> Option<(&StreamInfo, &AudioInfo)> {
        self.streams.iter().find_map(|stream| match &stream.kind {
            StreamKind::Audio(audio) => Some((stream, audio)),
            StreamKind::Video(_) | StreamKind::Other { .. } => None,
        })
    }
}

/// What the content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Moving pictures, with or without sound.
    Video,
    /// Sound alone; a cover picture does not count.
    Audio,
    /// One picture, or an animated one of a still format.
    Still,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamInfo {
    /// Its place in the container, from 0.
    pub index: u32,
    /// What it carries.
    #[serde(flatten)]
    pub kind: StreamKind,
    /// libav's short name of the codec, such as `h264`.
    pub codec: String,
    /// The unit its times are counted in.
    pub time_base: Rational,
    /// The first timestamp, where the container knows it.
    pub start: Option<Timestamp>,
    /// The length, where the container knows it.
    pub duration: Option<Timestamp>,
    /// The language tag, as written.
    pub language: Option<String>,
    /// The title tag, as written.
    pub title: Option<String>,
    /// Whether players choose it by themselves.
    pub default: bool,
    /// Whether it is a cover picture and no video.
    pub attached_picture: bool,
}

/// What a stream carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum StreamKind {
    /// Pictures.
    Video(VideoInfo),
    /// Sound.
    Audio(AudioInfo),
    /// Subtitles, data, attachments.
    Other {
        /// libav's name of the type, such as `subtitle`.
        name: String,
    },
}

/// The pictures of a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoInfo {
    /// Columns as stored.
    pub width: u32,
    /// Rows as stored.
    pub height: u32,
    /// Columns of the upright picture.
    pub display_width: u32,
    /// Rows of the upright picture.
    pub display_height: u32,
    /// How far the stored picture is turned clockwise to stand upright: 0, 90, 180 or 270.
    pub rotation_degrees: u32,
    /// Whether it is also mirrored, left to right, before it is turned.
    pub mirrored: bool,
    /// libav's name of the pixel format, such as `yuv420p`.
    pub pixel_format: String,
    /// Width to height of a stored pixel, where the file tells it.
    pub sample_aspect_ratio: Option<Rational>,
    /// Frames a second on average.
    pub average_fps: Option<Rational>,
    /// The lowest rate that all timestamps fit, libav's guess.
    pub nominal_fps: Option<Rational>,
    /// libav's name of the colour matrix, such as `bt709`, where the file tells it.
    pub colour_space: Option<String>,
    /// `tv` (limited) or `pc` (full), where the file tells it.
    pub colour_range: Option<String>,
}

/// The sound of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AudioInfo {
    /// Samples a second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u32,
    /// Their layout, such as `stereo` or `5.1(side)`.
    pub channel_layout: String,
    /// libav's name of the sample format, such as `fltp`.
    pub sample_format: String,
}
