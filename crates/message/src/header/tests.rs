#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::Address;

fn headers(text: &str) -> Headers<'_> {
    Headers::of(text.as_bytes())
}

fn list(value: &str) -> Vec<String> {
    address_list(value.as_bytes()).iter().map(ToString::to_string).collect()
}

fn from(value: &str) -> Parsed {
    originators(format!("From: {value}\r\n\r\n").as_bytes()).from
}

#[test]
fn fields_keep_every_octet() {
    let text = "Subject: one\r\n two\r\n\tthree\r\nX-Empty:\r\nnonsense\r\nBad Name: x\r\nOld : y\r\n\r\nbody: no\r\n";
    let header = headers(text);
    let names: Vec<_> = header.iter().map(|f| f.name()).collect();
    assert_eq!(names, ["Subject", "X-Empty", "", "", "Old"]);
    let raw: Vec<u8> = header.iter().flat_map(|f| f.raw().to_vec()).collect();
    assert_eq!([raw.as_slice(), b"\r\n"].concat(), header.raw());
    assert_eq!(&*header.first("SUBJECT").unwrap().unfolded(), b"one two\tthree");
    assert_eq!(header.first("x-empty").unwrap().value(), b"");
    assert_eq!(header.text("old").unwrap(), "y");
    assert!(header.first("body").is_none() && header.first("").is_none());
}

#[test]
fn headers_end_where_they_end() {
    assert_eq!(split(b"A: b\n\nbody"), (&b"A: b\n\n"[..], &b"body"[..]));
    assert_eq!(split(b"\r\nbody"), (&b"\r\n"[..], &b"body"[..]));
    assert_eq!(split(b"A: b"), (&b"A: b"[..], &b""[..]));
    assert_eq!(split(b"A: b\r\n \r\n\r\nbody").1, b"body");
    assert_eq!(headers("A: b\r\n \r\nC: d\r\n\r\n").iter().count(), 2);
    assert_eq!(headers("\r\n A: b\r\n").iter().count(), 0);
}

#[test]
fn bounds_are_told() {
    assert_eq!(headers("A: b\r\n\r\n").check(), Ok(()));
    assert_eq!(headers(&"A: b\r\n".repeat(MAX_FIELDS + 1)).check(), Err(HeaderError::TooManyFields));
    assert_eq!(headers(&format!("A: {}\r\n", "b".repeat(MAX_HEADER_OCTETS))).check(), Err(HeaderError::TooLarge));
}

