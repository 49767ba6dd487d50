//! Jobs: submitted, listed, removed.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, ToSql, params};

use super::fault::Fault;
use super::row::{all, json, one, run, to_json};
use super::{batches, contents, pages};
use crate::{
    Added, Attempt, Counts, Cursor, Job, JobFilter, JobId, JobPart, JobState, NewJob, Page, Paging, StoreError,
};

const JOB: &str = "SELECT j.*, c.id AS content_id FROM jobs j JOIN contents c ON c.key = j.content";

/// A job with the number it has in here.
pub(super) struct Kept {
    pub key: i64,
    pub content_key: i64,
    pub job: Job,
}

pub(super) fn add(connection: &Connection, new: &NewJob) -> Result<Added, Fault> {
    match find(connection, &new.id) {
        // Objects compare by what is in them, in whatever order.
        Ok(Kept { job, .. }) if job.body == new.body => return Ok(Added { job, is_new: false }),
        Ok(_) => {
            let why = "exists with another request: choose another name, or remove it first";
            return Err(Fault::conflict("job", &new.id, why));
        }
        Err(Fault::Ours(StoreError::NotFound { .. })) => {}
        Err(other) => return Err(other),
    }
    let (content, version) = contents::ensure(connection, &new.content, new.created_ms)?;
    run(
        connection,
        "INSERT INTO jobs (id, content, version, model, model_digest, params, body, priority, resources, tracks, run,
             state, created_ms, parts, done, quarantined, tags, warnings, attempts, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, 'queued', ?11, 0, 0, 0, 0, 0, 0, 0)",
        params![
            new.id,
            content,
            version,
            new.model,
            new.model_digest,
            to_json(&new.params)?,
            to_json(&new.body)?,
            new.priority,
            to_json(&new.resources)?,
            to_json(&new.tracks)?,
            new.created_ms
        ],
    )?;
    Ok(Added { job: find(connection, &new.id)?.job, is_new: true })
}

/// Removes a job. What it wrote is read by nobody from here on, and still has to be swept away.
pub(super) fn remove(connection: &Connection, id: &JobId, at_ms: i64) -> Result<(), Fault> {
    let Kept { key, content_key, job } = find(connection, id)?;
    if matches!(job.state, JobState::Running | JobState::Stopping) {
        return Err(Fault::conflict("job", id, format!("is {}: stop it first, and let it end", job.state)));
    }
    batches::drop_of_job(connection, key, at_ms)?;
    run(connection, "DELETE FROM jobs WHERE key = ?1", [key])?;
    contents::remove_unused(connection, content_key)
}

pub(super) fn find(connection: &Connection, id: &JobId) -> Result<Kept, Fault> {
    let found = one(connection, &format!("{JOB} WHERE j.id = ?1"), [id], read)?;
    found.ok_or_else(|| Fault::not_found("job", id))
}

