//! Accounts that are a few days old: nearly nothing is known of them, and no more may escape.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use super::*;
use crate::event::{Event, Recipient, Submission};
use crate::ladder::Action;
use crate::place::Place;
use crate::profile::Profile;
use crate::site::Site;
use crate::step::step;

const AGES: [u64; 4] = [1, 3, 10, 13];

fn shape(recipients: u64, gap: f64, networks: u64) -> Shape {
    Shape { recipients, gap, networks, disguised: false }
}

fn play(days: u64, from: From, shape: Shape, blind: bool, runs: u64) -> AttackSummary {
    let world = |seed| {
        let mut world = World::new(Policy::default(), seed);
        world.blind = blind;
        world
    };
    let tallies: Vec<Tally> = (0..runs).map(|seed| attack_young(world(seed), days, from, shape, seed)).collect();
    let summary = summarize(Attack::FreshAccount, from, &tallies);
    println!(
        "{days} days, {from:?}, {shape:?}, blind {blind}: {:?} reached, {:?} to hold, {} missed",
        summary.escaped, summary.messages_to_hold, summary.missed
    );
    summary
}

/// Asserts the 95 % bound of escapes at every age.
fn bounded(from: From, shape: Shape, escaped: u32, runs: u64) {
    for days in AGES {
        let summary = play(days, from, shape, false, runs);
        assert!(summary.escaped[1] <= escaped && summary.missed == 0, "{days} days: {summary:?}");
    }
}

#[test]
fn from_networks_that_a_young_accounts_owner_never_used_three_at_most_escape() {
    for shape in [
        shape(1, 0.5, 1),
        shape(1, 1.0, 300),
        shape(1, 1.0, u64::MAX),
        shape(20, 10.0, 1),
        shape(20, 10.0, u64::MAX),
        shape(20, 60.0, u64::MAX),
        shape(50, 10.0, 1),
        shape(50, 10.0, u64::MAX),
    ] {
        bounded(From::Foreign, shape, 3, 100);
        bounded(From::Foreign, Shape { disguised: true, ..shape }, 3, 30);
        bounded(From::Guessed, shape, 3, 30);
    }
}

#[test]
fn from_a_young_accounts_own_network_eight_at_most_escape() {
    for shape in [shape(1, 0.5, 1), shape(1, 1.0, 1), shape(20, 10.0, 1), shape(50, 10.0, 1)] {
        bounded(From::Own, shape, 8, 100);
    }
}

#[test]
fn two_an_hour_from_ever_new_networks_ten_at_most_escape_of_a_young_account() {
    bounded(From::Foreign, shape(1, 1_800.0, u64::MAX), 10, 100);
    bounded(From::Guessed, shape(1, 1_800.0, u64::MAX), 10, 30);
}

/// A log tells neither text nor client: a message or two more, and still no flood.
#[test]
fn who_when_whence_and_to_whom_bounds_a_young_account_too() {
    for (shape, escaped) in [(shape(1, 0.5, 1), 3), (shape(1, 1.0, u64::MAX), 3), (shape(20, 60.0, u64::MAX), 3)] {
        for days in AGES {
            let summary = play(days, From::Foreign, shape, true, 40);
            assert!(summary.escaped[1] <= escaped && summary.missed == 0, "{days} days: {summary:?}");
        }
    }
}

/// The first network is believed at once: a new account can begin. What comes from its second one waits for minutes, and
/// only to people whom it does not know.
#[test]
fn a_new_account_begins_without_delay_and_its_second_network_is_believed_after_two_days() {
    let (policy, mut site) = (Policy::default(), Site::default());
    let mut profile = Profile::new(1, start());
    let (office, train) = (Place::V4([192, 0, 2]), Place::V4([198, 51, 100]));
    let mut send = |profile: &mut Profile, place, hours: u64, contact| {
        let recipient = Recipient { contact, domain: 9, ..Recipient::default() };
        let message = Submission { authenticated: true, place, recipients: vec![recipient], ..Submission::default() };
        let now = start() + Duration::from_secs(hours * 3_600);
        step(&policy, profile, &mut site, &Event::Submission(message), now).action
    };
    assert!((0..5).all(|hour| send(&mut profile, office, hour, false) == Action::Pass));
    assert!(matches!(send(&mut profile, train, 6, false), Action::Dwell { .. }));
    assert_eq!(send(&mut profile, train, 7, true), Action::Pass);
    assert_eq!(send(&mut profile, office, 8, false), Action::Pass, "nothing that happens elsewhere delays him at home");
    assert_eq!(send(&mut profile, train, 30, true), Action::Pass, "the second day of its use");
    assert_eq!(send(&mut profile, train, 60, false), Action::Pass);
}
