//! APPEND and REPLACE (RFC 9051 §6.3.12, MULTIAPPEND RFC 3502, CATENATE RFC 4469, REPLACE RFC 8508): all messages of
//! one command or none.

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::command::{Append, Replaced};
use sekisho_proto::imap::set::{self, Range, SequenceSet};
use sekisho_proto::imap::{Done, Flag, Reply};
use sekisho_store::acl::Rights;
use sekisho_store::mail::{self, Body, Flags, Placed};
use sekisho_store::{AccountId, Error, MailboxId, Result, Staged, Staging, Tx, account, mailbox};

use super::agent::{ImapAgent, Outcome};
use super::names::Found;
use super::news::Allowed;
use super::refusal::{no_permission, over_quota, read_only, try_create};
use super::view::{changeable_flags, system_flag};

/// Messages of one command. Small ones wait in memory until the last has come.
const MESSAGES_MAX: usize = 200;
/// Bodies above this size are taken apart on a thread of their own.
const SUMMARIZE_HERE: u64 = 128 * 1024;

/// A command whose messages are arriving.
#[derive(Default)]
pub(super) struct Appending {
    target: Option<Found>,
    /// Mailbox, owner and UID of the message that the new one replaces (RFC 8508).
    replaces: Option<(MailboxId, AccountId, u32)>,
    arriving: Option<(Staging, Vec<Flag>, Time)>,
    complete: Vec<Message>,
    size: u64,
}

#[derive(Clone)]
struct Message {
    body: Staged,
    flags: Vec<Flag>,
    date: Time,
}

impl ImapAgent {
    pub(super) async fn append_begin(&mut self, append: Append) -> Reply {
        match self.append_check(append).await {
            Ok(()) => Reply::Continue,
            Err(done) => self.append_refused(done),
        }
    }

    pub(super) fn append_chunk(&mut self, bytes: &[u8]) -> Reply {
        match self.append_bytes(bytes) {
            Ok(()) => Reply::Continue,
            Err(done) => self.append_refused(done),
        }
    }

    /// A part of the message is what a URL names (RFC 4469).
    pub(super) async fn append_url(&mut self, url: &str) -> Reply {
        let written = match self.octets_of(url).await {
            Ok(bytes) => self.append_bytes(&bytes),
            Err(done) => Err(done),
        };
        match written {
            Ok(()) => Reply::Continue,
            Err(done) => self.append_refused(done),
        }
    }

