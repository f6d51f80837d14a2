//! What the guard costs a message: the same transactions with and without its judgement, and the size of a profile.
//!
//! `cargo run --release -p sekisho-control --example judge_cost -- [DIR] [MESSAGES]`

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::guard::{Mail, Mode, Settings as GuardSettings};
use sekisho_control::{Control, Options};
use sekisho_guard::event::{Recipient, Submission};
use sekisho_guard::place::Place;
use sekisho_guard::profile::MAX_ENCODED;
use sekisho_message::{Address, Time};
use sekisho_store::{MessageId, Settings, Store, profile};

/// Messages in one transaction, as group commit has them under load.
const GROUP: u64 = 32;
/// Accounts that send by turns.
const ORIGINS: u64 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| "/tmp/judge-cost".into()));
    let messages: u64 = args.next().map_or(64_000, |n| n.parse().unwrap());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open(&Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    })
    .unwrap();
    let guard = GuardSettings { mode: Mode::Observe, ..GuardSettings::default() };
    let options = Options { guard, hashes: 1, ..Options::default() };
    let control = Control::new(store, Arc::new(|| at(0)), options).await.unwrap();
    // Three weeks of ordinary mail, so that profiles are as full as they get.
    run(&control, ORIGINS * 200, true, Duration::from_secs(1_800)).await;
    let plain = run(&control, messages, false, Duration::from_secs(1)).await;
    let judged = run(&control, messages, true, Duration::from_secs(1)).await;
    let cost = judged.saturating_sub(plain).as_secs_f64() * 1e6 / messages as f64;
    let sizes = control.store().read(|tx| {
        let mut sizes = Vec::new();
        tx.query("SELECT origin FROM profile", &[], &mut |row| {
            sizes.push(row.int(0)?);
            Ok(())
        })?;
        sizes.into_iter().map(|origin| Ok(profile::get(tx, origin)?.map_or(0, |bytes| bytes.len()))).collect()
    });
    let sizes: Vec<usize> = sizes.await.unwrap();
    let largest = sizes.iter().max().copied().unwrap_or(0);
    println!(
        "{{\"judge_us\":{cost:.1},\"profile_bytes\":{},\"profile_max\":{largest},\"profile_limit\":{MAX_ENCODED}}}",
        sizes.iter().sum::<usize>() / sizes.len().max(1)
    );
    let _ = std::fs::remove_dir_all(folder);
}

fn at(microseconds: u64) -> Time {
    Time::from_seconds(1_800_000_000) + Duration::from_micros(microseconds)
}

/// CPU time of this process so far. The system counts it for each thread, in nanoseconds.
fn cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let spent = threads.filter_map(|thread| {
        let counted = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        counted.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

/// Commits so many messages; the CPU time that it took.
async fn run(control: &Control, messages: u64, judged: bool, gap: Duration) -> Duration {
    let begun = cpu();
    for group in 0..messages / GROUP {
        let hands = control.clone();
        control
            .store()
            .write(move |tx| {
                for n in group * GROUP..(group + 1) * GROUP {
                    let mail = mail(&hands, n);
                    if judged {
                        let now = at(n * u64::try_from(gap.as_micros()).unwrap_or(0) / ORIGINS);
                        hands.guard().submit(tx, &mail, now)?;
                    } else {
                        std::hint::black_box(mail);
                    }
                }
                Ok(())
            })
            .await
            .unwrap();
    }
    cpu().saturating_sub(begun)
}

/// A message of one of the accounts to one of the forty whom it writes to.
fn mail(control: &Control, n: u64) -> Mail {
    let peer = Address::parse(&format!("peer{}@there{}.example", n / ORIGINS % 40, n % 7)).unwrap();
    let guard = control.guard();
    let recipient = Recipient { domain: guard.domain(peer.domain().ascii()), order: n, ..Recipient::default() };
    let event = Submission {
        message: n,
        authenticated: true,
        place: Place::V4([192, 0, 2]),
        fingerprint: Some(7),
        session: n,
        size: 4_096,
        recipients: vec![recipient],
        simhash: Some(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        hour_of_week: Some(u8::try_from(n % 168).unwrap_or(0)),
        ..Submission::default()
    };
    let (origin, id) = (format!("account:user{}@example.jp", n % ORIGINS), i64::try_from(n).unwrap_or(0));
    Mail { origin, id: MessageId(id), network: "192.0.2.7".into(), event, peers: vec![guard.peer(&peer)] }
}
