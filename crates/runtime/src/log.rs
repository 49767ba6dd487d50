//! What a program says: its end in memory, all of it in a file, up to a limit.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::executor::LogFile;

/// How much of a program's log is kept, from its end.
pub(crate) const LOG_BYTES: usize = 16 << 10;
/// What stands in a log where a secret was.
const STRUCK_OUT: &[u8] = b"[secret]";

/// The end of what a program has written, and a file with all of it.
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    max_bytes: usize,
    file: Option<Capped>,
}

impl Tail {
    /// Keeps the last `max_bytes`, and all of it in `file`.
    pub fn of(max_bytes: usize, file: Option<Capped>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { bytes: VecDeque::new(), max_bytes, file }))
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file {
            file.push(bytes);
        }
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(self.max_bytes);
        self.bytes.drain(..surplus);
    }

    /// Completes the file.
    pub fn close(&mut self) {
        if let Some(file) = self.file.take() {
            file.close(self.bytes.make_contiguous());
        }
    }

    /// What is kept of it.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim_end().to_owned()
    }
}

/// A log file that holds the beginning of a long log, and its end.
pub(crate) struct Capped {
    file: File,
    left_bytes: u64,
    left_out_bytes: u64,
}

impl Capped {
    /// Begins the file anew.
    pub fn create(log: &LogFile) -> io::Result<Self> {
        Ok(Self { file: File::create(&log.path)?, left_bytes: log.max_bytes, left_out_bytes: 0 })
    }

    fn push(&mut self, bytes: &[u8]) {
        let count = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(bytes.len());
        // A disk that is full costs the log, never the program.
        let _ = self.file.write_all(&bytes[..count]);
        self.left_bytes -= count as u64;
        self.left_out_bytes += (bytes.len() - count) as u64;
    }

    /// Adds the end of what was left out.
    fn close(mut self, end: &[u8]) {
        if self.left_out_bytes > 0 {
            let shown = usize::try_from(self.left_out_bytes).unwrap_or(usize::MAX).min(end.len());
            let hidden = self.left_out_bytes - shown as u64;
            let _ = write!(self.file, "\n[{hidden} bytes of log left out]\n");
            let _ = self.file.write_all(&end[end.len() - shown..]);
        }
    }
}

/// Strikes secrets out of what comes in pieces.
pub(crate) struct Redactor {
    secrets: Vec<Vec<u8>>,
    /// The end of what has come, which may be the beginning of a secret.
    held_back: Vec<u8>,
}

impl Redactor {
    /// Strikes out `secrets`; empty ones are none.
    pub fn of(secrets: &[String]) -> Self {
        let mut secrets: Vec<Vec<u8>> =
            secrets.iter().filter(|text| !text.is_empty()).map(|t| t.clone().into()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, held_back: Vec::new() }
    }

    /// Takes the next piece; gives what is known to be no secret, or behind one.
    pub fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held_back.extend_from_slice(piece);
        let mut passed = Vec::new();
        let mut at = 0;
        while at < self.held_back.len() {
            let rest = &self.held_back[at..];
            if let Some(secret) = self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                passed.extend_from_slice(STRUCK_OUT);
                at += secret.len();
            } else if self.secrets.iter().any(|secret| secret.starts_with(rest)) {
                break;
            } else {
                passed.push(rest[0]);
                at += 1;
            }
        }
        self.held_back.drain(..at);
        passed
    }

    /// What was held back, once nothing more comes.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_struck_out_however_it_is_cut() {
        let text = b"token=abcabd; ab";
        for cut in 0..text.len() {
            let mut redactor = Redactor::of(&["abcabd".into(), String::new()]);
            let mut passed = redactor.pass(&text[..cut]);
            passed.extend(redactor.pass(&text[cut..]));
            passed.extend(redactor.rest());
            assert_eq!(String::from_utf8(passed).unwrap(), "token=[secret]; ab");
        }
    }
}
