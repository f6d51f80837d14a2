//! What the administrator's daily rounds keep: tallies of every hour, the last reports, and where we stood on block lists.

use sekisho_message::Time;

use crate::{Result, Row, Tx, TxExt, meta};

/// Name of the setting that says up to where the journal has been counted.
const CURSOR: &str = "rounds.cursor";
/// Rows in one step.
const STEP: i64 = 1_000;

/// The last result of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it was made.
    pub at: Time,
    /// What it says; its shape belongs to whoever wrote it.
    pub body: String,
}

/// A time during which an address or domain stood on a block list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Listing {
    /// The list's zone.
    pub zone: String,
    /// What was listed.
    pub subject: String,
    /// Since when it was seen there.
    pub since: Time,
    /// Until when; none while it lasts.
    pub until: Option<Time>,
    /// What the list answered.
    pub detail: String,
}

/// The tally of one hour (hours since the epoch).
///
/// # Errors
/// What the engine reports.
pub fn hour(tx: &mut dyn Tx, hour: i64) -> Result<Option<String>> {
    tx.one("SELECT tally FROM round_hour WHERE at = ?1", &[hour.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// Keeps the tally of one hour.
///
/// # Errors
/// What the engine reports.
pub fn set_hour(tx: &mut dyn Tx, hour: i64, tally: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO round_hour (at, tally) VALUES (?1, ?2) ON CONFLICT (at) DO UPDATE SET tally = excluded.tally",
        &[hour.into(), tally.into()],
    )?;
    Ok(())
}

/// The first hour that is kept.
///
/// # Errors
/// What the engine reports.
pub fn first_hour(tx: &mut dyn Tx) -> Result<Option<i64>> {
    Ok(tx.one("SELECT MIN(at) FROM round_hour", &[], |row| row.opt_int(0))?.flatten())
}

/// Forgets hours before `before`.
///
/// # Errors
/// What the engine reports.
pub fn expire_hours(tx: &mut dyn Tx, before: i64) -> Result<()> {
    tx.execute("DELETE FROM round_hour WHERE at < ?1", &[before.into()])?;
    Ok(())
}

/// Up to which journal entry the hours count.
///
/// # Errors
/// What the engine reports.
pub fn cursor(tx: &mut dyn Tx) -> Result<i64> {
    Ok(meta::get(tx, CURSOR)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Moves the cursor from `from` to `to`; false when somebody else has moved it: nothing may be counted then.
///
/// # Errors
/// What the engine reports.
pub fn advance(tx: &mut dyn Tx, from: i64, to: i64) -> Result<bool> {
    let (from, to) = (from.to_string(), to.to_string());
    tx.execute("INSERT INTO meta (name, value) VALUES (?1, '0') ON CONFLICT DO NOTHING", &[CURSOR.into()])?;
    let sql = "UPDATE meta SET value = ?3 WHERE name = ?1 AND value = ?2";
    Ok(tx.execute(sql, &[CURSOR.into(), (&from).into(), (&to).into()])? > 0)
}

/// The last report of that name.
///
/// # Errors
/// What the engine reports.
pub fn report(tx: &mut dyn Tx, name: &str) -> Result<Option<Report>> {
    tx.one("SELECT at, body FROM round_report WHERE name = ?1", &[name.into()], |row| {
        Ok(Report { at: Time(row.int(0)?), body: row.text(1)?.to_owned() })
    })
}

/// Keeps a report in the place of the one before.
///
/// # Errors
/// What the engine reports.
pub fn set_report(tx: &mut dyn Tx, name: &str, at: Time, body: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO round_report (name, at, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET at = excluded.at, body = excluded.body",
        &[name.into(), at.into(), body.into()],
    )?;
    Ok(())
}

/// Listings that last, and then those that are over, the newest first; at most `limit`.
///
/// # Errors
/// What the engine reports.
pub fn listings(tx: &mut dyn Tx, limit: u32) -> Result<Vec<Listing>> {
    let sql = "SELECT zone, subject, since, until, detail FROM listing
        ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, since DESC, zone, subject LIMIT ?1";
    tx.all(sql, &[limit.into()], listing)
}

/// Notes that `subject` stands on `zone`; false when that was known.
///
/// # Errors
/// What the engine reports.
pub fn listed(tx: &mut dyn Tx, zone: &str, subject: &str, detail: &str, now: Time) -> Result<bool> {
    let known = tx.execute(
        "UPDATE listing SET detail = ?3 WHERE zone = ?1 AND subject = ?2 AND until IS NULL",
        &[zone.into(), subject.into(), detail.into()],
    )?;
    if known > 0 {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO listing (zone, subject, since, until, detail) VALUES (?1, ?2, ?3, NULL, ?4) ON CONFLICT DO NOTHING",
        &[zone.into(), subject.into(), now.into(), detail.into()],
    )?;
    Ok(true)
}

/// Notes that `subject` no longer stands on `zone`; whether it did.
///
/// # Errors
/// What the engine reports.
pub fn delisted(tx: &mut dyn Tx, zone: &str, subject: &str, now: Time) -> Result<bool> {
    let sql = "UPDATE listing SET until = ?3 WHERE zone = ?1 AND subject = ?2 AND until IS NULL";
    Ok(tx.execute(sql, &[zone.into(), subject.into(), now.into()])? > 0)
}

/// Forgets some listings that were over before `before`.
///
/// # Errors
/// What the engine reports.
pub fn expire_listings(tx: &mut dyn Tx, before: Time) -> Result<()> {
    tx.execute(
        "DELETE FROM listing WHERE (zone, subject, since) IN
         (SELECT zone, subject, since FROM listing WHERE until < ?1 LIMIT ?2)",
        &[before.into(), STEP.into()],
    )?;
    Ok(())
}

fn listing(row: &dyn Row) -> Result<Listing> {
    Ok(Listing {
        zone: row.text(0)?.to_owned(),
        subject: row.text(1)?.to_owned(),
        since: Time(row.int(2)?),
        until: row.opt_int(3)?.map(Time),
        detail: row.text(4)?.to_owned(),
    })
}
