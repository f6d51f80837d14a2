//! Pausing and resuming services.

use sekisho_message::say;
use sekisho_store::switch;
use serde_json::json;

use crate::command::{Service, SwitchCommand};
use crate::control::Acted;
use crate::{Actor, BusEvent, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: SwitchCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        SwitchCommand::Pause { service, reason } => set(control, service, true, reason, actor).await,
        SwitchCommand::Resume { service } => set(control, service, false, String::new(), actor).await,
    }
}

async fn set(control: &Control, service: Service, pause: bool, reason: String, actor: &Actor) -> Result<Done, Refusal> {
    let now = control.now();
    control
        .transact(actor, move |tx| {
            let name = service.as_str();
            let changed = switch::set(tx, name, pause, &reason, now)?;
            let text = match (pause, changed) {
                (true, true) => say!(
                    ja: "{name} を止めました。sekisho resume {name} で再開します。",
                    en: "Paused {name}. sekisho resume {name} lets it go on."
                ),
                (true, false) => say!(ja: "{name} はすでに止まっています。", en: "{name} is paused already."),
                (false, true) => say!(ja: "{name} を再開しました。", en: "Resumed {name}."),
                (false, false) => say!(ja: "{name} は止まっていません。", en: "{name} is not paused."),
            };
            Ok(Acted {
                act: if pause { "service.pause" } else { "service.resume" },
                about: Some(name.to_owned()),
                detail: json!({ "reason": &reason, "changed": changed }),
                done: Done::with(text, json!({ "service": name, "paused": pause, "changed": changed })),
                events: if changed { vec![BusEvent::SwitchChanged, BusEvent::QueueReady] } else { vec![] },
            })
        })
        .await
}
