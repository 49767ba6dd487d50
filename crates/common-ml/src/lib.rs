//! The Rust SDK for model authors.
//!
//! Implement one of the model traits, give the model to [`run`], and the program speaks the contract: paths in on
//! standard input, JSON messages out to the file named by `--output-path`.
//!
//! ```no_run
//! use common_ml::{BoxError, FrameModel, FrameTag, Image, Model, NoParams};
//!
//! struct Brightness;
//!
//! impl FrameModel for Brightness {
//!     fn tag_frame(&mut self, image: &Image) -> Result<Vec<FrameTag>, BoxError> {
//!         let sum: u64 = image.data.iter().map(|v| u64::from(*v)).sum();
//!         let bright = sum > 128 * image.data.len() as u64;
//!         Ok(vec![FrameTag::new(if bright { "bright" } else { "dark" })])
//!     }
//! }
//!
//! const MANIFEST: &str = r#"
//! name = "brightness"
//! kind = "frame"
//! command = ["./brightness"]
//! "#;
//!
//! fn main() -> std::process::ExitCode {
//!     common_ml::run(MANIFEST, |_: NoParams| Ok(Model::frame(Brightness)))
//! }
//! ```
//!
//! The manifest is the `tagger.toml` of the model's folder, best taken in with `include_str!("../tagger.toml")`: started
//! with `--describe`, the program answers with it and with the schema of its parameters, which come from a type that
//! derives `Deserialize` and `JsonSchema`. They are checked before the model is made.

mod arguments;
mod frames;
mod model;
mod params;
mod processor;
mod producer;
mod ranges;
mod run;

pub use arguments::{Arguments, ArgumentsError, Request};
pub use frames::{FrameSettings, FrameTagger};
pub use model::{AvModel, BatchFrameModel, BoxError, FileTagger, FrameModel, FrameTag, Model, TagSink};
pub use params::{LoopParams, NoParams, ParamsError};
pub use processor::{Content, Processor, TimeRange};
pub use producer::{FileProducer, Output, Producer};
pub use ranges::{Range, RangeBuilder};
pub use run::{GATHER_TIME, run, run_with};
pub use tagger_media::{Image, Pixels};
pub use tagger_wire::{FileKind, FrameInfo, Message, Region, Tag};
