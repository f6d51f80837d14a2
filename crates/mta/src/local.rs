//! Local delivery: claimed, delivered, settled and journalled in one transaction.
//!
//! One stored body serves any number of mailboxes, and one transaction many messages. Nothing has to be undone after a
//! crash: either all of it happened or nothing did.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::{BusEvent, entry};
use sekisho_message::{Address, Time, dsn};
use sekisho_store::mail::{self, Delivery};
use sekisho_store::personal::is_in_force;
use sekisho_store::queue::{self, Entry, LaneRef, Outcome};
use sekisho_store::{AccountId, ContentId, Error, MailboxId, RecipientId, Result, Store, Tx, journal};

use crate::bounce::{self, Told, Writer};
use crate::personal;
use crate::relay::Attempt;
use crate::routing::{self, Resident, Target};
use crate::schedule::{Context, Flight, Job, judge};

/// How long to wait when the store cannot.
const PATIENCE: Duration = Duration::from_secs(1);

/// What happens to mail for a full mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverQuota {
    /// It is tried again and fails when its time is over: the owner may make room. Default.
    #[default]
    Defer,
    /// It fails at once (5.2.2).
    Refuse,
}

/// How a lane of local mail ended.
pub(crate) enum End {
    /// Nothing is left of the lane that is due, or it is to be looked at again later.
    Over,
    /// The ledger has the rest.
    Reported,
}

/// Delivers what is due in a lane.
pub(crate) async fn work(ctx: &Arc<Context>, lane: &LaneRef) -> End {
    let mut limit = ctx.settings.batch;
    while ctx.may_begin() {
        let result = round(ctx, lane, limit).await;
        match result {
            Ok(done) => {
                let more = done.claimed >= limit as usize;
                if publish(ctx, lane, done).await {
                    return End::Reported;
                }
                if !more {
                    return End::Over;
                }
                limit = ctx.settings.batch;
            }
            Err(Error::Full | Error::Unavailable(_)) => {
                ctx.pause(PATIENCE).await;
                return End::Over;
            }
            Err(error) if limit > 1 => {
                tracing::warn!(%error, "a batch of local deliveries failed; going one by one");
                limit = 1;
            }
            Err(error) => {
                tracing::error!(%error, "a local delivery failed; it is put off");
                return if put_off(ctx, lane).await { End::Reported } else { End::Over };
            }
        }
    }
    End::Over
}

/// What one transaction did.
#[derive(Default)]
struct Round {
    claimed: usize,
    changed: Vec<(MailboxId, AccountId)>,
    /// Something was queued for accounts' own rules.
    queued: bool,
    /// Senders who want to hear that it arrived.
    told: Vec<Told>,
    /// What could not be delivered; still leased.
    rest: Vec<(Entry, Attempt)>,
}

async fn round(ctx: &Arc<Context>, lane: &LaneRef, limit: u32) -> Result<Round> {
    let now = ctx.clock.now();
    let until = now + ctx.settings.lease;
    let (node, lane) = (ctx.store.node().to_owned(), lane.lane);
    let (links, policy) = (ctx.settings.links, ctx.settings.over_quota);
    let store = ctx.store.clone();
    ctx.store
        .write(move |tx| {
            let mut round = Round::default();
            let Some(work) = queue::claim(tx, &node, lane, now, until, limit)? else { return Ok(round) };
            round.claimed = work.entries.len();
            let mut desk = Desk {
                now,
                links,
                policy,
                accounts: HashMap::new(),
                store: store.clone(),
                outcomes: Vec::new(),
                journal: Vec::new(),
            };
            for entries in by_message(work.entries) {
                desk.deliver(tx, entries, &mut round)?;
            }
            if !desk.outcomes.is_empty() || round.rest.is_empty() {
                queue::settle(tx, &node, lane, &desk.outcomes, now)?;
                journal::append(tx, &desk.journal)?;
            }
            Ok(round)
        })
        .await
}

/// What is at hand during one transaction.
struct Desk {
    now: Time,
    links: usize,
    policy: OverQuota,
    accounts: HashMap<String, Option<Arc<Resident>>>,
    store: Store,
    outcomes: Vec<(RecipientId, Outcome)>,
    journal: Vec<journal::Entry>,
}

