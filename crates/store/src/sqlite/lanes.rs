//! Walks through tags in order, however many batches and lengths they have.
//!
//! The index holds tags by batch and duration class; within one, by start. A class's tags that touch a window begin in a
//! stretch not longer than twice the window and their own length, so each is a lane that is read from the right place on,
//! a handful of rows at a time, and the lanes are merged. A long tag costs no more to find than a short one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rusqlite::{Connection, Row};
use serde_json::{Map, Value};
use tagger_wire::{FrameInfo, Region};

use super::fault::Fault;
use super::heads::Head;
use super::row::{all, json_or_none};

/// Place in the order of tags: start, end, id.
pub(super) type Key = (i64, i64, i64);

/// How many rows a lane reads at a time, at least and at most.
const CHUNK: (usize, usize) = (16, 1024);

/// Selects what [`read`] wants of tags `t` and their texts `x`, and what is added. A tag whose text is missing is damage and
/// must not be left out without a word: hence the outer join.
macro_rules! select_pieces {
    ($more:literal, $index:literal, $which:literal) => {
        concat!(
            "SELECT t.id, t.part, t.start_ms, t.end_ms, t.text, x.text, t.frame_idx, t.box, t.additional_info",
            $more,
            " FROM tags t INDEXED BY ",
            $index,
            " LEFT JOIN texts x ON x.id = t.text ",
            $which
        )
    };
}
pub(super) use select_pieces;

// The index of a lane has its tags in the order they are read in, so nothing is sorted.
const SPAN_LANE: &str = select_pieces!(
    "",
    "tags_by_time",
    "WHERE t.batch = ?1 AND t.span = ?2 AND (t.start_ms, t.end_ms, t.id) > (?3, ?4, ?5)
         AND t.start_ms <= ?7 AND (t.end_ms > ?6 OR t.start_ms >= ?6)
     ORDER BY t.start_ms, t.end_ms, t.id LIMIT ?8"
);
const TEXT_LANE: &str = select_pieces!(
    "",
    "tags_by_text",
    "WHERE t.batch = ?1 AND t.text = ?2 AND (t.start_ms, t.end_ms, t.id) > (?3, ?4, ?5)
         AND t.start_ms <= ?7 AND (t.end_ms > ?6 OR t.start_ms >= ?6)
     ORDER BY t.start_ms, t.end_ms, t.id LIMIT ?8"
);

/// From the first to the last millisecond.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    from_ms: i64,
    last_ms: i64,
}

impl Window {
    /// `[from_ms, to_ms)`, where either may be open.
    pub fn new(from_ms: Option<i64>, to_ms: Option<i64>) -> Self {
        let last_ms = to_ms.map_or(i64::MAX, |to_ms| to_ms.saturating_sub(1));
        Self { from_ms: from_ms.unwrap_or(i64::MIN), last_ms }
    }

    pub fn is_touched(&self, start_ms: i64, end_ms: i64) -> bool {
        start_ms <= self.last_ms && (end_ms > self.from_ms || start_ms >= self.from_ms)
    }

    /// The window with so much more before it.
    pub fn widened(self, by_ms: i64) -> Self {
        Self { from_ms: self.from_ms.saturating_sub(by_ms), ..self }
    }
}

/// A tag as its row has it.
pub(super) struct Piece {
    pub id: i64,
    pub part: u32,
    pub start_ms: i64,
    pub end_ms: i64,
    pub text_number: i64,
    pub text: String,
    pub frame_info: Option<FrameInfo>,
    pub additional_info: Option<Map<String, Value>>,
}

impl Piece {
    pub fn key(&self) -> Key {
        (self.start_ms, self.end_ms, self.id)
    }
}

/// Which tags of a batch a lane has.
#[derive(Clone, Copy)]
pub(super) enum Lane {
    /// Those of a duration class.
    Span(u8),
    /// Those of a text, by its number.
    Text(i64),
}

