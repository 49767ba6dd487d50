//! What demuxers complain of while they read.
//!
//! Matroska and FLV demuxers that lose their way in damaged bytes look for the next place that makes sense and go on from
//! there, without a word to the caller: only their log tells. Nothing of libav's log is printed; what matters of it is in
//! our errors.

use std::{
    cell::Cell,
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
    sync::Once,
};

use ffmpeg_sys_the_third as ffi;

thread_local! {
    /// The demuxer that this thread reads with, and whether it has lost its way. A demuxer logs in the thread that reads.
    static WATCHED: Cell<(*const c_void, bool)> = const { Cell::new((ptr::null(), false)) };
}

/// Takes libav's log over.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    // SAFETY: sets one pointer, to a function that may be called from any thread.
    ONCE.call_once(|| unsafe { ffi::av_log_set_callback(Some(hear)) });
}

/// Calls `read`, which reads with `demuxer`. Gives its answer, and whether the demuxer lost its way meanwhile.
pub(super) fn watch<T>(demuxer: *const ffi::AVFormatContext, read: impl FnOnce() -> T) -> (T, bool) {
    WATCHED.set((demuxer.cast(), false));
    let answer = read();
    let (_, is_lost) = WATCHED.replace((ptr::null(), false));
    (answer, is_lost)
}

/// libav's log callback. What the last argument looks like depends on the machine; it is not touched.
unsafe extern "C" fn hear<Arguments>(speaker: *mut c_void, level: c_int, format: *const c_char, _: Arguments) {
    // A thread that is ending has no such variable any more.
    let _ = WATCHED.try_with(|watched| {
        let (demuxer, _) = watched.get();
        if demuxer.is_null() || !ptr::eq(demuxer, speaker) || format.is_null() {
            return;
        }
        // SAFETY: libav's formats are NUL-ended and static.
        let format = unsafe { CStr::from_ptr(format) };
        if tells_of_a_loss(level, &format.to_string_lossy()) {
            watched.set((demuxer, true));
        }
    });
}

/// Whether a message says that bytes are passed over. Demuxers of Matroska say what they stumbled over, as an error; that
/// of FLV warns of a packet whose two sizes differ.
fn tells_of_a_loss(level: c_int, format: &str) -> bool {
    const MATROSKA: [&str; 5] = [
        "invalid as first byte of an EBML number",
        "indicated by an EBML number's first byte",
        "exceeds containing master element",
        "Unknown-sized element",
        "Invalid ",
    ];
    let is_of = |words: &[&str]| words.iter().any(|words| format.contains(words));
    (level <= ffi::AV_LOG_ERROR as c_int && is_of(&MATROSKA))
        || (level <= ffi::AV_LOG_WARNING as c_int && format.starts_with("Packet mismatch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_a_demuxer_pass_over_bytes_is_a_loss() {
        let error = ffi::AV_LOG_ERROR as c_int;
        assert!(tells_of_a_loss(
            error,
            "Element at 0x%x ending at 0x%x exceeds containing master element ending at 0x%x"
        ));
        assert!(tells_of_a_loss(
            error,
            "Length %d indicated by an EBML number's first byte 0x%02x exceeds max length %d."
        ));
        assert!(tells_of_a_loss(error + 8, "Packet mismatch %d %d %d"));
        assert!(!tells_of_a_loss(error, "File ended prematurely"));
        assert!(!tells_of_a_loss(error + 8, "Could not find codec parameters"));
    }
}
