//! Checks what a user chose against the JSON Schema of a model's parameters.
//!
//! The author's SDK, the runtime and any client ask the same questions of the same schema, so that a fault reads the
//! same wherever it is found first. This crate knows schemas and words; it starts nothing and reads no files.

mod check;
mod looped;
mod schema;
mod words;

pub use check::{Fault, SchemaError, faults, read_text};
pub use looped::{LOOP_NAMES, loop_parameters, whole_numbers, with_loop, without_loop};
pub use schema::close;
pub use words::accepted;
