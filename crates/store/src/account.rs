//! People's accounts.

use std::time::Duration;

use sekisho_message::{Address, Language, Time};

use crate::personal::{self, Personal};
use crate::{
    AccountId, DomainId, Error, MailboxId, Result, Row, Tx, TxExt, app_password, console, directory, domain, imported,
    lockout, login, mailbox, recoverable,
};

/// What an account may administer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing but itself.
    #[default]
    User,
    /// Its domain.
    DomainAdmin,
    /// Everything.
    SystemAdmin,
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In use.
    #[default]
    Active,
    /// Cannot send; receives and reads.
    Suspended,
    /// Waiting for the end of its grace period; neither receives nor logs in.
    Removed,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its row.
    pub id: AccountId,
    /// Login and address as it was written.
    pub address: String,
    /// [`Address::key`] of the address.
    pub key: String,
    /// Its domain.
    pub domain: DomainId,
    /// Name of the person, for greetings and reports.
    pub full_name: String,
    /// What it may administer.
    pub role: Role,
    /// Whether it may be used.
    pub state: State,
    /// Most octets of all its mail; none means no limit.
    pub quota: Option<u64>,
    /// Most messages in all its folders; none means no limit.
    pub message_quota: Option<u64>,
    /// Octets of all its mail.
    pub used: u64,
    /// Argon2id hash as PHC string.
    pub password: String,
    /// SCRAM-SHA-256 secret in its stored form, when the domain wants SCRAM.
    pub scram: Option<String>,
    /// Text of the account's own `effect.dat`.
    pub effect_dat: Option<String>,
    /// Text of the account's own `sender.dat`.
    pub sender_dat: Option<String>,
    /// Language for texts to the person.
    pub language: Language,
    /// When it was added.
    pub created: Time,
    /// When the password was last set.
    pub password_changed: Time,
    /// Whether the person must choose another password.
    pub must_change: bool,
    /// When a removed account is purged.
    pub purge_after: Option<Time>,
    /// Its INBOX.
    pub inbox: MailboxId,
    /// Forwarding, automatic reply, filter and send hours.
    pub personal: Personal,
}

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Login and address.
    pub address: Address,
    /// Name of the person.
    pub full_name: String,
    /// What it may administer.
    pub role: Role,
    /// Most octets of all its mail.
    pub quota: Option<u64>,
    /// Argon2id hash as PHC string.
    pub password: String,
    /// SCRAM-SHA-256 secret.
    pub scram: Option<String>,
    /// Language for texts to the person.
    pub language: Language,
    /// Whether the person must choose another password.
    pub must_change: bool,
}

/// What an account uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Octets of all its mail.
    pub used: u64,
    /// Messages in all its mailboxes.
    pub messages: u64,
    /// Most octets.
    pub quota: Option<u64>,
    /// Most messages.
    pub message_quota: Option<u64>,
}

/// Folders that every new account has, with their special use (RFC 6154 §2).
const FOLDERS: [(&str, Option<&str>); 5] = [
    ("INBOX", None),
    ("Sent", Some("Sent")),
    ("Drafts", Some("Drafts")),
    ("Trash", Some("Trash")),
    ("Junk", Some("Junk")),
];

/// Folders that one step of a purge takes away.
const FOLDERS_A_STEP: i64 = 500;
/// Marks of imported messages that one step takes away.
const MARKS_A_STEP: u32 = 1_000;

const COLUMNS: &str = "id, key, address, domain, full_name, role, state, quota, used, inbox, password, scram, \
                       effect_dat, sender_dat, language, created, password_changed, must_change, purge_after, forward, reply, mail_dat, \
                       send_hours, message_quota";

