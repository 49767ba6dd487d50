//! Reads still pictures: jpg, png, gif, bmp, tiff, webp, as RGB.
//!
//! The content decides the format. What comes out is what OpenCV's default reader gives: EXIF orientation applied,
//! transparency ignored, grey and palettes spread to RGB, 16 bits cut to 8, and of an animated picture the first one.
//! The bytes are the same but for JPEG (off by at most 4, for CMYK by 1 on average: other roundings), for see-through
//! pixels of GIF (here their own colour, there the background) and of TIFF (here their own colour, there darkened).

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::Path,
};

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use crate::{
    FrameOptions, Frames, Image, Limits, MediaError, MediaInfo, MediaKind, Orientation, Pixels, Rate, Rational,
    StreamInfo, StreamKind, Timestamp, VideoInfo,
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
/// - Grey and palettes are spread to RGB, transparency is ignored (never blended), 16 bits are cut to 8.
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
    match decode(path, opened.file, still, limits) {
        Err(Broken { error, unsupported: true }) => first_frame(path, limits).ok_or(error),
        Err(Broken { error, unsupported: false }) => Err(error),
        Ok(image) => Ok(image),
    }
}

fn decode(path: &Path, mut file: File, still: &StillFormat, limits: &Limits) -> Result<Image, Broken> {
    // Of a cut JPEG the decoder makes a picture with a grey rest.
    if still.format == ImageFormat::Jpeg && is_cut_jpeg(BufReader::new(&file)).unwrap_or(true) {
        let reason = "no end-of-image marker".into();
        return Err(MediaError::Truncated { path: path.into(), missing: "its end is missing", reason }.into());
    }
    file.rewind().map_err(|source| MediaError::Unreadable { path: path.into(), source })?;
    let mut decoder = decoder(path, file, still, limits)?;
    let orientation = orientation(&mut decoder);
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| Broken::new(path, still, error))?;
    let (width, height) = (picture.width(), picture.height());
    Ok(Image { width, height, pixels: Pixels::Rgb24, data: rgb(picture, still.format) }.oriented(orientation))
}

/// Whether a JPEG has no end-of-image marker behind its first scan.
fn is_cut_jpeg(mut file: impl BufRead + Seek) -> io::Result<bool> {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: u8 = 0xd9;
    file.seek(SeekFrom::Start(2))?;
    // Segments of a marker and a length, among them whole thumbnails with ends of their own, up to the first scan.
    loop {
        let mut marker = [0; 2];
        file.read_exact(&mut marker)?;
        if marker[1] == 0xff {
            file.seek_relative(-1)?; // padding in front of a marker
            continue;
        }
        if marker[1] == START_OF_SCAN {
            break;
        }
        let mut length = [0; 2];
        file.read_exact(&mut length)?;
        file.seek_relative(i64::from(u16::from_be_bytes(length)) - 2)?;
    }
    // In a scan 0xff is data only in front of 0x00.
    let mut previous = 0;
    let ends = file.bytes().any(|byte| {
        let byte = byte.unwrap_or_default();
        (std::mem::replace(&mut previous, byte), byte) == (0xff, END_OF_IMAGE)
    });
    Ok(!ends)
}

/// The picture as libav reads it, which knows pixels that the `image` crate does not, such as palettes in TIFF.
fn first_frame(path: &Path, limits: &Limits) -> Option<Image> {
    let options = FrameOptions { rate: Rate::All, limits: limits.clone(), ..FrameOptions::default() };
    Some(Frames::open(path, &options).ok()?.next()?.ok()?.image)
}

fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    // Damaged EXIF data is no reason to refuse the picture.
    Orientation::from_exif(decoder.orientation().map_or(1, |orientation| orientation.to_exif()))
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

/// Whether a file is a still, and what is known of it.
pub enum Probed {
    Still(MediaInfo),
    /// A still that libav has to look into.
    Unsupported,
    NotAStill,
}

