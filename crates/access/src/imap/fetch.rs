//! FETCH and UID FETCH (RFC 3501 §6.4.5, RFC 7162 §3.1.4 and §3.2.6), answered in pieces of bounded size.

pub(super) mod part;
mod print;
mod read;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sekisho_message::preview;
use sekisho_proto::imap::Done;
use sekisho_proto::imap::fetch::{Fetch, Item, What};
use sekisho_proto::imap::set::SequenceSet;
use sekisho_store::acl::Rights;
use sekisho_store::content;
use sekisho_store::digest::{self, Digest};
use sekisho_store::mail::{self, FlagChange, Flags};
use sekisho_store::{ContentId, Error, MailboxId, Result, Summary};

use self::print::Printer;
use self::read::{each_row, read_piece};
use super::agent::{Enabled, ImapAgent};
use super::news::Allowed;
use super::select::{absent, intersect};
use super::view::{Numbered, vanished_line};

/// Messages in one piece when only rows are needed. Each piece costs the way to another thread and back.
const ROWS: usize = 4_000;
/// The same when summaries are, which are ten times as large.
const SUMMARIES: usize = 500;
/// The same when bodies are.
const BODIES: usize = 48;
/// The same when headers are enough.
const HEADERS: usize = 250;

/// A FETCH that is being answered.
pub(super) struct FetchWork {
    plan: Arc<Plan>,
    mailbox: MailboxId,
    messages: Vec<Numbered>,
    /// How many of them are answered.
    at: usize,
    /// Body parts of the next one that are answered already.
    parts: usize,
    /// What comes before the first: VANISHED.
    prologue: Vec<u8>,
    /// UIDs that this command has marked `\Seen` and not told yet.
    newly_seen: HashSet<u32>,
    /// Some messages are no longer there.
    missing: bool,
    unknown_encoding: bool,
    uid: bool,
}

/// What is to be told of each message.
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) needs_summary: bool,
    pub(super) needs_body: bool,
    /// Of the body, no more than the header.
    pub(super) header_only: bool,
    /// Fetching marks the messages `\Seen`.
    sets_seen: bool,
    /// What is read from bodies once, and kept (RFC 8474, RFC 8970).
    pub(super) needs_digest: bool,
    pub(super) enabled: Enabled,
}

/// What was computed just now, for the store did not have it.
#[derive(Default)]
pub(super) struct Computed {
    summaries: HashMap<ContentId, Summary>,
    digests: HashMap<ContentId, Digest>,
}

impl ImapAgent {
    pub(super) async fn begin_fetch(&mut self, mut fetch: Fetch) -> std::result::Result<(), Done> {
        if fetch.vanished && !self.enabled.qresync {
            return Err(Done::bad("ENABLE QRESYNC first"));
        }
        self.enabled.condstore |= fetch.changed_since.is_some() || fetch.items.contains(&Item::ModSeq);
        let enabled = self.enabled;
        let view = self.open_view()?;
        let (mailbox, keeps_seen) = (view.id, !view.read_only && view.rights.has(Rights::SEEN));
        let Some(mut messages) = view.resolve(&fetch.set, fetch.uid) else {
            return Err(Done::bad("There is no message with that number"));
        };
        let mut prologue = Vec::new();
        if let Some(since) = fetch.changed_since {
            let read = self.store().read(move |tx| {
                let changed = mail::changed_since(tx, mailbox, since)?;
                Ok((changed, mail::vanished_since(tx, mailbox, since)?))
            });
            let (changed, vanished) = read.await.map_err(|error| self.refused(&error))?;
            let changed: HashSet<u32> = changed.iter().map(|mail| mail.uid).collect();
            messages.retain(|m| changed.contains(&m.uid));
            if fetch.vanished {
                let view = self.open_view()?;
                let asked = match &fetch.set {
                    SequenceSet::Ranges(_) => fetch.set.resolve(view.last_uid()),
                    SequenceSet::Saved => Vec::new(),
                };
                let gone =
                    if vanished.complete { intersect(&vanished.ranges, &asked) } else { absent(&asked, &view.uids) };
                vanished_line(&mut prologue, true, &gone);
            }
        }
        if let Some(partial) = fetch.partial {
            let (from, to) = partial.of(messages.len());
            messages.truncate(to);
            messages.drain(..from);
        }
        if fetch.uid && !enabled.uid_only && !fetch.items.contains(&Item::Uid) {
            fetch.items.insert(0, Item::Uid);
        }
        let plan = Arc::new(Plan::new(fetch.items, keeps_seen, enabled));
        self.fetch = Some(FetchWork {
            plan,
            mailbox,
            messages,
            at: 0,
            parts: 0,
            prologue,
            newly_seen: HashSet::new(),
            missing: false,
            unknown_encoding: false,
            uid: fetch.uid,
        });
        Ok(())
    }

