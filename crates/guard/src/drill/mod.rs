//! The drill: seeded attackers and honest senders against the engine, on a virtual clock.
//!
//! What waits in dwell or behind a valve when the hold comes does not escape; what went before does. Every run is a pure
//! function of policy, class and seed. Attackers know nothing of the thresholds; those who do are in `docs/guard.md`.

mod attack;
mod honest;
mod names;
pub mod prng;
mod run;
#[cfg(test)]
mod tests;
pub mod world;
#[cfg(test)]
mod young_tests;

use serde::{Deserialize, Serialize};

pub use attack::Shape;
pub use run::{Run, play, rehearse, start};

use crate::policy::Policy;
use prng::Prng;
use world::{Tally, World};

/// The attack classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// A: as fast as it goes, one client.
    Blast,
    /// B: 300 clients, one message a second together.
    Botnet,
    /// C: two messages an hour, each from another network, three days.
    LowAndSlow,
    /// D: 50 recipients a message, one every 10 seconds.
    FatRecipients,
    /// E: to the victim's own contacts.
    ContactPhish,
    /// F: the same from the victim's own machine.
    InfectedPc,
    /// G: a web form whose visitors a robot chooses.
    WebForm,
    /// H: a trusted network that was written too wide.
    OpenRelay,
    /// I: one message, long silence, a flood.
    ProbeThenFlood,
    /// J: an account without a history.
    FreshAccount,
    /// K: a sales account.
    RoleAccount,
    /// L: a slow rise from the victim's own network, to teach the guard that it is usual.
    SlowRise,
    /// M: many accounts, few messages each.
    ManyAccounts,
}

impl Attack {
    /// All, A to M.
    pub const ALL: [Self; 13] = [
        Self::Blast,
        Self::Botnet,
        Self::LowAndSlow,
        Self::FatRecipients,
        Self::ContactPhish,
        Self::InfectedPc,
        Self::WebForm,
        Self::OpenRelay,
        Self::ProbeThenFlood,
        Self::FreshAccount,
        Self::RoleAccount,
        Self::SlowRise,
        Self::ManyAccounts,
    ];
}

/// From where an intruder sends, and what he did before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// From networks that the owner never used; the password was phished or bought.
    Foreign,
    /// The same, after the password was guessed over POP3.
    Guessed,
    /// From the owner's own network.
    Own,
}

/// Honest senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Honest {
    /// Three months of a person.
    Person,
    /// A month of a sales account.
    Role,
    /// Four invoice runs.
    Application,
    /// Three newsletters.
    Newsletter,
    /// A new employee's first weeks.
    Employee,
    /// Nine days abroad.
    Traveller,
    /// Two weeks with a new telephone.
    NewPhone,
    /// A week after a change of password.
    PasswordChanged,
}

impl Honest {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::Role,
        Self::Application,
        Self::Newsletter,
        Self::Employee,
        Self::Traveller,
        Self::NewPhone,
        Self::PasswordChanged,
    ];
}

/// One attack.
#[must_use]
pub fn attack(policy: &Policy, class: Attack, from: From, seed: u64) -> Tally {
    attack_in(World::new(policy.clone(), seed), class, from, seed)
}

/// One attack in a world that was made ready (see [`World::blind`]).
#[must_use]
pub fn attack_in(mut world: World, class: Attack, from: From, seed: u64) -> Tally {
    run_attack(&mut world, class, from, seed);
    world.tally().clone()
}

/// The same in a world that the caller goes on to look at.
pub fn run_attack(world: &mut World, class: Attack, from: From, seed: u64) {
    let mut prng = Prng::new(seed);
    attack::plan(world, &mut prng, class, from);
    world.run(false);
}

/// One attack on an account that is `days` old, in a world that was made ready. Its owner has a network of his own.
#[must_use]
pub fn attack_young(mut world: World, days: u64, from: From, shape: Shape, seed: u64) -> Tally {
    attack::plan_young(&mut world, &mut Prng::new(seed), days, from, shape);
    world.run(false);
    world.tally().clone()
}

/// One honest sender; holds are let go at once, and counted.
#[must_use]
pub fn honest(policy: &Policy, class: Honest, seed: u64) -> Tally {
    honest_in(World::new(policy.clone(), seed), class, seed)
}

