//! Turns a picture's planes into RGB or grey bytes, at its own size or another.
//!
//! What matters for the bits, found by comparing with FFmpeg 8's frame conversion, which derives all of it by itself:
//! the matrix and range of the picture, the place of the chroma samples, and for an interlaced picture a conversion
//! of each field apart. `SWS_BILINEAR` alone, no accurate rounding.

use std::{
    ffi::{CStr, c_int},
    ptr::{self, NonNull},
};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, Picture, PixelFormat};
use crate::Pixels;

/// libswscale's flags by their numbers: their type differs between its versions, the numbers do not.
const BILINEAR: i64 = 2;
const AREA: i64 = 0x20;

/// Luma rows or columns a chroma position is counted in.
const CHROMA_UNITS: c_int = 256;

/// Which rows of a picture are converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// All of them.
    Whole,
    /// Rows 0, 2, 4, …
    Top,
    /// Rows 1, 3, 5, …
    Bottom,
}

/// What a picture is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleTo {
    /// Columns.
    pub width: u32,
    /// Rows of the whole picture.
    pub height: u32,
    pub pixels: Pixels,
}

/// A converter for pictures of one size and format.
pub struct Scaler {
    context: NonNull<ffi::SwsContext>,
    made_for: MadeFor,
}

/// Everything the context was set up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MadeFor {
    width: u32,
    height: u32,
    from: PixelFormat,
    to: ScaleTo,
    field: Field,
}

impl MadeFor {
    fn of(picture: &Picture, to: ScaleTo, field: Field) -> Self {
        Self { width: picture.width(), height: picture.height(), from: picture.pixel_format(), to, field }
    }

    /// Rows that one conversion reads and writes.
    fn rows(&self) -> (u32, u32) {
        match self.field {
            Field::Whole => (self.height, self.to.height),
            Field::Top | Field::Bottom => (self.height / 2, self.to.height / 2),
        }
    }

    fn is_full_range(&self) -> bool {
        use ffi::AVPixelFormat as Format;
        let formats_that_say_so = [Format::YUVJ420P, Format::YUVJ422P, Format::YUVJ444P, Format::YUVJ440P];
        self.from.colour_range == ffi::AVColorRange::JPEG || formats_that_say_so.contains(&self.from.format)
    }

    /// Where the chroma samples lie, right of and below the luma sample; `None` for a side that is not subsampled.
    fn chroma_position(&self) -> (Option<c_int>, Option<c_int>) {
        let (mut shift_x, mut shift_y) = (0, 0);
        // SAFETY: both shifts are valid to write; an unknown format leaves them.
        unsafe { ffi::av_pix_fmt_get_chroma_sub_sample(self.from.format, &mut shift_x, &mut shift_y) };
        let half = CHROMA_UNITS / 2;
        use ffi::AVChromaLocation as Location;
        let (x, y) = match self.from.chroma_location {
            Location::LEFT => (0, half),
            Location::TOPLEFT => (0, 0),
            Location::TOP => (half, 0),
            Location::BOTTOMLEFT => (0, CHROMA_UNITS),
            Location::BOTTOM => (half, CHROMA_UNITS),
            _ => (half, half), // the centre, also where the file does not tell
        };
        let x = x * ((1 << shift_x) - 1);
        let y = y * ((1 << shift_y) - 1);
        // The rows of a field lie twice as far apart, and the bottom field starts one row lower.
        let y = match self.field {
            Field::Whole => y,
            Field::Top => y >> 1,
            Field::Bottom => (y + CHROMA_UNITS) >> 1,
        };
        ((shift_x > 0).then_some(x), (shift_y > 0).then_some(y))
    }
}

impl Scaler {
    /// Whether libswscale reads such pixels at all.
    pub fn can_read(format: PixelFormat) -> bool {
        // SAFETY: takes any number.
        unsafe { ffi::sws_isSupportedInput(format.format) != 0 }
    }

    /// Makes a converter for pictures like this one.
    pub fn for_picture(picture: &Picture, to: ScaleTo, field: Field) -> Result<Self, AvError> {
        let made_for = MadeFor::of(picture, to, field);
        // SAFETY: takes nothing, gives a context or null.
        let context = NonNull::new(unsafe { ffi::sws_alloc_context() }).ok_or(AvError::NO_MEMORY)?;
        let scaler = Self { context, made_for };
        scaler.set_up()?;
        Ok(scaler)
    }

