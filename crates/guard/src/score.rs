//! The scores: CUSUMs over bounded evidence, and what share of its threshold an origin stands at.
//!
//! The fast score is kept twice, for usual and for other places: mail that the owner sends from home does not wash away
//! what an intruder does from elsewhere. The slow score has no decay; known recipients and the owner bring it down.

use sekisho_message::Time;

use crate::class;
use crate::place::Place;
use crate::policy::Policy;
use crate::profile::{DAY, DayScore, Episode, HOUR, Profile};

/// Days after which a day without an incident counts as clean: intruders stay for days before they are seen.
const CLEAN_AFTER: i64 = 7;
/// Clean days until an origin's own history counts.
const ENOUGH_DAYS: usize = 20;
/// Days without new evidence after which evidence that is not much begins anew.
const QUIET_DAYS: i64 = 3;
/// Room above the highest clean days.
const MARGIN: f32 = 1.25;

/// Brings the profile to `now`: the fast scores decay, and the day turns.
pub(crate) fn advance(profile: &mut Profile, policy: &Policy, now: Time) {
    let hours = now.0.saturating_sub(profile.scored.0).max(0) as f32 / HOUR as f32;
    if hours > 0.0 {
        let keep = |half_life: f32| 0.5_f32.powf((hours / half_life.max(0.1)).min(120.0));
        profile.home *= keep(policy.fast_half_life_hours);
        profile.away *= keep(policy.away_half_life_hours);
        profile.scored = now;
    }
    let today = now.0.div_euclid(DAY);
    if today > profile.day {
        turn_day(profile, policy, today, now);
    }
}

/// Adds the evidence of one event; gains beyond an episode's cap count less.
pub(crate) fn add(profile: &mut Profile, policy: &Policy, place: Place, home: bool, gain: f32, now: Time) {
    let gain = if gain > 0.0 { episode(profile, policy, place, gain, now) } else { gain };
    let fast = if home { &mut profile.home } else { &mut profile.away };
    *fast = (*fast + gain).clamp(0.0, 1_000.0);
    if !profile.is_learning(policy, now) || profile.breach.is_some() {
        profile.slow = (profile.slow + gain).clamp(0.0, 1_000.0);
    }
    let share = share(profile, policy, now);
    let last = profile.ledger.items().last().map_or(i64::MIN, |entry| entry.at.0);
    if share < 0.05 {
        profile.first_evidence = None;
    } else if gain > 0.0 {
        // What little is left of an old suspicion is not how this one began.
        if share < policy.dwell_at && now.0.saturating_sub(last) > QUIET_DAYS * DAY {
            profile.first_evidence = None;
        }
        profile.first_evidence.get_or_insert(now);
    }
    profile.day_max = profile.day_max.max(share * factor(profile, policy, now));
}

/// At what share of its thresholds the origin stands: 1 is a hold.
#[must_use]
pub fn share(profile: &Profile, policy: &Policy, now: Time) -> f32 {
    let class = policy.class(profile.class());
    let factor = factor(profile, policy, now);
    let own = calibrated(profile, policy, now);
    // What comes from strange places is never excused by what the owner does at home, nor by ignorance after a breach.
    let away = if profile.breach.is_some() { factor.min(1.0) } else { factor };
    let (home, slow) = (profile.home / (class.home * own * factor), profile.slow / (class.slow * own * factor));
    let share = home.max(slow).max(profile.away / (class.away * away));
    if share.is_finite() { share.max(0.0) } else { 0.0 }
}

/// How much higher or lower thresholds are for a time. What was learnt in a week is still thin in the third.
fn factor(profile: &Profile, policy: &Policy, now: Time) -> f32 {
    let learning = policy.learning_factor.max(0.1);
    if now < profile.tightened_until {
        0.5
    } else if profile.is_learning(policy, now) {
        learning
    } else if profile.seeded || policy.learning_days == 0 {
        1.0
    } else {
        let week = f32::from(policy.learning_days);
        let age = now.0.saturating_sub(profile.created.0) as f32 / DAY as f32;
        let left = ((3.0 * week - age) / (2.0 * week)).clamp(0.0, 1.0);
        1.0 + (learning - 1.0) * left
    }
}

