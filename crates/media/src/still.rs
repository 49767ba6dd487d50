//! Reads still pictures: jpg, png, gif, bmp, tiff, webp, as RGB.
//!
//! The content decides the format. What comes out is what OpenCV's default reader gives: EXIF orientation applied,
//! transparency ignored, grey and palettes spread to RGB, 16 bits cut to their upper 8, and of an animated picture the
//! first one.

use std::{
    fs::File,
    io::{self, BufReader},
    path::Path,
};

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use crate::{
    Image, Limits, MediaError, MediaInfo, MediaKind, Orientation, Rational, StreamInfo, StreamKind, Timestamp,
    VideoInfo,
    file::{self, Opened},
    probe::check_pixels,
};

/// A still format: recognised and decoded by the `image` crate, named by us.
struct StillFormat {
    format: ImageFormat,
    /// As people write it.
    name: &'static str,
    /// As libav would write it.
    codec: &'static str,
    /// Extensions it goes by; the first one is proposed.
    extensions: &'static [&'static str],
}

const FORMATS: [StillFormat; 6] = [
    StillFormat { format: ImageFormat::Jpeg, name: "JPEG", codec: "jpeg", extensions: &["jpg", "jpeg", "jpe", "jfif"] },
    StillFormat { format: ImageFormat::Png, name: "PNG", codec: "png", extensions: &["png", "apng"] },
    StillFormat { format: ImageFormat::Gif, name: "GIF", codec: "gif", extensions: &["gif"] },
    StillFormat { format: ImageFormat::Bmp, name: "BMP", codec: "bmp", extensions: &["bmp", "dib"] },
    StillFormat { format: ImageFormat::Tiff, name: "TIFF", codec: "tiff", extensions: &["tiff", "tif"] },
    StillFormat { format: ImageFormat::WebP, name: "WebP", codec: "webp", extensions: &["webp"] },
];

/// Containers of sound or moving pictures that lie behind still extensions, by their first bytes (at an offset).
const MOVING: [(usize, &[u8], &str, &str); 7] = [
    (4, b"ftyp", "MP4", "mp4"),
    (0, &[0x1a, 0x45, 0xdf, 0xa3], "Matroska", "mkv"),
    (8, b"AVI ", "AVI", "avi"),
    (8, b"WAVE", "WAV", "wav"),
    (0, b"OggS", "Ogg", "ogg"),
    (0, b"fLaC", "FLAC", "flac"),
    (0, b"ID3", "MP3", "mp3"),
];

impl StillFormat {
    fn of(head: &[u8]) -> Option<&'static Self> {
        let format = image::guess_format(head).ok()?;
        FORMATS.iter().find(|still| still.format == format)
    }

    fn named(extension: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|still| still.extensions.contains(&extension))
    }
}

/// Reads one picture; of an animated one the first.
///
/// - Pixels: RGB `u8`, upright, rows top to bottom, no padding.
/// - Grey and palettes are spread to RGB, transparency is ignored (never blended), 16 bits keep their upper 8.
///
/// # Errors
/// One that names the file and the way out: see [`MediaError`]. Does not mind the file's name: see
/// [`check_extension`].
pub fn read_still(path: &Path, limits: &Limits) -> Result<Image, MediaError> {
    let opened = file::open(path)?;
    let still = StillFormat::of(&opened.head).ok_or_else(|| MediaError::NotMedia {
        path: path.into(),
        reason: "it is none of jpg, png, gif, bmp, tiff and webp".into(),
    })?;
    let mut decoder = decoder(path, opened.file, still, limits)?;
    // Damaged EXIF data is no reason to refuse the picture.
    let orientation = decoder.orientation().map_or(1, |orientation| orientation.to_exif());
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| broken(path, still, error))?;
    let (width, height) = (picture.width(), picture.height());
    Ok(Image { width, height, channels: 3, data: rgb(picture) }.oriented(Orientation::from_exif(orientation)))
}

/// Refuses a file whose extension says one format while its content is another, in either direction between stills
/// and the rest. Files of neither kind, or without an extension, pass.
///
/// # Errors
/// [`MediaError::WrongExtension`], or why the file cannot be opened.
pub fn check_extension(path: &Path) -> Result<(), MediaError> {
    let Opened { head, .. } = file::open(path)?;
    let Some(named) = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()) else {
        return Ok(());
    };
    let (holds, rename) = match StillFormat::of(&head) {
        Some(still) if still.extensions.contains(&named.as_str()) => return Ok(()),
        Some(still) => (still.name, still.extensions[0]),
        None if StillFormat::named(&named).is_none() => return Ok(()),
        None => {
            match MOVING.iter().find(|(offset, magic, ..)| head.get(*offset..).is_some_and(|at| at.starts_with(magic)))
            {
                Some((_, _, name, extension)) => (*name, *extension),
                None => return Ok(()),
            }
        }
    };
    Err(MediaError::WrongExtension { path: path.into(), named, holds, rename })
}

