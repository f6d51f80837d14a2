//! The message inside a message: what a complaint, a bounce or a forwarded mail is about.

use std::borrow::Cow;

use crate::structure::{Part, PartKind, Structure};
use crate::{arf, dsn};

/// Most messages within each other that are taken out.
const MAX_LEVELS: usize = 6;
/// Most octets of a text that are searched for a pasted header.
const MAX_SEARCHED: usize = 256 * 1024;

/// How a message came to lie within another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is the outermost one.
    Outermost,
    /// A feedback report is about it (RFC 5965).
    Feedback,
    /// A delivery status notification is about it (RFC 3464).
    Dsn,
    /// It is attached (`message/rfc822`, or its header alone).
    Attached,
    /// Its header stands in the text, as old bounces and people paste it.
    Pasted,
}

/// A message, and how it came to lie where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level<'a> {
    /// How it lies in the one before it.
    pub how: How,
    /// Its bytes: all of it, or the header alone.
    pub message: Cow<'a, [u8]>,
    /// Whether the body is there too.
    pub whole: bool,
}

/// The message and those within it, the outermost first. Never empty, never more than a few.
#[must_use]
pub fn levels(message: &[u8]) -> Vec<Level<'_>> {
    let mut all = vec![Level { how: How::Outermost, message: Cow::Borrowed(message), whole: true }];
    while all.len() < MAX_LEVELS {
        let Some(last) = all.last() else { break };
        match inside(&last.message) {
            Some(level) => all.push(level),
            None => break,
        }
    }
    all
}

fn inside(message: &[u8]) -> Option<Level<'static>> {
    let structure = Structure::of(message);
    let report = if arf::parse(message).is_some() {
        How::Feedback
    } else if dsn::parse(message).is_some() {
        How::Dsn
    } else {
        How::Attached
    };
    for part in structure.parts() {
        if let Some((bytes, whole)) = attached(&structure, part) {
            return Some(Level { how: report, message: Cow::Owned(bytes), whole });
        }
    }
    let pasted = structure.parts().iter().filter(|part| is_text(part)).find_map(|part| pasted(&structure.text(part)));
    let how = if report == How::Attached { How::Pasted } else { report };
    pasted.map(|text| Level { how, message: Cow::Owned(text.into_bytes()), whole: false })
}

/// The message in a part that holds one, and whether its body is there.
fn attached(structure: &Structure<'_>, part: &Part<'_>) -> Option<(Vec<u8>, bool)> {
    let media = &part.content.media;
    let message =
        matches!(part.kind, PartKind::Message(_)) || media.is("message", "rfc822") || media.is("message", "global");
    let header = media.is("text", "rfc822-headers") || media.is("message", "global-headers");
    if !message && !header {
        return None;
    }
    let bytes = structure.decoded(part).into_owned();
    (!bytes.trim_ascii().is_empty()).then(|| {
        let (head, body) = crate::header::split(&bytes);
        let whole = message && !body.is_empty() && !head.is_empty();
        (bytes, whole)
    })
}

fn is_text(part: &Part<'_>) -> bool {
    matches!(part.kind, PartKind::Leaf) && part.content.media.kind.eq_ignore_ascii_case(b"text")
}

/// A header in a text, from its first trace field on; quote marks before its lines are taken away.
fn pasted(text: &str) -> Option<String> {
    let text = text.get(..text.floor_char_boundary(MAX_SEARCHED))?;
    let lines: Vec<&str> = text.lines().map(unquoted).collect();
    let begins = |line: &&str| {
        let starts = |name: &str| line.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        starts("received: ") || starts("return-path: ")
    };
    let at = lines.iter().position(begins)?;
    let rest = lines.get(at..)?;
    // A single line that happens to begin so is a sentence, not a header.
    let fields = rest.iter().take(12).filter(|line| is_field(line)).count();
    (fields >= 2).then(|| {
        let mut out = rest.join("\r\n");
        out.push_str("\r\n");
        out
    })
}

fn unquoted(line: &str) -> &str {
    let mut line = line;
    while let Some(rest) = line.strip_prefix('>') {
        line = rest.strip_prefix(' ').unwrap_or(rest);
    }
    line
}

fn is_field(line: &str) -> bool {
    let Some((name, _)) = line.split_once(':') else { return false };
    !name.is_empty() && name.len() < 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn hows(message: &str) -> Vec<How> {
        levels(message.as_bytes()).iter().map(|level| level.how).collect()
    }

    #[test]
    fn a_plain_message_has_nothing_within() {
        assert_eq!(hows("From: a@b.example\r\nSubject: x\r\n\r\nReceived: yes, thanks.\r\n"), [How::Outermost]);
        assert_eq!(hows(""), [How::Outermost]);
    }

    #[test]
    fn attached_and_encoded_messages_come_out() {
        let inner = "From: c@d.example\r\nSubject: inner\r\n\r\nbody\r\n";
        for (encoding, body) in [("7bit", inner.to_owned()), ("base64", base64(inner))] {
            let outer = format!(
                "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee this\r\n--x\r\nContent-Type: message/rfc822\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n--x--\r\n"
            );
            let all = levels(outer.as_bytes());
            assert_eq!((all.len(), all[1].how, all[1].whole), (2, How::Attached, true), "{encoding}");
            assert!(all[1].message.starts_with(b"From: c@d.example"));
        }
    }

    #[test]
    fn a_pasted_header_is_found_behind_quote_marks() {
        let text = "From: a@b.example\r\n\r\nStop this!\r\n> Received: from x by y; Mon\r\n>   more\r\n> From: c@d.example\r\n> Subject: z\r\n";
        let all = levels(text.as_bytes());
        assert_eq!((all.len(), all[1].how, all[1].whole), (2, How::Pasted, false));
        assert!(all[1].message.starts_with(b"Received: from x by y; Mon\r\n  more\r\nFrom: c@d.example"));
    }

    #[test]
    fn russian_dolls_end() {
        let mut message = "From: a@b.example\r\n\r\nend\r\n".to_owned();
        for _ in 0..20 {
            message = format!("From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n{message}");
        }
        assert_eq!(levels(message.as_bytes()).len(), MAX_LEVELS);
    }

    fn base64(text: &str) -> String {
        const SET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in text.as_bytes().chunks(3) {
            let n = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
            for place in 0..4 {
                let at = (n >> (18 - 6 * place)) & 63;
                out.push(if place <= chunk.len() { char::from(SET[at as usize]) } else { '=' });
            }
        }
        out
    }
}
