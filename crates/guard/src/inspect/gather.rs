//! Puts together what the lines of a log say about the same message or login.

use sekisho_message::Time;

use super::bounded::{folded, hash, pair};
use super::fact::{Accepted, Attempt, Delivery, End, Fact, Reach};
use super::judge::{Inspector, PATIENCE, Waiting, What};
use super::mails::{MOST_RECIPIENTS, Mail, MailId, Rcpt, Who};
use crate::event::OutcomeResult;
use crate::place::Place;

impl Inspector {
    pub(super) fn take(&mut self, at: Time, fact: Fact<'_>) {
        match fact {
            Fact::Client { queue, ip, user, original } => self.begin(at, queue, ip, user, original),
            Fact::Pickup { queue, user } => {
                self.add(hash(queue), Mail::new(Who::Local(user.into()), Place::Unknown, at));
            }
            Fact::MessageId { queue, id } => self.named(hash(queue), hash(id)),
            Fact::Envelope { queue, from, size, recipients } => self.envelope(hash(queue), from, size, recipients),
            Fact::Delivery(delivery) => self.delivered(at, &delivery),
            Fact::Done { queue } => self.mails.close(hash(queue)),
            Fact::Accepted(accepted) => self.accepted(at, &accepted),
            Fact::Login(attempt) => self.attempt(at, &attempt),
            Fact::Refused => self.report.refused += 1,
        }
    }

    fn begin(&mut self, at: Time, queue: &str, ip: &str, user: &str, original: &str) {
        if !original.is_empty()
            && let Some(id) = self.mails.of(hash(original))
        {
            return self.mails.alias(hash(queue), id);
        }
        let who = if user.is_empty() { Who::Network } else { Who::Account(user.to_lowercase().into()) };
        if let Who::Account(name) = &who {
            self.houses.bare |= !name.contains('@');
        }
        self.add(hash(queue), Mail::new(who, Place::parse(ip), at));
    }

    fn add(&mut self, queue: u64, mail: Mail) -> MailId {
        let at = mail.at;
        let id = self.mails.add(queue, mail);
        self.wait(at, What::Mail(id));
        id
    }

    fn wait(&mut self, at: Time, what: What) {
        self.waiting.push_back(Waiting { at, what });
    }

    /// A content filter gives a message back through the loopback: it is the message that went in.
    fn named(&mut self, queue: u64, message_id: u64) {
        let Some(id) = self.mails.of(queue) else { return };
        let loopback = |place| matches!(place, Place::V4([127, ..]) | Place::V6([0, 0, 0, 0, 0, 0]));
        let back = self.mails.get(id).is_some_and(|mail| match mail.who {
            Who::Network => loopback(mail.place),
            Who::Local(_) => true,
            Who::Account(_) => false,
        });
        match self.mails.named(message_id) {
            Some(known) if back && known != id => self.mails.alias(queue, known),
            _ => self.mails.name(id, message_id),
        }
    }

    fn envelope(&mut self, queue: u64, from: &str, size: u32, recipients: u32) {
        let Some(mail) = self.mails.of(queue).and_then(|id| self.mails.get(id)) else { return };
        mail.from = if from.is_empty() { 0 } else { folded(from) };
        mail.size = mail.size.max(size);
        mail.expected = mail.expected.max(recipients);
    }

