//! What a queue of a million messages of one origin costs everybody: holding it, another origin's mail, a restart.
//!
//! `cargo run --release -p sekisho-store --example million -- [DIR] [MESSAGES]`

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sekisho_message::Time;
use sekisho_store::queue::{self, Filter, NewMessage, NewRecipient, Outcome, Stage};
use sekisho_store::{Body, Result, Settings, Store, Tx, content};

const NOW: Time = Time::from_seconds(1_764_000_000);
const BAD: &str = "account:bad@example.jp";

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "/tmp/million".into()));
    let messages: i64 = args.next().map_or(1_000_000, |n| n.parse().unwrap());
    let _ = std::fs::remove_dir_all(&folder);
    let store = open(&folder);
    let mut staging = store.stage();
    staging.write(&[b'x'; 1_000]).unwrap();
    let body = Body::New(staging.finish_blocking().unwrap());
    let (shared, _) = store.write_blocking(move |tx| content::keep(tx, &body)).unwrap();

    let began = Instant::now();
    for block in 0..messages / 500 {
        let ids: Vec<_> = (0..500).map(|_| store.next_message_id()).collect();
        store
            .write_blocking(move |tx| {
                for (n, id) in ids.iter().enumerate() {
                    let domain = format!("victim{}.example", (block as usize * 500 + n) % 2_000);
                    queue::accept(tx, &message(*id, BAD, &domain, Body::Stored(shared)), NOW)?;
                }
                Ok(())
            })
            .unwrap();
    }
    println!("queued {messages} messages in {:.1?}", began.elapsed());

    timed("hold the origin", || write(&store, |tx| queue::hold_origin(tx, BAD, "test", NOW)).messages);
    timed("status", || store.read_blocking(queue::status).unwrap().holding.messages);
    timed("release the origin", || write(&store, |tx| queue::release_origin(tx, BAD)));
    timed("next due", || store.read_blocking(queue::next_due).unwrap());
    let id = store.next_message_id();
    let good = message(id, "account:good@example.jp", "friend.example", Body::Stored(shared));
    timed("accept another's message", || write(&store, move |tx| queue::accept(tx, &good, NOW)).held);
    timed("find it among the due lanes", || place_of_the_good(&store));
    timed("claim and settle it", || work_off(&store));
    timed("hold the origin again", || write(&store, |tx| queue::hold_origin(tx, BAD, "test", NOW)).recipients);
    store.close_blocking();

    let store = timed("open the store again", || open(&folder));
    timed("give back leases", || write(&store, |tx| queue::release_leases(tx, "one")));
    timed("due lanes", || store.read_blocking(|tx| queue::due_lanes(tx, NOW, 100)).unwrap().len());
    timed("first step of a purge", || {
        write(&store, |tx| queue::purge_step(tx, &Filter::default(), None, 1_000)).changed
    });
    store.close_blocking();
}

fn open(folder: &Path) -> Store {
    let url = format!("sqlite:{}", folder.join("store.db").display());
    Store::open(&Settings { url, blobs: folder.join("blobs"), node: "one".into() }).unwrap()
}

fn write<T: Send + 'static>(store: &Store, f: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
    store.write_blocking(f).unwrap()
}

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = act();
    println!("{what}: {:.2} ms", began.elapsed().as_secs_f64() * 1_000.0);
    result
}

fn place_of_the_good(store: &Store) -> Option<usize> {
    let lanes = store.read_blocking(|tx| queue::due_lanes(tx, NOW, 100)).unwrap();
    lanes.iter().position(|lane| lane.destination == "friend.example")
}

fn work_off(store: &Store) {
    let lanes = store.read_blocking(|tx| queue::due_lanes(tx, NOW, 100)).unwrap();
    let lane = lanes.iter().find(|lane| lane.destination == "friend.example").unwrap().lane;
    let until = NOW + Duration::from_secs(60);
    let work = write(store, move |tx| queue::claim(tx, "one", lane, NOW, until, 10)).unwrap();
    let outcomes = [(work.entries[0].id, Outcome::Relayed)];
    write(store, move |tx| queue::settle(tx, "one", lane, &outcomes, NOW));
}

fn message(id: sekisho_store::MessageId, origin: &str, domain: &str, content: Body) -> NewMessage {
    NewMessage {
        id,
        content,
        relay_offset: 0,
        reverse_path: Some("someone@example.jp".into()),
        origin: origin.into(),
        account: Some(origin.trim_start_matches("account:").into()),
        network: "192.0.2.1".into(),
        helo: "client.example.jp".into(),
        header_from: "someone@example.jp".into(),
        message_id_header: format!("<{id}@example.jp>"),
        subject: "A message like any other".into(),
        fingerprint: 42,
        smtputf8: false,
        eightbit: false,
        dsn_ret: None,
        dsn_envid: None,
        received: NOW,
        recipients: vec![NewRecipient {
            address: format!("someone@{domain}"),
            destination: domain.into(),
            stage: Stage::Domains,
            notify: 0,
            orcpt: None,
            due: NOW,
        }],
    }
}
