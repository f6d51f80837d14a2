//! Real mail, and the guard's own row.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

use sekisho_guard::drill::world::{Act, Mail, What, World};
use sekisho_guard::drill::{Honest, attacks, honests};
use sekisho_guard::place::Place;
use sekisho_guard::policy::Policy;
use sekisho_guard::profile::Profile;
use sekisho_message::Time;
use serde_json::Value;

use super::rules::{Account, System};
use super::runs::runs_of;
use super::{ATTACKS, Row};

/// Simulated people, and days that a run of each lasts.
pub(crate) const PEOPLE: [(Honest, f64); 5] = [
    (Honest::Person, 90.0),
    (Honest::Employee, 26.0),
    (Honest::Traveller, 9.0),
    (Honest::NewPhone, 14.0),
    (Honest::PasswordChanged, 7.0),
];
/// Days that a run of a sales account and of newsletters lasts.
pub(crate) const SALES_DAYS: f64 = 30.0;
pub(crate) const NEWS_DAYS: f64 = 21.0;
const YEAR: f64 = 365.25 * 86_400.0;

/// Years that so many runs of simulated people last.
pub(crate) fn people_years(runs: u32) -> f64 {
    PEOPLE.iter().map(|(_, days)| days).sum::<f64>() * f64::from(runs) / 365.25
}

/// A newsletter has hundreds of messages: fewer runs say enough.
pub(crate) fn news_runs(runs: u32) -> u32 {
    runs.min(40)
}

/// A message of the trace.
pub(crate) struct Sent {
    at: i64,
    from: u64,
    to: Vec<u64>,
}

/// Reads `messages.json.gz`: `[{"time":n,"sender":n,"receiver":n or [n]}]`.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Sent>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    let parsed: Vec<Value> = serde_json::from_str(&text)?;
    let mut sent: Vec<Sent> = parsed
        .iter()
        .filter_map(|m| {
            let mut to: Vec<u64> = match &m["receiver"] {
                Value::Array(many) => many.iter().filter_map(Value::as_u64).collect(),
                one => one.as_u64().into_iter().collect(),
            };
            to.sort_unstable();
            to.dedup();
            Some(Sent { at: m["time"].as_i64()?, from: m["sender"].as_u64()?, to })
        })
        .collect();
    sent.sort_by_key(|m| m.at);
    Ok(sent)
}

/// Seconds that the senders lived, all together.
fn lives(sent: &[Sent]) -> BTreeMap<u64, (i64, i64)> {
    let mut lives: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for one in sent {
        lives.entry(one.from).or_insert((one.at, one.at)).1 = one.at;
    }
    lives
}

fn in_a_thousand_years(holds: usize, sent: &[Sent]) -> f64 {
    let years = lives(sent).values().map(|(from, to)| (to - from) as f64).sum::<f64>() / YEAR;
    holds as f64 / years * 1_000.0
}

/// Days on which a system holds somebody of the trace, in 1,000 user-years.
pub(crate) fn trace_holds(system: &System, sent: &[Sent]) -> f64 {
    let mut accounts: BTreeMap<u64, Account> = BTreeMap::new();
    for one in sent {
        let account = accounts.entry(one.from).or_insert_with(|| Account::new(system, []));
        account.send(&one.to, |_| false, Time::from_seconds(one.at));
        account.release();
    }
    in_a_thousand_years(accounts.values().map(|account| account.days.len()).sum(), sent)
}

/// The guard's row.
pub(crate) fn guard_row(runs: u32, real: Option<&[Sent]>) -> Row {
    let policy = Policy::default();
    let escaped = ATTACKS.map(|(attack, from)| attacks(&policy, attack, from, runs_of(attack, runs)).escaped[1]);
    let holds: u32 = PEOPLE.iter().map(|(class, _)| honests(&policy, *class, runs).holds).sum();
    let (years, news) = (people_years(runs), news_runs(runs));
    Row {
        runs,
        name: "Sekisho",
        escaped: escaped.to_vec(),
        real: real.map(|sent| guard_holds(&policy, sent)),
        people: f64::from(holds) / years * 1_000.0,
        sales: f64::from(honests(&policy, Honest::Role, runs).holds) / f64::from(runs),
        news: f64::from(honests(&policy, Honest::Newsletter, news).holds) / f64::from(news),
    }
}

fn guard_holds(policy: &Policy, sent: &[Sent]) -> f64 {
    let mut world = World::new(policy.clone(), 1);
    let lives = lives(sent);
    let first = sent.first().map_or(0, |one| one.at);
    for actor in 0..=sent.iter().flat_map(|m| m.to.iter().copied().chain([m.from])).max().unwrap_or(0) {
        let born = lives.get(&actor).map_or(first, |life| life.0);
        world.add(Profile::new(actor + 1, Time::from_seconds(born)), BTreeSet::new());
    }
    for (n, one) in sent.iter().enumerate() {
        let mail = Mail {
            place: Place::V4([10, 0, (one.from % 250) as u8]),
            session: n as u64,
            recipients: one.to.clone(),
            authenticated: true,
            ..Mail::default()
        };
        let (at, origin) = (Time::from_seconds(one.at), usize::try_from(one.from).unwrap_or(0));
        world.plan(Act { at, origin, hostile: false, what: What::Mail(mail) });
    }
    let holds = world.run(true).holds.len();
    in_a_thousand_years(holds, sent)
}
