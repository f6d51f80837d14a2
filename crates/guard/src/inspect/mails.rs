//! Messages that a log is telling of.

use std::collections::{HashMap, VecDeque};

use sekisho_message::Time;

use crate::event::OutcomeResult;
use crate::place::Place;

/// Messages that are remembered at once.
const MOST: usize = 200_000;
/// Recipients of a message that are told apart.
pub(super) const MOST_RECIPIENTS: u32 = 10_000;
/// Recipients of all messages that are remembered at once.
const MOST_IN_ALL: usize = 2_000_000;

/// Who brought a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// An account.
    Account(Box<str>),
    /// A client that did not authenticate.
    Network,
    /// A program on the server, under this user.
    Local(Box<str>),
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) who: Who,
    pub(super) place: Place,
    pub(super) at: Time,
    /// Hash of the reverse-path; 0: null or unknown.
    pub(super) from: u64,
    pub(super) size: u32,
    /// How many recipients there are; 0: unknown.
    pub(super) expected: u32,
    pub(super) recipients: Vec<Rcpt>,
    /// Recipients that the log counts and does not name.
    pub(super) unlisted: u32,
    /// Queue ids under which it is still in the queue.
    pub(super) open: u32,
    /// Whether its recipients come all at once, as in an inlog.
    pub(super) at_once: bool,
    pub(super) judged: bool,
    /// Hash of the origin that it was judged under.
    pub(super) origin: u64,
    /// Hash of the Message-ID, under which a filter may give it back.
    pub(super) id: u64,
    serial: u64,
}

/// A recipient.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rcpt {
    pub(super) address: u64,
    pub(super) domain: u64,
    pub(super) order: u64,
    /// Hash of what stands before the at sign.
    pub(super) local_part: u64,
    pub(super) inside: bool,
    /// Whether it was new to the origin when the message was judged.
    pub(super) first: bool,
    /// Whether it would have left by now.
    pub(super) left: bool,
    /// What became of it, and whether the guard was told.
    pub(super) result: Option<OutcomeResult>,
    pub(super) told: bool,
}

impl Mail {
    pub(super) fn new(who: Who, place: Place, at: Time) -> Self {
        Self {
            who,
            place,
            at,
            from: 0,
            size: 0,
            expected: 0,
            recipients: Vec::new(),
            unlisted: 0,
            open: 1,
            at_once: false,
            judged: false,
            origin: 0,
            id: 0,
            serial: 0,
        }
    }

    /// Whether all is known that the log will tell before the outcome.
    pub(super) fn is_complete(&self) -> bool {
        !self.at_once && (self.open == 0 || (self.expected > 0 && self.recipients.len() >= self.expected as usize))
    }
}

/// A message by its place in the table; it may be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MailId {
    slot: u32,
    serial: u64,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Mails {
    slots: Vec<Option<Mail>>,
    free: Vec<u32>,
    queues: HashMap<u64, MailId>,
    ids: HashMap<u64, MailId>,
    /// Oldest first, to know whom to forget.
    order: VecDeque<(MailId, u64)>,
    /// Recipients of all of them.
    recipients: usize,
    serial: u64,
}

impl Mails {
    /// Adds a message under a queue id; an older one of this id is done.
    pub(super) fn add(&mut self, queue: u64, mut mail: Mail) -> MailId {
        self.close(queue);
        self.serial += 1;
        mail.serial = self.serial;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let id = MailId { slot, serial: self.serial };
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(mail);
        }
        self.queues.insert(queue, id);
        self.order.push_back((id, queue));
        while self.order.len() > MOST {
            self.forget_oldest();
        }
        if self.queues.len() > 3 * MOST {
            self.queues.clear();
        }
        id
    }

    /// The message of a queue id.
    pub(super) fn of(&self, queue: u64) -> Option<MailId> {
        self.queues.get(&queue).copied()
    }

    pub(super) fn get(&mut self, id: MailId) -> Option<&mut Mail> {
        self.slots.get_mut(id.slot as usize)?.as_mut().filter(|mail| mail.serial == id.serial)
    }

    /// Which recipient of the message it is; added if it is none yet and there is room.
    pub(super) fn recipient(&mut self, id: MailId, rcpt: Rcpt) -> Option<usize> {
        let mail = self.get(id)?;
        if let Some(index) = mail.recipients.iter().position(|known| known.address == rcpt.address) {
            return Some(index);
        }
        if mail.recipients.len() >= MOST_RECIPIENTS as usize {
            return None;
        }
        mail.recipients.push(rcpt);
        let index = mail.recipients.len() - 1;
        self.recipients += 1;
        while self.recipients > MOST_IN_ALL && self.order.front().is_some_and(|(oldest, _)| *oldest != id) {
            self.forget_oldest();
        }
        Some(index)
    }

    /// A filter gave the message back under another id.
    pub(super) fn alias(&mut self, queue: u64, id: MailId) {
        if self.queues.get(&queue) == Some(&id) {
            return;
        }
        self.close(queue);
        if let Some(mail) = self.get(id) {
            mail.open += 1;
            self.queues.insert(queue, id);
        }
    }

    /// Remembers a Message-ID.
    pub(super) fn name(&mut self, id: MailId, message_id: u64) {
        if let Some(mail) = self.get(id) {
            mail.id = message_id;
            self.ids.insert(message_id, id);
        }
    }

    /// The message of a Message-ID.
    pub(super) fn named(&mut self, message_id: u64) -> Option<MailId> {
        let id = self.ids.get(&message_id).copied()?;
        self.get(id).is_some().then_some(id)
    }

    /// The server is done with a queue id.
    pub(super) fn close(&mut self, queue: u64) {
        if let Some(id) = self.queues.remove(&queue)
            && let Some(mail) = self.get(id)
        {
            mail.open = mail.open.saturating_sub(1);
            self.drop_if_done(id);
        }
    }

    /// Forgets a message of which nothing is expected any more.
    pub(super) fn drop_if_done(&mut self, id: MailId) {
        let done = |mail: &Mail| {
            mail.open == 0
                && mail.judged
                && mail.recipients.iter().all(|r| r.told || r.inside || !r.first || (r.left && r.result.is_none()))
        };
        if self.get(id).is_some_and(|mail| done(mail)) {
            self.forget(id);
        }
        // Those who left early are still in the order; it must not grow for ever.
        while let Some(&(oldest, _)) = self.order.front()
            && self.get(oldest).is_none()
        {
            self.order.pop_front();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((oldest, queue)) = self.order.pop_front() else { return };
        self.forget(oldest);
        if self.queues.get(&queue) == Some(&oldest) {
            self.queues.remove(&queue);
        }
    }

    /// Forgets a message, whatever is expected of it.
    pub(super) fn forget(&mut self, id: MailId) {
        let Some(mail) = self.get(id) else { return };
        let (name, recipients) = (mail.id, mail.recipients.len());
        self.recipients = self.recipients.saturating_sub(recipients);
        if let Some(place) = self.slots.get_mut(id.slot as usize) {
            *place = None;
            self.free.push(id.slot);
        }
        if self.ids.get(&name) == Some(&id) {
            self.ids.remove(&name);
        }
    }
}
