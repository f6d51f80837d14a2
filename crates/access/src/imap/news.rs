//! What a client is told without asking: arrivals, flag changes, expunges, the end of its session.
//!
//! Message numbers change with every EXPUNGE, so the client may hear of one only where no answer to a command that
//! names messages by number is under way (RFC 3501 §7.4.1).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::BusEvent;
use sekisho_proto::imap::command::Command;
use sekisho_proto::imap::{Done, Reply, print, set};
use sekisho_store::acl::{self, Rights};
use sekisho_store::mail::{self, Mail, Vanished};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, MailboxId, Result, Tx};

use super::agent::{Enabled, ImapAgent};
use super::view::{Keywords, View, count_line, vanished_line};

/// How often a waiting client hears that the server is still there; routers forget quiet connections.
const STILL_HERE: Duration = Duration::from_secs(5 * 60);

/// What may be told after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// EXPUNGE and VANISHED.
    expunge: bool,
    /// Ask the store although nothing is known to have changed.
    look: bool,
}

impl Allowed {
    /// After IDLE, NOOP and whatever does not name messages.
    pub(super) const ALL: Self = Self { expunge: true, look: true };
    /// After FETCH, STORE and SEARCH with message numbers.
    pub(super) const FLAGS_ONLY: Self = Self { expunge: false, look: false };
    /// After their UID forms.
    pub(super) const EXPUNGE: Self = Self { expunge: true, look: false };

    pub(super) fn after(command: &Command) -> Self {
        match command {
            Command::Fetch(fetch) => Self::with_uid(fetch.uid),
            Command::Search(search) => Self::with_uid(search.uid),
            Command::Sort(sort) => Self::with_uid(sort.uid),
            Command::Thread(thread) => Self::with_uid(thread.uid),
            Command::MultiSearch(_) => Self::EXPUNGE,
            Command::Store(store) => Self::with_uid(store.uid),
            _ => Self::ALL,
        }
    }

    /// After a command that may name messages by number.
    pub(super) const fn with_uid(uid: bool) -> Self {
        if uid { Self::EXPUNGE } else { Self::FLAGS_ONLY }
    }
}

/// What has happened in a mailbox since the client was last told.
pub(super) struct Changes {
    /// The mailbox as it is; `None` when it was deleted.
    mailbox: Option<Mailbox>,
    changed: Vec<Mail>,
    vanished: Vanished,
    /// All UIDs, when the records of expunges do not go back far enough.
    present: Option<HashSet<u32>>,
    keywords: Vec<(u8, String)>,
    /// What the client may do now, when the mailbox is somebody else's.
    rights: Option<Rights>,
}

impl ImapAgent {
    /// Brings the view up to date and appends what the client may hear.
    pub(super) async fn news(&mut self, out: &mut Vec<u8>, allowed: Allowed) -> Result<()> {
        self.hear();
        let Some(view) = &self.view else { return Ok(()) };
        if view.dirty || allowed.look {
            let (id, since) = (view.id, view.mod_seq);
            let guest = self.who.as_ref().map(|who| who.account).filter(|account| *account != view.owner);
            // Mostly nothing has happened, and one row says so.
            let quiet = self.store().look(move |tx| {
                let mailbox = mailbox::status(tx, id)?;
                Ok(guest.is_none() && mailbox.is_some_and(|mailbox| mailbox.modseq <= since))
            });
            if quiet.await? {
                self.heard_all();
            } else {
                let changes = self.store().read(move |tx| changes_since(tx, id, since, guest)).await?;
                self.apply(changes, out);
            }
        }
        self.tell_expunges(out, allowed);
        Ok(())
    }

    /// The beginning of IDLE: what has happened already comes first.
    pub(super) async fn idle_begin(&mut self) -> Reply {
        let mut data = Vec::new();
        if self.news(&mut data, Allowed::ALL).await.is_err() {
            return Reply::Done(Done::no("The server has a passing problem; try again").code("UNAVAILABLE"));
        }
        self.idle = true;
        Reply::Untagged(data)
    }

