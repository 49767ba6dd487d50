//! Turns the bytes of an output file into messages, however the bytes arrive.
//!
//! The file is read while it is written, so a chunk may end anywhere: in a line, in a number, in the middle of a
//! character. What has no line end yet waits. A line that is no message is a [`Fault`], never the end of reading.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Message;

/// The longest line that is kept. A program that writes more without a line end loses that line, not our memory.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// What one line turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A message of the contract.
    Message(Message),
    /// Something else: told, counted, left out.
    Fault(Fault),
}

/// A line that is not a message of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which line, from 1, empty ones included.
    pub line: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
    /// How the line begins, at most 120 characters.
    pub excerpt: String,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The model may have printed there.
    #[error("not JSON")]
    NotJson,
    /// JSON, but without a `type` and `data`.
    #[error("not a message: {0}")]
    NotMessage(String),
    /// A type this reader does not know.
    #[error("unknown message type `{0}`")]
    UnknownType(String),
    /// A field is missing or does not hold what it should.
    #[error("{message_type} message: {problem}")]
    BadField {
        /// The message's type.
        message_type: String,
        /// Which field, and what about it.
        problem: String,
    },
    /// More than [`MAX_LINE_BYTES`] without a line end.
    #[error("line longer than {} MiB", MAX_LINE_BYTES >> 20)]
    TooLong,
    /// The program ended in the middle of the line.
    #[error("unfinished last line")]
    Unfinished,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.kind, self.excerpt)
    }
}

/// An incremental reader: bytes in, lines out.
#[derive(Debug, Default)]
pub struct LineReader {
    waiting: Vec<u8>,
    line: u64,
    dropping: bool,
}

impl LineReader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives each line that they complete to `each`, in order. Empty lines are passed over.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Line)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.keep(&rest[..end]);
            rest = &rest[end + 1..];
            if let Some(line) = self.complete() {
                each(line);
            }
        }
        self.keep(rest);
    }

    /// Ends the file: a last line without its line end counts if it is whole, and is a fault if it was cut short.
    pub fn finish(&mut self) -> Option<Line> {
        if self.waiting.is_empty() && !self.dropping {
            return None;
        }
        self.complete().map(|line| match line {
            Line::Fault(fault) if fault.kind == FaultKind::NotJson => {
                Line::Fault(Fault { kind: FaultKind::Unfinished, ..fault })
            }
            line => line,
        })
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.dropping {
            return;
        }
        let room = MAX_LINE_BYTES - self.waiting.len();
        self.dropping = bytes.len() > room;
        self.waiting.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Judges what waits as one line and starts the next.
    fn complete(&mut self) -> Option<Line> {
        self.line += 1;
        let bytes = std::mem::take(&mut self.waiting);
        let too_long = std::mem::take(&mut self.dropping);
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() && !too_long {
            return None;
        }
        let message = if too_long { Err(FaultKind::TooLong) } else { parse(bytes) };
        Some(match message {
            Ok(message) => Line::Message(message),
            Err(kind) => Line::Fault(Fault { line: self.line, kind, excerpt: excerpt(bytes) }),
        })
    }
}

#[derive(Deserialize)]
struct Envelope {
    r#type: String,
    #[serde(rename = "data")]
    _data: IgnoredAny,
}

