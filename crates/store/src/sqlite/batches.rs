//! Batches: begun, read, replaced, taken back, swept away.
//!
//! Of one content, stream, track and model, the batches that have been current form a stack by their `place`: the top one
//! is read, the superseded ones under it can come back.

use rusqlite::{Connection, Row};

use super::fault::Fault;
use super::row::{all, json, one, run};
use super::writer::Session;
use crate::{Batch, BatchId, BatchState, ContentId, JobState, Undone};

/// So many tags are swept away in one transaction: the next commit should not wait long.
const SWEPT_AT_ONCE: usize = 2000;

/// A batch that is being written.
pub(super) struct Open {
    pub id: BatchId,
    pub spans: i64,
    pub tags: i64,
}

/// The batch of a job's run on a track, begun where there is none. The first one of its content, stream, track and model
/// is current at once.
pub(super) fn of_track(connection: &Connection, job_key: i64, track: &str, at_ms: i64) -> Result<Open, Fault> {
    let begun = one(
        connection,
        "SELECT b.id, b.spans, b.tags FROM jobs j JOIN batches b ON b.job = j.key AND b.run = j.run AND b.track = ?2
         WHERE j.key = ?1",
        (job_key, track),
        |row| Ok(Open { id: row.get(0)?, spans: row.get(1)?, tags: row.get(2)? }),
    )?;
    if let Some(open) = begun {
        return Ok(open);
    }
    run(
        connection,
        "INSERT INTO batches
             (job, content, version, run, stream, track, model, state, place, spans, tags, provenance, created_ms)
         SELECT key, content, version, run, stream, ?2, model, 'pending', 0, 0, 0, provenance, ?3
         FROM jobs WHERE key = ?1",
        (job_key, track, at_ms),
    )?;
    let id = BatchId(connection.last_insert_rowid());
    if current_beside(connection, id)?.is_none() {
        make_current(connection, id, at_ms)?;
    }
    Ok(Open { id, spans: 0, tags: 0 })
}

/// Makes all batches of a run current, in place of those that were.
pub(super) fn read_run(connection: &Connection, job_key: i64, run: u32, at_ms: i64) -> Result<(), Fault> {
    let sql = "SELECT id FROM batches WHERE job = ?1 AND run = ?2 AND state <> 'current'";
    for id in all(connection, sql, (job_key, run), |row| row.get(0))? {
        make_current(connection, id, at_ms)?;
    }
    Ok(())
}

pub(super) fn undo(connection: &Connection, id: BatchId, at_ms: i64) -> Result<Undone, Fault> {
    let state = one(
        connection,
        "SELECT b.state, j.state FROM batches b JOIN jobs j ON j.key = b.job WHERE b.id = ?1",
        [id],
        |row| Ok((row.get::<_, BatchState>(0)?, row.get::<_, JobState>(1)?)),
    )?;
    match state {
        None => Err(Fault::not_found("batch", id)),
        Some((BatchState::Current, job)) if job.is_ended() => take_back(connection, id, at_ms),
        Some((BatchState::Current, job)) => {
            Err(Fault::conflict("batch", id, format!("is of a job that is {job}: stop that first, and let it end")))
        }
        Some((state, _)) => Err(Fault::conflict("batch", id, format!("is {state}; only a current one can be undone"))),
    }
}

/// Gives up all of a job's batches; what they replaced is read again.
pub(super) fn drop_of_job(connection: &Connection, job_key: i64, at_ms: i64) -> Result<(), Fault> {
    let sql = "SELECT id FROM batches WHERE job = ?1 AND state = 'current'";
    let current: Vec<BatchId> = all(connection, sql, [job_key], |row| row.get(0))?;
    // Before anything comes back: a job done twice must not be followed by its own earlier run.
    run(
        connection,
        "UPDATE batches SET state = 'undone' WHERE job = ?1 AND state IN ('pending', 'superseded')",
        [job_key],
    )?;
    for id in current {
        take_back(connection, id, at_ms)?;
    }
    run(connection, &dropped("job = ?1"), [job_key])?;
    Ok(())
}

/// Gives up what a job has begun and nobody reads.
pub(super) fn drop_pending(connection: &Connection, job_key: i64) -> Result<(), Fault> {
    run(connection, &dropped("job = ?1 AND state = 'pending'"), [job_key])?;
    Ok(())
}

/// Gives up what was replaced or taken back before `before_ms`. Gives how many.
pub(super) fn drop_replaced(connection: &Connection, before_ms: i64) -> Result<u64, Fault> {
    // A job that has not succeeded may be gone on with, and then its run has to be whole.
    let condition = "state <> 'current' AND state IN ('superseded', 'undone') AND replaced_ms < ?1
        AND NOT EXISTS (SELECT 1 FROM jobs j
                        WHERE j.key = batches.job AND j.run = batches.run AND j.state <> 'succeeded')";
    Ok(run(connection, &dropped(condition), [before_ms])? as u64)
}

