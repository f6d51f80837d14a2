#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Address {
    Address::parse(text).unwrap()
}

#[test]
fn ordinary_forms_are_kept() {
    for text in [
        "user@example.jp",
        "a.b+c@mail.example.jp",
        "user%other@example.jp",
        "x!y@example.jp",
        "u@localhost",
        "u@a_b.example.jp",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse("User@EXAMPLE.jp").to_string(), "User@example.jp");
    assert_eq!(parse("User@EXAMPLE.jp").key(), "user@example.jp");
}

#[test]
fn quoting_is_canonical() {
    assert_eq!(parse("\"user\"@example.jp").to_string(), "user@example.jp");
    assert_eq!(parse("\"us er\"@example.jp").to_string(), "\"us er\"@example.jp");
    assert_eq!(parse("\"us\\er\"@example.jp").local(), "user");
    assert_eq!(parse("\"a\\\"b\\\\c\"@example.jp").to_string(), "\"a\\\"b\\\\c\"@example.jp");
    assert_eq!(parse("\"a@b\"@example.jp").local(), "a@b");
    assert_eq!(parse("\".a.\"@example.jp").to_string(), "\".a.\"@example.jp");
}

#[test]
fn literals_are_read() {
    assert_eq!(parse("u@[192.0.2.1]").domain().literal(), Some([192, 0, 2, 1].into()));
    assert_eq!(parse("u@[ipv6:2001:DB8::1]").to_string(), "u@[IPv6:2001:db8::1]");
    for text in ["u@[]", "u@[192.0.2]", "u@[192.0.2.1", "u@[2001:db8::1]", "u@[IPv6:192.0.2.1]", "u@[x:y]"] {
        assert_eq!(Address::parse(text), Err(AddressError::BadDomain), "{text}");
    }
}

#[test]
fn internationalised_addresses_have_one_key() {
    let native = parse("ユーザー@例え.jp");
    let ascii = parse("ユーザー@xn--r8jz45g.jp");
    assert_eq!(native.domain().ascii(), "xn--r8jz45g.jp");
    assert_eq!(native.to_string(), "ユーザー@例え.jp");
    assert_eq!(native, ascii);
    assert_eq!(native.key(), ascii.key());
    assert_eq!(HashSet::from([native.clone(), ascii]).len(), 1);
    assert!(native.needs_smtputf8() && native.to_ascii().is_none());
    assert_eq!(parse("user@例え。ＪＰ").to_ascii().unwrap(), "user@xn--r8jz45g.jp");
    // NFC and NFD of the same name.
    assert_eq!(parse("Caf\u{e9}@example.jp").key(), parse("cafe\u{301}@example.jp").key());
}

#[test]
fn a_name_that_reads_differently_when_read_again_is_refused() {
    let twice = "ſiNN66666666m.xn--xn--ccffffgggggggggggggggcffffee-eesbbce.xn";
    assert!(Address::parse(&format!("a@{twice}")).is_err());
}

