//! What a tier may see and do. Said here once, for pages and programs alike; what is not named is refused.

use sekisho_control::command::{
    AccountCommand, AliasCommand, Command, ConsoleCommand, CredentialCommand, IncidentCommand, ListCommand,
    LockoutCommand, NewPerson, PersonalCommand, QueueCommand, RulesCommand,
};
use sekisho_control::{Query, Refusal};
use sekisho_message::{Address, say};
use sekisho_store::account::{Account, Role, State};
use sekisho_store::queue::Filter;
use sekisho_store::{Tx, account};
use serde_json::Value;

use crate::service::Console;

/// The three tiers, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Sees and changes what is his own.
    User,
    /// Everything of one domain.
    Domain,
    /// Everything.
    System,
}

/// Who somebody is, and so what he may see and do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which tier.
    pub tier: Tier,
    /// Key of the account.
    pub account: String,
    /// Its domain.
    pub domain: String,
    /// Whether the account may act at all: one that is suspended looks and does not touch.
    pub active: bool,
}

impl Scope {
    /// The scope of an account.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        let tier = match account.role {
            Role::User => Tier::User,
            Role::DomainAdmin => Tier::Domain,
            Role::SystemAdmin => Tier::System,
        };
        let domain = account.key.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
        Self { tier, account: account.key.clone(), domain, active: account.state == State::Active }
    }

    /// Whether an address is of somebody whom this scope covers.
    #[must_use]
    pub fn covers(&self, address: &str) -> bool {
        let Ok(address) = Address::parse(address.trim()) else { return self.tier == Tier::System };
        let key = address.key();
        match self.tier {
            Tier::System => true,
            Tier::Domain => key.rsplit_once('@').is_some_and(|(_, domain)| domain == self.domain),
            Tier::User => key == self.account,
        }
    }

    /// Whether a domain's name is covered.
    #[must_use]
    pub fn covers_domain(&self, name: &str) -> bool {
        match self.tier {
            Tier::System => true,
            Tier::Domain => name.eq_ignore_ascii_case(&self.domain),
            Tier::User => false,
        }
    }

    /// The question as this scope may ask it; none when it may not.
    #[must_use]
    pub fn narrowed(&self, query: Query) -> Option<Query> {
        match self.tier {
            Tier::System => match query {
                // Writes a folder on the server: for those who have a shell there.
                Query::StoreBackup { .. } => None,
                query => Some(query),
            },
            Tier::Domain => match query {
                Query::Domains | Query::Lists | Query::Incidents { .. } => Some(query),
                Query::Accounts { after, .. } => Some(Query::Accounts { domain: Some(self.domain.clone()), after }),
                Query::Aliases { .. } => Some(Query::Aliases { domain: Some(self.domain.clone()) }),
                Query::List { ref address, .. } => self.covers(address).then_some(query),
                query => self.of_an_account(query),
            },
            Tier::User => match query {
                Query::Incidents { .. } => Some(query),
                query => self.of_an_account(query),
            },
        }
    }

    /// Questions that are about one account.
    fn of_an_account(&self, query: Query) -> Option<Query> {
        let named = match &query {
            Query::Account { address } | Query::AppPasswords { address } => Some(address.as_str()),
            Query::Queue { filter, .. } => filter.account.as_deref(),
            Query::Logs { filter, .. } | Query::LogsBack { filter, .. } => filter.account.as_deref(),
            // By the answer: nobody knows whose it is before.
            Query::Queued { .. } | Query::QueuedContent { .. } | Query::Incident { .. } => return Some(query),
            _ => None,
        };
        let covered = named.is_some_and(|address| address.contains('@') && self.covers(address));
        covered.then_some(query)
    }

    /// The answer with nothing in it that is not covered; none when nothing is left.
    #[must_use]
    pub fn filtered(&self, query: &Query, mut answer: Value) -> Option<Value> {
        if self.tier == Tier::System {
            return Some(answer);
        }
        let mut keep = |name: Option<&str>, test: &dyn Fn(&Value) -> bool| {
            let list = match name {
                Some(name) => answer[name].as_array_mut(),
                None => answer.as_array_mut(),
            };
            if let Some(list) = list {
                list.retain(|one| test(one));
            }
        };
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        match query {
            Query::Domains => keep(None, &|one| self.covers_domain(&text(one, "domain"))),
            Query::Lists => keep(None, &|one| self.covers(&text(one, "list"))),
            Query::Incidents { .. } => keep(Some("incidents"), &|one| self.covers(&text(one, "account"))),
            Query::Queued { .. } => {
                let whose = text(&answer["recipients"][0], "account");
                return self.covers(&whose).then_some(answer);
            }
            Query::Incident { .. } => {
                let whose = text(&answer["incident"], "account");
                return self.covers(&whose).then_some(answer);
            }
            _ => {}
        }
        Some(answer)
    }

    /// Whether this scope may do what `command` says, apart from whom it is done to; see [`Scope::may`].
    #[must_use]
    fn permits(&self, command: &Command) -> bool {
        match self.tier {
            Tier::System => true,
            Tier::Domain => self.active && self.permits_in_domain(command),
            Tier::User => {
                // An owner may always say that it was not him.
                matches!(command, Command::Incident(IncidentCommand::Contain { which, .. }) if self.covers(which))
                    || matches!(command, Command::Personal(act) if self.active && self.covers(whose(act)))
                    || matches!(command, Command::Credential(act) if self.active && self.permits_credential(act))
            }
        }
    }

    fn permits_in_domain(&self, command: &Command) -> bool {
        match command {
            Command::Account(act) => match act {
                AccountCommand::Role { role, .. } => *role != Role::SystemAdmin,
                AccountCommand::Add(NewPerson { role, address, .. }) => {
                    *role != Role::SystemAdmin && self.covers(address)
                }
                AccountCommand::Rename { address, to } => self.covers(address) && self.covers(to),
                act => self.covers(act.address()),
            },
            Command::Alias(AliasCommand::Add { pattern, .. } | AliasCommand::Remove { pattern }) => {
                pattern.rsplit_once('@').is_some_and(|(_, domain)| self.covers_domain(domain))
            }
            Command::List(
                ListCommand::Add { address, .. }
                | ListCommand::Remove { address, .. }
                | ListCommand::Set { address, .. }
                | ListCommand::MemberAdd { address, .. }
                | ListCommand::MemberRemove { address, .. },
            ) => self.covers(address),
            Command::Queue(act) => {
                let Filter { account, origin, .. } = filter_of(act);
                let origin = origin.as_deref().map(|origin| origin.strip_prefix("account:").unwrap_or_default());
                account.as_deref().is_some_and(|account| self.covers(account))
                    && origin.is_none_or(|account| self.covers(account))
            }
            Command::Incident(act) => which_of(act).contains('@') && self.covers(which_of(act)),
            Command::Rules(RulesCommand::Write { account: Some(account), .. }) => self.covers(account),
            Command::Personal(act) => self.covers(whose(act)),
            Command::Credential(act) => self.permits_credential(act),
            Command::Lockout(LockoutCommand::Unlock { what }) => what.contains('@') && self.covers(what),
            Command::Class { who, .. } => who.contains('@') && self.covers(who),
            Command::Console(ConsoleCommand::FactorRemove { address } | ConsoleCommand::SessionsEnd { address }) => {
                self.covers(address)
            }
            _ => false,
        }
    }

    /// App passwords, but not the permission to keep a password that can be read.
    fn permits_credential(&self, act: &CredentialCommand) -> bool {
        match act {
            CredentialCommand::AddAppPassword { address, .. }
            | CredentialCommand::RemoveAppPassword { address, .. } => self.covers(address),
            CredentialCommand::Recoverable { .. } => self.tier == Tier::System,
        }
    }

    /// Whether this scope may do what `command` says.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn may(&self, console: &Console, command: &Command) -> Result<bool, Refusal> {
        if !self.permits(command) {
            return Ok(false);
        }
        if self.tier != Tier::Domain {
            return Ok(true);
        }
        // An administrator of a domain does nothing to those who stand above him, though they live in it.
        let Some(target) = person_of(command).and_then(|address| Address::parse(address.trim()).ok()) else {
            return Ok(true);
        };
        let found = console.control().store().read(move |tx: &mut dyn Tx| account::get(tx, &target.key())).await?;
        Ok(found.is_none_or(|account| account.role != Role::SystemAdmin))
    }
}