    /// The next piece; `None` when all is told.
    pub(super) async fn fetch_piece(&mut self, work: &mut FetchWork) -> std::result::Result<Option<Vec<u8>>, Done> {
        if work.at >= work.messages.len() {
            return Ok(if work.prologue.is_empty() { None } else { Some(std::mem::take(&mut work.prologue)) });
        }
        let plan = &work.plan;
        let most = match (plan.header_only, plan.needs_body) {
            (true, _) => HEADERS,
            (false, true) => BODIES,
            _ if plan.needs_summary || plan.wants_digest() => SUMMARIES,
            _ => ROWS,
        };
        let batch: Arc<[Numbered]> = work.messages.iter().skip(work.at).take(most).copied().collect();
        if work.plan.sets_seen {
            self.mark_seen(work, &batch).await?;
        }
        let mut computed = Arc::new(Computed::default());
        loop {
            let printer = {
                let view = self.open_view()?;
                let keywords = Arc::clone(&view.keywords);
                let newly_seen = batch.iter().map(|m| m.uid).filter(|uid| work.newly_seen.contains(uid)).collect();
                Printer {
                    plan: Arc::clone(&work.plan),
                    keywords,
                    recent: view.recent.clone(),
                    newly_seen,
                    computed: Arc::clone(&computed),
                    parts_done: work.parts,
                }
            };
            let (id, batch, bodies) = (work.mailbox, Arc::clone(&batch), self.store().bodies());
            let read = self.store().read(move |tx| read_piece(tx, id, &batch, printer, &bodies));
            let piece = read.await.map_err(|error| self.refused(&error))?;
            if !piece.lacking.is_empty() {
                let (summaries, digests) = (work.plan.needs_summary, work.plan.needs_digest);
                let read = self.compute(piece.lacking, summaries, digests).await;
                computed = read.map_err(|error| self.refused(&error))?;
                continue;
            }
            work.missing |= piece.missing;
            work.unknown_encoding |= piece.unknown_encoding;
            work.at += piece.covered;
            work.parts = piece.parts;
            let mut out = std::mem::take(&mut work.prologue);
            if let Some(keywords) = piece.keywords {
                let view = self.open_view()?;
                keywords.announce(&mut out, view.changeable());
                view.keywords = Arc::new(keywords);
            }
            if out.is_empty() {
                out = piece.out;
            } else {
                out.extend_from_slice(&piece.out);
            }
            return Ok(Some(out));
        }
    }

