//! Makes a container image of a model's folder.
//!
//! [`Plan::of`] looks at the folder and says how its image comes about: by the `Containerfile` that is there, by one that
//! is made for a Python model, or, for a program, without any, of the program and the libraries it loads. [`Plan::build`]
//! has the engine make it, asks the model for its parameters in a container that may do nothing, and writes the answer on
//! the image as labels. The same files, wheels and base give the same image.

mod archive;
mod build;
mod closure;
mod containerfile;
mod folder;
mod ignore;
mod labels;
mod question;
mod wheels;

pub use build::{BuildError, Built, DEFAULT_BASE, Plan, Wishes};
pub use containerfile::{PROGRAM_CONTAINERFILE, PYTHON_CONTAINERFILE};
