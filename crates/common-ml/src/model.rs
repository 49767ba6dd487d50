//! What a model author implements: one small trait, chosen by what the model looks at.

use std::path::Path;

use serde_json::{Map, Value};
use tagger_media::Image;
use tagger_wire::{Region, Tag};

use crate::{Processor, Producer};

/// Any error a model may end with. Its text, and that of its causes, is what the user reads.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a model saw on one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameTag {
    /// The text.
    pub tag: String,
    /// The part of the picture it was seen on. Default: none, the whole picture.
    pub region: Option<Region>,
    /// Whatever else the model knows.
    pub additional_info: Option<Map<String, Value>>,
}

impl FrameTag {
    /// A tag on the whole picture.
    pub fn new(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), region: None, additional_info: None }
    }

    /// The same tag on part of the picture.
    pub fn at(self, region: Region) -> Self {
        Self { region: Some(region), ..self }
    }
}

/// A model that looks at one picture at a time.
pub trait FrameModel {
    /// Tags one upright picture, RGB.
    ///
    /// # Errors
    /// Any: the file the picture came from fails with that text.
    fn tag_frame(&mut self, image: &Image) -> Result<Vec<FrameTag>, BoxError>;
}

/// A model that looks at several pictures of one file at once.
pub trait BatchFrameModel {
    /// Tags upright pictures, RGB: one list of tags for each picture, in their order.
    ///
    /// # Errors
    /// Any: the file the pictures came from fails with that text.
    fn tag_frames(&mut self, images: &[Image]) -> Result<Vec<Vec<FrameTag>>, BoxError>;

    /// How many pictures to gather at most, before the run loop's limit of 128 MiB; 0 is the whole file. Default: 16.
    fn batch_size(&self) -> usize {
        16
    }
}

/// A model that looks at whole audio or video files.
pub trait AvModel {
    /// Tags one file. An empty `source_media` in a tag means this file.
    ///
    /// # Errors
    /// Any: the file fails with that text.
    fn tag(&mut self, path: &Path) -> Result<Vec<Tag>, BoxError>;
}

/// Takes each tag as soon as it is known.
pub type TagSink<'a> = dyn FnMut(Tag) -> Result<(), BoxError> + 'a;

/// Turns one file into tags, handing each on at once: what every per-file model becomes.
pub trait FileTagger {
    /// Tags the file that standard input named `file`.
    ///
    /// # Errors
    /// The model's, or the sink's, which ends the work at once.
    fn tag_file(&mut self, file: &str, sink: &mut TagSink<'_>) -> Result<(), BoxError>;
}

/// A single picture is a batch of one.
pub(crate) struct OneByOne<M>(pub M);

impl<M: FrameModel> BatchFrameModel for OneByOne<M> {
    fn tag_frames(&mut self, images: &[Image]) -> Result<Vec<Vec<FrameTag>>, BoxError> {
        images.iter().map(|image| self.0.tag_frame(image)).collect()
    }

    fn batch_size(&self) -> usize {
        1
    }
}

/// A model for whole files hands over its tags when the file is done.
pub(crate) struct WholeFile(pub Box<dyn AvModel>);

impl FileTagger for WholeFile {
    fn tag_file(&mut self, file: &str, sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        for tag in self.0.tag(Path::new(file))? {
            let source_media = if tag.source_media.is_empty() { file.to_owned() } else { tag.source_media };
            sink(Tag { source_media, ..tag })?;
        }
        Ok(())
    }
}

/// A model of any kind, ready for [`run`](crate::run).
pub enum Model {
    /// Looks at pictures.
    Frame(Box<dyn BatchFrameModel>),
    /// Looks at whole files.
    Av(Box<dyn AvModel>),
    /// Writes messages itself.
    Producer(Box<dyn Producer>),
    /// Is told ranges of time.
    Processor(Box<dyn Processor>),
}

impl Model {
    /// A model that looks at one picture at a time.
    pub fn frame(model: impl FrameModel + 'static) -> Self {
        Self::Frame(Box::new(OneByOne(model)))
    }

    /// A model that looks at several pictures at once.
    pub fn batch(model: impl BatchFrameModel + 'static) -> Self {
        Self::Frame(Box::new(model))
    }

    /// A model that looks at whole files.
    pub fn av(model: impl AvModel + 'static) -> Self {
        Self::Av(Box::new(model))
    }

    /// A model that gets batches of files and writes its own messages.
    pub fn producer(model: impl Producer + 'static) -> Self {
        Self::Producer(Box::new(model))
    }

    /// A model that is told ranges of time, and fetches what it needs itself.
    pub fn processor(model: impl Processor + 'static) -> Self {
        Self::Processor(Box::new(model))
    }
}
