//! A connection, its settings, its rows and its errors.

use std::path::Path;
use std::time::Duration;

use rusqlite::blob::Blob;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ffi};

use crate::{ContentId, Engine, Error, Param, Result, Row, Tx, Value};

/// Octets of a page. Measured with `examples/accept_rate.rs` (4,500 octets, 64 sessions): 4,096 takes 13,500
/// messages/s, 8,192 and 16,384 about 10,000, because every small change writes a whole page to the log.
const PAGE: u32 = 4_096;

/// Statements that stay prepared on each connection: more than there are in this crate.
const STATEMENTS: usize = 384;

/// How long to wait for another process (a command line at work on the same file).
const BUSY: Duration = Duration::from_secs(10);

/// The connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection> {
    let connection = open_plain(path, true)?;
    // FULL: each commit is on the disk before it is acknowledged. Checkpoints are the checkpointer's.
    pragmas(
        &connection,
        &format!(
            "PRAGMA page_size = {PAGE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -32768; PRAGMA journal_size_limit = 134217728;"
        ),
    )?;
    Ok(connection)
}

/// A connection that reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open_plain(path, true)?;
    pragmas(&connection, "PRAGMA query_only = ON; PRAGMA cache_size = -8192; PRAGMA mmap_size = 1073741824;")?;
    Ok(connection)
}

/// The connection that copies the log into the database file.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection> {
    let connection = open_plain(path, true)?;
    pragmas(&connection, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024;")?;
    Ok(connection)
}

/// A connection with what all have in common.
pub(crate) fn open_plain(path: &Path, create: bool) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    connection.busy_timeout(BUSY).map_err(failure)?;
    // Plans that do not depend on values: else statements are compiled again whenever they get new ones.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    pragmas(&connection, "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// Brings the tables up to date in one transaction.
pub(super) fn migrate(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failure)?;
    let done = crate::migrate::run(&mut SqliteTx::new(connection));
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(failure)?;
    done
}

fn pragmas(connection: &Connection, sql: &str) -> Result<()> {
    connection.execute_batch(sql).map_err(failure)
}

/// A transaction (begun and ended by whoever made this).
pub(crate) struct SqliteTx<'c> {
    connection: &'c Connection,
    /// The body that was looked into last; going on to another row is cheaper than opening one.
    body: Option<Blob<'c>>,
}

impl<'c> SqliteTx<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, body: None }
    }

    /// The body of that row, for reading piece by piece; none when there is none.
    fn body(&mut self, row: i64) -> Result<Option<&Blob<'c>>> {
        let opened = match self.body.take() {
            Some(mut blob) => blob.reopen(row).map(|()| blob),
            None => self.connection.blob_open("main", "body", "bytes", row, true),
        };
        match opened {
            Ok(blob) => Ok(Some(self.body.insert(blob))),
            // SQLite has one code for a missing row and for other faults of the request.
            Err(rusqlite::Error::SqliteFailure(code, _)) if code.extended_code == ffi::SQLITE_ERROR => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }
}

impl SqliteTx<'_> {
    fn prepare(&self, sql: &str, params: &[Param<'_>]) -> Result<CachedStatement<'_>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failure)?;
        if statement.parameter_count() != params.len() {
            return Err(Error::Engine(format!("{} values for: {sql}", params.len())));
        }
        for (index, param) in params.iter().enumerate() {
            let value = match *param {
                Param::Null => ValueRef::Null,
                Param::Int(n) => ValueRef::Integer(n),
                Param::Text(text) => ValueRef::Text(text.as_bytes()),
                Param::Blob(bytes) => ValueRef::Blob(bytes),
            };
            statement.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(value)).map_err(failure)?;
        }
        Ok(statement)
    }
}

impl Tx for SqliteTx<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>], each: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<()> {
        let mut statement = self.prepare(sql, params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failure)? {
            each(&SqliteRow(row))?;
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let mut statement = self.prepare(sql, params)?;
        let changed = statement.raw_execute().map_err(failure)?;
        Ok(changed as u64)
    }

    fn body_start(
        &mut self,
        content: ContentId,
        octets: usize,
        each: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<bool> {
        let Some(blob) = self.body(content.0)? else { return Ok(false) };
        let size = blob.len();
        let mut start = vec![0; octets.min(size)];
        blob.read_at_exact(&mut start, 0).map_err(failure)?;
        each(&start, size as u64)?;
        Ok(true)
    }

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }
}

struct SqliteRow<'a, 'stmt>(&'a rusqlite::Row<'stmt>);

impl Row for SqliteRow<'_, '_> {
    fn value(&self, column: usize) -> Result<Value<'_>> {
        match self.0.get_ref(column).map_err(failure)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(n) => Ok(Value::Int(n)),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes)
                .map(Value::Text)
                .map_err(|_| Error::Corrupt(format!("text in column {column} is not UTF-8"))),
            ValueRef::Blob(bytes) => Ok(Value::Blob(bytes)),
            ValueRef::Real(n) => Err(Error::Corrupt(format!("unexpected number {n} in column {column}"))),
        }
    }
}

/// What an error of SQLite means here.
pub(crate) fn failure(error: rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(code, words) = &error else {
        return Error::Engine(error.to_string());
    };
    let words = words.clone().unwrap_or_else(|| code.to_string());
    match code.code {
        ffi::ErrorCode::DiskFull => Error::Full,
        // Growing the shared index of the log is the one write whose lack of room SQLite reports otherwise.
        ffi::ErrorCode::SystemIoFailure if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Error::Full,
        ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked | ffi::ErrorCode::CannotOpen => {
            Error::Unavailable(words)
        }
        ffi::ErrorCode::ConstraintViolation => Error::Conflict(words),
        ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase => Error::Corrupt(words),
        _ => Error::Engine(words),
    }
}
