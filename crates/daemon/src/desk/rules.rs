//! The rules, as they are, and what they would do.

use std::path::Path;

use sekisho_control::Refusal;
use sekisho_control::command::RuleFile;
use sekisho_control::lockout::FILES;
use sekisho_guard::relay::{Locality, Policy, Standing};
use sekisho_guard::rules::effect::{EffectRules, Sender};
use sekisho_guard::rules::explain::{Question, explain};
use sekisho_guard::rules::sender::SenderRules;
use sekisho_message::{Address, say};
use sekisho_mta::identity;
use sekisho_mta::routing::{self, Target};
use sekisho_store::rules::versions;
use sekisho_store::{Tx, account, domain};
use serde_json::{Value, json};

use super::{Desk, Envelope};

/// Name of the server's rule file in the data folder.
pub(crate) const EFFECT: &str = "effect.dat";
/// Links of a chain of aliases that are followed.
const LINKS: usize = 10;

/// `{"effect":text|null,"filter":…,"gateway":…,"domains":[…],"accounts":[{"address":…,"effect_dat":…,"sender_dat":…}],"rejects":[{"file":…,"text":…}]}`
pub(super) async fn read(desk: &Desk) -> Result<Value, Refusal> {
    let effect = file(&desk.settings.dir)?;
    let more = |file: RuleFile| std::fs::read(desk.settings.dir.join(file.name())).ok().map(text);
    let (filter, gateway) = (more(RuleFile::Filter), more(RuleFile::Gateway));
    let found = desk.control.store().read(|tx| {
        let domains: Vec<String> = domain::list(tx)?.into_iter().map(|d| d.name).collect();
        let mut accounts = Vec::new();
        let mut after = String::new();
        loop {
            let page = account::list(tx, None, &after, 1_000)?;
            let Some(last) = page.last() else { return Ok((domains, accounts)) };
            after = last.key.clone();
            let with_some = |a: &account::Account| {
                a.effect_dat.is_some() || a.sender_dat.is_some() || a.personal.mail_dat.is_some()
            };
            accounts.extend(page.into_iter().filter(with_some));
        }
    });
    let (domains, accounts) = found.await?;
    let rejects: Vec<Value> = FILES
        .iter()
        .filter_map(|(_, name)| {
            Some(json!({ "file": name, "text": text(std::fs::read(desk.settings.dir.join(name)).ok()?) }))
        })
        .collect();
    let accounts: Vec<Value> = accounts
        .iter()
        .map(|a| {
            let mail_dat = &a.personal.mail_dat;
            json!({ "address": a.address, "effect_dat": a.effect_dat, "sender_dat": a.sender_dat, "mail_dat": mail_dat })
        })
        .collect();
    Ok(json!({
        "effect": effect.map(text), "filter": filter, "gateway": gateway,
        "domains": domains, "accounts": accounts, "rejects": rejects,
    }))
}

/// `[{"id":n,"text":…,"who":…,"at":…}]`
pub(super) async fn history(desk: &Desk, name: String, account: Option<String>) -> Result<Value, Refusal> {
    let key = account.as_deref().map(address_of).transpose()?.map(|address| address.key()).unwrap_or_default();
    let versions = desk.control.store().read(move |tx| versions(tx, &name, &key)).await?;
    let shown = versions.iter().map(|v| json!({ "id": v.id, "text": v.text, "who": v.who, "at": v.at.to_string() }));
    Ok(Value::Array(shown.collect()))
}

/// The shape of [`sekisho_guard::rules::explain::Explanation`].
pub(super) async fn test(desk: &Desk, envelope: Envelope) -> Result<Value, Refusal> {
    let rules = match file(&desk.settings.dir)? {
        Some(bytes) => EffectRules::parse(&bytes),
        None => EffectRules::shipped(),
    };
    let from = match envelope.from.trim() {
        "" | "<>" => None,
        text => Some(address_of(text)?),
    };
    let to = address_of(&envelope.to)?;
    let (sender, recipient) = (from.clone(), to.clone());
    let facts = desk.control.store().read(move |tx| facts(tx, sender.as_ref(), &recipient));
    let Facts { standing, locality, forbidden, foreign } = facts.await?;
    let key = from.as_ref().map(Address::key);
    let question = Question {
        ip: envelope.ip,
        from: key.as_deref().map_or(Sender::Null, Sender::Address),
        standing,
        to: &to.key(),
        locality,
        auth: envelope.auth,
    };
    let mut answer = json!(explain(&rules, Policy::default(), &question));
    if envelope.auth && foreign {
        answer["accepted"] = json!(false);
        answer["reason"] = json!(say!(
            ja: "この差出人のアカウントはないので、認証できません。",
            en: "There is no account for this sender, so nobody can authenticate as it."
        ));
    } else if envelope.auth && forbidden && answer["accepted"] == true {
        answer["accepted"] = json!(false);
        answer["reason"] = json!(say!(
            ja: "差出人の sender.dat がこの宛先を禁じています。",
            en: "The sender's sender.dat forbids this recipient."
        ));
    }
    Ok(answer)
}

struct Facts {
    standing: Standing,
    locality: Locality,
    /// The sender's `sender.dat` forbids the recipient.
    forbidden: bool,
    /// Nobody here can authenticate as the sender.
    foreign: bool,
}

fn facts(tx: &mut dyn Tx, sender: Option<&Address>, recipient: &Address) -> sekisho_store::Result<Facts> {
    let standing = match sender {
        None => Standing::Nobody,
        Some(address) if domain::get(tx, address.domain().ascii())?.is_none() => Standing::Outside,
        Some(address) => Standing::Local { exists: identity::exists(tx, address)? },
    };
    let locality = match routing::resolve(tx, recipient, LINKS)? {
        Target::Outside => Locality::Outside,
        Target::Unknown | Target::Loop => Locality::UnknownLocal,
        Target::Account(_) | Target::List(_) | Target::Forward { .. } => Locality::Local,
    };
    let own = match sender {
        Some(address) => match routing::resolve(tx, address, LINKS)? {
            Target::Account(resident) => Some(resident),
            _ => None,
        },
        None => None,
    };
    let rules = own.as_ref().and_then(|resident| resident.account.sender_dat.as_deref());
    let forbidden = rules.is_some_and(|text| !SenderRules::parse(text.as_bytes()).decide(&recipient.key()).allowed);
    Ok(Facts { standing, locality, forbidden, foreign: own.is_none() })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn file(dir: &Path) -> Result<Option<Vec<u8>>, Refusal> {
    match std::fs::read(dir.join(EFFECT)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Refusal::Store {
            reason: say!(ja: "{EFFECT} を読めません: {error}", en: "{EFFECT} cannot be read: {error}"),
            temporary: true,
        }),
    }
}

fn address_of(text: &str) -> Result<Address, Refusal> {
    let bare = text.trim().trim_start_matches('<').trim_end_matches('>');
    Address::parse(bare).map_err(|_| {
        Refusal::invalid(say!(
            ja: "「{text}」はメールアドレスではありません。",
            en: "“{text}” is not a mail address."
        ))
    })
}
