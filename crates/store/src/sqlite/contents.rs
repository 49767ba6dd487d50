//! Contents, their versions, streams and parts.

use rusqlite::{Connection, Row};

use super::fault::Fault;
use super::pages;
use super::row::{all, one, run, to_column};
use crate::stitch::frame_ms;
use crate::{
    Content, ContentId, Cursor, Fingerprint, NewContent, Page, Paging, Part, Stream, StreamName, Time, Version,
    VersionId,
};

const VERSION: &str = "v.id AS version, c.id AS content, v.source, v.size_bytes, v.modified_ns, v.created_ms";

/// The content's key and the version that fits, both added where they are new.
pub(super) fn ensure(connection: &Connection, new: &NewContent, at_ms: i64) -> Result<(i64, VersionId), Fault> {
    let key = one(connection, "SELECT key FROM contents WHERE id = ?1", [&new.id], |row| row.get(0))?;
    let key: i64 = match key {
        Some(key) => key,
        None => {
            run(connection, "INSERT INTO contents (id, created_ms) VALUES (?1, ?2)", (&new.id, at_ms))?;
            connection.last_insert_rowid()
        }
    };
    let latest = one(
        connection,
        "SELECT id, source, size_bytes, modified_ns FROM versions WHERE content = ?1 ORDER BY id DESC LIMIT 1",
        [key],
        |row| Ok((row.get(0)?, row.get::<_, String>(1)?, fingerprint(row.get(2)?, row.get(3)?))),
    )?;
    match latest {
        Some((version, source, looks)) if source == new.source && looks == new.fingerprint => Ok((key, version)),
        _ => Ok((key, add_version(connection, key, &new.source, new.fingerprint, at_ms)?)),
    }
}

pub(super) fn add_version(
    connection: &Connection,
    content_key: i64,
    source: &str,
    looks: Fingerprint,
    at_ms: i64,
) -> Result<VersionId, Fault> {
    run(
        connection,
        "INSERT INTO versions (content, source, size_bytes, modified_ns, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        (content_key, source, to_column("size", looks.size_bytes)?, looks.modified_ns, at_ms),
    )?;
    Ok(VersionId(connection.last_insert_rowid()))
}

/// Removes versions that nothing needs any more, and the content with the last of them.
pub(super) fn remove_unused(connection: &Connection, content_key: i64) -> Result<(), Fault> {
    run(
        connection,
        "DELETE FROM versions WHERE content = ?1
             AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.version = versions.id)
             AND NOT EXISTS (SELECT 1 FROM batches WHERE batches.version = versions.id)",
        [content_key],
    )?;
    run(
        connection,
        "DELETE FROM contents WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM versions WHERE content = ?1)",
        [content_key],
    )?;
    Ok(())
}

/// What came of listing a stream's parts.
#[derive(PartialEq)]
pub(super) enum Listed {
    /// They are kept.
    Kept,
    /// Others are kept, and stay.
    Differ,
}

/// Keeps a stream with its parts. Where the same parts are kept already, their files may move.
pub(super) fn list_parts(
    connection: &Connection,
    version: VersionId,
    stream: &Stream,
    parts: &[Part],
) -> Result<Listed, Fault> {
    for (number, part) in (0u32..).zip(parts) {
        if part.number != number {
            return Err(Fault::invalid(format!("part {} stands in place {number} of its stream", part.number)));
        }
        if [part.start, part.duration].iter().any(|time| time.num < 1 || time.den < 1) {
            return Err(Fault::invalid(format!("part {number} has a time whose unit is not above zero")));
        }
    }
    let kept = self::parts(connection, version, stream.name)?;
    if !kept.is_empty() {
        let is_same = |(kept, new): (&Part, &Part)| *kept == Part { file: kept.file.clone(), ..new.clone() };
        if kept.len() != parts.len() || !kept.iter().zip(parts).all(is_same) {
            return Ok(Listed::Differ);
        }
        for part in parts {
            run(
                connection,
                "UPDATE parts SET file = ?4 WHERE version = ?1 AND stream = ?2 AND number = ?3",
                (version, stream.name, part.number, &part.file),
            )?;
        }
        return Ok(Listed::Kept);
    }
    let longest_frame_ms = parts.iter().map(frame_ms).max().unwrap_or(0);
    run(
        connection,
        "INSERT INTO streams VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET longest_frame_ms = excluded.longest_frame_ms",
        (
            version,
            stream.name,
            stream.start.ticks,
            stream.start.num,
            stream.start.den,
            stream.duration.map(|time| time.ticks),
            stream.duration.map(|time| time.num),
            stream.duration.map(|time| time.den),
            stream.count.map(|count| to_column("count", count)).transpose()?,
            longest_frame_ms,
        ),
    )?;
    for part in parts {
        run(
            connection,
            "INSERT INTO parts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            (
                version,
                stream.name,
                part.number,
                part.start.ticks,
                part.start.num,
                part.start.den,
                part.duration.ticks,
                part.duration.num,
                part.duration.den,
                to_column("first index", part.first_index)?,
                to_column("count", part.count)?,
                &part.file,
                part.is_source,
            ),
        )?;
    }
    Ok(Listed::Kept)
}

