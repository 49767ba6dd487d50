//! Models that take no media: they are told ranges of a content's time, and fetch what they need themselves.

use std::collections::VecDeque;
use std::fs;

use serde::Deserialize;
use serde_json::{Map, Value};
use tagger_wire::{Message, Tag};

use crate::{BoxError, Output, Producer, TagSink};

/// The content that ranges are about, as the runtime names it in the program's environment.
pub struct Content {
    /// Its id: `ELV_CONTENT`.
    pub id: String,
    /// What gives access to it: `ELV_TOKEN`.
    pub token: String,
}

/// A range of a content's time: milliseconds from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// Where it begins.
    pub start_time: i64,
    /// Where it ends.
    pub end_time: i64,
}

/// A model of time ranges.
pub trait Processor {
    /// Tags a range; ranges of one batch that touch come as one. All times are milliseconds from the content's start.
    ///
    /// A tag is credited to the input file whose range it starts in, whatever its `source_media` says.
    ///
    /// # Errors
    /// Any: one error line is written, and the program ends, or goes on with the next batch under `continue_on_error`.
    fn process(&mut self, content: &Content, range: TimeRange, sink: &mut TagSink<'_>) -> Result<(), BoxError>;

    /// Runs once, before the first range: the place to look whether everything is there. Default: nothing.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    fn preflight(&mut self, _content: &Content) -> Result<(), BoxError> {
        Ok(())
    }

    /// Runs once, after the last range. Default: nothing.
    ///
    /// # Errors
    /// Any: one error line is written, and the program ends non-zero.
    fn on_completion(&mut self, _sink: &mut TagSink<'_>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Whether tags come in the order of their start times. Only then is a range known to be finished as soon as tags of
    /// a later one come; otherwise all ranges finish at the end. Default: false.
    fn outputs_in_order(&self) -> bool {
        false
    }
}

/// Why a batch of ranges cannot be worked on.
#[derive(Debug, thiserror::Error)]
enum RangeError {
    #[error("the environment variable {name} is missing; the runtime sets it for models of time ranges")]
    NoVariable { name: &'static str },
    #[error("cannot read `{file}`")]
    Unreadable { file: String, source: std::io::Error },
    #[error("`{file}` names no range ({source}); {{\"start_time\": ms, \"end_time\": ms}} is expected")]
    NoRange { file: String, source: serde_json::Error },
}

/// An input file, and the range that it names.
#[derive(Debug, Clone)]
struct Named {
    file: String,
    range: TimeRange,
}

/// A processor at work: which ranges it has seen, and which of them are finished.
pub(crate) struct RangeWork {
    processor: Box<dyn Processor>,
    is_ready: bool,
    seen: Vec<Named>,
    unfinished: Vec<Named>,
}

impl RangeWork {
    pub fn new(processor: Box<dyn Processor>) -> Self {
        Self { processor, is_ready: false, seen: Vec::new(), unfinished: Vec::new() }
    }

    fn work(&mut self, content: &Content, files: &[String], output: &mut Output) -> Result<(), BoxError> {
        if !self.is_ready {
            self.processor.preflight(content)?;
            self.is_ready = true;
        }
        let mut ranges = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
        ranges.sort_by_key(|named| named.range.start_time);
        self.seen.extend(ranges.iter().cloned());
        let is_in_order = self.processor.outputs_in_order();
        let mut waiting = VecDeque::from(ranges.clone());
        for range in joined(&ranges) {
            self.processor.process(content, range, &mut |tag| {
                let Some(home) = credited(&tag, &ranges) else { return Ok(()) };
                // Nothing will come any more for what lies before a tag.
                while is_in_order && waiting.front().is_some_and(|first| first.range.start_time < home.range.start_time)
                {
                    finish(waiting.pop_front(), output)?;
                }
                output.send(Message::Tag(Tag { source_media: home.file.clone(), ..tag }))
            })?;
        }
        if is_in_order {
            return finish(waiting, output);
        }
        self.unfinished.extend(waiting);
        Ok(())
    }
}

impl Producer for RangeWork {
    fn produce(&mut self, files: &[String], output: &mut Output) -> Result<(), BoxError> {
        let content = Content { id: variable("ELV_CONTENT")?, token: variable("ELV_TOKEN")? };
        self.work(&content, files, output)
    }

