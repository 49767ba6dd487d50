//! The native half of `common_ml`: what has to be exact or fast. What has to be forgiving is Python.
//!
//! Importing starts no thread. The interpreter lock is released while media is read and decoded, and pixels are handed
//! over to numpy by ownership, without a copy.

use pyo3::prelude::*;

mod errors;
mod frames;
mod media;
mod params;
mod ranges;
mod sound;

/// The module `common_ml._native`; `_native.pyi` beside the Python sources has its types.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::frames::Frames;
    #[pymodule_export]
    use crate::media::{MediaFacts, copy_into_mp4, file_kind, probe, read_still};
    #[pymodule_export]
    use crate::params::{check_params, closed_schema, schema_with_loop};
    #[pymodule_export]
    use crate::ranges::RangeBuilder;
    #[pymodule_export]
    use crate::sound::Sound;
}
