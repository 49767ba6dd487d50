//! One model of every kind in one program: `models KIND --output-path PATH [--params JSON]`, where `KIND` is `frame`,
//! `batch`, `av`, `producer` or `processor`. Each finds nothing worth knowing, and shows all that a model of its kind has to say.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use common_ml::{
    AvModel, BatchFrameModel, BoxError, Content, FrameModel, FrameTag, Image, Message, Model, Output, Processor,
    Producer, Region, Tag, TagSink, TimeRange,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a user may set. The run loop's own parameters, such as `fps`, come on top.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// Fail at this picture, file or batch, counted from 1.
    fail_at: Option<u64>,
    /// Fail when all is done.
    fail_in_the_end: bool,
    /// Say of ranges that their tags come in order; then there is none in the end.
    in_order: bool,
    /// The most pictures to be shown at once.
    pictures: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { fail_at: None, fail_in_the_end: false, in_order: false, pictures: 3 }
    }
}

/// Counts what it is shown, and fails where it is told to.
struct Counter {
    params: Params,
    count: u64,
}

impl Counter {
    fn next(&mut self) -> Result<u64, BoxError> {
        self.count += 1;
        if self.params.fail_at == Some(self.count) {
            return Err(format!("number {} is one too many", self.count).into());
        }
        Ok(self.count)
    }
}

/// Sees a picture in every picture, and its number in the upper left quarter.
struct OneByOne(Counter);

impl FrameModel for OneByOne {
    fn tag_frame(&mut self, _image: &Image) -> Result<Vec<FrameTag>, BoxError> {
        let number = FrameTag::new(format!("number {}", self.0.next()?));
        Ok(vec![FrameTag::new("picture"), number.at(Region::Corners([0.0, 0.0, 0.5, 0.5]))])
    }
}

/// Says of every picture how many it was shown with.
struct Several(Counter);

impl BatchFrameModel for Several {
    fn tag_frames(&mut self, images: &[Image]) -> Result<Vec<Vec<FrameTag>>, BoxError> {
        self.0.next()?;
        Ok(images.iter().map(|_| vec![FrameTag::new(format!("one of {}", images.len()))]).collect())
    }

    fn batch_size(&self) -> usize {
        self.0.params.pictures
    }
}

/// Looks at a file as a whole: a tag for its first second.
struct Whole(Counter);

impl AvModel for Whole {
    fn tag(&mut self, path: &Path) -> Result<Vec<Tag>, BoxError> {
        let size = path.metadata().map_err(|error| format!("cannot read `{}`: {error}", path.display()))?.len();
        self.0.next()?;
        Ok(vec![Tag { track: "size".into(), ..Tag::new(0, 1000, format!("{size} bytes")) }])
    }
}

/// Writes its messages itself: of every file in which batch it came, and in the end how far it is.
struct Batches(Counter);

impl Producer for Batches {
    fn produce(&mut self, files: &[String], output: &mut Output) -> Result<(), BoxError> {
        let batch = self.0.next()?;
        for file in files {
            let tag = Tag { source_media: file.clone(), ..Tag::new(0, 0, format!("batch {batch}")) };
            output.send(Message::Tag(tag))?;
            output.send(Message::Progress { source_media: file.clone() })?;
        }
        Ok(())
    }

    fn on_completion(&mut self, output: &mut Output) -> Result<(), BoxError> {
        if self.0.params.fail_in_the_end {
            return Err("there is no end".into());
        }
        output.send(Message::ProgressRatio { progress: 1.0 })
    }
}

/// Says of every range how long it is, and in the end how many there were.
struct Ranges(Counter);

impl Processor for Ranges {
    fn preflight(&mut self, content: &Content) -> Result<(), BoxError> {
        if content.id.contains(char::is_whitespace) {
            return Err(format!("`{}` is no content", content.id).into());
        }
        Ok(())
    }

    fn process(&mut self, content: &Content, range: TimeRange, sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        self.0.next()?;
        let seconds = (range.end_time - range.start_time) / 1000;
        sink(Tag::new(range.start_time, range.end_time, format!("{seconds} s of {}", content.id)))
    }

    fn on_completion(&mut self, sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        if self.0.count > 0 && !self.outputs_in_order() {
            sink(Tag::new(0, 0, format!("{} ranges", self.0.count)))?;
        }
        Ok(())
    }

    fn outputs_in_order(&self) -> bool {
        self.0.params.in_order
    }
}

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let takes = match kind.to_str() {
        Some("processor") => "processor",
        Some("av" | "producer") => "video",
        _ => "frame",
    };
    let manifest = format!("name = 'counter'\nkind = '{takes}'\ncommand = ['models', '{}']", kind.display());
    let make = move |params: Params| {
        let counter = Counter { params, count: 0 };
        match kind.to_str() {
            Some("frame") => Ok(Model::frame(OneByOne(counter))),
            Some("batch") => Ok(Model::batch(Several(counter))),
            Some("av") => Ok(Model::av(Whole(counter))),
            Some("producer") => Ok(Model::producer(Batches(counter))),
            Some("processor") => Ok(Model::processor(Ranges(counter))),
            _ => Err(format!("no kind `{}`: frame, batch, av, producer or processor", kind.display()).into()),
        }
    };
    common_ml::run_with(&manifest, arguments, std::io::stdin(), make)
}