/// Adds an account with its default folders (INBOX, Sent, Drafts, Trash, Junk).
///
/// # Errors
/// `NotFound` when its domain is not local; `Conflict` when an account, alias or list has the address.
pub fn add(tx: &mut dyn Tx, new: &NewAccount, now: Time) -> Result<AccountId> {
    let key = new.address.key();
    let domain = domain::get(tx, new.address.domain().ascii())?.ok_or(Error::NotFound("domain"))?;
    directory::must_be_free(tx, &key)?;
    let address = new.address.to_string();
    let id = tx.insert(
        "INSERT INTO account (key, address, domain, full_name, role, state, quota, used, inbox, uidvalidity,
             password, scram, language, created, password_changed, must_change)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0, 0, 0, ?7, ?8, ?9, ?10, ?10, ?11) RETURNING id",
        &[
            (&key).into(),
            (&address).into(),
            domain.id.into(),
            (&new.full_name).into(),
            (new.role as i64).into(),
            new.quota.into(),
            (&new.password).into(),
            new.scram.as_deref().into(),
            language_name(new.language).into(),
            now.into(),
            new.must_change.into(),
        ],
    )?;
    let id = AccountId(id);
    for (name, special) in FOLDERS {
        let folder = mailbox::create(tx, id, name, special, now)?;
        mailbox::subscribe(tx, id, name, true)?;
        if name == "INBOX" {
            tx.execute("UPDATE account SET inbox = ?2 WHERE id = ?1", &[id.into(), folder.into()])?;
        }
    }
    Ok(id)
}

/// The account whose address has this [`Address::key`], in whatever state.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, key: &str) -> Result<Option<Account>> {
    tx.one(&format!("SELECT {COLUMNS} FROM account WHERE key = ?1"), &[key.into()], read)
}

/// The account with this id.
///
/// # Errors
/// What the engine reports.
pub fn by_id(tx: &mut dyn Tx, id: AccountId) -> Result<Option<Account>> {
    tx.one(&format!("SELECT {COLUMNS} FROM account WHERE id = ?1"), &[id.into()], read)
}

/// Up to `limit` accounts after the key `after`, by key, of one domain or all; removed ones too.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx, domain: Option<DomainId>, after: &str, limit: u32) -> Result<Vec<Account>> {
    match domain {
        Some(domain) => tx.all(
            &format!("SELECT {COLUMNS} FROM account WHERE domain = ?1 AND key > ?2 ORDER BY key LIMIT ?3"),
            &[domain.into(), after.into(), limit.into()],
            read,
        ),
        None => tx.all(
            &format!("SELECT {COLUMNS} FROM account WHERE key > ?1 ORDER BY key LIMIT ?2"),
            &[after.into(), limit.into()],
            read,
        ),
    }
}

/// How many accounts there are that are not removed.
///
/// # Errors
/// What the engine reports.
pub fn count(tx: &mut dyn Tx) -> Result<u64> {
    let count = tx
        .one("SELECT COUNT(*) FROM account WHERE state <> ?1", &[(State::Removed as i64).into()], |row| row.count(0))?;
    Ok(count.unwrap_or(0))
}

/// Sets the password: an Argon2id hash and, where the domain wants it, a SCRAM secret of the same password.
///
/// # Errors
/// `NotFound`.
pub fn set_password(
    tx: &mut dyn Tx,
    id: AccountId,
    password: &str,
    scram: Option<&str>,
    must_change: bool,
    now: Time,
) -> Result<()> {
    one_row(tx.execute(
        "UPDATE account SET password = ?2, scram = ?3, must_change = ?4, password_changed = ?5 WHERE id = ?1",
        &[id.into(), password.into(), scram.into(), must_change.into(), now.into()],
    )?)
}

/// Sets the state to active or suspended, which also undoes a removal whose grace period lasts.
///
/// # Errors
/// `NotFound`; `Conflict` for [`State::Removed`], which [`remove`] sets.
pub fn set_state(tx: &mut dyn Tx, id: AccountId, state: State) -> Result<()> {
    if state == State::Removed {
        return Err(Error::Conflict("an account is removed with a grace period".into()));
    }
    one_row(tx.execute(
        "UPDATE account SET state = ?2, purge_after = NULL WHERE id = ?1",
        &[id.into(), (state as i64).into()],
    )?)
}

