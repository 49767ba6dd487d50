//! Turns decoded pictures into upright images.
//!
//! At full size the bytes are those of FFmpeg 8's own conversion. A requested size is made by an area filter and means
//! the upright picture. Scaling and change of pixels are one pass.

use crate::{
    FrameOptions, Image, Orientation, Pixels, Size,
    libav::{AvError, Field, Picture, ScaleTo, Scaler, TargetLayout},
};

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
        let (upright_width, upright_height) = orientation.turned(picture.width(), picture.height());
        let (width, height) = self.size.of(upright_width, upright_height);
        let (width, height) = orientation.turned(width, height); // scaled first, turned afterwards
        let to = ScaleTo { width, height, pixels: self.pixels };
        let data = match TargetLayout::tight(to) {
            Some(tight) => {
                let mut data = vec![0; tight.bytes()];
                self.scale(picture, to, &mut data, &tight)?;
                data.truncate(tight.pixel_bytes());
                data
            }
            None => {
                let layout = TargetLayout::padded(to);
                let mut padded = std::mem::take(&mut self.padded);
                padded.resize(layout.bytes(), 0);
                self.scale(picture, to, &mut padded, &layout)?;
                let mut data = Vec::with_capacity(layout.pixel_bytes());
                layout.rows(&padded).for_each(|row| data.extend_from_slice(row));
                self.padded = padded;
                data
            }
        };
        Ok(Image { width, height, pixels: self.pixels, data }.oriented(orientation))
    }

    fn scale(
        &mut self,
        picture: &Picture,
        to: ScaleTo,
        target: &mut [u8],
        layout: &TargetLayout,
    ) -> Result<(), AvError> {
        let same_size = (picture.width(), picture.height()) == (to.width, to.height);
        // The fields of an interlaced picture have chroma of their own. Scaled, they are mixed anyway.
        if picture.is_interlaced() && same_size && to.has_fields() && picture.has_readable_fields() {
            ready(&mut self.top, picture, to, Field::Top)?.convert(picture, target, layout)?;
            ready(&mut self.bottom, picture, to, Field::Bottom)?.convert(picture, target, layout)
        } else {
            ready(&mut self.whole, picture, to, Field::Whole)?.convert(picture, target, layout)
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
