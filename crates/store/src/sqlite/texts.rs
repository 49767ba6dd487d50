//! Texts are kept once each; a tag has the number of its text.

use std::collections::HashMap;

use rusqlite::Connection;

use super::row::one;

/// How many numbers are remembered, and up to which length of text: a few MiB together.
const REMEMBERED: usize = 32_768;
const REMEMBERED_BYTES: usize = 128;

/// Remembers the numbers of texts that were written lately.
#[derive(Default)]
pub(super) struct Texts {
    known: HashMap<Box<str>, i64>,
}

impl Texts {
    /// The number of `text`, which is added where it is new.
    pub fn number(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<i64> {
        if let Some(&number) = self.known.get(text) {
            return Ok(number);
        }
        let kept = one(connection, "SELECT id FROM texts WHERE text = ?1", [text], |row| row.get(0))?;
        let number = match kept {
            Some(number) => number,
            None => connection
                .prepare_cached("INSERT INTO texts (text) VALUES (?1) RETURNING id")?
                .query_row([text], |row| row.get(0))?,
        };
        if text.len() <= REMEMBERED_BYTES {
            if self.known.len() == REMEMBERED {
                self.known.clear();
            }
            self.known.insert(text.into(), number);
        }
        Ok(number)
    }

    /// Remembers nothing, because texts were removed or their adding was taken back.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}
