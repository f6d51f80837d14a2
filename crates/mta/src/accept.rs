//! The one commit of reception: after it, and not before, the client hears `250`.
//!
//! One transaction stores the body, the queue entries of all recipients and the inlog entry. What an alias forwards
//! outside is a message of its own, because another origin answers for it; the body is stored once.
//!
//! Within the same transaction the guard judges what may reach outside. Its ruling decides which recipients start in
//! `holding`, and whether the origin's mail is held, and never the reply (P8).

use std::sync::Arc;
use std::time::Instant;

use sekisho_control::guard::{Aftermath, Mail, Ruling, Seed};
use sekisho_control::{BusEvent, Control, entry};
use sekisho_guard::origin::Origin;
use sekisho_message::{Address, Time};
use sekisho_store::account::{self, State};
use sekisho_store::journal::{self, Entry};
use sekisho_store::queue::{self, Body, NewMessage, NewRecipient, Stage};
use sekisho_store::{AccountId, ContentId, Error, MessageId, Staged, Tx};

mod signs;

pub use signs::Signs;

/// A message that has come in completely and passed every check.
#[derive(Debug)]
pub struct Submission {
    /// Its id.
    pub id: MessageId,
    /// Its body.
    pub content: Staged,
    /// Where relaying starts in the body.
    pub relay_offset: u32,
    /// Envelope sender; none is the null reverse-path.
    pub reverse_path: Option<String>,
    /// Who answers for it.
    pub origin: Origin,
    /// The account that authenticated.
    pub account: Option<AccountId>,
    /// Address of the client.
    pub client: String,
    /// What it said in HELO or EHLO.
    pub helo: String,
    /// `ESMTPSA` and its kin.
    pub with: &'static str,
    /// Addresses of the header From.
    pub header_from: String,
    /// Message-ID of the header.
    pub message_id: String,
    /// Subject, decoded.
    pub subject: String,
    /// Similarity fingerprint.
    pub fingerprint: i64,
    /// SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// The body has octets above 127.
    pub eightbit: bool,
    /// RET of DSN.
    pub ret: Option<&'static str>,
    /// ENVID of DSN.
    pub envid: Option<String>,
    /// When it was received.
    pub received: Time,
    /// What the guard wants to know beside.
    pub signs: Signs,
    /// What kind of letter it is, where that is remarkable.
    pub letter: Option<serde_json::Value>,
    /// To whom; at least one.
    pub recipients: Vec<Recipient>,
    /// When what is for others may leave, if not at once: the account's send hours.
    pub not_before: Option<Time>,
}

/// One recipient, resolved.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Where it goes.
    pub route: Route,
    /// NOTIFY bits as the queue has them.
    pub notify: u8,
    /// ORCPT.
    pub orcpt: Option<String>,
    /// The origin that answers for it, where that is not the message's.
    pub origin: Option<Origin>,
}

impl Recipient {
    /// Whether it leaves this server.
    #[must_use]
    pub const fn is_outside(&self) -> bool {
        matches!(self.route, Route::Outside(_))
    }
}

/// Where a recipient goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A mailbox here, by the account's address.
    Local(String),
    /// A list here, by its key.
    List(String),
    /// Another host.
    Outside(Address),
}

/// Why a message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAccepted {
    /// The account was suspended or removed meanwhile.
    Suspended,
    /// The guard would hold it, and the operator prefers that it be tried later.
    Deferred,
    /// The store's error.
    Store(Error),
}

/// Stores the message and tells the scheduler. Durable when it returns.
///
/// # Errors
/// Nothing is stored then.
pub async fn accept(control: &Control, submission: Submission) -> Result<MessageId, NotAccepted> {
    let id = submission.id;
    let work = Arc::new(Work::of(control, submission));
    let seed = work.seed.clone();
    let begun = Instant::now();
    let committed = control.store().write(move |tx| work.run(tx)).await;
    control.latencies().accept.observe(begun.elapsed());
    match committed {
        Ok(Committed::Accepted(told)) => {
            control.bus().publish(BusEvent::QueueReady);
            if let Some(seed) = &seed {
                control.guard().planted(seed);
            }
            told.into_iter().for_each(|aftermath| control.after(aftermath));
            Ok(id)
        }
        Ok(Committed::Deferred(told)) => {
            told.into_iter().for_each(|aftermath| control.after(aftermath));
            Err(NotAccepted::Deferred)
        }
        Ok(Committed::Suspended) => Err(NotAccepted::Suspended),
        Err(error) => Err(NotAccepted::Store(error)),
    }
}

