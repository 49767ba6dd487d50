//! Turns a picture's planes into RGB, grey or planes of 4:2:0, at its own size or another.
//!
//! The bits are those of FFmpeg 8's frame conversion, which derives by itself what older ones have to be told: the
//! matrix and range of the picture, the place of its chroma samples, and that the two fields of an interlaced picture
//! are converted apart. `SWS_BILINEAR` alone, no accurate rounding.

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

/// A luma row or column, in the units that chroma positions are counted in.
const LUMA_STEP: c_int = 256;

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

impl ScaleTo {
    /// Whether its odd and even rows can be written apart: as many of the one as of the other, in every plane.
    pub fn has_fields(self) -> bool {
        self.pixels.planes(self.width, self.height).all(|(_, rows, _)| rows.is_multiple_of(2))
    }
}

/// Where the planes of a target lie in its buffer.
pub struct TargetLayout {
    planes: Vec<Written>,
    bytes: usize,
}

/// A plane in a buffer, in bytes.
struct Written {
    start: usize,
    stride: usize,
    row_bytes: usize,
    rows: usize,
}

impl TargetLayout {
    /// How far libswscale may write behind a row's last pixel: it writes whole blocks, and on some machines only those.
    const SLACK_BYTES: usize = 64;
    /// Rows of a multiple of this are written to their ends and no further.
    const BLOCK_COLUMNS: u32 = 16;

    /// Rows without room between them, and some behind the last; `None` where they need room.
    pub fn tight(to: ScaleTo) -> Option<Self> {
        let is_one_plane = to.pixels.planes(to.width, to.height).len() == 1;
        (is_one_plane && to.width.is_multiple_of(Self::BLOCK_COLUMNS)).then(|| Self::with(to, |row_bytes| row_bytes))
    }

    /// Rows with room at their ends.
    pub fn padded(to: ScaleTo) -> Self {
        Self::with(to, |row_bytes| (row_bytes + Self::SLACK_BYTES).next_multiple_of(64))
    }

    fn with(to: ScaleTo, stride: impl Fn(usize) -> usize) -> Self {
        let mut bytes = 0;
        let mut planes = Vec::new();
        for (columns, rows, sample_bytes) in to.pixels.planes(to.width, to.height) {
            let (row_bytes, rows) = (columns as usize * usize::from(sample_bytes), rows as usize);
            let stride = stride(row_bytes);
            planes.push(Written { start: bytes, stride, row_bytes, rows });
            bytes += stride * rows;
        }
        Self { planes, bytes: bytes + Self::SLACK_BYTES }
    }

    /// What the buffer must have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the pixels take of it.
    pub fn pixel_bytes(&self) -> usize {
        self.planes.iter().map(|plane| plane.row_bytes * plane.rows).sum()
    }

    /// The rows of all planes, without what lies between them.
    pub fn rows<'a>(&'a self, buffer: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.planes.iter().flat_map(move |plane| {
            let rows = buffer[plane.start..].chunks_exact(plane.stride).take(plane.rows);
            rows.map(|row| &row[..plane.row_bytes])
        })
    }
}

/// A converter for pictures of one size and format.
pub struct Scaler {
    made_for: MadeFor,
    /// First to planes that have chroma in every row, where the way to RGB does not weigh chroma rows.
    to_rows_of_chroma: Option<(Context, ChromaInEveryRow)>,
    to_target: Context,
}

