//! What reception knows of the store without asking it again for every recipient.
//!
//! Everything here is believed for [`Settings::believe`] at most, and dropped as soon as the bus says that
//! something changed. What must be exact (quota, an account's state) is checked once more where mail is
//! accepted or delivered.
//!
//! [`Settings::believe`]: crate::reception::Settings::believe

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_control::Control;
use sekisho_control::bus::{BusEvent, Listener};
use sekisho_message::{Address, Domain, Time};
use sekisho_store::domain::Claims;
use sekisho_store::{Result, Store, Tx, domain, switch};

use crate::routing::{self, Target};

/// Most recipients that are remembered; when there are more, all are forgotten.
const MOST: usize = 20_000;

/// Domains, recipients and the `receive` switch, as of a moment ago.
pub struct Directory {
    store: Store,
    hostname: Domain,
    postmaster: Option<Address>,
    links: usize,
    believe: Duration,
    known: Mutex<Known>,
}

struct Known {
    listener: Listener,
    site: Option<(Time, Arc<Site>)>,
    recipients: HashMap<String, (Time, Target)>,
    /// Counts what the bus said, so that an answer that was read before is not kept after.
    generation: u64,
}

/// What holds for every session.
#[derive(Debug, Default)]
pub struct Site {
    /// Local domains as lower-case A-labels.
    pub domains: HashMap<String, Claims>,
    /// Why receiving is paused, if it is.
    pub paused: Option<String>,
}

/// How a [`Directory`] resolves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Own host name; a local domain with `postmaster` and `abuse` only.
    pub hostname: Domain,
    /// Who takes mail for roles that nobody has.
    pub postmaster: Option<Address>,
    /// Most links of a chain of aliases.
    pub links: usize,
    /// How long an answer is believed.
    pub believe: Duration,
}

impl Site {
    /// What becomes of mail without AUTH that names a sender in `domain`; none when it is not one of ours.
    #[must_use]
    pub fn claims(&self, domain: &Domain) -> Option<Claims> {
        self.domains.get(domain.ascii()).copied()
    }
}

impl Directory {
    /// Over the store and the bus of `control`.
    #[must_use]
    pub fn new(control: &Control, options: Options) -> Self {
        let Options { hostname, postmaster, links, believe } = options;
        let known =
            Known { listener: control.bus().subscribe(), site: None, recipients: HashMap::new(), generation: 0 };
        Self { store: control.store().clone(), hostname, postmaster, links, believe, known: Mutex::new(known) }
    }

    /// Domains and the switch.
    ///
    /// # Errors
    /// The store's.
    pub async fn site(&self, now: Time) -> Result<Arc<Site>> {
        let generation = {
            let known = self.heard();
            match &known.site {
                Some((at, site)) if now.since(*at) < self.believe => return Ok(Arc::clone(site)),
                _ => known.generation,
            }
        };
        let site = Arc::new(self.store.read(read_site).await?);
        let mut known = self.heard();
        if known.generation == generation {
            known.site = Some((now, Arc::clone(&site)));
        }
        Ok(site)
    }

    /// Whether a domain (lower-case A-labels) is ours, the host name included.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_local(&self, domain: &Domain, now: Time) -> Result<bool> {
        Ok(*domain == self.hostname || self.site(now).await?.domains.contains_key(domain.ascii()))
    }

    /// Where mail for `address` goes.
    ///
    /// # Errors
    /// The store's.
    pub async fn target(&self, address: &Address, now: Time) -> Result<Target> {
        let site = self.site(now).await?;
        let of_host = *address.domain() == self.hostname;
        if !of_host && !site.domains.contains_key(address.domain().ascii()) {
            return Ok(Target::Outside);
        }
        let key = address.key();
        let generation = {
            let known = self.heard();
            match known.recipients.get(&key) {
                Some((at, target)) if now.since(*at) < self.believe => return Ok(target.clone()),
                _ => known.generation,
            }
        };
        let query = Query {
            address: address.clone(),
            local: site.domains.contains_key(address.domain().ascii()),
            postmaster: self.postmaster.clone(),
            links: self.links,
        };
        let target = self.store.read(move |tx| query.run(tx)).await?;
        let mut known = self.heard();
        if known.generation == generation {
            if known.recipients.len() >= MOST {
                known.recipients.clear();
            }
            known.recipients.insert(key, (now, target.clone()));
        }
        Ok(target)
    }

    /// A number that changes whenever the bus says that something changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.heard().generation
    }

    /// What is known, after hearing what the bus has to say.
    fn heard(&self) -> MutexGuard<'_, Known> {
        // A panic while it was locked cannot have left more than a missing entry.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(event) = known.listener.try_next() {
            // The others change nothing that is known here, and strangers can cause them by the thousand.
            let idle = matches!(event, BusEvent::QueueReady | BusEvent::Locked { .. } | BusEvent::LockoutChanged);
            if !idle {
                known.generation += 1;
                known.site = None;
                known.recipients.clear();
            }
        }
        known
    }
}

struct Query {
    address: Address,
    local: bool,
    postmaster: Option<Address>,
    links: usize,
}

impl Query {
    fn run(self, tx: &mut dyn Tx) -> Result<Target> {
        let found = if self.local { routing::resolve(tx, &self.address, self.links)? } else { Target::Unknown };
        if !matches!(found, Target::Unknown) || !routing::is_role(&self.address) {
            return Ok(found);
        }
        match &self.postmaster {
            // Said by the operator, so it may lead anywhere that an alias may.
            Some(to) => match routing::resolve(tx, to, self.links)? {
                Target::Outside => Ok(Target::Forward { alias: self.address.key(), to: to.clone() }),
                target => Ok(target),
            },
            None => routing::administrator(tx),
        }
    }
}

fn read_site(tx: &mut dyn Tx) -> Result<Site> {
    let domains = domain::list(tx)?.into_iter().map(|domain| (domain.name, domain.claims)).collect();
    let paused = switch::paused(tx, "receive")?.map(|pause| pause.reason);
    Ok(Site { domains, paused })
}
