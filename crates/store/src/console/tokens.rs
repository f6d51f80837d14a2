//! Tokens of programs, and the answers that they got.

use sekisho_message::Time;

use crate::{AccountId, Result, Row, Tx, TxExt};

/// Rows in one step.
const STEP: i64 = 1_000;

/// A token of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// On whose behalf it acts.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do: names separated by blanks.
    pub scopes: String,
    /// When it was made.
    pub created: Time,
    /// When it was last used; written once in a while.
    pub used: Option<Time>,
    /// Its end.
    pub until: Time,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// On whose behalf it acts.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: &'a str,
    /// SHA-256 of the token.
    pub hash: &'a [u8],
    /// What it may do.
    pub scopes: &'a str,
    /// Its end.
    pub until: Time,
}

/// Makes a token; its number.
///
/// # Errors
/// What the engine reports.
pub fn token(tx: &mut dyn Tx, new: &NewToken<'_>, now: Time) -> Result<i64> {
    tx.insert(
        "INSERT INTO console_token (account, name, hash, scopes, created, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
        &[new.account.into(), new.name.into(), new.hash.into(), new.scopes.into(), now.into(), new.until.into()],
    )
}

/// The tokens of an account, the newest first.
///
/// # Errors
/// What the engine reports.
pub fn tokens(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Token>> {
    tx.all(&format!("{TOKEN} WHERE account = ?1 ORDER BY id DESC LIMIT 1000"), &[account.into()], read)
}

/// The token of a hash, unless it is over.
///
/// # Errors
/// What the engine reports.
pub fn use_token(tx: &mut dyn Tx, hash: &[u8], now: Time) -> Result<Option<Token>> {
    tx.one(&format!("{TOKEN} WHERE hash = ?1 AND until > ?2"), &[hash.into(), now.into()], read)
}

/// Notes that a token is in use.
///
/// # Errors
/// What the engine reports.
pub fn note_token(tx: &mut dyn Tx, id: i64, now: Time) -> Result<()> {
    tx.execute("UPDATE console_token SET used = ?2 WHERE id = ?1", &[id.into(), now.into()])?;
    Ok(())
}

/// Takes a token of an account away; whether there was one.
///
/// # Errors
/// What the engine reports.
pub fn end_token(tx: &mut dyn Tx, account: AccountId, id: i64) -> Result<bool> {
    let sql = "DELETE FROM console_token WHERE account = ?1 AND id = ?2";
    Ok(tx.execute(sql, &[account.into(), id.into()])? > 0)
}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The request is new; whoever asked must answer it.
    New,
    /// It is being answered.
    Pending,
    /// Another request had the same key.
    Other,
    /// It was answered: status and body.
    Given(u16, String),
}

/// Finds out whether a request with this key was answered already, and notes it when not.
///
/// # Errors
/// What the engine reports.
pub fn begin(tx: &mut dyn Tx, token: i64, key: &str, request: &[u8], now: Time) -> Result<Answer> {
    let new = tx.execute(
        "INSERT INTO console_answer (token, key, request, status, body, at) VALUES (?1, ?2, ?3, 0, '', ?4)
         ON CONFLICT DO NOTHING",
        &[token.into(), key.into(), request.into(), now.into()],
    )?;
    if new > 0 {
        return Ok(Answer::New);
    }
    let sql = "SELECT request, status, body FROM console_answer WHERE token = ?1 AND key = ?2";
    let found = tx.one(sql, &[token.into(), key.into()], |row| {
        Ok(match (row.blob(0)? == request, row.int(1)?) {
            (false, _) => Answer::Other,
            (true, 0) => Answer::Pending,
            (true, status) => Answer::Given(u16::try_from(status).unwrap_or(500), row.text(2)?.to_owned()),
        })
    })?;
    Ok(found.unwrap_or(Answer::Pending))
}

/// Keeps the answer to a request.
///
/// # Errors
/// What the engine reports.
pub fn answer(tx: &mut dyn Tx, token: i64, key: &str, status: u16, body: &str) -> Result<()> {
    tx.execute(
        "UPDATE console_answer SET status = ?3, body = ?4 WHERE token = ?1 AND key = ?2",
        &[token.into(), key.into(), i64::from(status).into(), body.into()],
    )?;
    Ok(())
}

/// Forgets a request whose answer may differ next time.
///
/// # Errors
/// What the engine reports.
pub fn forget_answer(tx: &mut dyn Tx, token: i64, key: &str) -> Result<()> {
    tx.execute("DELETE FROM console_answer WHERE token = ?1 AND key = ?2", &[token.into(), key.into()])?;
    Ok(())
}

/// Forgets some answers from before `before`; whether there may be more.
///
/// # Errors
/// What the engine reports.
pub fn expire_answers(tx: &mut dyn Tx, before: Time) -> Result<bool> {
    let gone = tx.execute(
        "DELETE FROM console_answer WHERE (token, key) IN
         (SELECT token, key FROM console_answer WHERE at < ?1 ORDER BY at LIMIT ?2)",
        &[before.into(), STEP.into()],
    )?;
    Ok(gone >= STEP.unsigned_abs())
}

const TOKEN: &str = "SELECT id, account, name, scopes, created, used, until FROM console_token";

fn read(row: &dyn Row) -> Result<Token> {
    Ok(Token {
        id: row.int(0)?,
        account: AccountId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        scopes: row.text(3)?.to_owned(),
        created: Time(row.int(4)?),
        used: row.opt_int(5)?.map(Time),
        until: Time(row.int(6)?),
    })
}
