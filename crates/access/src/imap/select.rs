//! SELECT, EXAMINE, CLOSE and UNSELECT (RFC 3501 §6.3.1, QRESYNC RFC 7162 §3.2.5).

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_proto::imap::command::{QResync, Select};
use sekisho_proto::imap::{Done, set};
use sekisho_store::acl::Rights;
use sekisho_store::mail::{self, Mail, Vanished};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, MailboxId, Result, Tx};

use super::agent::{Enabled, ImapAgent, Outcome};
use super::list::changed_line;
use super::names::{Found, find, normal};
use super::news::{Allowed, flags_line};
use super::refusal::{no_permission, nonexistent};
use super::status::mailbox_id;
use super::uids::Uids;
use super::view::{Keywords, Recent, View, count_line, vanished_line};

/// UIDs that may be looked through for the first unseen message each time.
const FAR: u32 = 500;

/// What is read when a mailbox is opened.
struct Opened {
    mailbox: Mailbox,
    rights: Rights,
    uids: Uids,
    /// UID of the first message without `\Seen`.
    first_unseen: Option<u32>,
    /// It was a long way to it: worth remembering.
    far: bool,
    keywords: Vec<(u8, String)>,
    resync: Option<Resync>,
}

/// What a client that remembers the mailbox has missed.
struct Resync {
    changed: Vec<Mail>,
    vanished: Vanished,
    known: Option<Vec<(u32, u32)>>,
}

impl ImapAgent {
    pub(super) async fn select(&mut self, select: Select) -> Outcome {
        let had_open = self.view.is_some();
        self.leave_view().await;
        let account = self.account_id()?;
        if select.qresync.is_some() && !self.enabled.qresync {
            return Err(Done::bad("ENABLE QRESYNC first"));
        }
        self.enabled.condstore |= select.condstore || select.qresync.is_some();
        let (name, resync) = (select.mailbox.clone(), select.qresync);
        let opened = self.store().read(move |tx| open(tx, account, &name, resync.as_ref())).await;
        let opened = opened.map_err(|error| self.refused(&error))?.ok_or_else(nonexistent)?;
        if !opened.rights.has(Rights::READ) {
            return Err(no_permission());
        }
        let read_only = select.read_only || !opened.rights.any(Rights::CHANGES);
        let recent = self.taken_recent(&opened.mailbox, read_only).await;
        if opened.far {
            self.save_first_unseen(&opened).await;
        }
        let mut data = Vec::new();
        if had_open && (self.enabled.qresync || self.enabled.rev2) {
            data.extend_from_slice(b"* OK [CLOSED] The mailbox that was open is closed\r\n");
        }
        self.view = Some(opened.announce(&mut data, read_only, recent, self.enabled));
        self.watch_others();
        if self.enabled.rev2 {
            changed_line(&mut data, "", &normal(&select.mailbox), None, self.enabled);
        }
        let verb = if select.read_only { "EXAMINE" } else { "SELECT" };
        let code = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Ok(Done::ok(format!("{verb} completed")).code(code).data(data))
    }

    /// The messages that are `\Recent` here, and nobody else's from now on. IMAP4rev2 has none.
    async fn taken_recent(&self, mailbox: &Mailbox, read_only: bool) -> Recent {
        let mut recent = Recent::default();
        if !self.enabled.rev2 {
            recent.add(self.service.recent().first(mailbox, read_only), mailbox.uidnext - 1);
            if !read_only && mailbox.first_recent < mailbox.uidnext {
                self.save_recent(mailbox.id).await;
            }
        }
        recent
    }

    /// CLOSE: what has `\Deleted` goes, silently, unless the mailbox was opened with EXAMINE.
    pub(super) async fn close(&mut self) -> Outcome {
        let view = self.open_view()?;
        let expunged = !view.read_only && view.rights.has(Rights::EXPUNGE) && self.expunge_all(None).await?;
        let mut done = Done::ok("CLOSE completed");
        if expunged && self.enabled.qresync {
            // What the client is not told of, it need not ask for when it comes back (RFC 7162 §3.2.8).
            let mut unsaid = Vec::new();
            self.news(&mut unsaid, Allowed::ALL).await.map_err(|error| self.refused(&error))?;
            done = done.code(format!("HIGHESTMODSEQ {}", self.open_view()?.mod_seq));
        }
        self.leave_view().await;
        Ok(done)
    }

