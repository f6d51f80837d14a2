//! What the header of an arriving message says.

use sekisho_control::letter::Report;
use sekisho_control::trace::Bound;
use sekisho_message::charset;
use sekisho_message::header::{Headers, Originators, Parsed, originators};

/// Longest subject that is kept, in characters.
const MAX_SUBJECT: usize = 255;
/// Longest Message-ID that is kept, in octets.
const MAX_MESSAGE_ID: usize = 995;
/// Most header From addresses that are kept.
const MAX_FROM: usize = 10;

/// Facts of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// From, Sender, Reply-To.
    pub originators: Originators,
    /// Number of Received fields.
    pub received: usize,
    /// Whether there is a Date.
    pub has_date: bool,
    /// Message-ID with its angle brackets; empty when there is none.
    pub message_id: String,
    /// Subject, decoded.
    pub subject: String,
    /// The program that wrote it: User-Agent or X-Mailer; empty when neither is there.
    pub mailer: String,
    /// From, Date and Message-ID as they stand: what our mark is tied to.
    pub bound: Bound,
    /// What it says that it reports.
    pub report: Option<Report>,
    /// Whether the message has no header at all: its first line is text.
    pub headless: bool,
}

impl Facts {
    /// Reads `header`; `None` when it exceeds the bounds of [`Headers::check`].
    #[must_use]
    pub fn read(header: &[u8]) -> Option<Self> {
        let headers = Headers::of(header);
        headers.check().ok()?;
        let mut facts = Self::default();
        if headers.iter().next().is_some_and(|first| !first.raw().contains(&b':')) {
            facts.headless = true;
            return Some(facts);
        }
        facts.originators = originators(header);
        for field in headers.iter() {
            match field.name().len() {
                8 if field.is("Received") => facts.received += 1,
                4 if field.is("Date") => {
                    if !facts.has_date {
                        facts.bound.date = field.unfolded().into_owned();
                    }
                    facts.has_date = true;
                }
                4 if field.is("From") && facts.bound.from.is_empty() => {
                    facts.bound.from = field.unfolded().into_owned();
                }
                12 if field.is("Content-Type") && facts.report.is_none() => facts.report = Report::of(&field),
                7 if field.is("Subject") && facts.subject.is_empty() => {
                    facts.subject = charset::decode_header(&field.unfolded()).chars().take(MAX_SUBJECT).collect();
                }
                8 if field.is("X-Mailer") => facts.mailer = token(&field.unfolded()),
                10 if field.is("User-Agent") => facts.mailer = token(&field.unfolded()),
                10 if field.is("Message-ID") && facts.message_id.is_empty() => {
                    facts.message_id = token(&field.unfolded());
                    facts.bound.message_id = field.unfolded().into_owned();
                }
                _ => {}
            }
        }
        Some(facts)
    }

    /// The header From as the queue keeps it: addresses, comma-separated.
    #[must_use]
    pub fn header_from(&self) -> String {
        let Parsed { addresses, .. } = &self.originators.from;
        let mut out = String::new();
        for address in addresses.iter().take(MAX_FROM) {
            if !out.is_empty() {
                out.push_str(", ");
            }
            out.push_str(&address.key());
        }
        out
    }
}

fn token(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..MAX_MESSAGE_ID).unwrap_or(value));
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_header_gives_its_facts() {
        let header = b"Received: a\r\nreceived: b\r\nFrom: A <a@example.jp>, b@Example.JP\r\n\
            Subject: =?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=\r\nDate: x\r\nMessage-Id: <1@x>\r\n\r\n";
        let facts = Facts::read(header).unwrap();
        assert_eq!((facts.received, facts.has_date, facts.headless), (2, true, false));
        assert_eq!(facts.subject, "テスト");
        assert_eq!(facts.message_id, "<1@x>");
        assert_eq!(facts.header_from(), "a@example.jp, b@example.jp");
    }

    #[test]
    fn text_without_a_header_is_seen_as_such() {
        assert!(Facts::read(b"hello\r\n\r\nworld\r\n").unwrap().headless);
        let facts = Facts::read(b"\r\n").unwrap();
        assert!(!facts.headless && !facts.has_date && facts.message_id.is_empty());
    }

    #[test]
    fn bounds_are_kept() {
        let many = "A: b\r\n".repeat(2_001) + "\r\n";
        assert_eq!(Facts::read(many.as_bytes()), None);
        let long = format!("Subject: {}\r\n\r\n", "x".repeat(9_000));
        assert_eq!(Facts::read(long.as_bytes()).unwrap().subject.len(), MAX_SUBJECT);
    }
}