/// Looks into a still.
pub fn probe(path: &Path, limits: &Limits) -> Result<Probed, MediaError> {
    let opened = file::open(path)?;
    let Some(still) = StillFormat::of(&opened.head) else { return Ok(Probed::NotAStill) };
    let mut decoder = match decoder(path, opened.file, still, limits) {
        Err(Broken { unsupported: true, .. }) => return Ok(Probed::Unsupported),
        decoder => decoder.map_err(|broken| broken.error)?,
    };
    let (width, height) = decoder.dimensions();
    let orientation = orientation(&mut decoder);
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
    Ok(Probed::Still(MediaInfo {
        format: still.codec.into(),
        kind: MediaKind::Still,
        start: Timestamp::ZERO,
        duration: None,
        streams: vec![stream],
    }))
}

/// Opens the picture and checks its size before anything is allocated for it.
fn decoder(path: &Path, file: File, still: &StillFormat, limits: &Limits) -> Result<impl ImageDecoder, Broken> {
    let mut reader = ImageReader::with_format(BufReader::new(file), still.format);
    // RGBA of 16 bits is the widest pixel; a decoder may hold a picture twice.
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(limits.max_pixels.saturating_mul(8 * 2));
    reader.limits(memory);
    let decoder = reader.into_decoder().map_err(|error| Broken::new(path, still, error))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        let reason = format!("a {} of {width}x{height} pixels", still.name);
        return Err(MediaError::NotMedia { path: path.into(), reason }.into());
    }
    check_pixels(path, width, height, limits)?;
    Ok(decoder)
}

/// Why the `image` crate gave no picture.
struct Broken {
    error: MediaError,
    /// It does not know such pixels; the file may be in order.
    unsupported: bool,
}

impl From<MediaError> for Broken {
    fn from(error: MediaError) -> Self {
        Self { error, unsupported: false }
    }
}

impl Broken {
    fn new(path: &Path, still: &StillFormat, error: ImageError) -> Self {
        let unsupported = matches!(error, ImageError::Unsupported(_));
        let path = path.into();
        let error = match error {
            ImageError::IoError(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                MediaError::Truncated { path, missing: "its end is missing", reason: source.to_string() }
            }
            // What readers report of bytes that make no sense.
            ImageError::IoError(source) if source.raw_os_error().is_none() => {
                MediaError::NotMedia { path, reason: format!("a broken {}: {source}", still.name) }
            }
            ImageError::IoError(source) => MediaError::Unreadable { path, source },
            other => MediaError::NotMedia { path, reason: format!("a broken {}: {}", still.name, in_words(&other)) },
        };
        Self { error, unsupported }
    }
}

/// What a reader says, without the name of the format and without the inside of its own types.
fn in_words(error: &ImageError) -> String {
    let text = error.to_string();
    let what = text
        .strip_prefix("Format error decoding ")
        .and_then(|rest| rest.split_once(": "))
        .map_or(text.as_str(), |(_, what)| what);
    let what = what.split(" while decoding ChunkType").next().unwrap_or(what);
    what.trim_end_matches('.').to_owned()
}

/// RGB bytes of any picture.
fn rgb(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    // OpenCV cuts 16 bits to their upper 8, but leaves colours in TIFF to a library that rounds.
    let cut = |value: u16| (value >> 8) as u8;
    let eight_bits = |value: u16| match format {
        ImageFormat::Tiff => ((u32::from(value) + 128) / 257) as u8, // at most 255
        _ => cut(value),
    };
    match picture {
        DynamicImage::ImageRgb8(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgba8(pixels) => pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        DynamicImage::ImageLuma8(pixels) => pixels.iter().flat_map(|&value| [value; 3]).collect(),
        DynamicImage::ImageLumaA8(pixels) => pixels.iter().step_by(2).flat_map(|&value| [value; 3]).collect(),
        DynamicImage::ImageRgb16(pixels) => pixels.iter().copied().map(eight_bits).collect(),
        DynamicImage::ImageRgba16(pixels) => {
            pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).map(eight_bits).collect()
        }
        DynamicImage::ImageLuma16(pixels) => pixels.iter().flat_map(|&value| [cut(value); 3]).collect(),
        DynamicImage::ImageLumaA16(pixels) => pixels.iter().step_by(2).flat_map(|&value| [cut(value); 3]).collect(),
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
