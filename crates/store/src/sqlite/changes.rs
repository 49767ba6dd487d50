//! What changes a job, one change after the other.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::contents::{self, Listed};
use super::fault::Fault;
use super::jobs::{self, Kept};
use super::row::{one, run, to_column, to_json};
use super::{batches, commit};
use crate::{Change, Fingerprint, Job, JobId, JobState, NewContent, Part, PartState, Stream};

pub(super) fn apply(connection: &Connection, id: &JobId, changes: &[Change]) -> Result<Job, Fault> {
    for change in changes {
        // Read anew: the next change may stand on what this one did.
        let kept = jobs::find(connection, id)?;
        make(connection, &kept, change)?;
    }
    Ok(jobs::find(connection, id)?.job)
}

fn make(connection: &Connection, kept: &Kept, change: &Change) -> Result<(), Fault> {
    let key = kept.key;
    match change {
        Change::State { state, cause, at_ms } => stand(connection, kept, *state, cause.as_deref(), *at_ms)?,
        Change::Prepared { stream, parts, provenance, at_ms } => {
            prepare(connection, kept, stream, parts, provenance, *at_ms)?;
        }
        Change::AttemptStarted { number, parts, log, at_ms } => {
            if *number != kept.job.attempts + 1 {
                let why = format!("has had {} attempts, so attempt {number} cannot be next", kept.job.attempts);
                return Err(Fault::conflict("job", &kept.job.id, why));
            }
            run(
                connection,
                "INSERT INTO attempts (job, number, parts, started_ms, log, is_counted) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
                (key, number, parts, at_ms, log),
            )?;
            run(connection, "UPDATE jobs SET attempts = ?2 WHERE key = ?1", (key, number))?;
        }
        Change::AttemptEnded { number, outcome, cause, is_counted, at_ms } => {
            let changed = run(
                connection,
                "UPDATE attempts SET ended_ms = ?3, outcome = ?4, cause = ?5, is_counted = ?6
                 WHERE job = ?1 AND number = ?2",
                (key, number, at_ms, outcome, cause, is_counted),
            )?;
            if changed == 0 {
                return Err(Fault::not_found("attempt", number));
            }
        }
        Change::PartWaits { number, attempts, cause, not_before_ms } => {
            set_part(connection, kept, *number, PartState::Waiting, *attempts, cause.as_deref(), *not_before_ms)?;
        }
        Change::PartQuarantined { number, attempts, cause } => {
            set_part(connection, kept, *number, PartState::Quarantined, *attempts, Some(cause), None)?;
        }
        Change::Failures(count) => {
            run(connection, "UPDATE jobs SET failures = ?2 WHERE key = ?1", (key, count))?;
        }
        Change::Warned { count, last } => commit::warn(connection, key, *count, last)?,
        Change::Ratio(ratio) => {
            run(connection, "UPDATE jobs SET ratio = ?2 WHERE key = ?1", (key, ratio))?;
        }
        Change::Redo { fingerprint, at_ms } => redo(connection, kept, *fingerprint, *at_ms)?,
    }
    Ok(())
}

fn stand(connection: &Connection, kept: &Kept, state: JobState, cause: Option<&str>, at_ms: i64) -> Result<(), Fault> {
    let job = &kept.job;
    let started_ms = job.started_ms.or((state == JobState::Running).then_some(at_ms));
    let ended_ms = match state {
        _ if state.is_ended() => Some(at_ms),
        JobState::Queued => None,
        _ => job.ended_ms,
    };
    run(
        connection,
        "UPDATE jobs SET state = ?2, cause = ?3, started_ms = ?4, ended_ms = ?5 WHERE key = ?1",
        (kept.key, state, cause, started_ms, ended_ms),
    )?;
    if state == JobState::Succeeded {
        if job.counts.done != job.counts.parts {
            let why = format!("cannot succeed with {} of {} parts done", job.counts.done, job.counts.parts);
            return Err(Fault::conflict("job", &job.id, why));
        }
        batches::read_run(connection, kept.key, job.run, at_ms)?;
    }
    Ok(())
}

fn prepare(
    connection: &Connection,
    kept: &Kept,
    stream: &Stream,
    parts: &[Part],
    provenance: &Value,
    at_ms: i64,
) -> Result<(), Fault> {
    let job = &kept.job;
    let is_first = job.stream.is_none();
    if job.stream.is_some_and(|name| name != stream.name) {
        return Err(Fault::conflict("job", &job.id, "is about another stream"));
    }
    let mut version = job.version;
    if contents::list_parts(connection, version, stream, parts)? == Listed::Differ {
        if !is_first {
            let why = "has other parts already: do it from the start again";
            return Err(Fault::conflict("job", &job.id, why));
        }
        let looked = contents::version(connection, version)?;
        version = contents::add_version(connection, kept.content_key, &looked.source, looked.fingerprint, at_ms)?;
        contents::list_parts(connection, version, stream, parts)?;
    }
    if !is_first {
        return Ok(());
    }
    run(
        connection,
        "UPDATE jobs SET version = ?2, stream = ?3, parts = ?4, provenance = ?5 WHERE key = ?1",
        (kept.key, version, stream.name, to_column("number of parts", parts.len() as u64)?, to_json(provenance)?),
    )?;
    for part in parts {
        run(
            connection,
            "INSERT INTO job_parts (job, number, state, attempts, tags) VALUES (?1, ?2, 'waiting', 0, 0)",
            (kept.key, part.number),
        )?;
    }
    for track in &job.tracks {
        batches::of_track(connection, kept.key, track, at_ms)?;
    }
    Ok(())
}

fn set_part(
    connection: &Connection,
    kept: &Kept,
    number: u32,
    state: PartState,
    attempts: u32,
    cause: Option<&str>,
    not_before_ms: Option<i64>,
) -> Result<(), Fault> {
    let was = part_state(connection, kept.key, number)?;
    if was == PartState::Done {
        return Err(Fault::conflict("part", number, "is done: its tags are kept"));
    }
    run(
        connection,
        "UPDATE job_parts SET state = ?3, attempts = ?4, cause = ?5, not_before_ms = ?6 WHERE job = ?1 AND number = ?2",
        (kept.key, number, state, attempts, cause, not_before_ms),
    )?;
    let step = i64::from(state == PartState::Quarantined) - i64::from(was == PartState::Quarantined);
    run(connection, "UPDATE jobs SET quarantined = quarantined + ?2 WHERE key = ?1", (kept.key, step))?;
    Ok(())
}

pub(super) fn part_state(connection: &Connection, job_key: i64, number: u32) -> Result<PartState, Fault> {
    let sql = "SELECT state FROM job_parts WHERE job = ?1 AND number = ?2";
    one(connection, sql, (job_key, number), |row| row.get(0))?.ok_or_else(|| Fault::not_found("part", number))
}

fn redo(connection: &Connection, kept: &Kept, looks: Fingerprint, at_ms: i64) -> Result<(), Fault> {
    let job = &kept.job;
    let source = contents::version(connection, job.version)?.source;
    let now = NewContent { id: job.content.clone(), source, fingerprint: looks };
    let (_, version) = contents::ensure(connection, &now, at_ms)?;
    batches::drop_pending(connection, kept.key)?;
    run(connection, "DELETE FROM job_parts WHERE job = ?1", [kept.key])?;
    run(
        connection,
        "UPDATE jobs SET version = ?2, stream = NULL, run = run + 1, parts = 0, done = 0, quarantined = 0, tags = 0,
             warnings = 0, last_warning = NULL, ratio = NULL, failures = 0 WHERE key = ?1",
        params![kept.key, version],
    )?;
    Ok(())
}
