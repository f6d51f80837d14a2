#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::header::Headers;
use crate::structure::Structure;
use crate::{is_eightbit, say};

const ORIGINAL: &str =
    "Received: x\r\nMessage-ID: <orig@example.jp>\r\nFrom: user@example.jp\r\nSubject: hi\r\n\r\nprivate body\r\n";

struct Case {
    to: Address,
    rcpt: Address,
    reason: Text,
}

impl Case {
    fn new(rcpt: &str) -> Self {
        let parse = |text: &str| Address::parse(text).unwrap();
        Self { to: parse("user@example.jp"), rcpt: parse(rcpt), reason: say!(ja: "理由", en: "a reason") }
    }

    fn recipient(&self, action: Action) -> DsnRecipient<'_> {
        DsnRecipient {
            address: &self.rcpt,
            orcpt: "rfc822;no+2Bone@example.net",
            action,
            status: if action == Action::Failed { "5.1.1" } else { "" },
            remote_mta: Some("mx.example.net"),
            diagnostic: Some("550 5.1.1 no such user\r\n\r\n--=_evil"),
            last_attempt: Some(Time::from_seconds(1_764_000_100)),
            retry_until: Some(Time::from_seconds(1_764_400_000)),
            reason: Some(&self.reason),
        }
    }

    fn build(&self, recipients: &[DsnRecipient<'_>], ret: Return, original: &[u8], smtputf8: bool) -> Vec<u8> {
        build(&DsnRequest {
            host: "mx.example.jp",
            to: &self.to,
            id: "B0000000124",
            now: Time::from_seconds(1_764_000_200),
            offset_minutes: 540,
            arrival: Time::from_seconds(1_764_000_000),
            envelope_id: Some("env 1"),
            message_id: "B0000000123",
            recipients,
            ret,
            original,
            smtputf8,
        })
    }
}

/// What every notification must be.
fn check(message: &[u8]) {
    let text = String::from_utf8_lossy(message);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "bare line feeds");
    assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "bare carriage returns");
    assert!(text.lines().all(|line| line.len() <= 998));
    let structure = Structure::of(message);
    let root = structure.root().unwrap();
    assert!(root.content.media.is("multipart", "report"));
    assert_eq!(root.content.media.parameters.get("report-type").unwrap(), "delivery-status");
    assert_eq!(crate::report::own_parts(&structure).len(), 4);
    let headers = Headers::of(message);
    assert_eq!(headers.text("Auto-Submitted").unwrap(), "auto-replied");
    assert_eq!(headers.text("From").unwrap(), "Mail Delivery System <MAILER-DAEMON@mx.example.jp>");
    assert_eq!(headers.text("Message-ID").unwrap(), "<B0000000124@mx.example.jp>");
    assert_eq!(headers.text("To").unwrap(), "<user@example.jp>");
    assert_eq!(headers.first("Content-Transfer-Encoding").is_some(), is_eightbit(message));
}

