//! The queue runner: what is due goes on its way, fairly.
//!
//! The store holds the truth and no policy; the scheduler has the policy and holds no truth. The
//! [dispatcher](Scheduler::run) looks for due lanes, fair between origins, and claims them in batches. Outside mail
//! becomes [`Job`]s that wait at their [`Destination`] in turns of their origins; connections, as many as
//! [`feedback`] allows, take one job after the other. Local mail and list posts have their own hands
//! ([`crate::local`], [`crate::lists`]). What became of each recipient goes to the ledger, which writes many outcomes
//! at once together with whatever follows from them.
//!
//! Deliberately not: no queue in memory that must be rebuilt at start, no scan over what is not due, no thread or timer
//! for a message.
//!
//! A message can arrive twice: when the server, or the connection, dies between the peer's last 250 and the
//! moment that it is written down. SMTP cannot know better (RFC 1047); what can be, is never a loss.

pub mod feedback;
pub mod job;
pub mod judge;
pub mod outcomes;
pub mod shares;
pub mod turns;

mod context;
mod destination;
mod dispatch;
mod ears;
mod ledger;
mod sentence;
mod settings;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sekisho_control::Bus;
use sekisho_net::resolver::Resolver;
use sekisho_net::tls::TlsError;
use sekisho_net::{ClientTls, Clock};
use sekisho_store::{LaneId, Store, queue};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

pub(crate) use context::Context;
pub use destination::{Destination, Seat, Way};
pub use job::{Flight, Job};
pub use outcomes::{OutcomeEvent, Outcomes};
pub use settings::Settings;

/// How long to wait when the store cannot.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a scheduler works on and with.
#[derive(Clone)]
pub struct World {
    /// The store with the queue.
    pub store: Store,
    /// Hears that something is due, tells of deliveries.
    pub bus: Bus,
    /// The time.
    pub clock: Clock,
    /// The name service.
    pub resolver: Resolver,
}

/// The queue runner of one node.
pub struct Scheduler {
    settings: Settings,
    world: World,
    opportunistic: ClientTls,
    verified: Option<ClientTls>,
    outcomes: Outcomes,
}

impl Scheduler {
    /// A queue runner that does nothing until [`Scheduler::run`].
    ///
    /// # Errors
    /// When the cryptography for TLS cannot be set up.
    pub fn new(settings: Settings, world: World) -> Result<Self, TlsError> {
        let verified = match ClientTls::verified() {
            Ok(verified) => Some(verified),
            Err(error) => {
                tracing::warn!(%error, "routes that demand TLS cannot be used");
                None
            }
        };
        Ok(Self {
            settings,
            world,
            opportunistic: ClientTls::opportunistic()?,
            verified,
            outcomes: Outcomes::default(),
        })
    }

    /// Trusts the authorities in `tls`, instead of the system's, for routes that demand TLS.
    #[must_use]
    pub fn with_verified(mut self, tls: ClientTls) -> Self {
        self.verified = Some(tls);
        self
    }

    /// Listens to outcomes of mail for other hosts. Subscribe before [`Scheduler::run`].
    #[must_use]
    pub fn outcomes(&self) -> broadcast::Receiver<OutcomeEvent> {
        self.outcomes.subscribe()
    }

    /// Works until `cancel`. Then nothing new is begun, transactions that are on the wire may end within
    /// [`Settings::goodbye`], and everything that is known is written down.
    pub async fn run(&self, cancel: CancellationToken) {
        let (reports, reported) = mpsc::unbounded_channel();
        let tls = context::Tls { opportunistic: self.opportunistic.clone(), verified: self.verified.clone() };
        let world = self.world.clone();
        let ears = ears::Ears::new(world.bus.subscribe());
        let ctx = Arc::new(Context::new(self.settings.clone(), world, tls, self.outcomes.clone(), reports));
        if !release_leases(&ctx, &cancel).await {
            return;
        }
        let landed = mpsc::unbounded_channel();
        let ledger = tokio::spawn(ledger::Ledger::new(Arc::clone(&ctx), reported, landed.0.clone()).run());
        let mut dispatcher = dispatch::Dispatcher::new(Arc::clone(&ctx), ears, landed);
        dispatcher.run(&cancel).await;
        finish(&ctx, ledger).await;
        give_back(&ctx, dispatcher.left_over()).await;
    }
}

/// Leases that this node had when it last stopped would only keep it waiting. False when the server stops meanwhile.
async fn release_leases(ctx: &Arc<Context>, cancel: &CancellationToken) -> bool {
    let node = ctx.store.node().to_owned();
    loop {
        let node = node.clone();
        match ctx.store.write(move |tx| queue::release_leases(tx, &node)).await {
            Ok(0) => return true,
            Ok(lanes) => {
                tracing::info!(lanes, "took up what was under way when the server stopped");
                return true;
            }
            Err(error) => tracing::warn!(%error, "the queue cannot be opened; trying again"),
        }
        tokio::select! {
            () = cancel.cancelled() => return false,
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }
}

/// Waits for what is on the wire, and for the ledger to write it down.
async fn finish(ctx: &Arc<Context>, ledger: tokio::task::JoinHandle<()>) {
    ctx.stop.cancel();
    ctx.withdraw(true);
    ctx.tasks.close();
    let goodbye = ctx.settings.goodbye;
    if tokio::time::timeout(goodbye, ctx.tasks.wait()).await.is_err() {
        tracing::warn!(connections = ctx.tasks.len(), "breaking off what takes too long");
        ctx.abort.cancel();
        let _ = tokio::time::timeout(PATIENCE, ctx.tasks.wait()).await;
    }
    ctx.done.cancel();
    if tokio::time::timeout(goodbye, ledger).await.is_err() {
        tracing::error!("some outcomes could not be written; their messages will be tried again");
    }
}

/// Ends the leases of lanes that nobody works on any more.
async fn give_back(ctx: &Arc<Context>, lanes: Vec<LaneId>) {
    if lanes.is_empty() {
        return;
    }
    let (node, now) = (ctx.store.node().to_owned(), ctx.clock.now());
    let given = ctx.store.write(move |tx| {
        for lane in &lanes {
            queue::settle(tx, &node, *lane, &[], now)?;
        }
        Ok(())
    });
    if let Err(error) = given.await {
        tracing::warn!(%error, "some lanes stay leased until the next start");
    }
}
