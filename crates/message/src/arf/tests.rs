#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

/// After the second example of RFC 5965 appendix B.
const REPORT: &str = "From: <abusedesk@example.com>\r\n\
Subject: FW: Earn money\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/report; report-type=feedback-report;\r\n boundary=\"part1_13d.2e68ed54_boundary\"\r\n\
\r\n\
--part1_13d.2e68ed54_boundary\r\n\
Content-Type: text/plain; charset=\"US-ASCII\"\r\n\
\r\n\
This is an email abuse report.\r\n\
\r\n\
--part1_13d.2e68ed54_boundary\r\n\
Content-Type: message/feedback-report\r\n\
\r\n\
Feedback-Type: Abuse\r\n\
User-Agent: SomeGenerator/1.0\r\n\
Version: 1\r\n\
Original-Mail-From: <somespammer@example.net>\r\n\
Original-Rcpt-To: <user@example.com>\r\n\
Original-Rcpt-To: <other@example.com>\r\n\
Received-Date: Thu, 8 Mar 2005 14:00:00 EDT\r\n\
Source-IP: 192.0.2.2\r\n\
Reported-Domain: example.net\r\n\
Reported-Uri: http://example.net/earn_money.html\r\n\
Reporting-MTA: dns; mail.example.com\r\n\
Incidents: 3\r\n\
\r\n\
--part1_13d.2e68ed54_boundary\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
From: <somespammer@example.net>\r\n\
Message-ID: <8787KJKJ3K4J3K4J3K4J3.mail@example.net>\r\n\
\r\n\
Spam Spam Spam\r\n\
--part1_13d.2e68ed54_boundary--\r\n";

#[test]
fn the_example_of_the_standard_is_read() {
    let report = parse(REPORT.as_bytes()).unwrap();
    assert_eq!(report.kind, "abuse");
    assert_eq!(report.user_agent.as_deref(), Some("SomeGenerator/1.0"));
    assert_eq!(report.mail_from.as_deref(), Some("somespammer@example.net"));
    assert_eq!(report.recipients, ["user@example.com", "other@example.com"]);
    assert_eq!(report.source, Some([192, 0, 2, 2].into()));
    assert_eq!(report.arrival, date::parse("Tue, 8 Mar 2005 18:00:00 +0000"));
    assert_eq!(report.domains, ["example.net"]);
    assert_eq!(report.uris, ["http://example.net/earn_money.html"]);
    assert_eq!(report.reporting_mta.as_deref(), Some("mail.example.com"));
    assert_eq!(report.incidents, 3);
    assert_eq!(report.original_message_id.as_deref(), Some("<8787KJKJ3K4J3K4J3K4J3.mail@example.net>"));
    assert_eq!(report.original_from, [Address::parse("somespammer@example.net").unwrap()]);
    assert!(report.original_header.starts_with(b"From: <somespammer"));
}

#[test]
fn a_report_within_a_message_is_not_a_report() {
    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{REPORT}");
    assert_eq!(parse(forwarded.as_bytes()), None);
    assert_eq!(parse(b"Subject: hello\r\n\r\nFeedback-Type: abuse\r\n"), None);
}

proptest! {
    #[test]
    fn damaged_reports_do_no_harm(at in 0usize..REPORT.len(), junk in "\\PC{0,20}") {
        let (head, tail) = REPORT.split_at(at);
        let _ = parse(format!("{head}{junk}{tail}").as_bytes());
        let _ = parse(head.as_bytes());
    }
}
