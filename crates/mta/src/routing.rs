//! Where mail for an address goes: aliases followed to an account, a list, or outside.

use std::sync::Arc;

use sekisho_guard::rules::effect::EffectRules;
use sekisho_guard::rules::filter::MailFilter;
use sekisho_guard::rules::hours::SendHours;
use sekisho_guard::rules::sender::SenderRules;
use sekisho_message::Address;
use sekisho_store::account::{self, Account, Role, State};
use sekisho_store::directory::{self, Resolution};
use sekisho_store::list::List;
use sekisho_store::{Result, Tx};

/// Accounts looked through for an administrator who takes mail for `postmaster`.
const MOST_ADMINISTRATORS: u32 = 1_000;

/// What a recipient turned out to be.
#[derive(Clone, Debug)]
pub enum Target {
    /// An account here.
    Account(Arc<Resident>),
    /// A mailing list here.
    List(Arc<List>),
    /// A local alias that leads outside.
    Forward {
        /// Key of the last alias of the chain.
        alias: String,
        /// Where it leads.
        to: Address,
    },
    /// Not one of our domains.
    Outside,
    /// One of our domains, but nobody there has this address.
    Unknown,
    /// Aliases that lead round in a circle, or too far.
    Loop,
}

/// An account as a recipient, with its own rules read.
#[derive(Clone, Debug)]
pub struct Resident {
    /// The account.
    pub account: Account,
    /// Its own `effect.dat`, if it has one with rows.
    pub effect: Option<EffectRules>,
    /// Its own `sender.dat`, if it has one with rows.
    pub sender: Option<SenderRules>,
    /// Its own `mail.dat`, if it has one with blocks.
    pub filter: Option<Arc<MailFilter>>,
    /// When its mail for others may leave, if not always.
    pub hours: Option<SendHours>,
}

/// Follows `address` through at most `links` aliases.
///
/// # Errors
/// The store's.
pub fn resolve(tx: &mut dyn Tx, address: &Address, links: usize) -> Result<Target> {
    let mut next = address.clone();
    let mut alias: Option<String> = None;
    for _ in 0..=links {
        match directory::resolve(tx, &next)? {
            Resolution::Account(account) => return Ok(Target::Account(Arc::new(Resident::new(*account)))),
            Resolution::List(list) => return Ok(Target::List(Arc::new(*list))),
            Resolution::UnknownUser => return Ok(Target::Unknown),
            Resolution::NotLocal => {
                return Ok(match alias {
                    Some(alias) => Target::Forward { alias, to: next },
                    None => Target::Outside,
                });
            }
            Resolution::Alias { target } => {
                alias = Some(next.key());
                match Address::parse(&target) {
                    Ok(address) => next = address,
                    Err(_) => return Ok(Target::Loop),
                }
            }
        }
    }
    Ok(Target::Loop)
}

/// The account that takes mail for `postmaster` and `abuse` where nobody else does: the first system
/// administrator in use.
///
/// # Errors
/// The store's.
pub fn administrator(tx: &mut dyn Tx) -> Result<Target> {
    let found = account::list(tx, None, "", MOST_ADMINISTRATORS)?
        .into_iter()
        .find(|account| account.role == Role::SystemAdmin && account.state == State::Active);
    Ok(found.map_or(Target::Unknown, |account| Target::Account(Arc::new(Resident::new(account)))))
}

/// Whether the local part is one that every domain must answer to (RFC 5321 §4.5.1, RFC 2142 §2, §5).
#[must_use]
pub fn is_role(address: &Address) -> bool {
    ["postmaster", "abuse"].iter().any(|role| address.local().eq_ignore_ascii_case(role))
}

impl Resident {
    fn new(account: Account) -> Self {
        let effect = account.effect_dat.as_deref().map(|text| EffectRules::parse(text.as_bytes()));
        let sender = account.sender_dat.as_deref().map(|text| SenderRules::parse(text.as_bytes()));
        let filter = account.personal.mail_dat.as_deref().map(|text| MailFilter::parse(text.as_bytes()));
        Self {
            effect: effect.filter(|rules| !rules.rules().is_empty()),
            sender: sender.filter(|rules| !rules.is_empty()),
            filter: filter.filter(|filter| !filter.is_empty()).map(Arc::new),
            hours: account.personal.send_hours.as_deref().and_then(|text| SendHours::parse(text).ok()),
            account,
        }
    }

    /// Whether `size` more octets do not fit.
    #[must_use]
    pub fn is_full(&self, size: u64) -> bool {
        self.account.quota.is_some_and(|quota| self.account.used.saturating_add(size) > quota)
    }
}
