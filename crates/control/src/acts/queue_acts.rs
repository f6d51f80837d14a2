//! Acts on the queue: hold, release, retry, purge, by any filter.
//!
//! By account or origin alone, holding is one row however much is queued, and holds what still comes. Everything else
//! goes in steps of a thousand recipients, each its own transaction, so that nobody waits behind it; an act that was
//! interrupted is simply given again.

use std::collections::BTreeMap;

use sekisho_guard::event::{Event, Operator};
use sekisho_message::{Address, say};
use sekisho_store::incident::{self, State};
use sekisho_store::journal as entries;
use sekisho_store::queue::{self, Filter, Step};
use sekisho_store::{RecipientId, Tx};
use serde_json::json;

use crate::command::QueueCommand;
use crate::control::Acted;
use crate::{Actor, BusEvent, Control, Done, Refusal, entry};

/// Recipients in one transaction.
const STEP: u32 = 1_000;
/// Owners that a purge names before it says "and others".
const NAMED: usize = 10;

pub(super) async fn run(
    control: &Control,
    act: QueueCommand,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Done, Refusal> {
    match act {
        QueueCommand::Hold { filter, reason } => match origin_of(&filter) {
            Some(origin) => hold_origin(control, origin, reason, actor).await,
            None => {
                let total = steps(control, actor, "queue.hold", &filter, progress, queue::hold_step).await?;
                control.publish(BusEvent::QueueHeld);
                let Total { recipients, .. } = total;
                let text = say!(
                    ja: "宛先 {recipients} 件を保留しました。",
                    en: "Held {recipients} recipients."
                );
                Ok(Done::with(text, total.data()))
            }
        },
        QueueCommand::Release { filter } => release(control, filter, actor, progress).await,
        QueueCommand::Retry { filter } => {
            let now = control.now();
            let step =
                move |tx: &mut dyn Tx, filter: &Filter, after, limit| queue::retry_step(tx, filter, after, limit, now);
            let total = steps(control, actor, "queue.retry", &filter, progress, step).await?;
            control.publish(BusEvent::QueueReady);
            let Total { recipients, .. } = total;
            let text = say!(
                ja: "宛先 {recipients} 件をただちに再試行します。",
                en: "Trying {recipients} recipients now."
            );
            Ok(Done::with(text, total.data()))
        }
        QueueCommand::Purge { filter, confirmed: false } => Err(purge_question(control, filter, progress).await?),
        QueueCommand::Purge { filter, confirmed: true } => {
            let total = steps(control, actor, "queue.purge", &filter, progress, queue::purge_step).await?;
            control.publish(BusEvent::QueueHeld);
            let Total { recipients, .. } = total;
            let text = say!(
                ja: "宛先 {recipients} 件を削除しました。",
                en: "Purged {recipients} recipients."
            );
            Ok(Done::with(text, total.data()))
        }
    }
}

/// The origin that `filter` means, when it says nothing else.
fn origin_of(filter: &Filter) -> Option<String> {
    let alone = |filter: &Filter| *filter == Filter::default();
    if let Some(origin) = &filter.origin {
        return alone(&Filter { origin: None, ..filter.clone() }).then(|| origin.clone());
    }
    let account = filter.account.as_ref()?;
    alone(&Filter { account: None, ..filter.clone() }).then(|| {
        // The origin's key has the account's look-up form.
        let key = Address::parse(account).map_or_else(|_| account.to_lowercase(), |address| address.key());
        format!("account:{key}")
    })
}

async fn hold_origin(control: &Control, origin: String, reason: String, actor: &Actor) -> Result<Done, Refusal> {
    let now = control.now();
    control
        .transact(actor, move |tx| {
            let hold = queue::hold_origin(tx, &origin, &reason, now)?;
            let (messages, recipients) = (hold.messages, hold.recipients);
            let text = say!(
                ja: "{origin} のメール {messages} 通（宛先 {recipients} 件）を保留しました。これから届く分も保留されます。",
                en: "Held {messages} messages ({recipients} recipients) of {origin}, and whatever it still sends."
            );
            Ok(Acted {
                act: "queue.hold",
                about: Some(origin.clone()),
                detail: json!({ "reason": &reason, "messages": messages, "recipients": recipients }),
                done: Done::with(
                    text,
                    json!({ "origin": &origin, "messages": messages, "recipients": recipients }),
                ),
                events: vec![BusEvent::QueueHeld],
            })
        })
        .await
}

async fn release(
    control: &Control,
    filter: Filter,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Done, Refusal> {
    let now = control.now();
    let mut lifted = false;
    if let Some(origin) = origin_of(&filter) {
        let (hands, who) = (control.clone(), actor.to_string());
        let done = control.transact(actor, move |tx| {
            let lifted = queue::release_origin(tx, &origin)?;
            // What is let go by hand while the guard holds it was a false alarm.
            if let Some(open) = incident::current(tx, &origin)?
                && open.state < State::Cleaned
            {
                hands.guard().judge(tx, &origin, &Event::Operator(Operator::Release), &who, None, now)?;
                incident::set_state(tx, open.id, State::Closed, &who, now)?;
            }
            Ok(Acted {
                act: "queue.release",
                about: Some(origin.clone()),
                detail: json!({ "was_held": lifted }),
                done: Done::with(say!(ja: "解除しました。", en: "Released."), json!({ "lifted": lifted })),
                events: vec![BusEvent::QueueReady],
            })
        });
        lifted = done.await?.data["lifted"] == true;
    }
    let step = move |tx: &mut dyn Tx, filter: &Filter, after, limit| queue::release_step(tx, filter, after, limit, now);
    let total = steps(control, actor, "queue.release", &filter, progress, step).await?;
    control.publish(BusEvent::QueueReady);
    let Total { recipients, .. } = total;
    let text = if lifted {
        say!(
            ja: "発信元の保留を解除し、個別に保留されていた宛先 {recipients} 件も解除しました。",
            en: "Lifted the hold of the origin, and released {recipients} recipients that were held one by one."
        )
    } else {
        say!(ja: "宛先 {recipients} 件の保留を解除しました。", en: "Released {recipients} recipients.")
    };
    let mut data = total.data();
    data["origin_released"] = json!(lifted);
    Ok(Done::with(text, data))
}

/// What a long act has done.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    recipients: u64,
    bytes: u64,
}

impl Total {
    fn data(self) -> serde_json::Value {
        json!({ "recipients": self.recipients, "bytes": self.bytes })
    }
}

/// Runs `step` until it is through, with a journal entry before and after.
async fn steps<F>(
    control: &Control,
    actor: &Actor,
    act: &'static str,
    filter: &Filter,
    progress: &mut (dyn FnMut(u64) + Send),
    step: F,
) -> Result<Total, Refusal>
where
    F: Fn(&mut dyn Tx, &Filter, Option<RecipientId>, u32) -> sekisho_store::Result<Step> + Clone + Send + 'static,
{
    let mut total = Total::default();
    let mut after = None;
    let mut first = true;
    loop {
        let (step, filter) = (step.clone(), filter.clone());
        let begin = first.then(|| {
            entry::act(control.now(), &actor.to_string(), act, None, &json!({ "filter": &filter, "begin": true }))
        });
        first = false;
        let done = control
            .store()
            .write(move |tx| {
                if let Some(begin) = &begin {
                    entries::append(tx, std::slice::from_ref(begin))?;
                }
                step(tx, &filter, after, STEP)
            })
            .await?;
        total.recipients += done.changed;
        total.bytes += done.bytes;
        progress(total.recipients);
        after = done.next;
        if after.is_none() {
            break;
        }
    }
    let detail = json!({ "filter": filter, "done": total.data() });
    let end = entry::act(control.now(), &actor.to_string(), act, None, &detail);
    control.store().write(move |tx| entries::append(tx, std::slice::from_ref(&end))).await?;
    Ok(total)
}

#[derive(Default)]
struct Owner {
    messages: u64,
    recipients: u64,
}

/// Looks at everything that `filter` matches and asks: how many messages of whom.
async fn purge_question(
    control: &Control,
    filter: Filter,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Refusal, Refusal> {
    let mut owners: BTreeMap<String, Owner> = BTreeMap::new();
    let (mut messages, mut recipients, mut bytes) = (0_u64, 0_u64, 0_u64);
    let (mut after, mut last) = (None, None);
    loop {
        let wanted = filter.clone();
        let (page, next) = control.store().read(move |tx| queue::list(tx, &wanted, after, STEP)).await?;
        for one in page {
            let owner = owners.entry(one.account.unwrap_or(one.origin)).or_default();
            owner.recipients += 1;
            recipients += 1;
            // Recipients of a message come one after the other.
            if last != Some(one.message) {
                last = Some(one.message);
                owner.messages += 1;
                messages += 1;
                bytes += one.size;
            }
        }
        progress(recipients);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let mut ranked: Vec<(String, Owner)> = owners.into_iter().collect();
    ranked.sort_by(|a, b| b.1.messages.cmp(&a.1.messages).then_with(|| a.0.cmp(&b.0)));
    let named: Vec<String> = ranked.iter().take(NAMED).map(|(who, o)| format!("{who}: {}", o.messages)).collect();
    let more = if ranked.len() > NAMED { ", …" } else { "" };
    let whose = format!("{}{more}", named.join(", "));
    Ok(Refusal::Confirm {
        question: say!(
            ja: "メール {messages} 通（宛先 {recipients} 件、{bytes} バイト）を削除します。内訳: {whose}。元には戻せません。",
            en: "This destroys {messages} messages ({recipients} recipients, {bytes} bytes). Whose: {whose}. It cannot be undone."
        ),
        detail: json!({
            "messages": messages,
            "recipients": recipients,
            "bytes": bytes,
            "owners": ranked.iter().map(|(who, owner)| json!({
                "owner": who, "messages": owner.messages, "recipients": owner.recipients,
            })).collect::<Vec<_>>(),
        }),
    })
}
