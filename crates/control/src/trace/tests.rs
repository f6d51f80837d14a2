#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_message::proof::{Dmarc, Proof, Proven, Signature, Spf};
use sekisho_message::trace::{ReceivedFields, With, received};
use sekisho_message::{date, fingerprint};

use super::*;
use crate::entry::{self, Accepted};
use crate::outside::Outside;
use crate::outside_tests::Names;
use crate::tests::World;

const TEXT: &str = "Dear customer, our new catalogue of copper lanterns and violet sawmills is out. Visit the shop \
                    on Monday, bring a friend and ask for the special price of this week.\r\n";
const ID: &str = "B0000000123";

/// A message as it left us: with our Received line, and its acceptance in the journal.
struct Sent {
    received: String,
    header: String,
}

impl Sent {
    fn whole(&self) -> String {
        format!("{}{}\r\n{TEXT}", self.received, self.header)
    }
}

async fn world() -> World {
    let world = World::with_taro().await;
    assert_eq!(world.control.options().hostname, "localhost");
    world
}

async fn sent(world: &World, account: Option<&str>, origin: &str) -> Sent {
    let now = world.control.now();
    let header = format!(
        "From: Taro <taro@example.jp>\r\nTo: x@elsewhere.example\r\nSubject: Lanterns\r\nDate: {}\r\nMessage-ID: <1@pc.example.jp>\r\n",
        date::format_rfc5322(now, 540)
    );
    let bound = Bound::of(header.as_bytes());
    let mark = world.control.marks().make(ID, origin, now, &bound);
    let received = received(&ReceivedFields {
        helo: "[192.168.0.5]",
        peer: Some("203.0.113.9".parse().unwrap()),
        peer_name: None,
        by: "localhost",
        with: With { extended: true, tls: true, authenticated: account.is_some(), utf8: false },
        mark: Some(&mark),
        tls: None,
        id: ID,
        recipient: None,
        at: now,
        offset_minutes: 540,
    });
    let entry = entry::accepted(
        now,
        &Accepted {
            message: ID,
            client: "203.0.113.9",
            account,
            origin,
            from: "taro@example.jp",
            to: &["x@elsewhere.example", "y@elsewhere.example"],
            message_id: "<1@pc.example.jp>",
            fingerprint: fingerprint::of_message(format!("{header}\r\n{TEXT}").as_bytes()).cast_signed(),
            ..Accepted::default()
        },
    );
    world.control.journal().note(entry);
    Sent { received, header }
}

async fn traced(world: &World, file: &str) -> Traced {
    world.control.trace(file.as_bytes()).await.unwrap()
}

fn hop(from: &str, by: &str) -> String {
    format!("Received: from {from}\r\n\tby {by} with ESMTPS id 42; Tue, 25 Nov 2025 01:00:05 +0900\r\n")
}

#[tokio::test]
async fn a_message_of_an_account_is_told_with_who_when_and_whom() {
    let world = world().await;
    let ours = sent(&world, Some("taro@example.jp"), "account:taro@example.jp").await;
    let file =
        format!("{}{}", hop("mx.example.jp (mx.example.jp [198.51.100.1])", "in.elsewhere.example"), ours.whole());
    let told = traced(&world, &file).await;
    assert_eq!(told.verdict, Verdict::Submitted, "{told:?}");
    assert_eq!(told.account.as_deref(), Some("taro@example.jp"));
    assert_eq!((told.message_id.as_deref(), told.network.as_deref()), (Some(ID), Some("203.0.113.9")));
    assert_eq!(told.recipients, ["x@elsewhere.example", "y@elsewhere.example"]);
    assert_eq!(told.time.unwrap().seconds(), world.control.now().seconds());
    let shape = told.shape(Language::Ja);
    assert_eq!(shape["verdict"], "submitted");
    assert!(shape["reasons"][0].as_str().unwrap().contains("署名"));
}

#[tokio::test]
async fn origins_without_an_account_are_relayed_and_mail_from_outside_is_received() {
    for (origin, verdict) in [("network:192.0.2.0/24", Verdict::Relayed), ("inbound", Verdict::Received)] {
        let world = world().await;
        let ours = sent(&world, None, origin).await;
        let told = traced(&world, &ours.whole()).await;
        assert_eq!(told.verdict, verdict);
        assert_eq!(told.origin.as_deref(), (verdict == Verdict::Relayed).then_some(origin));
    }
}

