//! Decoded sound in the decoder's own samples, and its way to plain floats.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, ticks};

/// A stretch of decoded sound: owned, freed on drop.
pub struct Sound(NonNull<ffi::AVFrame>);

// SAFETY: a frame belongs to no thread; libav only counts references to its samples, atomically.
unsafe impl Send for Sound {}

impl Sound {
    pub(super) fn new() -> Result<Self, AvError> {
        // SAFETY: takes nothing, gives a frame or null.
        NonNull::new(unsafe { ffi::av_frame_alloc() }).map(Self).ok_or(AvError::NO_MEMORY)
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVFrame {
        self.0.as_ptr()
    }

    fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: the frame is alive as long as `self`, and changed only through `&mut self`.
        unsafe { self.0.as_ref() }
    }

    /// The time of its first sample in the stream's time base.
    pub fn pts(&self) -> Option<i64> {
        ticks(self.raw().pts).or_else(|| ticks(self.raw().best_effort_timestamp))
    }

    /// Samples of each channel.
    pub fn samples(&self) -> u32 {
        u32::try_from(self.raw().nb_samples).unwrap_or(0)
    }

    /// What its samples are. `None` for what no decoder should give: no rate or no channel.
    pub fn format(&self) -> Option<SoundFormat> {
        let raw = self.raw();
        let rate = u32::try_from(raw.sample_rate).ok().filter(|&rate| rate > 0)?;
        let layout = Layout::copy_of(&raw.ch_layout).filter(|layout| layout.channels() > 0)?;
        Some(SoundFormat { format: ffi::AVSampleFormat(raw.format), rate, layout })
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: `raw` came from `av_frame_alloc`, `Sound` is its only owner, and drop runs once.
        unsafe { ffi::av_frame_free(&mut raw) }
    }
}

/// What the samples of a stretch of sound are.
#[derive(Clone, PartialEq)]
pub struct SoundFormat {
    format: ffi::AVSampleFormat,
    /// Samples a second, above zero.
    pub rate: u32,
    pub layout: Layout,
}

impl SoundFormat {
    /// The planes of memory its samples lie in, and the bytes from a sample to the next in each.
    fn planes(&self) -> (usize, usize) {
        // SAFETY: takes any number.
        let sample_bytes = unsafe { ffi::av_get_bytes_per_sample(self.format) } as usize;
        // SAFETY: takes any number.
        let planar = unsafe { ffi::av_sample_fmt_is_planar(self.format) } != 0;
        let channels = self.layout.channels() as usize;
        if planar { (channels, sample_bytes) } else { (1, sample_bytes * channels) }
    }

    /// The byte that silence is made of.
    fn silent_byte(&self) -> u8 {
        let unsigned = [ffi::AVSampleFormat::U8, ffi::AVSampleFormat::U8P];
        if unsigned.contains(&self.format) { 0x80 } else { 0 }
    }
}

/// Which channels there are, and in which order: owned, freed on drop.
pub struct Layout(ffi::AVChannelLayout);

// SAFETY: a layout is plain data; the map it may own belongs to it alone.
unsafe impl Send for Layout {}

impl Layout {
    /// The usual layout of so many channels; of one that has no usual layout only the number is known.
    pub fn usual(channels: u32) -> Self {
        let mut layout = Self(EMPTY_LAYOUT);
        // SAFETY: the layout is valid to write and owns nothing yet.
        unsafe { ffi::av_channel_layout_default(&mut layout.0, c_int::try_from(channels).unwrap_or(c_int::MAX)) };
        layout
    }

    /// A copy; where only the number of channels is known, their usual layout.
    fn copy_of(raw: &ffi::AVChannelLayout) -> Option<Self> {
        if raw.order == ffi::AVChannelOrder::UNSPEC {
            return Some(Self::usual(u32::try_from(raw.nb_channels).ok()?));
        }
        let mut layout = Self(EMPTY_LAYOUT);
        // SAFETY: both are valid; the copy owns nothing yet.
        AvError::check(unsafe { ffi::av_channel_layout_copy(&mut layout.0, raw) }).ok()?;
        Some(layout)
    }

    pub fn channels(&self) -> u32 {
        u32::try_from(self.0.nb_channels).unwrap_or(0)
    }
}

/// A layout that owns nothing.
const EMPTY_LAYOUT: ffi::AVChannelLayout = ffi::AVChannelLayout {
    order: ffi::AVChannelOrder::UNSPEC,
    nb_channels: 0,
    u: ffi::AVChannelLayout__bindgen_ty_1 { mask: 0 },
    opaque: ptr::null_mut(),
};

