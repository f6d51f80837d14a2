//! Origins that were, or seemed to be, abused: from the first verdict to the end of the clean-up.

use sekisho_message::Time;

use crate::{Error, IncidentId, Result, Row, Tx, TxExt};

/// How far an incident has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The origin's mail to the outside is held.
    Opened,
    /// And nobody can use the account to send.
    Contained,
    /// The account is its owner's again.
    Cleaned,
    /// Nothing is left to do.
    Closed,
}

impl State {
    fn stored(n: i64) -> Result<Self> {
        match n {
            0 => Ok(Self::Opened),
            1 => Ok(Self::Contained),
            2 => Ok(Self::Cleaned),
            3 => Ok(Self::Closed),
            other => Err(Error::Corrupt(format!("state {other} of an incident"))),
        }
    }
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// Key of the origin.
    pub origin: String,
    /// The account, when the origin is one.
    pub account: Option<String>,
    /// How far it has come.
    pub state: State,
    /// Why it was opened: a name of `sekisho_guard::ladder::Reason`.
    pub reason: String,
    /// When.
    pub opened: Time,
    /// By whom.
    pub opened_by: String,
    /// When its state last changed.
    pub changed: Time,
    /// Who changed it.
    pub changed_by: String,
    /// Number of the origin's epoch that was held.
    pub epoch: Option<i64>,
    /// When somebody is to be told again that mail waits.
    pub notice: Option<Time>,
    /// How often somebody was told.
    pub notices: u32,
    /// What was known when it was opened, and what was done since.
    pub facts: serde_json::Value,
}

/// What opens an incident.
#[derive(Clone, Debug)]
pub struct NewIncident<'a> {
    /// Key of the origin.
    pub origin: &'a str,
    /// The account, when the origin is one.
    pub account: Option<&'a str>,
    /// Why.
    pub reason: &'a str,
    /// By whom.
    pub by: &'a str,
    /// Number of the origin's epoch that is held.
    pub epoch: Option<i64>,
    /// When somebody is to be told again.
    pub notice: Option<Time>,
    /// What is known.
    pub facts: &'a serde_json::Value,
}

/// Opens an incident; the one that is open for the origin already, if there is one (and then false).
///
/// # Errors
/// What the engine reports.
pub fn open(tx: &mut dyn Tx, new: &NewIncident<'_>, now: Time) -> Result<(IncidentId, bool)> {
    let facts = new.facts.to_string();
    let made = tx.one(
        "INSERT INTO incident (origin, account, state, reason, opened, opened_by, changed, changed_by, epoch, notice,
             notices, facts)
         VALUES (?1, ?2, 0, ?3, ?4, ?5, ?4, ?5, ?6, ?7, 0, ?8) ON CONFLICT DO NOTHING RETURNING id",
        &[
            new.origin.into(),
            new.account.into(),
            new.reason.into(),
            now.into(),
            new.by.into(),
            new.epoch.into(),
            new.notice.into(),
            (&facts).into(),
        ],
        |row| row.int(0),
    )?;
    if let Some(id) = made {
        return Ok((IncidentId(id), true));
    }
    let there = current(tx, new.origin)?;
    there.map(|incident| (incident.id, false)).ok_or_else(|| Error::Unavailable("an incident is being closed".into()))
}

/// The incident `id`.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, id: IncidentId) -> Result<Option<Incident>> {
    tx.one(&format!("SELECT {COLUMNS} FROM incident WHERE id = ?1"), &[id.into()], read)
}

/// The incident of `origin` that is not closed.
///
/// # Errors
/// What the engine reports.
pub fn current(tx: &mut dyn Tx, origin: &str) -> Result<Option<Incident>> {
    tx.one(&format!("SELECT {COLUMNS} FROM incident WHERE origin = ?1 AND state < 3"), &[origin.into()], read)
}

/// Incidents that are open or contained and hold mail, at most 1,000.
///
/// # Errors
/// What the engine reports.
pub fn under_way(tx: &mut dyn Tx) -> Result<Vec<Incident>> {
    let sql = format!("SELECT {COLUMNS} FROM incident WHERE state < 2 AND epoch IS NOT NULL ORDER BY id LIMIT 1000");
    tx.all(&sql, &[], read)
}

/// Incidents before `before` (all when none), the newest first, at most `limit`.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx, before: Option<IncidentId>, limit: u32) -> Result<Vec<Incident>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let sql = format!("SELECT {COLUMNS} FROM incident WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
    tx.all(&sql, &[before.into(), limit.into()], read)
}

/// Takes an incident to another state. Nobody is told again of what is cleaned.
///
/// # Errors
/// `NotFound`; what the engine reports.
pub fn set_state(tx: &mut dyn Tx, id: IncidentId, state: State, by: &str, now: Time) -> Result<()> {
    let changed = tx.execute(
        "UPDATE incident SET state = ?2, changed = ?3, changed_by = ?4 WHERE id = ?1",
        &[id.into(), (state as i64).into(), now.into(), by.into()],
    )?;
    if state >= State::Cleaned {
        tx.execute("UPDATE incident SET notice = NULL WHERE id = ?1", &[id.into()])?;
    }
    found(changed)
}

/// Keeps what is known now.
///
/// # Errors
/// `NotFound`; what the engine reports.
pub fn set_facts(tx: &mut dyn Tx, id: IncidentId, facts: &serde_json::Value) -> Result<()> {
    let text = facts.to_string();
    found(tx.execute("UPDATE incident SET facts = ?2 WHERE id = ?1", &[id.into(), (&text).into()])?)
}

/// Incidents about which somebody is to be told by `now`, at most `limit`.
///
/// # Errors
/// What the engine reports.
pub fn due_notices(tx: &mut dyn Tx, now: Time, limit: u32) -> Result<Vec<Incident>> {
    let sql =
        format!("SELECT {COLUMNS} FROM incident WHERE notice IS NOT NULL AND notice <= ?1 ORDER BY notice LIMIT ?2");
    tx.all(&sql, &[now.into(), limit.into()], read)
}

/// Notes that somebody was told, and when that is due again. False when another node did so first.
///
/// # Errors
/// What the engine reports.
pub fn noticed(tx: &mut dyn Tx, incident: &Incident, next: Option<Time>) -> Result<bool> {
    let sql = "UPDATE incident SET notice = ?3, notices = notices + 1 WHERE id = ?1 AND notices = ?2";
    Ok(tx.execute(sql, &[incident.id.into(), incident.notices.into(), next.into()])? > 0)
}

const COLUMNS: &str = "id, origin, account, state, reason, opened, opened_by, changed, changed_by, epoch, notice,
    notices, facts";

fn found(changed: u64) -> Result<()> {
    if changed == 0 { Err(Error::NotFound("incident")) } else { Ok(()) }
}

fn read(row: &dyn Row) -> Result<Incident> {
    Ok(Incident {
        id: IncidentId(row.int(0)?),
        origin: row.text(1)?.to_owned(),
        account: row.opt_text(2)?.map(ToOwned::to_owned),
        state: State::stored(row.int(3)?)?,
        reason: row.text(4)?.to_owned(),
        opened: Time(row.int(5)?),
        opened_by: row.text(6)?.to_owned(),
        changed: Time(row.int(7)?),
        changed_by: row.text(8)?.to_owned(),
        epoch: row.opt_int(9)?,
        notice: row.opt_int(10)?.map(Time),
        notices: u32::try_from(row.int(11)?).unwrap_or(u32::MAX),
        facts: serde_json::from_str(row.text(12)?).map_err(|error| Error::Corrupt(error.to_string()))?,
    })
}