    /// Waits for something that the client must hear of at once. Cancel-safe: what is found out is kept in
    /// `self` before anything is awaited again.
    pub(super) async fn unasked(&mut self) -> Reply {
        let clock = self.service.clock().clone();
        let still_here = clock.now() + STILL_HERE;
        loop {
            if *self.paused.borrow_and_update() {
                return Reply::Bye("IMAP is paused by the operator".into());
            }
            if self.account_stale
                && let Some(reply) = self.check_account().await
            {
                return reply;
            }
            // On the heap, and only for those who asked for it: what waits here is in every idle connection.
            if self.notify.is_some()
                && let Some(data) = Box::pin(self.notifications()).await
            {
                return Reply::Untagged(data);
            }
            if self.idle && self.view.as_ref().is_some_and(|view| view.dirty) {
                let mut data = Vec::new();
                // A store that does not answer is asked again with the next event.
                if self.news(&mut data, Allowed::EXPUNGE).await.is_ok() && !data.is_empty() {
                    return Reply::Untagged(data);
                }
            }
            let idle = self.idle;
            let Some(who) = &mut self.who else {
                // Nobody is logged in: only the switch matters.
                if self.paused.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            };
            tokio::select! {
                event = who.watch.next() => self.hear_one(event),
                event = self.watches.next() => self.hear_one(event),
                () = clock.sleep_until(still_here), if idle => {
                    return Reply::Untagged(b"* OK Still here\r\n".to_vec());
                }
                Ok(()) = self.paused.changed() => {}
            }
        }
    }

    /// Ends the session of an account that is gone, whose password is no longer what it was, or that is not its owner's.
    async fn check_account(&mut self) -> Option<Reply> {
        let who = self.who.as_ref()?;
        let (id, stamp) = (who.account, who.stamp.clone());
        // Rare, and large: sessions must stay small while they are idle.
        let stays = Box::pin(self.service.control().may_stay(id, &stamp, &self.client)).await.ok()?;
        self.account_stale = false;
        let text = stays.last_words()?;
        Some(Reply::Bye(text.into()))
    }

    /// Takes what the bus has said.
    fn hear(&mut self) {
        while let Some(event) = self.who.as_mut().and_then(|who| who.watch.try_next()) {
            self.hear_one(event);
        }
        while let Some(event) = self.watches.try_next() {
            self.hear_one(event);
        }
    }

    fn hear_one(&mut self, event: BusEvent) {
        let own = self.who.as_ref().map(|who| who.account);
        if matches!(event, BusEvent::MailboxChanged { .. } | BusEvent::Missed)
            && let Some(notify) = &mut self.notify
        {
            notify.dirty = true;
        }
        match event {
            BusEvent::MailboxChanged { mailbox, .. } => {
                if let Some(view) = &mut self.view
                    && view.id == mailbox
                {
                    view.dirty = true;
                }
            }
            BusEvent::Missed => {
                self.account_stale = true;
                if let Some(view) = &mut self.view {
                    view.dirty = true;
                }
            }
            BusEvent::Suspended { account } | BusEvent::PasswordChanged { account } if Some(account) == own => {
                self.account_stale = true;
            }
            _ => {}
        }
    }

    fn heard_all(&mut self) {
        if let Some(view) = &mut self.view {
            view.dirty = false;
        }
    }

    fn apply(&mut self, changes: Changes, out: &mut Vec<u8>) {
        let Some(view) = &mut self.view else { return };
        view.dirty = false;
        let known_to = view.last_uid();
        let arrived = |mailbox: &&Mailbox| !self.enabled.rev2 && mailbox.uidnext > known_to.saturating_add(1);
        if let Some(mailbox) = changes.mailbox.as_ref().filter(arrived) {
            let first = self.service.recent().first(mailbox, view.read_only).max(known_to + 1);
            view.recent.add(first, mailbox.uidnext - 1);
            view.recent.unsaved |= first < mailbox.uidnext && !view.read_only;
        }
        changes.apply(view, self.enabled, out);
    }

    /// Tells what is gone, if that is allowed now.
    fn tell_expunges(&mut self, out: &mut Vec<u8>, allowed: Allowed) {
        let Some(view) = &mut self.view else { return };
        if !allowed.expunge || view.gone.is_empty() {
            return;
        }
        let gone = std::mem::take(&mut view.gone);
        if self.enabled.vanished() {
            vanished_line(out, false, &set::ranges_of(gone.iter().copied()));
        } else {
            // From the end, so that the numbers before stay as they are.
            for number in gone.iter().rev().filter_map(|&uid| view.number_of(uid)) {
                count_line(out, u64::from(number), "EXPUNGE");
            }
        }
        view.uids.remove(&gone);
        view.saved.retain(|uid| gone.binary_search(uid).is_err());
    }
}

