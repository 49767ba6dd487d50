//! What libav answers when it fails.

use std::{
    ffi::{CStr, c_int},
    fmt, io,
};

use ffmpeg_sys_the_third as ffi;

/// An error code of libav, below zero. Its text is libav's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AvError(c_int);

impl AvError {
    /// No more data.
    pub const END: Self = Self(ffi::AVERROR_EOF);
    /// Try again, after giving or taking something.
    pub const AGAIN: Self = Self(ffi::AVERROR(libc::EAGAIN));
    /// Out of memory: what an allocating function means when it returns null.
    pub const NO_MEMORY: Self = Self(ffi::AVERROR(libc::ENOMEM));
    /// The system could not read the file.
    pub const UNREADABLE: Self = Self(ffi::AVERROR(libc::EIO));
    /// Bytes that make no sense.
    pub const DAMAGED: Self = Self(ffi::AVERROR_INVALIDDATA);
    /// An argument that cannot be.
    pub const INVALID: Self = Self(ffi::AVERROR(libc::EINVAL));
    /// A thing that libav cannot do.
    pub const UNSUPPORTED: Self = Self(ffi::AVERROR(libc::ENOSYS));

    /// The system's own error behind it, such as a full disk. `None` where libav itself has something to complain of.
    pub fn of_the_system(self) -> Option<io::Error> {
        const LAST_ERRNO: c_int = 4095;
        let is_errno = (-LAST_ERRNO..0).contains(&self.0) && self != Self::INVALID && self != Self::UNSUPPORTED;
        is_errno.then(|| io::Error::from_raw_os_error(-self.0))
    }

    /// Turns a return code into a result; codes from 0 are a success.
    pub fn check(code: c_int) -> Result<c_int, Self> {
        if code < 0 { Err(Self(code)) } else { Ok(code) }
    }
}

impl fmt::Display for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; 128];
        // SAFETY: the buffer is `text.len()` bytes long, and av_strerror ends what it writes with a NUL.
        unsafe { ffi::av_strerror(self.0, text.as_mut_ptr().cast(), text.len()) };
        let text = CStr::from_bytes_until_nul(&text).unwrap_or_default().to_string_lossy();
        f.write_str(&text)
    }
}

impl fmt::Debug for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AvError({}: {self})", self.0)
    }
}
