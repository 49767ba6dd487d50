//! Opens the file: for the first time, again, or from an older release.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use rustix::fs::{FlockOperation, flock};

use super::fault::Fault;
use crate::StoreError;

/// One step a format, in order, for ever: a store of any release is brought up to date by those it has not had.
const FORMATS: [&str; 1] = [include_str!("schema-1.sql")];

/// "Tagr": tells our files from other programs' databases.
const APPLICATION_ID: i64 = 0x5461_6772;

/// Memory that each connection may keep pages in. The system's own cache does the rest.
const WRITER_CACHE_KIB: u32 = 32 * 1024;
const READER_CACHE_KIB: u32 = 8 * 1024;

/// Only one runtime has a store open: two would both do its jobs. The lock goes with the process, however it ends.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    // A file of its own: closing any handle of the database's own file would drop the locks that SQLite holds on it.
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |e: io::Error| StoreError::Failed { doing: "open", path: path.to_owned(), source: e.into() };
    let file = File::options().create(true).truncate(false).write(true).open(PathBuf::from(name)).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(e) => Err(failed(e.into())),
    }
}

/// The connection that writes, with the newest format.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    writer_or_fault(path).map_err(|fault| fault.told("open", path))
}

fn writer_or_fault(path: &Path) -> Result<Connection, Fault> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?; // somebody may look into the file with a tool of their own
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = found == 0 && application == 0 && tables == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_owned() }.into());
    }
    let known = FORMATS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known }.into());
    }
    settle(&connection, WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // What has been acknowledged survives a power cut, too. Grouped commits share the cost.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    let steps = FORMATS.iter().map(|sql| M::up(sql).foreign_key_check()).collect();
    Migrations::new(steps).to_latest(&mut connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Fault::Sql(err),
        other => StoreError::Failed { doing: "open", path: path.to_owned(), source: other.into() }.into(),
    })?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// A connection that reads, while others write.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> Result<Connection, Fault> {
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        settle(&connection, READER_CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(|fault| fault.told("open", path))
}

fn settle(connection: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(128);
    // A plan stays as it is, whatever is bound: planning anew would cost more than the question.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))
}
