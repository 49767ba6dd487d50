//! A container that is being written: streams, copied packet by packet.

use std::{
    ffi::{CStr, c_int, c_void},
    io::{self, SeekFrom},
    mem::{self, ManuallyDrop},
    ptr::{self, NonNull},
    slice,
};

use ffmpeg_sys_the_third as ffi;

use super::{
    AvError, Filter, Packet, complaints,
    input::{Dictionary, Stream, priming},
    rational,
};
use crate::Rational;

const BUFFER_BYTES: usize = 64 << 10;

/// Where a container is written to.
pub trait Sink: io::Write + io::Seek + Send {}

impl<T: io::Write + io::Seek + Send> Sink for T {}

/// The containers that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Mp4,
    /// The same in pieces that can be read while it grows.
    FragmentedMp4,
    Mov,
    Matroska,
    Wav,
}

impl Format {
    fn name(self) -> &'static CStr {
        match self {
            Self::Mp4 | Self::FragmentedMp4 => c"mp4",
            Self::Mov => c"mov",
            Self::Matroska => c"matroska",
            Self::Wav => c"wav",
        }
    }

    /// Whether the container can hold the stream's codec at all.
    pub fn holds(self, stream: &Stream<'_>) -> bool {
        let Ok(format) = self.raw() else { return false };
        // SAFETY: the format is one of libav's static descriptions.
        unsafe { ffi::avformat_query_codec(format, stream.parameters().codec_id, ffi::FF_COMPLIANCE_NORMAL) == 1 }
    }

    fn raw(self) -> Result<*const ffi::AVOutputFormat, AvError> {
        // SAFETY: the name is NUL-ended; the answer is static or null.
        let format = unsafe { ffi::av_guess_format(self.name().as_ptr(), ptr::null(), ptr::null()) };
        if format.is_null() { Err(AvError::INVALID) } else { Ok(format) }
    }
}

/// A container that is being written.
pub struct Output<S: Sink> {
    context: NonNull<ffi::AVFormatContext>,
    /// Used by `context`, and freed after it.
    io: NonNull<ffi::AVIOContext>,
    /// Made by `Box::into_raw`; libav's callbacks hold the same pointer.
    sink: NonNull<S>,
    /// Whether each stream has packets yet.
    begun: Vec<bool>,
    /// What is added to the times of each stream: see [`late_by`](Self::late_by).
    late_by: Vec<i64>,
    /// What packets go through first, where the muxer does not see to it.
    filter: Option<Filter>,
}

impl<S: Sink> Output<S> {
    /// Begins a container for a copy of `stream`, counting its time in `base` or a finer unit that divides it: see
    /// [`time_base`](Self::time_base).
    pub fn new(sink: S, format: Format, stream: &Stream<'_>, base: Rational) -> Result<Self, AvError> {
        Self::of_streams(sink, format, &[(*stream, base)])
    }

