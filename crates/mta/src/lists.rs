//! Mailing lists: a post becomes messages to the members, a step at a time.
//!
//! Each step is one transaction: the next members, their message, and how far it went. So an expansion that a crash
//! interrupts goes on where it was, and nobody waits behind a large list. Members' failures come back to the
//! list's bounce address, which leads to its owner.

use std::sync::Arc;
use std::time::Duration;

use sekisho_control::BusEvent;
use sekisho_guard::relay as guard;
use sekisho_message::header::Headers;
use sekisho_message::list::{self as fields, ListInfo};
use sekisho_message::{Address, Time, dsn, fingerprint, header, is_eightbit};
use sekisho_store::list::{self, List, Posting};
use sekisho_store::queue::{self, Entry, LaneRef, NewMessage, NewRecipient, Outcome, Stage};
use sekisho_store::{LaneId, MessageId, RecipientId, Result, Staged, Tx, journal, meta};

use crate::bounce::{self, Told};
use crate::local::{End, report, tell};
use crate::notify;
use crate::relay::Attempt;
use crate::routing::{self, Target};
use crate::schedule::{Context, judge};

/// Posts that one claim takes.
const POSTS: u32 = 16;
/// Members that one step reaches.
const STEP: u32 = 500;
/// How long to wait when the store cannot.
const PATIENCE: Duration = Duration::from_secs(1);

