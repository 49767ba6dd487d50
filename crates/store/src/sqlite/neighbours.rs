//! What a tag at a cut goes on as, and what it goes on from, found without reading anything else.

use std::collections::HashMap;

use rusqlite::{Connection, Row};

use super::contents;
use super::fault::Fault;
use super::heads::Head;
use super::lanes::Piece;
use super::row::all;
use crate::stitch::Cut;
use crate::{BatchId, StreamName};

/// A piece of a run, as far as stitching looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub id: i64,
    pub part: u32,
    pub start_ms: i64,
    pub end_ms: i64,
}

impl Link {
    /// `None` for a tag that stays as it is.
    pub fn of(head: &Head, piece: &Piece) -> Option<Self> {
        let can_go_on =
            head.stream != StreamName::Still && piece.frame_info.is_none() && piece.additional_info.is_none();
        can_go_on.then_some(Self { id: piece.id, part: piece.part, start_ms: piece.start_ms, end_ms: piece.end_ms })
    }
}

/// Remembers the cuts it has come by.
pub(super) struct Neighbours<'c> {
    connection: &'c Connection,
    cuts: HashMap<(BatchId, u32), Option<Cut>>,
}

impl<'c> Neighbours<'c> {
    pub fn new(connection: &'c Connection) -> Self {
        Self { connection, cuts: HashMap::new() }
    }

    /// The piece in the part before that `link` continues.
    pub fn before(&mut self, head: &Head, text: i64, link: Link) -> Result<Option<Link>, Fault> {
        let Some(number) = link.part.checked_sub(1) else { return Ok(None) };
        let Some(cut) = self.cut(head, number)? else { return Ok(None) };
        if !cut.is_left(link.start_ms) {
            return Ok(None);
        }
        let (ending, starting) = self.at(head, text, number, cut)?;
        Ok(starting.iter().position(|other| other.id == link.id).and_then(|place| ending.get(place).copied()))
    }

    /// The piece in the part behind that continues `link`.
    pub fn behind(&mut self, head: &Head, text: i64, link: Link) -> Result<Option<Link>, Fault> {
        let Some(cut) = self.cut(head, link.part)? else { return Ok(None) };
        if !cut.is_reached(link.start_ms, link.end_ms) {
            return Ok(None);
        }
        let (ending, starting) = self.at(head, text, link.part, cut)?;
        Ok(ending.iter().position(|other| other.id == link.id).and_then(|place| starting.get(place).copied()))
    }

    /// The tags of a text that end and start at the cut behind part `number`, each in the order they were written.
    fn at(&self, head: &Head, text: i64, number: u32, cut: Cut) -> Result<(Vec<Link>, Vec<Link>), Fault> {
        let sql = "SELECT id, part, start_ms, end_ms FROM tags INDEXED BY tags_by_text
            WHERE text = ?1 AND batch = ?2 AND start_ms BETWEEN ?3 AND ?4 AND part = ?5
                AND frame_idx IS NULL AND additional_info IS NULL
            ORDER BY id";
        let read =
            |row: &Row<'_>| Ok(Link { id: row.get(0)?, part: row.get(1)?, start_ms: row.get(2)?, end_ms: row.get(3)? });
        let mut ending = all(self.connection, sql, (text, head.id, cut.part_start_ms, cut.at_ms, number), read)?;
        ending.retain(|link| cut.is_reached(link.start_ms, link.end_ms));
        let starting = all(self.connection, sql, (text, head.id, cut.at_ms, cut.at_ms, number + 1), read)?;
        Ok((ending, starting))
    }

    /// The cut behind part `number`, unless it is the last.
    fn cut(&mut self, head: &Head, number: u32) -> Result<Option<Cut>, Fault> {
        let place = (head.id, number);
        if let Some(cut) = self.cuts.get(&place) {
            return Ok(*cut);
        }
        let part = |number| contents::part(self.connection, head.version, head.stream, number);
        let cut = match (part(number)?, number.checked_add(1).map(part).transpose()?.flatten()) {
            (Some(before), Some(after)) => Some(Cut::between(&before, &after, head.fps)),
            _ => None,
        };
        self.cuts.insert(place, cut);
        Ok(cut)
    }
}
