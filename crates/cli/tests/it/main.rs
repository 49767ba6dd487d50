//! Drives the real binary over real clips with small model programs, as a user would.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

mod bad_input;
mod bad_models;
mod conformance;
mod doctor;
mod handover;
mod help;
mod images;
mod init;
mod inspect;
mod interrupt;
mod live;
mod many;
mod odd_lines;
mod outputs;
mod params;
mod place;
mod refusals;
mod server;
mod serving;
mod window;
