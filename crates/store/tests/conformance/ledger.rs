//! accepted = delivered + failed + queued + held + purged, whatever is done in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sekisho_message::Time;
use sekisho_store::queue::{self, Filter, Outcome, Stage};
use sekisho_store::{NEVER, TxExt, check};

use crate::world::{World, later};

#[derive(Clone, Debug)]
enum Act {
    Accept { origin: u8, recipients: Vec<(u8, bool)> },
    Work { pick: u8, outcomes: Vec<u8> },
    Lease { pick: u8 },
    HoldOrigin(u8),
    ReleaseOrigin(u8),
    NewEpoch(u8),
    Step { what: u8, domain: u8, origin: Option<u8>, limit: u32 },
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3_u8, prop::collection::vec((0..5_u8, prop::bool::weighted(0.2)), 1..6))
            .prop_map(|(origin, recipients)| Act::Accept { origin, recipients }),
        4 => (any::<u8>(), prop::collection::vec(0..5_u8, 8)).prop_map(|(pick, outcomes)| Act::Work { pick, outcomes }),
        1 => any::<u8>().prop_map(|pick| Act::Lease { pick }),
        1 => (0..3_u8).prop_map(Act::HoldOrigin),
        1 => (0..3_u8).prop_map(Act::ReleaseOrigin),
        1 => (0..3_u8).prop_map(Act::NewEpoch),
        3 => (0..4_u8, 0..5_u8, prop::option::of(0..3_u8), 1..5_u32)
            .prop_map(|(what, domain, origin, limit)| Act::Step { what, domain, origin, limit }),
        1 => (1..500_u64).prop_map(Act::Pass),
    ]
}

const DESTINATIONS: [&str; 5] =
    ["a@one.example", "b@two.example", "c@example.jp", "d@lists.example.jp", "e@one.example"];

fn key(origin: u8) -> String {
    format!("account:user{origin}@example.jp")
}

#[derive(Default)]
struct Books {
    accepted: u64,
    delivered: u64,
    failed: u64,
    purged: u64,
    seconds: u64,
}

impl Books {
    fn now(&self) -> Time {
        later(self.seconds)
    }
}

pub async fn accounting_never_lies(world: &World) {
    let cases = if world.is_postgres() { 6 } else { 24 };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner.run(&prop::collection::vec(act(), 1..60), |acts| {
            handle.block_on(async {
                let mut books = Books::default();
                for act in &acts {
                    perform(world, &mut books, act).await;
                    balance(world, &books).await;
                }
                let report = check::run(&world.store).await.unwrap();
                assert!(report.is_well(), "{:#?}", report.problems);
                empty(world).await;
            });
            Ok(())
        })
    });
    result.unwrap();
}

