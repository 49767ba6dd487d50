//! Pictures made of numbers, for tests: what a detector must see is said in words, and no video is needed.

use tagger_media::{Rational, Timestamp};

use super::detector::{Detector, Settings};
use super::params::Params;
use super::picture::{HEIGHT, PIXELS, Picture, WIDTH};
use super::{BoundaryKind, Moment, Thumb};

/// A view of an endless landscape, another one for each `seed`, from a place given in pixels.
pub fn scene(seed: u64, x: i64, y: i64) -> Picture {
    // Smooth hills of three sizes, in three channels, from hashed heights between which is interpolated.
    let height = |channel: u64, size: i64, i: i64, j: i64| {
        let corner = |i: i64, j: i64| hash([seed, channel, size as u64, i as u64, j as u64]);
        let (u, v) = (i.rem_euclid(size) as f64 / size as f64, j.rem_euclid(size) as f64 / size as f64);
        let (i, j) = (i.div_euclid(size), j.div_euclid(size));
        let top = corner(i, j) * (1.0 - u) + corner(i + 1, j) * u;
        let bottom = corner(i, j + 1) * (1.0 - u) + corner(i + 1, j + 1) * u;
        top * (1.0 - v) + bottom * v
    };
    from_pixels(|i, j| {
        let (i, j) = (i + x, j + y);
        let grey = 110.0 * height(0, 16, i, j) + 60.0 * height(0, 8, i, j) + 30.0 * height(0, 4, i, j);
        [1, 2, 3].map(|channel| grey + 50.0 * height(channel, 16, i, j))
    })
}

/// One grey all over.
pub fn flat(level: u8) -> Picture {
    from_pixels(|_, _| [f64::from(level); 3])
}

/// `part` of a picture over a flat one: 1 is the picture itself.
pub fn mixed(picture: &Picture, part: f64, level: u8) -> Picture {
    let mut planes = *picture.planes();
    for (plane, flat) in planes.iter_mut().zip([level, 128, 128]) {
        *plane = plane.map(|value| (f64::from(flat) + (f64::from(value) - f64::from(flat)) * part).round() as u8);
    }
    Picture::from_planes(planes)
}

/// A picture with its luma changed by a different amount in each pixel of each frame.
pub fn grainy(picture: &Picture, strength: f64, frame: u64) -> Picture {
    let mut planes = *picture.planes();
    for (pixel, luma) in planes[0].iter_mut().enumerate() {
        *luma = (f64::from(*luma) + strength * (hash([frame, pixel as u64, 7, 7, 7]) - 0.5)).round() as u8;
    }
    Picture::from_planes(planes)
}

/// The same picture with a rectangle of one grey in it.
pub fn covered(picture: &Picture, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>, level: u8) -> Picture {
    let mut planes = *picture.planes();
    for row in rows {
        for (plane, level) in planes.iter_mut().zip([level, 128, 128]) {
            plane[row * WIDTH..][columns.clone()].fill(level);
        }
    }
    Picture::from_planes(planes)
}

/// Where the default settings find boundaries in frames at 25 a second.
pub fn boundaries(pictures: &[Picture]) -> Vec<(u64, BoundaryKind)> {
    boundaries_with(Params::default().settings(), pictures)
}

/// The same with other settings.
pub fn boundaries_with(settings: Settings, pictures: &[Picture]) -> Vec<(u64, BoundaryKind)> {
    let mut detector = Detector::new(settings);
    for (index, picture) in pictures.iter().enumerate() {
        detector.push(thumb(index as u64, index as i64 * 40, picture.clone()));
    }
    let found = detector.finish(pictures.len() as f64 / 25.0);
    found.into_iter().map(|boundary| (boundary.at.index, boundary.kind)).collect()
}

/// A frame at a time in milliseconds.
pub fn thumb(index: u64, millis: i64, picture: Picture) -> Thumb {
    Thumb { moment: moment(index, millis), picture }
}

/// A place in a clip, its time in milliseconds.
pub fn moment(index: u64, millis: i64) -> Moment {
    Moment { index, time: Timestamp { ticks: millis, base: Rational { num: 1, den: 1000 } } }
}

fn from_pixels(rgb: impl Fn(i64, i64) -> [f64; 3]) -> Picture {
    let at = |pixel: usize| rgb((pixel % WIDTH) as i64, (pixel / WIDTH) as i64).map(|v| v.round() as u8);
    let bytes: Vec<u8> = (0..WIDTH * HEIGHT).flat_map(at).collect();
    assert_eq!(bytes.len(), PIXELS * 3);
    Picture::from_rgb(&bytes).unwrap()
}

/// A number from 0 to 1 that looks like chance.
fn hash(words: [u64; 5]) -> f64 {
    let mixed = words.iter().fold(0x9e37_79b9_7f4a_7c15_u64, |state, word| {
        let state = (state ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (state ^ (state >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb)
    });
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 53) as f64
}