/// The tags of several lanes, merged.
pub(super) struct Walk<'c> {
    connection: &'c Connection,
    lanes: Vec<Reading>,
    /// The next of each lane that has any.
    next: BinaryHeap<Reverse<(Key, usize)>>,
    chunk: usize,
}

struct Reading {
    /// Which of the heads.
    head: usize,
    batch: i64,
    lane: Lane,
    window: Window,
    pieces: VecDeque<Piece>,
    /// The last one that was read.
    after: Key,
    is_at_end: bool,
}

impl<'c> Walk<'c> {
    /// The tags of `heads` that touch `window`, behind `after`. `lanes` says which, by the place of their head. Reads as if
    /// about `wanted` will be taken.
    pub fn new(
        connection: &'c Connection,
        heads: &[Head],
        lanes: &[(usize, Lane)],
        window: impl Fn(&Head) -> Window,
        after: Option<Key>,
        wanted: usize,
    ) -> Result<Self, Fault> {
        let chunk = (2 * wanted / lanes.len().max(1)).clamp(CHUNK.0, CHUNK.1);
        let mut walk = Self { connection, lanes: Vec::with_capacity(lanes.len()), next: BinaryHeap::new(), chunk };
        for &(head, lane) in lanes {
            let window = window(&heads[head]);
            // Nothing that starts earlier is long enough to reach the window.
            let start_ms = match lane {
                Lane::Span(0) => window.from_ms.saturating_sub(1),
                Lane::Span(63) | Lane::Text(_) => i64::MIN,
                Lane::Span(span) => window.from_ms.saturating_sub(1 << span),
            };
            let after = after.unwrap_or((i64::MIN, i64::MIN, i64::MIN)).max((start_ms, i64::MIN, i64::MIN));
            let batch = heads[head].id.0;
            let pieces = VecDeque::new();
            walk.lanes.push(Reading { head, batch, lane, window, pieces, after, is_at_end: false });
            walk.line_up(walk.lanes.len() - 1)?;
        }
        Ok(walk)
    }

    /// The next tag, and the place of its head.
    pub fn next(&mut self) -> Result<Option<(usize, Piece)>, Fault> {
        let Some(Reverse((_, lane))) = self.next.pop() else { return Ok(None) };
        let reading = &mut self.lanes[lane];
        let found = reading.pieces.pop_front().map(|piece| (reading.head, piece));
        self.line_up(lane)?;
        Ok(found)
    }

    fn line_up(&mut self, lane: usize) -> Result<(), Fault> {
        let reading = &mut self.lanes[lane];
        if reading.pieces.is_empty() && !reading.is_at_end {
            reading.read(self.connection, self.chunk)?;
        }
        if let Some(piece) = reading.pieces.front() {
            self.next.push(Reverse((piece.key(), lane)));
        }
        Ok(())
    }
}

impl Reading {
    fn read(&mut self, connection: &Connection, chunk: usize) -> Result<(), Fault> {
        let (sql, class) = match self.lane {
            Lane::Span(span) => (SPAN_LANE, i64::from(span)),
            Lane::Text(text) => (TEXT_LANE, text),
        };
        let Window { from_ms, last_ms } = self.window;
        let (start_ms, end_ms, id) = self.after;
        let params = (self.batch, class, start_ms, end_ms, id, from_ms, last_ms, chunk as i64);
        self.pieces = all(connection, sql, params, read)?.into();
        self.is_at_end = self.pieces.len() < chunk;
        if let Some(last) = self.pieces.back() {
            self.after = last.key();
        }
        Ok(())
    }
}

/// Reads the columns in the order that the lanes select them.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Piece> {
    let frame_idx: Option<i64> = row.get(6)?;
    let region: Option<Region> = json_or_none(row, 7)?;
    Ok(Piece {
        id: row.get(0)?,
        part: row.get(1)?,
        start_ms: row.get(2)?,
        end_ms: row.get(3)?,
        text_number: row.get(4)?,
        text: row.get(5)?,
        frame_info: frame_idx.map(|index| FrameInfo { frame_idx: index.cast_unsigned(), region }),
        additional_info: json_or_none(row, 8)?,
    })
}
