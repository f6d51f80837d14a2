//! Copying a whole store into another, whatever the engines.
//!
//! The source is read on one snapshot, so it may be in use; the target must be empty. Rows go in pages, body files
//! are linked or copied.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::blob::sync_folder;
use crate::{Engine, Error, Param, Result, Row, Store, Tx, TxExt, Value};

/// A table and its primary key.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) key: &'static [&'static str],
    /// Whether the engine counts the key.
    counted: bool,
}

/// All tables. What refers comes after what it refers to.
pub(crate) const TABLES: &[Table] = &[
    given("meta", &["name"]),
    given("counter", &["name"]),
    given("switch", &["name"]),
    counted("domain"),
    counted("account"),
    given("login_place", &["account", "place"]),
    given("login_way", &["account", "door", "proof", "wire"]),
    given("replied", &["account", "sender"]),
    given("imported", &["account", "item"]),
    given("lockout", &["subject"]),
    given("login_rule", &["kind", "owner"]),
    counted("app_password"),
    given("recoverable", &["account"]),
    given("console_session", &["token"]),
    given("console_factor", &["account"]),
    given("console_recovery", &["account", "code"]),
    counted("console_token"),
    given("console_answer", &["token", "key"]),
    counted("rules_history"),
    given("alias", &["domain", "kind", "local"]),
    counted("list"),
    given("list_member", &["list", "key"]),
    counted("content"),
    given("body", &["content"]),
    given("summary", &["content"]),
    given("digest", &["content"]),
    given("signature", &["content"]),
    given("garbage", &["content"]),
    counted("expunged"),
    counted("origin"),
    counted("epoch"),
    counted("lane"),
    given("message", &["id"]),
    given("recipient", &["id"]),
    counted("mailbox"),
    given("mailbox_gone", &["mailbox"]),
    given("subscription", &["account", "name"]),
    given("acl", &["mailbox", "account", "negative"]),
    given("annotation", &["mailbox", "account", "entry"]),
    given("keyword", &["mailbox", "bit"]),
    given("mail", &["mailbox", "uid"]),
    given("gap", &["mailbox", "first"]),
    given("history", &["mailbox", "kind", "modseq", "first"]),
    given("contact", &["origin", "peer"]),
    given("contact_count", &["origin"]),
    given("profile", &["origin"]),
    given("site", &["id"]),
    counted("incident"),
    counted("alert"),
    given("round_hour", &["at"]),
    given("round_report", &["name"]),
    given("listing", &["zone", "subject", "since"]),
    counted("journal"),
    given("journal_chunk", &["first_id"]),
];

const fn given(name: &'static str, key: &'static [&'static str]) -> Table {
    Table { name, key, counted: false }
}

const fn counted(name: &'static str) -> Table {
    Table { name, key: &["id"], counted: true }
}

/// Rows that are copied together: at most some 16 MiB of bodies.
const PAGE: i64 = 256;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Copied {
    /// Rows of all tables.
    pub rows: u64,
    /// Body files.
    pub files: u64,
}

/// Copies all of `source` into the empty store `target`; `progress` hears the table and the rows copied so far.
/// Blocks for as long as it takes. When it fails half way, the target is to be made anew.
///
/// # Errors
/// `Conflict` when the target is not empty; what the engines and the disk report.
pub fn copy(source: &Store, target: &Store, progress: &mut (dyn FnMut(&str, u64) + Send)) -> Result<Copied> {
    target.read_blocking(must_be_empty)?;
    let _whole = source.blobs().keep_whole();
    let mut copied = Copied::default();
    let files = source.read_blocking(|tx| {
        target.write_blocking(|tx| tx.execute("DELETE FROM counter", &[]))?;
        for table in TABLES {
            copied.rows += copy_table(tx, target, table, progress)?;
        }
        file_names(tx)
    })?;
    target.write_blocking(set_counts)?;
    for name in &files {
        copy_file(&source.blobs().path(name)?, &target.blobs().path(name)?)?;
        copied.files += 1;
    }
    Ok(copied)
}

/// Names of all body files that rows refer to.
pub(crate) fn file_names(tx: &mut dyn Tx) -> Result<Vec<String>> {
    tx.all("SELECT file FROM content WHERE file IS NOT NULL", &[], |row| Ok(row.text(0)?.to_owned()))
}

/// Puts a body file at another place, durably: as a link where that is possible, or as a copy.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().ok_or_else(|| Error::Corrupt("a body file without a folder".into()))?;
    if from == to || to.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()?;
    }
    sync_folder(folder)
}

