//! A decoded picture in the decoder's own pixels.

use std::{ffi::c_int, ptr::NonNull};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, names, ticks};
use crate::Orientation;

/// A decoded picture: owned, freed on drop.
pub struct Picture(NonNull<ffi::AVFrame>);

// SAFETY: a frame belongs to no thread; libav only counts references to its planes, atomically.
unsafe impl Send for Picture {}

/// What a pixel of a picture is, and how it becomes a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelFormat {
    pub(super) format: ffi::AVPixelFormat,
    pub(super) colour_space: ffi::AVColorSpace,
    pub(super) colour_range: ffi::AVColorRange,
    pub(super) chroma_location: ffi::AVChromaLocation,
}

impl PixelFormat {
    /// libav's name of the layout, such as `yuv420p`.
    pub fn name(self) -> String {
        names::pixel_format(self.format)
    }
}

impl Picture {
    pub(super) fn new() -> Result<Self, AvError> {
        // SAFETY: takes nothing, gives a frame or null.
        NonNull::new(unsafe { ffi::av_frame_alloc() }).map(Self).ok_or(AvError::NO_MEMORY)
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVFrame {
        self.0.as_ptr()
    }

    pub(super) fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: the frame is alive as long as `self`, and changed only through `&mut self`.
        unsafe { self.0.as_ref() }
    }

    /// Columns as stored.
    pub fn width(&self) -> u32 {
        u32::try_from(self.raw().width).unwrap_or(0)
    }

    /// Rows as stored.
    pub fn height(&self) -> u32 {
        u32::try_from(self.raw().height).unwrap_or(0)
    }

    /// Presentation time in the stream's time base: the stream's word, failing that libav's best guess.
    pub fn pts(&self) -> Option<i64> {
        ticks(self.raw().pts).or_else(|| ticks(self.raw().best_effort_timestamp))
    }

    /// How long the stream says it is shown, in its time base.
    pub fn duration(&self) -> Option<i64> {
        #[cfg(libav_frame_duration)]
        let duration = self.raw().duration;
        #[cfg(not(libav_frame_duration))]
        let duration = self.raw().pkt_duration;
        (duration > 0).then_some(duration)
    }

    /// Whether it was coded without reference to another picture (type I).
    pub fn is_intra(&self) -> bool {
        self.raw().pict_type == ffi::AVPictureType::I
    }

    /// Whether the decoder noticed that parts of it are missing or guessed.
    pub fn is_damaged(&self) -> bool {
        self.raw().decode_error_flags != 0
    }

    /// Whether its odd and even rows are two moments.
    pub fn is_interlaced(&self) -> bool {
        #[cfg(libav_frame_flags)]
        let interlaced = self.raw().flags & ffi::AV_FRAME_FLAG_INTERLACED != 0;
        #[cfg(not(libav_frame_flags))]
        let interlaced = self.raw().interlaced_frame != 0;
        interlaced
    }

    /// Whether its two fields can be read apart. A plane of an odd number of rows has one row less in its bottom field;
    /// the converter reads the missing one nevertheless, from behind the plane, where decoders mostly have room.
    pub fn has_readable_fields(&self) -> bool {
        let format = ffi::AVPixelFormat(self.raw().format);
        let (mut right, mut down) = (0, 0);
        // SAFETY: both shifts are valid to write; an unknown format leaves them.
        unsafe { ffi::av_pix_fmt_get_chroma_sub_sample(format, &mut right, &mut down) };
        let field_rows = self.height() as usize / 2;
        let chroma_rows = field_rows.div_ceil(1 << down);
        (1..3).all(|plane| self.has_rows(plane, 2 * chroma_rows))
    }

    /// Whether the memory of a plane has so many rows. A plane that is not there has as many as one likes.
    fn has_rows(&self, plane: usize, rows: usize) -> bool {
        let raw = self.raw();
        let (start, Ok(stride)) = (raw.data[plane].addr(), usize::try_from(raw.linesize[plane])) else { return false };
        if start == 0 {
            return true;
        }
        // SAFETY: the frame is valid and the plane is one of its first four.
        let buffer = unsafe { ffi::av_frame_get_plane_buffer(self.0.as_ptr(), plane as c_int) };
        // SAFETY: null, or alive as long as the frame.
        let Some(buffer) = (unsafe { buffer.as_ref() }) else { return false };
        let end = stride.checked_mul(rows).and_then(|bytes| bytes.checked_add(start));
        end.is_some_and(|end| end <= buffer.data.addr().saturating_add(buffer.size))
    }

    pub fn pixel_format(&self) -> PixelFormat {
        let raw = self.raw();
        PixelFormat {
            format: ffi::AVPixelFormat(raw.format),
            colour_space: raw.colorspace,
            colour_range: raw.color_range,
            chroma_location: raw.chroma_location,
        }
    }

    /// How the picture lies, where the coded picture itself tells it.
    pub fn orientation(&self) -> Option<Orientation> {
        // SAFETY: the frame is valid; the answer is null or lives as long as the frame.
        let data = unsafe { ffi::av_frame_get_side_data(self.0.as_ptr(), ffi::AVFrameSideDataType::DISPLAYMATRIX) };
        // SAFETY: as above.
        let data = unsafe { data.as_ref() }?;
        if data.size < size_of::<[i32; 9]>() {
            return None;
        }
        // SAFETY: long enough for nine numbers; side data is aligned for any type.
        let matrix = unsafe { data.data.cast::<[i32; 9]>().as_ref() }?;
        Some(Orientation::from_display_matrix(matrix))
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: `raw` came from `av_frame_alloc`, `Picture` is its only owner, and drop runs once.
        unsafe { ffi::av_frame_free(&mut raw) }
    }
}
