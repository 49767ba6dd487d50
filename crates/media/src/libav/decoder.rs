//! Turns packets into pictures or sound.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, Packet, Picture, Sound, coded_pixels, input::Stream, webp};

/// An opened decoder.
pub struct Decoder(NonNull<ffi::AVCodecContext>);

// SAFETY: a codec context may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Decoder {}

/// Whether the decoder took a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Taken,
    /// Pictures have to be received first.
    Full,
}

/// What the decoder answered. Running dry is a turn in the conversation, not an error.
pub enum Received {
    Picture(Picture),
    NeedsPacket,
    Finished,
}

/// What the decoder of a sound stream answered.
pub enum Heard {
    Sound(Sound),
    NeedsPacket,
    Finished,
}

impl Decoder {
    /// Opens the decoder of a stream. `Ok(None)` when libav has none for its codec.
    ///
    /// `threads` 0 lets libav take one a core. A picture of far more than `max_pixels` is refused
    /// like a damaged one; the exact limit is the caller's to keep.
    pub fn open(stream: &Stream<'_>, threads: u32, max_pixels: u64) -> Result<Option<Self>, AvError> {
        Self::made(stream.parameters(), stream.raw_time_base(), threads, max_pixels, 0)
    }

    fn made(
        parameters: &ffi::AVCodecParameters,
        base: ffi::AVRational,
        threads: u32,
        max_pixels: u64,
        flags: c_int,
    ) -> Result<Option<Self>, AvError> {
        // SAFETY: takes any number; the answer is static or null.
        let codec = unsafe { ffi::avcodec_find_decoder(parameters.codec_id) };
        if codec.is_null() {
            return Ok(None);
        }
        // SAFETY: the codec is one of libav's.
        let raw = unsafe { ffi::avcodec_alloc_context3(codec) };
        let mut decoder = Self(NonNull::new(raw).ok_or(AvError::NO_MEMORY)?);
        // SAFETY: context and parameters are valid; the parameters are copied.
        AvError::check(unsafe { ffi::avcodec_parameters_to_context(raw, parameters) })?;
        let context = decoder.raw_mut();
        context.pkt_timebase = base;
        context.thread_count = c_int::try_from(threads).unwrap_or(c_int::MAX);
        context.max_pixels = coded_pixels(max_pixels);
        context.flags |= flags;
        // SAFETY: the context is not open yet and was made for this codec.
        AvError::check(unsafe { ffi::avcodec_open2(raw, codec, ptr::null_mut()) })?;
        Ok(Some(decoder))
    }

    /// Forgets all pictures, so that the next packet can be any that decoding can start at. Ends a draining too.
    pub fn reset(&mut self) {
        // SAFETY: the context is open.
        unsafe { ffi::avcodec_flush_buffers(self.0.as_ptr()) }
    }

    fn raw_mut(&mut self) -> &mut ffi::AVCodecContext {
        // SAFETY: alive as long as `self`, which is borrowed mutably.
        unsafe { self.0.as_mut() }
    }

    /// Gives the decoder a packet, or with `None` the news that there are no more.
    pub fn send(&mut self, packet: Option<&Packet>) -> Result<Sent, AvError> {
        let is_webp = self.raw_mut().codec_id == ffi::AVCodecID::WEBP;
        if is_webp && packet.is_some_and(|packet| webp::is_deadly(packet.data())) {
            return Err(AvError::DAMAGED);
        }
        let packet = packet.map_or(ptr::null(), Packet::as_ptr);
        // SAFETY: the context is open; the packet is valid or null, which starts the draining.
        match AvError::check(unsafe { ffi::avcodec_send_packet(self.0.as_ptr(), packet) }) {
            Ok(_) => Ok(Sent::Taken),
            Err(AvError::AGAIN) => Ok(Sent::Full),
            Err(error) => Err(error),
        }
    }

    /// Takes the next picture, in presentation order.
    pub fn receive(&mut self) -> Result<Received, AvError> {
        let mut picture = Picture::new()?;
        // SAFETY: the context is open and the frame valid and empty.
        match AvError::check(unsafe { ffi::avcodec_receive_frame(self.0.as_ptr(), picture.as_mut_ptr()) }) {
            Ok(_) => Ok(Received::Picture(picture)),
            Err(AvError::AGAIN) => Ok(Received::NeedsPacket),
            Err(AvError::END) => Ok(Received::Finished),
            Err(error) => Err(error),
        }
    }

    /// Takes the next stretch of sound. Samples that only prime the decoder or fill its last block are cut off by it.
    pub fn receive_sound(&mut self) -> Result<Heard, AvError> {
        let mut sound = Sound::new()?;
        // SAFETY: the context is open and the frame valid and empty.
        match AvError::check(unsafe { ffi::avcodec_receive_frame(self.0.as_ptr(), sound.as_mut_ptr()) }) {
            Ok(_) => Ok(Heard::Sound(sound)),
            Err(AvError::AGAIN) => Ok(Heard::NeedsPacket),
            Err(AvError::END) => Ok(Heard::Finished),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: `raw` came from `avcodec_alloc_context3`, `Decoder` is its only owner, and drop runs once. Joins
        // the decoder's threads.
        unsafe { ffi::avcodec_free_context(&mut raw) }
    }
}

/// All that decoders of a stream are made from, without the file.
pub struct DecoderRecipe {
    parameters: NonNull<ffi::AVCodecParameters>,
    base: ffi::AVRational,
    max_pixels: u64,
}

// SAFETY: after it was made, nothing of it changes until it is dropped.
unsafe impl Send for DecoderRecipe {}
// SAFETY: as above.
unsafe impl Sync for DecoderRecipe {}

impl DecoderRecipe {
    pub fn of(stream: &Stream<'_>, max_pixels: u64) -> Result<Self, AvError> {
        // SAFETY: takes nothing, gives parameters or null.
        let parameters = NonNull::new(unsafe { ffi::avcodec_parameters_alloc() }).ok_or(AvError::NO_MEMORY)?;
        let recipe = Self { parameters, base: stream.raw_time_base(), max_pixels };
        // SAFETY: both are valid; the content is copied.
        AvError::check(unsafe { ffi::avcodec_parameters_copy(parameters.as_ptr(), stream.parameters()) })?;
        Ok(recipe)
    }

    /// Opens a decoder of so many threads.
    ///
    /// `starts_clean` says that all it will be given begins where decoding can start: every picture is then good, also
    /// those that a decoder of H.264 would hold back because it is still waiting for that to be proven.
    pub fn open(&self, threads: u32, starts_clean: bool) -> Result<Option<Decoder>, AvError> {
        // SAFETY: alive as long as `self`, and never changed.
        let parameters = unsafe { self.parameters.as_ref() };
        let flags = if starts_clean { ffi::AV_CODEC_FLAG_OUTPUT_CORRUPT as c_int } else { 0 };
        Decoder::made(parameters, self.base, threads, self.max_pixels, flags)
    }
}

impl Drop for DecoderRecipe {
    fn drop(&mut self) {
        let mut raw = self.parameters.as_ptr();
        // SAFETY: `raw` came from `avcodec_parameters_alloc`, this is its only owner, and drop runs once.
        unsafe { ffi::avcodec_parameters_free(&mut raw) }
    }
}
