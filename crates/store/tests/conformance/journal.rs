//! The journal.

use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::TxExt;
use sekisho_store::journal::{self, Entry, EntryId, JournalFilter, Kind};

use crate::world::{NOW, World, later};

fn entry(at: Time, n: i64) -> Entry {
    Entry {
        at,
        kind: if n % 2 == 0 { Kind::In } else { Kind::Receive },
        account: (n % 3 == 0).then(|| "hanako@example.jp".into()),
        address: Some(format!("user{}@example.com", n % 10)),
        network: Some(format!("192.0.2.{}", n % 200)),
        message: Some(format!("B{n:010}")),
        detail: serde_json::json!({ "n": n, "from": "sender@example.net", "text": "日本語" }),
    }
}

/// Appends `count` entries a minute apart.
async fn fill(world: &World, first: i64, count: i64) {
    let entries: Vec<Entry> = (first..first + count).map(|n| entry(later(n as u64 * 60), n)).collect();
    world.store.write(move |tx| journal::append(tx, &entries)).await.unwrap();
}

async fn all(world: &World, filter: JournalFilter, limit: u32) -> Vec<i64> {
    let (mut found, mut after): (Vec<i64>, EntryId) = (Vec::new(), 0);
    loop {
        let filter = filter.clone();
        let page = world.store.read(move |tx| journal::query(tx, &filter, after, limit)).await.unwrap();
        assert!(page.entries.len() <= limit as usize);
        found.extend(page.entries.iter().map(|(_, entry)| entry.detail["n"].as_i64().unwrap()));
        after = page.next;
        if page.end {
            return found;
        }
    }
}

/// The same from the end.
async fn all_back(world: &World, filter: JournalFilter, limit: u32) -> Vec<i64> {
    let (mut found, mut at): (Vec<i64>, Option<EntryId>) = (Vec::new(), None);
    loop {
        let filter = filter.clone();
        let page = world.store.read(move |tx| journal::query_back(tx, &filter, at, limit)).await.unwrap();
        assert!(page.entries.len() <= limit as usize);
        found.extend(page.entries.iter().map(|(_, entry)| entry.detail["n"].as_i64().unwrap()));
        at = Some(page.next);
        if page.end {
            return found;
        }
    }
}

async fn compress(world: &World, before: Time, most_rows: u64) -> u32 {
    let mut steps = 0;
    while journal::compress_step(&world.store, before, most_rows).await.unwrap() {
        steps += 1;
    }
    steps
}

pub async fn entries_come_back_in_order(world: &World) {
    assert_eq!(world.store.read(journal::last_id).await.unwrap(), 0);
    assert!(all(world, JournalFilter::default(), 10).await.is_empty());
    fill(world, 0, 25).await;
    assert_eq!(all(world, JournalFilter::default(), 10).await, (0..25).collect::<Vec<_>>());
    // Following: nothing new, then what was appended.
    let last = world.store.read(journal::last_id).await.unwrap();
    let follow = || world.store.read(move |tx| journal::query(tx, &JournalFilter::default(), last, 10));
    let page = follow().await.unwrap();
    assert!(page.end && page.entries.is_empty() && page.next == last);
    fill(world, 25, 1).await;
    let page = follow().await.unwrap();
    assert_eq!(page.entries[0].1, entry(later(25 * 60), 25));
}