    /// Computes what bodies came without. Storing it is for the next time, and not worth failing for.
    async fn compute(&self, contents: Vec<ContentId>, summaries: bool, digests: bool) -> Result<Arc<Computed>> {
        let bodies = self.store().bodies();
        let read = self.store().read(move |tx| {
            let mut computed = Computed::default();
            for id in contents {
                let (mut summary, mut digest) = (Summary::default(), Digest::default());
                match bodies.with(tx, id, &mut |bytes| {
                    if summaries {
                        summary = Summary::of(bytes);
                    }
                    if digests {
                        digest = Digest { thread: preview::thread(bytes), preview: preview::preview(bytes) };
                    }
                    Ok(())
                }) {
                    // Expunged meanwhile: its row is gone when we look again.
                    Ok(()) | Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
                computed.summaries.extend(summaries.then_some((id, summary)));
                computed.digests.extend(digests.then_some((id, digest)));
            }
            Ok(Arc::new(computed))
        });
        let computed = read.await?;
        let kept = Arc::clone(&computed);
        let stored = self.store().write(move |tx| {
            for (id, summary) in &kept.summaries {
                content::set_summary(tx, *id, summary)?;
            }
            kept.digests.iter().try_for_each(|(id, digest)| digest::set(tx, *id, digest))
        });
        if let Err(error) = stored.await {
            tracing::debug!(account = self.account(), %error, "IMAP: summaries not stored");
        }
        Ok(computed)
    }

    /// Marks the messages of a batch `\Seen` before their text is given away.
    async fn mark_seen(&mut self, work: &mut FetchWork, batch: &Arc<[Numbered]>) -> std::result::Result<(), Done> {
        let (id, asked) = (work.mailbox, Arc::clone(batch));
        let unseen = self.store().read(move |tx| {
            let mut unseen = Vec::new();
            each_row(tx, id, &asked, &mut |_, mail| {
                if !mail.flags.has(Flags::SEEN) {
                    unseen.push(mail.uid);
                }
                Ok(())
            })?;
            Ok(unseen)
        });
        let unseen = Arc::new(unseen.await.map_err(|error| self.refused(&error))?);
        if unseen.is_empty() {
            return Ok(());
        }
        let uids = Arc::clone(&unseen);
        let set = self.store().write(move |tx| mail::set_flags(tx, id, &uids, FlagChange::Add(Flags::SEEN), None));
        let set = match set.await {
            Ok(set) => set,
            // Reading must work on a full disk; the messages stay unseen.
            Err(Error::Full) => return Ok(()),
            Err(error) => return Err(self.refused(&error)),
        };
        work.newly_seen.extend(unseen.iter());
        let view = self.open_view()?;
        view.told.extend(unseen.iter().map(|&uid| (uid, set.modseq)));
        let owner = view.owner;
        self.changed(id, owner);
        Ok(())
    }
}

impl FetchWork {
    /// The end of the command.
    pub(super) fn end(&self) -> Done {
        match (self.unknown_encoding, self.missing, self.uid) {
            (true, ..) => Done::no("Some parts are encoded in an unknown way").code("UNKNOWN-CTE"),
            (_, true, false) => Done::no("Some messages are gone").code("EXPUNGEISSUED"),
            _ => Done::ok("FETCH completed"),
        }
    }

    pub(super) fn allowed(&self) -> Allowed {
        if self.uid { Allowed::EXPUNGE } else { Allowed::FLAGS_ONLY }
    }
}

impl Plan {
    /// Whether digests are told, those that are not at hand or not.
    pub(super) fn wants_digest(&self) -> bool {
        self.needs_digest || self.items.contains(&Item::Preview { lazy: true })
    }

    fn new(items: Vec<Item>, keeps_seen: bool, enabled: Enabled) -> Self {
        let summary = |item: &Item| matches!(item, Item::Envelope | Item::Body | Item::BodyStructure);
        let beyond = |item: &Item| matches!(item, Item::Part(part) if !part.is_header());
        let seen = |item: &Item| matches!(item, Item::Part(part) if part.sets_seen && part.what != What::BinarySize);
        Self {
            needs_summary: items.iter().any(summary),
            needs_body: items.iter().any(|item| matches!(item, Item::Part(_))),
            header_only: items.iter().any(|item| matches!(item, Item::Part(_))) && !items.iter().any(beyond),
            needs_digest: items.iter().any(|item| matches!(item, Item::ThreadId | Item::Preview { lazy: false })),
            sets_seen: keeps_seen && items.iter().any(seen),
            enabled,
            items,
        }
    }
}

/// The body that an EMAILID names, as FETCH tells it.
pub(super) fn email_id(id: &str) -> Option<ContentId> {
    id.strip_prefix('M')?.parse().ok().map(ContentId)
}

/// The conversation that a THREADID names, as FETCH tells it.
pub(super) fn thread_id(id: &str) -> Option<i64> {
    i64::from_str_radix(id.strip_prefix('T')?, 16).ok()
}