/// Where a recipient starts when nothing keeps it back.
const fn place(route: &Route) -> Stage {
    match route {
        Route::Local(_) => Stage::Incoming,
        Route::List(_) => Stage::Lists,
        Route::Outside(_) => Stage::Domains,
    }
}

/// What the transaction does; it may run more than once.
struct Work {
    control: Control,
    account: Option<AccountId>,
    /// Messages that share the first one's body.
    parts: Vec<Part>,
    /// The author becomes a contact of the account that the mail is for.
    seed: Option<Seed>,
    now: Time,
}

/// What one origin answers for.
struct Part {
    message: NewMessage,
    entry: Entry,
    /// What the guard judges; none for mail that merely arrives.
    mail: Option<Mail>,
}

/// How the transaction ended.
enum Committed {
    Accepted(Vec<Aftermath>),
    Deferred(Vec<Aftermath>),
    Suspended,
}

impl Work {
    fn of(control: &Control, submission: Submission) -> Self {
        let now = submission.received;
        let mut parts = Vec::with_capacity(1);
        for (origin, recipients) in by_origin(&submission) {
            let id = if parts.is_empty() { submission.id } else { control.store().next_message_id() };
            let judged = origin.may_reach_outside();
            parts.push(Part {
                entry: inlog(&submission, id, &origin.key(), &recipients),
                message: message(&submission, id, origin, &recipients),
                mail: judged.then(|| signs::mail(control, &submission, id, origin, &recipients)),
            });
        }
        let seed = signs::seed(control.guard(), &submission);
        Self { control: control.clone(), account: submission.account, parts, seed, now }
    }

    fn run(&self, tx: &mut dyn Tx) -> sekisho_store::Result<Committed> {
        if let Some(id) = self.account
            && !account::by_id(tx, id)?.is_some_and(|account| account.state == State::Active)
        {
            return Ok(Committed::Suspended);
        }
        let (mut rulings, mut told) = (Vec::with_capacity(self.parts.len()), Vec::new());
        for part in &self.parts {
            let ruling = match &part.mail {
                Some(mail) => self.control.guard().submit(tx, mail, self.now)?,
                None => Ruling::default(),
            };
            if ruling.aftermath != Aftermath::default() {
                told.push(ruling.aftermath);
            }
            if ruling.deferred {
                return Ok(Committed::Deferred(told));
            }
            rulings.push(ruling);
        }
        let mut stored = None;
        for (part, ruling) in self.parts.iter().zip(&rulings) {
            self.store(tx, part, ruling, &mut stored)?;
        }
        if let Some(seed) = &self.seed {
            self.control.guard().plant(tx, seed, self.now)?;
        }
        Ok(Committed::Accepted(told))
    }

    /// Stores what one origin answers for. What is for somebody here never waits behind a held origin.
    fn store(
        &self,
        tx: &mut dyn Tx,
        part: &Part,
        ruling: &Ruling,
        stored: &mut Option<ContentId>,
    ) -> sekisho_store::Result<()> {
        let local = |recipient: &NewRecipient| recipient.destination == queue::LOCAL;
        let message = &part.message;
        if ruling.held && message.recipients.iter().any(local) {
            let (here, outside): (Vec<_>, Vec<_>) = message.recipients.iter().cloned().partition(local);
            let id = if outside.is_empty() { message.id } else { self.control.store().next_message_id() };
            let origin = format!("local:{}", message.origin);
            if !outside.is_empty() {
                keep(tx, &NewMessage { recipients: outside, ..message.clone() }, stored, self.now)?;
            }
            keep(tx, &NewMessage { id, origin, recipients: here, ..message.clone() }, stored, self.now)?;
        } else if ruling.until.is_empty() {
            keep(tx, message, stored, self.now)?;
        } else {
            let mut waiting = message.clone();
            for (recipient, until) in waiting.recipients.iter_mut().zip(&ruling.until) {
                if let Some(until) = until {
                    (recipient.stage, recipient.due) = (Stage::Holding, recipient.due.max(*until));
                }
            }
            keep(tx, &waiting, stored, self.now)?;
        }
        let mut entry = part.entry.clone();
        entry::new_to_origin(&mut entry, ruling.first_contacts);
        journal::append(tx, &[entry])
    }
}

