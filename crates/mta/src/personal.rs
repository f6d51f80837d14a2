//! What an account's own rules do with a message that was delivered to it: forwarding and automatic replies.
//!
//! Delivery puts the message into the lane `rules:<account>`, in the transaction that delivers it, so that a crash loses
//! nothing; here it is read, judged and answered, again in one transaction. The account answers for what leaves: its
//! origin is the account's, so that holding the account holds its forwards, and a suspended account forwards nothing.
//!
//! - A forward leaves under an envelope sender of ours (SRS), so that SPF holds at the next host, and with `Delivered-To`
//!   (RFC 9228), by which a message that comes round is known: it is not forwarded again.
//! - A forward that the next host refuses is told to the account's owner and nobody else, with the whole message where no
//!   copy was kept.
//! - A reply goes to the envelope sender of a message that a person seems to have written, once in so many days
//!   (RFC 3834), and never to more than a bounded number of people a day.

mod outgoing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sekisho_control::{BusEvent, entry};
use sekisho_guard::relay as guard;
use sekisho_guard::rules::matches_sender;
use sekisho_message::header::Headers;
use sekisho_message::{Address, Time, auto};
use sekisho_store::account::{self, Account, State};
use sekisho_store::mail::{self, Delivery};
use sekisho_store::personal::{self, Forward};
use sekisho_store::queue::{self, Entry, LaneRef, NewMessage, NewRecipient, Outcome, Stage};
use sekisho_store::{AccountId, LaneId, MailboxId, Result, Tx, alias, journal};

use crate::bounce;
use crate::local::{End, report};
use crate::notify;
use crate::relay::Attempt;
use crate::routing::{self, Target};
use crate::schedule::Context;

/// Destination of the lanes of this module, before the account's key.
pub(crate) const LANE: &str = "rules:";
/// Messages that one claim takes.
const BATCH: u32 = 16;
/// Delivered-To fields after which a message is taken to go round, whoever wrote them.
const MOST_HOPS: usize = 25;
/// How long to wait when the store cannot.
const PATIENCE: Duration = Duration::from_secs(1);

/// The queue entry that hands a delivered message to the rules of `account`.
pub(crate) fn hand_over(entry: &Entry, account: &Account, id: sekisho_store::MessageId, now: Time) -> NewMessage {
    NewMessage {
        id,
        content: entry.content.into(),
        relay_offset: entry.relay_offset,
        reverse_path: entry.reverse_path.clone(),
        // Its own origin: what is for somebody here never waits behind a held one.
        origin: format!("{LANE}{}", account.key),
        account: None,
        network: entry.network.clone(),
        helo: String::new(),
        header_from: String::new(),
        message_id_header: entry.message_id_header.clone(),
        subject: String::new(),
        fingerprint: 0,
        smtputf8: entry.smtputf8,
        eightbit: entry.eightbit,
        dsn_ret: None,
        dsn_envid: None,
        received: now,
        recipients: vec![NewRecipient {
            address: account.address.clone(),
            destination: format!("{LANE}{}", account.key),
            stage: Stage::Incoming,
            notify: notify::NEVER,
            orcpt: None,
            due: now,
        }],
    }
}

/// Works on what is due in a lane.
pub(crate) async fn work(ctx: &Arc<Context>, lane: &LaneRef) -> End {
    while ctx.may_begin() {
        let now = ctx.clock.now();
        let until = now + ctx.settings.lease;
        let (node, id) = (ctx.store.node().to_owned(), lane.lane);
        let claimed = match ctx.store.write(move |tx| queue::claim(tx, &node, id, now, until, BATCH)).await {
            Ok(Some(work)) => work.entries,
            Ok(None) => return End::Over,
            Err(error) => {
                tracing::warn!(%error, "messages for an account's rules cannot be claimed");
                ctx.pause(PATIENCE).await;
                return End::Over;
            }
        };
        let more = claimed.len() >= BATCH as usize;
        let mut rest = Vec::new();
        for entry in claimed {
            if let Err(error) = apply(ctx, lane.lane, &entry).await {
                tracing::warn!(%error, message = %entry.message, "an account's rules cannot be applied; put off");
                rest.push((entry, Attempt::deferred("4.3.0", "the account's rules cannot be applied at the moment")));
            }
        }
        if report(ctx, lane, rest) {
            return End::Reported;
        }
        if !more {
            return End::Over;
        }
    }
    End::Over
}