fn parse(line: &[u8]) -> Result<Message, FaultKind> {
    // Two steps, so that a fault can say which of them failed and in which field. An array would pass for the fields of
    // a message in order.
    if line.starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(line).is_ok() {
        return Err(FaultKind::NotMessage("an array".into()));
    }
    let envelope: Envelope = serde_json::from_slice(line)
        .map_err(|e| if e.is_data() { FaultKind::NotMessage(problem(&e)) } else { FaultKind::NotJson })?;
    if !["tag", "progress", "progress_ratio", "error"].contains(&envelope.r#type.as_str()) {
        return Err(FaultKind::UnknownType(envelope.r#type));
    }
    serde_json::from_slice(line)
        .map_err(|e| FaultKind::BadField { message_type: envelope.r#type, problem: problem(&e) })
}

/// The text of a JSON error without its position, which within one line of a log tells nobody anything.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn excerpt(bytes: &[u8]) -> String {
    // Four bytes a character at most: no need to decode megabytes for a hundred characters.
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * 120)]);
    let short: String = head.chars().take(120).collect();
    if short.len() < bytes.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn read(chunks: &[&[u8]]) -> Vec<Line> {
        let mut reader = LineReader::new();
        let mut lines = Vec::new();
        for chunk in chunks {
            reader.push(chunk, |line| lines.push(line));
        }
        lines.extend(reader.finish());
        lines
    }

    fn faults(text: &str) -> String {
        let told: Vec<String> = read(&[text.as_bytes()])
            .into_iter()
            .map(|line| match line {
                Line::Message(message) => format!("ok: {}", serde_json::to_string(&message).unwrap()),
                Line::Fault(fault) => fault.to_string(),
            })
            .collect();
        told.join("\n")
    }

    #[test]
    fn bad_lines_are_named_and_good_ones_kept() {
        let text = r#"Loading weights…
{"type":"progress","data":{"source_media":"a.mp4"}}

[1, 2]
{"type":"heartbeat","data":{}}
{"type":"tag","data":{"start_time":0,"end_time":1,"source_media":"a.mp4"}}
{"type":"tag","data":{"start_time":"0","end_time":1,"tag":"x","source_media":"a.mp4"}}
{"type":"error","data":{"message":"no"}}
{"type":"tag"}
{"type":"progress","data":{"source_"#;
        assert_snapshot!(faults(text), @r#"
        line 1: not JSON: Loading weights…
        ok: {"type":"progress","data":{"source_media":"a.mp4"}}
        line 4: not a message: an array: [1, 2]
        line 5: unknown message type `heartbeat`: {"type":"heartbeat","data":{}}
        line 6: tag message: missing field `tag`: {"type":"tag","data":{"start_time":0,"end_time":1,"source_media":"a.mp4"}}
        line 7: tag message: invalid type: string "0", expected a JSON number: {"type":"tag","data":{"start_time":"0","end_time":1,"tag":"x","source_media":"a.mp4"}}
        ok: {"type":"error","data":{"message":"no","source_media":null}}
        line 9: not a message: missing field `data`: {"type":"tag"}
        line 10: unfinished last line: {"type":"progress","data":{"source_
        "#);
    }

    #[test]
    fn half_a_character_waits_for_its_rest() {
        let text = "{\"type\":\"progress\",\"data\":{\"source_media\":\"médiathèque.mp4\"}}\n".as_bytes();
        let middle = text.iter().position(|b| *b == 0xc3).unwrap() + 1;
        let mut reader = LineReader::new();
        reader.push(&text[..middle], |line| panic!("too early: {line:?}"));
        let mut lines = Vec::new();
        reader.push(&text[middle..], |line| lines.push(line));
        assert_eq!(lines, [Line::Message(Message::Progress { source_media: "médiathèque.mp4".into() })]);
    }

    #[test]
    fn a_line_that_never_ends_costs_bounded_memory_and_only_itself() {
        let mut reader = LineReader::new();
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..(MAX_LINE_BYTES >> 20) + 3 {
            reader.push(&chunk, |line| panic!("not a line yet: {line:?}"));
        }
        assert!(reader.waiting.len() <= MAX_LINE_BYTES);
        let mut lines = Vec::new();
        reader.push(b"\n{\"type\":\"progress_ratio\",\"data\":{\"progress\":1}}\n", |line| lines.push(line));
        assert!(matches!(&lines[0], Line::Fault(Fault { kind: FaultKind::TooLong, line: 1, .. })));
        assert_eq!(lines[1], Line::Message(Message::ProgressRatio { progress: 1.0 }));
    }

    #[test]
    fn a_whole_last_line_counts_even_without_its_line_end() {
        let line = br#"{"type":"progress_ratio","data":{"progress":0.5}}"#;
        assert_eq!(read(&[line]), [Line::Message(Message::ProgressRatio { progress: 0.5 })]);
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let good = "[a-zé\"\\\\\n😀]{0,12}".prop_map(|tag| {
            let message = Message::Progress { source_media: tag };
            serde_json::to_vec(&message).unwrap()
        });
        let noise = prop::collection::vec(any::<u8>(), 0..30);
        prop::collection::vec(prop_oneof![3 => good, 1 => noise], 0..12).prop_map(|lines| lines.join(&b'\n'))
    }

    proptest! {
        #[test]
        fn any_split_of_any_stream_gives_the_same_lines(
            bytes in stream(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let whole = read(&[&bytes]);
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let mut start = 0;
            let chunks: Vec<&[u8]> = ends.iter().map(|end| &bytes[std::mem::replace(&mut start, *end)..*end]).collect();
            prop_assert_eq!(read(&chunks), whole);
        }
    }
}
