#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn change(account: i64) -> BusEvent {
    BusEvent::MailboxChanged { mailbox: MailboxId(1), account: AccountId(account) }
}

#[tokio::test]
async fn a_delivery_wakes_only_the_owner() {
    let bus = Bus::new();
    let mut mine = bus.watch(AccountId(1));
    let mut other = bus.watch(AccountId(17));
    let mut all = bus.subscribe();
    bus.publish(change(1));
    bus.publish(BusEvent::QueueReady);
    assert_eq!(mine.next().await, change(1));
    assert_eq!(mine.try_next(), None);
    assert_eq!(other.try_next(), None);
    assert_eq!(all.next().await, BusEvent::QueueReady);
    assert_eq!(all.try_next(), None);
}

#[tokio::test]
async fn a_suspension_reaches_sessions_and_tasks() {
    let bus = Bus::new();
    let mut session = bus.watch(AccountId(7));
    let mut task = bus.subscribe();
    let event = BusEvent::Suspended { account: AccountId(7) };
    bus.publish(event);
    assert_eq!(session.next().await, event);
    assert_eq!(task.next().await, event);
}

#[tokio::test]
async fn who_lags_is_told_so() {
    let bus = Bus::new();
    let mut slow = bus.watch(AccountId(3));
    for _ in 0..WATCH_BACKLOG + 5 {
        bus.publish(change(3));
    }
    assert_eq!(slow.next().await, BusEvent::Missed);
    assert_eq!(slow.next().await, change(3));
}

#[test]
fn nothing_is_kept_for_sessions_that_have_gone() {
    let bus = Bus::new();
    let first = bus.watch(AccountId(5));
    let second = bus.watch(AccountId(5));
    drop(first);
    assert_eq!(bus.shard(AccountId(5)).len(), 1);
    drop(second);
    assert_eq!(bus.shard(AccountId(5)).len(), 0);
}
