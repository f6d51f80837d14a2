//! The agent of one connection: feeds it messages while there are any, and takes down what became of them.

use std::sync::Arc;

use sekisho_net::{Agent, TlsInfo};
use sekisho_proto::smtp::client::{ClientSession, Event, Failure, Reply, Report, Stage};

use super::outcome::{Attempt, Peer};
use super::transfer;
use crate::schedule::{Context, Destination, Job, Seat};

/// Carries jobs of one destination over one connection after the other.
pub(crate) struct Carrier {
    pub(crate) ctx: Arc<Context>,
    pub(crate) destination: Arc<Destination>,
    /// The job to begin with.
    pub(crate) first: Option<Job>,
    /// The host at the other end.
    pub(crate) peer: Arc<Peer>,
    /// Its place among the destination's connections, while it takes work.
    seat: Option<Seat>,
    /// The job that is on the wire.
    flying: Option<Job>,
    /// Transactions begun on this connection.
    carried: u32,
    /// The host was ready for a transaction.
    greeted: bool,
    /// Why the connection is of no more use.
    failure: Option<Failure>,
}

impl Carrier {
    pub(crate) fn new(ctx: Arc<Context>, destination: Arc<Destination>, first: Job, seat: Seat, peer: Peer) -> Self {
        Self {
            ctx,
            destination,
            first: Some(first),
            seat: Some(seat),
            peer: Arc::new(peer),
            flying: None,
            carried: 0,
            greeted: false,
            failure: None,
        }
    }

    /// Gets ready for another host.
    pub(crate) fn restart(&mut self, peer: Peer) {
        self.peer = Arc::new(peer);
        self.carried = 0;
        self.greeted = false;
        self.failure = None;
    }

    /// Whether the host was ready for a transaction.
    pub(crate) fn greeted(&self) -> bool {
        self.greeted
    }

    /// What the host said, or did, instead.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The connection is gone: a job that was on the wire may have arrived or not, so it is tried again.
    pub(crate) fn lost(&mut self, why: &str) {
        if let Some(job) = self.flying.take() {
            self.destination.finished(false);
            let attempt = Attempt::deferred("4.4.2", why).at(Some(Arc::clone(&self.peer)));
            job.tried(&attempt);
        }
    }

    /// The next message to send; none ends the connection.
    async fn next(&mut self) -> Reply {
        loop {
            let job = match self.first.take() {
                Some(job) => job,
                None => match self.wait_for_job().await {
                    Some(job) => job,
                    None => {
                        self.leave();
                        return Reply::Quit;
                    }
                },
            };
            let Some(entry) = job.entries().first() else { continue };
            match self.ctx.store.content(entry.content).await {
                Ok(content) => {
                    if let Some(transaction) = transfer::transaction(job.entries(), &content) {
                        self.flying = Some(job);
                        self.carried += 1;
                        return Reply::Send(Box::new(transaction));
                    }
                }
                Err(error) => {
                    tracing::error!(message = %entry.message, %error, "a queued body cannot be read");
                    let attempt = Attempt::deferred("4.3.0", "the message cannot be read at the moment");
                    job.tried(&attempt);
                }
            }
        }
    }

    async fn wait_for_job(&self) -> Option<Job> {
        if self.carried >= self.ctx.settings.relay.per_connection {
            return None;
        }
        if let Some(job) = self.destination.take() {
            return Some(job);
        }
        if self.ctx.is_short_of_connections() {
            return None;
        }
        let idle = self.ctx.settings.relay.idle;
        match self.ctx.clock.timeout(idle, self.destination.next()).await {
            Some(job) => job,
            // One that came at the last moment counted on this connection.
            None => self.destination.take(),
        }
    }

    /// Takes no more work: others may connect in its place, without waiting for its goodbye.
    fn leave(&mut self) {
        if self.seat.take().is_some() {
            self.ctx.pump(&self.destination);
        }
    }

    fn done(&mut self, report: Report) {
        let Some(mut job) = self.flying.take() else { return };
        if job.broken == 0 && self.carried > 1 && is_stale(&report) {
            // The peer had closed the kept connection before it saw anything of this job: no fault of the job's.
            job.broken += 1;
            self.destination.give_back(job);
            return;
        }
        self.destination.finished(transfer::went_well(&report));
        job.report(transfer::attempts(report, &self.peer));
        self.ctx.pump(&self.destination);
    }
}

impl Agent<ClientSession> for Carrier {
    async fn answer(&mut self, event: Event) -> Reply {
        match event {
            Event::Ready(_) => {
                if !std::mem::replace(&mut self.greeted, true) {
                    self.destination.connected();
                    self.ctx.pump(&self.destination);
                }
                self.next().await
            }
            Event::Done(report) => {
                self.done(report);
                Reply::Ok
            }
            Event::Failed(failure) => {
                if self.greeted {
                    self.leave();
                }
                self.failure = Some(failure);
                Reply::Ok
            }
        }
    }

    fn secured(&mut self, tls: &TlsInfo) {
        let mut peer = Peer::clone(&self.peer);
        peer.tls = Some(tls.version.to_owned());
        self.peer = Arc::new(peer);
    }
}

/// Whether a kept connection had ended before the transaction: closed, or 421 to MAIL.
fn is_stale(report: &Report) -> bool {
    report.outcomes.iter().all(|outcome| {
        let gone =
            outcome.response.enhanced.is_some_and(|e| (e.0, e.1, e.2) == (4, 4, 2)) || outcome.response.code == 421;
        gone && outcome.stage == Stage::Mail
    })
}
