//! Acts on incidents: contain, release, purge, resolve, close.

use sekisho_guard::event::{Event, Operator};
use sekisho_message::{Text, say};
use sekisho_store::account::{self, State as AccountState};
use sekisho_store::incident::{self, Incident, NewIncident, State};
use sekisho_store::queue::{self, Filter};
use sekisho_store::{IncidentId, MessageId, Tx, app_password, lockout, login};
use serde_json::json;

use super::{address_of, credential_acts};
use crate::command::{AccountCommand, Command, IncidentCommand, Secret};
use crate::control::{Acted, Fault};
use crate::guard::persistence;
use crate::guard::split::{Pile, split};
use crate::guard::{Mode, closed};
use crate::{Actor, BusEvent, Control, Done, Refusal};

/// Messages that are released or purged in one transaction.
const STEP: usize = 50;
/// Recipients of one message that one statement changes.
const RECIPIENTS: u32 = 1_000;

pub(super) async fn run(
    control: &Control,
    act: IncidentCommand,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Done, Refusal> {
    match act {
        IncidentCommand::Contain { which, reason } => contain(control, &which, reason, actor).await,
        IncidentCommand::Release { which, all: true, confirmed } => {
            false_alarm(control, &which, confirmed, actor, progress).await
        }
        IncidentCommand::Release { which, all: false, confirmed } => {
            let incident = find(control, &which).await?;
            let piles = split(control.store(), &incident).await?;
            if !confirmed {
                return Err(question(&piles.own, &piles.rest, true));
            }
            let pile = move_pile(control, &incident, piles.own, Move::Release, actor, progress).await?;
            close_if_done(control, incident.id, actor).await?;
            Ok(moved(&pile, true))
        }
        IncidentCommand::Purge { which, all, confirmed } => {
            let incident = find(control, &which).await?;
            let piles = split(control.store(), &incident).await?;
            if !confirmed {
                return Err(question(&piles.rest, &piles.own, false));
            }
            let mut pile = move_pile(control, &incident, piles.rest, Move::Purge, actor, progress).await?;
            if all {
                let own = move_pile(control, &incident, piles.own, Move::Purge, actor, progress).await?;
                pile.messages.extend(own.messages);
                pile.recipients += own.recipients;
            }
            close_if_done(control, incident.id, actor).await?;
            Ok(moved(&pile, false))
        }
        IncidentCommand::Resolve { which, password } => resolve(control, &which, password, actor, progress).await,
    }
}

/// The origin that `which` names: an incident's number, an origin's key, or an account's address.
fn origin_of(tx: &mut dyn Tx, which: &str) -> Result<String, Fault> {
    if let Ok(number) = which.parse() {
        let found = incident::get(tx, IncidentId(number))?;
        return found.map(|one| one.origin).ok_or_else(|| Fault::invalid(none(which)));
    }
    if which.contains(':') {
        closed::check(which).map_err(Fault::invalid)?;
        return Ok(which.to_owned());
    }
    let key = address_of(which).map_err(|refusal| Fault::invalid(refusal.text().clone()))?.key();
    match account::get(tx, &key)? {
        Some(found) => Ok(format!("account:{}", found.key)),
        None => Err(Fault::invalid(say!(
            ja: "アカウント {key} はありません。",
            en: "There is no account {key}."
        ))),
    }
}

fn none(which: &str) -> Text {
    say!(
        ja: "インシデント {which} はありません（sekisho incident list で一覧を表示します）。",
        en: "There is no incident {which} (sekisho incident list shows all)."
    )
}

/// The incident that `which` names: the one that is not closed, where it names an origin.
pub(crate) async fn find(control: &Control, which: &str) -> Result<Incident, Refusal> {
    let wanted = which.trim().to_owned();
    let found = control.store().read(move |tx| {
        if let Ok(number) = wanted.parse() {
            return incident::get(tx, IncidentId(number));
        }
        match origin_of(tx, &wanted) {
            Ok(origin) => incident::current(tx, &origin),
            Err(Fault::Store(error)) => Err(error),
            Err(Fault::Invalid(_)) => Ok(None),
        }
    });
    found.await?.ok_or_else(|| Refusal::invalid(none(which)))
}

/// Suspends, holds, ends the sessions: everything of the origin stands still, and its owner can still read.
async fn contain(control: &Control, which: &str, reason: String, actor: &Actor) -> Result<Done, Refusal> {
    let (now, who, which) = (control.now(), actor.to_string(), which.trim().to_owned());
    let hands = control.clone();
    control
        .transact(actor, move |tx| {
            let origin = origin_of(tx, &which)?;
            let event = Event::Operator(Operator::Hold);
            let why = Some(reason.as_str()).filter(|reason| !reason.is_empty());
            let judged = hands.guard().judge(tx, &origin, &event, &who, why, now)?;
            let hold = queue::hold_origin(tx, &origin, &reason, now)?;
            let id = match judged.aftermath.incident {
                Some(id) => id,
                None => open_again(tx, &hands, &origin, &who, hold.epoch)?,
            };
            incident::set_state(tx, id, State::Contained, &who, now)?;
            let closes = closed::close(tx, id, &origin)?;
            let mut events = vec![BusEvent::QueueHeld, BusEvent::IncidentChanged, BusEvent::DirectoryChanged];
            let found = match crate::guard::account_of(&origin) {
                Some(key) => account::get(tx, key)?,
                None => None,
            };
            if let Some(found) = &found {
                if found.state == AccountState::Active {
                    account::set_state(tx, found.id, AccountState::Suspended)?;
                }
                credential_acts::revoke(tx, found, now)?;
                // Reading sessions end too: whoever knows the password may be in one of them.
                events.extend([
                    BusEvent::Suspended { account: found.id },
                    BusEvent::PasswordChanged { account: found.id },
                ]);
            }
            let (number, messages, recipients) = (id.0, hold.messages, hold.recipients);
            Ok(Acted {
                act: "incident.contain",
                about: found.map(|found| found.key).or(Some(origin.clone())),
                detail: json!({
                    "incident": id, "origin": &origin, "reason": &reason, "messages": messages, "closed": closes,
                }),
                done: Done::with(
                    say!(
                        ja: "{origin} を封じ込めました（インシデント {number}）。{messages} 通（宛先 {recipients} 件）が保留中です。次: sekisho incident show {number}",
                        en: "Contained {origin} (incident {number}); {messages} messages ({recipients} recipients) wait. Next: sekisho incident show {number}"
                    ),
                    json!({
                        "incident": id, "origin": &origin, "messages": messages, "recipients": recipients,
                        "closed": closes,
                    }),
                ),
                events,
            })
        })
        .await
}

/// The open incident of an origin that is held already; made when somebody held it by other means.
fn open_again(tx: &mut dyn Tx, control: &Control, origin: &str, who: &str, epoch: i64) -> Result<IncidentId, Fault> {
    let now = control.now();
    if let Some(open) = incident::current(tx, origin)? {
        return Ok(open.id);
    }
    let facts = control.guard().facts_of(tx, origin, now)?;
    let new = NewIncident {
        origin,
        account: crate::guard::account_of(origin),
        reason: "operator",
        by: who,
        epoch: Some(epoch),
        notice: None,
        facts: &facts,
    };
    Ok(incident::open(tx, &new, now)?.0)
}

/// It was the owner: everything goes, and what he did counts as his.
async fn false_alarm(
    control: &Control,
    which: &str,
    confirmed: bool,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Done, Refusal> {
    let found = find(control, which).await?;
    if !confirmed {
        let mut piles = split(control.store(), &found).await?;
        piles.own.messages.append(&mut piles.rest.messages);
        piles.own.recipients += piles.rest.recipients;
        return Err(question(&piles.own, &Pile::default(), true));
    }
    let (now, who, hands) = (control.now(), actor.to_string(), control.clone());
    let origin = found.origin.clone();
    let done = control
        .transact(actor, move |tx| {
            hands.guard().judge(tx, &found.origin, &Event::Operator(Operator::Release), &who, None, now)?;
            queue::release_origin(tx, &found.origin)?;
            let mut events = vec![BusEvent::QueueReady, BusEvent::IncidentChanged];
            if let Some(account) = found.account.as_deref().map(|key| account::get(tx, key)).transpose()?.flatten()
                && account.state == AccountState::Suspended
            {
                account::set_state(tx, account.id, AccountState::Active)?;
                // What was taken from its owner for nothing comes back.
                app_password::restore(tx, account.id, found.opened)?;
                events.push(BusEvent::DirectoryChanged);
            }
            incident::set_state(tx, found.id, State::Closed, &who, now)?;
            let number = found.id.0;
            Ok(Acted {
                act: "incident.release",
                about: found.account.clone().or(Some(found.origin.clone())),
                detail: json!({
                    "incident": found.id, "origin": &found.origin, "false_alarm": true,
                    "opened": closed::is_closed(&found.facts),
                }),
                done: Done::with(
                    say!(
                        ja: "インシデント {number} は誤検知として閉じました。保留はすべて解除しました。",
                        en: "Incident {number} is closed as a false alarm; everything is released."
                    ),
                    json!({ "incident": found.id, "closed": true }),
                ),
                events,
            })
        })
        .await?;
    let filter = Filter { origin: Some(origin), ..Filter::default() };
    let mut after = None;
    let mut changed = 0;
    loop {
        let wanted = filter.clone();
        let step = control.store().write(move |tx| queue::release_step(tx, &wanted, after, RECIPIENTS, now)).await?;
        changed += step.changed;
        progress(changed);
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    control.publish(BusEvent::QueueReady);
    Ok(done)
}

/// A new password, a new epoch, thresholds tightened for a while; the owner's mail goes, the rest waits for a person.
async fn resolve(
    control: &Control,
    which: &str,
    password: Option<Secret>,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Done, Refusal> {
    let found = find(control, which).await?;
    if found.state >= State::Cleaned {
        let number = found.id.0;
        return Err(Refusal::invalid(say!(
            ja: "インシデント {number} はすでに解決済みです。",
            en: "Incident {number} is resolved already."
        )));
    }
    if let Some(address) = found.account.clone() {
        let password = password.ok_or_else(|| {
            Refusal::invalid(say!(
                ja: "新しいパスワードが必要です（--password-stdin または --generate）。",
                en: "A new password is needed (--password-stdin or --generate)."
            ))
        })?;
        let new = AccountCommand::Password { address, password, must_change: false };
        Box::pin(super::run(control, Command::Account(new), actor, progress)).await?;
    }
    // Before the new epoch: what is held is still where it was.
    let piles = split(control.store(), &found).await?;
    let made = control.made_since(&found).await?;
    let (look_at, made) = (json!(&made.others), std::sync::Arc::new(made));
    let (now, who, hands, one) = (control.now(), actor.to_string(), control.clone(), found.clone());
    let observes = control.guard().settings().mode == Mode::Observe && found.epoch.is_none();
    let cleaned = control
        .transact(actor, move |tx| {
            hands.guard().judge(tx, &one.origin, &Event::Operator(Operator::Resolve), &who, None, now)?;
            // When the guard only observes, nothing was held.
            if !observes {
                queue::hold_origin(tx, &one.origin, "incident", now)?;
                queue::new_epoch(tx, &one.origin)?;
            }
            let mut events = vec![BusEvent::IncidentChanged, BusEvent::DirectoryChanged];
            let account = one.account.as_deref().map(|key| account::get(tx, key)).transpose()?.flatten();
            if let Some(account) = &account {
                if account.state == AccountState::Suspended {
                    account::set_state(tx, account.id, AccountState::Active)?;
                }
                credential_acts::revoke(tx, account, now)?;
                // Where only the intruder was is no network of the owner's, whatever a right password made of it.
                lockout::forget_use(tx, account.id, None)?;
                login::forget_ways(tx, account.id)?;
                for (place, last) in hands.guard().own_places(tx, &one.origin, now)? {
                    lockout::note_use(tx, account.id, &place.to_string(), last)?;
                }
                events.push(BusEvent::PasswordChanged { account: account.id });
            }
            let undone = persistence::undo(tx, account.as_ref(), &made)?;
            incident::set_state(tx, one.id, State::Cleaned, &who, now)?;
            let detail = json!({
                "incident": one.id, "origin": &one.origin, "undone": undone, "look_at": &made.others,
                "opened": closed::is_closed(&one.facts),
            });
            Ok(Acted {
                act: "incident.resolve",
                about: one.account.clone().or(Some(one.origin.clone())),
                done: Done::with(say!(ja: "解決しました。", en: "Resolved."), json!({ "undone": undone })),
                detail,
                events,
            })
        })
        .await?;
    let rest = piles.rest.clone();
    let own = move_pile(control, &found, piles.own, Move::Release, actor, progress).await?;
    close_if_done(control, found.id, actor).await?;
    let (number, sent, left) = (found.id.0, own.messages.len(), rest.messages.len());
    let text = if left == 0 {
        say!(
            ja: "インシデント {number} を解決しました。本人のメール {sent} 通を送ります。残りはありません。",
            en: "Resolved incident {number}; {sent} messages of the owner go on their way, and nothing is left."
        )
    } else {
        say!(
            ja: "インシデント {number} を解決しました。本人のメール {sent} 通を送ります。残り {left} 通は確認のうえ削除してください: sekisho incident purge {number}",
            en: "Resolved incident {number}; {sent} messages of the owner go on their way. {left} others wait for you: sekisho incident purge {number}"
        )
    };
    let text = also(text, &cleaned.data["undone"], &look_at);
    Ok(Done::with(
        text,
        json!({
            "incident": found.id, "released": own.counts(), "rest": rest.counts(),
            "undone": cleaned.data["undone"], "look_at": look_at,
        }),
    ))
}

/// What was undone, and what somebody must still look at.
fn also(text: Text, undone: &serde_json::Value, look_at: &serde_json::Value) -> Text {
    let names: Vec<&str> = undone.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let (names, others) = (names.join(", "), look_at.as_array().map_or(0, Vec::len));
    let mut text = text;
    if !names.is_empty() {
        text.ja.push_str(&format!("その間に変えられた設定を元に戻しました: {names}。"));
        text.en.push_str(&format!(" What was changed meanwhile is as it was: {names}."));
    }
    if others > 0 {
        text.ja.push_str(&format!("ほかに {others} 件の変更があります（--json の look_at、incident show）。"));
        text.en.push_str(&format!(" {others} other changes are to be looked at (look_at of --json, incident show)."));
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    Release,
    Purge,
}

/// Releases or purges a pile in steps, with a journal entry at the end.
async fn move_pile(
    control: &Control,
    incident: &Incident,
    pile: Pile,
    how: Move,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Pile, Refusal> {
    let (now, mut done) = (control.now(), 0);
    for chunk in pile.messages.chunks(STEP) {
        let messages = chunk.to_vec();
        done += control.store().write(move |tx| move_messages(tx, &messages, how, now)).await?;
        progress(done);
    }
    let act = if how == Move::Release { "incident.release" } else { "incident.purge" };
    let (one, counts) = (incident.clone(), pile.counts());
    control
        .transact(actor, move |_| {
            Ok(Acted {
                act,
                about: one.account.clone().or(Some(one.origin.clone())),
                detail: json!({ "incident": one.id, "origin": &one.origin, "done": &counts }),
                done: Done::said(say!(ja: "済み", en: "Done")),
                events: vec![
                    BusEvent::IncidentChanged,
                    if how == Move::Release { BusEvent::QueueReady } else { BusEvent::QueueHeld },
                ],
            })
        })
        .await?;
    Ok(pile)
}

fn move_messages(
    tx: &mut dyn Tx,
    messages: &[MessageId],
    how: Move,
    now: sekisho_message::Time,
) -> sekisho_store::Result<u64> {
    let mut changed = 0;
    for message in messages {
        let filter = Filter { message: Some(*message), ..Filter::default() };
        let mut after = None;
        loop {
            let step = match how {
                Move::Release => queue::release_step(tx, &filter, after, RECIPIENTS, now)?,
                Move::Purge => queue::purge_step(tx, &filter, after, RECIPIENTS)?,
            };
            changed += step.changed;
            after = step.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(changed)
}

/// A cleaned incident of which nothing waits is closed.
async fn close_if_done(control: &Control, id: IncidentId, actor: &Actor) -> Result<(), Refusal> {
    let Some(found) = control.store().read(move |tx| incident::get(tx, id)).await? else { return Ok(()) };
    if found.state != State::Cleaned {
        return Ok(());
    }
    let left = split(control.store(), &found).await?;
    if left.own.messages.is_empty() && left.rest.messages.is_empty() {
        let (who, now) = (actor.to_string(), control.now());
        control.store().write(move |tx| incident::set_state(tx, id, State::Closed, &who, now)).await?;
        control.publish(BusEvent::IncidentChanged);
    }
    Ok(())
}

fn moved(pile: &Pile, released: bool) -> Done {
    let (messages, recipients) = (pile.messages.len(), pile.recipients);
    let text = if released {
        say!(
            ja: "{messages} 通（宛先 {recipients} 件）を送ります。",
            en: "{messages} messages ({recipients} recipients) go on their way."
        )
    } else {
        say!(
            ja: "{messages} 通（宛先 {recipients} 件）を削除しました。",
            en: "Purged {messages} messages ({recipients} recipients)."
        )
    };
    Done::with(text, pile.counts())
}

fn question(pile: &Pile, other: &Pile, release: bool) -> Refusal {
    let (messages, recipients, rest) = (pile.messages.len(), pile.recipients, other.messages.len());
    let question = if release {
        say!(
            ja: "本人のものと見られる {messages} 通（宛先 {recipients} 件）を送ります。ほかの {rest} 通は残ります。",
            en: "This sends {messages} messages ({recipients} recipients) that the owner seems to have sent. {rest} others stay."
        )
    } else {
        say!(
            ja: "{messages} 通（宛先 {recipients} 件）を削除します。元には戻せません。本人のものと見られる {rest} 通は残ります。",
            en: "This destroys {messages} messages ({recipients} recipients), which cannot be undone. {rest} that the owner seems to have sent stay."
        )
    };
    Refusal::Confirm { question, detail: json!({ "these": pile.counts(), "others": other.counts() }) }
}
