//! What the web console keeps: browsers that are logged in, second factors, tokens of programs.
//!
//! Secrets that a browser or program keeps are here as hashes alone. The secret of a second factor (RFC 6238) cannot be: both
//! sides compute with it.

use sekisho_message::Time;

use crate::account::{Account, State};
use crate::{AccountId, Result, Row, Tx, TxExt, account};

mod tokens;

pub use tokens::{
    Answer, NewToken, Token, answer, begin, end_token, expire_answers, forget_answer, note_token, token, tokens,
    use_token,
};

/// Most sessions that one account may have; the one that was used longest ago goes first.
const MOST_SESSIONS: i64 = 20;
/// Rows in one step.
const STEP: i64 = 1_000;

/// How far a browser has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Logged in.
    In,
    /// The password was right; the code of the second factor is missing.
    Code,
    /// The password must be changed before anything else.
    Change,
}

impl Stage {
    const fn stored(self) -> i64 {
        match self {
            Self::In => 0,
            Self::Code => 1,
            Self::Change => 2,
        }
    }

    /// What is not known is not logged in.
    const fn read(n: i64) -> Self {
        match n {
            0 => Self::In,
            2 => Self::Change,
            _ => Self::Code,
        }
    }
}

/// A browser that gave the right password.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose it is, as the account stands now.
    pub account: Account,
    /// How far it has come.
    pub stage: Stage,
    /// Since when.
    pub created: Time,
    /// When it was last used; written once in a while.
    pub seen: Time,
    /// Its end.
    pub until: Time,
    /// From which address it was begun.
    pub network: String,
    /// What the browser calls itself.
    pub agent: String,
    /// Wrong codes.
    pub tries: u32,
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the browser's token.
    pub token: Vec<u8>,
    /// Whose it is.
    pub account: AccountId,
    /// How far it has come.
    pub stage: Stage,
    /// Its end.
    pub until: Time,
    /// Address of the browser.
    pub network: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// Begins a session. It ends when the account's password changes.
///
/// # Errors
/// `NotFound` when there is no such account.
pub fn start(tx: &mut dyn Tx, new: &NewSession, now: Time) -> Result<()> {
    let whose = account::by_id(tx, new.account)?.ok_or(crate::Error::NotFound("account"))?;
    tx.execute(
        "DELETE FROM console_session WHERE token IN
         (SELECT token FROM console_session WHERE account = ?1 ORDER BY seen DESC LIMIT 1000 OFFSET ?2)",
        &[new.account.into(), (MOST_SESSIONS - 1).into()],
    )?;
    tx.execute(
        "INSERT INTO console_session
             (token, account, password_changed, stage, created, seen, until, network, agent, tries)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, 0)",
        &[
            new.token.as_slice().into(),
            new.account.into(),
            whose.password_changed.into(),
            new.stage.stored().into(),
            now.into(),
            new.until.into(),
            (&new.network).into(),
            (&new.agent).into(),
        ],
    )?;
    Ok(())
}

/// The session of a token, unless it is over: its time, the account, or the password it was begun with.
///
/// # Errors
/// What the engine reports.
pub fn session(tx: &mut dyn Tx, token: &[u8], now: Time) -> Result<Option<Session>> {
    let row = tx.one(&format!("{SESSION} WHERE token = ?1 AND until > ?2"), &[token.into(), now.into()], |row| {
        Ok((AccountId(row.int(0)?), Time(row.int(1)?), read(row)?))
    })?;
    let Some((id, changed, partial)) = row else { return Ok(None) };
    let found = account::by_id(tx, id)?;
    Ok(found
        .filter(|account| account.state != State::Removed && account.password_changed == changed)
        .map(|account| partial.of(account)))
}

/// The sessions of an account, the last used first.
///
/// # Errors
/// What the engine reports.
pub fn sessions(tx: &mut dyn Tx, whose: &Account, now: Time) -> Result<Vec<Session>> {
    let sql = format!("{SESSION} WHERE account = ?1 AND until > ?2 AND password_changed = ?3 ORDER BY seen DESC");
    let rows = tx.all(&sql, &[whose.id.into(), now.into(), whose.password_changed.into()], read)?;
    Ok(rows.into_iter().map(|partial| partial.of(whose.clone())).collect())
}

/// Notes that a session is in use, and until when it may go on.
///
/// # Errors
/// What the engine reports.
pub fn touch(tx: &mut dyn Tx, token: &[u8], until: Time, now: Time) -> Result<()> {
    let sql = "UPDATE console_session SET seen = ?2, until = ?3 WHERE token = ?1";
    tx.execute(sql, &[token.into(), now.into(), until.into()])?;
    Ok(())
}

/// Counts a wrong code; how many there are now.
///
/// # Errors
/// What the engine reports.
pub fn wrong_code(tx: &mut dyn Tx, token: &[u8]) -> Result<u32> {
    let sql = "UPDATE console_session SET tries = tries + 1 WHERE token = ?1 RETURNING tries";
    Ok(tx.one(sql, &[token.into()], |row| row.int(0))?.and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX))
}

/// Ends a session.
///
/// # Errors
/// What the engine reports.
pub fn end(tx: &mut dyn Tx, token: &[u8]) -> Result<()> {
    tx.execute("DELETE FROM console_session WHERE token = ?1", &[token.into()])?;
    Ok(())
}

/// Ends all sessions of an account, but for one; how many.
///
/// # Errors
/// What the engine reports.
pub fn end_others(tx: &mut dyn Tx, account: AccountId, but: &[u8]) -> Result<u64> {
    let sql = "DELETE FROM console_session WHERE account = ?1 AND token <> ?2";
    tx.execute(sql, &[account.into(), but.into()])
}