/// What somebody hears who may not.
#[must_use]
pub fn refused() -> Refusal {
    Refusal::invalid(say!(
        ja: "この操作をする権限がありません。",
        en: "You may not do this."
    ))
}

/// The account that an act is about, if it is about one.
fn person_of(command: &Command) -> Option<&str> {
    match command {
        Command::Account(act) => Some(act.address()),
        Command::Incident(act) => Some(which_of(act)),
        Command::Rules(RulesCommand::Write { account, .. }) => account.as_deref(),
        Command::Personal(act) => Some(whose(act)),
        Command::Credential(
            CredentialCommand::AddAppPassword { address, .. }
            | CredentialCommand::RemoveAppPassword { address, .. }
            | CredentialCommand::Recoverable { address, .. },
        ) => Some(address),
        Command::Lockout(LockoutCommand::Unlock { what }) => Some(what),
        Command::Class { who, .. } => Some(who),
        Command::Queue(act) => filter_of(act).account.as_deref(),
        Command::Console(ConsoleCommand::FactorRemove { address } | ConsoleCommand::SessionsEnd { address }) => {
            Some(address)
        }
        _ => None,
    }
}

/// Whose own rules an act is about.
pub(crate) fn whose(act: &PersonalCommand) -> &str {
    match act {
        PersonalCommand::Forward { address, .. }
        | PersonalCommand::Reply { address, .. }
        | PersonalCommand::Hours { address, .. } => address,
    }
}

/// The incident that an act is about.
fn which_of(act: &IncidentCommand) -> &str {
    match act {
        IncidentCommand::Contain { which, .. }
        | IncidentCommand::Release { which, .. }
        | IncidentCommand::Purge { which, .. }
        | IncidentCommand::Resolve { which, .. } => which,
    }
}

/// What an act on the queue is about.
pub(crate) fn filter_of(act: &QueueCommand) -> &Filter {
    match act {
        QueueCommand::Hold { filter, .. }
        | QueueCommand::Release { filter }
        | QueueCommand::Retry { filter }
        | QueueCommand::Purge { filter, .. } => filter,
    }
}