async fn apply(ctx: &Arc<Context>, lane: LaneId, entry: &Entry) -> Result<()> {
    let key = Address::parse(&entry.address).map(|address| address.key()).unwrap_or_default();
    let found = ctx
        .store
        .read(move |tx| {
            let Some(account) = account::get(tx, &key)? else { return Ok(None) };
            let own = own_addresses(tx, &account)?;
            Ok(Some((account, own)))
        })
        .await?;
    let content = ctx.store.content(entry.content).await?;
    let from = usize::try_from(entry.relay_offset).unwrap_or(0).min(content.len());
    let message = content.slice(from..);
    let plan = match found {
        Some((account, own)) => Plan::of(ctx, entry, account, &own, &message).await?,
        None => Plan::default(),
    };
    let work = Arc::new(Work {
        entry: entry.clone(),
        plan,
        node: ctx.store.node().to_owned(),
        lane,
        now: ctx.clock.now(),
        links: ctx.settings.links,
    });
    let done = ctx.store.write(move |tx| work.run(tx)).await?;
    if done.queued {
        ctx.bus.publish(BusEvent::QueueReady);
    }
    if let Some((mailbox, account)) = done.delivered {
        ctx.bus.publish(BusEvent::MailboxChanged { mailbox, account });
    }
    Ok(())
}

/// The account's address and the exact aliases that lead to it.
fn own_addresses(tx: &mut dyn Tx, account: &Account) -> Result<Vec<Address>> {
    let mut own: Vec<Address> = Address::parse(&account.address).into_iter().collect();
    let domain = account.key.rsplit('@').next().unwrap_or_default().to_owned();
    for alias in alias::list(tx, Some(&domain))? {
        let target = Address::parse(&alias.target).map(|target| target.key()).unwrap_or_default();
        if target == account.key {
            own.extend(Address::parse(&alias.pattern).ok().filter(|_| !alias.pattern.contains('*')));
        }
    }
    Ok(own)
}

/// What is to be done with one message.
#[derive(Default)]
struct Plan {
    account: Option<Account>,
    /// What is forwarded, and to whom.
    forward: Option<(NewMessage, Vec<Address>)>,
    /// What is answered, and to whom; once in so many days.
    reply: Option<(NewMessage, Address, u32)>,
    /// Whether the mailbox must get it here, because no copy was kept and it is not forwarded.
    into_mailbox: bool,
    /// Why it is not forwarded, for the journal.
    why: Option<&'static str>,
}

impl Plan {
    async fn of(ctx: &Arc<Context>, entry: &Entry, account: Account, own: &[Address], message: &Bytes) -> Result<Self> {
        let sender = entry.reverse_path.as_deref().and_then(|path| Address::parse(path).ok());
        let active = account.state == State::Active;
        let forward = account.personal.forward.clone();
        let keeps = forward.as_ref().is_none_or(|forward| forward.keep);
        let mut plan = Self::default();
        if let Some(forward) = &forward {
            match stays(&account, forward, sender.as_ref(), message) {
                Some(why) => plan.why = Some(why),
                None => {
                    let targets = forward.to.iter().filter_map(|to| Address::parse(to).ok()).collect();
                    let forwarded = outgoing::forward(ctx, entry, &account, sender.as_ref(), message, keeps).await?;
                    plan.forward = Some((forwarded, targets));
                }
            }
        }
        plan.into_mailbox = !keeps && plan.forward.is_none();
        if let (Some(reply), Some(to), true) = (&account.personal.reply, &sender, active)
            && auto::silence(message, Some(to), own).is_none()
            && !reply.except.iter().any(|pattern| matches_sender(pattern, &to.key()))
        {
            let days = reply.days;
            let answer = outgoing::reply(ctx, &account, reply, to, message).await?;
            plan.reply = answer.map(|answer| (answer, to.clone(), days));
        }
        plan.account = Some(account);
        Ok(plan)
    }
}

/// Why a message is not forwarded.
fn stays(account: &Account, forward: &Forward, sender: Option<&Address>, message: &[u8]) -> Option<&'static str> {
    if account.state != State::Active {
        return Some("the account is suspended");
    }
    let delivered: Vec<String> = Headers::of(message)
        .all("Delivered-To")
        .filter_map(|field| Address::parse(field.text().trim()).ok())
        .map(|address| address.key())
        .collect();
    if delivered.contains(&account.key) || delivered.len() >= MOST_HOPS {
        return Some("it was forwarded from here before: it goes round");
    }
    let key = sender.map(Address::key).unwrap_or_default();
    let permitted = forward.permit.is_empty() || forward.permit.iter().any(|pattern| matches_sender(pattern, &key));
    (!permitted).then_some("its sender is not one of those whose mail is forwarded")
}

/// One message and what is done with it; it may run more than once.
struct Work {
    entry: Entry,
    plan: Plan,
    node: String,
    lane: LaneId,
    now: Time,
    links: usize,
}

#[derive(Default)]
struct Done {
    queued: bool,
    delivered: Option<(MailboxId, AccountId)>,
}

