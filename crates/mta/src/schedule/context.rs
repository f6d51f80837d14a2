//! What the parts of the queue runner share.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_control::Bus;
use sekisho_net::resolver::Resolver;
use sekisho_net::{ClientTls, Clock};
use sekisho_store::{OriginId, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::World;
use super::destination::{Destination, Reserve, Seat, Way};
use super::job::{Flight, Job, Report, Reports};
use super::outcomes::Outcomes;
use super::settings::Settings;
use super::shares::{Share, Shares};
use super::turns::Turns;
use crate::relay::gateway::Gateway;
use crate::relay::{self, Reach};
use crate::srs::Signer;

/// Destinations that are remembered although nothing is there to do; the others are forgotten now and then.
const MOST_IDLE: usize = 5_000;

/// Destinations that are asked whether they want a connection that became free.
const MOST_FED: usize = 64;

/// What relaying uses for TLS.
pub(crate) struct Tls {
    pub(crate) opportunistic: ClientTls,
    /// None on a system without trust anchors: routes that demand TLS are put off there.
    pub(crate) verified: Option<ClientTls>,
}

/// Shared by the dispatcher, the ledger, connections and local delivery.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) resolver: Resolver,
    pub(crate) tls: Tls,
    pub(crate) reach: Reach,
    /// Lanes being worked on.
    pub(crate) lanes: Shares<OriginId>,
    /// Nothing new is begun.
    pub(crate) stop: CancellationToken,
    /// What goes on is broken off.
    pub(crate) abort: CancellationToken,
    /// Nothing will be reported any more.
    pub(crate) done: CancellationToken,
    /// Who listens to outcomes.
    pub(crate) outcomes: Outcomes,
    /// Connections and local work.
    pub(crate) tasks: TaskTracker,
    pub(crate) reports: Reports,
    connections: Shares<OriginId>,
    destinations: Mutex<HashMap<String, Arc<Destination>>>,
    hungry: Mutex<Turns<OriginId, Arc<Destination>>>,
    dice: AtomicU64,
    paused: AtomicBool,
    gateway: Gateway,
}

impl Context {
    pub(crate) fn new(settings: Settings, world: World, tls: Tls, outcomes: Outcomes, reports: Reports) -> Self {
        Self {
            lanes: Shares::new(settings.lanes),
            connections: Shares::new(settings.connections),
            gateway: Gateway::new(&settings.relay),
            settings,
            store: world.store,
            bus: world.bus,
            clock: world.clock,
            resolver: world.resolver,
            tls,
            reach: Reach::default(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            done: CancellationToken::new(),
            paused: AtomicBool::new(false),
            outcomes,
            tasks: TaskTracker::new(),
            reports,
            destinations: Mutex::default(),
            hungry: Mutex::default(),
            // Retries must be spread, not unpredictable.
            dice: AtomicU64::new(RandomState::new().build_hasher().finish()),
        }
    }

    /// The destination that mail for `domain` goes to: its own, or that of the route that stands for it.
    pub(crate) fn destination(&self, domain: &str) -> Arc<Destination> {
        let mut destinations = self.destinations();
        let (routes, changed) = self.gateway.routes(self.clock.now());
        if changed {
            // What waits in memory is claimed again and goes the new way.
            destinations.drain().for_each(|(_, destination)| drop(destination.withdraw(true)));
        }
        let routed = routes.find(domain);
        let key = routed.map_or(domain, |route| &route.domain);
        if let Some(destination) = destinations.get(key) {
            return Arc::clone(destination);
        }
        if destinations.len() >= MOST_IDLE {
            let now = self.clock.now();
            destinations.retain(|_, destination| !destination.is_forgettable(now));
        }
        let way = routed.map_or_else(|| Way::Mx(domain.to_owned()), |route| Way::Route(Arc::clone(route)));
        let destination = Arc::new(Destination::new(way, self.settings.concurrency));
        if !self.may_begin() {
            drop(destination.withdraw(true));
        }
        destinations.insert(key.to_owned(), Arc::clone(&destination));
        destination
    }

    /// Signs envelope senders of forwards.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        self.settings.signer.as_ref()
    }

    /// Opens as many connections as the destination can use and gets. Whether it was any.
    pub(crate) fn pump(self: &Arc<Self>, destination: &Arc<Destination>) -> bool {
        let mut opened = false;
        loop {
            match destination.reserve(self.clock.now(), |owner| self.connections.take(owner)) {
                Reserve::Connect(job, seat, share) => self.connect(Arc::clone(destination), job, seat, share),
                Reserve::Enough => return opened,
                Reserve::Hungry { owner, first } => {
                    if first {
                        self.hungry().push(owner, Arc::clone(destination));
                    }
                    return opened;
                }
            }
            opened = true;
        }
    }

    /// Whether idle connections should make room.
    pub(crate) fn is_short_of_connections(&self) -> bool {
        self.connections.free() == 0 || !self.hungry().is_empty()
    }

    /// Takes back everything that is not on the wire yet, from all destinations.
    pub(crate) fn withdraw(&self, close: bool) {
        let all: Vec<Arc<Destination>> = self.destinations().values().cloned().collect();
        for destination in all {
            // Dropped jobs report themselves.
            drop(destination.withdraw(close));
        }
    }

    /// Stops and starts the beginning of work.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        if paused {
            self.withdraw(true);
        } else {
            for destination in self.destinations().values() {
                destination.reopen();
            }
        }
    }

    /// Whether something may be begun: delivery is not paused and the server does not stop.
    pub(crate) fn may_begin(&self) -> bool {
        !self.paused.load(Ordering::Acquire) && !self.stop.is_cancelled()
    }

    /// Waits a moment because something failed; shorter when the server stops.
    pub(crate) async fn pause(&self, span: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(span) => {}
        }
    }

    /// Gives back a batch of which nothing was begun.
    pub(crate) fn give_back(&self, flight: &Arc<Flight>) {
        // An error says that the ledger is gone; the lease will end by itself.
        let _ = self.reports.send(Report { flight: Arc::clone(flight), news: Vec::new() });
    }

    /// A random number.
    pub(crate) fn roll(&self) -> u64 {
        // SplitMix64: each step of the counter is mixed until no pattern is left.
        let mut z = self.dice.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn connect(self: &Arc<Self>, destination: Arc<Destination>, job: Job, seat: Seat, share: Share<OriginId>) {
        let ctx = Arc::clone(self);
        self.tasks.spawn(async move {
            relay::serve(&ctx, &destination, job, seat).await;
            drop(share);
            ctx.pump(&destination);
            ctx.feed_hungry();
        });
    }

    /// A connection is free: the first of those that wait for one and may have it gets it.
    fn feed_hungry(self: &Arc<Self>) {
        let waiting = self.hungry().len().min(MOST_FED);
        for _ in 0..waiting {
            let Some(destination) = self.hungry().pop() else { return };
            destination.fed();
            if self.pump(&destination) {
                return;
            }
        }
    }

    fn destinations(&self) -> MutexGuard<'_, HashMap<String, Arc<Destination>>> {
        self.destinations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hungry(&self) -> MutexGuard<'_, Turns<OriginId, Arc<Destination>>> {
        self.hungry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
