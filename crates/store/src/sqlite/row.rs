//! Values as they stand in columns.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{OptionalExtension, Params, Row, RowIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::{AttemptOutcome, BatchId, BatchState, ContentId, JobId, JobState, PartState, StreamName, TagId, VersionId};

macro_rules! words {
    ($($kind:ty),*) => {$(
        impl ToSql for $kind {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
        impl FromSql for $kind {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )*};
}
words!(StreamName, JobState, PartState, AttemptOutcome, BatchState);

macro_rules! ids {
    ($($id:ident($inner:ty)),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }
        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <$inner>::column_result(value).map($id)
            }
        }
    )*};
}
ids!(VersionId(i64), BatchId(i64), TagId(i64), JobId(std::sync::Arc<str>), ContentId(std::sync::Arc<str>));

/// A column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))
}

/// As [`json`], where there may be nothing.
pub(super) fn json_or_none<T: DeserializeOwned>(
    row: &Row<'_>,
    column: impl RowIndex + Copy,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => json(row, column).map(Some),
    }
}

/// JSON for a column.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|e| Fault::Sql(rusqlite::Error::ToSqlConversionFailure(Box::new(e))))
}

/// A count or an index for a column, which holds 63 bits.
pub(super) fn to_column(what: &str, number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(|_| Fault::invalid(format!("{what} {number} is too large to be kept")))
}

/// The one row of a prepared query, if there is one.
pub(super) fn one<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(params, read).optional()
}

/// Runs a prepared statement. Gives how many rows it changed.
pub(super) fn run(connection: &rusqlite::Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}

/// All rows of a prepared query.
pub(super) fn all<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(params, read)?.collect()
}
