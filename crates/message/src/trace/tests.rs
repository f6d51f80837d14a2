#![allow(clippy::unwrap_used, clippy::expect_used)]

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::ReversePath;

fn fields<'a>() -> ReceivedFields<'a> {
    ReceivedFields {
        helo: "client.example.jp",
        peer: Some("192.0.2.7".parse().unwrap()),
        peer_name: Some("host7.example.net"),
        by: "mx.example.jp",
        with: With { extended: true, tls: true, authenticated: true, utf8: false },
        mark: Some("1.abc-_9"),
        tls: Some(TlsClause { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" }),
        id: "B0000000123",
        recipient: None,
        at: Time::from_seconds(1_764_000_000),
        offset_minutes: 540,
    }
}

#[test]
fn a_field_of_ours_reads_well() {
    let recipient = Address::parse("user@example.jp").unwrap();
    let text = received(&ReceivedFields { recipient: Some(&recipient), ..fields() });
    expect![[r#"
        Received: from client.example.jp (host7.example.net [192.0.2.7])
        	by mx.example.jp with ESMTPSA id B0000000123
        	(mark=1.abc-_9)
        	(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384)
        	for <user@example.jp>;
        	Tue, 25 Nov 2025 01:00:00 +0900
    "#]]
    .assert_eq(&text.replace("\r\n", "\n"));
    let read = parse_received(crate::header::Headers::of(text.as_bytes()).first("Received").unwrap().value());
    assert_eq!(read.from.as_deref(), Some("client.example.jp"));
    assert_eq!(read.from_comment.as_deref(), Some("host7.example.net [192.0.2.7]"));
    assert_eq!(read.ip, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(read.by.as_deref(), Some("mx.example.jp"));
    assert_eq!(read.with.as_deref(), Some("ESMTPSA"));
    assert_eq!(read.id.as_deref(), Some("B0000000123"));
    assert_eq!(read.mark.as_deref(), Some("1.abc-_9"));
    assert_eq!(read.recipient.as_deref(), Some("user@example.jp"));
    assert_eq!(read.at, Some(Time::from_seconds(1_764_000_000)));
}

#[test]
fn protocol_names_are_the_registered_ones() {
    let name = |extended, utf8, tls, authenticated| With { extended, tls, authenticated, utf8 }.name();
    assert_eq!(name(false, false, false, false), "SMTP");
    assert_eq!(name(true, false, false, false), "ESMTP");
    assert_eq!(name(true, false, true, false), "ESMTPS");
    assert_eq!(name(true, false, false, true), "ESMTPA");
    assert_eq!(name(true, true, true, true), "UTF8SMTPSA");
}

#[test]
fn a_stranger_cannot_break_out_of_the_field() {
    let evil = "x) by forged.example.jp; Mon,\r\n\r\nBcc: a@b (";
    let text = received(&ReceivedFields { helo: evil, peer_name: Some(evil), id: "", ..fields() });
    assert_eq!(text.matches("\r\n").count(), text.matches("\r\n\t").count() + 1);
    let read = parse_received(crate::header::Headers::of(text.as_bytes()).first("Received").unwrap().value());
    assert_eq!(read.by.as_deref(), Some("mx.example.jp"));
    assert_eq!(read.ip, Some("192.0.2.7".parse().unwrap()));
    assert!(received(&ReceivedFields { helo: &"h".repeat(100_000), ..fields() }).len() < 1_000);
    let mapped = received(&ReceivedFields { peer: Some("::ffff:192.0.2.9".parse().unwrap()), ..fields() });
    assert!(mapped.contains("[192.0.2.9]"));
    assert!(
        received(&ReceivedFields { peer: Some("2001:db8::1".parse().unwrap()), ..fields() })
            .contains("[IPv6:2001:db8::1]")
    );
}

#[test]
fn return_paths_are_written() {
    assert_eq!(return_path(&ReversePath::NULL), "Return-Path: <>\r\n");
    assert_eq!(return_path(&ReversePath::parse("<u@example.jp>").unwrap()), "Return-Path: <u@example.jp>\r\n");
}

#[test]
fn the_worlds_forms_are_read() {
    let read = |text: &str| parse_received(text.as_bytes());
    // Postfix
    let r = read(
        "from a.example (b.example [198.51.100.4])\r\n\t(using TLSv1.2)\r\n\tby c.example (Postfix) with ESMTPS id 4F1;\r\n\tMon, 24 Nov 2025 16:00:00 +0000 (UTC)",
    );
    assert_eq!((r.by.as_deref(), r.with.as_deref(), r.id.as_deref()), (Some("c.example"), Some("ESMTPS"), Some("4F1")));
    assert_eq!(r.ip, Some("198.51.100.4".parse().unwrap()));
    assert!(r.at.is_some());
    // Exim
    let r = read(
        "from [198.51.100.5] (port=4711 helo=x.example) by y.example with esmtpa (Exim 4.9) (envelope-from <u@z>) id 1abc-00 for v@w.example; Mon, 24 Nov 2025 16:00:00 +0000",
    );
    assert_eq!(
        (r.ip, r.recipient.as_deref(), r.id.as_deref()),
        (Some("198.51.100.5".parse().unwrap()), Some("v@w.example"), Some("1abc-00"))
    );
    // qmail
    let r = read("(qmail 12345 invoked from network); 24 Nov 2025 16:00:00 -0000");
    assert_eq!((r.from.is_none(), r.ip, r.at.is_some()), (true, None, true));
    let r = read("from unknown (HELO d.example) (198.51.100.6) by e.example with SMTP; 24 Nov 2025 16:00:00 -0000");
    assert_eq!((r.from.as_deref(), r.ip), (Some("unknown"), Some("198.51.100.6".parse().unwrap())));
    // Sendmail, IPv6, no date
    let r = read(
        "from f.example (f.example [IPv6:2001:db8::7] (may be forged)) by g.example (8.17/8.17) with ESMTP id 5AO",
    );
    assert_eq!((r.ip, r.at), (Some("2001:db8::7".parse().unwrap()), None));
    // Microsoft, by first
    let r = read("by h.example via Mailbox Transport; Mon, 24 Nov 2025 16:00:00 +0000");
    assert_eq!((r.from, r.by.as_deref()), (None, Some("h.example")));
    // MailEnable: a comment where the name should be
    let r = read("from  (127.0.0.1 [198.51.100.8]) by Inbound Agent with ESMTP; Mon, 24 Nov 2025 16:00:00 +0000");
    assert_eq!((r.from, r.by.as_deref()), (None, Some("Inbound")));
    // Without anything
    assert_eq!(read(""), Received::default());
    assert_eq!(read("from from by by id id").by.as_deref(), Some("by"));
}

#[test]
fn hops_are_counted_in_the_header_only() {
    assert_eq!(count_received(b"Received: a\r\n b\r\nreceived: c\r\nX: d\r\n\r\nReceived: e\r\n"), 2);
    assert_eq!(count_received(b""), 0);
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,120}", bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = parse_received(text.as_bytes());
        let _ = parse_received(&bytes);
        let written = received(&ReceivedFields { helo: &text, by: &text, id: &text, peer_name: Some(&text), ..fields() });
        prop_assert_eq!(crate::header::Headers::of(written.as_bytes()).iter().count(), 1);
        prop_assert!(parse_received(written.as_bytes().get(9..).unwrap()).at.is_some());
    }
}
