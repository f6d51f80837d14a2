//! An account's own rules: forwarding, automatic reply, filter, send hours.

use std::time::Duration;

use sekisho_message::Time;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::{AccountId, Error, Result, Row, Tx, TxExt};

/// Most addresses that an account forwards to.
pub const MOST_TARGETS: usize = 20;
/// Most automatic replies of an account a day.
pub const REPLIES_A_DAY: u64 = 200;
/// Most senders that are remembered for an account; when there are more, the oldest are forgotten.
pub const MOST_REPLIED: u64 = 10_000;

/// Rules of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Personal {
    /// Where its mail goes too, or instead.
    pub forward: Option<Forward>,
    /// What is answered for it.
    pub reply: Option<AutoReply>,
    /// Text of its `mail.dat`.
    pub mail_dat: Option<String>,
    /// Its send hours, as `sekisho_guard::rules::hours` reads them.
    pub send_hours: Option<String>,
}

impl Personal {
    /// Whether something happens when a message is delivered.
    #[must_use]
    pub fn acts_on_delivery(&self) -> bool {
        self.forward.is_some() || self.reply.is_some()
    }
}

/// Forwarding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// To these addresses.
    pub to: Vec<String>,
    /// Whether the message goes into the mailbox too.
    pub keep: bool,
    /// Patterns of senders whose mail is forwarded, such as `*@example.jp`; none means everybody's.
    #[serde(default)]
    pub permit: Vec<String>,
}

/// An automatic reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoReply {
    /// Subject; empty means that of the message after "Auto: ".
    #[serde(default)]
    pub subject: String,
    /// What it says.
    pub text: String,
    /// A sender hears it once in so many days.
    pub days: u32,
    /// Patterns of senders who never hear it.
    #[serde(default)]
    pub except: Vec<String>,
}

/// Sets or clears forwarding.
///
/// # Errors
/// `NotFound`.
pub fn set_forward(tx: &mut dyn Tx, id: AccountId, forward: Option<&Forward>) -> Result<()> {
    set(tx, id, "forward", forward.map(written).transpose()?.as_deref())
}

/// Sets or clears the automatic reply. A new text is news to everybody.
///
/// # Errors
/// `NotFound`.
pub fn set_reply(tx: &mut dyn Tx, id: AccountId, reply: Option<&AutoReply>) -> Result<()> {
    set(tx, id, "reply", reply.map(written).transpose()?.as_deref())?;
    forget_replied(tx, id).map(drop)
}

/// Sets or clears the account's `mail.dat`.
///
/// # Errors
/// `NotFound`.
pub fn set_filter(tx: &mut dyn Tx, id: AccountId, mail_dat: Option<&str>) -> Result<()> {
    set(tx, id, "mail_dat", mail_dat)
}

/// Sets or clears the send hours.
///
/// # Errors
/// `NotFound`.
pub fn set_hours(tx: &mut dyn Tx, id: AccountId, hours: Option<&str>) -> Result<()> {
    set(tx, id, "send_hours", hours)
}

/// Notes that `sender` (an address key) is answered now; false when it was answered within `days`, or when the account
/// has answered [`REPLIES_A_DAY`] within a day: then nothing may be sent.
///
/// # Errors
/// What the engine reports.
pub fn may_reply(tx: &mut dyn Tx, account: AccountId, sender: &str, days: u32, now: Time) -> Result<bool> {
    let day = Duration::from_secs(86_400);
    let last =
        tx.one("SELECT at FROM replied WHERE account = ?1 AND sender = ?2", &[account.into(), sender.into()], |row| {
            Ok(Time(row.int(0)?))
        })?;
    if last.is_some_and(|last| last > now - day * days) {
        return Ok(false);
    }
    let count = |tx: &mut dyn Tx, since: Time| {
        let sql = "SELECT COUNT(*) FROM replied WHERE account = ?1 AND at > ?2";
        Ok::<u64, Error>(tx.one(sql, &[account.into(), since.into()], |row| row.count(0))?.unwrap_or(0))
    };
    if count(tx, now - day)? >= REPLIES_A_DAY {
        return Ok(false);
    }
    if last.is_none() && count(tx, Time(i64::MIN))? >= MOST_REPLIED {
        tx.execute(
            "DELETE FROM replied WHERE account = ?1 AND sender IN
                 (SELECT sender FROM replied WHERE account = ?1 ORDER BY at LIMIT 500)",
            &[account.into()],
        )?;
    }
    tx.execute(
        "INSERT INTO replied (account, sender, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, sender) DO UPDATE SET at = ?3",
        &[account.into(), sender.into(), now.into()],
    )?;
    Ok(true)
}

/// Forgets at most 1,000 senders that were answered before `before`; whether there may be more.
///
/// # Errors
/// What the engine reports.
pub fn expire_replied(tx: &mut dyn Tx, before: Time) -> Result<bool> {
    let gone =
        tx.all("SELECT account, sender FROM replied WHERE at < ?1 ORDER BY at LIMIT 1000", &[before.into()], |row| {
            Ok((row.int(0)?, row.text(1)?.to_owned()))
        })?;
    for (account, sender) in &gone {
        tx.execute("DELETE FROM replied WHERE account = ?1 AND sender = ?2", &[(*account).into(), sender.into()])?;
    }
    Ok(gone.len() >= 1_000)
}

/// Forgets whom the account has answered; at most [`MOST_REPLIED`] rows.
pub(crate) fn forget_replied(tx: &mut dyn Tx, account: AccountId) -> Result<u64> {
    tx.execute("DELETE FROM replied WHERE account = ?1", &[account.into()])
}

/// The rules of a row whose columns begin at `first`: forward, reply, mail_dat, send_hours.
pub(crate) fn read(row: &dyn Row, first: usize) -> Result<Personal> {
    let own = |column: usize| Ok::<_, Error>(row.opt_text(first + column)?.map(ToOwned::to_owned));
    Ok(Personal {
        forward: row.opt_text(first)?.map(parsed).transpose()?,
        reply: row.opt_text(first + 1)?.map(parsed).transpose()?,
        mail_dat: own(2)?,
        send_hours: own(3)?,
    })
}

fn set(tx: &mut dyn Tx, id: AccountId, column: &str, value: Option<&str>) -> Result<()> {
    match tx.execute(&format!("UPDATE account SET {column} = ?2 WHERE id = ?1"), &[id.into(), value.into()])? {
        0 => Err(Error::NotFound("account")),
        _ => Ok(()),
    }
}

fn written<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Engine(error.to_string()))
}

fn parsed<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("rule of an account: {error}")))
}

/// Whether an account's rules may act on a message that is delivered now.
#[must_use]
pub fn is_in_force(account: &Account) -> bool {
    account.state == crate::account::State::Active && account.personal.acts_on_delivery()
}
