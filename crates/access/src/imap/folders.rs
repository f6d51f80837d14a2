//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.4-8, CREATE-SPECIAL-USE RFC 6154 §3).

use sekisho_control::BusEvent;
use sekisho_message::Time;
use sekisho_proto::imap::Done;
use sekisho_store::acl::{self, Rights, Who};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, Error, MailboxId, Result, Tx};

use super::agent::{ImapAgent, Outcome};
use super::list::changed_line;
use super::names::{self, Named, find, named, normal};
use super::refusal::{cannot, no_permission, nonexistent};
use super::status::mailbox_id;

/// Special uses that a mailbox can have, as the store knows them.
const SPECIAL_USES: [&str; 6] = ["Archive", "Drafts", "Flagged", "Junk", "Sent", "Trash"];

/// What an act on a name came to; `None` when there is no such mailbox, or none that the client may know of.
enum Act<T> {
    Done(T),
    Absent,
    NoPermission,
    Impossible(&'static str),
}

impl ImapAgent {
    pub(super) async fn create(&mut self, asked: String, special_use: &[String]) -> Outcome {
        let account = self.account_id()?;
        // A trailing separator only says that levels below will follow (RFC 9051 §6.3.4).
        let wanted = asked.strip_suffix('/').unwrap_or(&asked);
        let name = normal(wanted).into_owned();
        valid(&name)?;
        let special = special(special_use)?;
        let now = self.service.control().now();
        let as_made = name.clone();
        let made = self.store().write(move |tx| create(tx, account, &name, special, now)).await;
        let (id, owner) = settled(made.map_err(|error| self.refused(&error))?)?;
        self.changed(id, owner);
        let mut data = Vec::new();
        if self.enabled.rev2 && as_made != wanted {
            changed_line(&mut data, "", &as_made, Some(wanted), self.enabled);
        }
        Ok(Done::ok("CREATE completed").code(format!("MAILBOXID {}", mailbox_id(id))).data(data))
    }

    pub(super) async fn delete(&mut self, name: String) -> Outcome {
        let account = self.account_id()?;
        if name == "INBOX" {
            return Err(cannot("INBOX always exists"));
        }
        let deleted = self.store().write(move |tx| {
            let Some(found) = find(tx, account, &name)? else { return Ok(Act::Absent) };
            if !found.rights.has(Rights::DELETE) {
                return Ok(Act::NoPermission);
            }
            if found.mailbox.name == "INBOX" {
                return Ok(Act::Impossible("INBOX always exists"));
            }
            mailbox::delete(tx, found.mailbox.account, &found.mailbox.name)?;
            Ok(Act::Done((found.mailbox.id, found.mailbox.account)))
        });
        let (id, owner) = settled(deleted.await.map_err(|error| self.refused(&error))?)?;
        self.changed(id, owner);
        // Its messages go in steps, which nobody needs to wait for; what a crash leaves, the next start finishes.
        let store = self.store().clone();
        tokio::spawn(async move { while let Ok(true) = store.write(|tx| mailbox::delete_step(tx)).await {} });
        Ok(Done::ok("DELETE completed"))
    }

    pub(super) async fn rename(&mut self, from: String, to: String) -> Outcome {
        let account = self.account_id()?;
        let to = normal(to.strip_suffix('/').unwrap_or(&to)).into_owned();
        let from = normal(&from).into_owned();
        valid(&to)?;
        if from == "INBOX" {
            return self.rename_inbox(to).await;
        }
        if to.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            return Err(cannot("A mailbox cannot be moved below itself"));
        }
        let now = self.service.control().now();
        let (old, new) = (from.clone(), to.clone());
        let renamed = self.store().write(move |tx| rename(tx, account, &from, &to, now));
        let renamed = settled(renamed.await.map_err(|error| self.refused(&error))?)?;
        for (mailbox, _) in &renamed {
            self.changed(mailbox.id, mailbox.account);
        }
        let mut data = Vec::new();
        if self.enabled.rev2 {
            changed_line(&mut data, "", &new, Some(&old), self.enabled);
        }
        Ok(Done::ok("RENAME completed").data(data))
    }

    /// INBOX keeps its name, its id and its UIDVALIDITY: what is in it moves to a new mailbox (RFC 9051 §6.3.6).
    async fn rename_inbox(&mut self, to: String) -> Outcome {
        let account = self.account_id()?;
        let now = self.service.control().now();
        let made = self.store().write(move |tx| {
            let inbox = mailbox::get(tx, account, "INBOX")?.ok_or(Error::NotFound("INBOX"))?;
            Ok(match create(tx, account, &to, None, now)? {
                Act::Done((id, owner)) => Act::Done((id, owner, inbox.id, inbox.uidnext)),
                Act::Absent => Act::Absent,
                Act::NoPermission => Act::NoPermission,
                Act::Impossible(text) => Act::Impossible(text),
            })
        });
        let (id, owner, inbox, uid_next) = settled(made.await.map_err(|error| self.refused(&error))?)?;
        self.changed(id, owner);
        let uids = self.store().read(move |tx| super::select::uids(tx, inbox, uid_next.saturating_sub(1))).await;
        let uids = uids.map_err(|error| self.refused(&error))?;
        for step in uids.chunks(sekisho_store::mail::MOST_TOGETHER) {
            let step = step.to_vec();
            let moved = self.store().write(move |tx| sekisho_store::mail::move_(tx, inbox, &step, id, now)).await;
            moved.map_err(|error| self.refused(&error))?;
            self.changed(inbox, account);
            self.changed(id, owner);
        }
        Ok(Done::ok("RENAME completed"))
    }