/// Everything a scaler depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MadeFor {
    width: u32,
    height: u32,
    from: PixelFormat,
    to: ScaleTo,
    field: Field,
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
        let (source, target) = (made_for.source(), made_for.target());
        let flags = if made_for.keeps_size() { BILINEAR } else { AREA };
        let (space, target_space) = (made_for.from.colour_space, made_for.target_space());
        if !made_for.needs_rows_of_chroma() {
            let to_target = Context::new(&source, &target, flags, space, target_space)?;
            return Ok(Self { made_for, to_rows_of_chroma: None, to_target });
        }
        let between = ChromaInEveryRow::new(source.width, source.height);
        let side = between.side(source.full_range);
        let to_between = Context::new(&source, &side, flags, space, target_space)?;
        let to_target = Context::new(&side, &target, flags, space, target_space)?;
        Ok(Self { made_for, to_rows_of_chroma: Some((to_between, between)), to_target })
    }

    /// Whether it was made for this conversion, and can serve again.
    pub fn fits(&self, picture: &Picture, to: ScaleTo, field: Field) -> bool {
        self.made_for == MadeFor::of(picture, to, field)
    }

    /// Converts `picture` into `target`, which is laid out as `layout` says.
    ///
    /// # Errors
    /// [`AvError::INVALID`] when the scaler does not fit the picture or the target has not enough room.
    pub fn convert(&mut self, picture: &Picture, target: &mut [u8], layout: &TargetLayout) -> Result<(), AvError> {
        let MadeFor { to, field, .. } = self.made_for;
        let planes = to.pixels.planes(to.width, to.height);
        let is_laid_out = planes.len() == layout.planes.len()
            && planes.zip(&layout.planes).all(|((columns, rows, sample_bytes), plane)| {
                plane.row_bytes == columns as usize * usize::from(sample_bytes) && plane.rows == rows as usize
            });
        if !is_laid_out || target.len() < layout.bytes || !self.fits(picture, to, field) {
            return Err(AvError::INVALID);
        }
        let source = Planes::of(picture, field)?;
        let written = Planes::in_buffer(target, layout, field)?;
        match &mut self.to_rows_of_chroma {
            None => self.to_target.run(&source, &written),
            Some((to_between, between)) => {
                let planes = between.planes()?;
                to_between.run(&source, &planes)?;
                self.to_target.run(&planes, &written)
            }
        }
    }
}

impl Field {
    /// Every how many rows, and from which.
    fn rows(self) -> (usize, usize) {
        match self {
            Self::Whole => (1, 0),
            Self::Top => (2, 0),
            Self::Bottom => (2, 1),
        }
    }
}

impl MadeFor {
    fn of(picture: &Picture, to: ScaleTo, field: Field) -> Self {
        Self { width: picture.width(), height: picture.height(), from: picture.pixel_format(), to, field }
    }

    fn keeps_size(&self) -> bool {
        (self.width, self.height) == (self.to.width, self.to.height)
    }

    fn source(&self) -> Side {
        let (right, down) = self.chroma_position(self.from.format);
        Side {
            width: self.width,
            height: self.height / self.field.rows().0 as u32,
            format: self.from.format,
            full_range: self.is_full_range(),
            chroma_right: right,
            chroma_down: down,
        }
    }

    fn target(&self) -> Side {
        let format = match self.to.pixels {
            Pixels::Rgb24 => ffi::AVPixelFormat::RGB24,
            Pixels::Gray8 => ffi::AVPixelFormat::GRAY8,
            Pixels::Yuv420p => ffi::AVPixelFormat::YUV420P,
        };
        let (chroma_right, chroma_down) = self.chroma_position(format);
        Side {
            width: self.to.width,
            height: self.to.height / self.field.rows().0 as u32,
            format,
            full_range: match self.to.pixels {
                Pixels::Rgb24 | Pixels::Gray8 => true,
                Pixels::Yuv420p => self.is_full_range() && !self.is_rgb(),
            },
            chroma_right,
            chroma_down,
        }
    }

    /// The matrix of the target, where it has one.
    fn target_space(&self) -> ffi::AVColorSpace {
        match self.to.pixels {
            Pixels::Rgb24 => ffi::AVColorSpace::UNSPECIFIED,
            Pixels::Gray8 | Pixels::Yuv420p => self.from.colour_space,
        }
    }

    fn is_rgb(&self) -> bool {
        // SAFETY: takes any number.
        let description = unsafe { ffi::av_pix_fmt_desc_get(self.from.format) };
        // SAFETY: null or a static table.
        let description = unsafe { description.as_ref() };
        description.is_some_and(|description| description.flags & ffi::AV_PIX_FMT_FLAG_RGB as u64 != 0)
    }

    fn is_full_range(&self) -> bool {
        use ffi::AVPixelFormat as Format;
        let formats_that_say_so = [Format::YUVJ420P, Format::YUVJ422P, Format::YUVJ444P, Format::YUVJ440P];
        self.from.colour_range == ffi::AVColorRange::JPEG || formats_that_say_so.contains(&self.from.format)
    }

