//! The systems on the drill's runs.

use std::collections::BTreeMap;

use sekisho_guard::drill::prng::Prng;
use sekisho_guard::drill::world::{Recorded, What, World};
use sekisho_guard::drill::{Attack, From, Honest, run_attack, run_honest};
use sekisho_guard::policy::Policy;

use super::honest::{self, PEOPLE, Sent};
use super::rules::{Account, System};
use super::{ATTACKS, Row};

/// What every system makes of everything. Each run is made once and shown to all.
pub(crate) fn rows(systems: &[System], runs: u32, real: Option<&[Sent]>) -> Vec<Row> {
    let mut escaped: Vec<Vec<Vec<u32>>> = vec![vec![Vec::new(); ATTACKS.len()]; systems.len()];
    for (column, (attack, from)) in ATTACKS.into_iter().enumerate() {
        for seed in 0..u64::from(runs_of(attack, runs)) {
            let record = attack_record(attack, from, seed);
            for (system, escaped) in systems.iter().zip(&mut escaped) {
                escaped[column].push(replay(system, &record).0);
            }
        }
    }
    let people = held(systems, &PEOPLE.map(|(class, _)| class), runs);
    let (years, issues) = (honest::people_years(runs), honest::news_runs(runs));
    let sales = held(systems, &[Honest::Role], runs);
    let news = held(systems, &[Honest::Newsletter], issues);
    let rows = systems.iter().zip(escaped).enumerate().map(|(n, (system, escaped))| Row {
        runs,
        name: system.name,
        escaped: escaped.into_iter().map(percentile).collect(),
        real: real.map(|sent| honest::trace_holds(system, sent)),
        people: people[n] / years * 1_000.0,
        sales: sales[n] / f64::from(runs),
        news: news[n] / f64::from(issues),
    });
    rows.collect()
}

/// Thirty accounts weigh as much as many runs.
pub(crate) fn runs_of(attack: Attack, runs: u32) -> u32 {
    if attack == Attack::ManyAccounts { runs / 5 + 1 } else { runs }
}

fn attack_record(attack: Attack, from: From, seed: u64) -> Vec<Recorded> {
    let mut world = World::new(Policy::default(), seed);
    world.record = Some(Vec::new());
    run_attack(&mut world, attack, from, seed);
    world.record.take().unwrap_or_default()
}

/// Days on which each system holds honest senders, in all runs.
fn held(systems: &[System], classes: &[Honest], runs: u32) -> Vec<f64> {
    let mut days = vec![0.0; systems.len()];
    for class in classes {
        for seed in 0..u64::from(runs) {
            let mut world = World::new(Policy::default(), seed);
            world.record = Some(Vec::new());
            run_honest(&mut world, *class, seed);
            let record = world.record.take().unwrap_or_default();
            for (system, days) in systems.iter().zip(&mut days) {
                *days += replay(system, &record).1 as f64;
            }
        }
    }
    days
}

/// Recipients that the intruder reaches, and days on which an honest sender is held, after the past.
fn replay(system: &System, record: &[Recorded]) -> (u32, usize) {
    let begin = record.iter().rposition(|one| matches!(one, Recorded::Counting)).unwrap_or(0);
    let mut accounts: BTreeMap<usize, Account> = BTreeMap::new();
    let (mut born, mut reached) = (0, 0);
    for (index, one) in record.iter().enumerate() {
        match one {
            Recorded::Born(contacts) => {
                accounts.insert(born, Account::new(system, contacts.iter().copied()));
                born += 1;
            }
            Recorded::Act(act, _) => {
                let (What::Mail(mail), Some(account)) = (&act.what, accounts.get_mut(&act.origin)) else { continue };
                let dead = |to: u64| Prng::new(to).chance(mail.dead);
                let taken = account.send(&mail.recipients, dead, act.at);
                reached += if act.hostile { taken } else { 0 };
                if !act.hostile {
                    account.release();
                }
            }
            Recorded::Counting if index == begin => accounts.values_mut().for_each(|account| account.days.clear()),
            Recorded::Counting | Recorded::Outcome { .. } => {}
        }
    }
    (reached, accounts.values().map(|account| account.days.len()).sum())
}

fn percentile(mut numbers: Vec<u32>) -> u32 {
    numbers.sort_unstable();
    let rank = (numbers.len() * 95).div_ceil(100).max(1) - 1;
    numbers.get(rank).copied().unwrap_or(0)
}
