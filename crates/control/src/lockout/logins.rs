//! Whether a password may be tried, and what is learnt from it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use sekisho_guard::event;
use sekisho_guard::lockout::{Client, Lock, Permit};
use sekisho_guard::place::Place;
use sekisho_guard::rules::reject::Decision;
use sekisho_message::{Time, say};
use sekisho_store::account::Account;
use sekisho_store::lockout::{self as kept, LoginRule};
use sekisho_store::{AccountId, Tx};
use serde_json::json;

use super::OWNED;
use crate::credential::Failure;
use crate::whence::Whence;
use crate::{Actor, Control, Protocol, entry};

/// How old the note of a login must be before the next one is written.
pub(crate) const NOTE_EVERY: Duration = Duration::from_secs(86_400);
/// Longest login name that is kept with a lock.
const LONGEST_NAME: usize = 320;

/// What the store knows about a login before its password is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) account: Option<Account>,
    /// When the account was last used from this network.
    last_use: Option<Time>,
    rule: Option<LoginRule>,
}

/// Somebody who wants to log in.
#[derive(Clone, Debug)]
pub(crate) struct Seeker {
    /// None when no address is known.
    client: Option<Client>,
    /// The account's key, or what was said instead of one.
    name: String,
    account: Option<AccountId>,
    last_use: Option<Time>,
    rule: Option<LoginRule>,
}

impl Seeker {
    /// The client's address as text; empty when it is not known.
    pub(crate) fn address(&self) -> String {
        self.client.as_ref().map_or_else(String::new, |client| client.ip.to_string())
    }
}

impl Found {
    /// What there is about `account` and a client at `ip`.
    pub(crate) fn read(tx: &mut dyn Tx, account: Option<Account>, ip: Option<IpAddr>) -> sekisho_store::Result<Self> {
        let Some(account) = account else { return Ok(Self::default()) };
        let last_use = match ip {
            Some(ip) => kept::last_use(tx, account.id, &Place::of(ip).to_string())?,
            None => None,
        };
        let rule = kept::rule_for(tx, &account)?;
        Ok(Self { account: Some(account), last_use, rule })
    }
}

impl Control {
    /// Puts together what the lockouts need to know about a login.
    pub(crate) async fn seeker(&self, login: &str, found: &Found, protocol: Protocol, ip: Option<IpAddr>) -> Seeker {
        let lockout = self.lockout();
        let name = match &found.account {
            Some(account) => account.key.clone(),
            None => entry::cut(login.trim(), LONGEST_NAME).to_lowercase(),
        };
        let client = match ip.map(|ip| ip.to_canonical()) {
            None => None,
            Some(ip) => {
                let allowed = matches!(self.table_says(protocol.guarded(), ip).await.0, Decision::Allowed { .. });
                Some(Client {
                    protocol: protocol.guarded(),
                    ip,
                    account: lockout.name_hash(&name),
                    owner_here: found.last_use.is_some_and(|last| self.now() < last + OWNED),
                    anyone_here: false,
                    exempt: allowed || lockout.is_exempt(ip),
                })
            }
        };
        Seeker {
            client,
            name,
            account: found.account.as_ref().map(|account| account.id),
            last_use: found.last_use,
            rule: found.rule.clone(),
        }
    }

    /// Whether the seeker may try a password now. May wait for seconds where a lock would fall on an owner.
    ///
    /// # Errors
    /// [`Failure::Locked`] or [`Failure::Elsewhere`].
    pub(crate) async fn may_try(&self, seeker: &Seeker) -> Result<(), Failure> {
        let delay = self.permit(seeker).await?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let Some(client) = &seeker.client else { return Ok(()) };
        let settings = &self.lockout().settings;
        let own = seeker.rule.as_ref().map(|rule| Whence::parse(&rule.networks, &rule.countries));
        let permitted = match &own {
            // What cannot be read opens nothing.
            Some(Err(_)) => false,
            Some(Ok(rule)) => rule.permits(client.ip, settings.countries.as_ref()),
            None => settings.whence.permits(client.ip, settings.countries.as_ref()),
        };
        if permitted { Ok(()) } else { Err(Failure::Elsewhere) }
    }