    fn set_up(&self) -> Result<(), AvError> {
        let wanted = &self.made_for;
        let (rows_read, rows_written) = wanted.rows();
        let full_range = wanted.is_full_range();
        let same_size = (wanted.width, wanted.height) == (wanted.to.width, wanted.to.height);
        let target = match wanted.to.pixels {
            Pixels::Rgb24 => ffi::AVPixelFormat::RGB24,
            Pixels::Gray8 => ffi::AVPixelFormat::GRAY8,
        };
        self.set(c"srcw", wanted.width.into())?;
        self.set(c"srch", rows_read.into())?;
        self.set(c"src_format", wanted.from.format.0.into())?;
        self.set(c"dstw", wanted.to.width.into())?;
        self.set(c"dsth", rows_written.into())?;
        self.set(c"dst_format", target.0.into())?;
        self.set(c"sws_flags", if same_size { BILINEAR } else { AREA })?;
        self.set(c"src_range", full_range.into())?;
        self.set(c"dst_range", 1)?;
        let (chroma_x, chroma_y) = wanted.chroma_position();
        if let Some(x) = chroma_x {
            self.set(c"src_h_chr_pos", x.into())?;
        }
        if let Some(y) = chroma_y {
            self.set(c"src_v_chr_pos", y.into())?;
        }
        // SAFETY: the context is set up and not initialised yet; filters are optional.
        AvError::check(unsafe { ffi::sws_init_context(self.context.as_ptr(), ptr::null_mut(), ptr::null_mut()) })?;
        let space = match wanted.from.colour_space {
            ffi::AVColorSpace::RGB | ffi::AVColorSpace::UNSPECIFIED => ffi::SWS_CS_DEFAULT as c_int,
            space => space.0 as c_int,
        };
        // SAFETY: takes any number; the answer is a static table.
        let matrix = unsafe { ffi::sws_getCoefficients(space) };
        // SAFETY: as above.
        let default_matrix = unsafe { ffi::sws_getCoefficients(ffi::SWS_CS_DEFAULT as c_int) };
        const ONE: c_int = 1 << 16;
        // The answer is no error: it says that this conversion has no use for a matrix.
        // SAFETY: the context is initialised, the tables static. Brightness 0, contrast 1, saturation 1.
        unsafe {
            ffi::sws_setColorspaceDetails(
                self.context.as_ptr(),
                matrix,
                full_range.into(),
                default_matrix,
                1,
                0,
                ONE,
                ONE,
            )
        };
        Ok(())
    }

    fn set(&self, name: &CStr, value: i64) -> Result<(), AvError> {
        // SAFETY: a scaler context has options, the name is NUL-ended.
        AvError::check(unsafe { ffi::av_opt_set_int(self.context.as_ptr().cast(), name.as_ptr(), value, 0) }).map(drop)
    }

    /// Whether it was made for this conversion, and can serve again.
    pub fn fits(&self, picture: &Picture, to: ScaleTo, field: Field) -> bool {
        self.made_for == MadeFor::of(picture, to, field)
    }

    /// The bytes that a target with rows of `stride` bytes must have: libswscale writes whole blocks, so the rows
    /// need room at their end, and the last one too.
    pub fn target_bytes(to: ScaleTo, stride: usize) -> usize {
        stride * to.height as usize + Self::SLACK_BYTES
    }

    /// How far libswscale may write behind a row's last pixel.
    pub const SLACK_BYTES: usize = 64;

    /// Converts `picture` into `target`, whose rows are `stride` bytes apart.
    ///
    /// # Errors
    /// [`AvError::INVALID`] when the scaler does not fit the picture or the target has not enough room.
    pub fn convert(&mut self, picture: &Picture, target: &mut [u8], stride: usize) -> Result<(), AvError> {
        let MadeFor { to, field, .. } = self.made_for;
        let room = target.len() >= Self::target_bytes(to, stride)
            && stride >= to.width as usize * usize::from(to.pixels.channels());
        if !self.fits(picture, to, field) || !room {
            return Err(AvError::INVALID);
        }
        let raw = picture.raw();
        let (step, offset) = match field {
            Field::Whole => (1, 0),
            Field::Top => (2, 0),
            Field::Bottom => (2, 1),
        };
        let mut planes = [ptr::null::<u8>(); 4];
        let mut plane_strides = [0; 4];
        for (index, plane) in planes.iter_mut().enumerate().filter(|(index, _)| !raw.data[*index].is_null()) {
            let row = raw.linesize[index];
            *plane = raw.data[index].wrapping_offset(row as isize * offset as isize);
            plane_strides[index] = row * step;
        }
        if planes[0].is_null() {
            return Err(AvError::INVALID);
        }
        let target_stride = c_int::try_from(stride).map_err(|_| AvError::INVALID)?;
        let targets = [target[stride * offset..].as_mut_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut()];
        let target_strides = [target_stride.checked_mul(step).ok_or(AvError::INVALID)?, 0, 0, 0];
        let (rows, _) = self.made_for.rows();
        // SAFETY: the context was made for pictures of this very size and format, whose planes the decoder has
        // allocated with these strides; the target has room for every row written, block by block.
        AvError::check(unsafe {
            ffi::sws_scale(
                self.context.as_ptr(),
                planes.as_ptr(),
                plane_strides.as_ptr(),
                0,
                c_int::try_from(rows).map_err(|_| AvError::INVALID)?,
                targets.as_ptr(),
                target_strides.as_ptr(),
            )
        })
        .map(drop)
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        // SAFETY: the context came from `sws_alloc_context`, `Scaler` is its only owner, and drop runs once.
        unsafe { ffi::sws_freeContext(self.context.as_ptr()) }
    }
}

// SAFETY: a scaler context may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Scaler {}