#[test]
fn what_is_no_address_is_refused_with_its_reason() {
    use AddressError::*;
    let cases = [
        ("", NoDomain),
        ("user", NoDomain),
        ("@example.jp", NoLocalPart),
        ("user@", NoDomain),
        ("\"\"@example.jp", NoLocalPart),
        (".user@example.jp", BadLocalPart),
        ("us..er@example.jp", BadLocalPart),
        ("us er@example.jp", BadLocalPart),
        ("user@other@example.jp", BadDomain),
        ("user@exa mple.jp", BadDomain),
        ("user@example..jp", BadDomain),
        ("user@-example.jp", BadDomain),
        ("user@example.jp.", BadDomain),
        ("user@127.0.0.1", BadDomain),
        ("user@１２７.0.0.1", BadDomain),
        ("us\r\ner@example.jp", BadLocalPart),
        ("\"us\r\ner\"@example.jp", BadLocalPart),
        ("\"us\\\ner\"@example.jp", BadLocalPart),
        ("\"user@example.jp", BadLocalPart),
        ("\"user\"x@example.jp", NoDomain),
        ("<user@example.jp>", BadLocalPart),
        ("us\u{2028}er@example.jp", BadLocalPart),
    ];
    for (text, error) in cases {
        assert_eq!(Address::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn lengths_are_bounded_in_octets() {
    assert!(Address::parse(&format!("{}@example.jp", "a".repeat(64))).is_ok());
    assert_eq!(Address::parse(&format!("{}@example.jp", "a".repeat(65))), Err(AddressError::TooLong));
    assert_eq!(Address::parse(&format!("{}@example.jp", "あ".repeat(22))), Err(AddressError::TooLong));
    assert_eq!(Address::parse(&format!("a@{}.jp", "b".repeat(64))), Err(AddressError::TooLong));
    let long = format!("a@{}", ["b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(60)].join("."));
    assert_eq!(long.len(), 254);
    assert!(Address::parse(&long).is_ok());
    assert_eq!(Address::parse(&format!("a{long}")), Err(AddressError::TooLong));
    assert_eq!(Address::parse(&"x".repeat(1_000_000)), Err(AddressError::TooLong));
}

#[test]
fn domains_know_what_is_below_them() {
    let domain = |text| Domain::parse(text).unwrap();
    assert!(domain("a.example.jp").is_within(&domain("Example.JP")));
    assert!(domain("example.jp").is_within(&domain("example.jp")));
    assert!(!domain("badexample.jp").is_within(&domain("example.jp")));
    assert!(!domain("example.jp").is_within(&domain("a.example.jp")));
}

#[test]
fn paths_are_read_with_and_without_routes() {
    assert_eq!(ReversePath::parse("<>").unwrap(), ReversePath::NULL);
    assert_eq!(ReversePath::parse("<u@example.jp>").unwrap().to_string(), "<u@example.jp>");
    assert_eq!(ForwardPath::parse("<@a.jp,@[IPv6:2001:db8::1]:u@example.jp>").unwrap().to_string(), "<u@example.jp>");
    assert_eq!(ForwardPath::parse("<postMASTER>").unwrap(), ForwardPath::Postmaster);
    let host = Domain::parse("mx.example.jp").unwrap();
    assert_eq!(ForwardPath::Postmaster.resolve(&host).unwrap().to_string(), "postmaster@mx.example.jp");
    for text in [
        "",
        "u@example.jp",
        "<u@example.jp",
        "<u@example.jp> ",
        "<@a.jp>",
        "<@a.jp,:u@b.jp>",
        "<@a.jp@b.jp:u@c.jp>",
        "<<u@b.jp>>",
    ] {
        assert!(ForwardPath::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn serde_uses_the_text_form() {
    let address = parse("\"a b\"@例え.jp");
    let value = serde::de::value::StringDeserializer::<serde::de::value::Error>::new(address.to_string());
    assert_eq!(<Address as serde::Deserialize>::deserialize(value).unwrap(), address);
}

proptest! {
    #[test]
    fn anything_is_refused_or_survives_a_round_trip(text in "\\PC{0,80}") {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(&Address::parse(&address.to_string()).unwrap(), &address);
            let key = Address::parse(&address.key());
            prop_assert!(key.is_err() || key.unwrap().key() == address.key());
        }
    }

    #[test]
    fn any_local_part_can_be_written_and_read(local in "[ -~あ-ん]{1,20}", domain in "[a-z]{1,10}(\\.[a-z]{1,10}){0,3}") {
        let address = Address::from_parts(&local, Domain::parse(&domain).unwrap());
        if let Ok(address) = address {
            let again = Address::parse(&address.to_string()).unwrap();
            prop_assert_eq!(again.local(), local.as_str());
            prop_assert_eq!(again, address);
        }
    }

    #[test]
    fn paths_never_panic(text in "[<>@:,\\[\\]\"\\\\a-c. ]{0,40}") {
        let _ = ReversePath::parse(&text);
        if let Ok(path) = ForwardPath::parse(&text) {
            prop_assert_eq!(ForwardPath::parse(&path.to_string()).unwrap(), path);
        }
    }
}