    fn on_completion(&mut self, output: &mut Output) -> Result<(), BoxError> {
        let seen = &self.seen;
        self.processor.on_completion(&mut |tag| {
            let source_media = credited(&tag, seen).map_or(String::new(), |home| home.file.clone());
            output.send(Message::Tag(Tag { source_media, ..tag }))
        })?;
        finish(self.unfinished.drain(..), output)
    }
}

fn finish(ranges: impl IntoIterator<Item = Named>, output: &mut Output) -> Result<(), BoxError> {
    ranges.into_iter().try_for_each(|named| output.send(Message::Progress { source_media: named.file }))
}

fn variable(name: &'static str) -> Result<String, RangeError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(RangeError::NoVariable { name })
}

/// Reads the range that an input file names.
fn read(file: &str) -> Result<Named, RangeError> {
    /// Fractions of a millisecond are accepted, and rounded, halves to even.
    #[derive(Deserialize)]
    struct Written {
        start_time: f64,
        end_time: f64,
    }
    let text = fs::read(file).map_err(|source| RangeError::Unreadable { file: file.to_owned(), source })?;
    // First as an object: serde would take an array of two numbers as well.
    let Written { start_time, end_time } = serde_json::from_slice::<Map<_, _>>(&text)
        .and_then(|object| Written::deserialize(Value::Object(object)))
        .map_err(|source| RangeError::NoRange { file: file.to_owned(), source })?;
    let millis = |time: f64| time.round_ties_even() as i64; // `as` saturates
    Ok(Named { file: file.to_owned(), range: TimeRange { start_time: millis(start_time), end_time: millis(end_time) } })
}

/// What ranges in order of time cover: one that begins where the last one ends continues it.
fn joined(ranges: &[Named]) -> Vec<TimeRange> {
    let mut spans: Vec<TimeRange> = Vec::new();
    for Named { range, .. } in ranges {
        match spans.last_mut() {
            Some(last) if last.end_time == range.start_time => last.end_time = range.end_time,
            _ => spans.push(*range),
        }
    }
    spans
}

/// The latest-starting range that contains the start of a tag; the earliest one, if none does.
fn credited<'a>(tag: &Tag, ranges: &'a [Named]) -> Option<&'a Named> {
    let start = |named: &&Named| named.range.start_time;
    let contains = |named: &&Named| (named.range.start_time..=named.range.end_time).contains(&tag.start_time);
    ranges.iter().filter(contains).max_by_key(start).or_else(|| ranges.iter().min_by_key(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(start_time: i64, end_time: i64) -> Named {
        Named { file: format!("{start_time}.json"), range: TimeRange { start_time, end_time } }
    }

    #[test]
    fn ranges_that_touch_are_joined() {
        let spans = joined(&[named(0, 10), named(10, 20), named(30, 40)]);
        assert_eq!(spans, [TimeRange { start_time: 0, end_time: 20 }, TimeRange { start_time: 30, end_time: 40 }]);
    }

    #[test]
    fn a_tag_belongs_to_the_latest_range_that_contains_its_start_or_else_to_the_earliest() {
        let ranges = [named(0, 10), named(10, 20), named(30, 40)];
        let home = |start| credited(&Tag::new(start, start, "t"), &ranges).unwrap().file.clone();
        assert_eq!([0, 5, 10, 20, 25, 99].map(home), ["0.json", "0.json", "10.json", "10.json", "0.json", "0.json"]);
        assert!(credited(&Tag::new(0, 0, "t"), &[]).is_none());
    }

    #[test]
    fn a_file_that_names_no_range_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("range.json");
        let file = path.to_str().unwrap();
        assert_eq!(read(file).unwrap_err().to_string(), format!("cannot read `{file}`"));
        for text in ["", "[0, 10]", r#"{"start_time": 0}"#, r#"{"start_time": "0", "end_time": 10}"#] {
            fs::write(&path, text).unwrap();
            let told = read(file).map(|named| named.range).unwrap_err().to_string();
            assert!(told.starts_with(&format!("`{file}` names no range (")), "{told}");
        }
        fs::write(&path, r#"{"start_time": 0.5, "end_time": 10, "more": 1}"#).unwrap();
        assert_eq!(read(file).unwrap().range, TimeRange { start_time: 0, end_time: 10 });
    }
}