    pub(super) async fn subscribe(&mut self, name: String, on: bool) -> Outcome {
        let account = self.account_id()?;
        let name = normal(&name).into_owned();
        let done = self.store().write(move |tx| {
            // Only what is there can be subscribed; it stays subscribed when it goes (RFC 9051 §6.3.7).
            if on && find(tx, account, &name)?.is_none() {
                return Ok(Act::Absent);
            }
            mailbox::subscribe(tx, account, &name, on).map(Act::Done)
        });
        if settled(done.await.map_err(|error| self.refused(&error))?)? {
            self.tell_account(account);
        }
        Ok(Done::ok(if on { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" }))
    }

    /// Tells everybody who has the mailbox open, or wants to hear of it.
    pub(super) fn changed(&mut self, id: MailboxId, owner: AccountId) {
        if let Some(view) = self.view.as_mut().filter(|view| view.id == id) {
            view.dirty = true;
        }
        self.service.control().bus().publish(BusEvent::MailboxChanged { mailbox: id, account: owner });
    }

    /// Tells the sessions of an account that something about its mailboxes changed that is no mailbox's own.
    pub(super) fn tell_account(&self, account: AccountId) {
        self.service.control().bus().publish(BusEvent::MailboxChanged { mailbox: MailboxId(0), account });
    }
}

/// Makes a mailbox. One that is made in somebody else's tree is shared as the level above it is.
fn create(
    tx: &mut dyn Tx,
    account: AccountId,
    name: &str,
    special: Option<&str>,
    now: Time,
) -> Result<Act<(MailboxId, AccountId)>> {
    let Some((owner, own_name)) = names::place(tx, account, name)? else {
        return Ok(Act::Impossible("Nothing can be created there"));
    };
    if !names::rights_above(tx, account, owner, &own_name)?.has(Rights::CREATE) {
        return Ok(Act::NoPermission);
    }
    if owner != account && special.is_some() {
        return Ok(Act::Impossible("A mailbox of somebody else has no special use"));
    }
    let above = if owner == account { None } else { names::above(tx, owner, &own_name)? };
    let id = mailbox::create(tx, owner, &own_name, special, now)?;
    if let Some(above) = above {
        for (who, negative, rights) in copied_entries(tx, above.id)? {
            acl::set(tx, id, who, negative, rights)?;
        }
    }
    Ok(Act::Done((id, owner)))
}

fn copied_entries(tx: &mut dyn Tx, from: MailboxId) -> Result<Vec<(Who, bool, Rights)>> {
    let mut entries = Vec::new();
    for entry in acl::entries(tx, from)? {
        let who = match &entry.address {
            None => Some(Who::Anyone),
            Some(address) => names::owner_of(tx, address)?.map(Who::Account),
        };
        entries.extend(who.map(|who| (who, entry.negative, entry.rights)));
    }
    Ok(entries)
}

/// Renames within the tree of one owner; the mailboxes that have new names.
fn rename(tx: &mut dyn Tx, account: AccountId, from: &str, to: &str, now: Time) -> Result<Act<Vec<(Mailbox, String)>>> {
    let (Some((owner, own_from)), Some((new_owner, own_to))) =
        (names::place(tx, account, from)?, names::place(tx, account, to)?)
    else {
        return Ok(Act::Absent);
    };
    if owner != account {
        let Some(found) = find(tx, account, from)? else { return Ok(Act::Absent) };
        if !found.rights.has(Rights::DELETE) {
            return Ok(Act::NoPermission);
        }
    }
    if owner != new_owner {
        return Ok(Act::Impossible("A mailbox stays with its owner"));
    }
    if !names::rights_above(tx, account, owner, &own_to)?.has(Rights::CREATE) {
        return Ok(Act::NoPermission);
    }
    if own_from.eq_ignore_ascii_case("INBOX") {
        return Ok(Act::Impossible("INBOX keeps its name"));
    }
    mailbox::rename(tx, owner, &own_from, &own_to, now).map(Act::Done)
}

fn settled<T>(act: Act<T>) -> std::result::Result<T, Done> {
    match act {
        Act::Done(value) => Ok(value),
        Act::Absent => Err(nonexistent()),
        Act::NoPermission => Err(no_permission()),
        Act::Impossible(text) => Err(cannot(text)),
    }
}

/// Refuses names that no client could use again.
fn valid(name: &str) -> std::result::Result<(), Done> {
    if name.is_empty() || name.split('/').any(|level| level.is_empty() || level == "." || level == "..") {
        return Err(cannot("A level of the name is empty"));
    }
    if name.contains(['*', '%']) {
        return Err(cannot("Wildcards cannot be part of a name"));
    }
    if name.split('/').any(|level| level.len() > 255) || name.split('/').count() > 32 {
        return Err(cannot("The name is too long"));
    }
    if named(name) == Named::Level {
        return Err(cannot("That level is for mailboxes that others share"));
    }
    Ok(())
}

/// The special use that a client asks for.
pub(super) fn special(asked: &[String]) -> std::result::Result<Option<&'static str>, Done> {
    let unknown = || Done::no("No such special use").code("USEATTR");
    match asked {
        [] => Ok(None),
        [one] => {
            let word = one.trim_start_matches('\\');
            SPECIAL_USES.into_iter().find(|known| known.eq_ignore_ascii_case(word)).map(Some).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}
