//! `tagger init`
use crate::args::InitArgs;
pub fn init(_: &InitArgs) -> anyhow::Result<u8> { Ok(0) }
