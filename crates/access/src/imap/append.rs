//! APPEND (RFC 3501 §6.3.11, MULTIAPPEND RFC 3502): all messages of one command or none.

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::command::Append;
use sekisho_proto::imap::{Done, Flag, Reply, set};
use sekisho_store::mail::{self, Body, Flags, Placed};
use sekisho_store::{Error, MailboxId, Result, Staged, Staging, Tx, account, mailbox};

use super::agent::{ImapAgent, Outcome};
use super::news::Allowed;
use super::refusal::{over_quota, try_create};
use super::view::system_flag;

/// Messages of one command. Small ones wait in memory until the last has come.
const MESSAGES_MAX: usize = 200;
/// Bodies above this size are taken apart on a thread of their own.
const SUMMARIZE_HERE: u64 = 128 * 1024;

/// A command whose messages are arriving.
#[derive(Default)]
pub(super) struct Appending {
    mailbox: Option<(MailboxId, String)>,
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
        let written = match &mut self.append.arriving {
            Some((staging, ..)) => staging.write(bytes),
            None => Err(Error::NotFound("message")),
        };
        match written {
            Ok(()) => Reply::Continue,
            Err(error) => {
                let done = self.refused(&error);
                self.append_refused(done)
            }
        }
    }

    pub(super) async fn append_end(&mut self) -> Reply {
        let done = self.append_store().await.unwrap_or_else(|refusal| refusal);
        self.append = Appending::default();
        self.note("APPEND", done.status.as_str());
        self.finished(done, Allowed::ALL).await
    }

    fn append_refused(&mut self, done: Done) -> Reply {
        self.append = Appending::default();
        self.note("APPEND", &format!("{} {}", done.status.as_str(), done.text));
        Reply::Done(done)
    }

    /// Whether the message may come at all. The store has the last word when it is there.
    async fn append_check(&mut self, append: Append) -> Result<(), Done> {
        let account = self.account_id()?;
        self.append_complete().await?;
        if self.append.complete.len() >= MESSAGES_MAX {
            return Err(Done::no("Too many messages in one command").code("LIMIT"));
        }
        self.append.size += append.size;
        if self.append.size > self.service.message_max() {
            return Err(Done::no("The messages are too large together").code("TOOBIG"));
        }
        let (name, size) = (append.mailbox.clone(), self.append.size);
        let found = self
            .store()
            .read(move |tx| {
                let usage = account::usage(tx, account)?;
                let fits = usage.quota.is_none_or(|quota| usage.used.saturating_add(size) <= quota);
                Ok((mailbox::get(tx, account, &name)?.map(|m| m.id), fits))
            })
            .await;
        match found.map_err(|error| self.refused(&error))? {
            (None, _) => return Err(try_create()),
            (Some(_), false) => return Err(over_quota()),
            (Some(id), true) => self.append.mailbox = Some((id, append.mailbox)),
        }
        let date = append.date.unwrap_or_else(|| self.service.control().now());
        self.append.arriving = Some((self.store().stage(), append.flags, date));
        Ok(())
    }

    /// The message that was arriving is all there.
    async fn append_complete(&mut self) -> Result<(), Done> {
        let Some((staging, flags, date)) = self.append.arriving.take() else { return Ok(()) };
        let staged = staging.finish().await.map_err(|error| self.refused(&error))?;
        let body = summarized(staged).await.map_err(|error| self.refused(&error))?;
        self.append.complete.push(Message { body, flags, date });
        Ok(())
    }

    async fn append_store(&mut self) -> Outcome {
        self.append_complete().await?;
        let Some((id, _)) = self.append.mailbox.take() else { return Err(try_create()) };
        let messages = Arc::new(std::mem::take(&mut self.append.complete));
        let stored = self.store().write(move |tx| append_all(tx, id, &messages)).await;
        let placed = match stored {
            Ok(placed) => placed,
            // The mailbox went away while the message came.
            Err(Error::NotFound(_)) => return Err(try_create()),
            Err(error) => return Err(self.refused(&error)),
        };
        self.changed(id);
        let mut code = format!("APPENDUID {} ", placed.first().map_or(0, |p| p.uidvalidity)).into_bytes();
        set::print_ranges(&mut code, &set::ranges_of(placed.iter().map(|p| p.uid)));
        Ok(Done::ok("APPEND completed").code(String::from_utf8_lossy(&code).into_owned()))
    }
}

fn append_all(tx: &mut dyn Tx, id: MailboxId, messages: &[Message]) -> Result<Vec<Placed>> {
    let mut placed = Vec::with_capacity(messages.len());
    for message in messages {
        let mask = mask_with_new(tx, id, &message.flags)?;
        placed.push(mail::append(tx, id, &Body::New(message.body.clone()), mask, message.date)?);
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
