#![allow(clippy::unwrap_used, clippy::expect_used)]

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::header::Headers;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn info<'a>(list: &'a Address, other: &'a Address) -> ListInfo<'a> {
    ListInfo {
        address: list,
        name: "利用者の会",
        owner: Some(other),
        unsubscribe: Some(other),
        unsubscribe_uri: Some("https://example.jp/u?x=1"),
        archive_uri: Some("https://example.jp/archive"),
        posting: Posting::Open,
        subject_tag: "[users]",
    }
}

#[test]
fn fields_follow_the_standards() {
    let (list, owner) = (address("Users@例え.jp"), address("\"o wner%\"@example.jp"));
    let text = headers(&info(&list, &owner));
    expect![[r#"
        List-Id: =?utf-8?B?5Yip55So6ICF44Gu5Lya?= <users.xn--r8jz45g.jp>
        List-Post: <mailto:Users@xn--r8jz45g.jp>
        List-Owner: <mailto:%22o%20wner%25%22@example.jp>
        List-Unsubscribe: <https://example.jp/u?x=1>,
         <mailto:%22o%20wner%25%22@example.jp?subject=unsubscribe>
        List-Unsubscribe-Post: List-Unsubscribe=One-Click
        List-Archive: <https://example.jp/archive>
        Precedence: list
    "#]]
    .assert_eq(&text.replace("\r\n", "\n"));
}

#[test]
fn bad_uris_and_closed_lists() {
    let (list, owner) = (address("news@example.jp"), address("o@example.jp"));
    let info = ListInfo {
        name: "",
        owner: None,
        unsubscribe_uri: Some("http://plain.example.jp/"),
        archive_uri: Some("https://x/>\r\nBcc: y"),
        posting: Posting::Closed,
        ..info(&list, &owner)
    };
    let text = headers(&info);
    assert!(text.starts_with("List-Id: <news.example.jp>\r\nList-Post: NO"));
    assert!(
        !text.contains("One-Click")
            && !text.contains("plain.example")
            && !text.contains("Archive")
            && !text.contains("Owner")
    );
}

#[test]
fn ids_are_different_for_different_lists() {
    assert_eq!(id(&address("a.b@example.jp")), "a.b.example.jp");
    assert_ne!(id(&address("あ@example.jp")), id(&address("い@example.jp")));
    assert_eq!(id(&address("\"a b\"@example.jp")), "ax20b.example.jp");
    assert_eq!(id(&address("\".a..\"@example.jp")), "x2ea.x2e.example.jp");
}

#[test]
fn posts_are_rewritten_once() {
    let (list, owner) = (address("users@example.jp"), address("o@example.jp"));
    let info = info(&list, &owner);
    let post = b"Return-Path: <a@b>\r\nReceived: x\r\nList-Id: <other.example>\r\nlist-post: <y>\r\nSubject: =?utf-8?B?5pel5pys?=\r\n =?utf-8?B?6Kqe?=\r\nDisposition-Notification-To: a@b\r\nFrom: a@b\r\n\r\nbody \xff\r\n.\n";
    assert!(!has_passed(post, &list));
    let sent = rewrite(post, &info);
    assert!(has_passed(&sent, &list) && !has_passed(&sent, &owner));
    let header = Headers::of(&sent);
    assert_eq!(header.text("Subject").unwrap(), "[users] 日本語");
    assert_eq!(header.all("List-Id").count(), 1);
    assert_eq!(header.all("List-Post").count(), 1);
    for gone in ["Return-Path", "Disposition-Notification-To"] {
        assert!(header.first(gone).is_none());
    }
    assert_eq!(header.first("Received").unwrap().raw(), b"Received: x\r\n");
    assert!(sent.ends_with(b"\r\n\r\nbody \xff\r\n.\n"));
    // Through a second time nothing is added.
    assert_eq!(rewrite(&sent, &info), sent);
}

#[test]
fn posts_without_a_subject_or_a_body() {
    let (list, owner) = (address("users@example.jp"), address("o@example.jp"));
    let sent = rewrite(b"From: a@b", &info(&list, &owner));
    assert_eq!(Headers::of(&sent).text("Subject").unwrap(), "[users]");
    assert!(sent.starts_with(b"From: a@b\r\nSubject") && sent.ends_with(b"\r\n\r\n"));
}

#[test]
fn subjects_are_tagged_whatever_their_encoding() {
    let tagged = |value: &str, tag: &str| tag_subject(value.as_bytes(), tag).map(|v| String::from_utf8(v).unwrap());
    assert_eq!(tagged(" hello ", "[a]").unwrap(), "[a] hello");
    assert_eq!(tagged("Re: [a] hello", "[a]"), None);
    assert_eq!(tagged("hello", ""), None);
    assert_eq!(tagged("=?utf-8?Q?Re:_[a]_x?=", "[a]"), None);
    assert_eq!(tagged("=?utf-8?Q?x?=", "[会]").unwrap(), "=?utf-8?B?W+S8ml0g?= =?utf-8?Q?x?=");
    assert_eq!(crate::charset::decode_header(tagged("=?utf-8?Q?x?=", "[会]").unwrap().as_bytes()), "[会] x");
    assert_eq!(crate::charset::decode_header(tagged("x", "[会]").unwrap().as_bytes()), "[会] x");
    assert_eq!(tagged("x", "[a]\r\nBcc: y").unwrap(), "[a]  Bcc: y x");
    assert_eq!(strip_tag("Re: [a] Re: [a] x", "[a]"), "Re: Re: x");
    assert_eq!(strip_tag("x  y", ""), "x  y");
}

proptest! {
    #[test]
    fn tags_stick_once(subject in "[ -~あ-ん]{0,40}", tag in "\\[[a-z会]{1,8}\\]") {
        let value = crate::header::encode_text(&subject);
        if let Some(tagged) = tag_subject(value.as_bytes(), &tag) {
            let text = crate::charset::decode_header(&tagged);
            prop_assert!(text.starts_with(&tag));
            prop_assert_eq!(tag_subject(&tagged, &tag), None);
        }
    }

    #[test]
    fn rewriting_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (list, owner) = (address("users@example.jp"), address("o@example.jp"));
        let sent = rewrite(&bytes, &info(&list, &owner));
        prop_assert!(has_passed(&sent, &list));
    }
}
