//! An opened container: its streams and their packets.

use std::{
    collections::VecDeque,
    ffi::{CStr, CString, c_char, c_int},
    fs::File,
    marker::PhantomData,
    os::unix::fs::FileExt,
    path::Path,
    ptr::{self, NonNull},
    slice,
    sync::{Arc, atomic::AtomicBool},
};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, Packet, coded_pixels, complaints, io::Io, names, rational, ticks};
use crate::{AudioInfo, Orientation, Rational, access::Coding, flv};

/// How a container is opened.
pub struct OpenOptions {
    pub max_streams: u32,
    pub max_pixels: u64,
    /// libav's names of formats that are not to be read. Some are never done reading: a playlist that is still being
    /// written is asked for again and again.
    pub refused: &'static [&'static str],
    /// Set from any thread: reading ends with an error.
    pub cancelled: Arc<AtomicBool>,
}

/// Why a container could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// It is of a refused format, which has this name.
    Refused(String),
    /// libav's reason.
    Libav(AvError),
}

impl From<AvError> for OpenError {
    fn from(error: AvError) -> Self {
        Self::Libav(error)
    }
}

/// An opened container.
pub struct Input {
    context: NonNull<ffi::AVFormatContext>,
    /// Used by `context` until it is closed.
    io: Io,
    has_lost: bool,
    /// Where the demuxer lost its way while the file was opened: the packets behind these bytes are still to be read.
    lost_at: VecDeque<u64>,
}

// SAFETY: a format context may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Input {}

