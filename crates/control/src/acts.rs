//! The acts, one file for each kind of thing.

use sekisho_message::{Address, Domain, Text, say};
use sekisho_store::account::{self, Account};
use sekisho_store::{Tx, list};

use crate::control::Fault;
use crate::{Actor, Command, Control, Done, Refusal};

pub(crate) mod account_acts;
mod alias_acts;
mod class_acts;
mod console_acts;
pub(crate) mod credential_acts;
mod domain_acts;
mod drill_acts;
pub(crate) mod incident_acts;
mod list_acts;
mod lockout_acts;
pub(crate) mod personal_acts;
mod queue_acts;
mod rules_acts;
mod switch_acts;
mod whence_acts;

#[cfg(test)]
mod tests;

pub(crate) use rules_acts::EFFECT;

pub(crate) async fn run(
    control: &Control,
    command: Command,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Done, Refusal> {
    match command {
        Command::Domain(act) => domain_acts::run(control, act, actor).await,
        Command::Console(act) => console_acts::run(control, act, actor).await,
        Command::Drill(act) => drill_acts::run(control, act, actor).await,
        Command::Incident(act) => incident_acts::run(control, act, actor, progress).await,
        Command::Class { who, class } => class_acts::set(control, who, class, actor).await,
        Command::Account(act) => account_acts::run(control, act, actor).await,
        Command::Credential(act) => credential_acts::run(control, act, actor).await,
        Command::Personal(act) => personal_acts::run(control, act, actor).await,
        Command::Alias(act) => alias_acts::run(control, act, actor).await,
        Command::List(act) => list_acts::run(control, act, actor).await,
        Command::Queue(act) => queue_acts::run(control, act, actor, progress).await,
        Command::Switch(act) => switch_acts::run(control, act, actor).await,
        Command::Lockout(act) => lockout_acts::run(control, act, actor).await,
        Command::Rules(act) => rules_acts::run(control, act, actor).await,
    }
}

/// A complete address.
fn address_of(text: &str) -> Result<Address, Refusal> {
    Address::parse(text.trim()).map_err(|_| {
        Refusal::invalid(say!(
            ja: "「{text}」はメールアドレスではありません（例: taro@example.jp）。",
            en: "“{text}” is not a mail address (such as taro@example.jp)."
        ))
    })
}

/// The name of a domain as the store keeps it: lower-case A-labels.
fn domain_of(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    match Domain::parse(text) {
        Ok(domain) if domain.literal().is_none() && domain.ascii().contains('.') => {
            Ok(domain.ascii().to_ascii_lowercase())
        }
        _ => Err(Refusal::invalid(say!(
            ja: "「{text}」はドメイン名ではありません（例: example.jp）。",
            en: "“{text}” is not a domain name (such as example.jp)."
        ))),
    }
}

/// The account of an address key, removed ones included.
fn account_with(tx: &mut dyn Tx, key: &str) -> Result<Account, Fault> {
    account::get(tx, key)?.ok_or_else(|| {
        Fault::invalid(say!(
            ja: "アカウント {key} はありません。",
            en: "There is no account {key}."
        ))
    })
}

/// The list of an address key.
fn list_with(tx: &mut dyn Tx, key: &str) -> Result<list::List, Fault> {
    list::get(tx, key)?.ok_or_else(|| {
        Fault::invalid(say!(
            ja: "メーリングリスト {key} はありません。",
            en: "There is no mailing list {key}."
        ))
    })
}

/// Refuses a domain that is not ours.
fn local_domain(tx: &mut dyn Tx, name: &str) -> Result<sekisho_store::domain::Domain, Fault> {
    sekisho_store::domain::get(tx, name)?.ok_or_else(|| Fault::invalid(not_local(name)))
}

fn not_local(name: &str) -> Text {
    say!(
        ja: "{name} はこのサーバのドメインではありません（sekisho domain add {name} で追加できます）。",
        en: "{name} is not a domain of this server (sekisho domain add {name} adds it)."
    )
}

/// Refuses an address key that an account, list or exact alias already has.
pub(crate) fn free(tx: &mut dyn Tx, key: &str) -> Result<(), Fault> {
    let taken = account::get(tx, key)?.is_some() || list::get(tx, key)?.is_some() || alias_acts::exists(tx, key)?;
    if taken {
        return Err(Fault::invalid(say!(
            ja: "{key} はすでにアカウント、別名、メーリングリストのいずれかとして使われています。",
            en: "{key} is already an account, an alias or a mailing list."
        )));
    }
    Ok(())
}
