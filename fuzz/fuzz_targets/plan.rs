//! Any index and any choice of frames make a plan that gives each of them once, in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagger_media::nonsense;

fuzz_target!(|bytes: &[u8]| nonsense::plan(bytes));
