//! What a store promises, tried from outside.
#![allow(clippy::unwrap_used)] // helpers of tests

mod format;
mod kill;
mod properties;
mod sample;
mod sqlite;
mod suite;
