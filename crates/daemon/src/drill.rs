//! The drill: attacks and honest senders, each rehearsed once in detail and many times for the figures. The command line and the
//! console play the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use sekisho_control::drill::{Plan, Progress, Theatre};
use sekisho_guard::drill::{Attack, From, Honest, Run, honests, rehearse};
use sekisho_guard::policy::Policy;
use sekisho_message::{Text, say};
use serde_json::Value;

use crate::config::Settings;
use crate::rehearsal;
use crate::trouble::Trouble;

mod report;

pub use report::{Drilled, Report};

/// Seeds that each class is run with when nothing is said.
pub const RUNS: u32 = 40;
/// What a class weighs in the progress: one half for the run in detail, one for the figures.
const WEIGHT: u64 = 1_000;

/// What is rehearsed.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Classes of attacks.
    pub attacks: Vec<Attack>,
    /// From where; none is from everywhere that a class can come from.
    pub from: Option<From>,
    /// Honest senders.
    pub honest: Vec<Honest>,
    /// Seed of the run that is told in detail.
    pub seed: u64,
    /// Seeded runs of each class for the figures.
    pub runs: u32,
    /// Whether the run in detail goes past reception and queue too.
    pub model: bool,
}

impl Cast {
    /// Rehearses everything against a copy of `server`; none when `told` said no.
    ///
    /// # Errors
    /// When the scratch store cannot be made or refuses.
    pub fn play(
        &self,
        server: &Settings,
        policy: &Policy,
        told: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Option<Report>, Trouble> {
        let pairs: Vec<(Attack, From)> =
            self.attacks.iter().flat_map(|attack| sources(*attack, self.from).map(|from| (*attack, from))).collect();
        let total = (pairs.len() + self.honest.len()) as u64 * WEIGHT;
        let mut report = Report::new(self.seed, self.runs);
        let mut real_for = BTreeSet::new();
        for (index, (attack, from)) in pairs.into_iter().enumerate() {
            let begun = index as u64 * WEIGHT;
            let mut at = |done: u64| told(Progress { done: begun + done, total, what: Some(attack.text()) });
            // The path itself is rehearsed once for each class; from where the intruder comes makes no difference to it.
            let real = !self.model && real_for.insert(attack);
            let drilled = self.attack(server, policy, (attack, from), real, &mut at)?;
            let Some(drilled) = drilled else { return Ok(None) };
            report.attacks.push(drilled);
        }
        for (index, class) in self.honest.iter().enumerate() {
            let done = total - (self.honest.len() - index) as u64 * WEIGHT;
            let name = class.name();
            if !told(Progress { done, total, what: Some(Text::new(name, name)) }) {
                return Ok(None);
            }
            report.honest.push(honests(policy, *class, self.runs));
        }
        Ok(Some(report))
    }

    fn attack(
        &self,
        server: &Settings,
        policy: &Policy,
        (attack, from): (Attack, From),
        real: bool,
        at: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Drilled>, Trouble> {
        let half = WEIGHT / 2;
        let told = if real {
            let mut go_on = |done: usize, all: usize| at(half * done as u64 / all.max(1) as u64);
            rehearsal::rehearse(server, policy, (attack, from, self.seed), &mut go_on)?
        } else {
            at(0).then(|| rehearse(policy, attack, from, self.seed))
        };
        let Some(told) = told else { return Ok(None) };
        // Thirty accounts weigh as much as thirty runs.
        let runs = u64::from(if attack == Attack::ManyAccounts { self.runs.div_ceil(5) } else { self.runs });
        let mut all: Vec<Run> = Vec::new();
        for seed in 1..=runs {
            if !at(half + half * (seed - 1) / runs) {
                return Ok(None);
            }
            all.push(rehearse(policy, attack, from, seed));
        }
        Ok(Some(Drilled { told, real, all }))
    }
}

/// From where a class is run: as asked where it can be, else from everywhere that it can come from.
fn sources(attack: Attack, from: Option<From>) -> impl Iterator<Item = From> {
    let sources = attack.sources();
    let asked = from.filter(|from| sources.contains(from));
    sources.iter().copied().filter(move |one| asked.is_none_or(|asked| *one == asked))
}

/// The drill of the running server.
pub(crate) struct Stage(pub(crate) Arc<Settings>);

impl Theatre for Stage {
    fn play(&self, plan: &Plan, told: &mut dyn FnMut(Progress) -> bool) -> Result<Option<Value>, Text> {
        let attacks = plan.attack.map_or_else(|| Attack::ALL.to_vec(), |attack| vec![attack]);
        let cast = Cast { attacks, from: plan.from, honest: Vec::new(), seed: plan.seed, runs: RUNS, model: false };
        let played = cast.play(&self.0, &self.0.config.guard.policy, told);
        let report = played.map_err(|trouble| {
            let Text { ja, en } = trouble.text;
            say!(ja: "予行できません: {ja}", en: "It could not be rehearsed: {en}")
        })?;
        Ok(report.map(|report| report.told()))
    }
}