async fn perform(world: &World, books: &mut Books, act: &Act) {
    let now = books.now();
    match act.clone() {
        Act::Accept { origin, recipients } => {
            let addresses: Vec<&str> = recipients.iter().map(|(to, _)| DESTINATIONS[usize::from(*to)]).collect();
            let mut message = world.message(&key(origin), &addresses).await;
            for (recipient, (_, dwell)) in message.recipients.iter_mut().zip(&recipients) {
                if *dwell {
                    recipient.stage = Stage::Holding;
                    recipient.due = now + std::time::Duration::from_secs(300);
                }
            }
            books.accepted += recipients.len() as u64;
            world.store.write(move |tx| queue::accept(tx, &message, now)).await.unwrap();
        }
        Act::Work { pick, outcomes } => {
            let due = world.due(now).await;
            let Some(lane) = due.get(usize::from(pick) % due.len().max(1)).copied() else { return };
            let Some(work) = world.claim("one", lane, now, 60).await else { return };
            let outcomes: Vec<_> =
                work.entries.iter().zip(outcomes).map(|(entry, n)| (entry.id, outcome(n, now))).collect();
            for (_, outcome) in &outcomes {
                match outcome {
                    Outcome::Relayed | Outcome::Delivered => books.delivered += 1,
                    Outcome::Failed { .. } => books.failed += 1,
                    _ => {}
                }
            }
            let count = outcomes.len();
            let settled = world.store.write(move |tx| queue::settle(tx, "one", lane, &outcomes, now)).await.unwrap();
            assert_eq!((settled.applied as usize, settled.gone), (count, 0));
        }
        Act::Lease { pick } => {
            let due = world.due(now).await;
            if let Some(lane) = due.get(usize::from(pick) % due.len().max(1)) {
                world.claim("two", *lane, now, 30).await;
            }
        }
        Act::HoldOrigin(origin) => {
            world.store.write(move |tx| queue::hold_origin(tx, &key(origin), "test", now)).await.unwrap();
        }
        Act::ReleaseOrigin(origin) => {
            world.store.write(move |tx| queue::release_origin(tx, &key(origin))).await.unwrap();
        }
        Act::NewEpoch(origin) => {
            world.store.write(move |tx| queue::new_epoch(tx, &key(origin))).await.unwrap();
        }
        Act::Step { what, domain, origin, limit } => {
            let domain = DESTINATIONS[usize::from(domain)].rsplit('@').next().map(str::to_owned);
            let filter = Filter { domain, origin: origin.map(key), ..Filter::default() };
            let step = world.store.write(move |tx| match what {
                0 => queue::hold_step(tx, &filter, None, limit),
                1 => queue::release_step(tx, &filter, None, limit, now),
                2 => queue::retry_step(tx, &filter, None, limit, now),
                _ => queue::purge_step(tx, &filter, None, limit),
            });
            let step = step.await.unwrap();
            assert!(step.changed <= u64::from(limit));
            books.purged += if what == 3 { step.changed } else { 0 };
        }
        Act::Pass(seconds) => books.seconds += seconds,
    }
}

fn outcome(n: u8, now: Time) -> Outcome {
    match n {
        0 => Outcome::Relayed,
        1 => Outcome::Delivered,
        2 => Outcome::Failed { code: 550, reply: "no".into() },
        3 => Outcome::Held { code: 550, reply: "no".into() },
        _ => {
            let until = now + std::time::Duration::from_secs(120);
            Outcome::Deferred { until, code: 450, reply: "later".into(), warned: false }
        }
    }
}

/// The counters say what the rows say, and together they say what was accepted.
async fn balance(world: &World, books: &Books) {
    let status = world.status().await;
    let queued = status.incoming.recipients + status.lists.recipients + status.domains.recipients;
    assert_eq!(
        books.accepted,
        books.delivered + books.failed + queued + status.holding.recipients + books.purged,
        "{status:?}"
    );
    let (all, _) = world.store.read(|tx| queue::list(tx, &Filter::default(), None, 10_000)).await.unwrap();
    let mut rows: BTreeMap<Stage, u64> = BTreeMap::new();
    for entry in &all {
        *rows.entry(entry.stage).or_default() += 1;
    }
    for (stage, count) in [
        (Stage::Incoming, status.incoming),
        (Stage::Lists, status.lists),
        (Stage::Domains, status.domains),
        (Stage::Holding, status.holding),
    ] {
        assert_eq!(rows.get(&stage).copied().unwrap_or(0), count.recipients, "{stage:?}");
    }
    // The next due time is true: nothing that may go is forgotten, and nothing is offered that may not.
    let next = world.store.read(queue::next_due).await.unwrap().map_or(NEVER, Time::micros);
    let earliest = world.store.read(|tx| {
        tx.one("SELECT MIN(l.due) FROM lane l JOIN epoch e ON e.id = l.epoch WHERE e.held = 0", &[], |row| {
            Ok(row.opt_int(0)?.unwrap_or(NEVER))
        })
    });
    let earliest = earliest.await.unwrap().unwrap_or(NEVER);
    assert!(next == earliest || (next <= books.now().micros() && earliest <= next), "{next} {earliest}");
}

/// The next case begins with an empty queue and nothing held.
async fn empty(world: &World) {
    let purged = world.store.write(|tx| {
        let mut after = None;
        loop {
            let step = queue::purge_step(tx, &Filter::default(), after, 1_000)?;
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        for origin in 0..3 {
            queue::release_origin(tx, &key(origin))?;
        }
        Ok(())
    });
    purged.await.unwrap();
    let status = world.status().await;
    assert_eq!(status.oldest, None);
    let bodies = world.store.read(|tx| tx.one("SELECT COUNT(*) FROM content", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(bodies, Some(0));
}
