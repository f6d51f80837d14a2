//! Alerts that are still to be given to somebody outside the store: tried again until somebody has taken them.

use sekisho_message::Time;

use crate::{IncidentId, Result, Row, Tx, TxExt};

/// Most alerts that wait; the oldest go when there are more.
pub const MOST: u32 = 1_000;

/// An alert that is to be given to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub incident: Option<IncidentId>,
    /// By which way: a name that only whoever sends alerts knows.
    pub channel: String,
    /// What is given.
    pub body: String,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// When it came to be.
    pub created: Time,
}

/// Keeps an alert to be given at `due`.
///
/// # Errors
/// What the engine reports.
pub fn add(tx: &mut dyn Tx, incident: Option<IncidentId>, channel: &str, body: &str, due: Time) -> Result<()> {
    tx.execute(
        "INSERT INTO alert (incident, channel, body, attempts, due, created) VALUES (?1, ?2, ?3, 0, ?4, ?4)",
        &[incident.map(|id| id.0).into(), channel.into(), body.into(), due.into()],
    )?;
    tx.execute("DELETE FROM alert WHERE id <= (SELECT MAX(id) FROM alert) - ?1", &[i64::from(MOST).into()])?;
    Ok(())
}

/// Takes at most `limit` alerts that are due, for as long as until `again`: then they are due once more unless they
/// were [`done`] or [`put_off`].
///
/// # Errors
/// What the engine reports.
pub fn take(tx: &mut dyn Tx, now: Time, again: Time, limit: u32) -> Result<Vec<Alert>> {
    let sql = "SELECT id, incident, channel, body, attempts + 1, created FROM alert WHERE due <= ?1
               ORDER BY due, id LIMIT ?2 /*lock*/";
    let taken = tx.all(sql, &[now.into(), limit.into()], read)?;
    for alert in &taken {
        let sql = "UPDATE alert SET due = ?2, attempts = attempts + 1 WHERE id = ?1";
        tx.execute(sql, &[alert.id.into(), again.into()])?;
    }
    Ok(taken)
}

/// An alert was taken, or given up.
///
/// # Errors
/// What the engine reports.
pub fn done(tx: &mut dyn Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM alert WHERE id = ?1", &[id.into()])?;
    Ok(())
}

/// An alert is to be tried again at `due`.
///
/// # Errors
/// What the engine reports.
pub fn put_off(tx: &mut dyn Tx, id: i64, due: Time) -> Result<()> {
    tx.execute("UPDATE alert SET due = ?2 WHERE id = ?1", &[id.into(), due.into()])?;
    Ok(())
}

/// Whether an alert about an incident still waits at a channel.
///
/// # Errors
/// What the engine reports.
pub fn waits(tx: &mut dyn Tx, incident: IncidentId, channel: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM alert WHERE incident = ?1 AND channel = ?2 LIMIT 1";
    Ok(tx.one(sql, &[incident.into(), channel.into()], |row| row.int(0))?.is_some())
}

fn read(row: &dyn Row) -> Result<Alert> {
    Ok(Alert {
        id: row.int(0)?,
        incident: row.opt_int(1)?.map(IncidentId),
        channel: row.text(2)?.to_owned(),
        body: row.text(3)?.to_owned(),
        attempts: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
        created: Time(row.int(5)?),
    })
}