    /// Begins a container for a copy of several streams, each counted in the unit beside it where the container can: see
    /// [`time_base_of`](Self::time_base_of). The timeline as a whole is counted in the unit of the first.
    pub fn of_streams(sink: S, format: Format, streams: &[(Stream<'_>, Rational)]) -> Result<Self, AvError> {
        let (first, unit) = streams.first().ok_or(AvError::INVALID)?;
        let mut output = Self::open(sink, format)?;
        for (stream, base) in streams {
            output.add(stream, *base)?;
        }
        output.begin(format, first, *unit)?;
        output.late_by = (0..streams.len()).map(|nth| output.late_by(format, nth)).collect();
        Ok(output)
    }

    /// Writes what comes before the first packet.
    fn begin(&mut self, format: Format, first: &Stream<'_>, base: Rational) -> Result<(), AvError> {
        if format == Format::FragmentedMp4 && first.codec() == "aac" && first.extradata().is_empty() {
            self.filter = Some(Filter::new(c"aac_adtstoasc", first)?);
        }
        let mut settings = Dictionary::default();
        if format != Format::Matroska && format != Format::Wav {
            // Where the timeline begins is exact only if it is counted in the stream's own unit.
            settings.set_number(c"movie_timescale", base.den);
            settings.set_number(c"video_track_timescale", base.den);
        }
        if format == Format::FragmentedMp4 {
            settings.set(c"movflags", c"frag_keyframe+empty_moov+default_base_moof+delay_moov");
        }
        // SAFETY: the context has its I/O and its streams.
        AvError::check(unsafe { ffi::avformat_write_header(self.context.as_ptr(), &mut settings.0) }).map(drop)
    }

    fn open(sink: S, format: Format) -> Result<Self, AvError> {
        complaints::listen();
        let mut context = ptr::null_mut();
        // SAFETY: `context` is valid to write, the name is NUL-ended; the other arguments are optional.
        AvError::check(unsafe {
            ffi::avformat_alloc_output_context2(&mut context, ptr::null(), format.name().as_ptr(), ptr::null())
        })?;
        let context = NonNull::new(context).ok_or(AvError::NO_MEMORY)?;
        // SAFETY: a plain allocation of libav's; it takes any size.
        let buffer = unsafe { ffi::av_malloc(BUFFER_BYTES) };
        let sink = Box::into_raw(Box::new(sink));
        // SAFETY: `buffer` is BUFFER_BYTES long and becomes the context's, or null, which is looked at below; `sink`
        // outlives the context (see `drop`), and the callbacks are the ones that expect it.
        let io = unsafe {
            ffi::avio_alloc_context(
                buffer.cast(),
                BUFFER_BYTES as c_int,
                1, // for writing
                sink.cast(),
                None,
                Some(write::<S>),
                Some(seek::<S>),
            )
        };
        // What was allocated before is lost with the last memory.
        let (Some(io), Some(sink), false) = (NonNull::new(io), NonNull::new(sink), buffer.is_null()) else {
            return Err(AvError::NO_MEMORY);
        };
        let mut output = Self { context, io, sink, begun: Vec::new(), late_by: Vec::new(), filter: None };
        let raw = output.raw_mut();
        raw.pb = io.as_ptr();
        raw.flags |= ffi::AVFMT_FLAG_BITEXACT;
        // FLAC in MP4 was called an experiment once, and MP3 of low rates is not in its standard but in every player.
        raw.strict_std_compliance = ffi::FF_COMPLIANCE_EXPERIMENTAL;
        raw.avoid_negative_ts = 0; // times are the caller's business
        Ok(output)
    }

    fn raw_mut(&mut self) -> &mut ffi::AVFormatContext {
        // SAFETY: the context is alive as long as `self`, which is borrowed mutably.
        unsafe { self.context.as_mut() }
    }

    fn add(&mut self, stream: &Stream<'_>, base: Rational) -> Result<(), AvError> {
        // SAFETY: the context is alive and its header not written; a codec is optional.
        let added = unsafe { ffi::avformat_new_stream(self.context.as_ptr(), ptr::null()) };
        // SAFETY: null, or alive as long as the context.
        let added = unsafe { added.as_mut() }.ok_or(AvError::NO_MEMORY)?;
        // SAFETY: both are valid; the parameters are copied.
        AvError::check(unsafe { ffi::avcodec_parameters_copy(added.codecpar, stream.parameters()) })?;
        // SAFETY: a stream has parameters.
        let parameters = unsafe { added.codecpar.as_mut() }.ok_or(AvError::NO_MEMORY)?;
        parameters.codec_tag = 0; // that of the other container need not be right here
        let number = |number: i64| c_int::try_from(number).map_err(|_| AvError::INVALID);
        added.time_base = ffi::AVRational { num: number(base.num)?, den: number(base.den)? };
        added.sample_aspect_ratio = stream.raw_sample_aspect_ratio();
        added.avg_frame_rate = stream.raw_average_fps();
        copy_orientation(stream, added)?;
        self.begun.push(false);
        Ok(())
    }

    /// How many ticks earlier than they are written the packets of a stream are read: Matroska keeps times to which those
    /// samples are added that only prime the decoder, and the muxer adds them itself only since FFmpeg 6.1.
    fn late_by(&self, format: Format, nth: usize) -> i64 {
        if cfg!(libav_adds_priming) || format != Format::Matroska {
            return 0;
        }
        self.stream(nth).map_or(0, |stream| {
            // SAFETY: null, or alive as long as the stream.
            unsafe { stream.codecpar.as_ref() }.map_or(0, |parameters| priming(parameters, stream.time_base))
        })
    }

    /// The unit that times of packets are counted in, of the first stream.
    pub fn time_base(&self) -> Option<Rational> {
        self.time_base_of(0)
    }

    /// The unit that times of a stream's packets are counted in.
    pub fn time_base_of(&self, nth: usize) -> Option<Rational> {
        rational(self.stream(nth)?.time_base)
    }

    fn stream(&self, nth: usize) -> Option<&ffi::AVStream> {
        // SAFETY: the context is alive as long as `self`.
        let context = unsafe { self.context.as_ref() };
        if nth >= context.nb_streams as usize {
            return None;
        }
        // SAFETY: `streams` has `nb_streams` entries.
        let stream = unsafe { context.streams.wrapping_add(nth).as_ref() }?;
        // SAFETY: null, or alive as long as the context.
        unsafe { stream.as_ref() }
    }

    /// Adds a copy of `packet` to the first stream, with times in [`time_base`](Self::time_base).
    pub fn write(&mut self, packet: &Packet, times: PacketTimes) -> Result<(), AvError> {
        self.write_to(0, packet, times)
    }

    /// Adds a copy of `packet` to a stream, with times in [`time_base_of`](Self::time_base_of) it.
    pub fn write_to(&mut self, nth: usize, packet: &Packet, times: PacketTimes) -> Result<(), AvError> {
        let begun = self.begun.get_mut(nth).ok_or(AvError::INVALID)?;
        let mut copy = packet.share()?;
        if let Some(filter) = &mut self.filter {
            filter.run(&mut copy)?;
        }
        copy.set_place(nth, times.later_by(self.late_by.get(nth).copied().unwrap_or(0)))?;
        // A demuxer leaves out what comes before the first key frame; what a decoder makes of it is the decoder's business.
        if !mem::replace(begun, true) {
            copy.mark_key();
        }
        // SAFETY: the header was written and the packet is valid.
        AvError::check(unsafe { ffi::av_write_frame(self.context.as_ptr(), copy.as_mut_ptr()) }).map(drop)
    }

    /// Writes the end and gives back what was written to.
    pub fn finish(self) -> Result<S, AvError> {
        // SAFETY: the header was written, and nothing is written after this.
        AvError::check(unsafe { ffi::av_write_trailer(self.context.as_ptr()) })?;
        // SAFETY: the context of the I/O is alive.
        unsafe { ffi::avio_flush(self.io.as_ptr()) };
        // SAFETY: as above.
        AvError::check(unsafe { self.io.as_ref() }.error)?;
        // SAFETY: the output is not dropped nor used after it.
        Ok(*unsafe { ManuallyDrop::new(self).release() })
    }

    /// Frees everything but the sink.
    ///
    /// # Safety
    /// To be called once, and nothing of the output is used after it.
    unsafe fn release(&mut self) -> Box<S> {
        // Where the output is not dropped after this, nobody else would free them.
        (self.begun, self.late_by, self.filter) = (Vec::new(), Vec::new(), None);
        // SAFETY: the context is ours alone and not used again; it does not free the I/O it was given.
        unsafe { ffi::avformat_free_context(self.context.as_ptr()) };
        // SAFETY: the I/O lives until the end of this function and nobody else uses it.
        let io = unsafe { self.io.as_mut() };
        // SAFETY: the buffer is the I/O's own (libav may have replaced the one we gave) and not used again.
        unsafe { ffi::av_free(io.buffer.cast()) };
        let mut raw = self.io.as_ptr();
        // SAFETY: `raw` came from `avio_alloc_context` and `Output` is its only owner.
        unsafe { ffi::avio_context_free(&mut raw) };
        // SAFETY: `sink` came from `Box::into_raw`, and the callbacks that knew it are gone with the I/O.
        unsafe { Box::from_raw(self.sink.as_ptr()) }
    }
}

/// The times of a packet to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketTimes {
    pub pts: i64,
    pub dts: i64,
    pub duration: i64,
}

impl PacketTimes {
    /// The same times in a unit that is `scale` times finer.
    pub fn scaled(self, scale: i64) -> Self {
        let scaled = |ticks: i64| ticks.saturating_mul(scale);
        Self { pts: scaled(self.pts), dts: scaled(self.dts), duration: scaled(self.duration) }
    }

