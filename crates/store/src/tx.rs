//! A transaction as every operation sees it, whatever engine is below.

use crate::{ContentId, Error, Result};

/// A time that never comes, as stored: no due time.
pub const NEVER: i64 = i64::MAX;

/// Which engine a transaction runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A server, shared by any number of nodes.
    Postgres,
}

/// One transaction.
///
/// SQL is written so that both engines take it: placeholders `?1`, `?2`…,
/// `BIGINT` for every integer, `ON CONFLICT … DO UPDATE`, `RETURNING`. The
/// comment `/*lock*/` after a `SELECT` becomes `FOR UPDATE` on PostgreSQL; SQLite, which
/// has one writer, needs no locks.
pub trait Tx {
    /// Runs `sql` and calls `each` for every row of the answer, in order.
    ///
    /// # Errors
    /// What the engine reports, or the first error of `each`.
    fn query(&mut self, sql: &str, params: &[Param<'_>], each: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<()>;

    /// Runs `sql`; the number of rows that it changed.
    ///
    /// # Errors
    /// What the engine reports; [`Error::Conflict`] for a violated uniqueness.
    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64>;

    /// Calls `each` with the first `octets` of a body that lies in the database and with its size, without reading the
    /// rest where the engine can do that; `false` when there is none.
    ///
    /// # Errors
    /// What the engine reports, or the error of `each`.
    fn body_start(
        &mut self,
        content: ContentId,
        octets: usize,
        each: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<bool>;

    /// The engine below, for the few operations that differ.
    fn engine(&self) -> Engine;
}

/// One row of an answer. Columns are counted from 0.
pub trait Row {
    /// The value of a column, whatever its type.
    ///
    /// # Errors
    /// When there is no such column.
    fn value(&self, column: usize) -> Result<Value<'_>>;

    /// An integer that is not null.
    ///
    /// # Errors
    /// When the column is null or of another type.
    fn int(&self, column: usize) -> Result<i64> {
        match self.value(column)? {
            Value::Int(n) => Ok(n),
            other => Err(other.unexpected(column)),
        }
    }

    /// An integer or null.
    ///
    /// # Errors
    /// When the column is of another type.
    fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(n) => Ok(Some(n)),
            other => Err(other.unexpected(column)),
        }
    }

    /// A text that is not null.
    ///
    /// # Errors
    /// When the column is null or of another type.
    fn text(&self, column: usize) -> Result<&str> {
        match self.value(column)? {
            Value::Text(text) => Ok(text),
            other => Err(other.unexpected(column)),
        }
    }

    /// A text or null.
    ///
    /// # Errors
    /// When the column is of another type.
    fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(other.unexpected(column)),
        }
    }

    /// Bytes that are not null.
    ///
    /// # Errors
    /// When the column is null or of another type.
    fn blob(&self, column: usize) -> Result<&[u8]> {
        match self.value(column)? {
            Value::Blob(bytes) => Ok(bytes),
            other => Err(other.unexpected(column)),
        }
    }

    /// Bytes or null.
    ///
    /// # Errors
    /// When the column is of another type.
    fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Blob(bytes) => Ok(Some(bytes)),
            other => Err(other.unexpected(column)),
        }
    }

    /// A truth, stored as 0 or 1.
    ///
    /// # Errors
    /// As [`Row::int`].
    fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A count or size, never negative.
    ///
    /// # Errors
    /// As [`Row::int`], and when the stored number is negative.
    fn count(&self, column: usize) -> Result<u64> {
        let n = self.int(column)?;
        u64::try_from(n).map_err(|_| Error::Corrupt(format!("negative count {n} in column {column}")))
    }
}

/// A value in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// Any integer or truth.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value<'_> {
    fn unexpected(&self, column: usize) -> Error {
        let kind = match self {
            Self::Null => "null",
            Self::Int(_) => "integer",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        };
        Error::Corrupt(format!("unexpected {kind} in column {column}"))
    }
}

/// A value for a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// An integer.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl From<i64> for Param<'_> {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u32> for Param<'_> {
    fn from(n: u32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<u64> for Param<'_> {
    /// Counts and sizes; what does not fit is the largest that does.
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Param<'_> {
    fn from(n: usize) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Param<'_> {
    fn from(truth: bool) -> Self {
        Self::Int(i64::from(truth))
    }
}

impl From<sekisho_message::Time> for Param<'_> {
    fn from(time: sekisho_message::Time) -> Self {
        Self::Int(time.micros())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a> From<Value<'a>> for Param<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(n) => Self::Int(n),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

/// Shorter ways to ask, for every [`Tx`].
pub trait TxExt: Tx {
    /// The first row of the answer through `read`, if there is one.
    ///
    /// # Errors
    /// As [`Tx::query`].
    fn one<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.query(sql, params, &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Every row of the answer through `read`.
    ///
    /// # Errors
    /// As [`Tx::query`].
    fn all<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.query(sql, params, &mut |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The id that `INSERT … RETURNING id` answers.
    ///
    /// # Errors
    /// As [`Tx::query`], and when nothing was answered.
    fn insert(&mut self, sql: &str, params: &[Param<'_>]) -> Result<i64> {
        self.one(sql, params, |row| row.int(0))?.ok_or_else(|| Error::Engine("nothing inserted".into()))
    }
}

impl<T: Tx + ?Sized> TxExt for T {}
