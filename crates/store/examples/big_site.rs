//! Fills a store as a large site's is after a year: accounts, a queue of a million, a year of journal.
//!
//! `cargo run --release -p sekisho-store --example big_site -- DIR DOMAIN [ACCOUNTS] [MESSAGES] [ENTRIES]`
//!
//! DIR is a data folder that `sekisho init` has made.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_message::{Address, Language, Time};
use sekisho_store::account::{self, NewAccount, Role};
use sekisho_store::journal::{self, Entry, Kind};
use sekisho_store::queue::{self, NewMessage, NewRecipient, Stage};
use sekisho_store::{Body, MessageId, Settings, Store, content};

/// Rows of one transaction.
const BLOCK: u64 = 500;
const YEAR: u64 = 365 * 86_400;
/// Newest journal entries that stay as they are.
const FRESH: u64 = 100_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, domain] = args.get(..2).expect("DIR DOMAIN") else { return };
    let number = |at: usize, usual: u64| args.get(at).map_or(usual, |text| text.parse().unwrap());
    let (accounts, messages, entries) = (number(2, 50_000), number(3, 1_000_000), number(4, 5_000_000));
    let store = open(&PathBuf::from(folder));
    let now = now();
    for block in 0..accounts.div_ceil(BLOCK) {
        let domain = domain.clone();
        store
            .write_blocking(move |tx| {
                for n in block * BLOCK..((block + 1) * BLOCK).min(accounts) {
                    account::add(tx, &person(n, &domain), now)?;
                }
                Ok(())
            })
            .unwrap();
    }
    println!("{accounts} accounts");
    fill_queue(&store, domain, messages, now);
    println!("{messages} messages in the queue");
    fill_journal(&store, domain, entries, now);
    println!("{entries} journal entries");
    store.close_blocking();
}

fn open(folder: &Path) -> Store {
    let url = format!("sqlite:{}", folder.join("sekisho.db").display());
    Store::open(&Settings { url, blobs: folder.join("blobs"), node: "fill".into() }).unwrap()
}

fn now() -> Time {
    Time::from_seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed())
}

fn name(n: u64, domain: &str) -> String {
    format!("person{n}@{domain}")
}

fn person(n: u64, domain: &str) -> NewAccount {
    NewAccount {
        address: Address::parse(&name(n, domain)).unwrap(),
        full_name: format!("Person {n}"),
        role: Role::User,
        quota: None,
        // Nobody logs in with it.
        password: "*".into(),
        scram: None,
        language: Language::En,
        must_change: false,
    }
}

fn fill_queue(store: &Store, domain: &str, messages: u64, now: Time) {
    let mut staging = store.stage();
    staging.write(&[b'x'; 1_000]).unwrap();
    let body = Body::New(staging.finish_blocking().unwrap());
    let (shared, _) = store.write_blocking(move |tx| content::keep(tx, &body)).unwrap();
    for block in 0..messages.div_ceil(BLOCK) {
        let batch: Vec<NewMessage> = (block * BLOCK..((block + 1) * BLOCK).min(messages))
            .map(|n| message(n, store.next_message_id(), domain, Body::Stored(shared), now))
            .collect();
        let write = move |tx: &mut dyn sekisho_store::Tx| {
            batch.iter().try_for_each(|one| queue::accept(tx, one, now).map(drop))
        };
        store.write_blocking(write).unwrap();
    }
}

/// One of three messages is one account's.
fn message(n: u64, id: MessageId, domain: &str, content: Body, now: Time) -> NewMessage {
    let account = name(if n.is_multiple_of(3) { 7 } else { n % 1_000 }, domain);
    let destination = format!("other{}.example", n % 2_000);
    NewMessage {
        id,
        content,
        relay_offset: 0,
        reverse_path: Some(account.clone()),
        origin: format!("account:{account}"),
        account: Some(account.clone()),
        network: "192.0.2.1".into(),
        helo: "client.example.jp".into(),
        header_from: account,
        message_id_header: format!("<{id}@example.jp>"),
        subject: "A message like any other".into(),
        fingerprint: 42,
        smtputf8: false,
        eightbit: false,
        dsn_ret: None,
        dsn_envid: None,
        received: now,
        recipients: vec![NewRecipient {
            address: format!("someone@{destination}"),
            destination,
            stage: if n.is_multiple_of(4) { Stage::Holding } else { Stage::Domains },
            notify: 0,
            orcpt: None,
            due: now + Duration::from_secs(30 * 86_400),
        }],
    }
}

/// Spread evenly over the year before `now`.
fn fill_journal(store: &Store, domain: &str, entries: u64, now: Time) {
    const KINDS: [Kind; 6] = [Kind::Fail, Kind::In, Kind::Out, Kind::Pop3, Kind::Imap4, Kind::Receive];
    let begin = now - Duration::from_secs(YEAR);
    for block in 0..entries.div_ceil(2 * BLOCK) {
        let domain = domain.to_owned();
        let batch = move |tx: &mut dyn sekisho_store::Tx| {
            let of = |n: u64| {
                let account = name(n % 50_000, &domain);
                Entry {
                    at: begin
                        + Duration::from_micros(
                            (u128::from(YEAR) * 1_000_000 * u128::from(n) / u128::from(entries)) as u64,
                        ),
                    kind: KINDS[(n % 6) as usize],
                    address: Some(format!("someone{}@other{}.example", n % 977, n % 2_000)),
                    network: Some(format!("192.0.2.{}", n % 250)),
                    message: Some(format!("B{n:012}")),
                    detail: serde_json::json!({ "origin": format!("account:{account}"), "recipients": 1, "size": 4_096, "waited": n % 40, "reply": "250 2.0.0 queued" }),
                    account: Some(account),
                }
            };
            let all: Vec<Entry> = (block * 2 * BLOCK..((block + 1) * 2 * BLOCK).min(entries)).map(of).collect();
            journal::append(tx, &all)
        };
        store.write_blocking(batch).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    while runtime.block_on(journal::compress_step(store, begin, FRESH)).unwrap() {}
}
