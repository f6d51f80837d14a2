//! From a collected command to a [`Command`].

use super::acl;
use super::command::{Command, Copy, QResync, Select, Store, StoreMode};
use super::fault::{Fault, Parsed, syntax};
use super::fetch;
use super::flag;
use super::lex::{Cursor, is_tag_char};
use super::list;
use super::metadata;
use super::multisearch;
use super::notify;
use super::search;
use super::set::sequence_set;
use super::sort;
use super::thread;
use super::utf7;

/// The tag of a command, if the line has one.
///
/// # Errors
/// [`Fault::Syntax`] when the line does not start with a tag and a space.
pub fn tag<'a>(cursor: &mut Cursor<'a>) -> Parsed<&'a str> {
    let tag = cursor.run(is_tag_char);
    match std::str::from_utf8(tag) {
        Ok(tag) if !tag.is_empty() && tag.len() <= 100 && cursor.eat(b' ') => Ok(tag),
        _ => syntax("a command starts with a tag and a space"),
    }
}

/// Reads the command after its tag. `APPEND` is not one of them: its literals never get into memory
/// (see [`super::append`]).
///
/// # Errors
/// Any [`Fault`]; never panics.
pub fn command(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let verb = cursor.word()?.to_ascii_uppercase();
    let parsed = match verb.as_str() {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "AUTHENTICATE" => authenticate(cursor)?,
        "LOGIN" => login(cursor)?,
        "ID" => id(cursor)?,
        "ENABLE" => enable(cursor)?,
        "SELECT" => select(cursor, false)?,
        "EXAMINE" => select(cursor, true)?,
        "CREATE" => create(cursor)?,
        "DELETE" => Command::Delete(spaced_mailbox(cursor)?),
        "RENAME" => Command::Rename { from: spaced_mailbox(cursor)?, to: spaced_mailbox(cursor)? },
        "SUBSCRIBE" => Command::Subscribe(spaced_mailbox(cursor)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(spaced_mailbox(cursor)?),
        "LIST" => Command::List(list::list(cursor)?),
        "LSUB" => Command::List(list::lsub(cursor)?),
        "NAMESPACE" => Command::Namespace,
        "STATUS" => {
            let mailbox = spaced_mailbox(cursor)?;
            cursor.space()?;
            Command::Status { mailbox, items: list::status_items(cursor)? }
        }
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "EXPUNGE" => Command::Expunge(None),
        "GETQUOTA" => {
            cursor.space()?;
            Command::GetQuota(String::from_utf8_lossy(&cursor.astring()?).into_owned())
        }
        "GETQUOTAROOT" => Command::GetQuotaRoot(spaced_mailbox(cursor)?),
        "SETQUOTA" => set_quota(cursor)?,
        "COMPRESS" => {
            cursor.space()?;
            Command::Compress(cursor.word()?.to_ascii_uppercase())
        }
        "GETACL" => Command::GetAcl(spaced_mailbox(cursor)?),
        "SETACL" => acl::set(cursor)?,
        "DELETEACL" => acl::delete(cursor)?,
        "LISTRIGHTS" => acl::list_rights(cursor)?,
        "MYRIGHTS" => Command::MyRights(spaced_mailbox(cursor)?),
        "GETMETADATA" => metadata::get(cursor)?,
        "SETMETADATA" => metadata::set(cursor)?,
        "NOTIFY" => notify::notify(cursor)?,
        "ESEARCH" => {
            cursor.space()?;
            Command::MultiSearch(multisearch::multi_search(cursor)?)
        }
        "UID" => {
            cursor.space()?;
            let verb = cursor.word()?.to_ascii_uppercase();
            if verb == "EXPUNGE" {
                cursor.space()?;
                Command::Expunge(Some(sequence_set(cursor)?))
            } else {
                of_messages(cursor, &verb, true)?
            }
        }
        other => of_messages(cursor, other, false)?,
    };
    cursor.end()?;
    Ok(parsed)
}

/// A mailbox name, decoded to UTF-8, with `INBOX` in upper case however it was written.
///
/// # Errors
/// [`Fault::Name`] when the name is not well-formed: UTF-8 where the cursor says so, else modified UTF-7.
pub fn mailbox(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let wire = cursor.astring()?;
    Ok(canonical(if cursor.is_utf8() { utf7::plain(&wire)? } else { utf7::decode(&wire)? }))
}

/// `INBOX` and the first level of `inbox/…` in upper case, other names as they are (RFC 3501 §5.1).
#[must_use]
pub fn canonical(mut name: String) -> String {
    let first = name.split('/').next().unwrap_or_default();
    if first.eq_ignore_ascii_case("INBOX") {
        name.replace_range(..5, "INBOX");
    }
    name
}

pub(super) fn spaced_mailbox(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.space()?;
    mailbox(cursor)
}

fn of_messages(cursor: &mut Cursor<'_>, verb: &str, uid: bool) -> Parsed<Command> {
    let known = matches!(verb, "SEARCH" | "SORT" | "THREAD" | "FETCH" | "STORE" | "COPY" | "MOVE");
    if !known {
        return Err(Fault::Unknown);
    }
    cursor.space()?;
    Ok(match verb {
        "SEARCH" => Command::Search(search::search(cursor, uid)?),
        "SORT" => Command::Sort(sort::sort(cursor, uid)?),
        "THREAD" => Command::Thread(thread::thread(cursor, uid)?),
        "FETCH" => Command::Fetch(fetch::fetch(cursor, uid)?),
        "STORE" => Command::Store(store(cursor, uid)?),
        verb => {
            let set = sequence_set(cursor)?;
            Command::Copy(Copy { uid, set, mailbox: spaced_mailbox(cursor)?, remove: verb == "MOVE" })
        }
    })
}

fn authenticate(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let mechanism = cursor.word()?.to_ascii_uppercase();
    let initial = if cursor.eat(b' ') {
        let text = cursor.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        Some(String::from_utf8_lossy(text).into_owned())
    } else {
        None
    };
    Ok(Command::Authenticate { mechanism, initial })
}

fn login(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let user = cursor.astring()?.into_owned();
    cursor.space()?;
    let password = cursor.astring()?.into_owned();
    Ok(Command::Login { user, password })
}

/// At most 30 fields, longer texts are cut (RFC 2971 §3.3).
fn id(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let mut fields = Vec::new();
    if cursor.eat_word("NIL") {
        return Ok(Command::Id(fields));
    }
    cursor.expect(b'(', "ID takes NIL or a list")?;
    while !cursor.eat(b')') {
        cursor.eat(b' ');
        let name = text(&cursor.string()?, 30);
        cursor.space()?;
        let value = cursor.nstring()?.map(|v| text(&v, 200));
        fields.push((name, value));
        if fields.len() > 30 {
            return syntax("too many ID fields");
        }
    }
    Ok(Command::Id(fields))
}

fn text(bytes: &[u8], most: usize) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(most).collect()
}

