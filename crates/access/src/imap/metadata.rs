//! GETMETADATA and SETMETADATA (RFC 5464), and the special use as an annotation (RFC 6154 §4).

use std::sync::Arc;

use sekisho_proto::imap::metadata::{Depth, GetMetadata};
use sekisho_proto::imap::{Done, print};
use sekisho_store::account::{self, Role};
use sekisho_store::acl::Rights;
use sekisho_store::annotation::{self, LONGEST_VALUE, Place, Scope};
use sekisho_store::{AccountId, Error, MailboxId, Result, Tx, mailbox};

use super::agent::{Enabled, ImapAgent, Outcome};
use super::folders::special;
use super::refusal::{no_permission, nonexistent};

/// The special use of a mailbox, which the store keeps by itself.
const SPECIAL_USE: &str = "/private/specialuse";

impl ImapAgent {
    pub(super) async fn get_metadata(&mut self, get: GetMetadata) -> Outcome {
        let account = self.account_id()?;
        let place = self.annotated(&get.mailbox, Rights::READ).await?;
        for entry in &get.entries {
            scoped(entry, account)?;
        }
        let (name, max_size) = (get.mailbox.clone(), get.max_size.unwrap_or(u64::MAX));
        let read = self.store().read(move |tx| {
            let mut found = Vec::new();
            for entry in &get.entries {
                below(tx, account, place, entry, get.depth, &mut found)?;
            }
            Ok(found)
        });
        let mut found = read.await.map_err(|error| self.refused(&error))?;
        let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, |value| value.len() as u64);
        let longest = found.iter().map(|(_, value)| size(value)).filter(|size| *size > max_size).max();
        found.retain(|(_, value)| size(value) <= max_size);
        let mut data = Vec::new();
        if !found.is_empty() {
            metadata_line(&mut data, &name, &found, self.enabled);
        }
        let done = Done::ok("GETMETADATA completed").data(data);
        Ok(match longest {
            Some(longest) => done.code(format!("METADATA LONGENTRIES {longest}")),
            None => done,
        })
    }

    pub(super) async fn set_metadata(&mut self, name: String, entries: Vec<(String, Option<Vec<u8>>)>) -> Outcome {
        let account = self.account_id()?;
        let shared = entries.iter().any(|(entry, _)| entry.starts_with("/shared/"));
        let place = self.annotated(&name, if shared { Rights::READ | Rights::WRITE } else { Rights::READ }).await?;
        if shared && place == Place::Server {
            self.must_administer().await?;
        }
        for (entry, value) in &entries {
            scoped(entry, account)?;
            if value.as_ref().is_some_and(|value| value.len() > LONGEST_VALUE) {
                return Err(Done::no("The value is too long").code(format!("METADATA MAXSIZE {LONGEST_VALUE}")));
            }
            if entry == SPECIAL_USE && place != Place::Server {
                uses(value.as_deref())?;
            }
        }
        let entries = Arc::new(entries);
        let written = self.store().write(move |tx| {
            for (entry, value) in entries.iter() {
                write(tx, account, place, entry, value.as_deref())?;
            }
            Ok(())
        });
        match written.await {
            Ok(()) => {}
            Err(Error::Conflict(_)) => {
                return Err(Done::no("There are too many annotations").code("METADATA TOOMANY"));
            }
            Err(error) => return Err(self.refused(&error)),
        }
        match place {
            Place::Mailbox(id) => {
                let owner = self.store().read(move |tx| Ok(mailbox::status(tx, id)?.map(|m| m.account))).await;
                if let Ok(Some(owner)) = owner {
                    self.changed(id, owner);
                }
            }
            Place::Server => self.tell_account(account),
        }
        Ok(Done::ok("SETMETADATA completed"))
    }

    /// The server for an empty name, or a mailbox to which the client has `rights`.
    async fn annotated(&self, name: &str, rights: Rights) -> std::result::Result<Place, Done> {
        if name.is_empty() {
            return Ok(Place::Server);
        }
        Ok(Place::Mailbox(self.found(name, rights, nonexistent).await?.mailbox.id))
    }

    async fn must_administer(&self) -> std::result::Result<(), Done> {
        let account = self.account_id()?;
        let found = self.store().read(move |tx| account::by_id(tx, account)).await;
        let administers = found.map_err(|error| self.refused(&error))?.is_some_and(|a| a.role == Role::SystemAdmin);
        if administers { Ok(()) } else { Err(no_permission()) }
    }
}

