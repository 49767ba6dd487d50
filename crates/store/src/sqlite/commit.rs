//! A part's tags and its end, together.

use rusqlite::{Connection, OptionalExtension};

use super::batches::{self, Open};
use super::changes::part_state;
use super::fault::Fault;
use super::row::{one, run, to_column, to_json};
use super::texts::Texts;
use super::writer::Session;
use crate::{Commit, Committed, Counts, PartState};

/// How many binary digits a duration has: tags of one class are at most twice as long as each other, so those that touch
/// a window begin in a stretch of time that holds few others.
pub(super) fn span(start_ms: i64, end_ms: i64) -> u8 {
    // Times reach from -2^63 to 2^63, so a duration may need all 64 bits; those share the last class.
    let digits = 64 - end_ms.wrapping_sub(start_ms).cast_unsigned().leading_zeros();
    digits.min(63) as u8
}

pub(super) fn commit(session: &mut Session, commit: &Commit) -> Result<Committed, Fault> {
    let Session { connection, texts } = session;
    let key: Option<i64> = one(connection, "SELECT key FROM jobs WHERE id = ?1", [&commit.job], |row| row.get(0))?;
    let key = key.ok_or_else(|| Fault::not_found("job", &commit.job))?;
    let was = part_state(connection, key, commit.part)?;
    if was == PartState::Done {
        return Ok(Committed { is_new: false, counts: counts(connection, key)? });
    }
    keep_tags(connection, texts, key, commit)?;
    let tags = to_column("number of tags", commit.tags.len() as u64)?;
    run(
        connection,
        "UPDATE job_parts SET state = 'done', tags = ?3, done_ms = ?4, cause = NULL, not_before_ms = NULL
         WHERE job = ?1 AND number = ?2",
        (key, commit.part, tags, commit.at_ms),
    )?;
    run(
        connection,
        "UPDATE jobs SET done = done + 1, quarantined = quarantined - ?2, tags = tags + ?3 WHERE key = ?1",
        (key, was == PartState::Quarantined, tags),
    )?;
    if let Some(last) = commit.warnings.last() {
        warn(connection, key, commit.warnings.len() as u64, last)?;
    }
    Ok(Committed { is_new: true, counts: counts(connection, key)? })
}

/// Adds warnings to a job.
pub(super) fn warn(connection: &Connection, job_key: i64, count: u64, last: &str) -> Result<(), Fault> {
    let sql = "UPDATE jobs SET warnings = warnings + ?2, last_warning = ?3 WHERE key = ?1";
    run(connection, sql, (job_key, to_column("number of warnings", count)?, last))?;
    Ok(())
}

fn keep_tags(connection: &Connection, texts: &mut Texts, job_key: i64, commit: &Commit) -> Result<(), Fault> {
    let mut tracks: Vec<(&str, Open)> = Vec::new(); // a model writes few tracks
    let mut insert = connection.prepare_cached(
        "INSERT INTO tags (batch, part, span, start_ms, end_ms, text, frame_idx, box, additional_info)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for tag in &commit.tags {
        if tag.end_ms < tag.start_ms {
            return Err(Fault::invalid(format!(
                "tag `{}` of part {} ends at {} ms, before it starts at {} ms",
                tag.text, commit.part, tag.end_ms, tag.start_ms
            )));
        }
        let place = match tracks.iter().position(|(track, _)| *track == tag.track) {
            Some(place) => place,
            None => {
                tracks.push((&tag.track, batches::of_track(connection, job_key, &tag.track, commit.at_ms)?));
                tracks.len() - 1
            }
        };
        let batch = &mut tracks[place].1;
        let span = span(tag.start_ms, tag.end_ms);
        batch.spans |= 1 << span;
        batch.tags += 1;
        let info = tag.frame_info.as_ref();
        insert.execute((
            batch.id,
            commit.part,
            span,
            tag.start_ms,
            tag.end_ms,
            texts.number(connection, &tag.text)?,
            info.map(|info| to_column("frame_idx", info.frame_idx)).transpose()?,
            info.and_then(|info| info.region.as_ref()).map(to_json).transpose()?,
            tag.additional_info.as_ref().map(to_json).transpose()?,
        ))?;
    }
    for (_, batch) in tracks {
        let sql = "UPDATE batches SET spans = ?2, tags = ?3 WHERE id = ?1";
        run(connection, sql, (batch.id, batch.spans, batch.tags))?;
    }
    Ok(())
}

fn counts(connection: &Connection, job_key: i64) -> Result<Counts, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT parts, done, quarantined, tags, warnings FROM jobs WHERE key = ?1")?;
    let counts = statement.query_row([job_key], |row| {
        Ok(Counts {
            parts: row.get(0)?,
            done: row.get(1)?,
            quarantined: row.get(2)?,
            tags: row.get::<_, i64>(3)?.cast_unsigned(),
            warnings: row.get::<_, i64>(4)?.cast_unsigned(),
        })
    });
    counts.optional()?.ok_or_else(|| Fault::not_found("job", job_key))
}