fn dropped(condition: &str) -> String {
    format!("UPDATE batches SET state = 'dropped', job = NULL, content = NULL, version = NULL WHERE {condition}")
}

/// Removes some of what was given up. Gives whether there is more.
pub(super) fn sweep(session: &mut Session) -> Result<bool, Fault> {
    let Session { connection, texts } = session;
    let sql = "SELECT id FROM batches WHERE state = 'dropped' AND state <> 'current' LIMIT 1"; // as the index has it
    let Some(batch) = one(connection, sql, [], |row| row.get::<_, BatchId>(0))? else { return Ok(false) };
    let tags: Vec<(i64, i64)> =
        all(connection, "SELECT id, text FROM tags WHERE batch = ?1 LIMIT ?2", (batch, SWEPT_AT_ONCE as i64), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    for (tag, _) in &tags {
        run(connection, "DELETE FROM tags WHERE id = ?1", [tag])?;
    }
    // A text that no tag says any more must not be found any more.
    let mut said: Vec<i64> = tags.iter().map(|(_, text)| *text).collect();
    said.sort_unstable();
    said.dedup();
    for text in said {
        let sql = "DELETE FROM texts WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM tags WHERE text = ?1)";
        run(connection, sql, [text])?;
    }
    texts.forget();
    if tags.len() < SWEPT_AT_ONCE {
        run(connection, "DELETE FROM batches WHERE id = ?1", [batch])?;
    }
    Ok(true)
}

/// The batch that is read of the same content, stream, track and model.
fn current_beside(connection: &Connection, id: BatchId) -> Result<Option<BatchId>, Fault> {
    let sql = "SELECT o.id FROM batches b JOIN batches o ON o.content = b.content AND o.stream = b.stream
                   AND o.track = b.track AND o.model = b.model AND o.state = 'current' WHERE b.id = ?1";
    Ok(one(connection, sql, [id], |row| row.get(0))?)
}

fn make_current(connection: &Connection, id: BatchId, at_ms: i64) -> Result<(), Fault> {
    if let Some(other) = current_beside(connection, id)? {
        let sql = "UPDATE batches SET state = 'superseded', replaced_ms = ?2 WHERE id = ?1";
        run(connection, sql, (other, at_ms))?;
    }
    // By number, not by time: a clock may be set back.
    run(
        connection,
        "UPDATE batches SET state = 'current', replaced_ms = NULL, place = 1 + (
             SELECT max(o.place) FROM batches o WHERE o.content = batches.content AND o.stream = batches.stream
                 AND o.track = batches.track AND o.model = batches.model)
         WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

fn take_back(connection: &Connection, id: BatchId, at_ms: i64) -> Result<Undone, Fault> {
    run(connection, "UPDATE batches SET state = 'undone', replaced_ms = ?2 WHERE id = ?1", (id, at_ms))?;
    let below = one(
        connection,
        "SELECT o.id FROM batches b JOIN batches o ON o.content = b.content AND o.stream = b.stream
             AND o.track = b.track AND o.model = b.model AND o.state = 'superseded'
         WHERE b.id = ?1 ORDER BY o.place DESC LIMIT 1",
        [id],
        |row| row.get::<_, BatchId>(0),
    )?;
    if let Some(below) = below {
        run(connection, "UPDATE batches SET state = 'current', replaced_ms = NULL WHERE id = ?1", [below])?;
    }
    Ok(Undone { restored: below })
}

pub(super) fn list(connection: &Connection, content: &ContentId, everything: bool) -> Result<Vec<Batch>, Fault> {
    let key: Option<i64> = one(connection, "SELECT key FROM contents WHERE id = ?1", [content], |row| row.get(0))?;
    let key = key.ok_or_else(|| Fault::not_found("content", content))?;
    let sql = "SELECT b.*, j.id AS job_id, c.id AS content_id
               FROM batches b JOIN jobs j ON j.key = b.job JOIN contents c ON c.key = b.content
               WHERE b.content = ?1 AND (?2 OR b.state = 'current')
               ORDER BY b.track, b.stream, b.model, b.id DESC";
    Ok(all(connection, sql, (key, everything), read)?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Batch> {
    Ok(Batch {
        id: row.get("id")?,
        job: row.get("job_id")?,
        content: row.get("content_id")?,
        version: row.get("version")?,
        stream: row.get("stream")?,
        track: row.get("track")?,
        model: row.get("model")?,
        state: row.get("state")?,
        tags: row.get::<_, i64>("tags")?.cast_unsigned(),
        provenance: json(row, "provenance")?,
        created_ms: row.get("created_ms")?,
        replaced_ms: row.get("replaced_ms")?,
    })
}