fn copy_table(
    tx: &mut dyn Tx,
    target: &Store,
    table: &'static Table,
    progress: &mut (dyn FnMut(&str, u64) + Send),
) -> Result<u64> {
    let columns = columns(tx, table.name)?;
    let key: Vec<usize> =
        table.key.iter().filter_map(|name| columns.iter().position(|column| column == name)).collect();
    let places = |count: usize| (1..=count).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let order = table.key.join(", ");
    let list = columns.join(", ");
    let first = format!("SELECT {list} FROM {} ORDER BY {order} LIMIT {PAGE}", table.name);
    let next = format!(
        "SELECT {list} FROM {} WHERE ({order}) > ({}) ORDER BY {order} LIMIT {PAGE}",
        table.name,
        places(key.len())
    );
    let insert: Arc<str> = format!("INSERT INTO {} ({list}) VALUES ({})", table.name, places(columns.len())).into();
    let mut total = 0;
    let mut rows = tx.all(&first, &[], |row| own(row, columns.len()))?;
    while let Some(last) = rows.last() {
        let after: Vec<OwnValue> = key.iter().filter_map(|column| last.get(*column).cloned()).collect();
        total += rows.len() as u64;
        let (page, insert) = (Arc::new(rows), Arc::clone(&insert));
        target.write_blocking(move |tx| {
            for row in page.iter() {
                let params: Vec<Param<'_>> = row.iter().map(OwnValue::param).collect();
                tx.execute(&insert, &params)?;
            }
            Ok(())
        })?;
        progress(table.name, total);
        let after: Vec<Param<'_>> = after.iter().map(OwnValue::param).collect();
        rows = tx.all(&next, &after, |row| own(row, columns.len()))?;
    }
    Ok(total)
}

/// The columns of a table in their order.
pub(crate) fn columns(tx: &mut dyn Tx, table: &str) -> Result<Vec<String>> {
    let sql = match tx.engine() {
        Engine::Sqlite => "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
        Engine::Postgres => {
            "SELECT column_name::TEXT FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position"
        }
    };
    tx.all(sql, &[table.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// Makes the engine's own counting go on after the rows that were copied.
fn set_counts(tx: &mut dyn Tx) -> Result<()> {
    // SQLite does so by itself.
    if tx.engine() == Engine::Postgres {
        for table in TABLES.iter().filter(|table| table.counted) {
            let name = table.name;
            tx.query(
                &format!(
                    "SELECT setval(pg_get_serial_sequence('{name}', 'id'), COALESCE(MAX(id), 0) + 1, false) FROM {name}"
                ),
                &[],
                &mut |_| Ok(()),
            )?;
        }
    }
    Ok(())
}

fn must_be_empty(tx: &mut dyn Tx) -> Result<()> {
    for table in TABLES.iter().filter(|table| table.name != "counter") {
        if tx.one(&format!("SELECT 1 FROM {} LIMIT 1", table.name), &[], |_| Ok(()))?.is_some() {
            return Err(Error::Conflict(format!("the store to copy into is not empty: {} has rows", table.name)));
        }
    }
    Ok(())
}

/// A value that outlives its row.
#[derive(Clone)]
enum OwnValue {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl OwnValue {
    fn param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(n) => Param::Int(*n),
            Self::Text(text) => Param::Text(text),
            Self::Blob(bytes) => Param::Blob(bytes),
        }
    }
}

fn own(row: &dyn Row, columns: usize) -> Result<Vec<OwnValue>> {
    (0..columns)
        .map(|column| {
            Ok(match row.value(column)? {
                Value::Null => OwnValue::Null,
                Value::Int(n) => OwnValue::Int(n),
                Value::Text(text) => OwnValue::Text(text.to_owned()),
                Value::Blob(bytes) => OwnValue::Blob(bytes.to_vec()),
            })
        })
        .collect()
}
