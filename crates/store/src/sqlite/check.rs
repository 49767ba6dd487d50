//! Holds what is kept against itself.

use rusqlite::Connection;

use super::fault::Fault;
use super::row::all;

/// Each finds what must not be, as `subject` and `fault`.
const RULES: [&str; 7] = [
    "SELECT 'job ' || id AS subject, 'counts ' || done || ' parts done and ' || quarantined || ' given up, not so its parts'
     FROM jobs j WHERE (parts, done, quarantined) IS NOT (
         SELECT count(*), count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'quarantined')
         FROM job_parts WHERE job = j.key)",
    "SELECT 'job ' || id, 'counts ' || tags || ' tags, not so its parts' FROM jobs j
     WHERE tags <> (SELECT coalesce(sum(tags), 0) FROM job_parts WHERE job = j.key)",
    "SELECT 'job ' || id, 'has succeeded with ' || done || ' of ' || parts || ' parts' FROM jobs
     WHERE state = 'succeeded' AND done <> parts",
    // Pruning may have taken tags of a job that has succeeded.
    "SELECT 'job ' || id, 'has other tags than its parts say' FROM jobs j
     WHERE state <> 'succeeded' AND tags <> (
         SELECT coalesce(sum(tags), 0) FROM batches b WHERE b.job = j.key AND b.run = j.run)",
    "SELECT 'batch ' || id, 'counts ' || tags || ' tags, not as many as it has' FROM batches b
     WHERE state <> 'dropped' AND tags <> (SELECT count(*) FROM tags t WHERE t.batch = b.id)",
    "SELECT 'batch ' || b.id, 'has tags of part ' || t.part || ', which is not done'
     FROM batches b JOIN jobs j ON j.key = b.job AND j.run = b.run JOIN tags t ON t.batch = b.id
         LEFT JOIN job_parts p ON p.job = j.key AND p.number = t.part
     WHERE p.state IS NOT 'done' GROUP BY b.id, t.part",
    "SELECT 'batch ' || b.id, 'does not know its tags of class ' || t.span
     FROM batches b JOIN tags t ON t.batch = b.id WHERE b.spans >> t.span & 1 = 0 GROUP BY b.id, t.span",
];

pub(super) fn check(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut faults = all(connection, "PRAGMA integrity_check", [], |row| row.get::<_, String>(0))?;
    faults.retain(|line| line != "ok");
    let orphan = "SELECT \"table\", parent FROM pragma_foreign_key_check";
    faults.extend(all(connection, orphan, [], |row| {
        Ok(format!("{}: names a row of {} that is not there", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?);
    for rule in RULES {
        faults.extend(all(connection, rule, [], |row| {
            Ok(format!("{} {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?);
    }
    Ok(faults)
}
