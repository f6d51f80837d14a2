//! Acts on accounts.

use sekisho_message::{Address, Text, Time, say};
use sekisho_store::account::{self, Account, NewAccount, State};
use sekisho_store::{Tx, app_password, domain, recoverable};
use serde_json::json;

use super::{account_with, address_of, credential_acts, free, local_domain, not_local};
use crate::command::{AccountCommand, NewPerson, Secret};
use crate::control::{Acted, Fault};
use crate::credential::scram_wanted;
use crate::password::{self, Person};
use crate::{Actor, BusEvent, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: AccountCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        AccountCommand::Add(person) => add(control, person, actor).await,
        AccountCommand::Password { address, password, must_change } => {
            set_password(control, &address, &password, must_change, actor).await
        }
        AccountCommand::Remove { address, confirmed } => remove(control, &address, confirmed, actor).await,
        AccountCommand::Rename { address, to } => rename(control, &address, &to, actor).await,
        AccountCommand::Whence { address, rule } => super::whence_acts::account(control, &address, rule, actor).await,
        other => change(control, other, actor).await,
    }
}

async fn add(control: &Control, person: NewPerson, actor: &Actor) -> Result<Done, Refusal> {
    let address = address_of(&person.address)?;
    let name = address.domain().ascii().to_ascii_lowercase();
    let wanted = name.clone();
    let domain = control.store().read(move |tx| domain::get(tx, &wanted)).await?;
    let domain = domain.ok_or_else(|| Refusal::invalid(not_local(&name)))?;
    judge(control, &person.password, &address, &person.full_name).await?;
    let (hash, scram) = hashes(control, &person.password, domain.id).await?;
    let now = control.now();
    control
        .transact(actor, move |tx| {
            let key = address.key();
            local_domain(tx, &name)?;
            free(tx, &key)?;
            let new = NewAccount {
                address: address.clone(),
                full_name: person.full_name.clone(),
                role: person.role,
                quota: person.quota,
                password: hash.clone(),
                scram: scram.clone(),
                language: person.language,
                must_change: person.must_change,
            };
            account::add(tx, &new, now)?;
            Ok(Acted {
                act: "account.add",
                about: Some(key),
                detail: json!({ "role": person.role, "quota": person.quota, "name": &person.full_name }),
                done: Done::with(
                    say!(ja: "アカウント {address} を追加しました。", en: "Added the account {address}."),
                    json!({ "account": address.to_string() }),
                ),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn set_password(
    control: &Control,
    address: &str,
    password: &Secret,
    must_change: bool,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let address = address_of(address)?;
    let key = address.key();
    let known = control.store().read({
        let key = key.clone();
        move |tx| account::get(tx, &key)
    });
    let Some(known) = known.await? else {
        return Err(Refusal::invalid(say!(
            ja: "アカウント {address} はありません。",
            en: "There is no account {address}."
        )));
    };
    judge(control, password, &address, &known.full_name).await?;
    let (hash, scram) = hashes(control, password, known.domain).await?;
    let (now, hands, password) = (control.now(), control.clone(), password.clone());
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            account::set_password(tx, account.id, &hash, scram.as_deref(), must_change, now)?;
            if recoverable::get(tx, account.id)?.is_some() {
                match hands.vault().seal(account.id, &password.0) {
                    Ok(sealed) => drop(recoverable::seal(tx, account.id, &hash, &sealed)?),
                    Err(error) => tracing::error!(%error, "a recoverable password cannot be encrypted"),
                }
            }
            let mut text = say!(ja: "{key} のパスワードを変更しました。", en: "Changed the password of {key}.");
            let apps = app_password::list(tx, account.id)?.iter().filter(|one| one.revoked.is_none()).count();
            if apps > 0 {
                text = text.joined(&say!(
                    ja: "アプリパスワード {apps} 個はそのまま使えます（sekisho account app-password list {key}）。",
                    en: "{apps} app passwords go on working (sekisho account app-password list {key})."
                ));
            }
            Ok(Acted {
                act: "account.password",
                about: Some(key.clone()),
                detail: json!({ "must_change": must_change }),
                done: Done::said(text),
                events: vec![BusEvent::PasswordChanged { account: account.id }],
            })
        })
        .await
}

async fn remove(control: &Control, address: &str, confirmed: bool, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let grace = control.options().grace;
    let days = grace.as_secs().div_ceil(86_400);
    if !confirmed {
        let wanted = key.clone();
        let found = control.store().read(move |tx| {
            let Some(account) = account::get(tx, &wanted)? else { return Ok(None) };
            account::usage(tx, account.id).map(Some)
        });
        let Some(usage) = found.await? else {
            return Err(Refusal::invalid(say!(
                ja: "アカウント {key} はありません。",
                en: "There is no account {key}."
            )));
        };
        let (messages, bytes) = (usage.messages, usage.used);
        return Err(Refusal::Confirm {
            question: say!(
                ja: "{key} を削除します。メール {messages} 通（{bytes} バイト）は {days} 日後に失われます。それまでは resume で戻せます。",
                en: "This removes {key}. Its {messages} messages ({bytes} bytes) are destroyed after {days} days; until then resume brings it back."
            ),
            detail: json!({ "account": key, "messages": messages, "bytes": bytes, "days": days }),
        });
    }
    let now = control.now();
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            account::remove(tx, account.id, grace, now)?;
            Ok(Acted {
                act: "account.remove",
                about: Some(key.clone()),
                detail: json!({ "purge_after": (now + grace).to_string() }),
                done: Done::said(say!(
                    ja: "{key} を削除しました。メールは {days} 日後に失われます（それまでは resume で戻せます）。",
                    en: "Removed {key}. Its mail is destroyed after {days} days (until then resume brings it back)."
                )),
                events: ended(account.id),
            })
        })
        .await
}

async fn rename(control: &Control, address: &str, to: &str, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let new = address_of(to)?;
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            local_domain(tx, &new.domain().ascii().to_ascii_lowercase())?;
            // The same key in other letter case is a change of spelling alone.
            if new.key() != key {
                free(tx, &new.key())?;
            }
            account::rename(tx, account.id, &new)?;
            Ok(Acted {
                act: "account.rename",
                about: Some(key.clone()),
                detail: json!({ "to": new.to_string() }),
                done: Done::said(say!(
                    ja: "{key} を {new} に改名しました。",
                    en: "Renamed {key} to {new}."
                )),
                // Sessions hold the old address: they must log in again.
                events: ended(account.id),
            })
        })
        .await
}

