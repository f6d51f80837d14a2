//! The ledger: takes down what became of recipients, many in one write.
//!
//! Outcomes, the journal lines that say the same, the notifications that follow from them and the next claim of a
//! lane that has more are one transaction. What cannot be written stays here and is tried again: a full disk
//! delays outcomes and loses none.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::BusEvent;
use sekisho_store::queue::{self, LaneWork, NewMessage, Outcome};
use sekisho_store::{Error, LaneId, OriginId, RecipientId, Result, Tx, journal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Context;
use super::job::{Flight, Report};
use super::sentence::{self, Line};

/// Outcomes in one write, about.
const MOST: usize = 500;
/// Lanes that are claimed anew in one write.
const MOST_CLAIMS: usize = 32;
/// How long to wait before what could not be written is tried again.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a lane whose outcomes the store refuses to take is tried before it is left to the end of its lease.
const MOST_TRIES: u32 = 10;

/// A lane whose batch is settled.
#[derive(Debug)]
pub struct Landed {
    /// The lane.
    pub lane: LaneId,
    /// Its origin.
    pub origin: OriginId,
    /// The next batch, when there was more.
    pub next: Option<LaneWork>,
}

/// The ledger of one scheduler.
pub(crate) struct Ledger {
    ctx: Arc<Context>,
    reports: UnboundedReceiver<Report>,
    /// What is ready to be written, beside `reports` when it took some time.
    ready: (UnboundedSender<Line>, UnboundedReceiver<Line>),
    landed: UnboundedSender<Landed>,
    batches: HashMap<LaneId, Batch>,
    /// Lines that are being prepared.
    preparing: usize,
}

/// What is known of one claimed batch.
struct Batch {
    flight: Arc<Flight>,
    /// Entries reported so far, written or not.
    reported: usize,
    /// Some were not tried: the lane goes back as it is.
    untouched: bool,
    lines: Pending,
    tries: u32,
}

/// What waits to be written.
#[derive(Default)]
struct Pending {
    outcomes: Vec<(RecipientId, Outcome)>,
    journal: Vec<journal::Entry>,
    notices: Vec<NewMessage>,
}

impl Ledger {
    pub(crate) fn new(ctx: Arc<Context>, reports: UnboundedReceiver<Report>, landed: UnboundedSender<Landed>) -> Self {
        Self { ctx, reports, ready: unbounded_channel(), landed, batches: HashMap::new(), preparing: 0 }
    }

    /// Writes until `done` is cancelled and everything reported before is written.
    pub(crate) async fn run(mut self) {
        while self.gather().await {
            self.write().await;
        }
        self.write().await;
    }

    /// Waits for news and for others that come soon after. False when there will be no more.
    async fn gather(&mut self) -> bool {
        let done = self.ctx.done.clone();
        tokio::select! {
            biased;
            Some(report) = self.reports.recv() => self.hear(report),
            Some(line) = self.ready.1.recv() => self.prepared(line),
            () = done.cancelled(), if self.preparing == 0 => return false,
        }
        let linger = tokio::time::sleep(self.ctx.settings.linger);
        tokio::pin!(linger);
        let mut waiting = 1;
        while waiting < MOST {
            tokio::select! {
                biased;
                Some(report) = self.reports.recv() => {
                    waiting += report.news.len();
                    self.hear(report);
                }
                Some(line) = self.ready.1.recv() => self.prepared(line),
                () = &mut linger => break,
            }
        }
        true
    }

    fn hear(&mut self, report: Report) {
        let now = self.ctx.clock.now();
        match sentence::read(&self.ctx, report, now) {
            sentence::Read::Ready(line) => self.add(line),
            sentence::Read::Notices(draft) => {
                // Somebody is to be told: that takes the store and the body.
                self.preparing += 1;
                let (ctx, ready) = (Arc::clone(&self.ctx), self.ready.0.clone());
                tokio::spawn(async move {
                    let line = sentence::prepare(&ctx, draft).await;
                    let _ = ready.send(line);
                });
            }
        }
    }

    fn prepared(&mut self, line: Line) {
        self.preparing = self.preparing.saturating_sub(1);
        self.add(line);
    }

    fn add(&mut self, line: Line) {
        let batch = self.batches.entry(line.flight.lane).or_insert_with(|| Batch::new(&line.flight));
        batch.reported += line.outcomes.len() + line.untouched;
        // A batch of nothing is one that is given back.
        batch.untouched |= line.untouched > 0 || line.flight.claimed == 0;
        batch.lines.outcomes.extend(line.outcomes);
        batch.lines.journal.extend(line.journal);
        batch.lines.notices.extend(line.notices);
    }

    /// Writes what there is, until it is written or the server is told to break off.
    async fn write(&mut self) {
        let mut pages = self.pages();
        while !pages.is_empty() {
            let all: Arc<Vec<Page>> = Arc::new(mem::take(&mut pages));
            let error = match self.write_pages(&all).await {
                Ok(()) => return,
                Err(error) => error,
            };
            tracing::warn!(%error, lanes = all.len(), "outcomes cannot be written; trying again");
            // One lane's trouble must not become the others'.
            if all.len() > 1 && !matches!(error, Error::Full | Error::Unavailable(_)) {
                for page in all.iter() {
                    let one = Arc::new(vec![page.clone()]);
                    if self.write_pages(&one).await.is_err() {
                        pages.push(page.clone());
                    }
                }
            } else {
                pages.extend(all.iter().cloned());
            }
            let lasting = !matches!(error, Error::Full | Error::Unavailable(_));
            pages.retain(|page| !(lasting && self.is_hopeless(page.flight.lane)));
            tokio::select! {
                () = self.ctx.abort.cancelled() => return,
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    async fn write_pages(&mut self, pages: &Arc<Vec<Page>>) -> Result<()> {
        let now = self.ctx.clock.now();
        let claims = !self.ctx.stop.is_cancelled();
        let (work, settings) = (Arc::clone(pages), &self.ctx.settings);
        let claim =
            Claim { node: self.ctx.store.node().to_owned(), until: now + settings.lease, limit: settings.batch };
        let next = self
            .ctx
            .store
            .write(move |tx| {
                let mut next = Vec::with_capacity(work.len());
                for page in work.iter() {
                    page.settle(tx, &claim, now)?;
                }
                for (n, page) in work.iter().enumerate() {
                    let more = claims && page.more && n < MOST_CLAIMS;
                    let lane = page.flight.lane;
                    let work =
                        if more { queue::claim(tx, &claim.node, lane, now, claim.until, claim.limit)? } else { None };
                    next.push(work);
                }
                Ok(next)
            })
            .await?;
        let notices = pages.iter().any(|page| !page.lines.notices.is_empty());
        for (page, next) in pages.iter().zip(next) {
            if page.last {
                self.batches.remove(&page.flight.lane);
                let Flight { lane, origin, .. } = *page.flight;
                let _ = self.landed.send(Landed { lane, origin, next });
            }
        }
        if notices {
            self.ctx.bus.publish(BusEvent::QueueReady);
        }
        Ok(())
    }

    fn pages(&mut self) -> Vec<Page> {
        let mut pages = Vec::new();
        for batch in self.batches.values_mut() {
            let last = batch.reported >= batch.flight.claimed;
            if !last && batch.lines.outcomes.is_empty() {
                continue;
            }
            let lines = mem::take(&mut batch.lines);
            let flight = Arc::clone(&batch.flight);
            let more = last && flight.full && !batch.untouched;
            pages.push(Page { flight, lines: Arc::new(lines), give_back: last && batch.untouched, more, last });
        }
        pages
    }

    fn is_hopeless(&mut self, lane: LaneId) -> bool {
        let Some(batch) = self.batches.get_mut(&lane) else { return true };
        batch.tries += 1;
        if batch.tries < MOST_TRIES {
            return false;
        }
        tracing::error!(lane = lane.0, "the store does not take the outcomes of a lane; it stays until its lease ends");
        let origin = batch.flight.origin;
        self.batches.remove(&lane);
        let _ = self.landed.send(Landed { lane, origin, next: None });
        true
    }
}

impl Batch {
    fn new(flight: &Arc<Flight>) -> Self {
        Self { flight: Arc::clone(flight), reported: 0, untouched: false, lines: Pending::default(), tries: 0 }
    }
}

/// What one write says of one lane.
#[derive(Clone)]
struct Page {
    flight: Arc<Flight>,
    lines: Arc<Pending>,
    give_back: bool,
    more: bool,
    last: bool,
}

struct Claim {
    node: String,
    until: sekisho_message::Time,
    limit: u32,
}

impl Page {
    fn settle(&self, tx: &mut dyn Tx, claim: &Claim, now: sekisho_message::Time) -> Result<()> {
        if !self.lines.outcomes.is_empty() {
            queue::settle(tx, &claim.node, self.flight.lane, &self.lines.outcomes, now)?;
            journal::append(tx, &self.lines.journal)?;
        }
        for notice in &self.lines.notices {
            queue::accept(tx, notice, now)?;
        }
        if self.give_back {
            queue::settle(tx, &claim.node, self.flight.lane, &[], now)?;
        }
        Ok(())
    }
}
