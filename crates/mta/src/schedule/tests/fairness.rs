//! Nobody pays for a neighbour.

use std::time::{Duration, Instant};

use sekisho_store::queue::{self, NewMessage};
use sekisho_testkit::ScriptedPeer;
use sekisho_testkit::peer::{Act, Script, StartTls};

use super::rig::{Rig, recipient};

/// Queues `lanes` messages of one origin to as many domains, in few transactions.
fn flood(rig: &Rig, lanes: usize) {
    let base = rig.message("account:flood@example.jp", Some("taro@example.jp"), &["a@b.example"]);
    let now = rig.clock.now();
    let mut messages: Vec<NewMessage> = Vec::with_capacity(lanes);
    for n in 0..lanes {
        let mut message = base.clone();
        message.id = rig.store.next_message_id();
        message.recipients = vec![recipient(&format!("a@d{n}.example"), now)];
        messages.push(message);
    }
    for part in messages.chunks(1_000) {
        let part = part.to_vec();
        rig.write(move |tx| {
            for message in &part {
                queue::accept(tx, message, now)?;
            }
            Ok(())
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_is_not_behind_twenty_thousand_lanes_of_another() {
    let mut rig = Rig::today();
    // Slow enough that the flood takes minutes.
    let script =
        Script::new().starttls(StartTls::Missing).forgetful().on("EOD", Act::Delay(Duration::from_millis(100)));
    let peer = ScriptedPeer::start(script).unwrap();
    rig.route_all(peer.address());
    flood(&rig, 20_000);
    rig.start();
    rig.until("the flood flows", || peer.count() > 50).await;
    let begun = Instant::now();
    let id = rig.queue(&["one@quiet.example"]);
    rig.until("the one arrives", || rig.read(move |tx| Ok(queue::show(tx, id)?.is_none()))).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(rig.read(queue::status).domains.recipients > 15_000, "the flood was still there");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_hang_leave_some_for_others() {
    let mut rig = Rig::today();
    let tarpit = ScriptedPeer::start(Script::new().on("CONNECT", Act::Stall)).unwrap();
    let good = ScriptedPeer::start(Script::new()).unwrap();
    rig.settings.connections = 16;
    let ip = tarpit.address().ip().to_string();
    rig.settings.relay.routes = crate::relay::Routes::new(
        (0..40)
            .map(|n| crate::relay::Route::new(format!("d{n}.example"), ip.clone(), tarpit.address().port()))
            .chain([crate::relay::Route::new("*", ip.clone(), good.address().port())]),
    );
    flood(&rig, 40);
    rig.start();
    rig.until("the tarpit holds its share", || tarpit.open() == 8).await;
    rig.queue(&["one@quiet.example"]);
    rig.until("the one arrives", || good.count() == 1).await;
    assert_eq!(tarpit.most_open(), 8, "half of the connections at most");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_origin_stays_and_others_go() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new().forgetful()).unwrap();
    rig.route_all(peer.address());
    flood(&rig, 500);
    let now = rig.clock.now();
    rig.write(move |tx| queue::hold_origin(tx, "account:flood@example.jp", "test", now).map(drop));
    rig.start();
    let id = rig.queue(&["one@quiet.example"]);
    rig.until("the one arrives", || rig.read(move |tx| Ok(queue::show(tx, id)?.is_none()))).await;
    assert_eq!(peer.count(), 1);
    rig.write(move |tx| queue::release_origin(tx, "account:flood@example.jp").map(drop));
    rig.bus.publish(sekisho_control::BusEvent::QueueReady);
    rig.until("the rest arrives", || peer.count() == 501).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_takes_back_what_is_claimed_and_not_begun() {
    let mut rig = Rig::today();
    let script = Script::new().starttls(StartTls::Missing).forgetful().on("EOD", Act::Delay(Duration::from_millis(30)));
    let peer = ScriptedPeer::start(script).unwrap();
    rig.route_all(peer.address());
    rig.settings.concurrency.start = 2;
    rig.settings.concurrency.max = 2;
    for _ in 0..200 {
        rig.queue(&["a@b.example"]);
    }
    rig.start();
    rig.until("it flows", || peer.count() >= 4).await;
    let now = rig.clock.now();
    rig.write(move |tx| queue::hold_origin(tx, "account:taro@example.jp", "test", now).map(drop));
    rig.bus.publish(sekisho_control::BusEvent::QueueHeld);
    rig.until("nothing is on the wire", || peer.open() == 0 || idle(&peer)).await;
    let sent = peer.count();
    assert!(sent < 60, "{sent} left although the origin is held");
    rig.until("outcomes are written", || rig.waiting().len() == 200 - peer.count()).await;
    rig.stop().await;
    assert_eq!(rig.waiting().len(), 200 - sent);
}

/// Whether the peer's count stands still for longer than a transaction takes.
fn idle(peer: &ScriptedPeer) -> bool {
    let before = peer.count();
    std::thread::sleep(Duration::from_millis(150));
    peer.count() == before
}
