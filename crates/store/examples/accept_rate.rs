//! How many acceptances a second the store's writer sustains: message with body, queue entry, recipient and
//! journal row, each durable before it is answered.
//!
//! `cargo run --release -p sekisho-store --example accept_rate -- [DIR] [SESSIONS] [MESSAGES] [OCTETS] [local|relay]`

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sekisho_message::Time;
use sekisho_store::journal::{self, Entry, Kind};
use sekisho_store::queue::{self, NewMessage, NewRecipient, Outcome, Stage};
use sekisho_store::{Settings, Store};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "/tmp/accept_rate".into()));
    let mut number = |default: u64| args.next().map_or(default, |n| n.parse().unwrap());
    let (sessions, messages, octets) = (number(64), number(100_000), number(4_096));
    let relay = args.next().as_deref() == Some("relay");
    let _ = std::fs::remove_dir_all(&folder);
    let store = Store::open(&Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "bench".into(),
    })
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cpu = cpu_seconds();
    let began = Instant::now();
    let (latencies, slowest) = runtime.block_on(run(store.clone(), sessions, messages, octets as usize, relay));
    let took = began.elapsed();
    let cpu = cpu_seconds() - cpu;
    println!(
        "{sessions} sessions: {:.0} messages/s, {:.3} CPU ms each, p50 {:?}, p99 {:?}, max {slowest:?}",
        messages as f64 / took.as_secs_f64(),
        cpu * 1_000.0 / messages as f64,
        latencies.0,
        latencies.1,
    );
    store.close_blocking();
}

async fn run(
    store: Store,
    sessions: u64,
    messages: u64,
    octets: usize,
    relay: bool,
) -> ((Duration, Duration), Duration) {
    let left = Arc::new(AtomicU64::new(messages));
    let mut tasks = Vec::new();
    for session in 0..sessions {
        tasks.push(tokio::spawn(accept(store.clone(), session, Arc::clone(&left), octets)));
    }
    if relay {
        let mut done = 0;
        while done < messages {
            done += settle(&store).await;
        }
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    ((all[all.len() / 2], all[all.len() * 99 / 100]), all[all.len() - 1])
}

async fn accept(store: Store, session: u64, left: Arc<AtomicU64>, octets: usize) -> Vec<Duration> {
    let body = vec![b'x'; octets];
    let mut latencies = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
        let began = Instant::now();
        let mut staging = store.stage();
        staging.write(&body).unwrap();
        let content = staging.finish().await.unwrap();
        let now = Time(1_764_000_000_000_000 + i64::try_from(began.elapsed().as_micros()).unwrap());
        let message = new_message(store.next_message_id(), session, content.into(), now);
        let entry = Entry {
            at: now,
            kind: Kind::In,
            account: message.account.clone(),
            address: None,
            network: Some(message.network.clone()),
            message: Some(message.id.to_string()),
            detail: serde_json::json!({"from": message.reverse_path, "to": ["someone@example.com"], "helo": "client.example.jp"}),
        };
        let accepted = store.write(move |tx| {
            let accepted = queue::accept(tx, &message, now)?;
            journal::append(tx, std::slice::from_ref(&entry))?;
            Ok(accepted)
        });
        accepted.await.unwrap();
        latencies.push(began.elapsed());
    }
    latencies
}

async fn settle(store: &Store) -> u64 {
    let now = Time(1_864_000_000_000_000);
    let lanes = store.read(move |tx| queue::due_lanes(tx, now, 100)).await.unwrap();
    let mut done = 0;
    for lane in lanes {
        let lane = lane.lane;
        let until = now + Duration::from_secs(60);
        let Some(work) = store.write(move |tx| queue::claim(tx, "bench", lane, now, until, 200)).await.unwrap() else {
            continue;
        };
        done += work.entries.len() as u64;
        let outcomes: Vec<_> = work.entries.iter().map(|entry| (entry.id, Outcome::Relayed)).collect();
        store.write(move |tx| queue::settle(tx, "bench", lane, &outcomes, now)).await.unwrap();
    }
    done
}

fn new_message(id: sekisho_store::MessageId, session: u64, content: sekisho_store::Body, now: Time) -> NewMessage {
    NewMessage {
        id,
        content,
        relay_offset: 0,
        reverse_path: Some(format!("user{session}@example.jp")),
        origin: format!("account:user{session}@example.jp"),
        account: Some(format!("user{session}@example.jp")),
        network: "192.0.2.1".into(),
        helo: "client.example.jp".into(),
        header_from: format!("user{session}@example.jp"),
        message_id_header: format!("<{id}@example.jp>"),
        subject: "A message like any other".into(),
        fingerprint: 42,
        smtputf8: false,
        eightbit: false,
        dsn_ret: None,
        dsn_envid: None,
        received: now,
        recipients: vec![NewRecipient {
            address: "someone@example.com".into(),
            destination: "example.com".into(),
            stage: Stage::Domains,
            notify: 0,
            orcpt: None,
            due: now,
        }],
    }
}

/// CPU time that this process has used.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}
