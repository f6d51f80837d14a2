//! NOTIFY (RFC 5465): news of mailboxes that are not selected, and of the selected one outside of IDLE.
//!
//! The bus says only that something happened. So the mailboxes are looked at again, and what differs from what the client
//! knows is told.

mod snapshot;

use sekisho_proto::imap::Done;
use sekisho_proto::imap::fetch::{Fetch, Item};
use sekisho_proto::imap::list::StatusItem;
use sekisho_proto::imap::notify::{Events, Filter, Group, KNOWN_EVENTS, Notify};
use sekisho_proto::imap::set::{Range, SequenceSet};
use sekisho_store::mailbox::Mailbox;

use self::snapshot::{Snapshot, Standing, snapshot};
use super::agent::{Enabled, ImapAgent, Outcome};
use super::list::changed_line;
use super::news::Allowed;
use super::status::{StatusOf, status_line};

/// New messages of the selected mailbox that are fetched without being asked for at one time.
const FETCHED_MAX: u32 = 100;

/// What a client wants to hear.
pub(super) struct Notifying {
    groups: Vec<Group>,
    selected: Option<Selected>,
    known: Snapshot,
    /// The bus said that something happened.
    pub(super) dirty: bool,
    /// UIDs of the selected mailbox from here on are to be fetched for the client.
    unfetched: Option<u32>,
    /// What is to be told and has not been said yet.
    said: Vec<u8>,
}

struct Selected {
    events: Events,
    delayed: bool,
}

impl ImapAgent {
    pub(super) async fn set_notify(&mut self, notify: Notify) -> Outcome {
        let account = self.account_id()?;
        let Notify::Set { status, groups } = notify else {
            self.notify = None;
            self.watch_others();
            return Ok(Done::ok("NOTIFY completed"));
        };
        if groups.iter().any(|group| group.events.unknown) {
            return Err(Done::no("There is no such event").code(format!("BADEVENT ({KNOWN_EVENTS})")));
        }
        let (selected, groups): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| matches!(group.filter, Filter::Selected | Filter::SelectedDelayed));
        if selected.len() > 1 {
            return Err(Done::bad("The selected mailbox can be named once"));
        }
        let selected = selected
            .into_iter()
            .next()
            .map(|group| Selected { delayed: group.filter == Filter::SelectedDelayed, events: group.events });
        let wanted = groups.clone();
        let known = self.store().read(move |tx| snapshot(tx, account, &wanted)).await;
        let known = known.map_err(|error| self.refused(&error))?;
        let notifying = Notifying { groups, selected, known, dirty: false, unfetched: None, said: Vec::new() };
        let data = if status { notifying.all_status(self.open_id(), self.enabled) } else { Vec::new() };
        self.notify = Some(Box::new(notifying));
        self.watch_others();
        Ok(Done::ok("NOTIFY completed").data(data))
    }

    /// Listens to the accounts besides the own one whose mailboxes matter.
    pub(super) fn watch_others(&mut self) {
        let Some(own) = self.who.as_ref().map(|who| who.account) else { return };
        let mut accounts: Vec<_> = self.view.iter().map(|view| view.owner).collect();
        accounts.extend(self.notify.iter().flat_map(|notify| notify.known.owners.iter().copied()));
        accounts.retain(|account| *account != own);
        accounts.sort_unstable();
        accounts.dedup();
        self.watches.set(self.service.control().bus(), &accounts);
    }

    /// What NOTIFY makes the client hear now, if anything. Cancel-safe: what was found out is kept until it is said.
    pub(super) async fn notifications(&mut self) -> Option<Vec<u8>> {
        self.notify_selected().await;
        self.notify_others().await;
        let said = std::mem::take(&mut self.notify.as_mut()?.said);
        (!said.is_empty()).then_some(said)
    }

    /// What NOTIFY found and could not say before the client's next command.
    pub(super) fn unsaid(&mut self) -> Vec<u8> {
        self.notify.as_mut().map(|notify| std::mem::take(&mut notify.said)).unwrap_or_default()
    }

    pub(super) fn say_later(&mut self, unsaid: Vec<u8>) {
        if let Some(notify) = &mut self.notify {
            notify.said = unsaid;
        }
    }

    async fn notify_selected(&mut self) {
        let Some(selected) = self.notify.as_ref().and_then(|notify| notify.selected.as_ref()) else { return };
        let (wants, items) = (selected.events.message_new, selected.events.items.clone());
        let allowed = if selected.delayed && !self.idle { Allowed::FLAGS_ONLY } else { Allowed::EXPUNGE };
        if wants && self.view.as_ref().is_some_and(|view| view.dirty) {
            let known_to = self.view.as_ref().map_or(0, super::view::View::last_uid);
            let mut data = Vec::new();
            // A store that does not answer is asked again with the next event.
            if self.news(&mut data, allowed).await.is_err() {
                return;
            }
            let arrived = self.view.as_ref().map_or(0, super::view::View::last_uid) > known_to;
            if let Some(notify) = &mut self.notify {
                notify.said.append(&mut data);
                if arrived && !items.is_empty() {
                    notify.unfetched = notify.unfetched.or(Some(known_to + 1));
                }
            }
        }
        let Some(first) = self.notify.as_ref().and_then(|notify| notify.unfetched) else { return };
        let fetched = self.fetch_unasked(first, items).await;
        if let Some(notify) = &mut self.notify {
            notify.unfetched = None;
            notify.said.extend(fetched);
        }
    }

    /// New messages, as FETCH would tell them.
    async fn fetch_unasked(&mut self, first: u32, items: Vec<Item>) -> Vec<u8> {
        let set = SequenceSet::Ranges(vec![Range { first, last: first.saturating_add(FETCHED_MAX) }]);
        let mut out = Vec::new();
        let mut fetch = Fetch::of(set, items);
        fetch.uid = true;
        if self.begin_fetch(fetch).await.is_err() {
            return out;
        }
        while let Some(mut work) = self.fetch.take() {
            match self.fetch_piece(&mut work).await {
                Ok(Some(piece)) => {
                    out.extend(piece);
                    self.fetch = Some(work);
                }
                _ => break,
            }
        }
        out
    }

    async fn notify_others(&mut self) {
        let Some(notify) = self.notify.as_ref().filter(|notify| notify.dirty) else { return };
        let Some(account) = self.who.as_ref().map(|who| who.account) else { return };
        let groups = notify.groups.clone();
        let Ok(now) = self.store().read(move |tx| snapshot(tx, account, &groups)).await else { return };
        let (open, enabled) = (self.open_id(), self.enabled);
        if let Some(notify) = &mut self.notify {
            notify.dirty = false;
            notify.changes(now, open, enabled);
        }
        self.watch_others();
    }

    fn open_id(&self) -> Option<sekisho_store::MailboxId> {
        self.view.as_ref().map(|view| view.id)
    }
}

