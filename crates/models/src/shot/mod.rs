//! Finds the shots of a video: from one cut or fade to the next.
//!
//! Every frame is decoded, made small, and given to a [`Detector`], which says where shots begin; the
//! shots between cover the clip. Nothing here was learned from data, so each boundary can be explained: see
//! [`difference`], [`cuts`] and [`fades`].

mod cuts;
mod detector;
mod difference;
mod fades;
mod params;
mod picture;
mod shots;
#[cfg(test)]
mod testing;

use std::path::Path;

use common_ml::{AvModel, BoxError, Model, Tag};
use tagger_media::{FrameOptions, Frames, Rate, Size, Timestamp};

use detector::{Detector, Settings};
use params::Params;
use picture::{HEIGHT, Picture, WIDTH};
use shots::Shot;

/// A frame's place in its clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Presentation order, from 0.
    pub index: u64,
    /// From the container's start.
    pub time: Timestamp,
}

/// A frame as the detector takes it.
#[derive(Clone)]
pub struct Thumb {
    /// Where it stands.
    pub moment: Moment,
    /// What it shows.
    pub picture: Picture,
}

/// How a shot begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryKind {
    /// From one frame to the next.
    Cut,
    /// Through a flat colour; the boundary is the middle of it.
    Fade,
}

/// Where a shot begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// The first frame of the new shot.
    pub at: Moment,
    /// How it begins.
    pub kind: BoundaryKind,
    /// How clear it is, 0 to 1.
    pub score: f64,
}

/// What the model is.
pub const MANIFEST: &str = include_str!("../../../../models/shot/tagger.toml");

/// Makes the model from the user's parameters, which keep to their ranges by now.
///
/// # Errors
/// None; the signature is that of all models.
pub fn make(params: Params) -> Result<Model, BoxError> {
    Ok(Model::av(ShotModel { settings: params.settings() }))
}

/// The model: a video in, one tag a shot out.
struct ShotModel {
    settings: Settings,
}

impl AvModel for ShotModel {
    fn tag(&mut self, path: &Path) -> Result<Vec<Tag>, BoxError> {
        let size = Size::Fit { width: WIDTH as u32, height: HEIGHT as u32 };
        let options = FrameOptions { rate: Rate::All, size, ..FrameOptions::default() };
        let mut frames = Frames::open(path, &options)?;
        let mut detector = Detector::new(self.settings);
        let mut ends = None;
        for frame in &mut frames {
            let frame = frame?;
            let moment = Moment { index: frame.index, time: frame.time };
            let picture = Picture::from_rgb(&frame.image.data)
                .ok_or_else(|| format!("a frame of `{}` is not {WIDTH}x{HEIGHT}", path.display()))?;
            detector.push(Thumb { moment, picture });
            let (first, _, _) = ends.unwrap_or((moment, moment, frame.duration));
            ends = Some((first, moment, frame.duration));
        }
        if !frames.skipped().is_nothing() {
            eprintln!("warning: `{}`: {}", path.display(), frames.skipped());
        }
        let (first, last, duration) = ends.ok_or_else(|| format!("`{}` has no frame", path.display()))?;
        let boundaries = detector.finish(last.time.seconds() + duration.seconds());
        Ok(shots::between(first, &boundaries, last, duration).iter().map(Shot::tag).collect())
    }
}
