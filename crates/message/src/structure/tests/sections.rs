#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::{SectionItem, SectionPath, Structure, section};
use super::FULL;

fn get(message: &str, part: &[u32], item: SectionItem<'_>) -> Option<String> {
    let path = SectionPath { part, item };
    let direct = section(message.as_bytes(), path);
    assert_eq!(direct, Structure::of(message.as_bytes()).section(path));
    direct.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn whole(part: &[u32]) -> Option<String> {
    get(FULL, part, SectionItem::Whole)
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn parts_have_their_octets() {
    assert_eq!(whole(&[]).unwrap(), FULL);
    assert_eq!(whole(&[1]).unwrap(), "first\r\npart");
    assert_eq!(whole(&[2]).unwrap(), "QUI=");
    let inner = whole(&[3]).unwrap();
    assert!(inner.starts_with("From: b@") && inner.ends_with("epilogue of inner"));
    assert_eq!(whole(&[3, 1]).unwrap(), "inner one");
    assert_eq!(whole(&[3, 2]).unwrap(), "<p>inner two</p>\r\n");
    assert_eq!(whole(&[4, 1]).unwrap(), "GIF");
    assert_eq!(whole(&[4, 2, 1]).unwrap(), "Subject: digested\r\n\r\nbody of digested");
    assert_eq!(whole(&[4, 2, 1, 1]).unwrap(), "body of digested");
    assert_eq!(whole(&[4, 2, 2]).unwrap(), "rich");
    for missing in [&[0][..], &[5], &[1, 1], &[3, 3], &[4, 3], &[4, 2, 1, 2], &[4, 2, 1, 1, 1], &[u32::MAX]] {
        assert_eq!(whole(missing), None, "{missing:?}");
    }
}

#[test]
fn headers_and_texts_of_messages_within() {
    let header = |part: &[u32]| get(FULL, part, SectionItem::Header);
    assert!(header(&[]).unwrap().ends_with("boundary=outer\r\n\r\n"));
    assert_eq!(
        header(&[3]).unwrap(),
        "From: b@example.jp\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=\"in ner\"\r\n\r\n"
    );
    assert_eq!(header(&[4, 2, 1]).unwrap(), "Subject: digested\r\n\r\n");
    assert_eq!(header(&[1]), None);
    assert_eq!(header(&[4]), None);
    assert!(get(FULL, &[3], SectionItem::Text).unwrap().starts_with("--in ner\r\n"));
    assert_eq!(get(FULL, &[], SectionItem::Text).unwrap(), FULL.split_once("\r\n\r\n").unwrap().1);
    let both = header(&[3]).unwrap() + &get(FULL, &[3], SectionItem::Text).unwrap();
    assert_eq!(both, whole(&[3]).unwrap());
}

#[test]
fn mime_headers_of_parts() {
    let mime = |part: &[u32]| get(FULL, part, SectionItem::Mime);
    assert_eq!(mime(&[1]).unwrap(), "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
    assert_eq!(mime(&[3]).unwrap(), "Content-Type: message/rfc822\r\n\r\n");
    assert_eq!(mime(&[3, 1]).unwrap(), "\r\n");
    assert_eq!(mime(&[4, 1]).unwrap(), "Content-Type: image/gif\r\nContent-ID: <4.1@example.jp>\r\n\r\n");
    assert_eq!(mime(&[]), None);
}

#[test]
fn fields_are_picked_in_their_order() {
    let fields = |part: &[u32], list: &[&str]| get(FULL, part, SectionItem::Fields(&names(list)));
    let others = |part: &[u32], list: &[&str]| get(FULL, part, SectionItem::FieldsNot(&names(list)));
    assert_eq!(fields(&[], &["subject", "FROM"]).unwrap(), "From: a@example.jp\r\nSubject: everything\r\n\r\n");
    assert_eq!(fields(&[], &["X-None"]).unwrap(), "\r\n");
    assert_eq!(fields(&[3], &["Subject"]).unwrap(), "Subject: inner\r\n\r\n");
    assert_eq!(others(&[3], &["Subject", "content-type"]).unwrap(), "From: b@example.jp\r\n\r\n");
    assert_eq!(fields(&[1], &["Subject"]), None);
    assert_eq!(
        get("Subject: a\r\n b\r\nX: y", &[], SectionItem::Fields(&names(&["subject"]))).unwrap(),
        "Subject: a\r\n b\r\n\r\n"
    );
    assert_eq!(get("Subject: a\r\nX: y", &[], SectionItem::FieldsNot(&names(&["subject"]))).unwrap(), "X: y\r\n\r\n");
}

#[test]
fn a_message_without_parts_has_one() {
    let message = "Subject: x\r\n\r\nbody\r\n";
    assert_eq!(get(message, &[1], SectionItem::Whole).unwrap(), "body\r\n");
    assert_eq!(get(message, &[1], SectionItem::Mime).unwrap(), "Subject: x\r\n\r\n");
    assert_eq!(get(message, &[2], SectionItem::Whole), None);
    assert_eq!(get(message, &[1, 1], SectionItem::Whole), None);
    let nested = "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ninner\r\n";
    assert_eq!(get(nested, &[1], SectionItem::Whole).unwrap(), "Subject: y\r\n\r\ninner\r\n");
    assert_eq!(get(nested, &[1], SectionItem::Header).unwrap(), "Subject: y\r\n\r\n");
    assert_eq!(get(nested, &[1, 1], SectionItem::Whole).unwrap(), "inner\r\n");
    assert_eq!(get(nested, &[1, 1, 1], SectionItem::Whole), None);
    let empty = "Content-Type: multipart/mixed\r\n\r\nall of it";
    assert_eq!(get(empty, &[1], SectionItem::Whole).unwrap(), "all of it");
}