/// The facts of a still. `None` when the content is no still.
pub fn probe(path: &Path, limits: &Limits) -> Result<Option<MediaInfo>, MediaError> {
    let opened = file::open(path)?;
    let Some(still) = StillFormat::of(&opened.head) else { return Ok(None) };
    let mut decoder = decoder(path, opened.file, still, limits)?;
    let (width, height) = decoder.dimensions();
    let orientation = Orientation::from_exif(decoder.orientation().map_or(1, |orientation| orientation.to_exif()));
    let (display_width, display_height) = orientation.turned(width, height);
    let video = VideoInfo {
        width,
        height,
        display_width,
        display_height,
        rotation_degrees: orientation.clockwise_degrees(),
        mirrored: orientation.mirrored(),
        pixel_format: pixel_format(decoder.color_type()).into(),
        sample_aspect_ratio: None,
        average_fps: None,
        nominal_fps: None,
        colour_space: None,
        colour_range: None,
    };
    let stream = StreamInfo {
        index: 0,
        kind: StreamKind::Video(video),
        codec: still.codec.into(),
        time_base: Rational { num: 1, den: 1 },
        start: None,
        duration: None,
        language: None,
        title: None,
        default: true,
        attached_picture: false,
    };
    Ok(Some(MediaInfo {
        format: still.codec.into(),
        kind: MediaKind::Still,
        start: Timestamp::ZERO,
        duration: None,
        streams: vec![stream],
    }))
}

/// Opens the picture and checks its size before anything is allocated for it.
fn decoder(path: &Path, file: File, still: &StillFormat, limits: &Limits) -> Result<impl ImageDecoder, MediaError> {
    let mut reader = ImageReader::with_format(BufReader::new(file), still.format);
    // RGBA of 16 bits is the widest pixel; a decoder may hold a picture twice.
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(limits.max_pixels.saturating_mul(8 * 2));
    reader.limits(memory);
    let decoder = reader.into_decoder().map_err(|error| broken(path, still, error))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        let reason = format!("a {} of {width}x{height} pixels", still.name);
        return Err(MediaError::NotMedia { path: path.into(), reason });
    }
    check_pixels(path, width, height, limits)?;
    Ok(decoder)
}

fn broken(path: &Path, still: &StillFormat, error: ImageError) -> MediaError {
    let path = path.into();
    match error {
        ImageError::IoError(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            MediaError::Truncated { path, missing: "its end is missing", reason: source.to_string() }
        }
        ImageError::IoError(source) => MediaError::Unreadable { path, source },
        other => MediaError::NotMedia { path, reason: format!("a broken {}: {other}", still.name) },
    }
}

/// RGB bytes of any picture.
fn rgb(picture: DynamicImage) -> Vec<u8> {
    fn upper(value: u16) -> u8 {
        (value >> 8) as u8
    }
    fn grey(values: impl Iterator<Item = u8>) -> Vec<u8> {
        values.flat_map(|value| [value; 3]).collect()
    }
    match picture {
        DynamicImage::ImageRgb8(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgba8(pixels) => pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        DynamicImage::ImageLuma8(pixels) => grey(pixels.iter().copied()),
        DynamicImage::ImageLumaA8(pixels) => grey(pixels.iter().copied().step_by(2)),
        DynamicImage::ImageRgb16(pixels) => pixels.iter().copied().map(upper).collect(),
        DynamicImage::ImageRgba16(pixels) => {
            pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).map(upper).collect()
        }
        DynamicImage::ImageLuma16(pixels) => grey(pixels.iter().copied().map(upper)),
        DynamicImage::ImageLumaA16(pixels) => grey(pixels.iter().copied().step_by(2).map(upper)),
        other => other.into_rgb8().into_raw(), // floating point, as TIFF can have
    }
}

/// libav's names for the pixels of stills.
fn pixel_format(color: ColorType) -> &'static str {
    match color {
        ColorType::L8 => "gray",
        ColorType::La8 => "ya8",
        ColorType::Rgb8 => "rgb24",
        ColorType::Rgba8 => "rgba",
        ColorType::L16 => "gray16le",
        ColorType::La16 => "ya16le",
        ColorType::Rgb16 => "rgb48le",
        ColorType::Rgba16 => "rgba64le",
        ColorType::Rgb32F => "rgbf32le",
        ColorType::Rgba32F => "rgbaf32le",
        _ => "unknown",
    }
}
