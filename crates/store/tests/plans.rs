//! The queue scales because every step is an index look-up. SQLite says so itself: each statement of the hot paths is
//! explained, and none may scan a table that grows with the queue.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::journal::{self, JournalFilter};
use sekisho_store::queue::{self, Filter, NewMessage, NewRecipient, Outcome, Stage};
use sekisho_store::{
    ContentId, Engine, Param, Result, Row, Settings, Store, Tx, TxExt, contact, incident, mail, profile,
};
use sekisho_testkit::tempdir::TempDir;

/// Keeps what was asked.
struct Recording<'a> {
    tx: &'a mut dyn Tx,
    asked: BTreeSet<String>,
}

impl Tx for Recording<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>], each: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<()> {
        self.asked.insert(sql.to_owned());
        self.tx.query(sql, params, each)
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        self.asked.insert(sql.to_owned());
        self.tx.execute(sql, params)
    }

    fn body_start(
        &mut self,
        content: ContentId,
        octets: usize,
        each: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<bool> {
        self.tx.body_start(content, octets, each)
    }

    fn engine(&self) -> Engine {
        self.tx.engine()
    }
}

/// Tables that hold as many rows as there are origins, or fewer, may be read whole by a status.
const SMALL: [&str; 3] = ["epoch", "origin", "account"];

#[test]
fn hot_paths_look_up_and_never_scan() {
    let folder = TempDir::new("plans").unwrap();
    let store = Store::open(&Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    })
    .unwrap();
    let messages: Vec<NewMessage> = (0..3).map(|_| message(&store)).collect();
    let plans = store
        .write_blocking(move |tx| {
            let mut recording = Recording { tx, asked: BTreeSet::new() };
            exercise(&mut recording, &messages)?;
            let Recording { tx, asked } = recording;
            let mut plans = Vec::new();
            for sql in asked {
                let places = (1..=30).filter(|n| sql.contains(&format!("?{n}"))).count();
                let values = vec![Param::Null; places];
                let plan = tx.all(&format!("EXPLAIN QUERY PLAN {sql}"), &values, |row| Ok(row.text(3)?.to_owned()))?;
                plans.push((sql, plan));
            }
            Ok(plans)
        })
        .unwrap();
    assert!(plans.len() > 25, "{}", plans.len());
    for (sql, plan) in &plans {
        for line in plan {
            assert!(may(sql, line), "{sql}\n{plan:#?}");
        }
    }
    store.close_blocking();
}

/// Whether a step of a plan costs no more than what it answers.
fn may(sql: &str, line: &str) -> bool {
    if line.contains("USE TEMP B-TREE FOR ORDER BY") {
        // The leases of one node are few.
        return sql.contains("WHERE owner = ?1");
    }
    let Some(what) = line.strip_prefix("SCAN ") else { return true };
    // An index or the table in its own order, as far as LIMIT; the end of it, for MIN and MAX.
    let in_order = sql.contains("LIMIT") && (what.contains("INDEX") || sql.contains("ORDER BY id LIMIT 1"));
    let end = sql.contains("MAX(id)") || sql.contains("MIN(id)");
    // The counts of the queue: a row for each epoch, by the index of those that are held or of those that move.
    let sums = sql.contains("SUM(")
        && (what.starts_with("epoch USING INDEX epoch_held") || what.starts_with("epoch USING INDEX epoch_due"));
    in_order || end || sums || what == "CONSTANT ROW" || SMALL.contains(&what)
}

fn exercise(tx: &mut Recording<'_>, messages: &[NewMessage]) -> Result<()> {
    let now = Time(1_000_000);
    let until = now + Duration::from_secs(60);
    for message in messages {
        queue::accept(tx, message, now)?;
    }
    queue::next_due(tx)?;
    for lane in queue::due_lanes(tx, now, 10)? {
        let Some(work) = queue::claim(tx, "one", lane.lane, now, until, 10)? else { continue };
        queue::renew(tx, "one", lane.lane, until)?;
        let outcomes = [Outcome::Relayed, Outcome::Deferred { until, code: 450, reply: String::new(), warned: false }];
        let outcomes: Vec<_> = work.entries.iter().map(|entry| entry.id).zip(outcomes.into_iter().cycle()).collect();
        queue::settle(tx, "one", lane.lane, &outcomes, now)?;
    }
    queue::release_leases(tx, "one")?;
    queue::hold_origin(tx, "account:a@example.jp", "test", now)?;
    queue::status(tx)?;
    queue::release_origin(tx, "account:a@example.jp")?;
    let filter = Filter { message: Some(messages[2].id), ..Filter::default() };
    queue::hold_step(tx, &filter, None, 10)?;
    queue::release_step(tx, &filter, None, 10, now)?;
    queue::list(tx, &Filter::default(), None, 10)?;
    queue::purge_step(tx, &filter, None, 10)?;
    journal::query(tx, &JournalFilter { since: Some(now), ..JournalFilter::default() }, 0, 10)?;
    let known = contact::known(tx, 1, &[1, 2])?;
    contact::wrote(tx, 1, &[1], &known, now)?;
    let known = contact::known(tx, 1, &[1])?;
    contact::wrote(tx, 1, &[1], &known, now + Duration::from_secs(30 * 86_400))?;
    contact::received(tx, 1, 3, now)?;
    profile::take(tx, 1)?;
    profile::put(tx, 1, "account:a@example.jp", false, 1, b"")?;
    profile::rungs(tx)?;
    profile::held(tx, 0, 10)?;
    profile::put_site(tx, b"")?;
    profile::site(tx)?;
    incident::current(tx, "account:a@example.jp")?;
    incident::due_notices(tx, now, 10)?;
    mail::deliver(tx, &[], sekisho_store::ContentId(1), now, 1)?;
    Ok(())
}

fn message(store: &Store) -> NewMessage {
    let mut staging = store.stage();
    staging.write(b"Subject: x\r\n\r\n").unwrap();
    NewMessage {
        id: store.next_message_id(),
        content: staging.finish_blocking().unwrap().into(),
        relay_offset: 0,
        reverse_path: None,
        origin: "account:a@example.jp".into(),
        account: None,
        network: "192.0.2.1".into(),
        helo: String::new(),
        header_from: String::new(),
        message_id_header: String::new(),
        subject: String::new(),
        fingerprint: 0,
        smtputf8: false,
        eightbit: false,
        dsn_ret: None,
        dsn_envid: None,
        received: Time(1_000_000),
        recipients: (0..4)
            .map(|n| NewRecipient {
                address: format!("user{n}@example.com"),
                destination: if n == 0 { queue::LOCAL.into() } else { "example.com".into() },
                stage: Stage::Domains,
                notify: 0,
                orcpt: None,
                due: Time(1_000_000),
            })
            .collect(),
    }
}