#[test]
fn address_lists_of_the_standard_are_read() {
    assert_eq!(list("user@example.jp"), ["<user@example.jp>"]);
    assert_eq!(list("\"Joe Q. Public\" <john.q.public@example.com>"), ["Joe Q. Public <john.q.public@example.com>"]);
    assert_eq!(
        list("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
        ["Mary Smith <mary@x.test>", "<jdoe@example.org>", "Who? <one@y.test>"]
    );
    assert_eq!(
        list("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
        ["<boss@nil.test>", "Giant; \"Big\" Box <sysservices@example.net>"]
    );
    assert_eq!(
        list("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
        ["A Group:", "Ed Jones <c@a.test>", "<joe@where.test>", "John <jdoe@one.test>", ";"]
    );
    assert_eq!(list("Undisclosed recipients:;"), ["Undisclosed recipients:", ";"]);
    assert_eq!(list("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"), ["Hidden recipients:", ";"]);
    assert_eq!(list("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"), ["Pete <pete@silly.test>"]);
    assert_eq!(
        list("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
        ["Mary Smith <mary@example.net>", "<jdoe@test.example>"]
    );
    assert_eq!(list("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= <a@b.jp>"), ["=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= <a@b.jp>"]);
    assert_eq!(list("user@[192.0.2.1]"), ["<user@[192.0.2.1]>"]);
    assert_eq!(list(""), Vec::<String>::new());
}

#[test]
fn comments_stand_in_for_names() {
    assert_eq!(list("user@example.jp (The User)"), ["The User <user@example.jp>"]);
    assert_eq!(list("(The User) <user@example.jp>"), ["The User <user@example.jp>"]);
    assert_eq!(list("Name <user@example.jp> (not this)"), ["Name <user@example.jp>"]);
}

#[test]
fn nothing_hides_in_a_from_field() {
    let owned = |parsed: &Parsed| {
        let me = Address::parse("me@example.jp").unwrap();
        parsed.fields == 1
            && parsed.unreadable.is_empty()
            && parsed.addresses.iter().all(|a| *a == me)
            && !parsed.addresses.is_empty()
    };
    assert!(owned(&from("me@example.jp")));
    assert!(owned(&from("=?utf-8?Q?Boss_=3Cboss=40bank=2Ejp=3E?= <me@example.jp>")));
    assert!(owned(&from("\"boss@bank.jp\" <me@EXAMPLE.jp>")));
    assert!(owned(&from("team: me@example.jp;")));
    for evil in [
        "boss@bank.jp",
        "boss@bank.jp, me@example.jp",
        "me@example.jp, boss@bank.jp",
        "me@example.jp boss@bank.jp",
        "<boss@bank.jp> <me@example.jp>",
        "<me@example.jp> <boss@bank.jp>",
        "<me@example.jp> boss@bank.jp",
        "<me@example.jp",
        "<me@example.jp@bank.jp>",
        "<boss@bank.jp,me@example.jp>",
        "g: boss@bank.jp;, me@example.jp",
        "g: me@example.jp; boss@bank.jp",
        "me@example.jp; <boss@bank.jp>",
        "Boss, me@example.jp",
        "Boss",
        "",
        "<>",
        "undisclosed:;",
        "\"me@example.jp",
        "(me@example.jp)",
        "me@example.jp\\, boss@bank.jp",
        "me@example.jp@",
        "me @ example.jp . bank.jp",
    ] {
        // One exception to being refused: an unclosed bracket reads as the one address that it holds.
        assert_eq!(owned(&from(evil)), evil == "<me@example.jp", "{evil:?} {:?}", from(evil));
    }
}

#[test]
fn repeated_from_fields_are_counted() {
    let all = originators(b"From: a@example.jp\r\nfrom : b@example.jp\r\nSender: c@example.jp\r\n\r\n");
    assert_eq!(all.from.fields, 2);
    assert_eq!(all.from.addresses.len(), 2);
    assert_eq!(all.sender.addresses, field_addresses(b"Sender: c@example.jp\n\n", "sender"));
    assert_eq!(from_addresses(b"From: a@example.jp, b@example.jp\r\n\r\n").len(), 2);
}

#[test]
fn a_flood_of_addresses_is_bounded_and_noticed() {
    let parsed = from(&"a@b.jp,".repeat(20_000));
    assert!(parsed.addresses.len() <= 10_000);
    assert!(!parsed.unreadable.is_empty());
}

#[test]
fn built_fields_cannot_be_broken_out_of() {
    let mut builder = HeaderBuilder::new();
    let address = Address::parse("u@example.jp").unwrap();
    builder.text("Subject", "hello\r\nBcc: victim@example.jp\r\n\r\nbody").unwrap();
    builder.structured("X-Id", "a\rb\nc\0d\u{85}e\u{2028}f").unwrap();
    builder.mailbox("From", "Evil\r\n\"<x@y>", &address).unwrap();
    assert_eq!(builder.text("Bad\r\nName", "x").err(), Some(HeaderError::BadName));
    assert_eq!(builder.text("Bad:", "x").err(), Some(HeaderError::BadName));
    assert_eq!(builder.text("", "x").err(), Some(HeaderError::BadName));
    let text = builder.finish();
    assert_eq!(
        text,
        "Subject: hello  Bcc: victim@example.jp    body\r\nX-Id: a b c d e f\r\nFrom: \"Evil  \\\"<x@y>\" <u@example.jp>\r\n"
    );
    assert_eq!(Headers::of(text.as_bytes()).iter().count(), 3);
}

#[test]
fn long_and_foreign_text_is_encoded_and_folded() {
    let subject = "[list] これはとても長い件名で、何行にもわたって折り返されなければなりません。 the end";
    let mut builder = HeaderBuilder::new();
    builder.text("Subject", subject).unwrap();
    builder.mailbox("From", "山田 太郎", &Address::parse("t@example.jp").unwrap()).unwrap();
    let text = builder.finish();
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 78), "{text}");
    assert!(text.starts_with("Subject: [list]\r\n =?utf-8?B?") && text.contains(" the end\r\n"), "{text}");
    assert_eq!(headers(&text).text("Subject").unwrap(), subject);
    assert_eq!(headers(&text).text("From").unwrap(), "山田 太郎 <t@example.jp>");
    assert_eq!(encode_text("looks =?like?= one"), encode_words("looks =?like?= one"));
    assert!(fold(&format!("Subject: {}", encode_text(&"x".repeat(5000)))).lines().all(|line| line.len() <= 76));
}

proptest! {
    #[test]
    fn a_header_is_its_fields(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), any::<u8>()], 0..200)) {
        let (header, body) = split(&bytes);
        prop_assert_eq!([header, body].concat(), bytes.clone());
        let mut joined: Vec<u8> = Fields::new(header).flat_map(|f| f.raw().to_vec()).collect();
        if header.ends_with(b"\n\n") || header.ends_with(b"\n\r\n") || header == b"\n" || header == b"\r\n" {
            joined.extend_from_slice(if header.ends_with(b"\r\n") { b"\r\n" } else { b"\n" });
        }
        prop_assert_eq!(joined, header);
        let _ = originators(&bytes);
        for field in Fields::new(header) {
            let _ = field.text();
        }
    }

    #[test]
    fn address_lists_never_panic(value in "[<>@:;,\\[\\]()\"\\\\a-c. =?]{0,60}") {
        let items = address_list(value.as_bytes());
        let starts = items.iter().filter(|i| matches!(i, AddressItem::GroupStart(_))).count();
        let ends = items.iter().filter(|i| matches!(i, AddressItem::GroupEnd)).count();
        prop_assert_eq!(starts, ends);
    }

    #[test]
    fn any_text_survives_a_field(text in "\\PC{0,120}") {
        let mut builder = HeaderBuilder::new();
        builder.text("Subject", &text).unwrap();
        let built = builder.finish();
        prop_assert_eq!(Headers::of(built.as_bytes()).iter().count(), 1);
        let read = Headers::of(built.as_bytes()).text("Subject").unwrap();
        let plain = |t: &str| t.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(plain(&read), plain(&text));
    }

    #[test]
    fn any_display_name_survives(name in "\\PC{0,60}") {
        let mut builder = HeaderBuilder::new();
        builder.mailbox("From", &name, &Address::parse("u@example.jp").unwrap()).unwrap();
        let built = builder.finish();
        let parsed = originators(built.as_bytes()).from;
        prop_assert_eq!(parsed.unreadable, Vec::<String>::new());
        prop_assert_eq!(parsed.addresses, vec![Address::parse("u@example.jp").unwrap()]);
    }

    #[test]
    fn mailboxes_of_any_address_are_read_back(local in "[ -~]{1,20}") {
        if let Ok(address) = Address::from_parts(&local, crate::Domain::parse("example.jp").unwrap()) {
            let parsed = from(&format!("Name <{address}>, {address}"));
            prop_assert_eq!(parsed.addresses, vec![address.clone(), address]);
        }
    }
}
