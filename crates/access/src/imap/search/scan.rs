//! Looking through the open mailbox, in steps, so that a client that waits long can be told how far it is.

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::Done;
use sekisho_proto::imap::search::{Key, Search};
use sekisho_proto::imap::sort::Sort;
use sekisho_proto::imap::thread::Thread;
use sekisho_store::MailboxId;

use super::super::agent::{ImapAgent, Outcome};
use super::super::news::Allowed;
use super::super::progress::{PROGRESS, in_progress};
use super::super::view::{Numbered, Recent, View};
use super::test::{Compiler, Test};
use super::{BODIES, HEADERS, Hit, ROWS, find_in};

/// The command that looks.
pub(in crate::imap) enum Seeker {
    Search(Search),
    Sort(Sort),
    Thread(Thread),
}

/// A SEARCH, SORT or THREAD that is under way.
pub(in crate::imap) struct Finding {
    tag: Box<str>,
    seeker: Seeker,
    scan: Scan,
    told: Time,
}

/// How far a look through a mailbox is.
pub(super) struct Scan {
    id: MailboxId,
    recent: Arc<Recent>,
    test: Arc<Test>,
    messages: Vec<Numbered>,
    /// How many of them are looked at.
    at: usize,
    hits: Vec<Hit>,
}

impl Seeker {
    fn key(&self) -> &Key {
        match self {
            Self::Search(search) => &search.key,
            Self::Sort(sort) => &sort.key,
            Self::Thread(thread) => &thread.key,
        }
    }

    /// Its result replaces what was saved before.
    fn saves(&self) -> bool {
        let returns = match self {
            Self::Search(search) => search.returns,
            Self::Sort(sort) => sort.returns,
            Self::Thread(_) => None,
        };
        returns.is_some_and(|returns| returns.save)
    }

    const fn uid(&self) -> bool {
        match self {
            Self::Search(search) => search.uid,
            Self::Sort(sort) => sort.uid,
            Self::Thread(thread) => thread.uid,
        }
    }
}

impl Finding {
    /// What may be told after the command.
    pub(in crate::imap) fn allowed(&self) -> Allowed {
        Allowed::with_uid(self.seeker.uid())
    }
}

impl ImapAgent {
    pub(in crate::imap) fn begin_finding(&mut self, tag: &str, seeker: Seeker) -> Result<(), Done> {
        self.enabled.condstore |= seeker.key().has_mod_seq();
        let told = self.service.control().now();
        match self.scan(seeker.key(), self.view.as_ref()) {
            Ok(scan) => {
                self.finding = Some(Box::new(Finding { tag: tag.into(), seeker, scan, told }));
                Ok(())
            }
            Err(done) => {
                self.forget_saved(seeker.saves());
                Err(done)
            }
        }
    }

    /// Goes on: with what the client hears meanwhile, or to the end.
    pub(in crate::imap) async fn find_on(&mut self, mut work: Finding) -> Result<(Finding, Vec<u8>), Done> {
        while work.scan.is_open() {
            if let Err(done) = self.scan_step(&mut work.scan).await {
                self.forget_saved(work.seeker.saves());
                return Err(done);
            }
            let now = self.service.control().now();
            if now.since(work.told) >= PROGRESS && work.scan.is_open() {
                work.told = now;
                let line = in_progress(&work.tag, work.scan.at, work.scan.messages.len());
                return Ok((work, line));
            }
        }
        Err(self.found_all(work).await.unwrap_or_else(|refusal| refusal))
    }

    async fn found_all(&mut self, work: Finding) -> Outcome {
        let Finding { tag, seeker, scan, .. } = work;
        match seeker {
            Seeker::Search(search) => self.search_answer(&tag, &search, &scan.hits),
            Seeker::Sort(sort) => self.sort_answer(&tag, sort, scan.hits).await,
            Seeker::Thread(thread) => self.thread_answer(&thread, &scan.hits).await,
        }
    }

    /// What the open mailbox holds of `key`, all at once. When that fails, what was saved before is forgotten if it would
    /// have been replaced (RFC 5182 §2.1).
    pub(in crate::imap) async fn find_or_forget(&mut self, key: &Key, saves: bool) -> Result<Vec<Hit>, Done> {
        self.enabled.condstore |= key.has_mod_seq();
        let hits = self.find(key, self.view.as_ref()).await;
        self.forget_saved(saves && hits.is_err());
        hits
    }

    /// The messages of a view that meet `key`, by number.
    pub(in crate::imap) async fn find(&self, key: &Key, view: Option<&View>) -> Result<Vec<Hit>, Done> {
        let mut scan = self.scan(key, view)?;
        while scan.is_open() {
            self.scan_step(&mut scan).await?;
        }
        Ok(scan.hits)
    }

    fn forget_saved(&mut self, failed: bool) {
        if let Some(view) = self.view.as_mut().filter(|_| failed) {
            view.saved = Vec::new();
        }
    }

    fn scan(&self, key: &Key, view: Option<&View>) -> Result<Scan, Done> {
        let now = self.service.control().now();
        let view = view.ok_or_else(|| Done::bad("Select a mailbox first"))?;
        if !key.numbers_within(view.exists()) {
            return Err(Done::bad("There is no message with that number"));
        }
        Ok(Scan {
            id: view.id,
            recent: Arc::new(view.recent.clone()),
            test: Arc::new(Compiler { view, now }.compile(key)),
            messages: view.all(),
            at: 0,
            hits: Vec::new(),
        })
    }

    async fn scan_step(&self, scan: &mut Scan) -> Result<(), Done> {
        let most = match (scan.test.reads_body(), scan.test.reads_header()) {
            (true, _) => BODIES,
            (false, true) => HEADERS,
            _ => ROWS,
        };
        let batch: Vec<Numbered> = scan.messages.iter().skip(scan.at).take(most).copied().collect();
        scan.at += batch.len();
        let (id, recent, test) = (scan.id, Arc::clone(&scan.recent), Arc::clone(&scan.test));
        let bodies = self.store().bodies();
        let read = self.store().read(move |tx| find_in(tx, id, &batch, &recent, &test, &bodies));
        scan.hits.extend(read.await.map_err(|error| self.refused(&error))?);
        Ok(())
    }
}

impl Scan {
    const fn is_open(&self) -> bool {
        self.at < self.messages.len()
    }
}
