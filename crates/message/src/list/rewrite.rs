//! A post as the list sends it on.

use super::{ListInfo, headers, tag_subject};
use crate::header::{Fields, split};

/// Fields that a list takes out of a post: trace of the last delivery, and requests that every member would answer.
const DROPPED: [&str; 6] = [
    "Return-Path",
    "Precedence",
    "Errors-To",
    "Return-Receipt-To",
    "Disposition-Notification-To",
    "X-Confirm-Reading-To",
];

/// A post as the list sends it on: List-* fields of others and some more taken out, subject tagged, own fields added.
/// The body stays as it is, to the octet.
#[must_use]
pub fn rewrite(message: &[u8], info: &ListInfo<'_>) -> Vec<u8> {
    let (header, body) = split(message);
    let mut out = Vec::with_capacity(message.len() + 1024);
    let mut has_subject = false;
    for field in Fields::new(header) {
        let name = field.name();
        if name.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("List-")) || DROPPED.iter().any(|n| field.is(n)) {
            continue;
        }
        let tagged = if field.is("Subject") && !has_subject {
            has_subject = true;
            tag_subject(field.value(), info.subject_tag)
        } else {
            None
        };
        match tagged {
            Some(value) => {
                out.extend_from_slice(b"Subject: ");
                out.extend_from_slice(&value);
                out.extend_from_slice(b"\r\n");
            }
            None => {
                out.extend_from_slice(field.raw());
                if !field.raw().ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
    }
    if !has_subject && let Some(value) = tag_subject(b"", info.subject_tag) {
        out.extend_from_slice(b"Subject: ");
        out.extend_from_slice(&value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(headers(info).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}
