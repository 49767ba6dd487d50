//! Tags as other programs read them: JSON lines, CSV, WebVTT. Written in pieces, so that their number costs no memory.

mod csv;
mod jsonl;
mod vtt;

#[cfg(test)]
mod samples;

use std::io::{self, Write};

use crate::TagRow;

pub use vtt::clock;

/// A format for tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a tag and line: everything, for programs.
    Jsonl,
    /// One row a tag, for spreadsheets. What has structure is JSON in its cell.
    Csv,
    /// One cue a tag, for players. Holds the tags of one content.
    Vtt,
}

impl Format {
    /// Its media type, for HTTP.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }

    /// Writes what stands before the first tag.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Jsonl => Ok(()),
            Self::Csv => csv::begin(out),
            Self::Vtt => vtt::begin(out),
        }
    }

    /// Writes tags behind those that were written before.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, rows: &[TagRow], out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Jsonl => jsonl::write(rows, out),
            Self::Csv => csv::write(rows, out),
            Self::Vtt => vtt::write(rows, out),
        }
    }
}

#[cfg(test)]
fn written(format: Format) -> String {
    let mut out = Vec::new();
    format.begin(&mut out).unwrap();
    // In two pieces, as a long list comes.
    for rows in samples::rows().chunks(1) {
        format.write(rows, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}