/// Queues a message; the body is stored with the first one.
fn keep(tx: &mut dyn Tx, message: &NewMessage, stored: &mut Option<ContentId>, now: Time) -> sekisho_store::Result<()> {
    let accepted = match stored {
        None => queue::accept(tx, message, now)?,
        Some(content) => {
            let shared = NewMessage { content: Body::Stored(*content), ..message.clone() };
            queue::accept(tx, &shared, now)?
        }
    };
    stored.get_or_insert(accepted.content);
    Ok(())
}

type Group<'a> = (&'a Origin, Vec<&'a Recipient>);

/// Recipients by the origin that answers for them, the message's own first.
fn by_origin(submission: &Submission) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(1);
    for recipient in &submission.recipients {
        let origin = recipient.origin.as_ref().unwrap_or(&submission.origin);
        match groups.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, members)) => members.push(recipient),
            None => groups.push((origin, vec![recipient])),
        }
    }
    groups
}

pub(crate) fn message(
    submission: &Submission,
    id: MessageId,
    origin: &Origin,
    recipients: &[&Recipient],
) -> NewMessage {
    NewMessage {
        id,
        content: Body::New(submission.content.clone()),
        relay_offset: submission.relay_offset,
        reverse_path: submission.reverse_path.clone(),
        origin: origin.key(),
        account: submission.origin.account().map(str::to_owned),
        network: submission.client.clone(),
        helo: submission.helo.clone(),
        header_from: submission.header_from.clone(),
        message_id_header: submission.message_id.clone(),
        subject: submission.subject.clone(),
        fingerprint: submission.fingerprint,
        smtputf8: submission.smtputf8,
        eightbit: submission.eightbit,
        dsn_ret: submission.ret.map(str::to_owned),
        dsn_envid: submission.envid.clone(),
        received: submission.received,
        recipients: recipients.iter().map(|recipient| new_recipient(recipient, submission)).collect(),
    }
}

fn new_recipient(recipient: &Recipient, submission: &Submission) -> NewRecipient {
    let (stage, due) = match (&recipient.route, submission.not_before) {
        (Route::Outside(_), Some(opening)) => (Stage::Holding, opening),
        (route, _) => (place(route), submission.received),
    };
    let (address, destination) = match &recipient.route {
        Route::Local(address) => (address.clone(), "local".to_owned()),
        Route::List(key) => (key.clone(), format!("list:{key}")),
        Route::Outside(address) => (address.to_string(), address.domain().ascii().to_owned()),
    };
    NewRecipient { address, destination, stage, notify: recipient.notify, orcpt: recipient.orcpt.clone(), due }
}

fn inlog(submission: &Submission, id: MessageId, origin: &str, recipients: &[&Recipient]) -> Entry {
    let to: Vec<String> = recipients
        .iter()
        .take(entry::MOST_RECIPIENTS)
        .map(|recipient| match &recipient.route {
            Route::Local(address) | Route::List(address) => address.clone(),
            Route::Outside(address) => address.to_string(),
        })
        .collect();
    let mut names: Vec<&str> = to.iter().map(String::as_str).collect();
    // The entry names the first ones and counts all.
    names.resize(recipients.len(), "");
    entry::accepted(
        submission.received,
        &entry::Accepted {
            message: &id.to_string(),
            client: &submission.client,
            helo: &submission.helo,
            account: submission.origin.account(),
            origin,
            from: submission.reverse_path.as_deref().unwrap_or_default(),
            to: &names,
            size: submission.content.size(),
            message_id: &submission.message_id,
            with: submission.with,
            fingerprint: submission.fingerprint,
            letter: submission.letter.as_ref(),
        },
    )
}
