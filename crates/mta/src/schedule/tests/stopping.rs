//! Pausing, stopping, dying.

use std::time::Duration;

use sekisho_store::journal::Kind;
use sekisho_store::queue;
use sekisho_testkit::ScriptedPeer;
use sekisho_testkit::peer::{Act, Script, StartTls};

use super::rig::Rig;

fn slow(millis: u64) -> Script {
    Script::new().starttls(StartTls::Missing).on("EOD", Act::Delay(Duration::from_millis(millis)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_delivery_keeps_mail_and_goes_on() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(slow(20)).unwrap();
    rig.route_all(peer.address());
    rig.start();
    for _ in 0..100 {
        rig.queue(&["a@b.example"]);
    }
    rig.until("it flows", || peer.count() >= 5).await;
    rig.switch(true);
    rig.until("what is on the wire ends", || rig.waiting().len() + peer.count() == 100 && peer.open() == 0).await;
    let kept = rig.waiting().len();
    assert!(kept > 0, "it stopped at once");
    rig.queue(&["late@b.example", "hana@example.jp"]);
    rig.until("nothing moves", || rig.waiting().len() == kept + 2).await;
    assert!(rig.inbox("hana").is_empty());
    rig.switch(false);
    rig.drained().await;
    assert_eq!((peer.count(), rig.inbox("hana").len()), (101, 1));
    assert!(rig.waiting().is_empty() && rig.journal(Kind::Defer).is_empty());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_server_starts_paused() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.route_all(peer.address());
    rig.switch(true);
    rig.queue(&["a@b.example"]);
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.stop().await;
    assert_eq!((peer.connections(), rig.waiting().len()), (0, 2));
    rig.start();
    rig.switch(false);
    rig.drained().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_transactions_and_gives_the_rest_back() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(slow(50)).unwrap();
    rig.route_all(peer.address());
    for _ in 0..100 {
        rig.queue(&["a@b.example"]);
    }
    rig.start();
    rig.until("it flows", || peer.count() >= 3).await;
    rig.stop().await;
    let sent = peer.count();
    assert_eq!(rig.waiting().len(), 100 - sent, "each is either sent and gone, or still there");
    assert!(rig.waiting().iter().all(|one| one.attempts == 0));
    // Nothing is leased: a scheduler of another node could take it at once.
    let now = rig.clock.now();
    assert_eq!(rig.read(move |tx| queue::due_lanes(tx, now, 10)).len(), 1);
    rig.start();
    rig.drained().await;
    assert_eq!(peer.count(), 100);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_between_claim_and_outcome_loses_nothing() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(slow(20)).unwrap();
    rig.route_all(peer.address());
    for n in 0..60 {
        let to = format!("a{n}@d{}.example", n % 7);
        rig.queue(&[to.as_str(), "hana@example.jp"]);
    }
    for round in 1..6 {
        rig.start();
        rig.until("some more flow", || peer.count() >= round * 5).await;
        rig.kill().await;
        // Connections of the dead scheduler end with their process.
        peer.cut();
    }
    rig.start();
    rig.drained().await;
    let mut to: Vec<String> = peer.messages().into_iter().flat_map(|message| message.recipients).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 60, "each arrived, some perhaps twice");
    assert_eq!(rig.inbox("hana").len(), 60, "local mail exactly once");
    rig.stop().await;
}
