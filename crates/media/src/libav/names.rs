//! The names libav has for its numbers.

use std::ffi::{CStr, c_char};

use ffmpeg_sys_the_third as ffi;

/// Copies a static name of libav's. `None` for null.
///
/// # Safety
/// `name` is null or points to a NUL-ended string that stays alive during the call.
pub unsafe fn owned(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for it.
    Some(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

/// The codec's short name.
pub fn codec(id: ffi::AVCodecID) -> String {
    // SAFETY: takes any number and always returns a static string.
    let name = unsafe { ffi::avcodec_get_name(id) };
    // SAFETY: static and NUL-ended.
    unsafe { owned(name) }.unwrap_or_default()
}

/// The pixel format's name; "unknown" for none.
pub fn pixel_format(format: ffi::AVPixelFormat) -> String {
    // SAFETY: takes any number; the answer is static or null.
    let name = unsafe { ffi::av_get_pix_fmt_name(format) };
    // SAFETY: static and NUL-ended, or null.
    unsafe { owned(name) }.unwrap_or_else(|| "unknown".into())
}

/// The sample format's name; "unknown" for none.
pub fn sample_format(format: ffi::AVSampleFormat) -> String {
    // SAFETY: takes any number; the answer is static or null.
    let name = unsafe { ffi::av_get_sample_fmt_name(format) };
    // SAFETY: static and NUL-ended, or null.
    unsafe { owned(name) }.unwrap_or_else(|| "unknown".into())
}

/// The colour matrix's name; `None` where the file does not tell it.
pub fn colour_space(space: ffi::AVColorSpace) -> Option<String> {
    if space == ffi::AVColorSpace::UNSPECIFIED {
        return None;
    }
    // SAFETY: takes any number; the answer is static or null.
    let name = unsafe { ffi::av_color_space_name(space) };
    // SAFETY: static and NUL-ended, or null.
    unsafe { owned(name) }
}

/// `tv` or `pc`; `None` where the file does not tell it.
pub fn colour_range(range: ffi::AVColorRange) -> Option<String> {
    if range == ffi::AVColorRange::UNSPECIFIED {
        return None;
    }
    // SAFETY: takes any number; the answer is static or null.
    let name = unsafe { ffi::av_color_range_name(range) };
    // SAFETY: static and NUL-ended, or null.
    unsafe { owned(name) }
}

/// The type's name, such as `subtitle`; "unknown" for none.
pub fn media_type(kind: ffi::AVMediaType) -> String {
    // SAFETY: takes any number; the answer is static or null.
    let name = unsafe { ffi::av_get_media_type_string(kind) };
    // SAFETY: static and NUL-ended, or null.
    unsafe { owned(name) }.unwrap_or_else(|| "unknown".into())
}

/// The layout's name, such as `stereo`.
pub fn channel_layout(layout: &ffi::AVChannelLayout) -> String {
    let mut text = [0u8; 128];
    // SAFETY: the layout is valid and the buffer `text.len()` bytes long; what is written ends with a NUL.
    unsafe { ffi::av_channel_layout_describe(layout, text.as_mut_ptr().cast(), text.len()) };
    CStr::from_bytes_until_nul(&text).unwrap_or_default().to_string_lossy().into_owned()
}