    pub(super) async fn unselect(&mut self) -> Outcome {
        self.leave_view().await;
        Ok(Done::ok("UNSELECT completed"))
    }

    /// Forgets the open mailbox. What arrived while it was open was shown as `\Recent` here, so nobody else sees it so.
    async fn leave_view(&mut self) {
        if let Some(view) = self.view.take().filter(|view| view.recent.unsaved) {
            self.save_recent(view.id).await;
        }
        self.watch_others();
    }

    /// The next one to open the mailbox need not look so far. Not worth failing for.
    async fn save_first_unseen(&self, opened: &Opened) {
        let (id, mod_seq) = (opened.mailbox.id, opened.mailbox.modseq);
        let first = opened.first_unseen.unwrap_or(opened.mailbox.uidnext);
        let write = self.store().write(move |tx| mail::note_first_unseen(tx, id, first, mod_seq));
        if let Err(error) = write.await {
            tracing::debug!(%error, "IMAP: the first unseen message is not noted");
        }
    }

    /// The messages of the mailbox are nobody's `\Recent` any more. Not worth failing for.
    async fn save_recent(&self, id: MailboxId) {
        if let Err(error) = self.store().write(move |tx| mailbox::take_recent(tx, id)).await {
            tracing::debug!(%error, "IMAP: recent messages stay recent");
        }
    }
}

fn open(tx: &mut dyn Tx, account: AccountId, name: &str, resync: Option<&QResync>) -> Result<Option<Opened>> {
    let Some(Found { mailbox, rights }) = find(tx, account, name)? else { return Ok(None) };
    if !rights.has(Rights::READ) {
        return Ok(Some(Opened {
            mailbox,
            rights,
            uids: Uids::of_ranges([]),
            first_unseen: None,
            far: false,
            keywords: Vec::new(),
            resync: None,
        }));
    }
    let uids = Uids::of_ranges(mailbox::uids(tx, &mailbox)?);
    let (first_unseen, from) = mail::first_unseen(tx, &mailbox)?;
    let far = first_unseen.unwrap_or(mailbox.uidnext).saturating_sub(from) > FAR;
    let keywords = mailbox::keywords(tx, mailbox.id)?;
    let resync = match resync {
        Some(resync) if resync.uid_validity == mailbox.uidvalidity => Some(Resync {
            changed: mail::changed_since(tx, mailbox.id, resync.mod_seq)?,
            vanished: mail::vanished_since(tx, mailbox.id, resync.mod_seq)?,
            known: resync.known_uids.as_ref().map(|set| set.resolve(mailbox.uidnext.saturating_sub(1))),
        }),
        _ => None,
    };
    Ok(Some(Opened { mailbox, rights, uids, first_unseen, far, keywords, resync }))
}

impl Opened {
    fn announce(self, out: &mut Vec<u8>, read_only: bool, recent: Recent, enabled: Enabled) -> View {
        let view = View {
            id: self.mailbox.id,
            owner: self.mailbox.account,
            rights: self.rights,
            read_only,
            uids: self.uids,
            gone: Vec::new(),
            mod_seq: self.mailbox.modseq,
            told: HashMap::new(),
            recent,
            keywords: Arc::new(Keywords(self.keywords)),
            saved: Vec::new(),
            dirty: false,
        };
        view.keywords.announce(out, view.changeable());
        count_line(out, u64::from(view.exists()), "EXISTS");
        if !enabled.rev2 {
            count_line(out, view.recent_count(), "RECENT");
        }
        let mut code = |name: &str, n: u64, text: &str| {
            out.extend_from_slice(format!("* OK [{name} {n}] {text}\r\n").as_bytes());
        };
        if let Some(number) =
            self.first_unseen.filter(|_| !enabled.rev2 && !enabled.uid_only).and_then(|uid| view.number_of(uid))
        {
            code("UNSEEN", number.into(), "The first message that is not seen");
        }
        code("UIDVALIDITY", self.mailbox.uidvalidity.into(), "UIDs are valid");
        code("UIDNEXT", self.mailbox.uidnext.into(), "The next UID");
        code("HIGHESTMODSEQ", self.mailbox.modseq.max(1), "The latest change");
        out.extend_from_slice(format!("* OK [MAILBOXID {}] Its id\r\n", mailbox_id(self.mailbox.id)).as_bytes());
        if let Some(resync) = &self.resync {
            resync.tell(out, &view, enabled);
        }
        view
    }
}