impl Input {
    /// Opens `file` and looks into its streams. `path` serves for its extension only: nothing is opened by name.
    ///
    /// # Errors
    /// A refused format before anything of it is read but its first bytes; else libav's reason.
    pub fn open(file: File, path: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        complaints::listen();
        let again = file.try_clone();
        let io = Io::new(file, Arc::clone(&options.cancelled))?;
        let url = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| AvError::INVALID)?;
        let mut settings = Dictionary::default();
        settings.set(c"protocol_whitelist", c"none");
        settings.set_number(c"max_streams", options.max_streams.into());
        let mut format = ptr::null();
        let io_context = io.as_ptr();
        // SAFETY: the I/O and the string are alive; the bytes that are looked at stay to be read again.
        let found =
            unsafe { ffi::av_probe_input_buffer2(io_context, &mut format, url.as_ptr(), ptr::null_mut(), 0, 0) };
        AvError::check(found)?;
        let name = format_name(format);
        if options.refused.contains(&name.as_str()) {
            return Err(OpenError::Refused(name));
        }
        // SAFETY: takes nothing, gives a context or null.
        let mut raw = unsafe { ffi::avformat_alloc_context() };
        let Some(mut context) = NonNull::new(raw) else { return Err(AvError::NO_MEMORY.into()) };
        // SAFETY: just allocated, and nobody else knows it.
        unsafe { context.as_mut() }.pb = io_context;
        let (opened, is_lost) = complaints::watch(context.as_ptr(), || {
            // SAFETY: `raw` is an unopened context with its own I/O, the format is static, the string alive; on failure libav frees `raw`.
            AvError::check(unsafe { ffi::avformat_open_input(&mut raw, url.as_ptr(), format, &mut settings.0) })?;
            let context = NonNull::new(raw).ok_or(AvError::NO_MEMORY)?;
            let mut input = Self { context, io, has_lost: false, lost_at: VecDeque::new() };
            input.find_stream_info(options.max_pixels)?;
            Ok::<Self, AvError>(input)
        });
        let mut input = opened?;
        if is_lost {
            input.lost_at = again.ok().filter(|_| name == "flv").map_or(VecDeque::new(), |file| input.breaks(&file));
            if input.lost_at.is_empty() {
                input.lost_at.push_back(0); // somewhere, but where?
            }
        }
        Ok(input)
    }

    /// Where an FLV file has no whole tags, as far as it was read.
    fn breaks(&self, file: &File) -> VecDeque<u64> {
        /// More than is read of any file to open it.
        const MAX_BYTES: u64 = 16 << 20;
        let mut bytes = vec![0; self.io.position().min(MAX_BYTES) as usize]; // far below what a size holds
        let read = file.read_exact_at(&mut bytes, 0);
        if read.is_ok() { flv::breaks(&bytes).into() } else { VecDeque::new() }
    }

    /// Reads ahead until the streams' facts are known; decodes a little where the container does not tell them.
    fn find_stream_info(&mut self, max_pixels: u64) -> Result<(), AvError> {
        let mut settings: Vec<Dictionary> = (0..self.raw().nb_streams).map(|_| Dictionary::default()).collect();
        for settings in &mut settings {
            settings.set_number(c"max_pixels", coded_pixels(max_pixels));
        }
        let mut raw: Vec<*mut ffi::AVDictionary> = settings.iter().map(|settings| settings.0).collect();
        // SAFETY: the context is open, and `raw` has one dictionary (or null) for each of its streams.
        let code = unsafe { ffi::avformat_find_stream_info(self.context.as_ptr(), raw.as_mut_ptr()) };
        for (settings, raw) in settings.iter_mut().zip(raw) {
            settings.0 = raw; // libav replaces a dictionary by what it did not use
        }
        AvError::check(code).map(drop)
    }

    fn raw(&self) -> &ffi::AVFormatContext {
        // SAFETY: the context is alive as long as `self`, and changed only through `&mut self`.
        unsafe { self.context.as_ref() }
    }

    /// libav's short name of the container.
    pub fn format(&self) -> String {
        format_name(self.raw().iformat)
    }

    /// Where the timeline begins, in microseconds, as libav counts it: the earliest stream's start.
    pub fn start_micros(&self) -> Option<i64> {
        ticks(self.raw().start_time)
    }

    /// The length in microseconds.
    pub fn duration_micros(&self) -> Option<i64> {
        ticks(self.raw().duration).filter(|&micros| micros > 0)
    }

    /// Every stream, in the container's order.
    pub fn streams(&self) -> impl Iterator<Item = Stream<'_>> {
        let streams = self.raw().streams;
        (0..self.raw().nb_streams as usize).filter_map(move |index| {
            // SAFETY: `streams` has `nb_streams` entries.
            let stream = unsafe { *streams.wrapping_add(index) };
            // SAFETY: streams and their parameters live as long as the context that `self` borrows.
            let raw = unsafe { stream.as_ref() }?;
            // SAFETY: as above.
            let parameters = unsafe { raw.codecpar.as_ref() }?;
            Some(Stream { raw, parameters, _input: PhantomData })
        })
    }

    /// Makes the demuxer skip all streams but the wanted ones.
    pub fn keep_only(&mut self, wanted: &[u32]) {
        let (streams, count) = (self.raw().streams, self.raw().nb_streams);
        for index in (0..count).filter(|index| !wanted.contains(index)) {
            // SAFETY: `streams` has `count` entries.
            let stream = unsafe { *streams.wrapping_add(index as usize) };
            // SAFETY: the stream lives as long as the context, which `&mut self` lends to nobody else.
            if let Some(stream) = unsafe { stream.as_mut() } {
                stream.discard = ffi::AVDiscard::ALL;
            }
        }
    }

    /// Goes back to the beginning of a stream, as far as the container can: what is read next has to be looked at.
    pub fn rewind(&mut self, stream: u32) -> Result<(), AvError> {
        /// Before everything, and far from where arithmetic with other time bases would overflow.
        const LONG_AGO: i64 = -(1 << 40);
        let stream = c_int::try_from(stream).map_err(|_| AvError::INVALID)?;
        let backward = ffi::AVSEEK_FLAG_BACKWARD as c_int;
        // SAFETY: the context is open; a stream that it does not have is an error.
        AvError::check(unsafe { ffi::av_seek_frame(self.context.as_ptr(), stream, LONG_AGO, backward) }).map(drop)
    }

    /// Reads the next packet into `packet`. `false` at the end of the file. The first packet behind bytes that the demuxer
    /// could make nothing of is marked as corrupt, and their being the last is an error: what lay there is lost.
    pub fn read(&mut self, packet: &mut Packet) -> Result<bool, AvError> {
        packet.clear();
        let (code, is_lost) = complaints::watch(self.context.as_ptr(), || {
            // SAFETY: the context is open and the packet valid and empty.
            unsafe { ffi::av_read_frame(self.context.as_ptr(), packet.as_mut_ptr()) }
        });
        match AvError::check(code) {
            Ok(_) => {
                self.has_lost = is_lost | self.is_behind_a_loss(packet);
                if self.has_lost {
                    packet.mark_corrupt();
                }
                Ok(true)
            }
            Err(AvError::END) if is_lost => Err(AvError::DAMAGED),
            Err(AvError::END) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a packet is the first of a stream that is wanted behind bytes that were passed over when the file was opened.
    fn is_behind_a_loss(&mut self, packet: &Packet) -> bool {
        let is_wanted = |stream: &Stream<'_>| stream.index() == packet.stream_index() && !stream.is_skipped();
        if self.lost_at.is_empty() || !self.streams().any(|stream| is_wanted(&stream)) {
            return false;
        }
        // Where that is not told, what was read later lies behind it.
        let lost = self.lost_at.partition_point(|&lost| packet.position().is_none_or(|position| lost <= position));
        self.lost_at.drain(..lost);
        lost > 0
    }

    /// Whether something is lost between the packet that was read last and the one before it.
    pub fn has_lost(&self) -> bool {
        self.has_lost
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let mut raw = self.context.as_ptr();
        // SAFETY: `raw` is open, `Input` is its only owner, and drop runs once; `io` is freed after it.
        unsafe { ffi::avformat_close_input(&mut raw) }
    }
}

/// libav's short name of a format that it has found; empty for none.
fn format_name(format: *const ffi::AVInputFormat) -> String {
    // SAFETY: null, or one of libav's static descriptions.
    let Some(format) = (unsafe { format.as_ref() }) else { return String::new() };
    // SAFETY: static and NUL-ended.
    unsafe { names::owned(format.name) }.unwrap_or_default()
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamType {
    Video,
    Audio,
    Other,
}

/// A stream of an [`Input`].
#[derive(Clone, Copy)]
pub struct Stream<'a> {
    raw: &'a ffi::AVStream,
    parameters: &'a ffi::AVCodecParameters,
    _input: PhantomData<&'a Input>,
}

impl Stream<'_> {
    /// Whether the demuxer was told to skip it.
    fn is_skipped(&self) -> bool {
        self.raw.discard == ffi::AVDiscard::ALL
    }

    pub(super) fn parameters(&self) -> &ffi::AVCodecParameters {
        self.parameters
    }

    pub(super) fn raw_time_base(&self) -> ffi::AVRational {
        self.raw.time_base
    }

    pub(super) fn raw_sample_aspect_ratio(&self) -> ffi::AVRational {
        self.raw.sample_aspect_ratio
    }

    pub(super) fn raw_average_fps(&self) -> ffi::AVRational {
        self.raw.avg_frame_rate
    }

    /// What the container keeps for the decoder, beside the packets.
    pub fn extradata(&self) -> &[u8] {
        let (start, size) = (self.parameters.extradata, usize::try_from(self.parameters.extradata_size).unwrap_or(0));
        if start.is_null() || size == 0 {
            return &[];
        }
        // SAFETY: so many bytes, alive and unchanged as long as the stream is borrowed.
        unsafe { slice::from_raw_parts(start, size) }
    }

    /// How its packets tell where decoding can begin.
    pub fn coding(&self) -> Coding {
        match self.parameters.codec_id {
            ffi::AVCodecID::H264 => Coding::H264,
            ffi::AVCodecID::HEVC => Coding::Hevc,
            ffi::AVCodecID::MPEG1VIDEO | ffi::AVCodecID::MPEG2VIDEO => Coding::Mpeg2,
            ffi::AVCodecID::MPEG4 => Coding::Mpeg4,
            ffi::AVCodecID::VP8 => Coding::Vp8,
            ffi::AVCodecID::VP9 => Coding::Vp9,
            ffi::AVCodecID::AV1 => Coding::Av1,
            // Its key frames reset everything; all of its pictures may be such.
            ffi::AVCodecID::FFV1 => Coding::IntraOnly,
            // Its layout differs from container to container.
            ffi::AVCodecID::RAWVIDEO => Coding::Other,
            id => {
                // SAFETY: takes any number; the answer is static or null.
                let descriptor = unsafe { ffi::avcodec_descriptor_get(id) };
                // SAFETY: as above.
                let props = unsafe { descriptor.as_ref() }.map_or(0, |descriptor| descriptor.props);
                if props & ffi::AV_CODEC_PROP_INTRA_ONLY != 0 { Coding::IntraOnly } else { Coding::Other }
            }
        }
    }

    /// How many samples a packet of so many bytes holds, for codecs whose packets tell it in no other way.
    pub fn samples_in_packet(&self, bytes: usize) -> Option<u32> {
        let bytes = c_int::try_from(bytes).ok()?;
        let parameters: *const ffi::AVCodecParameters = self.parameters;
        // SAFETY: the parameters are alive, and only read.
        let samples = unsafe { ffi::av_get_audio_frame_duration2(parameters.cast_mut(), bytes) };
        u32::try_from(samples).ok().filter(|&samples| samples > 0)
    }

    /// How many packets a decoder of sound has to be given before its output is what it would be from the stream's
    /// beginning on; `None` where that cannot be told.
    pub fn packets_to_warm_up(&self) -> Option<usize> {
        match self.parameters.codec_id {
            // Overlapping blocks.
            ffi::AVCodecID::AAC | ffi::AVCodecID::AC3 | ffi::AVCodecID::EAC3 | ffi::AVCodecID::VORBIS => Some(2),
            // Blocks that reach back into the bytes of up to nine others.
            ffi::AVCodecID::MP3 | ffi::AVCodecID::MP2 => Some(10),
            // It adapts; 80 ms are said to do, in packets of mostly 20 ms.
            ffi::AVCodecID::OPUS => Some(8),
            ffi::AVCodecID::FLAC | ffi::AVCodecID::ALAC => Some(0),
            _ if self.codec().starts_with("pcm_") => Some(0),
            _ => None,
        }
    }

    pub fn index(&self) -> u32 {
        u32::try_from(self.raw.index).unwrap_or(u32::MAX)
    }

    /// A video or audio stream of which libav found out nothing (no size, no sample rate) counts as neither.
    pub fn kind(&self) -> StreamType {
        match self.parameters.codec_type {
            ffi::AVMediaType::VIDEO if self.width() > 0 && self.height() > 0 => StreamType::Video,
            ffi::AVMediaType::AUDIO if self.parameters.sample_rate > 0 => StreamType::Audio,
            _ => StreamType::Other,
        }
    }

    /// libav's name of the type.
    pub fn type_name(&self) -> String {
        names::media_type(self.parameters.codec_type)
    }

    /// libav's short name of the codec.
    pub fn codec(&self) -> String {
        names::codec(self.parameters.codec_id)
    }

    /// Whether single packets of it can be pictures that are not shown, marked in their first byte.
    pub fn is_vp8(&self) -> bool {
        self.parameters.codec_id == ffi::AVCodecID::VP8
    }

    /// How many pictures a decoder holds back to bring them into order.
    pub fn reorder_depth(&self) -> usize {
        usize::try_from(self.parameters.video_delay).unwrap_or(0)
    }

    /// The unit of its times.
    pub fn time_base(&self) -> Rational {
        rational(self.raw.time_base).unwrap_or(Rational { num: 1, den: 1_000_000 })
    }

    /// The first timestamp.
    pub fn start(&self) -> Option<i64> {
        ticks(self.raw.start_time)
    }

    /// For sound: how many of the first samples only prime the decoder and are not heard.
    pub fn priming_samples(&self) -> u32 {
        u32::try_from(self.parameters.initial_padding).unwrap_or(0)
    }

    /// For sound: how long the first samples are that only prime the decoder and are not heard, in its time base.
    pub fn priming(&self) -> i64 {
        priming(self.parameters, self.raw.time_base)
    }

    /// The length, in its time base.
    pub fn duration(&self) -> Option<i64> {
        ticks(self.raw.duration).filter(|&duration| duration > 0)
    }

    pub fn is_default(&self) -> bool {
        self.raw.disposition & ffi::AV_DISPOSITION_DEFAULT != 0
    }

    pub fn is_attached_picture(&self) -> bool {
        self.raw.disposition & ffi::AV_DISPOSITION_ATTACHED_PIC != 0
    }

    /// A tag, as written.
    pub fn tag(&self, key: &CStr) -> Option<String> {
        // SAFETY: the dictionary is the stream's own or null, the key NUL-ended.
        let entry = unsafe { ffi::av_dict_get(self.raw.metadata, key.as_ptr(), ptr::null(), 0) };
        // SAFETY: the entry is null or lives as long as the dictionary.
        let value: *const c_char = unsafe { entry.as_ref() }?.value;
        // SAFETY: values of a dictionary are NUL-ended.
        unsafe { names::owned(value) }
    }

    /// Columns as stored; 0 when not known.
    pub fn width(&self) -> u32 {
        u32::try_from(self.parameters.width).unwrap_or(0)
    }

    /// Rows as stored; 0 when not known.
    pub fn height(&self) -> u32 {
        u32::try_from(self.parameters.height).unwrap_or(0)
    }

    pub fn pixel_format(&self) -> String {
        names::pixel_format(ffi::AVPixelFormat(self.parameters.format))
    }

    pub fn colour_space(&self) -> Option<String> {
        names::colour_space(self.parameters.color_space)
    }

    pub fn colour_range(&self) -> Option<String> {
        names::colour_range(self.parameters.color_range)
    }

    pub fn sample_aspect_ratio(&self) -> Option<Rational> {
        rational(self.raw.sample_aspect_ratio).or_else(|| rational(self.parameters.sample_aspect_ratio))
    }

    /// Frames a second on average.
    pub fn average_fps(&self) -> Option<Rational> {
        rational(self.raw.avg_frame_rate)
    }

    /// The lowest rate that all timestamps fit, a guess.
    pub fn nominal_fps(&self) -> Option<Rational> {
        rational(self.raw.r_frame_rate)
    }

    pub fn audio(&self) -> AudioInfo {
        let positive = |number: c_int| u32::try_from(number).unwrap_or(0);
        AudioInfo {
            sample_rate: positive(self.parameters.sample_rate),
            channels: positive(self.parameters.ch_layout.nb_channels),
            channel_layout: names::channel_layout(&self.parameters.ch_layout),
            sample_format: names::sample_format(ffi::AVSampleFormat(self.parameters.format)),
        }
    }

    /// How the stored pictures lie.
    pub fn orientation(&self) -> Orientation {
        self.display_matrix().map_or(Orientation::UPRIGHT, |matrix| Orientation::from_display_matrix(&matrix))
    }

    #[cfg(not(libav_coded_side_data))]
    pub(super) fn display_matrix(&self) -> Option<[i32; 9]> {
        let mut size = 0;
        // SAFETY: the stream is alive; the answer is null or points to `size` bytes that live as long.
        let data =
            unsafe { ffi::av_stream_get_side_data(self.raw, ffi::AVPacketSideDataType::DISPLAYMATRIX, &mut size) };
        if size < size_of::<[i32; 9]>() {
            return None;
        }
        // SAFETY: null, or long enough for nine numbers; side data is aligned for any type.
        unsafe { data.cast::<[i32; 9]>().as_ref() }.copied()
    }

    #[cfg(libav_coded_side_data)]
    fn display_matrix(&self) -> Option<[i32; 9]> {
        // SAFETY: the parameters' list has as many entries as they say; the answer is null or one of them.
        let entry = unsafe {
            ffi::av_packet_side_data_get(
                self.parameters.coded_side_data,
                self.parameters.nb_coded_side_data,
                ffi::AVPacketSideDataType::DISPLAYMATRIX,
            )
        };
        // SAFETY: null, or an entry that lives as long as the stream.
        let entry = unsafe { entry.as_ref() }?;
        if entry.size < size_of::<[i32; 9]>() {
            return None;
        }
        // SAFETY: null, or long enough for nine numbers; side data is aligned for any type.
        unsafe { entry.data.cast::<[i32; 9]>().as_ref() }.copied()
    }
}

