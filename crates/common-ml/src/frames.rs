//! Makes a frame model tag files: stills as they are, video frame by frame.

use std::path::Path;

use tagger_media::{Frame, FrameOptions, Frames, Image, Limits, Rate, read_still};
use tagger_wire::{FileKind, FrameInfo, Tag};

use crate::model::{BatchFrameModel, BoxError, FileTagger, FrameTag, TagSink};
use crate::{LoopParams, RangeBuilder};

/// The most that one batch of frames may hold, unless it is a single frame.
const MAX_BATCH_BYTES: usize = 128 << 20;

/// How video is shown to a frame model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameSettings {
    /// Frames sampled per second of video; more than 0.
    pub fps: f64,
    /// Whether a tag seen on one sampled frame only makes a time-range tag.
    pub allow_single_frame: bool,
    /// Frames handed over at once; 0 is the whole file, whatever memory it takes. `None`: the model's own.
    pub batch_size: Option<usize>,
}

impl From<&LoopParams> for FrameSettings {
    fn from(params: &LoopParams) -> Self {
        Self { fps: params.fps, allow_single_frame: params.allow_single_frame, batch_size: params.batch_size }
    }
}

/// Tags stills and video with a frame model.
///
/// Video gives frame tags as they are found, then the time-range tags; a still gives its tags at time 0. Frames stream:
/// memory does not grow with the length of the file.
pub struct FrameTagger {
    model: Box<dyn BatchFrameModel>,
    settings: FrameSettings,
}

impl FrameTagger {
    /// Shows files to `model` as `settings` say.
    pub fn new(model: Box<dyn BatchFrameModel>, settings: FrameSettings) -> Self {
        Self { model, settings }
    }

    fn tag_still(&mut self, file: &str, sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        let image = read_still(Path::new(file), &Limits::default())?;
        for tag in tag_images(&mut *self.model, &[image])?.remove(0) {
            sink(on_frame(file, 0, 0, tag))?;
        }
        Ok(())
    }

    fn tag_video(&mut self, file: &str, sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        let options = FrameOptions { rate: Rate::Fps(self.settings.fps), ..FrameOptions::default() };
        let mut frames = Frames::open(Path::new(file), &options)?;
        let (max_frames, max_bytes) = match self.settings.batch_size.unwrap_or_else(|| self.model.batch_size()) {
            0 => (usize::MAX, usize::MAX),
            frames => (frames, MAX_BATCH_BYTES),
        };
        let mut ranges = RangeBuilder::new(self.settings.allow_single_frame);
        let mut batch = Batch::default();
        while let Some(frame) = frames.next().transpose()? {
            batch.push(frame);
            if batch.images.len() >= max_frames || batch.bytes >= max_bytes {
                self.tag_batch(file, std::mem::take(&mut batch), &mut ranges, sink)?;
            }
        }
        if !batch.images.is_empty() {
            self.tag_batch(file, batch, &mut ranges, sink)?;
        }
        for range in ranges.finish() {
            sink(Tag { source_media: file.to_owned(), ..Tag::new(range.start_ms, range.end_ms, range.tag) })?;
        }
        let damage = frames.skipped();
        if !damage.is_nothing() {
            eprintln!("warning: `{file}`: {damage}");
        }
        Ok(())
    }

    fn tag_batch(
        &mut self,
        file: &str,
        batch: Batch,
        ranges: &mut RangeBuilder,
        sink: &mut TagSink<'_>,
    ) -> Result<(), BoxError> {
        let tagged = tag_images(&mut *self.model, &batch.images)?;
        for (place, tags) in batch.places.iter().zip(tagged) {
            ranges.add(place.time_ms, place.duration_ms, tags.iter().map(|tag| tag.tag.as_str()));
            for tag in tags {
                sink(on_frame(file, place.frame_idx, place.time_ms, tag))?;
            }
        }
        Ok(())
    }
}

impl FileTagger for FrameTagger {
    fn tag_file(&mut self, file: &str, sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        match FileKind::of(Path::new(file)) {
            FileKind::Image => self.tag_still(file, sink),
            FileKind::Video => self.tag_video(file, sink),
            kind => Err(Unsupported { file: file.to_owned(), kind: kind.name() }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a frame model takes images and video, not `{file}` ({kind} by its extension)")]
struct Unsupported {
    file: String,
    kind: &'static str,
}

#[derive(Debug, thiserror::Error)]
#[error("the model returned {returned} lists of tags for {given} frames")]
struct WrongCount {
    returned: usize,
    given: usize,
}

/// Frames on their way to the model, and where they belong.
#[derive(Default)]
struct Batch {
    images: Vec<Image>,
    places: Vec<Place>,
    bytes: usize,
}

struct Place {
    frame_idx: u64,
    time_ms: i64,
    duration_ms: i64,
}

impl Batch {
    fn push(&mut self, frame: Frame) {
        self.bytes += frame.image.data.len();
        self.places.push(Place {
            frame_idx: frame.index,
            time_ms: frame.time.to_millis(),
            duration_ms: frame.duration.to_millis(),
        });
        self.images.push(frame.image);
    }
}

fn tag_images(model: &mut dyn BatchFrameModel, images: &[Image]) -> Result<Vec<Vec<FrameTag>>, BoxError> {
    let tags = model.tag_frames(images)?;
    if tags.len() != images.len() {
        return Err(WrongCount { returned: tags.len(), given: images.len() }.into());
    }
    Ok(tags)
}

fn on_frame(file: &str, frame_idx: u64, time_ms: i64, tag: FrameTag) -> Tag {
    Tag {
        source_media: file.to_owned(),
        additional_info: tag.additional_info,
        frame_info: Some(FrameInfo { frame_idx, region: tag.region }),
        ..Tag::new(time_ms, time_ms, tag.tag)
    }
}