    fn delivered(&mut self, at: Time, delivery: &Delivery<'_>) {
        let id = self.mails.of(hash(&delivery.queue));
        if let Reach::Filter(child) = delivery.reach {
            if let Some(id) = id {
                self.adopt(id, hash(child));
            }
            return;
        }
        // A program that gave the message back was a filter, and not where its journey ended.
        let program = delivery.reach == Reach::Program;
        if program && id.and_then(|id| self.mails.get(id)).is_some_and(|mail| mail.open > 1) {
            return;
        }
        let rcpt = recipient(&delivery.to);
        let inside = match delivery.reach {
            Reach::Inside | Reach::Program => true,
            Reach::Outside => self.houses.is_given(rcpt.domain),
            _ => self.houses.has(rcpt.domain),
        };
        if matches!(delivery.reach, Reach::Inside | Reach::Program) && delivery.end == End::Sent {
            self.houses.note(&delivery.to);
        }
        let Some(id) = id else { return };
        let Some(mail) = self.mails.get(id) else { return };
        // An alias or forward of the house is no relaying by the stranger who wrote to it.
        let forwarded = mail.who == Who::Network && {
            let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| folded(domain));
            !delivery.original.is_empty() && domain(delivery.original) != domain(&delivery.to)
        };
        let inside = inside || forwarded;
        let from = mail.from;
        let Some(index) = self.mails.recipient(id, Rcpt { inside, ..rcpt }) else { return };
        let Some(known) = self.mails.get(id).and_then(|mail| mail.recipients.get_mut(index)) else { return };
        let result = result(delivery);
        let news = known.result.is_none() && result.is_some();
        known.result = known.result.or(result);
        let judged = self.mails.get(id).filter(|mail| mail.judged && !inside).map(|mail| mail.origin);
        if let Some(origin) = judged.and_then(|key| self.origins.get(key)) {
            result.filter(|_| news).into_iter().for_each(|result| origin.course.ended(result));
        }
        if inside && delivery.end == End::Sent && from != 0 {
            self.heard(&rcpt, from);
        } else if news && !inside {
            self.wait(at, What::Outcome(id, u32::try_from(index).unwrap_or(u32::MAX)));
        }
    }

    /// Whoever receives mail has its sender as a contact.
    fn heard(&mut self, receiver: &Rcpt, from: u64) {
        self.contacts.insert(pair(receiver.address, from));
        if self.houses.bare {
            self.contacts.insert(pair(receiver.local_part, from));
        }
    }

    /// The filter has said under which id it gives a message back.
    fn adopt(&mut self, id: MailId, child: u64) {
        let Some(other) = self.mails.of(child).filter(|&other| other != id) else { return };
        let Some(taken) = self.mails.get(other).filter(|mail| !mail.judged) else { return };
        let (recipients, expected) = (taken.recipients.clone(), taken.expected);
        self.mails.forget(other);
        self.mails.alias(child, id);
        if let Some(mail) = self.mails.get(id) {
            mail.expected = mail.expected.max(expected);
        }
        for rcpt in recipients {
            self.mails.recipient(id, rcpt);
        }
    }

    fn accepted(&mut self, at: Time, line: &Accepted<'_>) {
        if line.names_users {
            self.houses.note(&line.user);
        } else {
            self.houses.note_host(line.host);
        }
        let queue = hash(&line.queue);
        let known = self.mails.of(queue).filter(|&id| {
            self.mails.get(id).is_some_and(|mail| !mail.judged && at.0.saturating_sub(mail.at.0) < PATIENCE)
        });
        let id = match known {
            Some(id) => id,
            None => {
                let house = line.from.rsplit_once('@').is_some_and(|(_, domain)| self.houses.has(folded(domain)));
                let who = match (line.user.is_empty(), line.names_users || !house) {
                    (false, _) => Who::Account(line.user.to_lowercase().into()),
                    (true, true) => Who::Network,
                    (true, false) => Who::Account(line.from.to_lowercase().into()),
                };
                let mut mail = Mail::new(who, Place::parse(&line.ip), at);
                mail.from = if line.from.is_empty() { 0 } else { folded(&line.from) };
                (mail.at_once, mail.size) = (true, line.size);
                self.add(queue, mail)
            }
        };
        for to in &line.to {
            let rcpt = recipient(to);
            let inside = self.houses.has(rcpt.domain);
            self.mails.recipient(id, Rcpt { inside, ..rcpt });
            let Some(from) = self.mails.get(id).map(|mail| mail.from) else { return };
            if inside && from != 0 {
                self.heard(&rcpt, from);
            }
        }
        // Those who are not listed are taken for the same people every time.
        if let Some(mail) = self.mails.get(id) {
            mail.unlisted = mail.unlisted.max(line.more.min(MOST_RECIPIENTS));
        }
    }

    fn attempt(&mut self, at: Time, attempt: &Attempt<'_>) {
        if attempt.user.is_empty() {
            // As whom is not said: it counts against whoever comes in from there.
            self.report.failures += u64::from(attempt.count);
            self.nameless(at, attempt);
            return self.site.guessing.note(true, at);
        }
        if attempt.right {
            self.report.logins += 1;
        } else if !attempt.sum {
            self.report.failures += u64::from(attempt.count);
        }
        let tries = self.tries_of(at, attempt);
        for one in tries {
            self.wait(at, What::Login(Box::new(one)));
        }
    }
}

/// A recipient as far as its address tells.
fn recipient(address: &str) -> Rcpt {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let mut order = [0; 8];
    order.iter_mut().zip(address.bytes()).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    Rcpt {
        address: folded(address),
        domain: if domain.is_empty() { 0 } else { folded(domain) },
        order: u64::from_be_bytes(order),
        local_part: folded(local),
        ..Rcpt::default()
    }
}

fn result(delivery: &Delivery<'_>) -> Option<OutcomeResult> {
    match delivery.end {
        End::Sent => Some(OutcomeResult::Relayed),
        End::Failed if is_dead(&delivery.reply) => Some(OutcomeResult::Dead),
        End::Failed if is_refusal(&delivery.reply) => Some(OutcomeResult::Refused),
        End::Failed => Some(OutcomeResult::Failed),
        End::Deferred => None,
    }
}

/// Whether a reply says that there is no such recipient (RFC 3463 §3.2, or in words).
fn is_dead(reply: &str) -> bool {
    const WORDS: [&str; 8] = [
        "5.1.1",
        "5.1.10",
        "ser unknown",
        "nknown user",
        "o such user",
        "does not exist",
        "o mailbox here",
        "ecipient not found",
    ];
    WORDS.iter().any(|word| reply.contains(word))
}

/// Whether a reply refuses for policy, reputation or as spam (RFC 3463 §3.8, or in words).
fn is_refusal(reply: &str) -> bool {
    const WORDS: [&str; 7] = ["5.7.", "spam", "Spam", "SPAM", "block", "blacklist", "reputation"];
    WORDS.iter().any(|word| reply.contains(word))
}
