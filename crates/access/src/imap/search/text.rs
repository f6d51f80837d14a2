//! Texts in messages: decoded whatever their charset and encoding, compared without regard to case.
//!
//! RFC 3501 §6.4.4 asks for substrings. So the whole decoded text is looked through; nothing is split into words.

use std::borrow::Cow;
use std::cell::OnceCell;

use memchr::memmem::{self, Finder};
use sekisho_message::header::{HeaderField, Headers, split};
use sekisho_message::search::{casemap, file_name, text_of_html};
use sekisho_message::structure::{Part, PartKind, Structure};

/// Decoded octets of one message that are looked through.
const TEXT_MAX: usize = 32 * 1024 * 1024;

/// A text that is looked for.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
    ascii: bool,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let folded = casemap(text);
        Self { finder: Finder::new(folded.as_bytes()).into_owned(), ascii: folded.is_ascii() }
    }

    fn is_empty(&self) -> bool {
        self.finder.needle().is_empty()
    }

    fn is_in(&self, folded: &str) -> bool {
        self.finder.find(folded.as_bytes()).is_some()
    }

    /// Whether `text`, which is not folded yet, holds it.
    fn is_in_plain(&self, text: &str) -> bool {
        if text.is_ascii() && !self.ascii {
            return false;
        }
        self.is_in(&casemap(text))
    }
}

/// A message that is looked through. What was decoded once is kept for the next key.
pub(super) struct Body<'a> {
    message: &'a [u8],
    folded: OnceCell<String>,
}

impl<'a> Body<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { message, folded: OnceCell::new() }
    }

    /// Whether a header field of that name contains the text; an empty one asks for the field alone.
    pub(super) fn header_has(&self, name: &str, needle: &Needle) -> bool {
        Headers::of(self.message).all(name).any(|field| needle.is_empty() || needle.is_in_plain(&field.text()))
    }

    /// The `Date:` field, or nothing.
    pub(super) fn date(&self) -> String {
        Headers::of(self.message).first("Date").map(|field| field.text()).unwrap_or_default()
    }

    pub(super) fn body_has(&self, needle: &Needle) -> bool {
        needle.is_in(self.folded.get_or_init(|| folded_body(self.message)))
    }

    pub(super) fn text_has(&self, needle: &Needle) -> bool {
        self.any_header_has(needle) || self.body_has(needle)
    }

    fn any_header_has(&self, needle: &Needle) -> bool {
        let (header, _) = split(self.message);
        // A header of nothing but ASCII, unfolded and without encoded words is its own text.
        let raw = header.is_ascii() && memmem::find(header, b"=?").is_none();
        if raw && !needle.ascii {
            return false;
        }
        if raw && memmem::find(header, b"\n ").is_none() && memmem::find(header, b"\n\t").is_none() {
            return needle.finder.find(&header.to_ascii_lowercase()).is_some();
        }
        let in_field = |field: HeaderField<'_>| needle.is_in_plain(&format!("{}: {}", field.name(), field.text()));
        Headers::of(self.message).iter().any(in_field)
    }
}

fn folded_body(message: &[u8]) -> String {
    if let Some(text) = plain_body(message) {
        return casemap(text);
    }
    let structure = Structure::of(message);
    let mut out = String::new();
    for part in structure.parts() {
        if out.len() >= TEXT_MAX {
            break;
        }
        match part.kind {
            PartKind::Leaf if part.content.media.is_kind("text") => add_text(&mut out, &structure, part),
            PartKind::Message(inner) => {
                if let Some(inner) = structure.parts().get(inner) {
                    add_header(&mut out, &structure, inner);
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
    if !plain || kind.contains("name") || memchr::memchr(0x1b, body).is_some() {
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

fn add_header(out: &mut String, structure: &Structure<'_>, part: &Part<'_>) {
    for field in structure.header(part).iter() {
        add(out, &format!("{}: {}", field.name(), field.text()));
    }
}

fn add(out: &mut String, text: &str) {
    out.push_str(&casemap(text));
    out.push('\n');
}
