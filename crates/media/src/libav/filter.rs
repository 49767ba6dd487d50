//! Rewrites packets from the form of one container to that of another.

use std::{ffi::CStr, ptr, ptr::NonNull};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, Packet, input::Stream};

/// A bitstream filter that answers each packet with one packet.
pub struct Filter(NonNull<ffi::AVBSFContext>);

// SAFETY: a filter's context may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Filter {}

impl Filter {
    /// Opens the filter of that name for packets of `stream`.
    pub fn new(name: &CStr, stream: &Stream<'_>) -> Result<Self, AvError> {
        // SAFETY: the name is NUL-ended; the answer is static or null.
        let description = unsafe { ffi::av_bsf_get_by_name(name.as_ptr()) };
        if description.is_null() {
            return Err(AvError::UNSUPPORTED);
        }
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid to write, the description static.
        AvError::check(unsafe { ffi::av_bsf_alloc(description, &mut raw) })?;
        let mut filter = Self(NonNull::new(raw).ok_or(AvError::NO_MEMORY)?);
        // SAFETY: the context is alive as long as `filter`, which nobody else has.
        let context = unsafe { filter.0.as_mut() };
        // SAFETY: the context has parameters, and those of the stream are copied.
        AvError::check(unsafe { ffi::avcodec_parameters_copy(context.par_in, stream.parameters()) })?;
        context.time_base_in = stream.raw_time_base();
        // SAFETY: the context is set up and not initialised yet.
        AvError::check(unsafe { ffi::av_bsf_init(raw) })?;
        Ok(filter)
    }

    /// Replaces a packet by the filtered one.
    pub fn run(&mut self, packet: &mut Packet) -> Result<(), AvError> {
        // SAFETY: the context is initialised and the packet valid; its content is taken over.
        AvError::check(unsafe { ffi::av_bsf_send_packet(self.0.as_ptr(), packet.as_mut_ptr()) })?;
        // SAFETY: the context is initialised and the packet valid and empty.
        AvError::check(unsafe { ffi::av_bsf_receive_packet(self.0.as_ptr(), packet.as_mut_ptr()) }).map(drop)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: `raw` came from `av_bsf_alloc`, `Filter` is its only owner, and drop runs once.
        unsafe { ffi::av_bsf_free(&mut raw) }
    }
}