impl Work {
    fn run(&self, tx: &mut dyn Tx) -> Result<Done> {
        let (mut done, mut said) = (Done::default(), Vec::new());
        let mut outcome = Outcome::Expanded;
        if let Some(account) = &self.plan.account {
            let forwarded = self.forward(tx, account, &mut said)?;
            done.queued |= forwarded;
            done.queued |= self.reply(tx, account, &mut said)?;
            let lost = self.plan.forward.is_some() && !forwarded;
            let keeps = account.personal.forward.as_ref().is_none_or(|forward| forward.keep);
            if self.plan.into_mailbox || (lost && !keeps) {
                match self.deliver(tx, account)? {
                    Some(mailbox) => done.delivered = Some((mailbox, account.id)),
                    // Nobody would have it then: a person decides.
                    None => outcome = Outcome::Held { code: 552, reply: "5.2.2 the mailbox is full".to_owned() },
                }
            }
        }
        queue::settle(tx, &self.node, self.lane, &[(self.entry.id, outcome)], self.now)?;
        journal::append(tx, &said)?;
        Ok(done)
    }

    /// Whether anything was forwarded.
    fn forward(&self, tx: &mut dyn Tx, account: &Account, said: &mut Vec<journal::Entry>) -> Result<bool> {
        let Some((message, targets)) = &self.plan.forward else {
            if let Some(why) = self.plan.why {
                said.push(self.line(&account.address, &format!("250 2.0.0 not forwarded: {why}")));
            }
            return Ok(false);
        };
        let mut message = message.clone();
        for target in targets {
            message.recipients.extend(self.recipient(tx, account, target)?);
        }
        if message.recipients.is_empty() {
            said.push(self.line(&account.address, "250 2.0.0 not forwarded: no address of the forward can be reached"));
            return Ok(false);
        }
        for recipient in &message.recipients {
            let text = format!("250 2.0.0 forwarded as {}", message.id);
            said.push(self.line(&recipient.address, &text));
        }
        queue::accept(tx, &message, self.now)?;
        Ok(true)
    }

    /// Where a forwarded message goes. The account answers for what leaves.
    fn recipient(&self, tx: &mut dyn Tx, account: &Account, target: &Address) -> Result<Option<NewRecipient>> {
        let place = |address: String, destination: String, stage| {
            Some(NewRecipient { address, destination, stage, notify: notify::FAILURE, orcpt: None, due: self.now })
        };
        let outside = |to: &Address| place(to.to_string(), to.domain().ascii().to_owned(), Stage::Domains);
        let allowed = bounce::may_reach(&guard::on_behalf(&account.key));
        Ok(match routing::resolve(tx, target, self.links)? {
            Target::Account(resident) if resident.account.key == account.key => None,
            Target::Account(resident) => {
                place(resident.account.address.clone(), queue::LOCAL.to_owned(), Stage::Incoming)
            }
            Target::List(list) => place(list.key.clone(), format!("list:{}", list.key), Stage::Lists),
            Target::Outside if allowed => outside(target),
            Target::Forward { to, .. } if allowed => outside(&to),
            Target::Outside | Target::Forward { .. } | Target::Unknown | Target::Loop => None,
        })
    }

    /// Whether something was answered.
    fn reply(&self, tx: &mut dyn Tx, account: &Account, said: &mut Vec<journal::Entry>) -> Result<bool> {
        let Some((message, to, days)) = &self.plan.reply else { return Ok(false) };
        let Some(recipient) = self.recipient(tx, account, to)? else { return Ok(false) };
        // An automatic answer to a list goes round.
        if recipient.stage == Stage::Lists || !personal::may_reply(tx, account.id, &to.key(), *days, self.now)? {
            return Ok(false);
        }
        let recipient = NewRecipient { notify: notify::NEVER, ..recipient };
        said.push(self.line(&recipient.address, &format!("250 2.0.0 answered as {}", message.id)));
        queue::accept(tx, &NewMessage { recipients: vec![recipient], ..message.clone() }, self.now)?;
        Ok(true)
    }

    fn deliver(&self, tx: &mut dyn Tx, account: &Account) -> Result<Option<MailboxId>> {
        let outcomes = mail::deliver(tx, &[account.id], self.entry.content, self.now, self.entry.size)?;
        Ok(match outcomes.first() {
            Some(Delivery::Delivered { mailbox, .. }) => Some(*mailbox),
            _ => None,
        })
    }

    fn line(&self, to: &str, reply: &str) -> journal::Entry {
        entry::relayed(
            self.now,
            &entry::Outcome {
                message: &self.entry.message.to_string(),
                account: self.plan.account.as_ref().map(|account| account.address.as_str()),
                origin: &self.entry.origin,
                network: &self.entry.network,
                from: self.entry.reverse_path.as_deref().unwrap_or_default(),
                to,
                host: "rules",
                host_name: "",
                reply,
                size: self.entry.size,
                waited: self.now.since(self.entry.received).as_secs(),
            },
        )
    }
}