/// How long the samples are that only prime a decoder.
pub(super) fn priming(parameters: &ffi::AVCodecParameters, base: ffi::AVRational) -> i64 {
    let (samples, rate) = (parameters.initial_padding, parameters.sample_rate);
    if samples <= 0 || rate <= 0 {
        return 0;
    }
    // SAFETY: plain arithmetic; both bases are above zero.
    unsafe { ffi::av_rescale_q(samples.into(), ffi::AVRational { num: 1, den: rate }, base) }
}

/// Names and values for libav: owned, freed on drop.
pub(super) struct Dictionary(pub(super) *mut ffi::AVDictionary);

impl Default for Dictionary {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl Dictionary {
    pub(super) fn set(&mut self, key: &CStr, value: &CStr) {
        // SAFETY: the dictionary is null or libav's; key and value are copied. Without memory the entry is missing.
        unsafe { ffi::av_dict_set(&mut self.0, key.as_ptr(), value.as_ptr(), 0) };
    }

    pub(super) fn set_number(&mut self, key: &CStr, value: i64) {
        // SAFETY: as above.
        unsafe { ffi::av_dict_set_int(&mut self.0, key.as_ptr(), value, 0) };
    }
}

impl Drop for Dictionary {
    fn drop(&mut self) {
        // SAFETY: null or libav's, and ours alone.
        unsafe { ffi::av_dict_free(&mut self.0) }
    }
}
