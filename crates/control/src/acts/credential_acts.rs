//! Acts on app passwords and recoverable passwords.

use std::time::Duration;

use sekisho_guard::event::{Change, Configuration, Event};
use sekisho_guard::place::Place;
use sekisho_message::{Text, say};
use sekisho_store::account::{Account, State};
use sekisho_store::app_password::{self, AppPassword, NewAppPassword};
use sekisho_store::{Tx, recoverable};
use serde_json::json;

use super::{account_with, address_of};
use crate::command::CredentialCommand;
use crate::control::{Acted, Fault};
use crate::credential::app_verifier;
use crate::guard::Aftermath;
use crate::whence::Whence;
use crate::{Actor, BusEvent, Control, Done, Protocol, Refusal, password};

/// Longest name of an app password, in characters.
const NAME_MAX: usize = 60;
/// Longest life in days.
const DAYS_MAX: u32 = 3_650;

pub(super) async fn run(control: &Control, act: CredentialCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        CredentialCommand::AddAppPassword { address, name, protocols, networks, days } => {
            let wanted = Wanted::new(&name, &protocols, &networks, days)?;
            add(control, &address, wanted, actor).await
        }
        CredentialCommand::RemoveAppPassword { address, name } => remove(control, &address, name, actor).await,
        CredentialCommand::Recoverable { address, on } => recoverable(control, &address, on, actor).await,
    }
}

/// Makes the account's app passwords good for nothing, because it was or may have been in other hands; how many were good.
pub(crate) fn revoke(tx: &mut dyn Tx, account: &Account, now: sekisho_message::Time) -> sekisho_store::Result<u64> {
    app_password::revoke_all(tx, account.id, now)
}

/// A new app password, checked.
struct Wanted {
    name: String,
    protocols: String,
    networks: String,
    days: Option<u32>,
}

impl Wanted {
    fn new(name: &str, protocols: &[Protocol], networks: &str, days: Option<u32>) -> Result<Self, Refusal> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Refusal::invalid(say!(
                ja: "アプリパスワードの名前は {NAME_MAX} 文字以内で付けてください（例: iPhone）。",
                en: "Give the app password a name of at most {NAME_MAX} characters, such as iPhone."
            )));
        }
        if protocols.contains(&Protocol::Console) {
            return Err(Refusal::invalid(say!(
                ja: "アプリパスワードでコンソールには入れません（smtp、pop3、imap4 のどれかを指定してください）。",
                en: "App passwords do not open the console (say smtp, pop3 or imap4)."
            )));
        }
        if days.is_some_and(|days| days == 0 || days > DAYS_MAX) {
            return Err(Refusal::invalid(say!(
                ja: "期限は 1 日から {DAYS_MAX} 日までです。",
                en: "It may last from 1 to {DAYS_MAX} days."
            )));
        }
        let networks = Whence::parse(networks, "").map_err(Refusal::invalid)?.stored().networks;
        let mut doors: Vec<&str> = protocols.iter().map(|one| one.as_str()).collect();
        doors.sort_unstable();
        doors.dedup();
        Ok(Self { name: name.to_owned(), protocols: doors.join(","), networks, days })
    }
}

async fn add(control: &Control, address: &str, wanted: Wanted, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let made = password::app_password().map_err(|error| no_random(&error))?;
    // Always in the alphabet of app passwords.
    let letters = password::as_app_password(&made).unwrap_or_default();
    let (now, who, hands) = (control.now(), actor.to_string(), control.clone());
    let place = actor.place();
    let aftermath = Aftermaths::default();
    let told = aftermath.clone();
    let done = control
        .transact(actor, move |tx| {
            let account = usable(tx, &key)?;
            let all = app_password::list(tx, account.id)?;
            if all.len() >= app_password::MOST || all.iter().any(|one| one.name == wanted.name) {
                return Err(Fault::invalid(taken(&all, &wanted.name)));
            }
            let verifier = app_verifier(&hands.keys().app, account.id, &letters);
            let new = NewAppPassword {
                account: account.id,
                name: &wanted.name,
                verifier: &verifier,
                protocols: &wanted.protocols,
                networks: &wanted.networks,
                created_by: &who,
                expires: wanted.days.map(|days| now + Duration::from_secs(u64::from(days) * 86_400)),
            };
            app_password::add(tx, &new, now)?;
            told.set(evidence(&hands, tx, &account, place, &who)?);
            let name = &wanted.name;
            let limits = json!({ "name": name, "protocols": &wanted.protocols, "networks": &wanted.networks, "days": wanted.days });
            Ok(Acted {
                act: "account.app_password.add",
                about: Some(key.clone()),
                detail: limits,
                done: Done::with(
                    say!(
                        ja: "{key} のアプリパスワード「{name}」を作りました。表示は今だけです。",
                        en: "Made the app password \"{name}\" of {key}. It is shown only now."
                    ),
                    json!({ "account": &key, "name": name, "password": &made }),
                ),
                events: vec![],
            })
        })
        .await?;
    aftermath.tell(control);
    Ok(done)
}

