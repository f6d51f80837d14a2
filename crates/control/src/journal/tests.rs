#![allow(clippy::unwrap_used, clippy::expect_used)]

use sekisho_message::Time;
use sekisho_store::journal::Kind;

use super::*;
use crate::tests::World;

#[tokio::test]
async fn notes_are_written_in_order_and_at_least_every_second() {
    let world = World::new().await;
    let journal = world.control.journal().clone();
    let writer = tokio::spawn({
        let journal = journal.clone();
        async move { journal.run().await }
    });
    for n in 0..10 {
        journal.note(entry::accept_open(Time(n), "smtp", "203.0.113.5", n as u16));
    }
    let begin = std::time::Instant::now();
    loop {
        let last = world.control.store().read(journal::last_id).await.unwrap();
        if last > 0 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    writer.abort();
    let ports: Vec<u64> =
        world.journal(Kind::AcceptOpen).await.iter().map(|e| e.detail["port"].as_u64().unwrap()).collect();
    assert_eq!(ports, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flood_is_dropped_and_counted_and_never_waits() {
    let world = World::new().await;
    let journal = world.control.journal();
    for n in 0..MOST_WAITING + 7 {
        journal.note(entry::accept_open(Time(n as i64), "smtp", "203.0.113.5", 25));
    }
    journal.flush().await;
    let notices = world.journal(Kind::Notice).await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].detail["text"], "7 journal entries were dropped");
}