/// Takes some sessions away that are over; whether there may be more.
///
/// # Errors
/// What the engine reports.
pub fn expire(tx: &mut dyn Tx, now: Time) -> Result<bool> {
    let gone = tx.execute(
        "DELETE FROM console_session WHERE token IN (SELECT token FROM console_session WHERE until <= ?1 LIMIT ?2)",
        &[now.into(), STEP.into()],
    )?;
    Ok(gone >= STEP.unsigned_abs())
}

/// A second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// The shared secret (RFC 6238 §3).
    pub secret: Vec<u8>,
    /// Whether a code of it was given, so that it counts.
    pub confirmed: bool,
    /// The last time step whose code was used.
    pub step: i64,
}

/// The second factor of an account.
///
/// # Errors
/// What the engine reports.
pub fn factor(tx: &mut dyn Tx, account: AccountId) -> Result<Option<Factor>> {
    let sql = "SELECT secret, confirmed, step FROM console_factor WHERE account = ?1";
    tx.one(sql, &[account.into()], |row| {
        Ok(Factor { secret: row.blob(0)?.to_vec(), confirmed: row.flag(1)?, step: row.int(2)? })
    })
}

/// Begins to set up a second factor; one that is in force stays as it is.
///
/// # Errors
/// What the engine reports.
pub fn propose_factor(tx: &mut dyn Tx, account: AccountId, secret: &[u8], now: Time) -> Result<()> {
    tx.execute(
        "INSERT INTO console_factor (account, secret, confirmed, step, created) VALUES (?1, ?2, 0, 0, ?3)
         ON CONFLICT (account) DO UPDATE SET secret = excluded.secret, created = excluded.created
         WHERE console_factor.confirmed = 0",
        &[account.into(), secret.into(), now.into()],
    )?;
    Ok(())
}

/// Puts a second factor in force, with the hashes of its recovery codes.
///
/// # Errors
/// What the engine reports.
pub fn confirm_factor(tx: &mut dyn Tx, account: AccountId, step: i64, recovery: &[Vec<u8>]) -> Result<()> {
    tx.execute(
        "UPDATE console_factor SET confirmed = 1, step = ?2 WHERE account = ?1",
        &[account.into(), step.into()],
    )?;
    tx.execute("DELETE FROM console_recovery WHERE account = ?1", &[account.into()])?;
    for code in recovery {
        let sql = "INSERT INTO console_recovery (account, code) VALUES (?1, ?2)";
        tx.execute(sql, &[account.into(), code.as_slice().into()])?;
    }
    Ok(())
}

/// Uses the code of a time step; false when it, or a later one, was used already (RFC 6238 §5.2).
///
/// # Errors
/// What the engine reports.
pub fn use_step(tx: &mut dyn Tx, account: AccountId, step: i64) -> Result<bool> {
    let sql = "UPDATE console_factor SET step = ?2 WHERE account = ?1 AND step < ?2";
    Ok(tx.execute(sql, &[account.into(), step.into()])? > 0)
}

/// Uses a recovery code; false when it is none, or was used.
///
/// # Errors
/// What the engine reports.
pub fn use_recovery(tx: &mut dyn Tx, account: AccountId, code: &[u8]) -> Result<bool> {
    let sql = "DELETE FROM console_recovery WHERE account = ?1 AND code = ?2";
    Ok(tx.execute(sql, &[account.into(), code.into()])? > 0)
}

/// How many recovery codes are left.
///
/// # Errors
/// What the engine reports.
pub fn recovery_left(tx: &mut dyn Tx, account: AccountId) -> Result<u64> {
    let left =
        tx.one("SELECT COUNT(*) FROM console_recovery WHERE account = ?1", &[account.into()], |row| row.count(0))?;
    Ok(left.unwrap_or(0))
}

/// Takes the second factor away, with its recovery codes; whether there was one.
///
/// # Errors
/// What the engine reports.
pub fn remove_factor(tx: &mut dyn Tx, account: AccountId) -> Result<bool> {
    tx.execute("DELETE FROM console_recovery WHERE account = ?1", &[account.into()])?;
    Ok(tx.execute("DELETE FROM console_factor WHERE account = ?1", &[account.into()])? > 0)
}

/// Takes away everything here that is an account's, as when it is purged.
///
/// # Errors
/// What the engine reports.
pub fn forget(tx: &mut dyn Tx, account: AccountId) -> Result<()> {
    for table in ["console_session", "console_factor", "console_recovery", "console_token"] {
        tx.execute(&format!("DELETE FROM {table} WHERE account = ?1"), &[account.into()])?;
    }
    Ok(())
}

const SESSION: &str = "SELECT account, password_changed, stage, created, seen, until, network, agent, tries
                       FROM console_session";

/// A row that has not met its account yet.
struct Partial {
    stage: Stage,
    created: Time,
    seen: Time,
    until: Time,
    network: String,
    agent: String,
    tries: u32,
}

impl Partial {
    fn of(self, account: Account) -> Session {
        let Self { stage, created, seen, until, network, agent, tries } = self;
        Session { account, stage, created, seen, until, network, agent, tries }
    }
}

fn read(row: &dyn Row) -> Result<Partial> {
    Ok(Partial {
        stage: Stage::read(row.int(2)?),
        created: Time(row.int(3)?),
        seen: Time(row.int(4)?),
        until: Time(row.int(5)?),
        network: row.text(6)?.to_owned(),
        agent: row.text(7)?.to_owned(),
        tries: u32::try_from(row.int(8)?).unwrap_or(u32::MAX),
    })
}
