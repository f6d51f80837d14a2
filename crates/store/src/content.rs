//! Stored bodies, counted by reference.
//!
//! A body of up to 64 KiB lies in the table `body`, a larger one in a file. Who stores it has the first
//! reference (a queued message or a message in a folder); when the last reference goes, so does the body:
//! at once from the table, by [`Store::collect_garbage`](crate::Store::collect_garbage) from the files,
//! because a file may go only after the transaction that said so is durable. What an EXPUNGE lets go is noted in the
//! table `expunged` first and released by `collect_garbage` too, so that nobody waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::blob::Blobs;
use crate::{ContentId, Error, Result, Staged, Store, Summary, Tx, TxExt};

/// Octets of a body in which its header mostly ends.
const HEADER_START: usize = 4 * 1024;

/// A body for a message: a new one or one that is stored.
#[derive(Clone, Debug)]
pub enum Body {
    /// A body that is not stored yet.
    New(Staged),
    /// A stored body; it gets one more reference.
    Stored(ContentId),
}

impl From<Staged> for Body {
    fn from(staged: Staged) -> Self {
        Self::New(staged)
    }
}

impl From<ContentId> for Body {
    fn from(id: ContentId) -> Self {
        Self::Stored(id)
    }
}

/// Stores `staged` with one reference.
///
/// # Errors
/// What the engine reports.
pub fn insert(tx: &mut dyn Tx, staged: &Staged) -> Result<ContentId> {
    let id = tx.insert(
        "INSERT INTO content (refs, size, hash, file) VALUES (1, ?1, ?2, ?3) RETURNING id",
        &[staged.size().into(), staged.hash().as_slice().into(), staged.adopt().into()],
    )?;
    let id = ContentId(id);
    if let Some(bytes) = staged.inline() {
        tx.execute("INSERT INTO body (content, bytes) VALUES (?1, ?2)", &[id.into(), bytes.into()])?;
    }
    if let Some(summary) = staged.summary() {
        set_summary(tx, id, summary)?;
    }
    Ok(id)
}

/// Stores `body`, or adds a reference to it; its id and its octets.
///
/// # Errors
/// `NotFound` when a stored body is gone.
pub fn keep(tx: &mut dyn Tx, body: &Body) -> Result<(ContentId, u64)> {
    match body {
        Body::New(staged) => Ok((insert(tx, staged)?, staged.size())),
        Body::Stored(id) => {
            let size =
                tx.one("UPDATE content SET refs = refs + 1 WHERE id = ?1 RETURNING size", &[(*id).into()], |row| {
                    row.count(0)
                })?;
            Ok((*id, size.ok_or(Error::NotFound("body"))?))
        }
    }
}

/// Adds `n` references.
///
/// # Errors
/// `NotFound` when the body is gone.
pub fn retain(tx: &mut dyn Tx, id: ContentId, n: u64) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    match tx.execute("UPDATE content SET refs = refs + ?2 WHERE id = ?1", &[id.into(), n.into()])? {
        0 => Err(Error::NotFound("body")),
        _ => Ok(()),
    }
}

/// Takes `n` references away; the last one lets the body go.
///
/// # Errors
/// What the engine reports.
pub fn release(tx: &mut dyn Tx, id: ContentId, n: u64) -> Result<()> {
    let gone =
        tx.execute("DELETE FROM content WHERE id = ?1 AND refs <= ?2 AND file IS NULL", &[id.into(), n.into()])?;
    if gone > 0 {
        tx.execute("DELETE FROM body WHERE content = ?1", &[id.into()])?;
        forget_derived(tx, id)?;
        return Ok(());
    }
    let left =
        tx.one("UPDATE content SET refs = refs - ?2 WHERE id = ?1 RETURNING refs", &[id.into(), n.into()], |row| {
            row.int(0)
        })?;
    if left.is_some_and(|left| left <= 0) {
        tx.execute("INSERT INTO garbage (content) VALUES (?1) ON CONFLICT DO NOTHING", &[id.into()])?;
    }
    Ok(())
}

