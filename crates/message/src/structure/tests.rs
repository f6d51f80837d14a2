#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod imap;
mod sections;

use super::*;

/// A message with everything in it, after RFC 3501 §6.4.5: parts 1, 2, 3 (a message with parts 1, 2), 4 (with 4.1, 4.2 (with 4.2.1, 4.2.2)).
const FULL: &str = "From: a@example.jp\r\n\
Subject: everything\r\n\
MIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=outer\r\n\
\r\n\
preamble\r\n\
--outer\r\n\
Content-Type: text/plain; charset=us-ascii\r\n\
\r\n\
first\r\n\
part\r\n\
--outer\r\n\
Content-Type: application/octet-stream; name=\"x.bin\"\r\n\
Content-Transfer-Encoding: base64\r\n\
Content-Disposition: attachment; filename=\"x.bin\"; size=2\r\n\
Content-ID: <x@example.jp>\r\n\
Content-Description: some octets\r\n\
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n\
Content-Language: ja, en\r\n\
Content-Location: http://example.jp/x\r\n\
\r\n\
QUI=\r\n\
--outer\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
From: b@example.jp\r\n\
Subject: inner\r\n\
Content-Type: multipart/alternative; boundary=\"in ner\"\r\n\
\r\n\
--in ner\r\n\
\r\n\
inner one\r\n\
--in ner  \r\n\
Content-Type: text/html\r\n\
\r\n\
<p>inner two</p>\r\n\
\r\n\
--in ner--\r\n\
epilogue of inner\r\n\
--outer\r\n\
Content-Type: multipart/mixed; boundary=four\r\n\
\r\n\
--four\r\n\
Content-Type: image/gif\r\n\
Content-ID: <4.1@example.jp>\r\n\
\r\n\
GIF\r\n\
--four\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
From: c@example.jp\r\n\
To: d@example.jp\r\n\
Content-Type: multipart/digest; boundary=five\r\n\
\r\n\
--five\r\n\
\r\n\
Subject: digested\r\n\
\r\n\
body of digested\r\n\
--five\r\n\
Content-Type: text/richtext\r\n\
\r\n\
rich\r\n\
--five--\r\n\
--four--\r\n\
--outer--\r\n\
epilogue\r\n";

#[test]
fn parts_are_where_they_are() {
    let structure = Structure::of(FULL.as_bytes());
    let kinds: Vec<_> = structure
        .parts()
        .iter()
        .map(|p| {
            format!(
                "{}/{}",
                String::from_utf8_lossy(&p.content.media.kind),
                String::from_utf8_lossy(&p.content.media.subtype)
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "multipart/mixed",
            "text/plain",
            "application/octet-stream",
            "message/rfc822",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "multipart/mixed",
            "image/gif",
            "message/rfc822",
            "multipart/digest",
            "message/rfc822",
            "text/plain",
            "text/richtext",
        ]
    );
    let root = structure.root().unwrap();
    assert_eq!(structure.body(root).len() + root.header.len(), FULL.len());
    assert_eq!(&*structure.decoded(structure.find("application", "octet-stream").unwrap()), b"AB");
    assert_eq!(structure.text(structure.find("TEXT", "HTML").unwrap()), "<p>inner two</p>\r\n");
}

#[test]
fn media_types_are_read_as_found() {
    let read = |value: &str| MediaType::parse(value.as_bytes());
    let parameters = |value: &str| -> Vec<String> {
        let list = read(value).unwrap().parameters.0;
        list.iter().map(|(n, v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v))).collect()
    };
    assert_eq!(parameters("text/plain"), Vec::<String>::new());
    assert_eq!(parameters("text/plain; charset=utf-8"), ["charset=utf-8"]);
    assert_eq!(
        parameters("text/plain ; charset = \"utf-8\" (comment); x=\"a;\\\"b\" junk ;"),
        ["charset=utf-8", "x=a;\"b"]
    );
    assert_eq!(parameters("text/plain (a; comment); x=y"), ["x=y"]);
    assert_eq!(parameters("text/plain; name=two words.txt; y"), ["name=two words.txt"]);
    assert_eq!(parameters("multipart/mixed; boundary=----=_Part_1=="), ["boundary=----=_Part_1=="]);
    assert_eq!(parameters("text/plain; a=b; =c; d=; e=\"unclosed"), ["a=b", "d=", "e=unclosed"]);
    assert_eq!(parameters("text/plain;;;charset=x"), ["charset=x"]);
    for bad in
        ["", "text", "text/", "/plain", "te xt/plain", "text/pl ain", "text/plain/x", "text plain; a/b", "; charset=x"]
    {
        assert_eq!(read(bad), None, "{bad:?}");
    }
    assert!(read("TEXT / HTML").unwrap().is("text", "html"));
}

#[test]
fn extended_parameters_are_put_together() {
    let get = |value: &str| MediaType::parse(value.as_bytes()).unwrap().parameters.get("name");
    assert_eq!(get("a/b; name=x").unwrap(), "x");
    assert_eq!(get("a/b; NAME*=utf-8'ja'%E6%97%A5%20x").unwrap(), "日 x");
    assert_eq!(get("a/b; name*1=\" two\"; name*0=\"one\"; name*3=no").unwrap(), "one two");
    assert_eq!(
        get("a/b; name*0*=iso-2022-jp''%1B$B; name*1*=%24%22; name*2=\"%.txt\"").unwrap().chars().next().unwrap(),
        'あ'
    );
    assert_eq!(get("a/b; name*0*=utf-8''%E6; name*1*=%97%A5; name*2=.txt").unwrap(), "日.txt");
    assert_eq!(get("a/b; name=\"=?utf-8?B?5pel?=.txt\"").unwrap(), "日.txt");
    assert_eq!(get("a/b; name*=nothing%41").unwrap(), "nothingA");
    assert_eq!(get("a/b; name*x=1; name*1=2"), None);
    assert_eq!(get("a/b; other=1"), None);
}

#[test]
fn encodings_and_ids_are_read() {
    let content = |header: &'static str| Content::read(header.as_bytes(), false);
    assert_eq!(content("Content-Transfer-Encoding: BASE64 (x)\r\n\r\n").encoding, &b"BASE64"[..]);
    assert_eq!(content("Content-Transfer-Encoding: ;\r\n\r\n").encoding, &b"7bit"[..]);
    assert_eq!(content("content-type: text/html\r\nContent-Type: a/b\r\n\r\n").media.subtype, b"html");
    assert_eq!(content("Content-Type: rubbish\r\n\r\n").media, MediaType::default());
    assert_eq!(content("Content-ID:\r\n <a@b>\r\n\r\n").id.unwrap(), &b"<a@b>"[..]);
    assert_eq!(content("Content-Language: ja\r\n\r\n").language, [b"ja"]);
    assert_eq!(content("Content-Disposition: ; filename=x\r\n\r\n").disposition, None);
}
