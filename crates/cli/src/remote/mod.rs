//! The commands that talk to a server.

mod client;
mod follow;
mod jobs;
mod logs;
mod submit;
mod tags;
mod views;

pub use client::Refused;
pub use jobs::{jobs, remove, retry, status, stop};
pub use logs::logs;
pub use submit::submit;
pub use tags::{export, tags};
