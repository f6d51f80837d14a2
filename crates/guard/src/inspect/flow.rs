//! Judging messages, and what would have become of them.

use std::cmp::Reverse;
use std::time::Duration;

use sekisho_message::Time;

use super::bounded::{folded, hash, pair};
use super::course::Excuse;
use super::judge::{Inspector, Leave};
use super::mails::{MailId, Who};
use super::origins::{Mark, Sent, is_away};
use super::report::Found;
use crate::class::Class;
use crate::event::{Event, Outcome, Recipient, Submission};
use crate::ladder::Action;
use crate::place::Place;
use crate::step::step;

/// Recipients that wait at once; more are taken to have left.
const LEAVES: usize = 1_000_000;

/// Recipients that a log counts without naming them and that are looked at one by one; the guard's floor is lower.
const UNLISTED: u32 = 256;
/// Tells those to whom an origin tried to write from those to whom it would have.
const TRIED: u64 = 0x7269_6564;

impl Inspector {
    /// Judges a message of which all is known.
    pub(super) fn judge(&mut self, id: MailId, at: Time) {
        let Some(mail) = self.mails.get(id) else { return };
        mail.judged = true;
        let unlisted = mail.unlisted as usize;
        let count = (mail.recipients.len() + unlisted) as u64;
        let outside = mail.recipients.iter().filter(|r| !r.inside).count() + unlisted;
        let (place, who) = (mail.place, mail.who.clone());
        let (key, contact_key) = match &who {
            Who::Account(name) if mail.recipients.len() + unlisted > 0 => (folded(name), folded(name)),
            Who::Network if outside > 0 => {
                let key = hash(&place.to_string());
                (key, key)
            }
            Who::Local(user) if outside > 0 => {
                let key = pair(hash("local"), hash(user));
                (key, key)
            }
            who => {
                self.report.received += u64::from(*who == Who::Network && !mail.recipients.is_empty());
                return self.mails.drop_if_done(id);
            }
        };
        let authenticated = matches!(who, Who::Account(_));
        let message = self.submission(id, contact_key, place, authenticated, at);
        if let Who::Account(name) = &who {
            self.logged_in_to_send(name, key, place, at);
        }
        if who == Who::Network {
            self.handed_in(id, place, at);
            if self.is_open(place, at) {
                self.anywhere(id, &message, outside, at);
            }
        }
        self.report.messages += 1;
        self.report.recipients += count;
        self.origin(key, at, || match &who {
            Who::Account(name) => format!("account:{name}"),
            Who::Local(user) => format!("local:{user}"),
            _ => format!("network:{place}"),
        });
        self.look_back(key, at);
        let policy = &self.policy;
        let Some(origin) = self.origins.get(key) else { return };
        self.report.origins += u64::from(!std::mem::replace(&mut origin.sends, true));
        if origin.is_over(policy, at) {
            let Some(open) = origin.resolve(policy, &mut self.site, at) else { return };
            if let Some(found) = self.found.get_mut(open) {
                found.closed = true;
            }
        }
        let mut message = message;
        if !authenticated {
            // A network, or a program, is nowhere else than where it is.
            message.place = Place::Unknown;
        }
        let verdict = step(policy, &mut origin.profile, &mut self.site, &Event::Submission(message), at);
        let sent = Sent { at, place, outside: u32::try_from(outside).unwrap_or(u32::MAX), authenticated };
        let mark = origin.evidence.note(&origin.profile, &verdict, sent);
        if let Some(incident) = &verdict.incident {
            let found = origin.hold(incident, &verdict, self.found.len(), at);
            self.found.push(found);
        } else if let Some(found) = origin.open.and_then(|open| self.found.get_mut(open)) {
            found.after(sent);
        }
        if outside > 0 && (!is_away(&verdict) || origin.course.is_usual(place)) {
            self.went_on(id, key, contact_key, sent);
        }
        let Some(origin) = self.origins.get(key) else { return };
        let holds = origin.holds;
        self.let_go(id, key, contact_key, verdict.action, mark, holds, at);
    }

    fn submission(&mut self, id: MailId, key: u64, place: Place, authenticated: bool, at: Time) -> Submission {
        let hour = self.hour_of_week(at);
        let Some(mail) = self.mails.get(id) else { return Submission::default() };
        let mut recipients = Vec::with_capacity(mail.recipients.len());
        for rcpt in &mut mail.recipients {
            let contact = self.contacts.has(pair(key, rcpt.address));
            rcpt.first = !contact;
            recipients.push(Recipient {
                contact,
                local: rcpt.inside,
                domain: rcpt.domain,
                order: rcpt.order,
                trap: false,
            });
        }
        for n in 0..mail.unlisted.min(UNLISTED) {
            let contact = self.contacts.has(pair(key, u64::from(n)));
            recipients.push(Recipient { contact, ..Recipient::default() });
        }
        let mut message = Submission {
            message: self.report.messages + 1,
            authenticated,
            place,
            size: mail.size,
            recipients,
            hour_of_week: Some(hour),
            ..Submission::default()
        };
        if !authenticated {
            message.author.from = mail.from;
        }
        message
    }

