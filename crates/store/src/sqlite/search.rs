//! What a user types, as the text index understands it.

use rusqlite::Connection;

use super::fault::Fault;
use super::row::{all, one};

/// A search for texts that have all of some words.
pub(super) struct Search {
    query: String,
}

impl Search {
    /// Takes words as they are typed: nothing in them is an operator. The last one may be a beginning.
    pub fn new(typed: &str) -> Result<Self, Fault> {
        let words: Vec<String> = typed
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| word.contains(char::is_alphanumeric))
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
            .collect();
        if words.is_empty() {
            return Err(Fault::invalid(format!("`{}` has no word to search for", typed.trim())));
        }
        Ok(Self { query: words.join(" ") + "*" })
    }

    /// The texts' numbers from `first` on, in order.
    pub fn texts(&self, connection: &Connection, first: i64, limit: usize) -> Result<Vec<i64>, Fault> {
        let sql = "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid >= ?2 ORDER BY rowid LIMIT ?3";
        Ok(all(connection, sql, (&self.query, first, limit as i64), |row| row.get(0))?)
    }

    /// Whether a text is among them.
    pub fn finds(&self, connection: &Connection, text: i64) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM words WHERE words MATCH ?1 AND rowid = ?2";
        Ok(one(connection, sql, (&self.query, text), |_| Ok(()))?.is_some())
    }
}
