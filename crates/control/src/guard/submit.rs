//! Judging a message within the transaction that accepts it: one look-up for the contacts of all recipients, one profile
//! read and written.

use sekisho_guard::event::{Event, Submission};
use sekisho_guard::ladder::Action;
use sekisho_guard::step::step;
use sekisho_message::Time;
use sekisho_store::{MessageId, Result, Tx, contact};

use super::judge::About;
use super::{Aftermath, Guard, Mode};

/// A message that asks to be sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Key of the origin that answers for it.
    pub origin: String,
    /// The message.
    pub id: MessageId,
    /// Address of the client.
    pub network: String,
    /// What the guard is told. Whether recipients are contacts is filled in here.
    pub event: Submission,
    /// For each recipient of `event`, in order: by what number the store knows it. Those who are local have 0.
    pub peers: Vec<i64>,
}

/// What is done with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruling {
    /// Everything to the outside waits for a person: local recipients must not be queued with the origin's mail.
    pub held: bool,
    /// The mode is [`Mode::Defer`], and it would be held: answer that it be tried later, and store nothing.
    pub deferred: bool,
    /// For each recipient, until when it waits; empty when all go at once.
    pub until: Vec<Option<Time>>,
    /// How many recipients outside it never wrote to before.
    pub first_contacts: u32,
    /// What must be told after the commit.
    pub aftermath: Aftermath,
}

impl Guard {
    /// Judges a message that `origin` submits.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn submit(&self, tx: &mut dyn Tx, mail: &Mail, now: Time) -> Result<Ruling> {
        let outside = mail.event.recipients.iter().any(|recipient| !recipient.local);
        let mut open = self.open(tx, &mail.origin, now)?;
        let defers = self.settings.mode == Mode::Defer;
        if defers && outside && open.profile.held_since.is_some() {
            // Each try of a client that was told to come back is no new evidence.
            return Ok(Ruling { deferred: true, ..Ruling::default() });
        }
        let mut peers: Vec<i64> = mail.peers.iter().copied().filter(|peer| *peer != 0).collect();
        peers.sort_unstable();
        peers.dedup();
        let known = contact::known(tx, open.id, &peers)?;
        let mut event = mail.event.clone();
        for (recipient, peer) in event.recipients.iter_mut().zip(&mail.peers) {
            recipient.contact = known.contains_key(peer);
        }
        let first_contacts = event.recipients.iter().filter(|one| !one.local && !one.contact).count();
        let verdict = step(&self.settings.policy, &mut open.profile, &mut open.site, &Event::Submission(event), now);
        let id = mail.id.to_string();
        let about = About { network: &mail.network, message: Some(&id), ..About::default() };
        let aftermath = self.act(tx, &mail.origin, &open, &verdict, about, now)?;
        let origin = open.id;
        self.close(tx, &mail.origin, open)?;
        let observes = self.settings.mode == Mode::Observe;
        let held = verdict.action == Action::Hold && !observes;
        if !held {
            contact::wrote(tx, origin, &peers, &known, now)?;
        }
        let until = match verdict.action {
            Action::Dwell { until } if !observes => until,
            _ => Vec::new(),
        };
        let first_contacts = u32::try_from(first_contacts).unwrap_or(u32::MAX);
        Ok(Ruling { held, deferred: held && defers && outside, until, first_contacts, aftermath })
    }
}