/// Expands the posts that are due in a lane.
pub(crate) async fn work(ctx: &Arc<Context>, lane: &LaneRef) -> End {
    while ctx.may_begin() {
        let now = ctx.clock.now();
        let until = now + ctx.settings.lease;
        let (node, id) = (ctx.store.node().to_owned(), lane.lane);
        let claimed = ctx.store.write(move |tx| queue::claim(tx, &node, id, now, until, POSTS)).await;
        let posts = match claimed {
            Ok(Some(work)) => work.entries,
            Ok(None) => return End::Over,
            Err(error) => {
                tracing::warn!(%error, "a list's posts cannot be claimed");
                ctx.pause(PATIENCE).await;
                return End::Over;
            }
        };
        let more = posts.len() >= POSTS as usize;
        let mut rest = Vec::new();
        let mut begun = posts.into_iter();
        for post in begun.by_ref() {
            match expand(ctx, lane, &post).await {
                Ok(Expansion::Done) => {}
                Ok(Expansion::Interrupted) => break,
                Ok(Expansion::Failed(attempt)) => rest.push((post, attempt)),
                Err(error) => {
                    tracing::warn!(%error, message = %post.message, "a list post cannot be expanded; it is put off");
                    rest.push((post, Attempt::deferred("4.3.0", "the list cannot be expanded at the moment")));
                }
            }
            if !ctx.may_begin() {
                break;
            }
        }
        if !ctx.may_begin() {
            // The posts that are left, and one that is half done, are given back as they are.
            give_back(ctx, lane.lane, rest).await;
            return End::Over;
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

/// How an expansion went.
enum Expansion {
    /// It is settled.
    Done,
    /// The server stops, or delivery is paused: it goes on later.
    Interrupted,
    /// The post is refused.
    Failed(Attempt),
}

async fn expand(ctx: &Arc<Context>, lane: &LaneRef, post: &Entry) -> Result<Expansion> {
    let Some(key) = lane.destination.strip_prefix("list:").map(ToOwned::to_owned) else {
        return Ok(Expansion::Failed(unknown()));
    };
    let id = post.id;
    let found = ctx.store.read(move |tx| Ok((list::get(tx, &key)?, progress(tx, id)?))).await?;
    let (Some(list), after) = found else { return Ok(Expansion::Failed(unknown())) };
    let Ok(address) = Address::parse(&list.address) else { return Ok(Expansion::Failed(unknown())) };
    let content = ctx.store.content(post.content).await?;
    let from = usize::try_from(post.relay_offset).unwrap_or(0).min(content.len());
    let message = content.slice(from..);
    // An expansion that was begun was allowed.
    if after.is_empty() {
        if let Some(why) = echo(&message, &address) {
            drop_post(ctx, lane, post, why).await?;
            return Ok(Expansion::Done);
        }
        if !may_post(ctx, &list, post, &message).await? {
            return Ok(Expansion::Failed(Attempt::failed("5.7.2", "the sender may not post to this list")));
        }
    }
    let edition = Edition::of(ctx, &list, address, post, &message).await?;
    let mut after = after;
    loop {
        let step = edition.step(ctx, lane.lane, after).await?;
        ctx.bus.publish(BusEvent::QueueReady);
        match step {
            Some(next) => after = next,
            None => break,
        }
        if !ctx.may_begin() {
            return Ok(Expansion::Interrupted);
        }
    }
    if let Some(action) = judge::success_notice(post, dsn::Action::Expanded) {
        let told = Told { entry: post.clone(), action, status: "2.0.0".to_owned(), attempt: None, retry_until: None };
        tell(ctx, &told).await?;
    }
    Ok(Expansion::Done)
}

/// Why a post must not be sent to anybody: it has been here already, or a machine answers another.
fn echo(message: &[u8], address: &Address) -> Option<&'static str> {
    if fields::has_passed(message, address) {
        return Some("the message has passed this list already");
    }
    // RFC 3834 §2: automatic answers to a list would go round for ever.
    let auto = Headers::of(message).text("Auto-Submitted").unwrap_or_default().to_ascii_lowercase();
    auto.starts_with("auto-replied").then_some("automatic replies are not sent to lists")
}

/// Whether the author may post: the header From, or the envelope, is the owner or a member.
async fn may_post(ctx: &Arc<Context>, list: &List, post: &Entry, message: &[u8]) -> Result<bool> {
    if list.posting == Posting::Anyone {
        return Ok(post.reverse_path.is_some());
    }
    let mut authors: Vec<String> = header::from_addresses(message).iter().map(Address::key).collect();
    let envelope = post.reverse_path.as_deref().and_then(|path| Address::parse(path).ok());
    authors.extend(envelope.map(|address| address.key()));
    let owner = Address::parse(&list.owner).map(|owner| owner.key()).unwrap_or_default();
    if authors.contains(&owner) {
        return Ok(true);
    }
    if list.posting == Posting::Owner {
        return Ok(false);
    }
    let id = list.id;
    ctx.store
        .read(move |tx| {
            for author in &authors {
                if list::is_member(tx, id, author)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
}

/// A post as the members get it.
struct Edition {
    list: List,
    origin: String,
    post: Entry,
    content: Staged,
    return_path: String,
    relay_offset: u32,
    header_from: String,
    subject: String,
    message_id: String,
    fingerprint: i64,
    eightbit: bool,
}

impl Edition {
    async fn of(ctx: &Context, list: &List, address: Address, post: &Entry, message: &[u8]) -> Result<Self> {
        let owner = Address::parse(&list.owner).ok();
        let info = ListInfo {
            address: &address,
            name: &list.description,
            owner: owner.as_ref(),
            unsubscribe: owner.as_ref(),
            unsubscribe_uri: None,
            archive_uri: None,
            posting: if list.posting == Posting::Owner { fields::Posting::Closed } else { fields::Posting::Open },
            subject_tag: &list.subject_tag,
        };
        let edited = fields::rewrite(message, &info);
        let return_path =
            list::bounce_address(&address).map_or_else(|| list.owner.clone(), |address| address.to_string());
        let head = format!("Return-Path: <{return_path}>\r\n");
        let mut staging = ctx.store.stage();
        staging.write(head.as_bytes())?;
        staging.write(&edited)?;
        let mut content = staging.finish().await?;
        content.summarize()?;
        let headers = Headers::of(&edited);
        Ok(Self {
            // Who is held with everything it sent stays held in lists too; a stranger's post is the list's affair.
            origin: if post.account.is_some() { post.origin.clone() } else { guard::expanding(&list.key).key() },
            list: list.clone(),
            post: post.clone(),
            content,
            return_path,
            relay_offset: u32::try_from(head.len()).unwrap_or(0),
            header_from: header::from_addresses(&edited).iter().map(Address::key).collect::<Vec<_>>().join(", "),
            subject: headers.text("Subject").unwrap_or_default(),
            message_id: headers.text("Message-ID").unwrap_or_default(),
            fingerprint: fingerprint::of_message(&edited).cast_signed(),
            eightbit: is_eightbit(&edited),
        })
    }

    /// Queues the message for the members after `after`; the last one's key, or none when that were all.
    async fn step(&self, ctx: &Context, lane: LaneId, after: String) -> Result<Option<String>> {
        let now = ctx.clock.now();
        let work = Step {
            base: self.message(ctx.store.next_message_id(), now),
            list: self.list.clone(),
            entry: self.post.id,
            after,
            links: ctx.settings.links,
            node: ctx.store.node().to_owned(),
            lane,
            until: now + ctx.settings.lease,
            journal: self.journal_line(now),
            now,
        };
        ctx.store.write(move |tx| work.run(tx)).await
    }

    fn message(&self, id: MessageId, now: Time) -> NewMessage {
        NewMessage {
            id,
            content: self.content.clone().into(),
            relay_offset: self.relay_offset,
            reverse_path: Some(self.return_path.clone()),
            origin: self.origin.clone(),
            account: self.post.account.clone(),
            network: self.post.network.clone(),
            helo: String::new(),
            header_from: self.header_from.clone(),
            message_id_header: self.message_id.clone(),
            subject: self.subject.clone(),
            fingerprint: self.fingerprint,
            smtputf8: self.post.smtputf8,
            eightbit: self.eightbit,
            dsn_ret: None,
            dsn_envid: None,
            received: now,
            recipients: Vec::new(),
        }
    }

    fn journal_line(&self, now: Time) -> journal::Entry {
        let reply = format!("250 2.0.0 expanded to the members of {}", self.list.address);
        line(now, &self.post, &reply, sekisho_control::entry::relayed)
    }
}

/// One step of an expansion; it may run more than once.
struct Step {
    base: NewMessage,
    list: List,
    entry: RecipientId,
    after: String,
    links: usize,
    node: String,
    lane: LaneId,
    until: Time,
    journal: journal::Entry,
    now: Time,
}

impl Step {
    fn run(&self, tx: &mut dyn Tx) -> Result<Option<String>> {
        let members = list::members(tx, self.list.id, &self.after, STEP)?;
        let last = members.last().map(|member| member.key.clone()).filter(|_| members.len() >= STEP as usize);
        let mut message = self.base.clone();
        for member in &members {
            message.recipients.extend(self.recipient(tx, &member.address)?);
        }
        if !message.recipients.is_empty() {
            queue::accept(tx, &message, self.now)?;
        }
        match &last {
            Some(last) => {
                meta::set(tx, &name(self.entry), Some(last))?;
                queue::renew(tx, &self.node, self.lane, self.until)?;
            }
            None => {
                meta::set(tx, &name(self.entry), None)?;
                queue::settle(tx, &self.node, self.lane, &[(self.entry, Outcome::Expanded)], self.now)?;
                journal::append(tx, std::slice::from_ref(&self.journal))?;
            }
        }
        Ok(last)
    }

    /// Where a member's copy goes. A member that leads nowhere is left out: its owner sees it in the members' list.
    fn recipient(&self, tx: &mut dyn Tx, member: &str) -> Result<Option<NewRecipient>> {
        let Ok(address) = Address::parse(member) else { return Ok(None) };
        let outside = |to: &Address| (to.to_string(), to.domain().ascii().to_owned(), Stage::Domains);
        let allowed = |origin: &sekisho_guard::origin::Origin| bounce::may_reach(origin);
        let (address, destination, stage) = match routing::resolve(tx, &address, self.links)? {
            Target::Account(resident) => (resident.account.address.clone(), "local".to_owned(), Stage::Incoming),
            // A list that is a member of another expands in its turn; its own guard ends a circle.
            Target::List(list) => (list.key.clone(), format!("list:{}", list.key), Stage::Lists),
            Target::Outside if allowed(&guard::expanding(&self.list.key)) => outside(&address),
            Target::Forward { alias, to } if allowed(&guard::forwarding(&alias)) => outside(&to),
            Target::Outside | Target::Forward { .. } | Target::Unknown | Target::Loop => return Ok(None),
        };
        Ok(Some(NewRecipient { address, destination, stage, notify: notify::FAILURE, orcpt: None, due: self.now }))
    }
}

/// Lets a post go that must not be sent on; the journal says why.
async fn drop_post(ctx: &Arc<Context>, lane: &LaneRef, post: &Entry, why: &'static str) -> Result<()> {
    let now = ctx.clock.now();
    let failed = line(now, post, &format!("554 5.4.6 {why}"), sekisho_control::entry::failed);
    let (node, lane, id) = (ctx.store.node().to_owned(), lane.lane, post.id);
    ctx.store
        .write(move |tx| {
            let outcome = Outcome::Failed { code: 554, reply: format!("5.4.6 {why}") };
            queue::settle(tx, &node, lane, &[(id, outcome)], now)?;
            journal::append(tx, std::slice::from_ref(&failed))
        })
        .await
}

/// Ends the lease; what was refused is left to the next time.
async fn give_back(ctx: &Arc<Context>, lane: LaneId, refused: Vec<(Entry, Attempt)>) {
    drop(refused);
    let (node, now) = (ctx.store.node().to_owned(), ctx.clock.now());
    let given = ctx.store.write(move |tx| queue::settle(tx, &node, lane, &[], now).map(drop)).await;
    if let Err(error) = given {
        tracing::warn!(%error, "a list's lane stays leased");
    }
}

/// How far the expansion of a post went: the key of the last member that was reached.
fn progress(tx: &mut dyn Tx, post: RecipientId) -> Result<String> {
    Ok(meta::get(tx, &name(post))?.unwrap_or_default())
}

fn name(post: RecipientId) -> String {
    format!("expansion:{}", post.0)
}

fn line(
    now: Time,
    post: &Entry,
    reply: &str,
    kind: fn(Time, &sekisho_control::entry::Outcome<'_>) -> journal::Entry,
) -> journal::Entry {
    let message = post.message.to_string();
    let outcome = sekisho_control::entry::Outcome {
        message: &message,
        account: post.account.as_deref(),
        origin: &post.origin,
        network: &post.network,
        from: post.reverse_path.as_deref().unwrap_or_default(),
        to: &post.address,
        host: "list",
        host_name: "",
        reply,
        size: post.size,
        waited: now.since(post.received).as_secs(),
    };
    kind(now, &outcome)
}

fn unknown() -> Attempt {
    Attempt::failed("5.1.1", "there is no such list here any more")
}