    /// What leaves at once, what waits, and what does not leave.
    #[allow(clippy::too_many_arguments)]
    fn let_go(
        &mut self,
        id: MailId,
        key: u64,
        contact_key: u64,
        action: Action,
        mark: Option<Mark>,
        holds: u32,
        at: Time,
    ) {
        let Some(mail) = self.mails.get(id) else { return };
        mail.origin = key;
        let until = match action {
            Action::Hold => return,
            Action::Pass => Vec::new(),
            Action::Dwell { until } => until,
        };
        let mut gone = 0;
        for (index, rcpt) in mail.recipients.iter_mut().enumerate() {
            self.contacts.insert(pair(contact_key, rcpt.address));
            if rcpt.inside {
                continue;
            }
            let when = until.get(index).copied().flatten().filter(|when| *when > at);
            match when.filter(|_| self.leaves.len() < LEAVES) {
                None => {
                    rcpt.left = true;
                    gone += 1;
                }
                Some(when) => {
                    self.report.delayed += 1;
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    let number = self.report.delayed;
                    let leave = Leave { at: when, number, origin: key, mail: id, index, mark, holds };
                    self.leaves.push(Reverse(leave));
                }
            }
        }
        let listed = mail.recipients.len();
        for n in 0..mail.unlisted.min(UNLISTED) {
            self.contacts.insert(pair(contact_key, u64::from(n)));
            let index = listed + n as usize;
            match until.get(index).copied().flatten().filter(|when| *when > at) {
                Some(when) if self.leaves.len() < LEAVES => {
                    self.report.delayed += 1;
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    let number = self.report.delayed;
                    self.leaves.push(Reverse(Leave { at: when, number, origin: key, mail: id, index, mark, holds }));
                }
                _ => gone += 1,
            }
        }
        if let Some(mark) = mark
            && let Some(origin) = self.origins.get(key)
        {
            origin.evidence.escaped(mark, gone);
        }
        self.mails.drop_if_done(id);
    }

    /// Lets go what would have left until then.
    pub(super) fn leave(&mut self, until: Time) {
        while let Some(Reverse(next)) = self.leaves.peek().copied()
            && next.at <= until
        {
            self.leaves.pop();
            let Some(origin) = self.origins.get(next.origin) else { continue };
            if origin.profile.held_since.is_some() || origin.holds != next.holds {
                continue;
            }
            if let Some(mark) = next.mark {
                origin.evidence.escaped(mark, 1);
            }
            let Some(rcpt) = self.mails.get(next.mail).and_then(|m| m.recipients.get_mut(next.index as usize)) else {
                continue;
            };
            rcpt.left = true;
            if rcpt.result.is_some() {
                self.outcome(next.mail, next.index as usize, next.at + Duration::from_secs(2));
            }
        }
    }

    /// Looks whether what an origin was held for is excused by how it went on, once a day.
    fn look_back(&mut self, key: u64, at: Time) {
        let Some(origin) = self.origins.get(key) else { return };
        let Some(found) = origin.open.filter(|_| origin.course.turns(at)).and_then(|n| self.found.get_mut(n)) else {
            return;
        };
        let began = Time::from_seconds(self.report.period.map_or(0, |(from, _)| from));
        if let Some(excuse) = origin.course.excuse(found, began, origin.excused) {
            (found.excuse, origin.excused) = (Some(excuse), true);
            // As an administrator would have set it on the first day.
            let class = if excuse == Excuse::Repeats { Class::Newsletter } else { Class::Application };
            origin.profile.class_set = Some(class);
            origin.resolve(&self.policy, &mut self.site, at);
        }
    }

    /// The same at the end of the log.
    pub(super) fn excuse(&mut self, found: &mut Found) {
        let Some(origin) = self.origins.get(found.key).filter(|_| found.excuse.is_none()) else { return };
        let began = Time::from_seconds(self.report.period.map_or(0, |(from, _)| from));
        found.excuse = origin.course.excuse(found, began, origin.excused);
        if found.excuse.is_none() && !found.authenticated && found.origin.starts_with("network:") {
            found.excuse = self.gateways.excuse(&origin.course, began);
        }
        origin.excused |= found.excuse.is_some();
    }

    /// Notes how an origin goes on, held or not.
    fn went_on(&mut self, id: MailId, key: u64, contact_key: u64, sent: Sent) {
        let Some(mail) = self.mails.get(id) else { return };
        let Some(origin) = self.origins.get(key) else { return };
        let held = origin.profile.held_since.is_some();
        let mut known = 0;
        for rcpt in mail.recipients.iter().filter(|rcpt| !rcpt.inside) {
            let tried = pair(contact_key ^ TRIED, rcpt.address);
            known += u32::from(!rcpt.first || self.contacts.has(tried));
            if held {
                self.contacts.insert(tried);
            }
            origin.course.to(rcpt.domain);
            rcpt.result.into_iter().for_each(|result| origin.course.ended(result));
        }
        origin.course.sent(sent.at, sent.place, sent.outside, known);
    }

    /// Notes for whom a stranger hands mail in.
    fn handed_in(&mut self, id: MailId, place: Place, at: Time) {
        let Some(mail) = self.mails.get(id) else { return };
        for rcpt in mail.recipients.iter().filter(|rcpt| !rcpt.inside) {
            self.gateways.note(rcpt.domain, place, at);
        }
    }

    /// Tells the guard what became of a first contact, once the guard would have let it go.
    pub(super) fn outcome(&mut self, id: MailId, index: usize, at: Time) {
        let Some(mail) = self.mails.get(id) else { return };
        let key = mail.origin;
        let Some(rcpt) = mail.recipients.get_mut(index) else { return };
        let Some(result) = rcpt.result.filter(|_| rcpt.first && rcpt.left && !rcpt.told) else { return };
        rcpt.told = true;
        let outcome = Outcome { first_contact: true, result, provider: rcpt.domain };
        self.mails.drop_if_done(id);
        if self.origins.get(key).is_some_and(|origin| origin.profile.held_since.is_none()) {
            self.tell(key, &Event::Outcome(outcome), at);
        }
    }
}