fn enable(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mut names = Vec::new();
    while cursor.eat(b' ') {
        names.push(cursor.atom()?.to_ascii_uppercase());
    }
    if names.is_empty() { syntax("ENABLE needs a capability") } else { Ok(Command::Enable(names)) }
}

/// `root (resource limit …)`: at most ten resources, names in upper case.
fn set_quota(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let root = String::from_utf8_lossy(&cursor.astring()?).into_owned();
    cursor.space()?;
    cursor.expect(b'(', "limits must be in parentheses")?;
    let mut limits = Vec::new();
    while !cursor.eat(b')') {
        if !limits.is_empty() {
            cursor.space()?;
        }
        let name = cursor.atom()?.to_ascii_uppercase();
        cursor.space()?;
        limits.push((name, cursor.number64()?));
        if limits.len() > 10 {
            return syntax("too many resources");
        }
    }
    Ok(Command::SetQuota { root, limits })
}

fn create(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = spaced_mailbox(cursor)?;
    let mut special_use = Vec::new();
    if cursor.eat(b' ') {
        cursor.expect(b'(', "parameters must be in parentheses")?;
        if !cursor.eat_word("USE (") {
            return syntax("unknown CREATE parameter");
        }
        while !cursor.eat(b')') {
            cursor.eat(b' ');
            cursor.expect(b'\\', "a special use starts with a backslash")?;
            special_use.push(format!("\\{}", cursor.atom()?));
        }
        cursor.expect(b')', "parameters have no end")?;
    }
    Ok(Command::Create { mailbox, special_use })
}

fn select(cursor: &mut Cursor<'_>, read_only: bool) -> Parsed<Command> {
    let mut select = Select { mailbox: spaced_mailbox(cursor)?, read_only, condstore: false, qresync: None };
    if cursor.eat(b' ') {
        cursor.expect(b'(', "parameters must be in parentheses")?;
        loop {
            match cursor.word()?.to_ascii_uppercase().as_str() {
                "CONDSTORE" => select.condstore = true,
                "QRESYNC" => {
                    cursor.space()?;
                    select.qresync = Some(qresync(cursor)?);
                }
                _ => return syntax("unknown SELECT parameter"),
            }
            if !cursor.eat(b' ') {
                break;
            }
        }
        cursor.expect(b')', "parameters have no end")?;
    }
    Ok(Command::Select(select))
}

fn qresync(cursor: &mut Cursor<'_>) -> Parsed<QResync> {
    cursor.expect(b'(', "QRESYNC takes a list")?;
    let uid_validity = cursor.nz_number()?;
    cursor.space()?;
    let mod_seq = cursor.number64()?;
    let mut known_uids = None;
    if cursor.eat(b' ') {
        if cursor.peek() != Some(b'(') {
            known_uids = Some(sequence_set(cursor)?);
            if cursor.eat(b' ') {
                sequence_match(cursor)?;
            }
        } else {
            sequence_match(cursor)?;
        }
    }
    cursor.expect(b')', "QRESYNC has no end")?;
    Ok(QResync { uid_validity, mod_seq, known_uids })
}

/// Message sequence match data only lets a server leave out VANISHED (EARLIER) numbers (RFC 7162 §3.2.5.2); Sekisho
/// remembers every expunge, so the data is checked and then not needed.
fn sequence_match(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.expect(b'(', "sequence match data must be in parentheses")?;
    sequence_set(cursor)?;
    cursor.space()?;
    sequence_set(cursor)?;
    cursor.expect(b')', "sequence match data has no end")
}

fn store(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Store> {
    let set = sequence_set(cursor)?;
    cursor.space()?;
    let mut unchanged_since = None;
    if cursor.eat(b'(') {
        if !cursor.eat_word("UNCHANGEDSINCE ") {
            return syntax("unknown STORE modifier");
        }
        unchanged_since = Some(cursor.number64()?);
        cursor.expect(b')', "modifiers have no end")?;
        cursor.space()?;
    }
    let mode = if cursor.eat(b'+') {
        StoreMode::Add
    } else if cursor.eat(b'-') {
        StoreMode::Remove
    } else {
        StoreMode::Replace
    };
    if !cursor.eat_word("FLAGS") {
        return syntax("STORE changes FLAGS");
    }
    let silent = cursor.eat_word(".SILENT");
    cursor.space()?;
    Ok(Store { uid, set, unchanged_since, mode, silent, flags: flag::store_flags(cursor)? })
}
