//! Old entries, compressed; and forgetting the oldest.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sekisho_message::Time;

use super::{COLUMNS, Entry, EntryId, read};
use crate::{Error, Result, Row, Store, Tx, TxExt};

/// Entries of one chunk.
const ENTRIES: i64 = 1_000;

/// What an entry takes that is not compressed, estimated: its row, its texts, its share of the pages.
const ROW: i64 = 320;

/// Most octets of a chunk when it is unpacked: entries are bounded by whoever writes them.
const UNPACKED: u64 = 64 * 1024 * 1024;

/// Where a chunk is.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) first_id: EntryId,
    pub(super) last_id: EntryId,
    pub(super) first_at: Time,
    pub(super) last_at: Time,
}

/// The chunk that holds the first compressed entry after `id`, if that is compressed.
pub(super) fn after(tx: &mut dyn Tx, id: EntryId) -> Result<Option<Chunk>> {
    let around = "SELECT first_id, last_id, first_at, last_at FROM journal_chunk WHERE first_id <= ?1
                  ORDER BY first_id DESC LIMIT 1";
    let next = "SELECT first_id, last_id, first_at, last_at FROM journal_chunk WHERE first_id > ?1
                ORDER BY first_id LIMIT 1";
    for sql in [around, next] {
        let found = tx.one(sql, &[id.into()], chunk)?;
        if let Some(chunk) = found.filter(|chunk| chunk.last_id > id) {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

/// The chunk that holds the last compressed entry before `id`.
pub(super) fn before(tx: &mut dyn Tx, id: EntryId) -> Result<Option<Chunk>> {
    let sql = "SELECT first_id, last_id, first_at, last_at FROM journal_chunk WHERE first_id < ?1
               ORDER BY first_id DESC LIMIT 1";
    tx.one(sql, &[id.into()], chunk)
}

fn chunk(row: &dyn Row) -> Result<Chunk> {
    Ok(Chunk { first_id: row.int(0)?, last_id: row.int(1)?, first_at: Time(row.int(2)?), last_at: Time(row.int(3)?) })
}

impl Chunk {
    /// The entries of the chunk.
    pub(super) fn entries(&self, tx: &mut dyn Tx) -> Result<Vec<(EntryId, Entry)>> {
        let bytes = tx.one("SELECT bytes FROM journal_chunk WHERE first_id = ?1", &[self.first_id.into()], |row| {
            Ok(row.blob(0)?.to_vec())
        })?;
        unpack(&bytes.ok_or(Error::NotFound("journal chunk"))?)
    }
}

/// One step of compressing entries before `before` (or beyond the newest `most_rows`), the oldest first; false when
/// nothing is left to do. The work is done off the writer's path.
///
/// # Errors
/// As [`Store::write`].
pub async fn compress_step(store: &Store, before: Time, most_rows: u64) -> Result<bool> {
    let packed = store.read(move |tx| pack_oldest(tx, before, most_rows)).await?;
    let Some(packed) = packed else { return Ok(false) };
    store.write(move |tx| replace(tx, &packed)).await?;
    Ok(true)
}

/// One step of forgetting entries before `before`, or the oldest while all take more than `most_bytes`; false when
/// nothing is left to do.
///
/// # Errors
/// What the engine reports.
pub fn expire_step(tx: &mut dyn Tx, before: Time, most_bytes: u64) -> Result<bool> {
    let too_much = octets(tx)? > i64::try_from(most_bytes).unwrap_or(i64::MAX);
    if let Some(oldest) = after(tx, -1)? {
        if too_much || oldest.last_at < before {
            drop_chunk(tx, oldest)?;
            return Ok(true);
        }
        return Ok(false);
    }
    let limit = if too_much { Time(i64::MAX) } else { before };
    let rows = oldest_rows(tx, |_, at| at < limit)?;
    if let Some((last, _)) = rows.last() {
        tx.execute("DELETE FROM journal WHERE id <= ?1", &[(*last).into()])?;
    }
    Ok(!rows.is_empty())
}

/// What the journal takes, estimated.
fn octets(tx: &mut dyn Tx) -> Result<i64> {
    let chunks = tx.one("SELECT value FROM counter WHERE name = 'journal_bytes'", &[], |row| row.int(0))?;
    let rows = tx.one("SELECT MIN(id), MAX(id) FROM journal", &[], |row| {
        Ok(row.opt_int(0)?.zip(row.opt_int(1)?).map_or(0, |(first, last)| last - first + 1))
    })?;
    Ok(chunks.unwrap_or(0) + rows.unwrap_or(0) * ROW)
}

fn count_octets(tx: &mut dyn Tx, change: i64) -> Result<()> {
    tx.execute("UPDATE counter SET value = value + ?1 WHERE name = 'journal_bytes'", &[change.into()])?;
    Ok(())
}

fn drop_chunk(tx: &mut dyn Tx, chunk: Chunk) -> Result<()> {
    let octets = tx.one(
        "DELETE FROM journal_chunk WHERE first_id = ?1 RETURNING LENGTH(bytes)",
        &[chunk.first_id.into()],
        |row| row.int(0),
    )?;
    count_octets(tx, -octets.unwrap_or(0))
}

/// The oldest rows as long as `take` wants them, at most a chunk of them; never the newest row, whose number
/// says where the numbers go on.
fn oldest_rows(tx: &mut dyn Tx, take: impl Fn(EntryId, Time) -> bool) -> Result<Vec<(EntryId, Time)>> {
    let newest = super::last_id(tx)?;
    let mut rows = tx.all(
        "SELECT id, at FROM journal WHERE id < ?1 ORDER BY id LIMIT ?2",
        &[newest.into(), ENTRIES.into()],
        |row| Ok((row.int(0)?, Time(row.int(1)?))),
    )?;
    let count = rows.iter().take_while(|(id, at)| take(*id, *at)).count();
    rows.truncate(count);
    Ok(rows)
}

/// A chunk that is to replace rows.
struct Packed {
    chunk: Chunk,
    entries: u64,
    bytes: Vec<u8>,
}

fn pack_oldest(tx: &mut dyn Tx, before: Time, most_rows: u64) -> Result<Option<Packed>> {
    let keep = i64::try_from(most_rows).unwrap_or(i64::MAX);
    let beyond = super::last_id(tx)?.saturating_sub(keep);
    let rows = oldest_rows(tx, |id, at| at < before || id <= beyond)?;
    let (Some((first_id, _)), Some((last_id, _))) = (rows.first(), rows.last()) else { return Ok(None) };
    let entries = tx.all(
        &format!("SELECT {COLUMNS} FROM journal WHERE id >= ?1 AND id <= ?2 ORDER BY id"),
        &[(*first_id).into(), (*last_id).into()],
        read,
    )?;
    let times = || rows.iter().map(|(_, at)| *at);
    let chunk = Chunk {
        first_id: *first_id,
        last_id: *last_id,
        first_at: times().min().unwrap_or_default(),
        last_at: times().max().unwrap_or_default(),
    };
    Ok(Some(Packed { chunk, entries: entries.len() as u64, bytes: pack(&entries)? }))
}

fn replace(tx: &mut dyn Tx, packed: &Packed) -> Result<()> {
    let Packed { chunk, entries, bytes } = packed;
    let gone =
        tx.execute("DELETE FROM journal WHERE id >= ?1 AND id <= ?2", &[chunk.first_id.into(), chunk.last_id.into()])?;
    if gone != *entries {
        // Somebody else compressed or forgot them meanwhile, or a late one has come between them.
        return Err(Error::Unavailable("the journal changed while it was compressed".into()));
    }
    tx.execute(
        "INSERT INTO journal_chunk (first_id, last_id, first_at, last_at, entries, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            chunk.first_id.into(),
            chunk.last_id.into(),
            chunk.first_at.into(),
            chunk.last_at.into(),
            (*entries).into(),
            bytes.as_slice().into(),
        ],
    )?;
    count_octets(tx, i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

fn pack(entries: &[(EntryId, Entry)]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    for entry in entries {
        serde_json::to_writer(&mut encoder, entry).map_err(|error| Error::Engine(error.to_string()))?;
        encoder.write_all(b"\n")?;
    }
    Ok(encoder.finish()?)
}

fn unpack(bytes: &[u8]) -> Result<Vec<(EntryId, Entry)>> {
    let mut text = String::new();
    let corrupt = |error: &dyn std::fmt::Display| Error::Corrupt(format!("a journal chunk: {error}"));
    ZlibDecoder::new(bytes).take(UNPACKED).read_to_string(&mut text).map_err(|error| corrupt(&error))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| corrupt(&error))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Kind;
    use super::*;

    #[test]
    fn packing_keeps_entries_and_makes_them_small() {
        let entries: Vec<(EntryId, Entry)> = (1..=1_000)
            .map(|n| {
                let entry = Entry {
                    at: Time(n * 1_000_000),
                    kind: Kind::Receive,
                    account: Some(format!("user{}@example.jp", n % 7)),
                    address: None,
                    network: Some(format!("192.0.2.{}", n % 250)),
                    message: None,
                    detail: serde_json::json!({ "line": "RCPT TO:<someone@example.com>", "reply": 250 }),
                };
                (n, entry)
            })
            .collect();
        let bytes = pack(&entries).unwrap();
        assert!(bytes.len() < 25_000, "{}", bytes.len());
        assert_eq!(unpack(&bytes).unwrap(), entries);
        assert!(unpack(&bytes[..bytes.len() / 2]).is_err());
    }
}
