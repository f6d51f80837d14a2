//! The dispatcher: finds what is due, claims it fairly, and hands it to those who do the work.
//!
//! It holds no truth. What it knows of lanes in flight is lost with it, and the store gives their leases back at the
//! next start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::queue::{self, LaneRef, LaneWork};
use sekisho_store::{LaneId, OriginId, Result, switch};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::ears::Ears;
use super::job::{Flight, Job};
use super::ledger::Landed;
use super::shares::Share;
use crate::local::{self, by_message};
use crate::{lists, personal};

/// Lanes looked at in one round. More when all of them have to wait.
const LOOK: u32 = 64;
/// Most lanes that are looked at in one round.
const MOST_LOOK: u32 = 4_096;
/// Lanes claimed in one write.
const CLAIMS: usize = 32;
/// Entries that an origin has claimed at the same time, about.
const ENTRIES: usize = 2_000;
/// Time between rounds while there is a lot to do: what becomes due meanwhile is claimed together.
const PACE: Duration = Duration::from_millis(2);
/// How long to wait when the store cannot.
const PATIENCE: Duration = Duration::from_secs(1);

/// Finds and hands out work until it is cancelled.
pub(crate) struct Dispatcher {
    ctx: Arc<Context>,
    ears: Ears,
    landed: (UnboundedSender<Landed>, UnboundedReceiver<Landed>),
    flights: HashMap<LaneId, Share<OriginId>>,
    paused: bool,
    /// The queue is to be looked at, but not before this moment.
    look: bool,
    not_before: Instant,
    limit: u32,
    renew_at: Time,
    /// When the queue was looked at last.
    looked: Time,
}

/// What becomes of a due lane.
enum Admitted {
    Local(LaneRef, Share<OriginId>),
    List(LaneRef, Share<OriginId>),
    Rules(LaneRef, Share<OriginId>),
    Outside(LaneRef, Share<OriginId>),
}

impl Dispatcher {
    pub(crate) fn new(
        ctx: Arc<Context>,
        ears: Ears,
        landed: (UnboundedSender<Landed>, UnboundedReceiver<Landed>),
    ) -> Self {
        let renew_at = ctx.clock.now() + ctx.settings.lease / 3;
        Self {
            ctx,
            ears,
            landed,
            flights: HashMap::new(),
            paused: false,
            look: true,
            not_before: Instant::now(),
            limit: LOOK,
            renew_at,
            looked: Time::EPOCH,
        }
    }