    pub(super) async fn append_end(&mut self) -> Reply {
        let done = self.append_store().await.unwrap_or_else(|refusal| refusal);
        self.append = Appending::default();
        self.note("APPEND", done.status.as_str());
        self.finished(done, Allowed::ALL).await
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> std::result::Result<(), Done> {
        let max = self.service.message_max();
        let Some((staging, ..)) = &mut self.append.arriving else { return Err(Done::bad("No message begins here")) };
        if staging.size() + bytes.len() as u64 > max {
            return Err(Done::no("The message is too large").code("TOOBIG"));
        }
        staging.write(bytes).map_err(|error| self.refused(&error))
    }

    fn append_refused(&mut self, done: Done) -> Reply {
        self.append = Appending::default();
        self.note("APPEND", &format!("{} {}", done.status.as_str(), done.text));
        Reply::Done(done)
    }

    /// Whether the message may come at all. The store has the last word when it is there.
    async fn append_check(&mut self, append: Append) -> std::result::Result<(), Done> {
        self.append_complete().await?;
        if self.append.complete.len() >= MESSAGES_MAX {
            return Err(Done::no("Too many messages in one command").code("LIMIT"));
        }
        self.append.size += append.size.unwrap_or(0);
        if self.append.size > self.service.message_max() {
            return Err(Done::no("The messages are too large together").code("TOOBIG"));
        }
        if let Some(replaced) = append.replaces {
            self.append.replaces = Some(self.replaced(replaced)?);
        }
        let target = self.found(&append.mailbox, Rights::INSERT, try_create).await?;
        // What is replaced makes room, so only the store can say.
        if append.replaces.is_none() && !self.fits(&target, self.append.size).await? {
            return Err(over_quota());
        }
        self.append.target = Some(target);
        let date = append.date.unwrap_or_else(|| self.service.control().now());
        self.append.arriving = Some((self.store().stage(), append.flags, date));
        Ok(())
    }

    async fn fits(&self, target: &Found, size: u64) -> std::result::Result<bool, Done> {
        let owner = target.mailbox.account;
        let usage = self.store().look(move |tx| account::usage(tx, owner)).await;
        let usage = usage.map_err(|error| self.refused(&error))?;
        Ok(usage.quota.is_none_or(|quota| usage.used.saturating_add(size) <= quota)
            && usage.message_quota.is_none_or(|most| usage.messages < most))
    }

    /// The message that is to be replaced: it must be there, and may be taken away.
    fn replaced(&mut self, replaced: Replaced) -> std::result::Result<(MailboxId, AccountId, u32), Done> {
        let uid_only = self.enabled.uid_only;
        let view = self.open_view()?;
        if view.read_only {
            return Err(read_only());
        }
        if !view.rights.has(Rights::DELETED | Rights::EXPUNGE) {
            return Err(no_permission());
        }
        if uid_only && !replaced.uid {
            return Err(Done::bad("Message numbers are not used any more").code("UIDREQUIRED"));
        }
        let range = Range { first: replaced.number, last: replaced.number };
        let found = view.resolve(&SequenceSet::Ranges(vec![range]), replaced.uid).unwrap_or_default();
        match found.first() {
            Some(message) => Ok((view.id, view.owner, message.uid)),
            None if replaced.uid => Err(Done::no("There is no such message").code("NONEXISTENT")),
            None => Err(Done::bad("There is no message with that number")),
        }
    }

    /// The message that was arriving is all there.
    async fn append_complete(&mut self) -> std::result::Result<(), Done> {
        let Some((staging, flags, date)) = self.append.arriving.take() else { return Ok(()) };
        if staging.size() == 0 {
            return Err(Done::no("A message cannot be empty").code("CANNOT"));
        }
        let staged = staging.finish().await.map_err(|error| self.refused(&error))?;
        let body = summarized(staged).await.map_err(|error| self.refused(&error))?;
        self.append.complete.push(Message { body, flags, date });
        Ok(())
    }

    async fn append_store(&mut self) -> Outcome {
        self.append_complete().await?;
        let Some(target) = self.append.target.take() else { return Err(try_create()) };
        let (id, owner, replaces) = (target.mailbox.id, target.mailbox.account, self.append.replaces.take());
        let (allowed, now) = (changeable_flags(target.rights), self.service.control().now());
        let messages = Arc::new(std::mem::take(&mut self.append.complete));
        let place = Place { id, replaces: replaces.map(|(from, _, uid)| (from, uid)), allowed, now };
        let stored = self.store().write(move |tx| append_all(tx, place, &messages)).await;
        let placed = match stored {
            Ok(placed) => placed,
            Err(Error::NotFound("message")) => {
                return Err(Done::no("The message to be replaced is gone").code("EXPUNGEISSUED"));
            }
            // The mailbox went away while the message came.
            Err(Error::NotFound(_)) => return Err(try_create()),
            Err(error) => return Err(self.refused(&error)),
        };
        self.changed(id, owner);
        let mut code = format!("APPENDUID {} ", placed.first().map_or(0, |p| p.uidvalidity)).into_bytes();
        set::print_ranges(&mut code, &set::ranges_of(placed.iter().map(|p| p.uid)));
        let code = String::from_utf8_lossy(&code).into_owned();
        match replaces {
            // Before the EXPUNGE, so that the client knows what takes its place (RFC 8508 §4).
            Some((from, owner, _)) => {
                self.changed(from, owner);
                Ok(Done::ok("REPLACE completed").data(format!("* OK [{code}] Replaced\r\n").into_bytes()))
            }
            None => Ok(Done::ok("APPEND completed").code(code)),
        }
    }
}

/// Where messages go, and with what.
#[derive(Clone, Copy)]
struct Place {
    id: MailboxId,
    replaces: Option<(MailboxId, u32)>,
    allowed: Flags,
    now: Time,
}

fn append_all(tx: &mut dyn Tx, to: Place, messages: &[Message]) -> Result<Vec<Placed>> {
    let mut placed = Vec::with_capacity(messages.len());
    for message in messages {
        let mask = Flags(mask_with_new(tx, to.id, &message.flags)?.0 & to.allowed.0);
        let body = Body::New(message.body.clone());
        placed.push(match to.replaces {
            Some(replaced) => mail::replace(tx, replaced, to.id, &body, mask, (message.date, to.now))?,
            None => mail::append(tx, to.id, &body, mask, message.date, to.now)?,
        });
    }
    Ok(placed)
}

/// The mask of `flags`; keywords that the mailbox does not have yet are added to it. A keyword too many is left out:
/// losing a label is better than losing the message.
pub(super) fn mask_with_new(tx: &mut dyn Tx, id: MailboxId, flags: &[Flag]) -> Result<Flags> {
    let mut mask = Flags::default();
    for flag in flags {
        mask = mask.with(match flag {
            Flag::Keyword(word) => match mailbox::keyword(tx, id, word) {
                Ok(bit) => Flags::keyword(bit),
                Err(Error::Conflict(_)) => Flags::default(),
                Err(error) => return Err(error),
            },
            system => system_flag(system),
        });
    }
    Ok(mask)
}

async fn summarized(mut staged: Staged) -> Result<Staged> {
    if staged.size() <= SUMMARIZE_HERE {
        staged.summarize()?;
        return Ok(staged);
    }
    let work = tokio::task::spawn_blocking(move || staged.summarize().map(|()| staged));
    work.await.map_err(|error| Error::Engine(error.to_string()))?
}
