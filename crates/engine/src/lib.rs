//! A client of container engines on this machine: Podman by its own interface, Docker by the one both speak.
//!
//! [`Client::find`] looks where engines listen and asks who answers. Every call has a deadline, since an engine that hangs
//! takes a connection and never answers; what an engine refuses comes back with its own words. Nothing in here starts a
//! process or knows what containers are for.

mod address;
mod body;
mod client;
mod containers;
mod error;
mod frames;
mod images;
mod spec;

pub use address::{Place, places};
pub use body::Body;
pub use client::{Answer, Call, Client, Engine};
pub use containers::{Listed, Standing, Streams};
pub use error::EngineError;
pub use frames::Frames;
pub use hyper::{Method, StatusCode};
pub use images::{Build, Image, Progress, Push};
pub use spec::{Mount, Spec};
