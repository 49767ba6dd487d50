//! What a store promises, tried from outside.
#![allow(clippy::unwrap_used)] // helpers of tests

mod sample;
mod sqlite;
mod suite;