pub async fn filters_and_times(world: &World) {
    fill(world, 0, 2_500).await;
    compress(world, later(1_500 * 60), u64::MAX).await;
    let none = JournalFilter::default();
    let text = |text: &str| Some(text.to_owned());
    let minutes = |n: u64| Some(later(n * 60));
    for (name, filter, expected) in [
        ("kind", JournalFilter { kinds: vec![Kind::In], ..none.clone() }, (0..2_500).filter(|n| n % 2 == 0).collect()),
        (
            "account",
            JournalFilter { account: text("HANAKO@example.jp"), ..none.clone() },
            (0..2_500).filter(|n| n % 3 == 0).collect::<Vec<i64>>(),
        ),
        (
            "address",
            JournalFilter { address: text("user7@example.com"), ..none.clone() },
            (0..2_500).filter(|n| n % 10 == 7).collect(),
        ),
        (
            "from",
            JournalFilter { address: text("Sender@example.net"), until: minutes(5), ..none.clone() },
            (0..5).collect(),
        ),
        (
            "network",
            JournalFilter { network: text("192.0.2.0/31"), ..none.clone() },
            (0..2_500).filter(|n| n % 200 < 2).collect(),
        ),
        ("message", JournalFilter { message: text("b0000001234"), ..none.clone() }, vec![1_234]),
        ("since", JournalFilter { since: minutes(2_490), ..none.clone() }, (2_490..2_500).collect()),
        ("until", JournalFilter { until: minutes(3), ..none.clone() }, (0..3).collect()),
        (
            "both",
            JournalFilter { since: minutes(1_495), until: minutes(1_505), ..none.clone() },
            (1_495..1_505).collect(),
        ),
        ("old", JournalFilter { since: minutes(700), until: minutes(702), ..none.clone() }, (700..702).collect()),
        ("nothing", JournalFilter { since: minutes(9_999), ..none.clone() }, Vec::new()),
    ] {
        assert_eq!(all(world, filter.clone(), 100).await, expected, "{name}");
        let mut back = all_back(world, filter, 70).await;
        back.reverse();
        assert_eq!(back, expected, "{name}, from the end");
    }
}

pub async fn old_days_are_compressed(world: &World) {
    fill(world, 0, 3_500).await;
    let before = all(world, JournalFilter::default(), 500).await;
    // By time: whole thousands and the rest of the day.
    assert_eq!(compress(world, later(2_500 * 60), u64::MAX).await, 3);
    assert_eq!(all(world, JournalFilter::default(), 500).await, before);
    // By number: nothing but the newest rows stays as it is.
    assert_eq!(compress(world, NOW, 100).await, 1);
    let rows = world.store.read(|tx| tx.one("SELECT COUNT(*) FROM journal", &[], |row| row.int(0))).await.unwrap();
    assert_eq!(rows, Some(100));
    assert_eq!(compress(world, Time(i64::MAX), 0).await, 1);
    assert_eq!(all(world, JournalFilter::default(), 500).await, before);
    // The newest row stays, so numbers go on rising.
    let last = world.store.read(journal::last_id).await.unwrap();
    fill(world, 3_500, 1).await;
    assert_eq!(world.store.read(journal::last_id).await.unwrap(), last + 1);
    assert_eq!(all(world, JournalFilter::default(), 500).await, (0..3_501).collect::<Vec<_>>());
}

pub async fn growth_is_bounded(world: &World) {
    fill(world, 0, 5_000).await;
    compress(world, later(3_000 * 60), u64::MAX).await;
    let expire = |before, bytes| world.store.write(move |tx| journal::expire_step(tx, before, bytes));
    // By days.
    while expire(later(2_000 * 60), u64::MAX).await.unwrap() {}
    assert_eq!(all(world, JournalFilter::default(), 1_000).await, (2_000..5_000).collect::<Vec<_>>());
    while expire(later(3_500 * 60), u64::MAX).await.unwrap() {}
    assert_eq!(all(world, JournalFilter::default(), 1_000).await, (3_500..5_000).collect::<Vec<_>>());
    // By size: the newest stay.
    while expire(NOW, 200_000).await.unwrap() {}
    let left = all(world, JournalFilter::default(), 1_000).await;
    assert!(!left.is_empty() && left.len() < 1_000 && left.last() == Some(&4_999), "{}", left.len());
    while expire(NOW + Duration::from_secs(1_000_000_000), 0).await.unwrap() {}
    assert_eq!(all(world, JournalFilter::default(), 1_000).await, [4_999]);
}