/// The acts that set one thing of an existing account.
async fn change(control: &Control, act: AccountCommand, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(act.address())?.key();
    let now = control.now();
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            let Changed { name, detail, text, events } = apply(tx, &act, &account, now)?;
            Ok(Acted { act: name, about: Some(key.clone()), detail, done: Done::said(text), events })
        })
        .await
}

struct Changed {
    name: &'static str,
    detail: serde_json::Value,
    text: Text,
    events: Vec<BusEvent>,
}

fn apply(tx: &mut dyn Tx, act: &AccountCommand, account: &Account, now: Time) -> Result<Changed, Fault> {
    let (id, key) = (account.id, &account.key);
    Ok(match act {
        AccountCommand::Suspend { reason, .. } => {
            if account.state == State::Removed {
                return Err(Fault::invalid(say!(
                    ja: "{key} は削除されています。",
                    en: "{key} is removed."
                )));
            }
            account::set_state(tx, id, State::Suspended)?;
            let apps = credential_acts::revoke(tx, account, now)?;
            let mut text = say!(
                ja: "{key} を停止しました（送信はできません。受信と閲覧はできます）。sekisho account resume {key} で戻せます。",
                en: "Suspended {key}: it cannot send, and still receives and reads. sekisho account resume {key} undoes this."
            );
            let mut events = vec![BusEvent::Suspended { account: id }];
            if apps > 0 {
                text = text.joined(&say!(
                    ja: "アプリパスワード {apps} 個は無効になりました（再開しても戻りません）。",
                    en: "{apps} app passwords are good for nothing now, also after that."
                ));
                // Whoever reads with one of them must go.
                events.push(BusEvent::PasswordChanged { account: id });
            }
            Changed {
                name: "account.suspend",
                detail: json!({ "reason": reason, "app_passwords_revoked": apps }),
                text,
                events,
            }
        }
        AccountCommand::Resume { .. } => {
            let was = account.state;
            account::set_state(tx, id, State::Active)?;
            Changed {
                name: "account.resume",
                detail: json!({ "was": was }),
                text: say!(ja: "{key} を再開しました。", en: "Resumed {key}."),
                events: vec![BusEvent::DirectoryChanged],
            }
        }
        AccountCommand::Quota { quota, .. } => {
            account::set_quota(tx, id, *quota)?;
            let text = match quota {
                Some(bytes) => say!(
                    ja: "{key} の容量上限を {bytes} バイトにしました。",
                    en: "Set the quota of {key} to {bytes} bytes."
                ),
                None => say!(ja: "{key} の容量上限をなくしました。", en: "Lifted the quota of {key}."),
            };
            Changed { name: "account.quota", detail: json!({ "quota": quota }), text, events: vec![] }
        }
        AccountCommand::MessageQuota { messages, .. } => {
            account::set_limits(tx, id, account.quota, *messages)?;
            let text = match messages {
                Some(count) => say!(
                    ja: "{key} のメール数の上限を {count} 通にしました。",
                    en: "Set the most messages of {key} to {count}."
                ),
                None => say!(ja: "{key} のメール数の上限をなくしました。", en: "Lifted the most messages of {key}."),
            };
            Changed { name: "account.message_quota", detail: json!({ "messages": messages }), text, events: vec![] }
        }
        AccountCommand::Role { role, .. } => {
            account::set_role(tx, id, *role)?;
            Changed {
                name: "account.role",
                detail: json!({ "role": role }),
                text: say!(ja: "{key} の権限を変更しました。", en: "Changed the role of {key}."),
                events: vec![],
            }
        }
        AccountCommand::Person { full_name, language, .. } => {
            let name = full_name.as_deref().unwrap_or(&account.full_name);
            account::set_person(tx, id, name, language.unwrap_or(account.language))?;
            Changed {
                name: "account.person",
                detail: json!({ "name": full_name, "language": language }),
                text: say!(ja: "{key} の名前と言語を変更しました。", en: "Changed name and language of {key}."),
                events: vec![],
            }
        }
        AccountCommand::Add(_)
        | AccountCommand::Password { .. }
        | AccountCommand::Remove { .. }
        | AccountCommand::Rename { .. }
        | AccountCommand::Whence { .. } => {
            return Err(Fault::Store(sekisho_store::Error::Conflict("act is handled elsewhere".into())));
        }
    })
}