#[tokio::test]
async fn reports_bounces_and_forwards_are_opened() {
    let world = world().await;
    let ours = sent(&world, Some("taro@example.jp"), "account:taro@example.jp").await;
    let (whole, header) = (ours.whole(), format!("{}{}", ours.received, ours.header));
    let report = |kind: &str, part: &str, fields: &str, of: &str, inner: &str| {
        format!(
            "From: fbl@elsewhere.example\r\nContent-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n\
             Content-Type: message/{part}\r\n\r\n{fields}\r\n--b\r\nContent-Type: {of}\r\n\r\n{inner}\r\n--b--\r\n"
        )
    };
    let arf = "Feedback-Type: abuse\r\nUser-Agent: x\r\nVersion: 1\r\n";
    let dsn = "Reporting-MTA: dns; x.example\r\n\r\nFinal-Recipient: rfc822; x@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\n";
    let files = [
        report("feedback-report", "feedback-report", arf, "message/rfc822", &whole),
        report("feedback-report", "feedback-report", arf, "text/rfc822-headers", &header),
        report("delivery-status", "delivery-status", dsn, "message/rfc822", &whole),
        format!(
            "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: message/rfc822\r\n\r\n{whole}\r\n--c--\r\n"
        ),
        format!("From: a@b.example\r\nSubject: stop it\r\n\r\nYour spam:\r\n\r\n{header}"),
        format!(
            "From: MAILER-DAEMON@qmail.example\r\n\r\nHi. This is the qmail-send program.\r\n--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <taro@example.jp>\r\n{whole}"
        ),
    ];
    for file in files {
        let told = traced(&world, &file).await;
        assert_eq!(
            (told.verdict, told.account.as_deref()),
            (Verdict::Submitted, Some("taro@example.jp")),
            "{file}\n{told:?}"
        );
    }
    // Redacted to nothing but the Received lines: the mark alone.
    let told =
        traced(&world, &report("feedback-report", "feedback-report", arf, "text/rfc822-headers", &ours.received)).await;
    assert_eq!(told.verdict, Verdict::Submitted);
    // And redacted to everything but them: the Message-ID alone.
    let told = traced(
        &world,
        &report("feedback-report", "feedback-report", arf, "message/rfc822", &format!("{}\r\n{TEXT}", ours.header)),
    )
    .await;
    assert_eq!((told.verdict, told.message_id.as_deref()), (Verdict::Submitted, Some(ID)), "{told:?}");
}

#[tokio::test]
async fn forgeries_that_copy_our_lines_are_told_apart() {
    let world = world().await;
    let ours = sent(&world, Some("taro@example.jp"), "account:taro@example.jp").await;
    let spam = "From: Bank <taro@example.jp>\r\nDate: Tue, 25 Nov 2025 03:00:00 +0900\r\nMessage-ID: <evil@x>\r\nSubject: Win\r\n";
    let top = hop("evil.example (evil.example [192.0.2.66])", "in.elsewhere.example");
    let changed = ours.received.replace("mark=1.", "mark=1.A");
    let unmarked = ours
        .received
        .lines()
        .filter(|line| !line.contains("mark="))
        .fold(String::new(), |all, line| all + line + "\r\n");
    let other_text = "Click here to claim your prize of one million, only today, from the lottery of a foreign bank you never played.\r\n";
    for (what, file) in [
        ("our line on another header", format!("{top}{}{spam}\r\nbuy\r\n", ours.received)),
        ("a broken mark", format!("{top}{changed}{}\r\n{TEXT}", ours.header)),
        ("no mark", format!("{top}{unmarked}{}\r\n{TEXT}", ours.header)),
        ("our header on another text", format!("{top}{}{}\r\n{other_text}", ours.received, ours.header)),
        ("only our domain", format!("{top}{spam}\r\nbuy\r\n")),
    ] {
        let told = traced(&world, &file).await;
        assert_eq!(told.verdict, Verdict::Forged, "{what}: {told:?}");
        assert_eq!(told.account, None, "{what}");
        let source = told.source.unwrap();
        assert_eq!((source.ip, source.domain.as_str()), (Some("192.0.2.66".parse().unwrap()), "example.jp"), "{what}");
    }
}