/// Sets or lifts the quota.
///
/// # Errors
/// `NotFound`.
pub fn set_quota(tx: &mut dyn Tx, id: AccountId, quota: Option<u64>) -> Result<()> {
    one_row(tx.execute("UPDATE account SET quota = ?2 WHERE id = ?1", &[id.into(), quota.into()])?)
}

/// Sets or lifts the limits of octets and of messages together.
///
/// # Errors
/// `NotFound`.
pub fn set_limits(tx: &mut dyn Tx, id: AccountId, octets: Option<u64>, messages: Option<u64>) -> Result<()> {
    one_row(tx.execute(
        "UPDATE account SET quota = ?2, message_quota = ?3 WHERE id = ?1",
        &[id.into(), octets.into(), messages.into()],
    )?)
}

/// Sets the person's name and language.
///
/// # Errors
/// `NotFound`.
pub fn set_person(tx: &mut dyn Tx, id: AccountId, full_name: &str, language: Language) -> Result<()> {
    one_row(tx.execute(
        "UPDATE account SET full_name = ?2, language = ?3 WHERE id = ?1",
        &[id.into(), full_name.into(), language_name(language).into()],
    )?)
}

/// Sets the role.
///
/// # Errors
/// `NotFound`.
pub fn set_role(tx: &mut dyn Tx, id: AccountId, role: Role) -> Result<()> {
    one_row(tx.execute("UPDATE account SET role = ?2 WHERE id = ?1", &[id.into(), (role as i64).into()])?)
}

/// Sets or clears the account's own `effect.dat` and `sender.dat`.
///
/// # Errors
/// `NotFound`.
pub fn set_rules(tx: &mut dyn Tx, id: AccountId, effect_dat: Option<&str>, sender_dat: Option<&str>) -> Result<()> {
    one_row(tx.execute(
        "UPDATE account SET effect_dat = ?2, sender_dat = ?3 WHERE id = ?1",
        &[id.into(), effect_dat.into(), sender_dat.into()],
    )?)
}

/// Gives the account another address, in the same or another local domain; its mailboxes stay.
///
/// # Errors
/// `NotFound` when there is no such account or the domain is not local; `Conflict` when the address is taken.
pub fn rename(tx: &mut dyn Tx, id: AccountId, address: &Address) -> Result<()> {
    let account = by_id(tx, id)?.ok_or(Error::NotFound("account"))?;
    let key = address.key();
    let domain = domain::get(tx, address.domain().ascii())?.ok_or(Error::NotFound("domain"))?;
    if key != account.key {
        directory::must_be_free(tx, &key)?;
    }
    let address = address.to_string();
    one_row(tx.execute(
        "UPDATE account SET key = ?2, address = ?3, domain = ?4 WHERE id = ?1",
        &[id.into(), (&key).into(), (&address).into(), domain.id.into()],
    )?)
}

/// Marks the account removed: no mail, no login; it is purged `grace` after `now`, until when it can be taken back.
///
/// # Errors
/// `NotFound`.
pub fn remove(tx: &mut dyn Tx, id: AccountId, grace: Duration, now: Time) -> Result<()> {
    one_row(tx.execute(
        "UPDATE account SET state = ?2, purge_after = ?3 WHERE id = ?1",
        &[id.into(), (State::Removed as i64).into(), (now + grace).into()],
    )?)
}

