//! A piece of a stream as it lies in the file.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
    slice,
};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, PacketTimes, ticks};

/// A packet: owned, freed on drop, filled again and again.
pub struct Packet(NonNull<ffi::AVPacket>);

// SAFETY: a packet belongs to no thread; libav only counts references to its data, atomically.
unsafe impl Send for Packet {}

impl Packet {
    pub fn new() -> Result<Self, AvError> {
        // SAFETY: takes nothing, gives a packet or null.
        NonNull::new(unsafe { ffi::av_packet_alloc() }).map(Self).ok_or(AvError::NO_MEMORY)
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVPacket {
        self.0.as_ptr()
    }

    pub(super) fn as_ptr(&self) -> *const ffi::AVPacket {
        self.0.as_ptr()
    }

    fn raw(&self) -> &ffi::AVPacket {
        // SAFETY: the packet is alive as long as `self`, and changed only through `&mut self`.
        unsafe { self.0.as_ref() }
    }

    /// Lets go of the content.
    pub fn clear(&mut self) {
        // SAFETY: the packet is valid; an empty one stays empty.
        unsafe { ffi::av_packet_unref(self.as_mut_ptr()) }
    }

    pub fn stream_index(&self) -> u32 {
        u32::try_from(self.raw().stream_index).unwrap_or(u32::MAX)
    }

    /// Presentation time in the stream's time base.
    pub fn pts(&self) -> Option<i64> {
        ticks(self.raw().pts)
    }

    /// Decoding time in the stream's time base.
    pub fn dts(&self) -> Option<i64> {
        ticks(self.raw().dts)
    }

    /// In the stream's time base; 0 when not known.
    pub fn duration(&self) -> i64 {
        self.raw().duration
    }

    /// Where it lies in the file, if that is told.
    pub(super) fn position(&self) -> Option<u64> {
        u64::try_from(self.raw().pos).ok()
    }

    pub fn is_key(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_KEY != 0
    }

    /// Whether the demuxer found it, or what lies in front of it, damaged.
    pub fn is_corrupt(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_CORRUPT != 0
    }

    /// Whether it is decoded but not shown, as an edit list can ask.
    pub fn is_discarded(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_DISCARD != 0
    }

    /// Whether it brings new parameters or colours for the decoder, beside its data.
    pub fn changes_the_decoder(&self) -> bool {
        use ffi::AVPacketSideDataType as Kind;
        [Kind::NEW_EXTRADATA, Kind::PARAM_CHANGE, Kind::PALETTE].into_iter().any(|kind| {
            // SAFETY: the packet is valid; the size is optional, and the answer null or inside of the packet.
            let data = unsafe { ffi::av_packet_get_side_data(self.as_ptr(), kind, ptr::null_mut()) };
            !data.is_null()
        })
    }

    /// How many samples of its sound are to be left out, at the beginning and at the end.
    pub fn samples_to_skip(&self) -> (u32, u32) {
        let mut size = 0;
        // SAFETY: the packet is valid; the answer is null or points to `size` bytes inside of it.
        let data =
            unsafe { ffi::av_packet_get_side_data(self.as_ptr(), ffi::AVPacketSideDataType::SKIP_SAMPLES, &mut size) };
        if data.is_null() || size < 8 {
            return (0, 0);
        }
        // SAFETY: at least 8 bytes long, as was asked above.
        let &[a, b, c, d, e, f, g, h] = unsafe { &*data.cast::<[u8; 8]>() };
        (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
    }

    /// Makes it a packet of another stream at other times.
    pub(super) fn set_place(&mut self, stream: usize, times: PacketTimes) -> Result<(), AvError> {
        let index = c_int::try_from(stream).map_err(|_| AvError::INVALID)?;
        // SAFETY: the packet is alive and ours alone.
        let raw = unsafe { self.0.as_mut() };
        (raw.pts, raw.dts, raw.duration) = (times.pts, times.dts, times.duration);
        (raw.stream_index, raw.pos) = (index, -1);
        raw.flags &= !ffi::AV_PKT_FLAG_DISCARD;
        Ok(())
    }

    /// Marks it as damaged, or behind something that is.
    pub(super) fn mark_corrupt(&mut self) {
        // SAFETY: the packet is alive and ours alone.
        unsafe { self.0.as_mut() }.flags |= ffi::AV_PKT_FLAG_CORRUPT;
    }

    /// Marks it as one that decoding can begin with.
    pub(super) fn mark_key(&mut self) {
        // SAFETY: the packet is alive and ours alone.
        unsafe { self.0.as_mut() }.flags |= ffi::AV_PKT_FLAG_KEY;
    }

    pub fn first_byte(&self) -> Option<u8> {
        self.data().first().copied()
    }

    /// The coded bytes.
    pub fn data(&self) -> &[u8] {
        let raw = self.raw();
        let Ok(len @ 1..) = usize::try_from(raw.size) else { return &[] };
        if raw.data.is_null() {
            return &[];
        }
        // SAFETY: the data of a packet is `size` bytes long and lives, unchanged, as long as the packet is borrowed.
        unsafe { slice::from_raw_parts(raw.data, len) }
    }

    /// Whether new headers for the decoder come with it, beside the coded bytes.
    pub fn has_new_headers(&self) -> bool {
        let kind = ffi::AVPacketSideDataType::NEW_EXTRADATA;
        // SAFETY: the packet is valid; the size is not asked for.
        !unsafe { ffi::av_packet_get_side_data(self.as_ptr(), kind, ptr::null_mut()) }.is_null()
    }

    /// Another packet of the same content, which is not copied.
    pub fn share(&self) -> Result<Self, AvError> {
        // SAFETY: the packet is valid; the answer is a packet or null.
        NonNull::new(unsafe { ffi::av_packet_clone(self.as_ptr()) }).map(Self).ok_or(AvError::NO_MEMORY)
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: `raw` came from `av_packet_alloc`, `Packet` is its only owner, and drop runs once.
        unsafe { ffi::av_packet_free(&mut raw) }
    }
}
