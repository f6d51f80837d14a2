//! Who gets a mail about an incident: never the account that it is about.

use sekisho_guard::relay;
use sekisho_message::{Address, Time};
use sekisho_store::account::{self, Account, Role, State};
use sekisho_store::queue::{LOCAL, NewRecipient, Stage};
use sekisho_store::{Result, Tx, domain};

use crate::bounce::may_reach;
use crate::notify;
use crate::routing::{self, Target};

/// Accounts that are looked through for administrators.
const MOST: u32 = 1_000;
/// Aliases that are followed.
const LINKS: usize = 10;

/// Those whom the configuration names; without any, or when none of them can be told, the system administrators, and
/// without those the administrators of the domain. `abused` is the key of the account that it is about.
pub(super) fn of(tx: &mut dyn Tx, wanted: &[String], abused: Option<&str>, now: Time) -> Result<Vec<NewRecipient>> {
    let mut found = Vec::new();
    for address in wanted.iter().filter_map(|text| Address::parse(text).ok()) {
        found.extend(reachable(tx, &address, abused, now)?);
    }
    if found.is_empty() {
        found = administrators(tx, abused, now)?;
    }
    found.sort_by(|a, b| a.address.cmp(&b.address));
    found.dedup_by(|a, b| a.address == b.address);
    Ok(found)
}

/// The queue entry of somebody in a mailbox here.
pub(super) fn mailbox(account: &Account, now: Time) -> NewRecipient {
    entry(account.address.clone(), LOCAL.to_owned(), Stage::Incoming, now)
}

fn reachable(tx: &mut dyn Tx, address: &Address, abused: Option<&str>, now: Time) -> Result<Option<NewRecipient>> {
    let outside = |to: &Address, origin| {
        let destination = to.domain().ascii().to_owned();
        may_reach(&origin).then(|| entry(to.to_string(), destination, Stage::Domains, now))
    };
    Ok(match routing::resolve(tx, address, LINKS)? {
        Target::Account(resident) if abused != Some(resident.account.key.as_str()) => {
            Some(mailbox(&resident.account, now))
        }
        Target::Forward { alias, to } => outside(&to, relay::forwarding(&alias)),
        Target::Outside => outside(address, relay::alerting()),
        Target::Account(_) | Target::List(_) | Target::Unknown | Target::Loop => None,
    })
}

fn administrators(tx: &mut dyn Tx, abused: Option<&str>, now: Time) -> Result<Vec<NewRecipient>> {
    let able = |account: &Account| account.state == State::Active && abused != Some(account.key.as_str());
    let all = account::list(tx, None, "", MOST)?;
    let system: Vec<NewRecipient> = all
        .iter()
        .filter(|account| account.role == Role::SystemAdmin && able(account))
        .map(|account| mailbox(account, now))
        .collect();
    let Some(name) = abused.and_then(|key| key.rsplit('@').next()).filter(|_| system.is_empty()) else {
        return Ok(system);
    };
    let Some(domain) = domain::get(tx, name)? else { return Ok(system) };
    let of_domain = account::list(tx, Some(domain.id), "", MOST)?;
    let admins = of_domain.iter().filter(|account| account.role == Role::DomainAdmin && able(account));
    Ok(admins.map(|account| mailbox(account, now)).collect())
}

fn entry(address: String, destination: String, stage: Stage, now: Time) -> NewRecipient {
    NewRecipient { address, destination, stage, notify: notify::NEVER, orcpt: None, due: now }
}