/// How far the origin's own clean days raise its thresholds: the quantile of their highest scores, with room above, up to
/// a ceiling (conformal calibration, bounded because the days may contain an attack).
fn calibrated(profile: &Profile, policy: &Policy, now: Time) -> f32 {
    let limit = now.0.div_euclid(DAY) - CLEAN_AFTER;
    let clean = |day: &&DayScore| i64::from(day.day) <= limit;
    if profile.days.items().iter().filter(clean).count() < ENOUGH_DAYS {
        return 1.0;
    }
    let mut scores: Vec<f32> = profile.days.items().iter().filter(clean).map(|day| day.score).collect();
    scores.sort_by(f32::total_cmp);
    let rank = (policy.calibration.clamp(0.0, 1.0) * (scores.len() - 1) as f32).round() as usize;
    let own = scores.get(rank).copied().unwrap_or(0.0) * MARGIN;
    own.clamp(1.0, policy.calibration_ceiling.max(1.0))
}

/// The weighed gain: one place within one hour is one episode.
fn episode(profile: &mut Profile, policy: &Policy, place: Place, gain: f32, now: Time) -> f32 {
    let fresh = |e: &Episode| e.place == place && now.0.saturating_sub(e.began.0) < HOUR;
    let position = profile.episodes.items().iter().position(fresh);
    let before = position.and_then(|i| profile.episodes.items().get(i)).map_or(0.0, |e| e.gained);
    let full = (policy.episode_cap - before).clamp(0.0, gain);
    let weighed = full + (gain - full) * policy.episode_rest.clamp(0.0, 1.0);
    match position.and_then(|i| profile.episodes.0.get_mut(i)) {
        Some(episode) => episode.gained = (episode.gained + gain).min(1_000.0),
        None => profile.episodes.push(Episode { place, began: now, gained: gain }),
    }
    weighed
}