/// Reads what has happened since `since`.
pub(super) fn changes_since(tx: &mut dyn Tx, id: MailboxId, since: u64, guest: Option<AccountId>) -> Result<Changes> {
    let mut mailbox = mailbox::status(tx, id)?;
    let rights = match (&mailbox, guest) {
        (Some(mailbox), Some(account)) => Some(acl::rights(tx, account, mailbox)?),
        _ => None,
    };
    if rights.is_some_and(|rights| !rights.has(Rights::READ)) {
        // For who may not read it any more, it is gone.
        mailbox = None;
    }
    let mut changes = Changes {
        mailbox,
        changed: Vec::new(),
        vanished: Vanished::default(),
        present: None,
        keywords: Vec::new(),
        rights,
    };
    match &changes.mailbox {
        Some(mailbox) if mailbox.modseq > since => {}
        _ => return Ok(changes),
    }
    changes.changed = mail::changed_since(tx, id, since)?;
    changes.vanished = mail::vanished_since(tx, id, since)?;
    if !changes.vanished.complete {
        let mut present = HashSet::new();
        mail::entries(tx, id, 1, u32::MAX, &mut |mail| {
            present.insert(mail.uid);
            Ok(())
        })?;
        changes.present = Some(present);
    }
    if !changes.changed.is_empty() {
        changes.keywords = mailbox::keywords(tx, id)?;
    }
    Ok(changes)
}

impl Changes {
    fn apply(mut self, view: &mut View, enabled: Enabled, out: &mut Vec<u8>) {
        let Some(mailbox) = self.mailbox.take() else {
            // The mailbox was deleted by somebody else: all of it is gone.
            view.gone = view.uids.iter().collect();
            view.rights = self.rights.unwrap_or(view.rights);
            return;
        };
        view.rights = self.rights.unwrap_or(view.rights);
        if mailbox.modseq <= view.mod_seq {
            return;
        }
        if !self.changed.is_empty() && view.keywords.0 != self.keywords {
            view.keywords = Arc::new(Keywords(std::mem::take(&mut self.keywords)));
            view.keywords.announce(out, view.changeable());
        }
        let known_to = view.last_uid();
        for mail in
            self.changed.iter().filter(|mail| mail.uid <= known_to && view.told.get(&mail.uid) != Some(&mail.modseq))
        {
            if let Some(number) = view.number_of(mail.uid) {
                flags_line(out, view, number, mail, enabled);
            }
        }
        self.note_gone(view);
        let mut arrived: Vec<u32> = self.changed.iter().map(|mail| mail.uid).filter(|&uid| uid > known_to).collect();
        if !arrived.is_empty() {
            arrived.sort_unstable();
            // A message that came and went unseen has no number, so it needs no EXPUNGE.
            view.uids.extend(arrived);
            let exists = u64::from(view.exists());
            count_line(out, exists, "EXISTS");
            if !enabled.rev2 {
                count_line(out, view.recent_count(), "RECENT");
            }
        }
        view.mod_seq = mailbox.modseq;
        view.told = HashMap::new();
    }

    fn note_gone(&self, view: &mut View) {
        let before = view.gone.len();
        match &self.present {
            Some(present) => view.gone = view.uids.iter().filter(|uid| !present.contains(uid)).collect(),
            None => {
                for &(low, high) in &self.vanished.ranges {
                    let (from, to) = (view.uids.below(low), view.uids.below(high.saturating_add(1)));
                    view.gone.extend(view.uids.span(from, to).map(|(_, uid)| uid));
                }
            }
        }
        if view.gone.len() != before {
            view.gone.sort_unstable();
            view.gone.dedup();
        }
    }
}

/// `* n FETCH (FLAGS (…))`, with the UID and the mod-sequence where the client wants them.
pub(super) fn flags_line(out: &mut Vec<u8>, view: &View, number: u32, mail: &Mail, enabled: Enabled) {
    fetch_start(out, number, mail.uid, enabled);
    if enabled.qresync && !enabled.uid_only {
        out.extend_from_slice(b"UID ");
        print::number(out, u64::from(mail.uid));
        out.push(b' ');
    }
    out.extend_from_slice(b"FLAGS ");
    view.keywords.print(out, mail.flags, view.recent.has(mail.uid));
    if enabled.condstore {
        out.extend_from_slice(b" MODSEQ (");
        print::number(out, mail.modseq);
        out.push(b')');
    }
    out.extend_from_slice(b")\r\n");
}

/// `* n FETCH (`, or `* uid UIDFETCH (` for clients without message numbers (RFC 9586 §3.3).
pub(super) fn fetch_start(out: &mut Vec<u8>, number: u32, uid: u32, enabled: Enabled) {
    out.extend_from_slice(b"* ");
    print::number(out, u64::from(if enabled.uid_only { uid } else { number }));
    out.extend_from_slice(if enabled.uid_only { b" UIDFETCH (" } else { b" FETCH (" });
}