/// Sending sessions end, and so do all others.
fn ended(account: sekisho_store::AccountId) -> Vec<BusEvent> {
    vec![BusEvent::Suspended { account }, BusEvent::PasswordChanged { account }, BusEvent::DirectoryChanged]
}

pub(crate) async fn judge(
    control: &Control,
    password: &Secret,
    address: &Address,
    full_name: &str,
) -> Result<(), Refusal> {
    let policy = control.options().password;
    let (password, full_name) = (password.0.clone(), full_name.to_owned());
    let (local, domain) = (address.local().to_owned(), address.domain().to_string());
    let verdict = tokio::task::spawn_blocking(move || {
        password::judge(&password, &Person { account: &local, domain: &domain, full_name: &full_name }, policy)
    });
    match verdict.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(Refusal::invalid(reason)),
        Err(_) => Err(stopping()),
    }
}

/// The hash, and the SCRAM secret when the domain asks for one.
pub(crate) async fn hashes(
    control: &Control,
    password: &Secret,
    domain: sekisho_store::DomainId,
) -> Result<(String, Option<String>), Refusal> {
    let hash = control.gate().hash(&password.0).await.map_err(|_| stopping())?;
    let scram = if control.store().read(move |tx| scram_wanted(tx, domain)).await? {
        Some(control.gate().scram(&password.0).await.map_err(|_| stopping())?)
    } else {
        None
    };
    Ok((hash, scram))
}

fn stopping() -> Refusal {
    Refusal::Store {
        reason: say!(
            ja: "サーバが混み合っているか停止中です。少し待ってやり直してください。",
            en: "The server is busy or stopping. Try again in a moment."
        ),
        temporary: true,
    }
}