    fn later_by(self, ticks: i64) -> Self {
        Self { pts: self.pts.saturating_add(ticks), dts: self.dts.saturating_add(ticks), ..self }
    }
}

impl<S: Sink> Drop for Output<S> {
    fn drop(&mut self) {
        // SAFETY: drop runs once, and last.
        drop(unsafe { self.release() });
    }
}

/// How the pictures lie is kept beside the parameters, before FFmpeg 6.1.
#[cfg(not(libav_coded_side_data))]
fn copy_orientation(from: &Stream<'_>, to: &mut ffi::AVStream) -> Result<(), AvError> {
    let Some(matrix) = from.display_matrix() else { return Ok(()) };
    let (kind, size) = (ffi::AVPacketSideDataType::DISPLAYMATRIX, size_of_val(&matrix));
    // SAFETY: the stream is alive; the answer is null or `size` bytes that belong to it.
    let data = unsafe { ffi::av_stream_new_side_data(to, kind, size) };
    // SAFETY: null, or long enough for nine numbers; side data is aligned for any type.
    *unsafe { data.cast::<[i32; 9]>().as_mut() }.ok_or(AvError::NO_MEMORY)? = matrix;
    Ok(())
}

/// How the pictures lie is one of the parameters, since FFmpeg 6.1.
#[cfg(libav_coded_side_data)]
fn copy_orientation(_: &Stream<'_>, _: &mut ffi::AVStream) -> Result<(), AvError> {
    Ok(())
}

#[cfg(not(libav_const_write))]
type Written = *mut u8;
#[cfg(libav_const_write)]
type Written = *const u8;

/// libav's write callback.
unsafe extern "C" fn write<S: Sink>(opaque: *mut c_void, buffer: Written, size: c_int) -> c_int {
    // SAFETY: `opaque` is the sink given to `avio_alloc_context`; libav calls from one thread at a time.
    let sink = unsafe { &mut *opaque.cast::<S>() };
    let Ok(len) = usize::try_from(size) else { return ffi::AVERROR(libc::EINVAL) };
    // SAFETY: libav gives `size` bytes that stay alive during the call.
    let bytes = unsafe { slice::from_raw_parts(buffer.cast_const(), len) };
    match sink.write_all(bytes) {
        Ok(()) => size,
        Err(error) => ffi::AVERROR(error.raw_os_error().unwrap_or(libc::EIO)),
    }
}

/// libav's seek callback; also asked for the size, which it can do without.
unsafe extern "C" fn seek<S: Sink>(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `write`.
    let sink = unsafe { &mut *opaque.cast::<S>() };
    let result = match whence & !ffi::AVSEEK_FORCE {
        libc::SEEK_SET => match u64::try_from(offset) {
            Ok(offset) => sink.seek(SeekFrom::Start(offset)),
            Err(_) => return ffi::AVERROR(libc::EINVAL).into(),
        },
        libc::SEEK_CUR => sink.seek(SeekFrom::Current(offset)),
        libc::SEEK_END => sink.seek(SeekFrom::End(offset)),
        _ => return ffi::AVERROR(libc::EINVAL).into(),
    };
    result.ok().and_then(|position| i64::try_from(position).ok()).unwrap_or(ffi::AVERROR(libc::EIO).into())
}
