//! Mail that does not go out, or not at once, and who is told.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use sekisho_message::dsn;
use sekisho_store::journal::Kind;
use sekisho_store::queue::Stage;
use sekisho_testkit::ScriptedPeer;
use sekisho_testkit::peer::{Act, Script};

use super::rig::{Rig, recipient};
use crate::notify;

const MINUTE: Duration = Duration::from_secs(60);

fn only_report(rig: &Rig, name: &str) -> dsn::DsnReport {
    let [report] = rig.inbox(name).try_into().unwrap();
    assert!(report.starts_with("Return-Path: <>\r\n"), "{report}");
    dsn::parse(report.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greylisted_message_is_tried_again_a_minute_later() {
    let mut rig = Rig::stopped();
    let peer = ScriptedPeer::start(Script::new().greylist(1)).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.until("it is put off", || rig.waiting().first().is_some_and(|one| one.attempts == 1)).await;
    let [one] = rig.waiting().try_into().unwrap();
    assert_eq!((one.code, one.due), (Some(451), Some(rig.clock.now() + MINUTE)));
    assert!(one.reply.unwrap().contains("Greylisted"));
    assert_eq!(rig.journal(Kind::Defer).len(), 1);
    rig.clock.advance(MINUTE);
    rig.drained().await;
    assert_eq!(peer.count(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_final_and_the_sender_hears_of_it_once() {
    let mut rig = Rig::today();
    let script = Script::new().on_with("RCPT", "nobody", Act::reply(550, "5.1.1 No such user"));
    let peer = ScriptedPeer::start(script).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.queue(&["nobody@b.example", "a@b.example", "nobody2@b.example"]);
    rig.drained().await;
    assert_eq!(peer.messages()[0].recipients, ["a@b.example"]);
    let report = only_report(&rig, "taro");
    let failed: Vec<&str> = report.recipients.iter().map(|one| one.recipient.as_str()).collect();
    assert_eq!(failed, ["nobody@b.example", "nobody2@b.example"]);
    assert!(report.recipients.iter().all(|one| one.action == Some(dsn::Action::Failed)));
    assert_eq!(report.recipients[0].status.as_deref(), Some("5.1.1"));
    assert!(report.recipients[0].diagnostic.as_deref().unwrap().contains("No such user"));
    assert_eq!(rig.journal(Kind::Fail).len(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_gets_no_bounce_and_the_message_is_kept() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new().on("RCPT", Act::reply(550, "5.1.1 no"))).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.post(rig.message("network:192.0.2.0/24", Some("victim@elsewhere.example"), &["a@b.example"]));
    rig.post(rig.message("inbound", None, &["c@b.example"]));
    rig.until("both are kept", || {
        let waiting = rig.waiting();
        waiting.len() == 2 && waiting.iter().all(|one| one.stage == Stage::Holding && one.due.is_none())
    })
    .await;
    assert_eq!((peer.count(), peer.commands().iter().filter(|line| line.starts_with("RCPT")).count()), (0, 2));
    assert_eq!(rig.journal(Kind::Fail).len(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_bounce_ends_there() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new().on("RCPT", Act::reply(550, "5.1.1 no"))).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.post(rig.message("bounce:account:taro@example.jp", None, &["a@b.example"]));
    rig.drained().await;
    assert_eq!(rig.journal(Kind::Fail).len(), 1);
    assert!(rig.inbox("taro").is_empty());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_says_who_hears_of_what() {
    let mut rig = Rig::today();
    let script = Script::new().extensions(&["PIPELINING"]).on_with("RCPT", "no", Act::reply(550, "5.1.1 no"));
    let peer = ScriptedPeer::start(script).unwrap();
    rig.route_all(peer.address());
    let mut message = rig.message("account:taro@example.jp", Some("taro@example.jp"), &[]);
    for (to, bits) in [("no-1", notify::NEVER), ("no-2", notify::SUCCESS), ("yes-1", notify::SUCCESS), ("yes-2", 0)] {
        let mut one = recipient(&format!("{to}@b.example"), rig.clock.now());
        one.notify = bits;
        one.orcpt = Some(format!("rfc822;{to}+40original.example"));
        message.recipients.push(one);
    }
    message.dsn_envid = Some("QQ+2B1".to_owned());
    rig.post(message);
    rig.start();
    rig.until("the report is there", || rig.inbox("taro").len() == 1 && rig.waiting().is_empty()).await;
    let report = only_report(&rig, "taro");
    assert_eq!(report.envelope_id.as_deref(), Some("QQ+1"));
    let [relayed] = report.recipients.try_into().unwrap();
    assert_eq!((relayed.recipient.as_str(), relayed.action), ("yes-1@b.example", Some(dsn::Action::Relayed)));
    assert_eq!(relayed.original.as_deref(), Some("yes-1@original.example"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_notifies_is_left_to_it() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.route_all(peer.address());
    let mut message = rig.message("account:taro@example.jp", Some("taro@example.jp"), &["a@b.example"]);
    message.recipients[0].notify = notify::SUCCESS | notify::FAILURE;
    rig.post(message);
    rig.start();
    rig.drained().await;
    assert!(peer.commands().iter().any(|line| line.contains("NOTIFY=SUCCESS,FAILURE")));
    assert!(rig.inbox("taro").is_empty());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_domain_says_of_itself_is_final() {
    let mut rig = Rig::today();
    rig.dns.mx("null.example", 0, ".").nxdomain("gone.example");
    rig.dns.mx("loop.example", 10, "mx.example.jp").a("mx.example.jp", Ipv4Addr::LOCALHOST);
    rig.start();
    rig.queue(&["a@null.example"]);
    rig.queue(&["a@gone.example"]);
    rig.queue(&["a@loop.example"]);
    rig.drained().await;
    let mut failed = rig.journal(Kind::Fail);
    failed.sort();
    let statuses: Vec<&str> = failed.iter().map(|(_, reply)| reply.split(' ').next().unwrap()).collect();
    assert_eq!(statuses, ["5.1.2", "5.4.6", "5.1.10"], "{failed:?}");
    assert_eq!(rig.inbox("taro").len(), 3);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_listener_is_not_relayed_to() {
    let mut rig = Rig::today();
    let peer = ScriptedPeer::start(Script::new()).unwrap();
    rig.dns.a("b.example", Ipv4Addr::LOCALHOST);
    rig.settings.relay.port = peer.address().port();
    rig.settings.relay.listening = vec![peer.address().port()];
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.drained().await;
    assert!(rig.journal(Kind::Fail)[0].1.starts_with("5.4.6"));
    assert_eq!(peer.connections(), 0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_service_that_fails_puts_off() {
    let mut rig = Rig::stopped();
    rig.dns.servfail("b.example");
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.until("it is put off", || rig.waiting().first().is_some_and(|one| one.attempts == 1)).await;
    assert!(rig.waiting()[0].reply.as_deref().unwrap().starts_with("4.4.3"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_in_the_middle_puts_off() {
    for act in [Act::Drop, Act::DropAfter(10), Act::LastWords] {
        let mut rig = Rig::stopped();
        let command = if act == Act::Drop {
            "DATA"
        } else if act == Act::LastWords {
            "EOD"
        } else {
            "CONTENT"
        };
        let peer = ScriptedPeer::start(Script::new().first(1, command, act.clone())).unwrap();
        rig.route_all(peer.address());
        rig.start();
        rig.queue(&["a@b.example"]);
        if act == Act::LastWords {
            // The 250 was heard before the connection closed.
            rig.drained().await;
        } else {
            rig.until("it is put off", || rig.waiting().first().is_some_and(|one| one.attempts == 1)).await;
            rig.clock.advance(MINUTE);
            rig.drained().await;
        }
        assert_eq!(peer.count(), 1, "{act:?}");
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_says_nothing_is_left_after_its_time() {
    let mut rig = Rig::stopped();
    let peer = ScriptedPeer::start(Script::new().first(1, "MAIL", Act::Stall)).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.queue(&["a@b.example"]);
    rig.until("it waits for MAIL", || peer.commands().iter().any(|line| line.starts_with("MAIL"))).await;
    rig.clock.advance(5 * MINUTE);
    rig.until("it is put off", || rig.waiting().first().is_some_and(|one| one.attempts == 1)).await;
    assert!(rig.waiting()[0].reply.as_deref().unwrap().contains("Timeout"));
    rig.clock.advance(5 * MINUTE);
    rig.drained().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_host_costs_few_connections_however_much_waits_for_it() {
    let mut rig = Rig::stopped();
    // A port that refuses: bound by nobody when its listener is gone.
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    rig.route_all(dead);
    for n in 0..600 {
        rig.post(rig.message(&format!("account:u{}@example.jp", n % 3), Some("taro@example.jp"), &["a@b.example"]));
    }
    rig.start();
    rig.until("all are put off", || {
        let waiting = rig.waiting();
        waiting.len() == 600 && waiting.iter().all(|one| one.attempts == 1)
    })
    .await;
    let tried = rig.journal(Kind::Defer).len();
    assert!(tried <= 8, "{tried} attempts for 600 messages");
    // It comes back: the first probe opens the way for all.
    let peer = ScriptedPeer::start_on(Ipv4Addr::LOCALHOST, dead.port(), Script::new()).unwrap();
    rig.clock.advance(2 * MINUTE);
    rig.drained().await;
    assert_eq!(peer.count(), 600);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_is_warned_once_and_told_at_the_end() {
    let mut rig = Rig::stopped();
    let peer = ScriptedPeer::start(Script::new().on("RCPT", Act::reply(450, "4.2.1 Mailbox busy"))).unwrap();
    rig.route_all(peer.address());
    rig.start();
    rig.queue(&["a@b.example"]);
    let (mut attempts, mut actions) = (0, Vec::new());
    for _ in 0..60 {
        attempts += 1;
        let over = || rig.waiting().iter().all(|one| one.destination != "b.example");
        rig.until("an attempt", || over() || rig.waiting().iter().any(|one| one.attempts >= attempts)).await;
        rig.until("reports are delivered", || rig.waiting().iter().all(|one| one.destination != "local")).await;
        if over() {
            break;
        }
        let due = rig.waiting()[0].due.unwrap();
        rig.clock.advance(due.since(rig.clock.now()));
    }
    for report in rig.inbox("taro") {
        actions
            .extend(dsn::parse(report.as_bytes()).unwrap().recipients.into_iter().map(|one| (one.action, one.status)));
    }
    let expected = [(dsn::Action::Delayed, "4.2.1"), (dsn::Action::Failed, "4.4.7")];
    assert_eq!(actions, expected.map(|(action, status)| (Some(action), Some(status.to_owned()))));
    assert!((30..=45).contains(&attempts), "{attempts} attempts");
    assert!(rig.waiting().is_empty());
    rig.stop().await;
}