#[test]
fn a_failure_is_told_to_people_and_machines() {
    let case = Case::new("no+one@example.net");
    let message = case.build(&[case.recipient(Action::Failed)], Return::Headers, ORIGINAL.as_bytes(), false);
    check(&message);
    assert!(!is_eightbit(&message));
    let structure = Structure::of(&message);
    let text = structure.text(structure.find("text", "plain").unwrap());
    for words in [
        "<no+one@example.net>",
        "理由: 理由",
        "Reason: a reason",
        "mx.example.net",
        "550 5.1.1 no such user",
        "B0000000123",
        "届けられませんでした",
        "could not be delivered",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let returned = structure.find("text", "rfc822-headers").unwrap();
    assert!(!String::from_utf8_lossy(structure.body(returned)).contains("private"));
    assert_eq!(Headers::of(&message).text("In-Reply-To").unwrap(), "<orig@example.jp>");

    let report = parse(&message).unwrap();
    assert_eq!(report.reporting_mta.as_deref(), Some("mx.example.jp"));
    assert_eq!(report.envelope_id.as_deref(), Some("env 1"));
    assert_eq!(report.arrival, Some(Time::from_seconds(1_764_000_000)));
    assert_eq!(report.original_message_id.as_deref(), Some("<orig@example.jp>"));
    assert_eq!(report.original_from, std::slice::from_ref(&case.to));
    let [recipient] = report.recipients.as_slice() else { panic!("{report:?}") };
    assert_eq!(recipient.recipient, "no+one@example.net");
    assert_eq!(recipient.original.as_deref(), Some("no+one@example.net"));
    assert_eq!(recipient.action, Some(Action::Failed));
    assert_eq!(recipient.status.as_deref(), Some("5.1.1"));
    assert_eq!(recipient.remote_mta.as_deref(), Some("mx.example.net"));
    assert_eq!(recipient.diagnostic.as_deref(), Some("550 5.1.1 no such user    --=_evil"));
}

#[test]
fn every_action_has_its_words() {
    let case = Case::new("u@example.net");
    let actions = [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded];
    for action in actions {
        let message = case.build(&[case.recipient(action)], Return::Full, ORIGINAL.as_bytes(), false);
        check(&message);
        let report = parse(&message).unwrap();
        assert_eq!(report.recipients[0].action, Some(action));
        let full = Structure::of(&message).find("message", "rfc822").is_some();
        assert_eq!(full, action == Action::Failed);
        assert_eq!(String::from_utf8_lossy(&message).contains("Will-Retry-Until"), action == Action::Delayed);
        assert_eq!(Action::parse(&action.name().to_uppercase()), Some(action));
    }
    let all: Vec<_> = actions.iter().map(|a| case.recipient(*a)).collect();
    let message = case.build(&all, Return::Headers, b"", false);
    check(&message);
    assert_eq!(parse(&message).unwrap().recipients.len(), 5);
    assert!(Headers::of(&message).text("Subject").unwrap().starts_with("Undelivered"));
}

#[test]
fn originals_come_back_whole_when_asked_for_and_small() {
    let case = Case::new("u@example.net");
    let failed = [case.recipient(Action::Failed)];
    let eightbit = format!("Subject: x\r\n\r\n{}\r\n", "あ".repeat(10));
    let message = case.build(&failed, Return::Full, eightbit.as_bytes(), false);
    check(&message);
    let structure = Structure::of(&message);
    let part = structure.find("message", "rfc822").unwrap();
    assert_eq!(structure.body(part), eightbit.as_bytes());
    assert_eq!(part.content.encoding, &b"8bit"[..]);
    let large = format!("Subject: x\r\n\r\n{}", "a\r\n".repeat(MAX_RETURNED_OCTETS));
    let message = case.build(&failed, Return::Full, large.as_bytes(), false);
    check(&message);
    assert!(message.len() < 10_000);
}

#[test]
fn internationalised_mail_gets_internationalised_reports() {
    let case = Case::new("ユーザー@例え.jp");
    let original = "Subject: 生の件名\r\n\r\nx\r\n".as_bytes();
    let recipient = DsnRecipient { orcpt: "", ..case.recipient(Action::Failed) };
    let message = case.build(std::slice::from_ref(&recipient), Return::Headers, original, true);
    check(&message);
    let structure = Structure::of(&message);
    assert!(
        structure.find("message", "global-delivery-status").is_some()
            && structure.find("message", "global-headers").is_some()
    );
    assert_eq!(parse(&message).unwrap().recipients[0].recipient, "ユーザー@例え.jp");
    // To a sender whose message did not say SMTPUTF8: all in ASCII.
    let message = case.build(&[recipient], Return::Headers, original, false);
    check(&message);
    assert!(!is_eightbit(&message));
    assert!(String::from_utf8_lossy(&message).contains("utf-8; \\x{30E6}"));
    assert_eq!(Headers::of(&parse(&message).unwrap().original_header).text("Subject").unwrap(), "生の件名");
}

#[test]
fn an_original_cannot_close_the_report() {
    let case = Case::new("u@example.net");
    let failed = [case.recipient(Action::Failed)];
    let first = case.build(&failed, Return::Full, b"Subject: x\r\n\r\n", false);
    let boundary = Structure::of(&first).root().unwrap().content.media.parameters.get("boundary").unwrap();
    let evil = format!("Subject: x\r\n\r\n--{boundary}--\r\n--{boundary}\r\n\r\nforged\r\n");
    let message = case.build(&failed, Return::Full, evil.as_bytes(), false);
    check(&message);
    let structure = Structure::of(&message);
    assert_eq!(structure.body(structure.find("message", "rfc822").unwrap()), evil.as_bytes());
    check(&case.build(&failed, Return::Full, b"bare\nline\nfeeds", false));
}

#[test]
fn broken_reports_of_the_world_are_read() {
    let report = |status: &str| {
        parse(format!("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n--b--\r\n").as_bytes())
    };
    // No empty line between the groups, a comment in the status, brackets around the address.
    let r = report("Reporting-MTA: dns;mx.example\r\nFinal-Recipient: RFC822; <a@b.example>\r\nAction: failed (bad)\r\nStatus: 5.1.1 (no mailbox)\r\nFinal-Recipient: x@y.example\r\nAction: bounced").unwrap();
    assert_eq!(r.recipients.len(), 2);
    assert_eq!((r.recipients[0].recipient.as_str(), r.recipients[0].status.as_deref()), ("a@b.example", Some("5.1.1")));
    assert_eq!((r.recipients[1].recipient.as_str(), r.recipients[1].action), ("x@y.example", None));
    // An empty line in the middle of a group, and the original recipient only.
    let r = report("Reporting-MTA: x\r\n\r\nOriginal-Recipient: rfc822;a@b.example\r\n\r\nAction: delayed\r\nStatus: 4.4.7\r\nDiagnostic-Code: smtp; 421 later; perhaps").unwrap();
    assert_eq!(r.recipients.len(), 1);
    assert_eq!(r.recipients[0].action, Some(Action::Delayed));
    assert_eq!(r.recipients[0].diagnostic.as_deref(), Some("421 later; perhaps"));
    assert_eq!(report("Reporting-MTA: x\r\n\r\n"), None);
    assert_eq!(parse(b"Subject: Undeliverable\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\n"), None);
}

#[test]
fn status_codes_have_words() {
    for status in [
        "5.1.1", "5.1.2", "5.1.10", "5.2.1", "5.2.2", "5.3.4", "4.4.1", "5.4.4", "5.4.6", "4.4.7", "5.6.7", "5.7.1",
        "4.3.0", "5.9.9", "2.0.0", "", "x",
    ] {
        let text = explain(status);
        assert!(!text.ja.is_empty() && !text.ja.is_ascii() && text.en.is_ascii(), "{status}");
    }
    assert_ne!(explain("5.4.4"), explain("4.4.4"));
}

proptest! {
    #[test]
    fn xtext_round_trips(text in "[ -~あ-ん]{0,40}", other in "[+=0-9A-Fa-f ~]{0,20}") {
        let encoded = encode_xtext(&text);
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic() && b != b'='));
        prop_assert_eq!(decode_xtext(&encoded), Some(text));
        let _ = decode_xtext(&other);
    }

    #[test]
    fn xtext_has_no_control_characters(octets in proptest::collection::vec(any::<u8>(), 0..8)) {
        let encoded: String = octets.iter().map(|b| format!("+{b:02X}")).collect();
        if let Some(text) = decode_xtext(&encoded) {
            prop_assert!(!text.chars().any(char::is_control));
        }
    }

    #[test]
    fn whatever_comes_back_is_well_formed(original in "(\\PC{0,30}\r?\n){0,6}", reply in "\\PC{0,60}", full in any::<bool>(), utf8 in any::<bool>()) {
        let case = Case::new("u@example.net");
        let recipient = DsnRecipient { diagnostic: Some(&reply), status: "5.0.0", ..case.recipient(Action::Failed) };
        let ret = if full { Return::Full } else { Return::Headers };
        let message = case.build(&[recipient], ret, original.replace('\r', "").as_bytes(), utf8);
        check(&message);
        prop_assert_eq!(&parse(&message).unwrap().recipients[0].recipient, "u@example.net");
    }

    #[test]
    fn damage_does_no_harm(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut message = b"Content-Type: message/delivery-status\r\n\r\n".to_vec();
        message.extend_from_slice(&octets);
        let _ = parse(&message);
    }
}