    /// Where the chroma samples of a format lie, right of and below the luma sample, if they lie as the picture says;
    /// `None` for a side that is not subsampled.
    fn chroma_position(&self, format: ffi::AVPixelFormat) -> (Option<c_int>, Option<c_int>) {
        use ffi::AVChromaLocation as Location;
        let (shift_right, shift_down) = chroma_shifts(format);
        let half = LUMA_STEP / 2;
        let (right, down) = match self.from.chroma_location {
            Location::LEFT => (0, half),
            Location::TOPLEFT => (0, 0),
            Location::TOP => (half, 0),
            Location::BOTTOMLEFT => (0, LUMA_STEP),
            Location::BOTTOM => (half, LUMA_STEP),
            _ => (half, half), // the centre, also where the file does not tell
        };
        let right = right * ((1 << shift_right) - 1);
        let down = down * ((1 << shift_down) - 1);
        // The rows of a field lie twice as far apart, and the bottom field starts one row lower.
        let down = match self.field {
            Field::Whole => down,
            Field::Top => down >> 1,
            Field::Bottom => (down + LUMA_STEP) >> 1,
        };
        ((shift_right > 0).then_some(right), (shift_down > 0).then_some(down))
    }

    /// Whether the conversion would take the nearest chroma row instead of weighing two: FFmpeg did so before 8,
    /// except on the short way that 8-bit 4:2:0 of an even number of rows takes.
    fn needs_rows_of_chroma(&self) -> bool {
        use ffi::AVPixelFormat as Format;
        let has_short_way = [Format::YUV420P, Format::YUVJ420P, Format::YUVA420P].contains(&self.from.format)
            && self.source().height.is_multiple_of(2);
        let (_, down) = chroma_shifts(self.from.format);
        cfg!(not(libav_weighs_chroma_rows))
            && down > 0
            && !has_short_way
            && self.keeps_size()
            && self.to.pixels == Pixels::Rgb24
    }
}

/// How many times the chroma planes are halved, in columns and rows.
fn chroma_shifts(format: ffi::AVPixelFormat) -> (c_int, c_int) {
    let (mut right, mut down) = (0, 0);
    // SAFETY: both shifts are valid to write; an unknown format leaves them.
    unsafe { ffi::av_pix_fmt_get_chroma_sub_sample(format, &mut right, &mut down) };
    (right, down)
}

/// One end of a conversion.
struct Side {
    width: u32,
    height: u32,
    format: ffi::AVPixelFormat,
    full_range: bool,
    chroma_right: Option<c_int>,
    chroma_down: Option<c_int>,
}

/// Planes of 4:2:2, 16 bits: half as many chroma columns, as the conversion to RGB uses anyway, and all rows.
struct ChromaInEveryRow {
    width: u32,
    height: u32,
    /// Samples from a row to the next, in all three planes.
    stride: usize,
    samples: Vec<u16>,
}

impl ChromaInEveryRow {
    fn new(width: u32, height: u32) -> Self {
        let stride = (width as usize + TargetLayout::SLACK_BYTES).next_multiple_of(64);
        Self { width, height, stride, samples: vec![0; 3 * stride * height as usize] }
    }

    fn side(&self, full_range: bool) -> Side {
        Side {
            width: self.width,
            height: self.height,
            format: ffi::AVPixelFormat::YUV422P16LE,
            full_range,
            chroma_right: None,
            chroma_down: None,
        }
    }

    fn planes(&mut self) -> Result<Planes, AvError> {
        let stride_bytes = c_int::try_from(self.stride * size_of::<u16>()).map_err(|_| AvError::INVALID)?;
        let mut planes = Planes { rows: [ptr::null_mut(); 4], strides: [0; 4] };
        for (index, plane) in self.samples.chunks_exact_mut(self.stride * self.height as usize).take(3).enumerate() {
            planes.rows[index] = plane.as_mut_ptr().cast();
            planes.strides[index] = stride_bytes;
        }
        Ok(planes)
    }
}

/// Where planes begin and how far their rows are apart, in bytes.
struct Planes {
    rows: [*mut u8; 4],
    strides: [c_int; 4],
}

impl Planes {
    fn of(picture: &Picture, field: Field) -> Result<Self, AvError> {
        let raw = picture.raw();
        let (step, first_row) = field.rows();
        let mut planes = Self { rows: [ptr::null_mut(); 4], strides: [0; 4] };
        for index in (0..4).filter(|&index| !raw.data[index].is_null()) {
            let stride = raw.linesize[index];
            planes.rows[index] = raw.data[index].wrapping_offset(stride as isize * first_row as isize);
            planes.strides[index] = stride.checked_mul(step as c_int).ok_or(AvError::INVALID)?;
        }
        if planes.rows[0].is_null() { Err(AvError::INVALID) } else { Ok(planes) }
    }

