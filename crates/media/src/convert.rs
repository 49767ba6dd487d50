//! Turns decoded pictures into upright images.
//!
//! At full size the bytes are those of FFmpeg 8's own conversion. A requested size is made by an area filter and means
//! the upright picture.

use crate::{
    FrameOptions, Image, Orientation, Pixels, Size,
    libav::{AvError, Field, Picture, ScaleTo, Scaler},
};

/// Rows of this many columns are converted in place; others by way of rows with room at their end, because
/// libswscale writes, and on some machines only writes, whole blocks.
const BLOCK_COLUMNS: u32 = 16;

/// A converter that keeps what it set up for the next picture of the same kind.
pub struct Converter {
    pixels: Pixels,
    size: Size,
    whole: Option<Scaler>,
    top: Option<Scaler>,
    bottom: Option<Scaler>,
    padded: Vec<u8>,
}

impl Converter {
    pub fn new(options: &FrameOptions) -> Self {
        Self { pixels: options.pixels, size: options.size, whole: None, top: None, bottom: None, padded: Vec::new() }
    }

    /// Converts a picture that lies as `orientation` says.
    pub fn image(&mut self, picture: &Picture, orientation: Orientation) -> Result<Image, AvError> {
        let (width, height) = match self.size {
            Size::Full => (picture.width(), picture.height()),
            Size::Fit { width, height } => orientation.turned(width, height), // scaled first, turned afterwards
        };
        let to = ScaleTo { width, height, pixels: self.pixels };
        let row_bytes = width as usize * usize::from(self.pixels.channels());
        let data = if width % BLOCK_COLUMNS == 0 {
            let mut data = vec![0; Scaler::target_bytes(to, row_bytes)];
            self.scale(picture, to, &mut data, row_bytes)?;
            data.truncate(row_bytes * height as usize);
            data
        } else {
            let stride = (row_bytes + Scaler::SLACK_BYTES).next_multiple_of(64);
            let mut padded = std::mem::take(&mut self.padded);
            padded.resize(Scaler::target_bytes(to, stride), 0);
            self.scale(picture, to, &mut padded, stride)?;
            let rows = padded.chunks_exact(stride).take(height as usize);
            let mut data = Vec::with_capacity(row_bytes * height as usize);
            rows.for_each(|row| data.extend_from_slice(&row[..row_bytes]));
            self.padded = padded;
            data
        };
        Ok(Image { width, height, channels: self.pixels.channels(), data }.oriented(orientation))
    }

    fn scale(&mut self, picture: &Picture, to: ScaleTo, target: &mut [u8], stride: usize) -> Result<(), AvError> {
        let same_size = (picture.width(), picture.height()) == (to.width, to.height);
        // The fields of an interlaced picture have chroma of their own. Scaled, they are mixed anyway.
        if picture.is_interlaced() && same_size && to.height.is_multiple_of(2) && picture.has_readable_fields() {
            ready(&mut self.top, picture, to, Field::Top)?.convert(picture, target, stride)?;
            ready(&mut self.bottom, picture, to, Field::Bottom)?.convert(picture, target, stride)
        } else {
            ready(&mut self.whole, picture, to, Field::Whole)?.convert(picture, target, stride)
        }
    }
}

/// The scaler kept in `slot`, or a new one where that does not fit.
fn ready<'a>(
    slot: &'a mut Option<Scaler>,
    picture: &Picture,
    to: ScaleTo,
    field: Field,
) -> Result<&'a mut Scaler, AvError> {
    let scaler = match slot.take() {
        Some(scaler) if scaler.fits(picture, to, field) => scaler,
        _ => Scaler::for_picture(picture, to, field)?,
    };
    Ok(slot.insert(scaler))
}
