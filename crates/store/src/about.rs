//! What the store stands on, for whoever looks after the server.

use crate::{Engine, Result, Tx, TxExt, migrate};

/// The engine, its size and the version of the tables.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct About {
    /// `SQLite` or `PostgreSQL`.
    pub engine: &'static str,
    /// Version of the engine.
    pub version: String,
    /// Version of the tables.
    pub tables: i64,
    /// Octets of the database; message bodies that lie in files are not in it.
    pub octets: u64,
}

/// Asks the engine.
///
/// # Errors
/// What the engine reports.
pub fn about(tx: &mut dyn Tx) -> Result<About> {
    let (engine, sql) = match tx.engine() {
        Engine::Sqlite => (
            "SQLite",
            "SELECT sqlite_version(), p.page_count * s.page_size FROM pragma_page_count() p, pragma_page_size() s",
        ),
        Engine::Postgres => {
            ("PostgreSQL", "SELECT current_setting('server_version'), pg_database_size(current_database())")
        }
    };
    let (version, octets) = tx.one(sql, &[], |row| Ok((row.text(0)?.to_owned(), row.count(1)?)))?.unwrap_or_default();
    Ok(About { engine, version, tables: migrate::VERSION, octets })
}