impl Clone for Layout {
    fn clone(&self) -> Self {
        // Without memory for a map of channels their number is what is left.
        Self::copy_of(&self.0).unwrap_or_else(|| Self::usual(self.channels()))
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: both layouts are valid.
        unsafe { ffi::av_channel_layout_compare(&self.0, &other.0) == 0 }
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: the layout is valid and ours alone.
        unsafe { ffi::av_channel_layout_uninit(&mut self.0) }
    }
}

/// Turns sound of one format into interleaved floats of another rate and layout.
///
/// Channels are mixed down with weights that add up to at most 1, so that nothing is cut off: the mean of left and
/// right is the mono of stereo.
pub struct Resampler {
    raw: NonNull<ffi::SwrContext>,
    from: SoundFormat,
    channels_out: usize,
}

// SAFETY: a resampler may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Resampler {}

impl Resampler {
    pub fn new(from: &SoundFormat, rate: u32, layout: &Layout) -> Result<Self, AvError> {
        let (mut from_layout, mut to_layout) = (from.layout.clone(), layout.clone());
        let number = |number: u32| c_int::try_from(number).map_err(|_| AvError::INVALID);
        let (rate, from_rate) = (number(rate)?, number(from.rate)?);
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is null, so a context is made; the layouts are valid and copied.
        AvError::check(unsafe {
            ffi::swr_alloc_set_opts2(
                &mut raw,
                &mut to_layout.0,
                ffi::AVSampleFormat::FLT,
                rate,
                &mut from_layout.0,
                from.format,
                from_rate,
                0,
                ptr::null_mut(),
            )
        })?;
        let raw = NonNull::new(raw).ok_or(AvError::NO_MEMORY)?;
        let resampler = Self { raw, from: from.clone(), channels_out: layout.channels() as usize };
        // SAFETY: a resampler has options, the name is NUL-ended.
        AvError::check(unsafe { ffi::av_opt_set_double(raw.as_ptr().cast(), c"rematrix_maxval".as_ptr(), 1.0, 0) })?;
        // SAFETY: the context is set up.
        AvError::check(unsafe { ffi::swr_init(raw.as_ptr()) })?;
        Ok(resampler)
    }

    /// Whether it was made for such sound.
    pub fn fits(&self, from: &SoundFormat) -> bool {
        self.from == *from
    }

    /// Converts `sound` without its first `skip` samples, and adds what comes out to `out`.
    pub fn convert(&mut self, sound: &Sound, skip: u32, out: &mut Vec<f32>) -> Result<(), AvError> {
        let count = sound.samples().saturating_sub(skip);
        if count == 0 || sound.format().is_none_or(|format| !self.fits(&format)) {
            return if count == 0 { Ok(()) } else { Err(AvError::INVALID) };
        }
        let (planes, step) = self.from.planes();
        let starts: Vec<*const u8> = (0..planes)
            .map(|plane| {
                // SAFETY: a frame of sound has as many planes as its format says.
                let start: *mut u8 = unsafe { *sound.raw().extended_data.wrapping_add(plane) };
                start.cast_const().wrapping_add(step * skip as usize)
            })
            .collect();
        self.run(&starts, count, out)
    }

    /// Lets so many samples of silence follow.
    pub fn silence(&mut self, samples: u32, out: &mut Vec<f32>) -> Result<(), AvError> {
        let (planes, step) = self.from.planes();
        let silence = vec![self.from.silent_byte(); step * samples as usize];
        self.run(&vec![silence.as_ptr(); planes], samples, out)
    }

    /// Gives out what the filter still holds. Nothing can be converted after it.
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), AvError> {
        self.run(&[], 0, out)
    }

    /// Converts `count` samples that begin at `starts`, one a plane; no planes mean the end.
    fn run(&mut self, starts: &[*const u8], count: u32, out: &mut Vec<f32>) -> Result<(), AvError> {
        let count = c_int::try_from(count).map_err(|_| AvError::INVALID)?;
        // SAFETY: the context is initialised.
        let room = AvError::check(unsafe { ffi::swr_get_out_samples(self.raw.as_ptr(), count) })?;
        let filled = out.len();
        out.resize(filled + room as usize * self.channels_out, 0.0);
        let mut target: *mut u8 = out[filled..].as_mut_ptr().cast();
        let source = if starts.is_empty() { ptr::null() } else { starts.as_ptr() };
        // SAFETY: `target` has room for `room` samples of each channel; `source` has a pointer a plane, each to `count`
        // samples, or is null, which asks for the rest. libswresample reads the sources only.
        let given = AvError::check(unsafe {
            ffi::swr_convert(self.raw.as_ptr(), &mut target, room, source.cast_mut().cast(), count)
        });
        out.truncate(filled + given.unwrap_or(0) as usize * self.channels_out);
        given.map(drop)
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: `raw` came from `swr_alloc_set_opts2`, `Resampler` is its only owner, and drop runs once.
        unsafe { ffi::swr_free(&mut raw) }
    }
}
