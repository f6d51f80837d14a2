#![allow(clippy::unwrap_used, clippy::expect_used)]

use expect_test::{Expect, expect};

use super::super::summarize;
use super::FULL;

fn check(actual: &[u8], expected: Expect) {
    // One list a line reads better than one line of a thousand characters.
    let text = String::from_utf8_lossy(actual).replace(")(", ")\n(").replace("\r\n", "↵");
    expected.assert_eq(&text);
}

#[test]
fn body_and_bodystructure_of_everything() {
    let summary = summarize(FULL.as_bytes());
    check(
        &summary.body,
        expect![[r#"
            (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 1)
            ("application" "octet-stream" ("name" "x.bin") "<x@example.jp>" "some octets" "base64" 4)
            ("message" "rfc822" NIL NIL NIL "7bit" 205 (NIL "inner" ((NIL NIL "b" "example.jp")) ((NIL NIL "b" "example.jp")) ((NIL NIL "b" "example.jp")) NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 9 0)
            ("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 18 1) "alternative") 13)
            (("image" "gif" NIL "<4.1@example.jp>" NIL "7bit" 3)
            ("message" "rfc822" NIL NIL NIL "7bit" 189 (NIL NIL ((NIL NIL "c" "example.jp")) ((NIL NIL "c" "example.jp")) ((NIL NIL "c" "example.jp")) ((NIL NIL "d" "example.jp")) NIL NIL NIL NIL) (("message" "rfc822" NIL NIL NIL "7bit" 37 (NIL "digested" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 16 0) 2)
            ("text" "richtext" ("charset" "us-ascii") NIL NIL "7bit" 4 0) "digest") 13) "mixed") "mixed")"#]],
    );
    check(
        &summary.bodystructure,
        expect![[r#"
            (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 1 NIL NIL NIL NIL)
            ("application" "octet-stream" ("name" "x.bin") "<x@example.jp>" "some octets" "base64" 4 "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "x.bin" "size" "2")) ("ja" "en") "http://example.jp/x")
            ("message" "rfc822" NIL NIL NIL "7bit" 205 (NIL "inner" ((NIL NIL "b" "example.jp")) ((NIL NIL "b" "example.jp")) ((NIL NIL "b" "example.jp")) NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 9 0 NIL NIL NIL NIL)
            ("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 18 1 NIL NIL NIL NIL) "alternative" ("boundary" "in ner") NIL NIL NIL) 13 NIL NIL NIL NIL)
            (("image" "gif" NIL "<4.1@example.jp>" NIL "7bit" 3 NIL NIL NIL NIL)
            ("message" "rfc822" NIL NIL NIL "7bit" 189 (NIL NIL ((NIL NIL "c" "example.jp")) ((NIL NIL "c" "example.jp")) ((NIL NIL "c" "example.jp")) ((NIL NIL "d" "example.jp")) NIL NIL NIL NIL) (("message" "rfc822" NIL NIL NIL "7bit" 37 (NIL "digested" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 16 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)
            ("text" "richtext" ("charset" "us-ascii") NIL NIL "7bit" 4 0 NIL NIL NIL NIL) "digest" ("boundary" "five") NIL NIL NIL) 13 NIL NIL NIL NIL) "mixed" ("boundary" "four") NIL NIL NIL) "mixed" ("boundary" "outer") NIL NIL NIL)"#]],
    );
    assert_eq!(summary.header_len as usize, FULL.find("preamble").unwrap());
}

#[test]
fn envelope_of_the_standard() {
    // The example of RFC 3501 §8.
    let message = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\
        From: Terry Gray <gray@cac.washington.edu>\r\n\
        Subject: IMAP4rev1 WG mtg summary and minutes\r\n\
        To: imap@cac.washington.edu\r\n\
        cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n\
        Message-Id: <B27397-0100000@cac.washington.edu>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n";
    let summary = summarize(message.as_bytes());
    check(
        &summary.envelope,
        expect![[r#"
            ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")
            ("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")"#]],
    );
    check(&summary.body, expect![[r#"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7bit" 0 0)"#]]);
}

#[test]
fn what_cannot_be_quoted_is_a_literal() {
    let message = "Subject: \"quoted\" and \\back\r\n\
        From: \"A \\\"B\\\"\" <@route.example:a@example.jp>, caf\u{e9} <b@example.jp>, group: x@y; , broken\r\n\
        Sender: \r\n\
        Reply-To: (comment only)\r\n\
        To: undisclosed-recipients:;\r\n\
        In-Reply-To: \u{3042}\0\r\n\
        Content-Type: text/plain; name=\"\u{3042}\"; name*=utf-8''%E3\r\n\r\n\u{3042}";
    let summary = summarize(message.as_bytes());
    check(
        &summary.envelope,
        expect![[r#"
            (NIL "\"quoted\" and \\back" (("A \"B\"" "@route.example" "a" "example.jp")
            ({5}↵café NIL "b" "example.jp")
            (NIL NIL "group" NIL)
            (NIL NIL "x" "y")
            (NIL NIL NIL NIL)
            (NIL NIL "broken" "")) (("A \"B\"" "@route.example" "a" "example.jp")
            ({5}↵café NIL "b" "example.jp")
            (NIL NIL "group" NIL)
            (NIL NIL "x" "y")
            (NIL NIL NIL NIL)
            (NIL NIL "broken" "")) (("A \"B\"" "@route.example" "a" "example.jp")
            ({5}↵café NIL "b" "example.jp")
            (NIL NIL "group" NIL)
            (NIL NIL "x" "y")
            (NIL NIL NIL NIL)
            (NIL NIL "broken" "")) ((NIL NIL "undisclosed-recipients" NIL)
            (NIL NIL NIL NIL)) NIL NIL {3}↵あ NIL)"#]],
    );
    check(
        &summary.bodystructure,
        expect![[
            r#"("text" "plain" ("name" {3}↵あ "name*" "utf-8''%E3" "charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)"#
        ]],
    );
}

#[test]
fn messages_without_anything_have_a_structure() {
    for message in ["", "\r\n", "no header at all"] {
        let summary = summarize(message.as_bytes());
        check(&summary.envelope, expect!["(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"]);
        check(
            &summary.bodystructure,
            expect![[r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)"#]],
        );
    }
}

#[test]
fn multiparts_without_parts_hide_nothing() {
    let summary = summarize(b"Content-Type: multipart/mixed\r\n\r\nhidden\r\ntext\r\n");
    check(
        &summary.bodystructure,
        expect![[
            r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 14 2 NIL NIL NIL NIL) "mixed" NIL NIL NIL NIL)"#
        ]],
    );
    let summary = summarize(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n");
    check(&summary.body, expect![[r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1) "mixed")"#]]);
}