async fn remove(control: &Control, address: &str, name: String, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let (who, hands, place) = (actor.to_string(), control.clone(), actor.place());
    let aftermath = Aftermaths::default();
    let told = aftermath.clone();
    let done = control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            let Some(found) = app_password::named(tx, account.id, name.trim())? else {
                return Err(Fault::invalid(say!(
                    ja: "{key} に「{name}」というアプリパスワードはありません。",
                    en: "{key} has no app password \"{name}\"."
                )));
            };
            app_password::remove(tx, found.id)?;
            told.set(evidence(&hands, tx, &account, place, &who)?);
            Ok(Acted {
                act: "account.app_password.remove",
                about: Some(key.clone()),
                detail: json!({ "name": &found.name }),
                done: Done::said(say!(
                    ja: "{key} のアプリパスワード「{name}」を削除しました。",
                    en: "Removed the app password \"{name}\" of {key}."
                )),
                events: vec![BusEvent::PasswordChanged { account: account.id }],
            })
        })
        .await?;
    aftermath.tell(control);
    Ok(done)
}

async fn recoverable(control: &Control, address: &str, on: bool, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    if on {
        // Before anything is promised: without a key nothing can be kept.
        control.vault().open().map_err(|error| {
            Refusal::invalid(say!(
                ja: "鍵ファイルを使えません: {error}",
                en: "The key file cannot be used: {error}"
            ))
        })?;
    }
    let now = control.now();
    let done = control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            recoverable::set(tx, account.id, on.then_some(now))?;
            let text = if on {
                say!(
                    ja: "{key} は APOP と CRAM-MD5 を使えます（次に通常のログインかパスワード変更をした時から）。パスワードは復元できる形で保存されます。",
                    en: "{key} may use APOP and CRAM-MD5, from the next ordinary login or change of password on. Its password is kept in a form that can be read."
                )
            } else {
                say!(
                    ja: "{key} の復元できるパスワードを消しました。APOP と CRAM-MD5 は使えません。",
                    en: "Forgot the recoverable password of {key}: no APOP and no CRAM-MD5 any more."
                )
            };
            Ok(Acted {
                act: "account.recoverable",
                about: Some(key.clone()),
                detail: json!({ "on": on }),
                done: Done::said(text),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await?;
    control.refresh_offers().await?;
    Ok(done)
}

/// An account that may have app passwords.
fn usable(tx: &mut dyn Tx, key: &str) -> Result<Account, Fault> {
    let account = account_with(tx, key)?;
    if account.state == State::Active {
        return Ok(account);
    }
    Err(Fault::invalid(say!(
        ja: "{key} は停止中か削除済みです。",
        en: "{key} is suspended or removed."
    )))
}

/// The guard hears of it: intruders make themselves app passwords. From the owner's places it says next to nothing, and a person at the
/// command line is at no place.
fn evidence(
    control: &Control,
    tx: &mut dyn Tx,
    account: &Account,
    place: Place,
    who: &str,
) -> Result<Aftermath, Fault> {
    let event = Event::Configuration(Configuration { change: Change::AppPassword, place });
    let origin = format!("account:{}", account.key);
    Ok(control.guard().judge(tx, &origin, &event, who, Some("an app password"), control.now())?.aftermath)
}

/// What the guard wants told once the act is durable. A transaction may run twice; the last run counts.
#[derive(Clone, Default)]
struct Aftermaths(std::sync::Arc<std::sync::Mutex<Aftermath>>);

impl Aftermaths {
    fn set(&self, aftermath: Aftermath) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = aftermath;
    }

    fn tell(&self, control: &Control) {
        control.after(std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)));
    }
}

fn taken(all: &[AppPassword], name: &str) -> Text {
    let most = app_password::MOST;
    if all.len() >= most {
        say!(
            ja: "アプリパスワードは 1 アカウントに {most} 個までです。",
            en: "An account has at most {most} app passwords."
        )
    } else {
        say!(
            ja: "「{name}」というアプリパスワードはすでにあります。",
            en: "There is an app password \"{name}\" already."
        )
    }
}

fn no_random(error: &password::NoRandom) -> Refusal {
    Refusal::Store {
        reason: say!(ja: "乱数が得られません: {error}", en: "No random numbers: {error}"),
        temporary: true,
    }
}
