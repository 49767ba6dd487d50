//! Time-range tags from what was seen on single frames.

use pyo3::prelude::*;

/// Joins texts seen on consecutive sampled frames into ranges.
#[pyclass(module = "common_ml._native")]
pub struct RangeBuilder {
    ranges: common_ml::RangeBuilder,
    allow_single_frame: bool,
}

#[pymethods]
impl RangeBuilder {
    #[new]
    #[pyo3(signature = (allow_single_frame, /))]
    fn new(allow_single_frame: bool) -> Self {
        Self { ranges: common_ml::RangeBuilder::new(allow_single_frame), allow_single_frame }
    }

    /// Adds the next sampled frame, times in ms, with the texts seen on it.
    #[pyo3(signature = (time_ms, duration_ms, texts, /))]
    fn add(&mut self, time_ms: i64, duration_ms: i64, texts: Vec<String>) {
        self.ranges.add(time_ms, duration_ms, texts.iter().map(String::as_str));
    }

    /// The ranges in the order in which they begin: start and end in ms, and the text. The builder begins anew.
    fn finish(&mut self) -> Vec<(i64, i64, String)> {
        let ranges = std::mem::replace(&mut self.ranges, common_ml::RangeBuilder::new(self.allow_single_frame));
        ranges.finish().into_iter().map(|range| (range.start_ms, range.end_ms, range.tag)).collect()
    }
}