pub(super) fn list(connection: &Connection, filter: &JobFilter, paging: &Paging) -> Result<Page<Job>, Fault> {
    let before = pages::number_after(paging)?.unwrap_or(i64::MAX);
    let limit = pages::limit(paging) + 1;
    let mut keys = Vec::new();
    // A list of its own for each state, each read along an index from its newest: so a page costs a page, however
    // many jobs there are.
    let mut states: Vec<Option<JobState>> = filter.states.iter().copied().map(Some).collect();
    states.sort_unstable();
    states.dedup();
    if states.is_empty() {
        states.push(None);
    }
    for state in states {
        let wanted: [(&str, Option<&dyn ToSql>); 3] = [
            ("state = ", state.as_ref().map(|state| state as _)),
            ("model = ", filter.model.as_ref().map(|model| model as _)),
            ("content = (SELECT key FROM contents WHERE id = ", filter.content.as_ref().map(|content| content as _)),
        ];
        let mut sql = "SELECT key FROM jobs WHERE key < ?1".to_owned();
        let mut values: Vec<&dyn ToSql> = vec![&before, &limit];
        for (condition, value) in wanted {
            let Some(value) = value else { continue };
            values.push(value);
            let close = if condition.contains('(') { ")" } else { "" };
            sql.push_str(&format!(" AND {condition}?{}{close}", values.len()));
        }
        sql.push_str(" ORDER BY key DESC LIMIT ?2");
        keys.extend(all(connection, &sql, values.as_slice(), |row| row.get::<_, i64>(0))?);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
    let next = pages::cut(&mut keys, paging).map(|key| Cursor(key.to_string()));
    let sql = format!("{JOB} WHERE j.key = ?1");
    let mut items = Vec::with_capacity(keys.len());
    for key in keys {
        items.extend(one(connection, &sql, [key], read)?.map(|kept| kept.job));
    }
    Ok(Page { items, next })
}

pub(super) fn counts(connection: &Connection) -> Result<BTreeMap<JobState, u64>, Fault> {
    let rows = all(connection, "SELECT state, count(*) FROM jobs GROUP BY state", [], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(rows.into_iter().collect())
}

pub(super) fn parts(connection: &Connection, id: &JobId, paging: &Paging) -> Result<Page<JobPart>, Fault> {
    let Kept { key, .. } = find(connection, id)?;
    let sql = "SELECT * FROM job_parts WHERE job = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
    let after = pages::number_after(paging)?.unwrap_or(-1);
    let mut items = all(connection, sql, (key, after, pages::limit(paging) + 1), |row| {
        Ok(JobPart {
            number: row.get("number")?,
            state: row.get("state")?,
            attempts: row.get("attempts")?,
            cause: row.get("cause")?,
            not_before_ms: row.get("not_before_ms")?,
            tags: row.get::<_, i64>("tags")?.cast_unsigned(),
            done_ms: row.get("done_ms")?,
        })
    })?;
    let next = pages::cut(&mut items, paging).map(|part| Cursor(part.number.to_string()));
    Ok(Page { items, next })
}

pub(super) fn attempts(connection: &Connection, id: &JobId, paging: &Paging) -> Result<Page<Attempt>, Fault> {
    let Kept { key, .. } = find(connection, id)?;
    let sql = "SELECT * FROM attempts WHERE job = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
    let after = pages::number_after(paging)?.unwrap_or(-1);
    let mut items = all(connection, sql, (key, after, pages::limit(paging) + 1), |row| {
        Ok(Attempt {
            number: row.get("number")?,
            parts: row.get("parts")?,
            started_ms: row.get("started_ms")?,
            ended_ms: row.get("ended_ms")?,
            outcome: row.get("outcome")?,
            cause: row.get("cause")?,
            log: row.get("log")?,
            is_counted: row.get("is_counted")?,
        })
    })?;
    let next = pages::cut(&mut items, paging).map(|attempt| Cursor(attempt.number.to_string()));
    Ok(Page { items, next })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let job = Job {
        id: row.get("id")?,
        content: row.get("content_id")?,
        version: row.get("version")?,
        stream: row.get("stream")?,
        model: row.get("model")?,
        model_digest: row.get("model_digest")?,
        params: json(row, "params")?,
        body: json(row, "body")?,
        priority: row.get("priority")?,
        resources: json(row, "resources")?,
        tracks: json(row, "tracks")?,
        run: row.get("run")?,
        state: row.get("state")?,
        cause: row.get("cause")?,
        created_ms: row.get("created_ms")?,
        started_ms: row.get("started_ms")?,
        ended_ms: row.get("ended_ms")?,
        counts: Counts {
            parts: row.get("parts")?,
            done: row.get("done")?,
            quarantined: row.get("quarantined")?,
            tags: row.get::<_, i64>("tags")?.cast_unsigned(),
            warnings: row.get::<_, i64>("warnings")?.cast_unsigned(),
        },
        last_warning: row.get("last_warning")?,
        ratio: row.get("ratio")?,
        attempts: row.get("attempts")?,
        failures: row.get("failures")?,
    };
    Ok(Kept { key: row.get("key")?, content_key: row.get("content")?, job })
}