impl Notifying {
    /// STATUS of every mailbox whose messages are asked about.
    fn all_status(&self, open: Option<sekisho_store::MailboxId>, enabled: Enabled) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, standing) in &self.known.mailboxes {
            let wanted = self.events(name, standing.subscribed).is_some_and(|events| events.message_new);
            if wanted && Some(standing.mailbox.id) != open {
                status(&mut out, name, &standing.mailbox, enabled);
            }
        }
        out
    }

    /// Says what differs between what is known and `now`, which is known from then on.
    fn changes(&mut self, now: Snapshot, open: Option<sekisho_store::MailboxId>, enabled: Enabled) {
        let mut out = std::mem::take(&mut self.said);
        let before = std::mem::replace(&mut self.known, now);
        let old_names = before.by_id();
        let names = self.known.by_id();
        for (name, standing) in &before.mailboxes {
            let gone = !names.contains_key(&standing.mailbox.id);
            if gone && self.wants(name, standing.subscribed, |events| events.mailbox_name) {
                changed_line(&mut out, "\\NonExistent", name, None, enabled);
            }
        }
        for (name, standing) in &self.known.mailboxes {
            let old_name = old_names.get(&standing.mailbox.id).copied();
            if old_name != Some(name.as_str()) && self.wants(name, standing.subscribed, |events| events.mailbox_name) {
                changed_line(&mut out, "", name, old_name, enabled);
            }
            let old = old_name.and_then(|old| before.mailboxes.get(old));
            if Some(standing.mailbox.id) != open && self.says_status(name, standing, old) {
                status(&mut out, name, &standing.mailbox, enabled);
            }
            if let Some(old) = old {
                notes(&mut out, name, &old.notes, &standing.notes, enabled);
            }
        }
        for (name, attribute) in before.subscription_changes(&self.known) {
            // As it was or as it is: it may have come into the group, or gone from it, by this very change.
            if [true, false].into_iter().any(|on| self.wants(name, on, |events| events.subscription_change)) {
                changed_line(&mut out, attribute, name, None, enabled);
            }
        }
        notes(&mut out, "", &before.server_notes, &self.known.server_notes, enabled);
        self.said = out;
    }

    fn says_status(&self, name: &str, now: &Standing, before: Option<&Standing>) -> bool {
        let Some(events) = self.events(name, now.subscribed).filter(|events| events.message_new) else { return false };
        let Some(before) = before else { return now.mailbox.messages > 0 };
        let (old, new) = (&before.mailbox, &now.mailbox);
        old.uidnext != new.uidnext
            || old.messages != new.messages
            || old.uidvalidity != new.uidvalidity
            || (events.flag_change && old.modseq != new.modseq)
    }

    /// What the client wants to hear of a mailbox: the first group that names it counts (RFC 5465 §3.1).
    fn events(&self, name: &str, subscribed: bool) -> Option<&Events> {
        snapshot::events(&self.groups, name, subscribed)
    }

    fn wants(&self, name: &str, subscribed: bool, which: impl Fn(&Events) -> bool) -> bool {
        self.events(name, subscribed).is_some_and(which)
    }
}

fn status(out: &mut Vec<u8>, name: &str, mailbox: &Mailbox, enabled: Enabled) {
    const ITEMS: [StatusItem; 5] = [
        StatusItem::Messages,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
        StatusItem::HighestModSeq,
    ];
    let items = if enabled.condstore { &ITEMS[..] } else { &ITEMS[..4] };
    status_line(out, name, mailbox, StatusOf { items, message_max: 0, enabled }, 0);
}

/// `* METADATA name entry entry` for what changed; the values are to be asked for (RFC 5464 §4.4.2).
fn notes(out: &mut Vec<u8>, name: &str, before: &[(String, u64)], now: &[(String, u64)], enabled: Enabled) {
    let changed: Vec<&str> = now
        .iter()
        .filter(|note| !before.contains(note))
        .map(|(entry, _)| entry.as_str())
        .chain(before.iter().map(|(entry, _)| entry.as_str()).filter(|gone| !now.iter().any(|(e, _)| e == gone)))
        .collect();
    if changed.is_empty() {
        return;
    }
    out.extend_from_slice(b"* METADATA ");
    enabled.name(out, name);
    for entry in changed {
        out.push(b' ');
        sekisho_proto::imap::print::astring(out, entry.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
