//! The contract between a tagger runtime and a model program, as types.
//!
//! A runtime starts a program with `--output-path PATH [--params JSON]`, writes media paths to its standard input, one
//! a line, and reads the JSON [`Message`]s that the program appends to the output file. This crate knows the bytes of
//! that conversation and the manifest that describes a model; it starts nothing, decodes nothing and opens no media.

mod description;
mod file_kind;
mod manifest;
mod message;
mod reader;
mod round;
mod writer;

pub use description::Description;
pub use file_kind::{FileKind, LISTED_EXTENSIONS};
pub use manifest::{MANIFEST_FILE, Manifest, ManifestError, ModelKind, Need, Program, Track};
pub use message::{FrameInfo, Message, Region, RegionError, Tag};
pub use reader::{Fault, FaultKind, Line, LineReader, MAX_LINE_BYTES};
pub use round::round_half_even;
pub use writer::MessageWriter;