impl Resync {
    fn tell(&self, out: &mut Vec<u8>, view: &View, enabled: Enabled) {
        let known = |uid: u32| self.known.as_ref().is_none_or(|known| set::contains(known, uid));
        if self.vanished.complete {
            let ranges = match &self.known {
                Some(known) => intersect(&self.vanished.ranges, known),
                None => self.vanished.ranges.clone(),
            };
            vanished_line(out, true, &ranges);
        } else {
            // The records do not go back that far: whatever the client may know and the mailbox does not hold.
            let asked = self.known.clone().unwrap_or_else(|| vec![(1, view.last_uid().max(1))]);
            vanished_line(out, true, &absent(&asked, &view.uids));
        }
        let mut changed: Vec<&Mail> = self.changed.iter().filter(|mail| known(mail.uid)).collect();
        changed.sort_unstable_by_key(|mail| mail.uid);
        for mail in changed {
            if let Some(number) = view.number_of(mail.uid) {
                flags_line(out, view, number, mail, Enabled { qresync: true, ..enabled });
            }
        }
    }
}

/// The UIDs up to `last`.
pub(super) fn uids(tx: &mut dyn Tx, id: MailboxId, last: u32) -> Result<Vec<u32>> {
    let mut uids = Vec::new();
    mail::entries(tx, id, 1, last, &mut |mail| {
        uids.push(mail.uid);
        Ok(())
    })?;
    Ok(uids)
}

/// What lies in both of two lists of sorted, non-overlapping ranges.
pub(super) fn intersect(a: &[(u32, u32)], b: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while let (Some(&(a_low, a_high)), Some(&(b_low, b_high))) = (a.get(i), b.get(j)) {
        let (low, high) = (a_low.max(b_low), a_high.min(b_high));
        if low <= high {
            out.push((low, high));
        }
        if a_high < b_high { i += 1 } else { j += 1 }
    }
    out
}

/// The parts of `ranges` that none of `uids` is in.
pub(super) fn absent(ranges: &[(u32, u32)], uids: &Uids) -> Vec<(u32, u32)> {
    let mut out = Vec::new();
    let mut present = uids.ranges().peekable();
    for &(low, high) in ranges {
        let mut from = Some(low);
        while let Some(first) = from.filter(|&first| first <= high) {
            while present.next_if(|&(_, last)| last < first).is_some() {}
            match present.peek() {
                Some(&(start, last)) if start <= high => {
                    if first < start {
                        out.push((first, start - 1));
                    }
                    from = last.checked_add(1);
                }
                _ => {
                    out.push((first, high));
                    from = None;
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_miss() {
        assert_eq!(intersect(&[(1, 5), (8, 9), (12, 20)], &[(4, 8), (15, 30)]), [(4, 5), (8, 8), (15, 20)]);
        assert_eq!(intersect(&[(1, 5)], &[]), []);
        let absent = |ranges: &[(u32, u32)], uids: &[u32]| {
            super::absent(ranges, &Uids::of_ranges(uids.iter().map(|&uid| (uid, uid))))
        };
        assert_eq!(absent(&[(1, 10)], &[2, 3, 7]), [(1, 1), (4, 6), (8, 10)]);
        assert_eq!(absent(&[(1, 3), (7, 7)], &[1, 2, 3, 7]), []);
        assert_eq!(absent(&[(2, 2), (4, 9)], &[1, 2, 3, 7]), [(4, 6), (8, 9)]);
        assert_eq!(absent(&[(1, 3), (5, 6)], &[]), [(1, 3), (5, 6)]);
        assert_eq!(absent(&[(u32::MAX - 1, u32::MAX)], &[u32::MAX]), [(u32::MAX - 1, u32::MAX - 1)]);
    }
}