impl Desk {
    /// Delivers one message to its mailboxes.
    fn deliver(&mut self, tx: &mut dyn Tx, entries: Vec<Entry>, round: &mut Round) -> Result<()> {
        let Some(first) = entries.first() else { return Ok(()) };
        let (content, size): (ContentId, u64) = (first.content, first.size);
        let mut accounts: Vec<AccountId> = Vec::with_capacity(entries.len());
        let mut known = Vec::with_capacity(entries.len());
        let mut handed = Vec::new();
        for entry in entries {
            match self.account(tx, &entry.address)? {
                Some(resident) => {
                    let account = resident.account.id;
                    if self.handed_over(tx, &entry, &resident, !handed.contains(&account), round)? {
                        handed.push(account);
                        continue;
                    }
                    handed.push(account);
                    // Two addresses of one person are one delivery.
                    let at = accounts.iter().position(|known| *known == account).unwrap_or_else(|| {
                        accounts.push(account);
                        accounts.len() - 1
                    });
                    known.push((entry, at));
                }
                None => round.rest.push((entry, unknown())),
            }
        }
        let deliveries = mail::deliver(tx, &accounts, content, self.now, size)?;
        for (account, delivery) in accounts.iter().zip(&deliveries) {
            if let Delivery::Delivered { mailbox, .. } = delivery {
                round.changed.push((*mailbox, *account));
            }
        }
        for (entry, at) in known {
            match deliveries.get(at) {
                Some(Delivery::Delivered { .. }) => self.delivered(entry, round),
                Some(Delivery::OverQuota) => round.rest.push((entry, self.over_quota())),
                Some(Delivery::Gone) | None => round.rest.push((entry, unknown())),
            }
        }
        Ok(())
    }

    /// Gives the message to the account's own rules; whether they have it instead of the mailbox.
    fn handed_over(
        &mut self,
        tx: &mut dyn Tx,
        entry: &Entry,
        resident: &Resident,
        first: bool,
        round: &mut Round,
    ) -> Result<bool> {
        let account = &resident.account;
        if !is_in_force(account) {
            return Ok(false);
        }
        if first {
            queue::accept(tx, &personal::hand_over(entry, account, self.store.next_message_id(), self.now), self.now)?;
            round.queued = true;
        }
        let instead = account.personal.forward.as_ref().is_some_and(|forward| !forward.keep);
        if instead {
            self.outcomes.push((entry.id, Outcome::Expanded));
        }
        Ok(instead)
    }

    fn delivered(&mut self, entry: Entry, round: &mut Round) {
        let message = entry.message.to_string();
        self.journal.push(entry::relayed(
            self.now,
            &entry::Outcome {
                message: &message,
                account: entry.account.as_deref(),
                origin: &entry.origin,
                network: &entry.network,
                from: entry.reverse_path.as_deref().unwrap_or_default(),
                to: &entry.address,
                host: "local",
                host_name: "",
                reply: "250 2.0.0 delivered",
                size: entry.size,
                waited: self.now.since(entry.received).as_secs(),
            },
        ));
        self.outcomes.push((entry.id, Outcome::Delivered));
        if let Some(action) = judge::success_notice(&entry, dsn::Action::Delivered) {
            round.told.push(Told { entry, action, status: "2.0.0".to_owned(), attempt: None, retry_until: None });
        }
    }

    fn account(&mut self, tx: &mut dyn Tx, address: &str) -> Result<Option<Arc<Resident>>> {
        if let Some(known) = self.accounts.get(address) {
            return Ok(known.clone());
        }
        let found = match Address::parse(address) {
            Ok(parsed) => match routing::resolve(tx, &parsed, self.links)? {
                Target::Account(resident) => Some(resident),
                _ => None,
            },
            Err(_) => None,
        };
        self.accounts.insert(address.to_owned(), found.clone());
        Ok(found)
    }

    fn over_quota(&self) -> Attempt {
        match self.policy {
            OverQuota::Defer => Attempt::deferred("4.2.2", "the mailbox is full"),
            OverQuota::Refuse => Attempt::failed("5.2.2", "the mailbox is full"),
        }
    }
}

fn unknown() -> Attempt {
    Attempt::failed("5.1.1", "there is no such user here any more")
}

