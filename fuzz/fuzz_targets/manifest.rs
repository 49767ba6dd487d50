//! Any text is a manifest or an error that names a line of it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tagger_wire::{Manifest, ManifestError};

fuzz_target!(|text: &str| {
    if let Err(ManifestError::Invalid { line, .. }) = Manifest::parse(text, Path::new("tagger.toml")) {
        assert!((1..=text.matches('\n').count() + 1).contains(&line));
    }
});
