//! A maildrop of 100,000 messages that the client leaves on the server.

use std::time::{Duration, Instant};

use sekisho_store::mail;

use super::house::House;

const MESSAGES: u32 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_maildrop_is_listed_at_once() {
    let house = House::new().await;
    house.deliver(b"Subject: one of many\r\n\r\nhello\r\n").await;
    fill(&house).await;
    let started = Instant::now();
    let (mut talk, said) = house.log_in().await;
    assert_eq!(said, format!("+OK {MESSAGES} messages ({} octets)\r\n", u64::from(MESSAGES) * 31));
    let listed = talk.say("UIDL\r\n").await;
    assert_eq!(listed.lines().count(), MESSAGES as usize + 2);
    let said = talk.say(&format!("STAT\r\nRETR {MESSAGES}\r\nQUIT\r\n")).await;
    assert!(said.contains("Subject: one of many") && said.ends_with("+OK Bye\r\n"), "{said}");
    // Without optimisation, on a busy machine, with a password to verify: a bound against what grows with the square.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

/// Copies the first message until there are enough.
async fn fill(house: &House) {
    let (inbox, now) = (house.inbox_id().await, house.clock.now());
    let mut there = 1;
    while there < MESSAGES {
        let step = there.min(1_000).min(MESSAGES - there);
        let uids: Vec<u32> = (1..=step).collect();
        let copied = house.control.store().write(move |tx| mail::copy(tx, inbox, &uids, inbox, now));
        there += u32::try_from(copied.await.unwrap().uids.len()).unwrap();
    }
}