    /// Whether a lock stands in the way of the seeker; else how long to wait.
    async fn permit(&self, seeker: &Seeker) -> Result<Duration, Failure> {
        let Some(client) = &seeker.client else { return Ok(Duration::ZERO) };
        if let Decision::Refused { line, .. } = self.table_says(client.protocol, client.ip).await.0 {
            return Err(Failure::Locked(format!("line {line} of the reject table")));
        }
        let lockout = self.lockout();
        if !lockout.settings.enabled {
            return Ok(Duration::ZERO);
        }
        match lockout.state().lockouts.may_try(&lockout.settings.policy, client, self.now()) {
            Permit::Open { delay } => Ok(delay),
            Permit::Locked { until, rule } => Err(Failure::Locked(format!("{rule:?} until {until}").to_lowercase())),
        }
    }

    /// Takes the time that a wrong password takes, counted from `begun`.
    pub(crate) async fn seem_to_hash(&self, begun: Instant) {
        tokio::time::sleep(self.lockout().pace().saturating_sub(begun.elapsed())).await;
    }

    /// Learns that the password was right.
    ///
    /// # Errors
    /// [`Failure::Locked`] when a lock was set while it was hashed: a right guess among many at once counts no more than
    /// a late one.
    pub(crate) async fn learn_right(&self, seeker: &Seeker) -> Result<(), Failure> {
        let Some(client) = &seeker.client else { return Ok(()) };
        self.permit(seeker).await?;
        let (lockout, now) = (self.lockout(), self.now());
        if lockout.settings.enabled {
            lockout.state().lockouts.attempt(&lockout.settings.policy, client, None, now);
        }
        if let Some(account) = seeker.account
            && seeker.last_use.is_none_or(|last| last + NOTE_EVERY <= now)
        {
            let place = Place::of(client.ip).to_string();
            let noted = self.store().write(move |tx| kept::note_use(tx, account, &place, now)).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the network of a login was not noted");
            }
        }
        Ok(())
    }

    /// Learns that what was tried (the password, or what a client made of it) was wrong.
    pub(crate) async fn learn_wrong(&self, seeker: &Seeker, tried: &[u8]) {
        let (lockout, now) = (self.lockout(), self.now());
        let Some(mut client) = seeker.client.filter(|client| lockout.settings.enabled && !client.exempt) else {
            return;
        };
        client.anyone_here = client.owner_here || self.is_used(client.ip, now).await;
        let tried = lockout.tried_hash(tried);
        let (locks, storm) = {
            let mut state = lockout.state();
            let locks = state.lockouts.attempt(&lockout.settings.policy, &client, Some(tried), now);
            let stormy = state.lockouts.regime.since(now).is_some();
            let storm = (std::mem::replace(&mut state.stormy, stormy) != stormy).then_some(stormy);
            (locks, storm)
        };
        if let Some(stormy) = storm {
            self.note_storm(stormy, now);
        }
        if !locks.is_empty() {
            self.lock_down(locks, Some(&seeker.name)).await;
        }
    }

    fn note_storm(&self, on: bool, now: Time) {
        let text = if on {
            say!(
                ja: "サイト全体でパスワードの総当たりが続いています。ロックアウトの回数の上限を半分にします。",
                en: "Passwords are being guessed all over the site. The limits of the lockouts are halved."
            )
        } else {
            say!(
                ja: "サイト全体の総当たりは収まりました。ロックアウトの回数の上限を元に戻します。",
                en: "Guessing all over the site has ceased. The limits of the lockouts are as usual again."
            )
        };
        tracing::warn!("{}", text.en);
        let (who, detail) = (Actor::server("lockout").to_string(), json!({ "on": on, "text": text }));
        self.journal().note(entry::act(now, &who, "lockout.regime", None, &detail));
    }
}

/// What a lock concerns, for the journal: the name, or the network.
pub(super) fn about(lock: &Lock, name: Option<&str>) -> Option<String> {
    use sekisho_guard::lockout::Subject;
    match lock.subject {
        Subject::Login(..) | Subject::Account(_) => name.map(str::to_owned),
        Subject::Address(..) | Subject::Place(_) => lock.network().map(|network| network.to_string()),
    }
}

/// The protocol of a lock that is about one.
pub(super) fn protocol(lock: &Lock) -> Option<event::Protocol> {
    match lock.subject {
        sekisho_guard::lockout::Subject::Address(protocol, _) => Some(protocol),
        _ => None,
    }
}
