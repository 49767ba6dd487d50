//! Which FFmpeg this is, and what it can decode.

use ffmpeg_sys_the_third as ffi;

use super::names::owned;

/// The decoders that common media need, by the names of their codecs.
const COMMON: [(&str, ffi::AVCodecID); 14] = [
    ("h264", ffi::AVCodecID::H264),
    ("hevc", ffi::AVCodecID::HEVC),
    ("vp8", ffi::AVCodecID::VP8),
    ("vp9", ffi::AVCodecID::VP9),
    ("av1", ffi::AVCodecID::AV1),
    ("prores", ffi::AVCodecID::PRORES),
    ("mpeg2video", ffi::AVCodecID::MPEG2VIDEO),
    ("mpeg4", ffi::AVCodecID::MPEG4),
    ("aac", ffi::AVCodecID::AAC),
    ("ac3", ffi::AVCodecID::AC3),
    ("mp3", ffi::AVCodecID::MP3),
    ("opus", ffi::AVCodecID::OPUS),
    ("vorbis", ffi::AVCodecID::VORBIS),
    ("flac", ffi::AVCodecID::FLAC),
];

/// The release of the FFmpeg libraries that are loaded, such as `5.1.9-0+deb12u1`.
pub fn ffmpeg_release() -> String {
    // SAFETY: takes nothing and gives a static string.
    let release = unsafe { ffi::av_version_info() };
    // SAFETY: static and NUL-ended.
    unsafe { owned(release) }.unwrap_or_default()
}

/// Which codecs of common media this FFmpeg was built without, by name.
pub fn missing_decoders() -> Vec<&'static str> {
    COMMON.iter().filter(|(_, id)| !decodes(*id)).map(|(name, _)| *name).collect()
}

fn decodes(id: ffi::AVCodecID) -> bool {
    // SAFETY: takes any number; the answer is static or null.
    let codec = unsafe { ffi::avcodec_find_decoder(id) };
    // SAFETY: as above.
    let Some(codec) = (unsafe { codec.as_ref() }) else { return false };
    // SAFETY: static and NUL-ended.
    let name = unsafe { owned(codec.name) };
    // FFmpeg's own decoder of AV1 does nothing without hardware; others that can are preferred to it.
    id != ffi::AVCodecID::AV1 || name.as_deref() != Some("av1")
}
