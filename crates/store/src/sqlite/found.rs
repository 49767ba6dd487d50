//! Walks through all current tags that a search finds, text by text.

use std::collections::VecDeque;

use rusqlite::{Connection, Row};

use super::fault::Fault;
use super::lanes::{self, Piece, select_pieces};
use super::row::all;
use super::search::Search;

/// Place in the order of what is found: text, batch, start, end, id.
pub(super) type Place = [i64; 5];

const OF_TEXT: &str = select_pieces!(
    ", t.batch",
    "tags_by_text",
    "WHERE t.text = ?1 AND (t.batch, t.start_ms, t.end_ms, t.id) > (?2, ?3, ?4, ?5)
         AND (SELECT b.state FROM batches b WHERE b.id = t.batch) = 'current'
     ORDER BY t.batch, t.start_ms, t.end_ms, t.id LIMIT ?6"
);

pub(super) struct Found<'c> {
    connection: &'c Connection,
    search: &'c Search,
    chunk: usize,
    /// The next texts, and whether more follow them.
    texts: VecDeque<i64>,
    has_more_texts: bool,
    /// The next tags of the text that `after` is in, and whether more follow them.
    pieces: VecDeque<(Place, Piece)>,
    has_more_pieces: bool,
    /// The last tag that was read.
    after: Place,
}

impl<'c> Found<'c> {
    /// Begins behind `after`. Reads up to `chunk` rows at a time.
    pub fn new(connection: &'c Connection, search: &'c Search, after: Option<Place>, chunk: usize) -> Self {
        Self {
            connection,
            search,
            chunk,
            texts: VecDeque::new(),
            has_more_texts: true,
            pieces: VecDeque::new(),
            has_more_pieces: after.is_some(),
            after: after.unwrap_or([i64::MIN; 5]),
        }
    }

    /// The next tag.
    pub fn next(&mut self) -> Result<Option<(Place, Piece)>, Fault> {
        loop {
            if let Some(found) = self.pieces.pop_front() {
                return Ok(Some(found));
            }
            if self.has_more_pieces {
                self.read_pieces()?;
            } else if let Some(text) = self.texts.pop_front() {
                self.after = [text, i64::MIN, i64::MIN, i64::MIN, i64::MIN];
                self.has_more_pieces = true;
            } else if self.has_more_texts {
                let texts = self.search.texts(self.connection, self.after[0].saturating_add(1), self.chunk)?;
                self.has_more_texts = texts.len() == self.chunk;
                self.texts = texts.into();
            } else {
                return Ok(None);
            }
        }
    }

    fn read_pieces(&mut self) -> Result<(), Fault> {
        let [text, batch, start_ms, end_ms, id] = self.after;
        let read = |row: &Row<'_>| {
            let piece = lanes::read(row)?;
            Ok(([text, row.get(9)?, piece.start_ms, piece.end_ms, piece.id], piece))
        };
        let params = (text, batch, start_ms, end_ms, id, self.chunk as i64);
        self.pieces = all(self.connection, OF_TEXT, params, read)?.into();
        self.has_more_pieces = self.pieces.len() == self.chunk;
        if let Some((place, _)) = self.pieces.back() {
            self.after = *place;
        }
        Ok(())
    }
}