/// Closes a day.
fn turn_day(profile: &mut Profile, policy: &Policy, today: i64, now: Time) {
    if profile.day_recipients > 0 {
        profile.active_days = profile.active_days.saturating_add(1);
        // A day on which the score stood high is evidence of nothing; unless a person has called it a false alarm
        // (which leaves the highest score, and no hold).
        if profile.held_since.is_none() {
            let day = u32::try_from(profile.day).unwrap_or(0);
            profile.days.push(DayScore { day, score: profile.day_max });
        }
    }
    let clean = profile.day_max < 0.5 && profile.held_since.is_none();
    if clean {
        if class::is_bulk(profile.day_recipients, profile.day_first) {
            profile.bulk_days = profile.bulk_days.saturating_add(1);
        }
        let strange = profile.strange_places(policy, 24, now) as f32;
        profile.usual_places = 0.95 * profile.usual_places + 0.05 * strange;
        profile.class_learnt = class::learn(profile);
    }
    (profile.day_recipients, profile.day_first, profile.day_max, profile.ordinary) = (0, 0, 0.0, 0.0);
    profile.day = today;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::time::Duration;

    use super::*;

    const NOW: Time = Time::from_seconds(1_800_000_000);
    const HERE: Place = Place::V4([192, 0, 2]);

    fn known() -> (Policy, Profile) {
        let mut profile = Profile::new(1, NOW - Duration::from_secs(90 * 86_400));
        (profile.messages, profile.scored, profile.day) = (100, NOW, NOW.0.div_euclid(DAY));
        (Policy::default(), profile)
    }

    #[test]
    fn fast_scores_decay_and_the_slow_one_does_not() {
        let (policy, mut profile) = known();
        add(&mut profile, &policy, HERE, true, 4.0, NOW);
        add(&mut profile, &policy, HERE, false, 2.0, NOW);
        advance(&mut profile, &policy, NOW + Duration::from_secs(6 * 3_600));
        assert!((profile.home - 2.0).abs() < 1e-3 && (profile.away - 1.414).abs() < 1e-2, "{profile:?}");
        assert_eq!(profile.slow, 6.0);
        add(&mut profile, &policy, HERE, true, -50.0, NOW);
        assert_eq!((profile.home, profile.slow), (0.0, 0.0));
    }

    #[test]
    fn evidence_begins_anew_after_quiet_days_while_the_score_is_low() {
        let (policy, mut profile) = known();
        let signal = crate::signal::Signal::new(crate::signal::Kind::FirstContact, 1.0, 1.0, 1.0);
        let mut seen = |days: u64| {
            let now = NOW + Duration::from_secs(days * 86_400);
            advance(&mut profile, &policy, now);
            add(&mut profile, &policy, HERE, true, 3.0, now);
            profile.ledger.push(crate::profile::LedgerEntry { at: now, message: 1, signal });
            profile.first_evidence.map(|at| at.since(NOW).as_secs() / 86_400)
        };
        assert_eq!([0, 2, 4].map(&mut seen), [Some(0), Some(0), Some(0)], "every other day");
        let mut profile = known().1;
        let mut late = |days: u64, gain: f32| {
            let now = NOW + Duration::from_secs(days * 86_400);
            advance(&mut profile, &policy, now);
            add(&mut profile, &policy, HERE, true, gain, now);
            profile.ledger.push(crate::profile::LedgerEntry { at: now, message: 1, signal });
            profile.first_evidence.map(|at| at.since(NOW).as_secs() / 86_400)
        };
        assert_eq!((late(0, 3.0), late(8, 3.0)), (Some(0), Some(8)), "a week later it is another story");
        assert_eq!((late(9, 6.0), late(20, 3.0)), (Some(8), Some(8)), "unless much stands against it");
    }

    #[test]
    fn an_episode_counts_less_beyond_its_cap_and_another_place_is_another_episode() {
        let (policy, mut profile) = known();
        (0..9).for_each(|_| add(&mut profile, &policy, HERE, true, 1.0, NOW));
        assert!((profile.home - 7.0).abs() < 1e-3, "{}", profile.home);
        add(&mut profile, &policy, Place::V4([1, 1, 1]), true, 1.0, NOW);
        assert!((profile.home - 8.0).abs() < 1e-3);
        add(&mut profile, &policy, HERE, true, 1.0, NOW + Duration::from_secs(3_700));
        assert!(profile.home > 8.9);
    }

    #[test]
    fn an_origins_own_history_raises_its_threshold_but_only_so_far_and_not_at_once() {
        let (policy, mut profile) = known();
        profile.home = 10.0;
        assert!((share(&profile, &policy, NOW) - 1.0).abs() < 1e-4);
        let today = u32::try_from(profile.day).unwrap();
        let loud = |profile: &mut Profile, from: u32, score: f32| {
            (0..30).for_each(|n| profile.days.push(DayScore { day: today - from - n, score }));
        };
        let mut early = profile.clone();
        loud(&mut early, 0, 1.2);
        early.days.0.truncate(7);
        assert!((share(&early, &policy, NOW) - 1.0).abs() < 1e-4, "a week teaches nothing");
        loud(&mut profile, 8, 1.2);
        assert!((share(&profile, &policy, NOW) - 1.0 / 1.5).abs() < 1e-4);
        loud(&mut profile, 8, 9.0);
        assert!((share(&profile, &policy, NOW) - 1.0 / 1.6).abs() < 1e-4, "there is a ceiling");
        profile.home = 0.0;
        profile.away = 8.0;
        assert!((share(&profile, &policy, NOW) - 1.0).abs() < 1e-4, "elsewhere nothing is excused");
        profile.tightened_until = NOW + Duration::from_secs(1);
        assert!((share(&profile, &policy, NOW) - 2.0).abs() < 1e-4);
    }
}
