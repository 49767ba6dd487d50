//! Appends messages to an output file, each visible as soon as it is written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::Message;

/// Appends one JSON line a message and hands it to the system at once.
///
/// A line is one `write` call of its whole text, so a reader never sees two lines mixed, and what a crash leaves behind
/// is at most one unfinished last line.
#[derive(Debug)]
pub struct MessageWriter<W: Write = File> {
    out: W,
    line: Vec<u8>,
}

impl MessageWriter<File> {
    /// Opens `path` for appending; makes the file if there is none, never shortens one.
    ///
    /// # Errors
    /// Whatever the system says, for instance that the folder does not exist.
    pub fn append(path: &Path) -> io::Result<Self> {
        Ok(Self::new(OpenOptions::new().append(true).create(true).open(path)?))
    }
}

impl<W: Write> MessageWriter<W> {
    /// Writes to `out`, which should hand each `write` on unbuffered.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    /// Writes and flushes one line.
    ///
    /// # Errors
    /// The system's, for instance a full disk. Numbers that JSON cannot hold (NaN, infinities) become `null` as
    /// `serde_json` writes them; models are stopped earlier, where the field is still known.
    pub fn write(&mut self, message: &Message) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, message)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_holds_already_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        for name in ["a.mp4", "b.mp4"] {
            let mut writer = MessageWriter::append(&path).unwrap();
            writer.write(&Message::Progress { source_media: name.into() }).unwrap();
        }
        insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
        {"type":"progress","data":{"source_media":"a.mp4"}}
        {"type":"progress","data":{"source_media":"b.mp4"}}
        "#);
    }

    #[test]
    fn each_line_is_one_write_and_then_a_flush() {
        #[derive(Default)]
        struct Calls(Vec<String>);
        impl Write for Calls {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(String::from_utf8_lossy(bytes).into_owned());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                self.0.push("flush".into());
                Ok(())
            }
        }
        let mut writer = MessageWriter::new(Calls::default());
        writer.write(&Message::ProgressRatio { progress: 0.5 }).unwrap();
        assert_eq!(writer.out.0, ["{\"type\":\"progress_ratio\",\"data\":{\"progress\":0.5}}\n", "flush"]);
    }
}
