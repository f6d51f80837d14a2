//! The engine against two years of real mail among some 150 people: how often honest people are held or kept waiting.
//!
//! `cargo test -p sekisho-guard --test real_trace -- --nocapture` prints the figures.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use sekisho_guard::drill::world::{Act, Mail, What, World};
use sekisho_guard::place::Place;
use sekisho_guard::policy::Policy;
use sekisho_guard::profile::Profile;
use sekisho_message::Time;

const DAY: i64 = 86_400;

#[test]
fn honest_people_are_hardly_ever_held_or_kept_waiting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/enron/messages.json.gz");
    if !path.parent().is_some_and(Path::exists) {
        println!("left out: no real trace beside this clone");
        return;
    }
    let messages = read(&path);
    assert!(messages.len() > 20_000, "{} messages only", messages.len());

    // Every actor is an origin; whoever receives mail has its sender as a contact.
    let mut world = World::new(Policy::default(), 1);
    let actors = messages.iter().flat_map(|m| m.to.iter().copied().chain([m.from])).max().unwrap();
    let mut lives: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for message in &messages {
        let life = lives.entry(message.from).or_insert((message.at, message.at));
        life.1 = life.1.max(message.at);
    }
    for actor in 0..=actors {
        let born = lives.get(&actor).map_or(messages[0].at, |l| l.0);
        world.add(Profile::new(actor + 1, Time::from_seconds(born)), BTreeSet::new());
    }
    for (n, message) in messages.iter().enumerate() {
        let mail = Mail {
            place: Place::V4([10, 0, (message.from % 250) as u8]),
            session: n as u64,
            recipients: message.to.clone(),
            authenticated: true,
            ..Mail::default()
        };
        let at = Time::from_seconds(message.at);
        world.plan(Act { at, origin: message.from as usize, hostile: false, what: What::Mail(mail) });
    }
    let tally = world.run(true);

    let user_years = lives.values().map(|(from, to)| to - from).sum::<i64>() as f64 / (365.25 * DAY as f64);
    let holds = tally.holds.len() as f64 / user_years * 1_000.0;
    let touched = f64::from(tally.honest.delayed) / f64::from(tally.honest.recipients);
    let mut waits = tally.honest.waits.clone();
    waits.sort_by(f32::total_cmp);
    let median = waits.get(waits.len() / 2).copied().unwrap_or(0.0) / 60.0;
    let longest = waits.last().copied().unwrap_or(0.0) / 60.0;
    println!(
        "{} messages, {} recipients, {user_years:.0} user-years: {} holds ({holds:.1} in 1,000 user-years), \
         {:.2} % of recipients wait, median {median:.1} min, longest {longest:.0} min",
        tally.honest.messages,
        tally.honest.recipients,
        tally.holds.len(),
        touched * 100.0,
    );
    for hold in &tally.holds {
        println!("held: origin {} at {} {:?}", hold.origin, hold.at, hold.incident);
    }
    assert_eq!(tally.honest.reached, tally.honest.recipients, "nothing may be lost");
    assert!(holds <= 10.0, "{holds} holds in 1,000 user-years");
    assert!(touched <= 0.01, "{touched} of the recipients wait");
    assert!(median < 10.0, "median {median} minutes");
}

struct Message {
    at: i64,
    from: u64,
    to: Vec<u64>,
}

fn read(path: &Path) -> Vec<Message> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let parsed: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut messages: Vec<Message> = parsed
        .iter()
        .map(|m| {
            let mut to: Vec<u64> = match &m["receiver"] {
                serde_json::Value::Array(many) => many.iter().filter_map(serde_json::Value::as_u64).collect(),
                one => one.as_u64().into_iter().collect(),
            };
            to.sort_unstable();
            to.dedup();
            Message { at: m["time"].as_i64().unwrap(), from: m["sender"].as_u64().unwrap(), to }
        })
        .collect();
    messages.sort_by_key(|m| m.at);
    messages
}
