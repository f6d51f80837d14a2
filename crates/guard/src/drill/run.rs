//! One seeded attack beside a neighbour who has nothing to do with it, and how it is told.

use std::time::Duration;

use sekisho_message::{Language, Time};
use serde_json::{Value, json};

use super::honest::{self, settled};
use super::prng::Prng;
use super::world::{Act, Held, Tally, What, World};
use super::{Attack, From, attack};
use crate::inspect::report::signal_json;
use crate::policy::Policy;

/// Letters of the neighbour, and seconds between them.
const LETTERS: (u64, u64) = (36, 300);

/// A run, as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Which attack.
    pub attack: Attack,
    /// From where.
    pub from: From,
    /// Its seed.
    pub seed: u64,
    /// Accounts and other origins that took part.
    pub origins: usize,
    /// What happened.
    pub tally: Tally,
}

/// Runs an attack with a neighbour at work.
#[must_use]
pub fn rehearse(policy: &Policy, attack: Attack, from: From, seed: u64) -> Run {
    let mut world = World::new(policy.clone(), seed);
    play(&mut world, attack, from, seed);
    Run { attack, from, seed, origins: world.origins.len(), tally: world.tally().clone() }
}

/// The same in a world that the caller goes on to look at.
pub fn play(world: &mut World, attack: Attack, from: From, seed: u64) {
    let prng = &mut Prng::new(seed ^ 0x6E65_6967);
    let (mut ways, now) = settled(world, prng, 6.0, 0.056);
    world.neighbour = Some(ways.origin);
    attack::plan(world, &mut Prng::new(seed), attack, from);
    let begin = world.first_hostile().unwrap_or(now);
    for n in 0..LETTERS.0 {
        let at = begin + Duration::from_secs(n * LETTERS.1);
        let place = prng.pick(&ways.places);
        let mail = ways.mail(prng, place);
        world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Mail(mail) });
    }
    world.run(false);
}

impl Run {
    /// Whether the intruder was never held.
    #[must_use]
    pub fn missed(&self) -> bool {
        self.tally.holds.is_empty()
    }

    /// Messages of all sides.
    #[must_use]
    pub fn messages(&self) -> u64 {
        let Tally { hostile, honest, neighbour, .. } = &self.tally;
        [hostile, honest, neighbour].into_iter().map(|side| u64::from(side.messages)).sum()
    }

    /// Their recipients.
    #[must_use]
    pub fn recipients(&self) -> u64 {
        let Tally { hostile, honest, neighbour, .. } = &self.tally;
        [hostile, honest, neighbour].into_iter().map(|side| u64::from(side.recipients)).sum()
    }

    /// What the guard found, as `inspect` tells it; `name` says what an origin is called.
    pub fn incidents(&self, language: Language, name: &dyn Fn(&Held) -> String) -> Vec<Value> {
        self.tally.holds.iter().map(|held| self.incident(held, language, name)).collect()
    }

    fn incident(&self, held: &Held, language: Language, name: &dyn Fn(&Held) -> String) -> Value {
        let incident = held.incident.as_ref();
        let login = incident.and_then(|incident| incident.login).map(|login| {
            json!({
                "guessed": login.guessed,
                "protocol": login.protocol,
                "first_failure": login.first_failure.map(Time::seconds),
                "success": login.success.seconds(),
                "network": login.place,
                "distinct": login.distinct,
            })
        });
        json!({
            "origin": name(held),
            "class": held.class,
            "first_evidence": incident.map_or(held.at, |incident| incident.first_evidence).seconds(),
            "held_at": held.at.seconds(),
            "rung": held.rung,
            "reason": incident.map(|incident| incident.reason),
            "messages_before_hold": held.messages,
            "recipients_before_hold": held.recipients,
            "recipients_escaped": held.reached,
            "messages_after": self.tally.hostile.messages.saturating_sub(held.messages),
            "signals": held.signals.iter().map(|signal| signal_json(signal, language)).collect::<Vec<_>>(),
            "login": login,
            "attack": self.attack,
            "from": self.from,
            "seed": self.seed,
        })
    }
}

/// When simulations begin.
#[must_use]
pub const fn start() -> Time {
    honest::START
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_run_is_told_like_a_log_and_the_neighbour_is_not_delayed() {
        let run = rehearse(&Policy::default(), Attack::Blast, From::Guessed, 3);
        assert_eq!(run, rehearse(&Policy::default(), Attack::Blast, From::Guessed, 3));
        let told = run.incidents(Language::En, &|held| format!("account:u{}", held.origin));
        let [incident] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((&incident["rung"], &incident["login"]["guessed"]), (&"suspend".into(), &true.into()));
        assert!(incident["signals"].as_array().unwrap().iter().any(|s| s["name"] == "guessed_login"), "{incident}");
        let neighbour = &run.tally.neighbour;
        assert_eq!((neighbour.messages, neighbour.reached), (36, neighbour.recipients));
        assert!(neighbour.waits.iter().all(|wait| *wait <= 900.0), "{neighbour:?}");
        assert!(!run.missed() && run.messages() > 300);
    }
}
