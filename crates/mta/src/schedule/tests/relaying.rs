//! Mail that goes out as it should.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use sekisho_store::journal::Kind;
use sekisho_testkit::ScriptedPeer;
use sekisho_testkit::peer::{Act, Script, StartTls};

use super::rig::{BODY, PATIENCE, Rig};
use crate::relay::{Credential, Route, Routes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_to_its_mx_and_leaves_the_queue() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.dns.mx("b.example", 10, "mx.b.example").a("mx.b.example", Ipv4Addr::LOCALHOST);
    rig.settings.relay.port = peer.address().port();
    rig.start();
    rig.queue(&["a@b.example", "c@b.example"]);
    rig.drained().await;
    let [message] = peer.messages().try_into().unwrap();
    assert_eq!(message.helo, "mx.example.jp");
    assert_eq!(message.reverse_path, "taro@example.jp");
    assert_eq!(message.recipients, ["a@b.example", "c@b.example"], "one transaction for both");
    assert_eq!(String::from_utf8(message.data).unwrap(), BODY, "without Return-Path, dots as they were");
    assert!(message.tls, "TLS where it is offered");
    let out = rig.journal(Kind::Out);
    assert_eq!(out.len(), 2);
    assert!(out[0].1.starts_with("250 2."), "{out:?}");
    assert!(rig.journal(Kind::Fail).is_empty());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_message_is_on_the_wire_in_a_moment() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new().starttls(StartTls::Missing)).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.queue(&["warm@up.example"]);
    rig.drained().await;
    let mut best = PATIENCE;
    for n in 0..10 {
        let begun = Instant::now();
        rig.queue(&["a@b.example"]);
        rig.until("it arrives", || peer.count() == n + 2).await;
        best = best.min(begun.elapsed());
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_carries_many_messages() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.route_all(peer.address());
    rig.settings.concurrency.start = 1;
    rig.settings.concurrency.max = 1;
    for n in 0..30 {
        // Several lanes of several origins: all of them go by the same route.
        let to = format!("a@d{}.example", n % 5);
        let origin = format!("account:u{}@example.jp", n % 3);
        rig.post(rig.message(&origin, Some("taro@example.jp"), &[to.as_str()]));
    }
    rig.start();
    rig.drained().await;
    assert_eq!((peer.count(), peer.connections(), peer.most_open()), (30, 1, 1));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_has_its_fill_of_messages() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.route_all(peer.address());
    rig.settings.concurrency.start = 1;
    rig.settings.concurrency.max = 1;
    rig.settings.relay.per_connection = 4;
    for _ in 0..12 {
        rig.queue(&["a@b.example"]);
    }
    rig.start();
    rig.drained().await;
    assert_eq!((peer.count(), peer.connections()), (12, 3));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_recipients_are_several_transactions() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.route_all(peer.address());
    let to: Vec<String> = (0..250).map(|n| format!("u{n}@b.example")).collect();
    rig.queue(&to.iter().map(String::as_str).collect::<Vec<_>>());
    rig.start();
    rig.drained().await;
    let messages = peer.messages();
    assert_eq!(messages.iter().map(|message| message.recipients.len()).sum::<usize>(), 250);
    assert!(messages.iter().all(|message| message.recipients.len() <= 100));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_mx_takes_over() {
    let mut rig = Rig::today();
    let good = ScriptedPeer::start_on(Ipv4Addr::new(127, 0, 0, 3), 0, Script::new()).unwrap();
    let port = good.address().port();
    let rude = ScriptedPeer::start_on(
        Ipv4Addr::new(127, 0, 0, 2),
        port,
        Script::new().on("CONNECT", Act::reply(554, "go away")),
    );
    let rude = rude.unwrap();
    rig.dns.mx("b.example", 5, "dead.b.example").a("dead.b.example", Ipv4Addr::new(127, 0, 0, 4));
    rig.dns.mx("b.example", 10, "rude.b.example").a("rude.b.example", Ipv4Addr::new(127, 0, 0, 2));
    rig.dns.mx("b.example", 20, "good.b.example").a("good.b.example", Ipv4Addr::new(127, 0, 0, 3));
    rig.settings.relay.port = port;
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.drained().await;
    assert_eq!((good.count(), rude.count(), rude.connections()), (1, 0, 1));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_mx_the_address_takes_it_and_literals_work() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.dns.a("plain.example", Ipv4Addr::LOCALHOST);
    rig.settings.relay.port = peer.address().port();
    rig.start();
    rig.queue(&["a@plain.example", "b@[127.0.0.1]"]);
    rig.drained().await;
    let mut to: Vec<String> = peer.messages().into_iter().flat_map(|message| message.recipients).collect();
    to.sort();
    assert_eq!(to, ["a@plain.example", "b@[127.0.0.1]"]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_tls_is_tried_once_and_then_left_out() {
    for broken in [StartTls::Drops, StartTls::Refused, StartTls::Missing] {
        let mut rig = Rig::today();
        let peer = ScriptedPeer::start(Script::new().starttls(broken)).unwrap();
        rig.route_all(peer.address());
        rig.start();
        rig.queue(&["a@b.example"]);
        rig.drained().await;
        let [message] = peer.messages().try_into().unwrap();
        assert!(!message.tls, "{broken:?}");
        let expected = if broken == StartTls::Drops { 2 } else { 1 };
        assert_eq!(peer.connections(), expected, "{broken:?}");
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_hangs_is_left_after_its_time() {
    let mut rig = Rig::stopped();
    let peer = ScriptedPeer::start(Script::new().starttls(StartTls::Stalls)).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.until("it begins", || peer.commands().iter().any(|line| line.starts_with("STARTTLS"))).await;
    rig.until("it goes on in the clear", || {
        rig.clock.advance(Duration::from_secs(1));
        peer.count() == 1
    })
    .await;
    rig.drained().await;
    assert_eq!(peer.connections(), 2);
    // Remembered: the next one does not wait.
    rig.queue(&["a@b.example"]);
    rig.drained().await;
    assert_eq!(peer.count(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smart_host_gets_its_password() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    let mut route = Route::new("*", "127.0.0.1", peer.address().port());
    route.credential = Some(Credential { user: "relay".to_owned(), password: "secret".to_owned() });
    rig.settings.relay.routes = Routes::new([route]);
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.drained().await;
    let [message] = peer.messages().try_into().unwrap();
    // NUL relay NUL secret.
    assert_eq!(message.auth.as_deref(), Some("AUTH PLAIN AHJlbGF5AHNlY3JldA=="));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_went_away_is_no_failure() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.route_all(peer.address());
    rig.settings.relay.idle = Duration::from_secs(60);
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.drained().await;
    peer.cut();
    rig.queue(&["a@b.example"]);
    rig.drained().await;
    assert_eq!((peer.count(), peer.connections()), (2, 2));
    assert!(rig.journal(Kind::Defer).is_empty(), "{:?}", rig.journal(Kind::Defer));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_bit_and_utf8_need_a_peer_that_takes_them() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new().extensions(&["PIPELINING"])).unwrap();
    rig.route_all(peer.address());
    rig.start();
    let mut eight = rig.message("account:taro@example.jp", Some("taro@example.jp"), &["a@b.example"]);
    eight.eightbit = true;
    rig.post(eight);
    let mut utf8 = rig.message("account:taro@example.jp", Some("taro@example.jp"), &["c@b.example"]);
    utf8.smtputf8 = true;
    rig.post(utf8);
    rig.drained().await;
    let mut failed = rig.journal(Kind::Fail);
    failed.sort();
    assert!(failed[0].1.contains("5.6.3") && failed[1].1.contains("5.6.7"), "{failed:?}");
    assert_eq!(peer.count(), 0);
    rig.stop().await;
}