/// `* METADATA name (entry value …)`.
pub(super) fn metadata_line(out: &mut Vec<u8>, name: &str, entries: &[(String, Option<Vec<u8>>)], enabled: Enabled) {
    out.extend_from_slice(b"* METADATA ");
    if name.is_empty() {
        out.extend_from_slice(b"\"\"")
    } else {
        enabled.name(out, name)
    }
    for (at, (entry, value)) in entries.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        print::astring(out, entry.as_bytes());
        out.push(b' ');
        if value.as_ref().is_some_and(|value| value.contains(&0)) {
            out.push(b'~'); // literal8: only it may hold NUL
            print::literal(out, value.as_deref().unwrap_or_default());
        } else {
            print::nstring(out, value.as_deref());
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// The value of one entry of a mailbox; none for an entry that is in no scope.
pub(super) fn value(tx: &mut dyn Tx, account: AccountId, id: MailboxId, entry: &str) -> Result<Option<Vec<u8>>> {
    read(tx, account, Place::Mailbox(id), entry)
}

/// Scope and name within it.
fn scoped(entry: &str, account: AccountId) -> std::result::Result<(Scope, &str), Done> {
    split(entry, account).ok_or_else(|| Done::bad("An entry begins with /private/ or /shared/"))
}

fn split(entry: &str, account: AccountId) -> Option<(Scope, &str)> {
    if let Some(rest) = entry.strip_prefix("/private").filter(|rest| rest.starts_with('/')) {
        return Some((Scope::Private(account), rest));
    }
    entry.strip_prefix("/shared").filter(|rest| rest.starts_with('/')).map(|rest| (Scope::Shared, rest))
}

fn read(tx: &mut dyn Tx, account: AccountId, place: Place, entry: &str) -> Result<Option<Vec<u8>>> {
    if let (SPECIAL_USE, Place::Mailbox(id)) = (entry, place) {
        let special = mailbox::status(tx, id)?.filter(|m| m.account == account).and_then(|m| m.special);
        return Ok(special.map(|special| format!("\\{special}").into_bytes()));
    }
    match split(entry, account) {
        Some((scope, name)) => annotation::get(tx, place, scope, name),
        None => Ok(None),
    }
}

fn write(tx: &mut dyn Tx, account: AccountId, place: Place, entry: &str, value: Option<&[u8]>) -> Result<()> {
    if let (SPECIAL_USE, Place::Mailbox(id)) = (entry, place) {
        if mailbox::status(tx, id)?.is_some_and(|m| m.account == account) {
            mailbox::set_special(tx, id, uses(value).ok().flatten())?;
        }
        return Ok(());
    }
    match split(entry, account) {
        Some((scope, name)) => annotation::set(tx, place, scope, name, value),
        None => Ok(()),
    }
}

fn uses(value: Option<&[u8]>) -> std::result::Result<Option<&'static str>, Done> {
    let text = String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    let words: Vec<String> = text.split_whitespace().map(ToOwned::to_owned).collect();
    special(&words)
}

/// An entry and, as far as `depth` says, those below it.
fn below(
    tx: &mut dyn Tx,
    account: AccountId,
    place: Place,
    entry: &str,
    depth: Depth,
    found: &mut Vec<(String, Option<Vec<u8>>)>,
) -> Result<()> {
    let value = read(tx, account, place, entry)?;
    if value.is_some() || depth == Depth::Zero {
        found.push((entry.to_owned(), value));
    }
    let Some((scope, name)) = split(entry, account).filter(|_| depth != Depth::Zero) else { return Ok(()) };
    let prefix = entry.strip_suffix(name).unwrap_or_default();
    for (other, value) in annotation::all(tx, place, scope)? {
        let Some(rest) = other.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')) else { continue };
        if depth == Depth::Infinity || !rest.contains('/') {
            found.push((format!("{prefix}{other}"), Some(value)));
        }
    }
    Ok(())
}
