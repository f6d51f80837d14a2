#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const RUNS: u32 = 200;

/// Asserts the 95 % bound of escapes, and that nearly no campaign is missed.
fn bounded(class: Attack, from: From, escaped: u32) {
    bounded_in(class, from, escaped, RUNS);
}

fn bounded_in(class: Attack, from: From, escaped: u32, runs: u32) {
    let summary = attacks(&Policy::default(), class, from, runs);
    println!("{}", serde_json::to_string(&summary).unwrap());
    assert!(summary.escaped[1] <= escaped, "{summary:?}");
    assert!(summary.missed * 100 <= runs, "{summary:?}");
}

#[test]
fn a_blast_from_elsewhere_reaches_three_at_most() {
    bounded(Attack::Blast, From::Foreign, 3);
    bounded_in(Attack::Blast, From::Guessed, 3, 50);
}

#[test]
fn a_botnet_reaches_three_at_most() {
    bounded(Attack::Botnet, From::Foreign, 3);
    bounded_in(Attack::Botnet, From::Guessed, 3, 50);
}

#[test]
fn fat_recipient_lists_from_elsewhere_reach_three_at_most() {
    bounded(Attack::FatRecipients, From::Foreign, 3);
    bounded_in(Attack::FatRecipients, From::Guessed, 3, 50);
}

#[test]
fn from_the_owners_own_network_eight_at_most_are_reached() {
    for class in [Attack::Blast, Attack::Botnet, Attack::FatRecipients] {
        bounded(class, From::Own, 8);
    }
}

#[test]
fn low_and_slow_reaches_ten_at_most() {
    bounded(Attack::LowAndSlow, From::Foreign, 10);
    bounded(Attack::LowAndSlow, From::Own, 10);
    bounded_in(Attack::LowAndSlow, From::Guessed, 10, 50);
}

#[test]
fn phish_to_the_owners_contacts_from_elsewhere_reaches_twenty_at_most() {
    bounded(Attack::ContactPhish, From::Foreign, 20);
    bounded_in(Attack::ContactPhish, From::Guessed, 20, 50);
}

#[test]
fn a_probe_and_then_a_flood() {
    bounded_in(Attack::ProbeThenFlood, From::Foreign, 3, 60);
    bounded_in(Attack::ProbeThenFlood, From::Own, 10, 60);
}

#[test]
fn origins_without_a_history_are_bounded_by_the_valve() {
    for class in [Attack::FreshAccount, Attack::OpenRelay, Attack::WebForm] {
        bounded_in(class, From::Foreign, 12, 40);
    }
}

#[test]
fn a_sales_account_from_elsewhere() {
    bounded_in(Attack::RoleAccount, From::Foreign, 3, 60);
}

#[test]
fn many_accounts_are_linked_by_their_text() {
    let summary = attacks(&Policy::default(), Attack::ManyAccounts, From::Foreign, 20);
    println!("{}", serde_json::to_string(&summary).unwrap());
    assert!(summary.escaped[1] <= 5, "of 90: {summary:?}");
}

/// What an old server's log tells is less: no text, no client.
#[test]
fn who_when_whence_and_to_whom_is_enough() {
    let world = |seed| {
        let mut world = World::new(Policy::default(), seed);
        world.blind = true;
        world
    };
    let classes = [
        (Attack::Blast, From::Foreign, 3),
        (Attack::Botnet, From::Foreign, 3),
        (Attack::FatRecipients, From::Foreign, 3),
        (Attack::LowAndSlow, From::Foreign, 10),
        (Attack::ContactPhish, From::Foreign, 25),
        (Attack::Blast, From::Own, 8),
        (Attack::FatRecipients, From::Own, 8),
    ];
    for (class, from, escaped) in classes {
        let tallies: Vec<Tally> = (0..40).map(|seed| attack_in(world(seed), class, from, seed)).collect();
        let summary = summarize(class, from, &tallies);
        println!("blind: {}", serde_json::to_string(&summary).unwrap());
        assert!(summary.escaped[1] <= escaped && summary.missed == 0, "{summary:?}");
    }
    for class in Honest::ALL {
        let runs = if matches!(class, Honest::Application | Honest::Newsletter | Honest::Role) { 3 } else { 60 };
        let holds: usize = (0..runs).map(|seed| honest_in(world(seed), class, seed).holds.len()).sum();
        println!("blind: {class:?} {holds} holds in {runs} runs");
        assert_eq!(holds, 0, "{class:?}");
    }
}

/// The classes where the guard loses are measured too, so that the figures in the guide stay true.
#[test]
fn what_is_lost_is_known() {
    let infected = attacks(&Policy::default(), Attack::InfectedPc, From::Own, 40);
    println!("{}", serde_json::to_string(&infected).unwrap());
    assert!(infected.missed >= 20, "the guide says that this class is lost: {infected:?}");
    let rising = attacks(&Policy::default(), Attack::SlowRise, From::Own, 40);
    println!("{}", serde_json::to_string(&rising).unwrap());
    assert!(rising.escaped[1] <= 100 && rising.missed == 0, "{rising:?}");
}

#[test]
fn honest_senders_are_not_held() {
    for class in Honest::ALL {
        let runs = match class {
            Honest::Application | Honest::Newsletter | Honest::Role => 10,
            Honest::Person | Honest::Employee => 80,
            _ => RUNS,
        };
        let summary = honests(&Policy::default(), class, runs);
        println!("{}", serde_json::to_string(&summary).unwrap());
        assert_eq!(summary.holds, 0, "{summary:?}");
        assert!(summary.wait[2] <= 7_200.0 && summary.wait[0] < 600.0, "{summary:?}");
        if class == Honest::Person {
            assert!(summary.delayed * 100 <= summary.recipients, "{summary:?}");
        }
    }
}

#[test]
fn a_run_is_a_function_of_its_seed_and_nothing_is_lost() {
    let policy = Policy::default();
    let tally = attack(&policy, Attack::Blast, From::Guessed, 7);
    assert_eq!(tally, attack(&policy, Attack::Blast, From::Guessed, 7));
    assert_ne!(tally, attack(&policy, Attack::Blast, From::Guessed, 8));
    let hold = tally.holds.first().expect("it is held");
    let login = hold.incident.as_ref().unwrap().login.expect("the story of the login");
    assert!(login.guessed && login.distinct > 30, "{login:?}");
    assert_eq!(login.protocol, crate::event::Protocol::Pop3);
    for class in Honest::ALL {
        let tally = honest(&policy, class, 3);
        assert_eq!(tally.honest.reached, tally.honest.recipients, "{class:?}");
    }
}