pub(super) fn content(connection: &Connection, id: &ContentId) -> Result<Content, Fault> {
    let key = one(connection, "SELECT key FROM contents WHERE id = ?1", [id], |row| row.get(0))?;
    let key: i64 = key.ok_or_else(|| Fault::not_found("content", id))?;
    content_by_key(connection, key)
}

fn content_by_key(connection: &Connection, key: i64) -> Result<Content, Fault> {
    let sql = format!(
        "SELECT {VERSION}, c.created_ms AS first_ms FROM contents c JOIN versions v ON v.content = c.key
         WHERE c.key = ?1 ORDER BY v.id DESC LIMIT 1"
    );
    let found = one(connection, &sql, [key], |row| {
        Ok(Content { id: row.get("content")?, created_ms: row.get("first_ms")?, version: read_version(row)? })
    })?;
    found.ok_or_else(|| Fault::not_found("content", key))
}

pub(super) fn contents(connection: &Connection, paging: &Paging) -> Result<Page<Content>, Fault> {
    let before = pages::number_after(paging)?.unwrap_or(i64::MAX);
    let mut keys: Vec<i64> = all(
        connection,
        "SELECT key FROM contents WHERE key < ?1 ORDER BY key DESC LIMIT ?2",
        (before, pages::limit(paging) + 1),
        |row| row.get(0),
    )?;
    let next = pages::cut(&mut keys, paging).map(|key| Cursor(key.to_string()));
    let items = keys.into_iter().map(|key| content_by_key(connection, key)).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

pub(super) fn version(connection: &Connection, id: VersionId) -> Result<Version, Fault> {
    let sql = format!("SELECT {VERSION} FROM versions v JOIN contents c ON c.key = v.content WHERE v.id = ?1");
    one(connection, &sql, [id], read_version)?.ok_or_else(|| Fault::not_found("version", id))
}

pub(super) fn streams(connection: &Connection, version: VersionId) -> Result<Vec<Stream>, Fault> {
    let sql = "SELECT * FROM streams WHERE version = ?1 ORDER BY name DESC"; // video, still, audio
    Ok(all(connection, sql, [version], |row| {
        let duration_ticks: Option<i64> = row.get("duration_ticks")?;
        Ok(Stream {
            name: row.get("name")?,
            start: time(row, "start_ticks", "start_num", "start_den")?,
            duration: duration_ticks
                .map(|_| time(row, "duration_ticks", "duration_num", "duration_den"))
                .transpose()?,
            count: row.get::<_, Option<i64>>("count")?.map(i64::cast_unsigned),
        })
    })?)
}

pub(super) fn parts(connection: &Connection, version: VersionId, stream: StreamName) -> Result<Vec<Part>, Fault> {
    let sql = "SELECT * FROM parts WHERE version = ?1 AND stream = ?2 ORDER BY number";
    Ok(all(connection, sql, (version, stream), read_part)?)
}

pub(super) fn part(
    connection: &Connection,
    version: VersionId,
    stream: StreamName,
    number: u32,
) -> Result<Option<Part>, Fault> {
    let sql = "SELECT * FROM parts WHERE version = ?1 AND stream = ?2 AND number = ?3";
    Ok(one(connection, sql, (version, stream, number), read_part)?)
}

fn read_part(row: &Row<'_>) -> rusqlite::Result<Part> {
    Ok(Part {
        number: row.get("number")?,
        start: time(row, "start_ticks", "start_num", "start_den")?,
        duration: time(row, "duration_ticks", "duration_num", "duration_den")?,
        first_index: row.get::<_, i64>("first_index")?.cast_unsigned(),
        count: row.get::<_, i64>("count")?.cast_unsigned(),
        file: row.get("file")?,
        is_source: row.get("is_source")?,
    })
}

fn read_version(row: &Row<'_>) -> rusqlite::Result<Version> {
    Ok(Version {
        id: row.get("version")?,
        content: row.get("content")?,
        source: row.get("source")?,
        fingerprint: fingerprint(row.get("size_bytes")?, row.get("modified_ns")?),
        created_ms: row.get("created_ms")?,
    })
}

fn time(row: &Row<'_>, ticks: &str, num: &str, den: &str) -> rusqlite::Result<Time> {
    Ok(Time { ticks: row.get(ticks)?, num: row.get(num)?, den: row.get(den)? })
}

fn fingerprint(size_bytes: i64, modified_ns: i64) -> Fingerprint {
    Fingerprint { size_bytes: size_bytes.cast_unsigned(), modified_ns }
}