/// Entries in runs of one message each, in their order.
pub(crate) fn by_message(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut at: HashMap<sekisho_store::MessageId, usize> = HashMap::with_capacity(entries.len());
    let mut runs: Vec<Vec<Entry>> = Vec::with_capacity(entries.len());
    for entry in entries {
        let index = *at.entry(entry.message).or_insert_with(|| {
            runs.push(Vec::new());
            runs.len() - 1
        });
        if let Some(run) = runs.get_mut(index) {
            run.push(entry);
        }
    }
    runs
}

/// Tells sessions and senders, and hands what is left to the ledger. Whether something was.
async fn publish(ctx: &Arc<Context>, lane: &LaneRef, mut round: Round) -> bool {
    if round.queued {
        ctx.bus.publish(BusEvent::QueueReady);
    }
    round.changed.sort_unstable();
    round.changed.dedup();
    for (mailbox, account) in round.changed {
        ctx.bus.publish(BusEvent::MailboxChanged { mailbox, account });
    }
    for told in round.told {
        if let Err(error) = tell(ctx, &told).await {
            tracing::warn!(%error, message = %told.entry.message, "a notification of success could not be queued");
        }
    }
    report(ctx, lane, round.rest)
}

/// Queues a notification of success. Its loss in a crash is not the loss of a message.
pub(crate) async fn tell(ctx: &Arc<Context>, told: &Told) -> Result<()> {
    let (entry, links, now) = (told.entry.clone(), ctx.settings.links, ctx.clock.now());
    let Some(to) = ctx.store.read(move |tx| bounce::sender(tx, &entry, links, now)).await? else { return Ok(()) };
    let content = match ctx.store.content(told.entry.content).await {
        Ok(content) => content,
        // Delivered, read and expunged meanwhile: the notification says what it can without the header.
        Err(Error::NotFound(_)) => bytes::Bytes::new(),
        Err(error) => return Err(error),
    };
    let from = usize::try_from(told.entry.relay_offset).unwrap_or(0).min(content.len());
    let writer = Writer {
        store: &ctx.store,
        hostname: &ctx.settings.relay.hostname,
        offset_minutes: ctx.settings.offset_minutes,
        now,
    };
    let told = std::slice::from_ref(told);
    if let Some(notice) = bounce::write(&writer, to, told, &content.slice(from..)).await? {
        ctx.store.write(move |tx| queue::accept(tx, &notice, now).map(drop)).await?;
        ctx.bus.publish(BusEvent::QueueReady);
    }
    Ok(())
}

/// Reports attempts for entries that are still leased. Whether there were any.
pub(crate) fn report(ctx: &Arc<Context>, lane: &LaneRef, rest: Vec<(Entry, Attempt)>) -> bool {
    if rest.is_empty() {
        return false;
    }
    let flight = Arc::new(Flight {
        lane: lane.lane,
        origin: lane.origin,
        destination: lane.destination.clone(),
        claimed: rest.len(),
        full: false,
    });
    let mut attempts: HashMap<RecipientId, Attempt> = HashMap::with_capacity(rest.len());
    let mut entries = Vec::with_capacity(rest.len());
    for (entry, attempt) in rest {
        attempts.insert(entry.id, attempt);
        entries.push(entry);
    }
    for run in by_message(entries) {
        let tried: Vec<Attempt> = run.iter().filter_map(|entry| attempts.remove(&entry.id)).collect();
        Job::new(Arc::clone(&flight), run, ctx.reports.clone()).report(tried.into_iter());
    }
    true
}

/// Puts off the first entry of a lane that cannot be delivered for a reason that is not its own.
async fn put_off(ctx: &Arc<Context>, lane: &LaneRef) -> bool {
    let now = ctx.clock.now();
    let until = now + ctx.settings.lease;
    let (node, id) = (ctx.store.node().to_owned(), lane.lane);
    match ctx.store.write(move |tx| queue::claim(tx, &node, id, now, until, 1)).await {
        Ok(Some(work)) => {
            let attempt = Attempt::deferred("4.3.0", "the message cannot be stored at the moment");
            report(ctx, lane, work.entries.into_iter().map(|entry| (entry, attempt.clone())).collect())
        }
        Ok(None) => false,
        Err(_) => {
            ctx.pause(PATIENCE).await;
            false
        }
    }
}
