#![allow(clippy::unwrap_used, clippy::expect_used)]
use sekisho_control::{Options, entry};
use sekisho_store::{Settings, Store};
use sekisho_testkit::TempDir;

use super::*;

const NOW: Time = Time::from_seconds(1_800_000_000);
const ORIGIN: &str = "account:taro@example.jp";

struct World {
    claims: Arc<Claims>,
    _dir: TempDir,
}

/// A server that accepted a message of Taro's to two people.
async fn world() -> World {
    let dir = TempDir::new("claims").unwrap();
    let url = format!("sqlite:{}", dir.path().join("s.db").display());
    let store = Store::open(&Settings { url, blobs: dir.path().join("blobs"), node: "n".into() }).unwrap();
    let control = Control::new(store, Arc::new(|| NOW), Options::default()).await.unwrap();
    let accepted = entry::accepted(
        NOW - Duration::from_secs(3_600),
        &entry::Accepted {
            message: "B0000000042",
            client: "192.0.2.1",
            account: Some("taro@example.jp"),
            origin: ORIGIN,
            from: "taro@example.jp",
            to: &["a@there.example", "b@there.example"],
            ..entry::Accepted::default()
        },
    );
    control.store().write(move |tx| journal::append(tx, std::slice::from_ref(&accepted))).await.unwrap();
    World { claims: Claims::new(control, "mx.example.jp".into()), _dir: dir }
}

/// The header of the message that was accepted, as it comes back.
fn returned(id: &str, by: &str, at: Time) -> String {
    let date = sekisho_message::date::format_rfc5322(at, 540);
    format!(
        "Received: from pc ([192.0.2.1])\r\n\tby {by} with ESMTPSA id {id};\r\n\t{date}\r\n\
         From: taro@example.jp\r\nTo: a@there.example\r\nSubject: hello\r\n"
    )
}

fn complaint(header: &str, complainant: &str) -> String {
    format!(
        "From: fbl@there.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n--x\r\n\r\nspam\r\n--x\r\n\
         Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\
         Original-Rcpt-To: {complainant}\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n{header}\r\ntext\r\n--x--\r\n"
    )
}

fn bounce(header: &str, recipient: &str, status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@there.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n\r\nno\r\n--x\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.there.example\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\n\r\n--x\r\n\
         Content-Type: message/rfc822\r\n\r\n{header}\r\ntext\r\n--x--\r\n"
    )
}

impl World {
    async fn read(&self, message: &str, is_bounce: bool) {
        self.claims.read(message.as_bytes(), is_bounce).await.unwrap();
    }

    /// The score of Taro's origin, 0 when nothing is known of it.
    async fn score(&self) -> f64 {
        let control = self.claims.control.clone();
        let standing = control.clone().store().read(move |tx| control.guard().standing(tx, ORIGIN, NOW)).await.unwrap();
        standing.map_or(0.0, |standing| standing["score"].as_f64().unwrap())
    }
}

#[tokio::test]
async fn complaints_about_our_own_mail_count_once_for_each_complainant() {
    let world = world().await;
    let at = NOW - Duration::from_secs(3_600);
    let header = returned("B0000000042", "mx.example.jp", at);
    world.read(&complaint(&header, "a@there.example"), false).await;
    let once = world.score().await;
    assert!(once > 0.05, "{once}");
    world.read(&complaint(&header, "A@there.example"), false).await;
    assert!(world.score().await <= once, "the same person again");
    world.read(&complaint(&header, "b@there.example"), false).await;
    assert!(world.score().await > once);
}

#[tokio::test]
async fn claims_about_mail_that_was_never_ours_count_nothing() {
    let world = world().await;
    let at = NOW - Duration::from_secs(3_600);
    for header in [
        returned("B0000000043", "mx.example.jp", at),
        returned("B0000000042", "mx.other.example", at),
        returned("B0000000042", "mx.example.jp", at - Duration::from_secs(7_200)),
        String::from("From: taro@example.jp\r\n"),
    ] {
        world.read(&complaint(&header, "a@there.example"), false).await;
        world.read(&bounce(&header, "a@there.example", "5.7.1"), true).await;
    }
    // Ours, but to somebody to whom it never went; and not a bounce, although it looks like one.
    let header = returned("B0000000042", "mx.example.jp", at);
    world.read(&bounce(&header, "c@there.example", "5.7.1"), true).await;
    world.read(&bounce(&header, "a@there.example", "5.7.1"), false).await;
    world.read("no report at all", true).await;
    assert!(world.score().await == 0.0, "{}", world.score().await);
}

#[tokio::test]
async fn bounces_that_come_in_are_outcomes_like_any_other() {
    let world = world().await;
    let header = returned("B0000000042", "mx.example.jp", NOW - Duration::from_secs(3_600));
    world.read(&bounce(&header, "a@there.example", "5.2.2"), true).await;
    assert!(world.score().await == 0.0, "a full mailbox says nothing");
    world.read(&bounce(&header, "a@there.example", "5.7.1"), true).await;
    assert!(world.score().await > 0.0, "refused as spam");
}
