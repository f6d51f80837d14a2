//! Writing trace fields.

use super::ReceivedFields;
use crate::{ReversePath, date};

/// Longest piece of a stranger's text that is repeated in a Received field, in octets.
const MAX_CLAUSE_OCTETS: usize = 255;

/// A complete Received field, folded, with its final CRLF (RFC 5321 §4.4).
#[must_use]
pub fn received(fields: &ReceivedFields<'_>) -> String {
    let mut out = String::with_capacity(320);
    out.push_str("Received: from ");
    push_word(&mut out, fields.helo, "unknown");
    push_tcp_info(&mut out, fields);
    out.push_str("\r\n\tby ");
    push_word(&mut out, fields.by, "localhost");
    out.push_str(" with ");
    out.push_str(fields.with.name());
    out.push_str(" id ");
    push_word(&mut out, fields.id, "unknown");
    if let Some(mark) = fields.mark {
        out.push_str("\r\n\t(mark=");
        push_word(&mut out, mark, "none");
        out.push(')');
    }
    if let Some(tls) = &fields.tls {
        out.push_str("\r\n\t(version=");
        push_word(&mut out, tls.version, "TLS");
        out.push_str(" cipher=");
        push_word(&mut out, tls.cipher, "unknown");
        out.push(')');
    }
    if let Some(recipient) = fields.recipient {
        out.push_str("\r\n\tfor <");
        out.push_str(&recipient.to_string());
        out.push('>');
    }
    out.push_str(";\r\n\t");
    out.push_str(&date::format_rfc5322(fields.at, fields.offset_minutes));
    out.push_str("\r\n");
    out
}

/// A complete Return-Path field with its CRLF, as final delivery adds it (RFC 5321 §4.4).
#[must_use]
pub fn return_path(path: &ReversePath) -> String {
    format!("Return-Path: {path}\r\n")
}

/// ` (name [192.0.2.1])`: TCP-info of RFC 5321 §4.4.
fn push_tcp_info(out: &mut String, fields: &ReceivedFields<'_>) {
    let Some(ip) = fields.peer else { return };
    out.push_str(" (");
    if let Some(name) = fields.peer_name {
        push_word(out, name, "unknown");
        out.push(' ');
    }
    out.push_str(crate::Domain::of_ip(ip.to_canonical()).as_str());
    out.push(')');
}

/// A word that cannot end a clause, a comment or the field, whatever a stranger put into it.
fn push_word(out: &mut String, word: &str, empty: &str) {
    if word.is_empty() {
        out.push_str(empty);
        return;
    }
    let harmless = |c: char| match c {
        '(' | ')' | '<' | '>' | ';' | ',' | '"' | '\\' => '?',
        c if c.is_ascii_graphic() => c,
        c if c.is_ascii() || c.is_control() || c.is_whitespace() => '?',
        c => c,
    };
    let mut length = 0;
    for c in word.chars() {
        length += c.len_utf8();
        if length > MAX_CLAUSE_OCTETS {
            break;
        }
        out.push(harmless(c));
    }
}
