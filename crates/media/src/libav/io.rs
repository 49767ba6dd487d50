//! Reads a file for libav through a [`File`] that is already open.
//!
//! libav never opens anything by name: a file that names others (a playlist, an image sequence) reaches none of them.
//! A read can also be refused at any time, which is how a reader that was dropped stops its demuxer.

use std::{
    ffi::{c_int, c_void},
    fs::File,
    io::{ErrorKind, Read, Seek, SeekFrom},
    ptr::NonNull,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ffmpeg_sys_the_third as ffi;

use super::AvError;

const BUFFER_BYTES: usize = 64 << 10;

/// An I/O context of libav together with the file it reads.
pub struct Io {
    context: NonNull<ffi::AVIOContext>,
    /// Made by `Box::into_raw`; libav's callbacks hold the same pointer.
    source: NonNull<Source>,
}

struct Source {
    file: File,
    cancelled: Arc<AtomicBool>,
}

impl Io {
    /// Reads `file` from its start, wherever it stands.
    pub fn new(mut file: File, cancelled: Arc<AtomicBool>) -> Result<Self, AvError> {
        file.rewind().map_err(|_| AvError::UNREADABLE)?;
        // SAFETY: a plain allocation of libav's; it takes any size.
        let buffer = unsafe { ffi::av_malloc(BUFFER_BYTES) };
        if buffer.is_null() {
            return Err(AvError::NO_MEMORY);
        }
        let source = Box::into_raw(Box::new(Source { file, cancelled }));
        // SAFETY: `buffer` is BUFFER_BYTES long and becomes the context's; `source` outlives the context (see `drop`),
        // and the callbacks are the ones that expect it.
        let context = unsafe {
            ffi::avio_alloc_context(
                buffer.cast(),
                BUFFER_BYTES as c_int,
                0, // for reading
                source.cast(),
                Some(read),
                None,
                Some(seek),
            )
        };
        match (NonNull::new(context), NonNull::new(source)) {
            (Some(context), Some(source)) => Ok(Self { context, source }),
            _ => {
                // SAFETY: no context took the buffer, so it is still ours.
                unsafe { ffi::av_free(buffer) };
                // SAFETY: no context took the source, which came from `Box::into_raw` above.
                drop(unsafe { Box::from_raw(source) });
                Err(AvError::NO_MEMORY)
            }
        }
    }

    /// How far libav has read.
    pub fn position(&self) -> u64 {
        // SAFETY: the context is alive as long as `self`, and only read.
        u64::try_from(unsafe { self.context.as_ref() }.pos).unwrap_or(0)
    }

    pub fn as_ptr(&self) -> *mut ffi::AVIOContext {
        self.context.as_ptr()
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // SAFETY: the context lives until the end of this function and nobody else uses it.
        let context = unsafe { self.context.as_mut() };
        // SAFETY: the buffer is the context's own (libav may have replaced the one we gave) and not used again.
        unsafe { ffi::av_free(context.buffer.cast()) };
        let mut raw = self.context.as_ptr();
        // SAFETY: `raw` came from `avio_alloc_context`, `Io` is its only owner, and drop runs once.
        unsafe { ffi::avio_context_free(&mut raw) };
        // SAFETY: `source` came from `Box::into_raw`, and the callbacks that knew it are gone with the context.
        drop(unsafe { Box::from_raw(self.source.as_ptr()) });
    }
}

/// libav's read callback.
unsafe extern "C" fn read(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    // SAFETY: `opaque` is the `Source` given to `avio_alloc_context`; libav calls from one thread at a time.
    let source = unsafe { &mut *opaque.cast::<Source>() };
    let Ok(len) = usize::try_from(size) else { return ffi::AVERROR(libc::EINVAL) };
    // SAFETY: libav's buffer has room for `size` bytes, initialised or not; `u8` has no invalid values and
    // `File::read` does not look at them.
    let buffer = unsafe { slice::from_raw_parts_mut(buffer, len) };
    loop {
        if source.cancelled.load(Ordering::Relaxed) {
            return ffi::AVERROR_EXIT;
        }
        match source.file.read(buffer) {
            Ok(0) => return ffi::AVERROR_EOF,
            Ok(count) => return count as c_int, // at most `size`
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return ffi::AVERROR(libc::EIO),
        }
    }
}

/// libav's seek callback; also asked for the size.
unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `read`.
    let source = unsafe { &mut *opaque.cast::<Source>() };
    let result = match whence & !ffi::AVSEEK_FORCE {
        ffi::AVSEEK_SIZE => source.file.metadata().map(|metadata| metadata.len()),
        libc::SEEK_SET => match u64::try_from(offset) {
            Ok(offset) => source.file.seek(SeekFrom::Start(offset)),
            Err(_) => return ffi::AVERROR(libc::EINVAL).into(),
        },
        libc::SEEK_CUR => source.file.seek(SeekFrom::Current(offset)),
        libc::SEEK_END => source.file.seek(SeekFrom::End(offset)),
        _ => return ffi::AVERROR(libc::EINVAL).into(),
    };
    result.ok().and_then(|position| i64::try_from(position).ok()).unwrap_or(ffi::AVERROR(libc::EIO).into())
}