/// Octets of a stored body.
///
/// # Errors
/// `NotFound` when there is no such body.
pub fn size(tx: &mut dyn Tx, id: ContentId) -> Result<u64> {
    let size = tx.one("SELECT size FROM content WHERE id = ?1", &[id.into()], |row| row.count(0))?;
    size.ok_or(Error::NotFound("body"))
}

/// The summary, if it was computed.
///
/// # Errors
/// What the engine reports.
pub fn summary(tx: &mut dyn Tx, id: ContentId) -> Result<Option<Summary>> {
    tx.one(
        "SELECT envelope, structure, bodystructure, header_len FROM summary WHERE content = ?1",
        &[id.into()],
        |row| {
            Ok(Summary {
                envelope: row.blob(0)?.to_vec(),
                body: row.blob(1)?.to_vec(),
                bodystructure: row.blob(2)?.to_vec(),
                header_len: u32::try_from(row.int(3)?).unwrap_or(0),
            })
        },
    )
}

/// Stores the summary of a body, unless the body is gone or has one.
///
/// # Errors
/// What the engine reports.
pub fn set_summary(tx: &mut dyn Tx, id: ContentId, summary: &Summary) -> Result<()> {
    tx.execute(
        "INSERT INTO summary (content, header_len, envelope, structure, bodystructure)
         SELECT id, ?2, ?3, ?4, ?5 FROM content WHERE id = ?1 ON CONFLICT DO NOTHING",
        &[
            id.into(),
            summary.header_len.into(),
            summary.envelope.as_slice().into(),
            summary.body.as_slice().into(),
            summary.bodystructure.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// Reads bodies within a transaction that is under way; from [`Store::bodies`].
#[derive(Clone)]
pub struct Bodies(Arc<Blobs>);

impl Bodies {
    pub(crate) fn new(blobs: Arc<Blobs>) -> Self {
        Self(blobs)
    }

    /// Calls `each` with the bytes of a body, without copying those that lie in the database.
    ///
    /// # Errors
    /// `NotFound` when there is no such body, `Corrupt` when its file is missing, or the error of `each`.
    pub fn with(&self, tx: &mut dyn Tx, id: ContentId, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut inline = false;
        tx.query("SELECT bytes FROM body WHERE content = ?1", &[id.into()], &mut |row| {
            inline = true;
            each(row.blob(0)?)
        })?;
        if inline { Ok(()) } else { each(&bytes(tx, &self.0, id)?) }
    }

    /// Calls `each` with the header of a body, the empty line included, and reads little more than that.
    ///
    /// # Errors
    /// As [`Bodies::with`].
    pub fn header(&self, tx: &mut dyn Tx, id: ContentId, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut octets = HEADER_START;
        loop {
            let mut whole = false;
            let mut look = |start: &[u8], size: u64| {
                let (header, body) = sekisho_message::header::split(start);
                whole = !body.is_empty() || start.len() as u64 >= size || ends_header(header);
                if whole { each(header) } else { Ok(()) }
            };
            if !tx.body_start(id, octets, &mut look)? {
                let (start, size) = self.0.start(&file_of(tx, id)?, octets)?;
                look(&start, size)?;
            }
            if whole {
                return Ok(());
            }
            octets = octets.saturating_mul(8);
        }
    }
}

/// The bytes of a body.
pub(crate) fn bytes(tx: &mut dyn Tx, blobs: &Blobs, id: ContentId) -> Result<Bytes> {
    let inline = tx.one("SELECT bytes FROM body WHERE content = ?1", &[id.into()], |row| {
        Ok(Bytes::copy_from_slice(row.blob(0)?))
    })?;
    if let Some(bytes) = inline {
        return Ok(bytes);
    }
    blobs.read(&file_of(tx, id)?)
}

/// The file of a body that is not in the database.
fn file_of(tx: &mut dyn Tx, id: ContentId) -> Result<String> {
    let file = tx.one("SELECT file FROM content WHERE id = ?1", &[id.into()], |row| {
        Ok(row.opt_text(0)?.map(ToOwned::to_owned))
    })?;
    match file {
        None => Err(Error::NotFound("body")),
        Some(None) => Err(Error::Corrupt(format!("body {} has neither bytes nor file", id.0))),
        Some(Some(name)) => Ok(name),
    }
}

/// The line end before the body was seen, so that what follows is no header any more.
fn ends_header(header: &[u8]) -> bool {
    header.ends_with(b"\n\r\n") || header.ends_with(b"\n\n") || matches!(header, b"\r\n" | b"\n")
}

/// See [`Store::collect_garbage`].
pub(crate) async fn collect(store: &Store, blobs: &Blobs, limit: u32) -> Result<u32> {
    if blobs.is_kept_whole() {
        return Ok(0);
    }
    let released = store.write(move |tx| release_expunged(tx, limit)).await?;
    let files = store.write(move |tx| forget(tx, limit)).await?;
    let count = u32::try_from(files.len().max(released)).unwrap_or(u32::MAX);
    for name in &files {
        blobs.delete(name)?;
    }
    if count == 0 {
        let mut old = blobs.sweep()?;
        if !old.is_empty() {
            old = store.read(move |tx| without_row(tx, old)).await?;
        }
        for name in &old {
            tracing::info!(name, "removing a body file that nothing refers to");
            blobs.delete(name)?;
        }
    }
    Ok(count)
}

/// Deletes what was computed from a body.
fn forget_derived(tx: &mut dyn Tx, id: ContentId) -> Result<()> {
    for table in ["summary", "digest", "signature"] {
        tx.execute(&format!("DELETE FROM {table} WHERE content = ?1"), &[id.into()])?;
    }
    Ok(())
}

/// Takes away up to `limit` references that expunged messages left; how many.
fn release_expunged(tx: &mut dyn Tx, limit: u32) -> Result<usize> {
    let contents = tx.all(
        "DELETE FROM expunged WHERE id IN (SELECT id FROM expunged ORDER BY id LIMIT ?1) RETURNING content",
        &[limit.into()],
        |row| Ok(ContentId(row.int(0)?)),
    )?;
    release_all(tx, contents.iter().copied())?;
    Ok(contents.len())
}

/// Gives up one reference for each of `contents`.
pub(crate) fn release_all(tx: &mut dyn Tx, contents: impl Iterator<Item = ContentId>) -> Result<()> {
    let mut counts: BTreeMap<ContentId, u64> = BTreeMap::new();
    for content in contents {
        *counts.entry(content).or_default() += 1;
    }
    for (content, count) in counts {
        release(tx, content, count)?;
    }
    Ok(())
}

/// Deletes rows of bodies without references; the names of their files.
fn forget(tx: &mut dyn Tx, limit: u32) -> Result<Vec<String>> {
    let unused = tx.all("SELECT content FROM garbage ORDER BY content LIMIT ?1", &[limit.into()], |row| row.int(0))?;
    let mut files = Vec::new();
    for id in unused {
        // It may have been referred to again since it was noted here.
        let file = tx.one("DELETE FROM content WHERE id = ?1 AND refs <= 0 RETURNING file", &[id.into()], |row| {
            Ok(row.opt_text(0)?.map(ToOwned::to_owned))
        })?;
        if file.is_some() {
            forget_derived(tx, ContentId(id))?;
        }
        tx.execute("DELETE FROM garbage WHERE content = ?1", &[id.into()])?;
        files.extend(file.flatten());
    }
    Ok(files)
}

/// Those of `names` that no row refers to.
fn without_row(tx: &mut dyn Tx, names: Vec<String>) -> Result<Vec<String>> {
    let mut unknown = Vec::new();
    for name in names {
        if tx.one("SELECT id FROM content WHERE file = ?1", &[(&name).into()], |_| Ok(()))?.is_none() {
            unknown.push(name);
        }
    }
    Ok(unknown)
}
