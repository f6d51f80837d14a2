//! The one entry: an event, a profile, a verdict.

mod login;
mod submission;
#[cfg(test)]
mod tests;

use sekisho_message::Time;

use crate::event::{Configuration, Event, Operator, Report};
use crate::ladder::{self, Action, Incident, Reason, Rung, Verdict};
use crate::policy::Policy;
use crate::profile::{HOUR, LedgerEntry, Profile};
use crate::score;
use crate::signal::{self, Signal, receivers, standing};
use crate::site::Site;

/// Judges one event of one origin, and remembers it.
///
/// Pure: the same arguments give the same verdict and the same profile. Times may repeat and, between nodes, even go
/// back a little; they are then taken as no time at all.
pub fn step(policy: &Policy, profile: &mut Profile, site: &mut Site, event: &Event, now: Time) -> Verdict {
    score::advance(profile, policy, now);
    match event {
        Event::Submission(message) => submission::judge(policy, profile, site, message, now),
        Event::Login(login) => login::judge(policy, profile, site, login, now),
        Event::Outcome(outcome) => {
            let signals: Vec<Signal> = receivers::read(profile, site, outcome, now).into_iter().collect();
            add_late(policy, profile, &signals, now);
            close(policy, profile, signals, None, now)
        }
        Event::Report(report) => reported(policy, profile, *report, now),
        Event::Configuration(configuration) => configured(policy, profile, *configuration, now),
        Event::Answered => {
            profile.slow = (profile.slow - 1.0).max(0.0);
            profile.away = (profile.away - 0.5).max(0.0);
            close(policy, profile, Vec::new(), None, now)
        }
        Event::Operator(operator) => decided(policy, profile, *operator, now),
        Event::Tick => close(policy, profile, Vec::new(), None, now),
    }
}

fn reported(policy: &Policy, profile: &mut Profile, report: Report, now: Time) -> Verdict {
    let (signal, hard) = standing::report(profile, report, now);
    let signals = vec![signal];
    add_late(policy, profile, &signals, now);
    close(policy, profile, signals, hard.then_some(Reason::Complaint), now)
}

fn configured(policy: &Policy, profile: &mut Profile, configuration: Configuration, now: Time) -> Verdict {
    let home = profile.is_home(policy, configuration.place, now);
    let signals: Vec<Signal> = standing::change(configuration.change, configuration.place, home).into_iter().collect();
    let gain: f32 = signals.iter().map(|s| s.llr).sum();
    if gain > 0.0 {
        score::add(profile, policy, configuration.place, home, gain, now);
        note(profile, &signals, 0, now);
    }
    close(policy, profile, signals, None, now)
}

/// Evidence that comes after the mail belongs to the side that stands higher.
fn add_late(policy: &Policy, profile: &mut Profile, signals: &[Signal], now: Time) {
    let gain: f32 = signal::by_family(signals).iter().sum();
    if gain > 0.0 {
        let class = policy.class(profile.class());
        let home = profile.home / class.home >= profile.away / class.away;
        // Every receiver's word is news: no episode caps it.
        let fast = if home { &mut profile.home } else { &mut profile.away };
        *fast = (*fast + gain).min(1_000.0);
        score::add(profile, policy, crate::place::Place::Unknown, home, 0.0, now);
        note(profile, signals, 0, now);
    }
}

fn decided(policy: &Policy, profile: &mut Profile, operator: Operator, now: Time) -> Verdict {
    let recent = |last: Time| now.0.saturating_sub(last.0) < 72 * HOUR;
    match operator {
        Operator::OwnerProved => (profile.slow, profile.away) = (0.0, 0.0),
        Operator::Hold => return close(policy, profile, Vec::new(), Some(Reason::Operator), now),
        Operator::Release => {
            free(profile);
            // It was the owner: where he was is his.
            for place in profile.places.0.iter_mut().filter(|p| recent(p.last)) {
                (place.tainted, place.taken) = (false, true);
            }
            for client in profile.clients.0.iter_mut().filter(|c| recent(c.last)) {
                client.taken = true;
            }
        }
        Operator::Resolve => {
            free(profile);
            // What was not the owner's before is learnt anew, or not at all.
            profile.places.0.retain(|p| p.is_proven(policy, now));
            profile.guesses = crate::profile::guessing::Guesses::new(now);
            profile.tightened_until = now + std::time::Duration::from_secs(u64::from(policy.tightened_hours) * 3600);
        }
    }
    close(policy, profile, Vec::new(), None, now)
}

/// Takes hold, scores and suspicion away.
fn free(profile: &mut Profile) {
    (profile.home, profile.away, profile.slow, profile.dead_added) = (0.0, 0.0, 0.0, 0.0);
    (profile.held_since, profile.suspended, profile.breach, profile.first_evidence) = (None, false, None, None);
    (profile.complaints, profile.traps, profile.reached, profile.dead) = (0, 0, 0.0, 0.0);
    profile.episodes.0.clear();
    // What was sent in the owner's name shall not make him wait.
    (profile.valve, profile.stranger_valve) = (Time(i64::MIN), Time(i64::MIN));
    profile.day_first = 0;
}

/// Writes signals into the ledger.
pub(super) fn note(profile: &mut Profile, signals: &[Signal], message: u64, now: Time) {
    for &signal in signals.iter().filter(|s| s.llr > 0.0) {
        profile.ledger.push(LedgerEntry { at: now, message, signal });
    }
}

/// Sets the rung from the score and makes the verdict; the action is that for what waits (a submission sets its own).
pub(super) fn close(
    policy: &Policy,
    profile: &mut Profile,
    signals: Vec<Signal>,
    hard: Option<Reason>,
    now: Time,
) -> Verdict {
    let score = score::share(profile, policy, now);
    let mut incident = None;
    let mut suspend = false;
    if profile.held_since.is_none() && (hard.is_some() || score >= 1.0) {
        let reason = hard.unwrap_or_else(|| ladder::reason(profile, policy));
        profile.held_since = Some(now);
        suspend = matches!(reason, Reason::Trap | Reason::Complaint) || profile.breach.is_some_and(|b| b.guessed);
        incident = Some(Incident {
            reason,
            text: reason.text(score),
            first_evidence: profile.first_evidence.unwrap_or(now),
            login: profile.breach,
        });
    }
    if let Some(since) = profile.held_since {
        let limit = i64::from(policy.suspend_minutes) * HOUR / 60;
        suspend |= !profile.suspended && limit > 0 && now.0.saturating_sub(since.0) >= limit;
    }
    suspend &= !profile.suspended;
    profile.suspended |= suspend;
    let rung = match profile.held_since {
        None => ladder::rung_of(policy, score),
        Some(_) if !profile.authenticated => Rung::Isolate,
        Some(_) if profile.suspended => Rung::Suspend,
        Some(_) => Rung::Hold,
    };
    if rung != profile.rung {
        (profile.rung, profile.rung_since) = (rung, now);
    }
    let action = if profile.held_since.is_some() { Action::Hold } else { Action::Pass };
    let learning = profile.is_learning(policy, now);
    Verdict { rung, action, suspend, incident, signals, score, learning }
}