/// One honest sender in a world that was made ready.
#[must_use]
pub fn honest_in(mut world: World, class: Honest, seed: u64) -> Tally {
    run_honest(&mut world, class, seed);
    world.tally().clone()
}

/// The same in a world that the caller goes on to look at.
pub fn run_honest(world: &mut World, class: Honest, seed: u64) {
    let prng = &mut Prng::new(seed);
    match class {
        Honest::Person => honest::person(world, prng),
        Honest::Role => honest::role(world, prng),
        Honest::Application => honest::application(world, prng),
        Honest::Newsletter => honest::newsletter(world, prng),
        Honest::Employee => honest::employee(world, prng),
        Honest::Traveller => honest::traveller(world, prng),
        Honest::NewPhone => honest::new_phone(world, prng),
        Honest::PasswordChanged => honest::password_changed(world, prng),
    }
    world.run(true);
}

/// Many runs of an attack in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttackSummary {
    /// Which.
    pub attack: Attack,
    /// From where.
    pub from: From,
    /// How many runs.
    pub runs: u32,
    /// Runs in which the intruder's origin was never held.
    pub missed: u32,
    /// Recipients reached before the hold: median, 95 %, most.
    pub escaped: [u32; 3],
    /// Messages to the hold: median, 95 %.
    pub messages_to_hold: [u32; 2],
    /// Messages until one had to wait: median, 95 %.
    pub messages_to_dwell: [u32; 2],
}

/// Many runs of an honest sender in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HonestSummary {
    /// Which.
    pub class: Honest,
    /// How many runs.
    pub runs: u32,
    /// Messages sent in all.
    pub messages: u32,
    /// Holds in all.
    pub holds: u32,
    /// Recipients outside in all, and those that had to wait.
    pub recipients: u32,
    /// Of these, how many had to wait.
    pub delayed: u32,
    /// Seconds that those waited: median, 95 %, most.
    pub wait: [f32; 3],
}

/// Runs the seeds 0 to `runs` of an attack.
#[must_use]
pub fn attacks(policy: &Policy, class: Attack, from: From, runs: u32) -> AttackSummary {
    let tallies: Vec<Tally> = (0..u64::from(runs)).map(|seed| attack(policy, class, from, seed)).collect();
    summarize(class, from, &tallies)
}

/// Runs in a few numbers.
#[must_use]
pub fn summarize(class: Attack, from: From, tallies: &[Tally]) -> AttackSummary {
    let runs = u32::try_from(tallies.len()).unwrap_or(u32::MAX);
    let numbers = |of: &dyn Fn(&Tally) -> Option<u32>| {
        let mut out: Vec<u32> = tallies.iter().filter_map(of).collect();
        out.sort_unstable();
        out
    };
    let escaped = numbers(&|t| Some(t.hostile.reached));
    let held = numbers(&|t| t.holds.first().map(|h| h.messages));
    let dwelt = numbers(&|t| t.hostile.messages_to_dwell);
    AttackSummary {
        attack: class,
        from,
        runs,
        missed: runs - u32::try_from(held.len()).unwrap_or(runs),
        escaped: [at(&escaped, 50), at(&escaped, 95), at(&escaped, 100)],
        messages_to_hold: [at(&held, 50), at(&held, 95)],
        messages_to_dwell: [at(&dwelt, 50), at(&dwelt, 95)],
    }
}

/// Runs the seeds 0 to `runs` of an honest sender.
#[must_use]
pub fn honests(policy: &Policy, class: Honest, runs: u32) -> HonestSummary {
    let mut sum = HonestSummary { class, runs, messages: 0, holds: 0, recipients: 0, delayed: 0, wait: [0.0; 3] };
    let mut waits = Vec::new();
    for seed in 0..u64::from(runs) {
        let tally = honest(policy, class, seed);
        sum.messages += tally.honest.messages;
        sum.holds += u32::try_from(tally.holds.len()).unwrap_or(u32::MAX);
        sum.recipients += tally.honest.recipients;
        sum.delayed += tally.honest.delayed;
        waits.extend(tally.honest.waits);
    }
    waits.sort_by(f32::total_cmp);
    sum.wait = [at(&waits, 50), at(&waits, 95), at(&waits, 100)];
    sum
}

/// The value below which so many per cent of a sorted list lie; the default of an empty one.
fn at<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}
