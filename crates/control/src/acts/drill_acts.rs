//! Beginning and ending a drill.

use sekisho_message::say;
use serde_json::json;

use crate::command::DrillCommand;
use crate::control::{Acted, Fault};
use crate::drill::Plan;
use crate::{Actor, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: DrillCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        DrillCommand::Start { attack, from, seed } => {
            start(control, Plan { attack, from, seed: seed.unwrap_or(1) }, actor).await
        }
        DrillCommand::Cancel => cancel(control, actor).await,
    }
}

async fn start(control: &Control, plan: Plan, actor: &Actor) -> Result<Done, Refusal> {
    if let (Some(attack), Some(from)) = (plan.attack, plan.from)
        && !attack.sources().contains(&from)
    {
        let (attack, from) = (attack.name(), from.name());
        return Err(Refusal::invalid(say!(
            ja: "攻撃 {attack} に居場所 {from} はありません。",
            en: "The attack {attack} does not come from {from}."
        )));
    }
    let theatre = control.drills().take(plan.clone(), actor.to_string(), control.now());
    let theatre = theatre.map_err(Refusal::invalid)?;
    let detail = json!(plan);
    let noted = control
        .transact(actor, move |_| {
            Ok(Acted {
                act: "drill.start",
                about: None,
                detail: detail.clone(),
                done: Done::with(
                    say!(
                        ja: "予行を始めました。本物のメールには触れません。",
                        en: "The drill has begun. No real mail is touched."
                    ),
                    detail.clone(),
                ),
                events: Vec::new(),
            })
        })
        .await;
    if noted.is_err() {
        control.drills().give_up();
    } else {
        control.play(plan, theatre);
    }
    noted
}

async fn cancel(control: &Control, actor: &Actor) -> Result<Done, Refusal> {
    let there_was = control.drills().cancel();
    control
        .transact(actor, move |_| {
            if !there_was {
                return Err(Fault::invalid(say!(ja: "進行中の予行はありません。", en: "No drill goes on.")));
            }
            Ok(Acted {
                act: "drill.cancel",
                about: None,
                detail: json!({}),
                done: Done::with(say!(ja: "予行を中止しました。", en: "The drill is cancelled."), json!({})),
                events: Vec::new(),
            })
        })
        .await
}
