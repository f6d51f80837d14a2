//! All the text of a message as IMAP looks through it (RFC 3501 §6.4.4).

use std::borrow::Cow;

use memchr::memchr;

use super::casemap::push_casemap;
use super::{file_name, text_of_html};
use crate::header::{Headers, split};
use crate::structure::{Part, PartKind, Structure};

/// The body's text in the form of [`casemap`](super::casemap()): all text parts decoded, HTML with and without its tags,
/// headers of messages within it, and names of attachments, a line each. Nothing is added once `limit` octets are there.
#[must_use]
pub fn folded_body(message: &[u8], limit: usize) -> String {
    let mut out = String::new();
    if let Some(text) = plain_body(message) {
        push_casemap(&mut out, text);
        return out;
    }
    let structure = Structure::of(message);
    for part in structure.parts() {
        if out.len() >= limit {
            break;
        }
        match part.kind {
            PartKind::Leaf if part.content.media.is_kind("text") => add_text(&mut out, &structure, part),
            PartKind::Message(inner) => {
                if let Some(inner) = structure.parts().get(inner) {
                    for field in structure.header(inner).iter() {
                        add(&mut out, &format!("{}: {}", field.name(), field.text()));
                    }
                }
            }
            _ => {}
        }
        if let Some(name) = file_name(part) {
            add(&mut out, &name);
        }
    }
    out
}

/// Calls `each` with every header field of the message as `Name: text`, decoded, until it answers `false`.
pub fn each_header_line(message: &[u8], mut each: impl FnMut(&str) -> bool) {
    for field in Headers::of(message).iter() {
        if !each(&format!("{}: {}", field.name(), field.text())) {
            return;
        }
    }
}

/// The body of a message that is plain text in ASCII or UTF-8 and not encoded: most of them need no taking apart.
fn plain_body(message: &[u8]) -> Option<&str> {
    let (_, body) = split(message);
    let headers = Headers::of(message);
    let value = |name: &str| headers.first(name).map_or(Cow::Borrowed(&b""[..]), |field| field.unfolded());
    let encoding = value("Content-Transfer-Encoding").trim_ascii().to_ascii_lowercase();
    if !matches!(encoding.as_slice(), b"" | b"7bit" | b"8bit" | b"binary") {
        return None;
    }
    let kind = value("Content-Type").to_ascii_lowercase();
    let kind = std::str::from_utf8(&kind).ok()?;
    let charset_known = !kind.contains("charset") || kind.contains("us-ascii") || kind.contains("utf-8");
    // ISO-2022-JP is ASCII to the eye, so a missing charset is only believed where no escape sequence occurs.
    let plain = kind.trim().is_empty() || (kind.trim_start().starts_with("text/plain") && charset_known);
    if !plain || kind.contains("name") || memchr(0x1b, body).is_some() {
        return None;
    }
    if value("Content-Disposition").to_ascii_lowercase().windows(4).any(|w| w == b"name") {
        return None;
    }
    std::str::from_utf8(body).ok()
}

fn add_text(out: &mut String, structure: &Structure<'_>, part: &Part<'_>) {
    let text = structure.text(part);
    add(out, &text);
    if part.content.media.is("text", "html") {
        add(out, &text_of_html(&text));
    }
}

fn add(out: &mut String, text: &str) {
    push_casemap(out, text);
    out.push('\n');
}