/// One step (at most about 1,000 rows) of purging accounts past their grace period and deleted folders;
/// false when nothing is left to do. Each step in a transaction of its own.
///
/// # Errors
/// What the engine reports.
pub fn purge_removed(tx: &mut dyn Tx, now: Time) -> Result<bool> {
    let due = tx.one(
        "SELECT id FROM account WHERE purge_after IS NOT NULL AND purge_after <= ?1
         ORDER BY purge_after LIMIT 1 /*lock*/",
        &[now.into()],
        |row| row.int(0),
    )?;
    let Some(id) = due else { return mailbox::delete_step(tx) };
    let folders = tx.all(
        "SELECT id FROM mailbox WHERE account = ?1 ORDER BY id LIMIT ?2",
        &[id.into(), FOLDERS_A_STEP.into()],
        |row| Ok(MailboxId(row.int(0)?)),
    )?;
    for folder in &folders {
        mailbox::give_up(tx, *folder)?;
    }
    if folders.is_empty() {
        if imported::forget_step(tx, AccountId(id), MARKS_A_STEP)? > 0 {
            return Ok(true);
        }
        personal::forget_replied(tx, AccountId(id))?;
        for table in ["subscription", "acl", "annotation"] {
            tx.execute(&format!("DELETE FROM {table} WHERE account = ?1"), &[id.into()])?;
        }
        lockout::forget_use(tx, AccountId(id), None)?;
        login::forget_ways(tx, AccountId(id))?;
        app_password::remove_all(tx, AccountId(id))?;
        recoverable::set(tx, AccountId(id), None)?;
        console::forget(tx, AccountId(id))?;
        lockout::set_rule(tx, lockout::Owner::Account(AccountId(id)), None)?;
        tx.execute("DELETE FROM account WHERE id = ?1", &[id.into()])?;
    }
    Ok(true)
}

/// What the account uses.
///
/// # Errors
/// `NotFound`.
pub fn usage(tx: &mut dyn Tx, id: AccountId) -> Result<Usage> {
    let usage = tx.one(
        "SELECT used, quota, (SELECT CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM mailbox WHERE account = ?1),
             message_quota
         FROM account WHERE id = ?1",
        &[id.into()],
        |row| {
            Ok(Usage {
                used: row.count(0)?,
                quota: quota(row.opt_int(1)?),
                messages: row.count(2)?,
                message_quota: quota(row.opt_int(3)?),
            })
        },
    )?;
    usage.ok_or(Error::NotFound("account"))
}

fn one_row(changed: u64) -> Result<()> {
    if changed == 0 { Err(Error::NotFound("account")) } else { Ok(()) }
}

fn quota(stored: Option<i64>) -> Option<u64> {
    stored.and_then(|octets| u64::try_from(octets).ok())
}

fn language_name(language: Language) -> &'static str {
    match language {
        Language::Ja => "ja",
        Language::En => "en",
    }
}

fn read(row: &dyn Row) -> Result<Account> {
    let own = |text: Option<&str>| text.map(ToOwned::to_owned);
    Ok(Account {
        id: AccountId(row.int(0)?),
        key: row.text(1)?.to_owned(),
        address: row.text(2)?.to_owned(),
        domain: DomainId(row.int(3)?),
        full_name: row.text(4)?.to_owned(),
        role: match row.int(5)? {
            0 => Role::User,
            1 => Role::DomainAdmin,
            2 => Role::SystemAdmin,
            other => return Err(Error::Corrupt(format!("role {other} of an account"))),
        },
        state: match row.int(6)? {
            0 => State::Active,
            1 => State::Suspended,
            2 => State::Removed,
            other => return Err(Error::Corrupt(format!("state {other} of an account"))),
        },
        quota: quota(row.opt_int(7)?),
        used: row.count(8)?,
        inbox: MailboxId(row.int(9)?),
        password: row.text(10)?.to_owned(),
        scram: own(row.opt_text(11)?),
        effect_dat: own(row.opt_text(12)?),
        sender_dat: own(row.opt_text(13)?),
        language: Language::of_locale(row.text(14)?),
        created: Time(row.int(15)?),
        password_changed: Time(row.int(16)?),
        must_change: row.flag(17)?,
        purge_after: row.opt_int(18)?.map(Time),
        personal: personal::read(row, 19)?,
        message_quota: quota(row.opt_int(23)?),
    })
}
