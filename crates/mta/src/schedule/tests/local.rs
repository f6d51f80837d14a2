//! Delivery into mailboxes.

use sekisho_control::BusEvent;
use sekisho_message::Address;
use sekisho_message::dsn;
use sekisho_store::journal::Kind;
use sekisho_store::queue::Stage;
use sekisho_store::{account, alias};
use std::time::Duration;

use super::rig::{BODY, Rig};
use crate::local::OverQuota;
use crate::notify;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_body_for_all_mailboxes_and_their_owners_hear_of_it() {
    let mut rig = Rig::today();
    let hana = rig.read(|tx| account::get(tx, "hana@example.jp")).unwrap().id;
    let mut watch = rig.bus.watch(hana);
    rig.start();
    rig.post(rig.message("inbound", Some("x@b.example"), &["taro@example.jp", "hana@example.jp", "taro@example.jp"]));
    rig.drained().await;
    assert_eq!(rig.inbox("taro"), [format!("Return-Path: <x@b.example>\r\n{BODY}")], "twice the same person, once");
    assert_eq!(rig.inbox("hana"), rig.inbox("taro"));
    assert!(matches!(watch.next().await, BusEvent::MailboxChanged { account, .. } if account == hana));
    let out = rig.journal(Kind::Out);
    assert_eq!(out.len(), 3);
    assert!(out.iter().all(|(_, reply)| reply == "250 2.0.0 delivered"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_moved_is_followed_and_one_that_is_gone_fails() {
    let mut rig = Rig::today();
    let now = rig.clock.now();
    rig.write(move |tx| alias::add(tx, "old@example.jp", &Address::parse("hana@example.jp").unwrap(), now));
    rig.start();
    rig.queue(&["old@example.jp", "nobody@example.jp"]);
    rig.until("the bounce is there", || rig.inbox("taro").len() == 1 && rig.waiting().is_empty()).await;
    assert_eq!(rig.inbox("hana").len(), 1);
    let report = dsn::parse(rig.inbox("taro")[0].as_bytes()).unwrap();
    assert_eq!(report.recipients[0].recipient, "nobody@example.jp");
    assert_eq!(report.recipients[0].status.as_deref(), Some("5.1.1"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_is_tried_again_or_refused_as_set() {
    for (policy, status) in [(OverQuota::Defer, "4.2.2"), (OverQuota::Refuse, "5.2.2")] {
        let mut rig = Rig::stopped();
        rig.settings.over_quota = policy;
        let jiro = rig.account("jiro", Some(10));
        rig.start();
        rig.queue(&["jiro@example.jp", "hana@example.jp"]);
        rig.until("the other has it", || rig.inbox("hana").len() == 1).await;
        if policy == OverQuota::Refuse {
            rig.drained().await;
            assert!(rig.journal(Kind::Fail)[0].1.starts_with(status));
            assert_eq!(rig.inbox("taro").len(), 1);
        } else {
            rig.until("it is put off", || rig.waiting().first().is_some_and(|one| one.attempts == 1)).await;
            assert!(rig.waiting()[0].reply.as_deref().unwrap().starts_with(status));
            rig.write(move |tx| account::set_quota(tx, jiro, None));
            rig.clock.advance(Duration::from_secs(60));
            rig.drained().await;
            assert_eq!(rig.inbox("jiro").len(), 1);
        }
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_mail_that_cannot_be_delivered_waits_for_the_administrator() {
    let mut rig = Rig::today();
    rig.start();
    rig.post(rig.message("inbound", Some("stranger@b.example"), &["gone@example.jp"]));
    rig.until("it is kept", || rig.waiting().iter().all(|one| one.stage == Stage::Holding && one.due.is_none())).await;
    assert_eq!(rig.waiting().len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_confirmed_when_asked_for() {
    let mut rig = Rig::today();
    let mut message = rig.message("account:taro@example.jp", Some("taro@example.jp"), &["hana@example.jp"]);
    message.recipients[0].notify = notify::SUCCESS;
    rig.post(message);
    rig.start();
    rig.until("it is confirmed", || rig.inbox("taro").len() == 1).await;
    let report = dsn::parse(rig.inbox("taro")[0].as_bytes()).unwrap();
    assert_eq!(report.recipients[0].action, Some(dsn::Action::Delivered));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_take_few_transactions() {
    let mut rig = Rig::today();
    for n in 0..1_000 {
        let to = if n % 2 == 0 { "taro@example.jp" } else { "hana@example.jp" };
        rig.post(rig.message("inbound", Some("x@b.example"), &[to]));
    }
    rig.start();
    rig.drained().await;
    assert_eq!((rig.inbox("taro").len(), rig.inbox("hana").len()), (500, 500));
    rig.stop().await;
}
