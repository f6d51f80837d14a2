//! Acts on mailing lists.

use sekisho_message::{Address, say};
use sekisho_store::list::{self, List, ListSettings};
use sekisho_store::{ListId, Tx};
use serde_json::json;

use super::{address_of, free, list_with, local_domain};
use crate::command::{ListChange, ListCommand};
use crate::control::{Acted, Fault};
use crate::{Actor, BusEvent, Control, Done, Refusal};

/// Members in one transaction; more go in further ones.
const STEP: usize = 500;
/// Longest subject tag and description, in characters.
const LONGEST_TAG: usize = 64;
const LONGEST_DESCRIPTION: usize = 200;

pub(super) async fn run(control: &Control, act: ListCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        ListCommand::Add { address, owner, change } => add(control, &address, &owner, change, actor).await,
        ListCommand::Remove { address, confirmed } => remove(control, &address, confirmed, actor).await,
        ListCommand::Set { address, change } => set(control, &address, change, actor).await,
        ListCommand::MemberAdd { address, members } => membership(control, &address, &members, true, actor).await,
        ListCommand::MemberRemove { address, members } => membership(control, &address, &members, false, actor).await,
    }
}

async fn add(
    control: &Control,
    address: &str,
    owner: &str,
    change: ListChange,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let address = address_of(address)?;
    let owner = address_of(owner)?.to_string();
    let settings = changed(ListSettings { owner, ..ListSettings::default() }, change)?;
    let now = control.now();
    control
        .transact(actor, move |tx| {
            local_domain(tx, &address.domain().ascii().to_ascii_lowercase())?;
            let key = address.key();
            free(tx, &key)?;
            list::add(tx, &address, &settings, now)?;
            Ok(Acted {
                act: "list.add",
                about: Some(key),
                detail: json!({ "owner": &settings.owner, "posting": settings.posting }),
                done: Done::with(
                    say!(ja: "メーリングリスト {address} を追加しました。", en: "Added the mailing list {address}."),
                    json!({ "list": address.to_string() }),
                ),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn remove(control: &Control, address: &str, confirmed: bool, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    if !confirmed {
        let wanted = key.clone();
        let members = control.store().read(move |tx| {
            let Some(list) = list::get(tx, &wanted)? else { return Ok(None) };
            count_members(tx, list.id).map(Some)
        });
        let Some(members) = members.await? else {
            return Err(Refusal::invalid(say!(
                ja: "メーリングリスト {key} はありません。",
                en: "There is no mailing list {key}."
            )));
        };
        return Err(Refusal::Confirm {
            question: say!(
                ja: "メーリングリスト {key} とメンバー {members} 人の登録を削除します。",
                en: "This removes the mailing list {key} and its {members} members."
            ),
            detail: json!({ "list": key, "members": members }),
        });
    }
    control
        .transact(actor, move |tx| {
            let list = list_with(tx, &key)?;
            list::remove(tx, list.id)?;
            Ok(Acted {
                act: "list.remove",
                about: Some(key.clone()),
                detail: json!({}),
                done: Done::said(say!(
                    ja: "メーリングリスト {key} を削除しました。",
                    en: "Removed the mailing list {key}."
                )),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn set(control: &Control, address: &str, change: ListChange, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    // Checked once before the transaction, so that a fault in it cannot come from the texts.
    changed(ListSettings::default(), change.clone())?;
    control
        .transact(actor, move |tx| {
            let list = list_with(tx, &key)?;
            let settings = changed(settings_of(&list), change.clone()).map_err(|r| Fault::invalid(r.text().clone()))?;
            list::settings(tx, list.id, &settings)?;
            Ok(Acted {
                act: "list.set",
                about: Some(key.clone()),
                detail: json!(&change),
                done: Done::said(say!(
                    ja: "メーリングリスト {key} の設定を変更しました。",
                    en: "Changed the settings of the mailing list {key}."
                )),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn membership(
    control: &Control,
    address: &str,
    members: &[String],
    adding: bool,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let members = members.iter().map(|one| address_of(one)).collect::<Result<Vec<_>, _>>()?;
    let mut total = 0;
    for step in members.chunks(STEP) {
        let done = membership_step(control, &key, step.to_vec(), adding, actor).await?;
        total += done.data["changed"].as_u64().unwrap_or(0);
    }
    let text = if adding {
        say!(ja: "{total} 人を {key} に追加しました。", en: "Added {total} members to {key}.")
    } else {
        say!(ja: "{total} 人を {key} から外しました。", en: "Removed {total} members from {key}.")
    };
    Ok(Done::with(text, json!({ "list": key, "changed": total })))
}

async fn membership_step(
    control: &Control,
    key: &str,
    members: Vec<Address>,
    adding: bool,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let (key, now) = (key.to_owned(), control.now());
    control
        .transact(actor, move |tx| {
            let list = list_with(tx, &key)?;
            let mut changed = Vec::new();
            for member in &members {
                let did = if adding {
                    list::add_member(tx, list.id, member, now)?
                } else {
                    list::remove_member(tx, list.id, &member.key())?
                };
                if did {
                    changed.push(member.to_string());
                }
            }
            Ok(Acted {
                act: if adding { "list.member.add" } else { "list.member.remove" },
                about: Some(key.clone()),
                detail: json!({ "members": &changed }),
                done: Done::with(say!(ja: "変更しました。", en: "Changed."), json!({ "changed": changed.len() })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

fn count_members(tx: &mut dyn Tx, id: ListId) -> sekisho_store::Result<usize> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = list::members(tx, id, &after, 1_000)?;
        let Some(last) = page.last() else { return Ok(count) };
        after = last.key.clone();
        count += page.len();
    }
}

fn settings_of(list: &List) -> ListSettings {
    ListSettings {
        owner: list.owner.clone(),
        posting: list.posting,
        subject_tag: list.subject_tag.clone(),
        description: list.description.clone(),
    }
}

/// `settings` with what `change` says; its texts go into headers, so they must be short and without controls.
fn changed(mut settings: ListSettings, change: ListChange) -> Result<ListSettings, Refusal> {
    if let Some(owner) = change.owner {
        settings.owner = address_of(&owner)?.to_string();
    }
    if let Some(posting) = change.posting {
        settings.posting = posting;
    }
    if let Some(tag) = change.subject_tag {
        settings.subject_tag = line(tag, LONGEST_TAG)?;
    }
    if let Some(description) = change.description {
        settings.description = line(description, LONGEST_DESCRIPTION)?;
    }
    Ok(settings)
}

fn line(text: String, longest: usize) -> Result<String, Refusal> {
    if text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(Refusal::invalid(say!(
            ja: "件名の印と説明は改行なしで {longest} 文字までです。",
            en: "Subject tag and description must be at most {longest} characters without line ends."
        )));
    }
    Ok(text)
}