    /// Works until `cancel`, then takes back what is not begun.
    pub(crate) async fn run(&mut self, cancel: &CancellationToken) {
        self.switched().await;
        while !cancel.is_cancelled() {
            self.drain().await;
            let now = self.ctx.clock.now();
            if now >= self.renew_at {
                self.renew(now).await;
            }
            if self.look && !self.paused && Instant::now() >= self.not_before {
                self.look_now().await;
                continue;
            }
            let (poll, pace) = (self.next_look(now).await.min(self.renew_at), self.not_before);
            let hurry = self.look && !self.paused;
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                () = self.ears.news() => {}
                Some(landed) = self.landed.1.recv() => self.land(landed),
                () = tokio::time::sleep_until(pace), if hurry => {}
                () = self.ctx.clock.sleep_until(poll), if !hurry => self.look = true,
            }
        }
        self.ctx.withdraw(true);
    }

    /// Lanes that were claimed anew while the work ended; nobody works on them.
    pub(crate) fn left_over(&mut self) -> Vec<LaneId> {
        let mut lanes = Vec::new();
        while let Ok(landed) = self.landed.1.try_recv() {
            lanes.extend(landed.next.map(|work| work.lane));
        }
        lanes
    }

    /// Hears what has been said already.
    async fn drain(&mut self) {
        while let Ok(landed) = self.landed.1.try_recv() {
            self.land(landed);
        }
        self.look |= self.ears.ready();
        if self.ears.switched() {
            self.switched().await;
        }
        if self.ears.held() {
            // What is claimed and not on the wire is claimed again unless it is held now.
            self.ctx.withdraw(false);
            self.look = true;
        }
    }

    async fn look_now(&mut self) {
        let begun = Instant::now();
        self.look = false;
        match self.round().await {
            Ok(()) => self.not_before = begun + PACE,
            Err(error) => {
                tracing::warn!(%error, "the queue cannot be read; trying again");
                self.look = true;
                self.not_before = begun + PATIENCE;
            }
        }
    }

    /// Reads the switch.
    async fn switched(&mut self) {
        let paused = loop {
            match self.ctx.store.read(|tx| switch::paused(tx, "delivery")).await {
                Ok(pause) => break pause.is_some(),
                Err(error) => {
                    tracing::warn!(%error, "cannot read whether delivery is paused");
                    if self.ctx.stop.is_cancelled() {
                        return;
                    }
                    self.ctx.pause(PATIENCE).await;
                }
            }
        };
        if paused == self.paused {
            return;
        }
        self.paused = paused;
        self.ctx.set_paused(paused);
        if paused {
            tracing::info!("delivery is paused");
        } else {
            tracing::info!("delivery goes on");
            self.look = true;
        }
    }

    /// When to look again if nothing is heard.
    async fn next_look(&self, now: Time) -> Time {
        let poll = now + self.ctx.settings.poll;
        if self.paused || self.look {
            return poll;
        }
        match self.ctx.store.read(queue::next_due).await {
            // What was due at the last look and was not taken waits for room: a landing lane says when.
            Ok(Some(due)) if due > self.looked => due.min(poll),
            Ok(Some(_)) | Err(_) => now + PATIENCE,
            Ok(None) => poll,
        }
    }

    /// One look at the queue.
    async fn round(&mut self) -> Result<()> {
        if self.ctx.lanes.free() == 0 {
            return Ok(());
        }
        let (now, limit) = (self.ctx.clock.now(), self.limit);
        self.looked = now;
        let due = self.ctx.store.read(move |tx| queue::due_lanes(tx, now, limit)).await?;
        let (seen, mut admitted) = (due.len(), Vec::new());
        for lane in due {
            admitted.extend(self.admit(lane));
        }
        let all_seen = seen < limit as usize;
        if admitted.is_empty() && !all_seen && self.limit < MOST_LOOK {
            // Those at the front have to wait; whoever is behind them must not.
            self.limit = (self.limit * 2).min(MOST_LOOK);
            self.look = true;
        } else if all_seen {
            self.limit = LOOK;
        }
        self.look |= !admitted.is_empty() && !all_seen;
        let mut outside = Vec::new();
        for lane in admitted {
            match lane {
                Admitted::Outside(lane, share) => outside.push((lane, share)),
                Admitted::Local(lane, share) => self.begin_local(lane, share),
                Admitted::List(lane, share) => self.begin_list(lane, share),
                Admitted::Rules(lane, share) => self.begin_rules(lane, share),
            }
        }
        while !outside.is_empty() {
            let rest = outside.split_off(outside.len().min(CLAIMS));
            let now_claimed = std::mem::replace(&mut outside, rest);
            self.claim(now_claimed).await?;
        }
        Ok(())
    }

    fn admit(&self, lane: LaneRef) -> Option<Admitted> {
        if self.flights.contains_key(&lane.lane) {
            return None;
        }
        let local = lane.destination == "local";
        let list = lane.destination.starts_with("list:");
        let rules = lane.destination.starts_with(personal::LANE);
        if !local && !list && !rules && self.ctx.destination(&lane.destination).waiting_of(lane.origin) >= LOOK as usize
        {
            // More of the same origin would only wait in memory.
            return None;
        }
        let share = self.ctx.lanes.take(lane.origin)?;
        Some(match (local, list, rules) {
            (true, ..) => Admitted::Local(lane, share),
            (_, true, _) => Admitted::List(lane, share),
            (.., true) => Admitted::Rules(lane, share),
            _ => Admitted::Outside(lane, share),
        })
    }

    async fn claim(&mut self, lanes: Vec<(LaneRef, Share<OriginId>)>) -> Result<()> {
        let now = self.ctx.clock.now();
        let until = now + self.ctx.settings.lease;
        let node = self.ctx.store.node().to_owned();
        let limits: Vec<u32> = lanes.iter().map(|(_, share)| self.batch(share.held())).collect();
        let wanted: Vec<(LaneId, u32)> = lanes.iter().map(|(lane, _)| lane.lane).zip(limits.iter().copied()).collect();
        let claimed = self
            .ctx
            .store
            .write(move |tx| {
                wanted
                    .iter()
                    .map(|(lane, limit)| queue::claim(tx, &node, *lane, now, until, *limit))
                    .collect::<Result<Vec<_>>>()
            })
            .await?;
        for (((lane, share), limit), work) in lanes.into_iter().zip(limits).zip(claimed) {
            if let Some(work) = work {
                self.flights.insert(lane.lane, share);
                self.launch(lane.origin, work, limit);
            }
        }
        Ok(())
    }

    /// How many entries to claim from a lane of an origin with this many lanes in flight.
    fn batch(&self, lanes: usize) -> u32 {
        let share = u32::try_from(ENTRIES / lanes.max(1)).unwrap_or(u32::MAX);
        share.clamp(8, self.ctx.settings.batch.max(8))
    }

    /// Makes jobs of a claimed batch.
    fn launch(&mut self, origin: OriginId, work: LaneWork, limit: u32) {
        let LaneWork { lane, destination: domain, entries } = work;
        let claimed = entries.len();
        let flight = Arc::new(Flight { lane, origin, destination: domain, claimed, full: claimed >= limit as usize });
        if claimed == 0 {
            // Nothing was due after all: the empty batch ends the lease.
            self.ctx.give_back(&flight);
            return;
        }
        let destination = self.ctx.destination(&flight.destination);
        let most = self.ctx.settings.relay.recipients.max(1);
        let mut jobs = Vec::with_capacity(claimed);
        for run in by_message(entries) {
            let mut run = run;
            while !run.is_empty() {
                let rest = run.split_off(run.len().min(most));
                jobs.push(Job::new(Arc::clone(&flight), std::mem::replace(&mut run, rest), self.ctx.reports.clone()));
            }
        }
        if let Some(why) = destination.resting(self.ctx.clock.now()) {
            for job in jobs {
                job.resting(&why);
            }
            return;
        }
        destination.offer(jobs);
        self.ctx.pump(&destination);
    }

    fn begin_local(&mut self, lane: LaneRef, share: Share<OriginId>) {
        self.flights.insert(lane.lane, share);
        let (ctx, landed) = (Arc::clone(&self.ctx), self.landed.0.clone());
        self.ctx.tasks.spawn(async move {
            let landing = Landing::new(&lane, landed);
            match local::work(&ctx, &lane).await {
                local::End::Over => drop(landing),
                local::End::Reported => landing.by_ledger(),
            }
        });
    }

    fn begin_list(&mut self, lane: LaneRef, share: Share<OriginId>) {
        self.flights.insert(lane.lane, share);
        let (ctx, landed) = (Arc::clone(&self.ctx), self.landed.0.clone());
        self.ctx.tasks.spawn(async move {
            let landing = Landing::new(&lane, landed);
            match lists::work(&ctx, &lane).await {
                local::End::Over => drop(landing),
                local::End::Reported => landing.by_ledger(),
            }
        });
    }

    fn begin_rules(&mut self, lane: LaneRef, share: Share<OriginId>) {
        self.flights.insert(lane.lane, share);
        let (ctx, landed) = (Arc::clone(&self.ctx), self.landed.0.clone());
        self.ctx.tasks.spawn(async move {
            let landing = Landing::new(&lane, landed);
            match personal::work(&ctx, &lane).await {
                local::End::Over => drop(landing),
                local::End::Reported => landing.by_ledger(),
            }
        });
    }

    fn land(&mut self, landed: Landed) {
        match landed.next {
            Some(work) if !self.paused && !work.entries.is_empty() => {
                self.launch(landed.origin, work, self.ctx.settings.batch);
            }
            Some(work) => {
                // Claimed just before the pause.
                let flight = Flight {
                    lane: work.lane,
                    origin: landed.origin,
                    destination: work.destination,
                    claimed: 0,
                    full: false,
                };
                self.ctx.give_back(&Arc::new(flight));
            }
            None => {
                self.flights.remove(&landed.lane);
                self.look = true;
            }
        }
    }

    /// Extends the leases of all lanes in flight.
    async fn renew(&mut self, now: Time) {
        self.renew_at = now + self.ctx.settings.lease / 3;
        let lanes: Vec<LaneId> = self.flights.keys().copied().collect();
        if lanes.is_empty() {
            return;
        }
        let until = now + self.ctx.settings.lease;
        let node = self.ctx.store.node().to_owned();
        let renewed = self.ctx.store.write(move |tx| {
            for lane in &lanes {
                queue::renew(tx, &node, *lane, until)?;
            }
            Ok(())
        });
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "leases cannot be renewed");
            self.renew_at = now + PATIENCE;
        }
    }
}

/// Says that a lane's work is over, even after a panic.
struct Landing {
    lane: LaneId,
    origin: OriginId,
    landed: Option<UnboundedSender<Landed>>,
}

impl Landing {
    fn new(lane: &LaneRef, landed: UnboundedSender<Landed>) -> Self {
        Self { lane: lane.lane, origin: lane.origin, landed: Some(landed) }
    }

    /// The ledger will say it.
    fn by_ledger(mut self) {
        self.landed = None;
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(landed) = self.landed.take() {
            let _ = landed.send(Landed { lane: self.lane, origin: self.origin, next: None });
        }
    }
}
