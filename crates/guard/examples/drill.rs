//! Runs the drill and prints one JSON line for each class, and what the engine costs.
//!
//! `cargo run --release -p sekisho-guard --example drill -- [RUNS [YEARS]]`; YEARS: so much mail of each kind of honest sender, too

use std::time::Instant;

use sekisho_guard::drill::{Attack, From, Honest, attacks, honest, honests};
use sekisho_guard::event::{Event, Recipient, Submission};
use sekisho_guard::place::Place;
use sekisho_guard::policy::Policy;
use sekisho_guard::profile::Profile;
use sekisho_guard::site::Site;
use sekisho_guard::step::step;
use sekisho_message::Time;

fn main() {
    let runs = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200);
    let policy = Policy::default();
    for class in Attack::ALL {
        let most = if class == Attack::ManyAccounts { runs / 5 + 1 } else { runs };
        for from in [From::Foreign, From::Guessed, From::Own] {
            print(&attacks(&policy, class, from, most));
        }
    }
    for class in Honest::ALL {
        print(&honests(&policy, class, runs));
    }
    if let Some(years) = std::env::args().nth(2).and_then(|n| n.parse().ok()) {
        Honest::ALL.into_iter().for_each(|class| long(&policy, class, years));
    }
    cost(&policy);
}

/// How often honest senders of a kind are held in so many years.
fn long(policy: &Policy, class: Honest, enough: f64) {
    let (mut runs, mut years, mut messages, mut holds) = (0, 0.0, 0, 0);
    while years < enough {
        let tally = honest(policy, class, runs);
        (runs, years) = (runs + 1, years + tally.years());
        (messages, holds) = (messages + tally.honest.messages, holds + tally.holds.len());
    }
    println!(
        "{{\"class\":\"{}\",\"runs\":{runs},\"years\":{years:.0},\"messages\":{messages},\"holds\":{holds}}}",
        class.name()
    );
}

fn print(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("{error}"),
    }
}

/// Decode, judge, encode: what a message costs beside the store.
fn cost(policy: &Policy) {
    let (mut site, mut bytes, mut rounds) = (Site::default(), Profile::new(1, Time(0)).encode(), 0_u32);
    let began = Instant::now();
    while rounds < 20_000 {
        let Ok(mut profile) = Profile::decode(&bytes) else { return };
        let now = Time::from_seconds(1_800_000_000 + i64::from(rounds) * 600);
        let recipients = (0..3).map(|n| Recipient { contact: n > 0, domain: n + 1, ..Recipient::default() }).collect();
        let message = Submission {
            authenticated: true,
            place: Place::V4([192, 0, (rounds % 20) as u8]),
            fingerprint: Some(u64::from(rounds % 5)),
            simhash: Some(u64::from(rounds).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            hour_of_week: Some((rounds % 168) as u8),
            recipients,
            ..Submission::default()
        };
        step(policy, &mut profile, &mut site, &Event::Submission(message), now);
        bytes = profile.encode();
        rounds += 1;
    }
    let micros = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    println!("{{\"microseconds_a_message\":{micros:.1},\"profile_octets\":{}}}", bytes.len());
}