    fn in_buffer(buffer: &mut [u8], layout: &TargetLayout, field: Field) -> Result<Self, AvError> {
        let (step, first_row) = field.rows();
        let mut planes = Self { rows: [ptr::null_mut(); 4], strides: [0; 4] };
        let buffer = buffer.as_mut_ptr();
        for (index, plane) in layout.planes.iter().enumerate() {
            planes.rows[index] = buffer.wrapping_add(plane.start + plane.stride * first_row);
            let stride = plane.stride.checked_mul(step).ok_or(AvError::INVALID)?;
            planes.strides[index] = c_int::try_from(stride).map_err(|_| AvError::INVALID)?;
        }
        Ok(planes)
    }
}

/// A conversion that libswscale has set up.
struct Context {
    raw: NonNull<ffi::SwsContext>,
    rows_read: c_int,
}

impl Context {
    fn new(
        from: &Side,
        to: &Side,
        flags: i64,
        space: ffi::AVColorSpace,
        target_space: ffi::AVColorSpace,
    ) -> Result<Self, AvError> {
        // SAFETY: takes nothing, gives a context or null.
        let raw = NonNull::new(unsafe { ffi::sws_alloc_context() }).ok_or(AvError::NO_MEMORY)?;
        let context = Self { raw, rows_read: c_int::try_from(from.height).map_err(|_| AvError::INVALID)? };
        context.set(c"srcw", from.width.into())?;
        context.set(c"srch", from.height.into())?;
        context.set(c"src_format", from.format.0.into())?;
        context.set(c"src_range", from.full_range.into())?;
        context.set(c"dstw", to.width.into())?;
        context.set(c"dsth", to.height.into())?;
        context.set(c"dst_format", to.format.0.into())?;
        context.set(c"dst_range", to.full_range.into())?;
        context.set(c"sws_flags", flags)?;
        for (name, position) in [
            (c"src_h_chr_pos", from.chroma_right),
            (c"src_v_chr_pos", from.chroma_down),
            (c"dst_h_chr_pos", to.chroma_right),
            (c"dst_v_chr_pos", to.chroma_down),
        ] {
            position.map_or(Ok(()), |position| context.set(name, position.into()))?;
        }
        // SAFETY: the context is set up and not initialised yet; filters are optional.
        AvError::check(unsafe { ffi::sws_init_context(raw.as_ptr(), ptr::null_mut(), ptr::null_mut()) })?;
        context.set_colours(from, to, space, target_space);
        Ok(context)
    }

    fn set(&self, name: &CStr, value: i64) -> Result<(), AvError> {
        // SAFETY: a scaler context has options, the name is NUL-ended.
        AvError::check(unsafe { ffi::av_opt_set_int(self.raw.as_ptr().cast(), name.as_ptr(), value, 0) }).map(drop)
    }

    fn set_colours(&self, from: &Side, to: &Side, space: ffi::AVColorSpace, target_space: ffi::AVColorSpace) {
        const ONE: c_int = 1 << 16;
        let number = |space| match space {
            ffi::AVColorSpace::RGB | ffi::AVColorSpace::UNSPECIFIED => ffi::SWS_CS_DEFAULT as c_int,
            space => space.0 as c_int,
        };
        // SAFETY: takes any number; the answer is a static table.
        let matrix = unsafe { ffi::sws_getCoefficients(number(space)) };
        // SAFETY: as above.
        let target_matrix = unsafe { ffi::sws_getCoefficients(number(target_space)) };
        let (from_range, to_range) = (from.full_range.into(), to.full_range.into());
        // Brightness 0, contrast 1, saturation 1. The answer is no error: it says that this conversion has no use for
        // a matrix.
        // SAFETY: the context is initialised, the tables are static.
        unsafe {
            ffi::sws_setColorspaceDetails(self.raw.as_ptr(), matrix, from_range, target_matrix, to_range, 0, ONE, ONE)
        };
    }

    fn run(&mut self, from: &Planes, to: &Planes) -> Result<(), AvError> {
        let from_rows = from.rows.map(<*mut u8>::cast_const);
        // SAFETY: `Scaler` hands in planes of the very size and format that the context was made for: a decoder's
        // picture, or buffers whose rows have room for whole blocks.
        AvError::check(unsafe {
            ffi::sws_scale(
                self.raw.as_ptr(),
                from_rows.as_ptr(),
                from.strides.as_ptr(),
                0,
                self.rows_read,
                to.rows.as_ptr(),
                to.strides.as_ptr(),
            )
        })
        .map(drop)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context came from `sws_alloc_context`, `Context` is its only owner, and drop runs once.
        unsafe { ffi::sws_freeContext(self.raw.as_ptr()) }
    }
}

// SAFETY: a scaler context may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Context {}
