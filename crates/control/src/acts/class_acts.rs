//! What kind of sender an origin is.

use sekisho_guard::class::Class;
use sekisho_message::say;
use serde_json::json;

use super::{account_with, address_of};
use crate::control::Acted;
use crate::{Actor, Control, Done, Refusal};

/// Sets the class of an account, or of an origin without AUTH by its key.
pub(super) async fn set(control: &Control, who: String, class: Option<Class>, actor: &Actor) -> Result<Done, Refusal> {
    let (now, hands) = (control.now(), control.clone());
    let keyed = ["network:", "listener:", "alias:"].iter().any(|kind| who.starts_with(kind));
    let key = if keyed { who } else { address_of(&who)?.key() };
    control
        .transact(actor, move |tx| {
            let origin = if keyed { key.clone() } else { format!("account:{}", account_with(tx, &key)?.key) };
            let guard = hands.guard();
            let mut open = guard.open(tx, &origin, now)?;
            open.profile.class_set = class;
            let in_force = json!(open.profile.class());
            guard.close(tx, &origin, open)?;
            let name = in_force.as_str().unwrap_or_default().to_owned();
            let text = if class.is_some() {
                say!(ja: "{key} を {name} として扱います。", en: "{key} counts as {name} from now on.")
            } else {
                say!(
                    ja: "{key} の種別は学習に任せます（現在: {name}）。",
                    en: "The class of {key} is learnt (now: {name})."
                )
            };
            Ok(Acted {
                act: "account.class",
                about: Some(key.clone()),
                detail: json!({ "class": class }),
                done: Done::with(text, json!({ "account": &key, "class": in_force, "set": class })),
                events: vec![],
            })
        })
        .await
}
