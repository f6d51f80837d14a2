#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::rules::Severity;
use crate::rules::filter::{Level, MailFilter};
use crate::rules::gateway::Gateways;

const FILE: &str = "\
Virus:subdomain[1]\r\n\
To:@SUB.DOMAIN.JP\r\n\
Level:110\r\n\
Warning:\r\n\
first line\r\n\
Level: not a level\r\n\
WarningEnd:\r\n\
VirusEnd:\r\n\
Virus:pills[2]\r\n\
From:pills\r\n\
X-Mailer:Blaster 2\r\n\
X-Mailer:Blaster 3\r\n\
Level:101\r\n\
VirusEnd:\r\n";

fn hit(file: &str, header: &str) -> Option<(u32, Level)> {
    MailFilter::parse(file.as_bytes())
        .decide(format!("{header}\r\nbody\r\n").as_bytes())
        .map(|hit| (hit.line, hit.level))
}

#[test]
fn a_block_matches_when_all_its_fields_do() {
    let keep = Level { quarantine: true, bar: false };
    let bar = Level { quarantine: false, bar: true };
    assert_eq!(hit(FILE, "To: a@SUB.DOMAIN.JP\r\n"), Some((1, keep)));
    assert_eq!(hit(FILE, "To: a@sub.domain.jp\r\n"), None, "case counts");
    assert_eq!(hit(FILE, "From: pills <a@b>\r\nX-Mailer: Blaster 3\r\n"), Some((9, bar)));
    assert_eq!(hit(FILE, "From: pills <a@b>\r\n"), None, "all fields");
    assert_eq!(hit(FILE, "From: x\r\nX-Mailer: Blaster 2\r\n"), None);
    assert_eq!(hit(FILE, "Subject: To: a@SUB.DOMAIN.JP\r\n"), None);
    let read = MailFilter::parse(FILE.as_bytes());
    assert!(read.findings().is_empty(), "{:?}", read.findings());
    let warned = read.decide(b"To: a@SUB.DOMAIN.JP\r\n\r\n").unwrap();
    assert_eq!((warned.name.as_str(), warned.warning.as_str()), ("subdomain[1]", "first line\nLevel: not a level"));
}

#[test]
fn encoded_words_and_shift_jis_meet() {
    // 未承諾広告 in Shift-JIS, in the file and raw in the header, and as an encoded word.
    let word = b"\x96\xa2\x8f\xb3\x91\xf8\x8d\x4c\x8d\x90";
    let file = [b"Virus:ad\nFrom:".as_slice(), word, b"\nLevel:100\nVirusEnd:\n"].concat();
    let filter = MailFilter::parse(&file);
    assert_eq!(filter.len(), 1);
    let raw = [b"From: ".as_slice(), word, b" <a@b>\r\n\r\n"].concat();
    assert!(filter.decide(&raw).is_some());
    assert!(filter.decide(b"From: =?UTF-8?B?5pyq5om/6Ku+5bqD5ZGK?= <a@b>\r\n\r\n").is_some());
    assert!(filter.decide(b"From: =?UTF-8?B?44OG44K544OI?= <a@b>\r\n\r\n").is_none());
}

#[test]
fn a_broken_block_refuses_nothing() {
    for broken in [
        "Virus:all\nLevel:100\nVirusEnd:\n",
        "Virus:all\nFrom:\nLevel:100\nVirusEnd:\n",
        "Virus:all\nFrom:a\nLevel:200\nVirusEnd:\n",
        "Virus:all\nFrom:a\nVirusEnd:\n",
        "Virus:all\nFrom:a\nLevel:100\n",
        "Virus:all\nFrom:a\nLevel:100\nWarning:\nnever ended\n",
    ] {
        let read = MailFilter::parse(broken.as_bytes());
        assert!(read.is_empty(), "{broken}");
        assert!(read.findings().iter().any(|finding| finding.severity == Severity::Error), "{broken}");
    }
    let after = format!("Virus:open\nFrom:a\n{FILE}");
    assert_eq!(MailFilter::parse(after.as_bytes()).len(), 2, "the next block is whole");
}

#[test]
fn gateways_are_domain_host_and_port() {
    let read = Gateways::parse(
        b"# comment\r\nExample.JP, relay.example.jp\r\n*.example.com,192.0.2.7,2525\r\n*,[2001:db8::1],587\r\nexample.jp,other\r\n",
    );
    let rows: Vec<(&str, &str, u16)> =
        read.rows().iter().map(|row| (row.domain.as_str(), row.host.as_str(), row.port)).collect();
    assert_eq!(
        rows,
        [("example.jp", "relay.example.jp", 25), ("*.example.com", "192.0.2.7", 2525), ("*", "2001:db8::1", 587)]
    );
    assert_eq!(read.findings().len(), 1);
    for bad in [
        "example.jp",
        "example.jp,",
        ",host",
        "example.jp,host,0",
        "example.jp,host,99999",
        "*x.jp,host",
        "a.jp,b.jp,25,user,pass",
    ] {
        let read = Gateways::parse(bad.as_bytes());
        assert!(read.rows().is_empty() && read.findings().len() == 1, "{bad}");
    }
}