#[tokio::test]
async fn what_can_be_proven_of_a_forgery_is_told_and_whom_to_tell() {
    let world = world().await;
    let names = Arc::new(Names::default());
    world.control.look_outside(Arc::clone(&names) as Arc<dyn Outside>);
    let signature = |domain: &str, result| Signature { domain: domain.into(), result, ..Signature::default() };
    *names.proof.lock().unwrap() = Proof {
        spf: Spf::Pass,
        signatures: vec![signature("spammer.example", Proven::Pass), signature("example.jp", Proven::Fail)],
        dmarc: Some(Dmarc { domain: "example.jp".into(), result: Proven::Fail, policy: "none".into() }),
        ..Proof::default()
    };
    names.ptr("192.0.2.66", "mail.spammer.example");
    let top = hop("evil.example (evil.example [192.0.2.66])", "in.elsewhere.example");
    let results = "Authentication-Results: in.elsewhere.example; dkim=pass header.d=example.jp; spf=fail\r\n";
    let signed = "DKIM-Signature: v=1; d=example.jp; s=k\r\nDKIM-Signature: v=1; d=spammer.example; s=k\r\n";
    let header = "From: Bank <taro@example.jp>\r\nDate: Tue, 25 Nov 2025 03:00:00 +0900\r\nMessage-ID: <evil@x>\r\n";
    let file = format!("Return-Path: <b@bulk.example>\r\n{results}{top}{signed}{header}\r\nbuy\r\n");
    let source = traced(&world, &file).await.source.unwrap();
    assert_eq!((source.spf, source.envelope.clone()), (Spf::Fail, Some(("bulk.example".into(), Spf::Pass))));
    assert_eq!(source.name, None, "a name that does not lead back proves nothing");
    assert_eq!(source.tell.as_deref(), Some("abuse@spammer.example"), "its signature does");
    let shape = source.shape(Language::En);
    assert_eq!(shape["dkim"], serde_json::json!(["spammer.example=pass", "example.jp=fail"]));
    assert_eq!(shape["signatures"][1]["detail"], "(the receiver said pass)");
    assert_eq!((&shape["spf"], &shape["dmarc"]["result"]), (&"fail".into(), &"fail".into()));
    assert!(shape["text"].as_str().unwrap().contains("p=none"), "{shape}");
    names.set("mail.spammer.example", [192, 0, 2, 66]);
    let source = traced(&world, &file).await.source.unwrap();
    assert_eq!(source.name.as_deref(), Some("mail.spammer.example"));
    // The header alone cannot be verified: what the receiver found is all there is.
    let pasted = format!("From: a@b.example\r\nSubject: look\r\n\r\nYour spam:\r\n\r\n{top}{results}{signed}{header}");
    let source = traced(&world, &pasted).await.source.unwrap();
    assert_eq!(
        source.shape(Language::En)["dkim"],
        serde_json::json!(["example.jp=pass", "spammer.example=unverified"])
    );
    assert_eq!(source.dmarc, None);
}

#[tokio::test]
async fn what_the_journal_has_forgotten_is_known_by_its_mark_or_not_at_all() {
    let world = world().await;
    let ours = sent(&world, Some("taro@example.jp"), "account:taro@example.jp").await;
    world.control.journal().flush().await;
    world.control.store().write(|tx| tx.execute("DELETE FROM journal", &[]).map(drop)).await.unwrap();
    world.advance(Duration::from_secs(200 * 86_400));
    world.control.journal().note(entry::started(world.control.now(), "1"));
    let told = traced(&world, &ours.whole()).await;
    assert_eq!((told.verdict, told.account.as_deref()), (Verdict::Submitted, Some("taro@example.jp")));
    assert!(told.reasons.iter().any(|reason| reason.en.contains("no longer")), "{told:?}");
    // A server before marks, and a journal after it.
    let old = ours
        .received
        .lines()
        .filter(|line| !line.contains("mark="))
        .fold(String::new(), |all, line| all + line + "\r\n");
    let told = traced(&world, &format!("{old}{}\r\n{TEXT}", ours.header)).await;
    assert_eq!(told.verdict, Verdict::Unknown, "{told:?}");
    assert_eq!(traced(&world, "From: a@b.example\r\n\r\nhello\r\n").await.verdict, Verdict::Unknown);
    assert_eq!(traced(&world, "").await.verdict, Verdict::Unknown);
}

#[tokio::test]
async fn every_real_bounce_and_complaint_gets_an_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/bounces");
    if !folder.exists() {
        println!("ignored: no real data, there is no {}", folder.display());
        return;
    }
    let world = world().await;
    let mut seen = 0;
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&path).unwrap();
        let told = world.control.trace(&bytes).await.unwrap();
        // example.jp is ours in this test; our host and our mark are in none of them.
        assert!(matches!(told.verdict, Verdict::Unknown | Verdict::Forged), "{}: {told:?}", path.display());
        assert!(!told.reasons.is_empty(), "{}", path.display());
        // Cut anywhere, it is still a file.
        for end in [bytes.len() / 3, bytes.len() / 2] {
            world.control.trace(&bytes[..end]).await.unwrap();
        }
        seen += 1;
    }
    assert!(seen > 300);
}
