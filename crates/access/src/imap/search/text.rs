//! Texts in messages: decoded whatever their charset and encoding, compared by `i;unicode-casemap` (RFC 5051).
//!
//! RFC 3501 §6.4.4 asks for substrings. So the whole decoded text is looked through; nothing is split into words.

use std::cell::OnceCell;

use memchr::memmem::{self, Finder};
use sekisho_message::charset;
use sekisho_message::header::{AddressItem, Headers, address_list, split};
use sekisho_message::search::{Grams, Signature, casemap, each_header_line, folded_body};
use sekisho_store::index::TEXT_MAX;

/// A text that is looked for.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
    ascii: bool,
    /// Of pieces of it that a text must hold to be worth looking through.
    grams: Vec<Grams>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let folded = casemap(text);
        let grams = vec![Grams::of(&folded)];
        Self { finder: Finder::new(folded.as_bytes()).into_owned(), ascii: folded.is_ascii(), grams }
    }

    /// A text that is looked for in addresses. Comments, quoting and folding can stand between its words in the header, so
    /// only the words are sure to be there as they are.
    pub(super) fn of_addresses(text: &str) -> Self {
        let folded = casemap(text);
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii();
        let grams = folded.split(|c| !word(c)).map(Grams::of).collect();
        Self { grams, ..Self::new(text) }
    }

    /// It is long enough for a signature to say anything about it.
    pub(super) fn has_grams(&self) -> bool {
        self.grams.iter().any(|grams| !grams.is_empty())
    }

    /// `false` when what the signature is of does not contain it.
    pub(super) fn may_be_in(&self, signature: Signature<'_>) -> bool {
        self.grams.iter().all(|grams| signature.may_hold(grams))
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

/// The header of a message that is looked through; the whole message does as well.
pub(super) struct Header<'a>(pub(super) &'a [u8]);

impl Header<'_> {
    /// Whether a field of that name contains the text; an empty one asks for the field alone.
    pub(super) fn has(&self, name: &str, needle: &Needle) -> bool {
        Headers::of(self.0).all(name).any(|field| needle.is_empty() || needle.is_in_plain(&field.text()))
    }

    /// Whether an address field of that name contains the text, as it is written or as ENVELOPE has it: `name <local@domain>`.
    pub(super) fn has_address(&self, name: &str, needle: &Needle) -> bool {
        let written = |item: AddressItem| match item {
            AddressItem::Mailbox { name, local, domain, .. } => {
                let (local, domain) = (String::from_utf8_lossy(&local), String::from_utf8_lossy(&domain));
                format!("{} <{local}@{domain}>", charset::decode_header(&name))
            }
            AddressItem::GroupStart(name) => charset::decode_header(&name),
            AddressItem::GroupEnd => String::new(),
        };
        self.has(name, needle)
            || Headers::of(self.0)
                .all(name)
                .flat_map(|field| address_list(&field.unfolded()))
                .any(|item| needle.is_in_plain(&written(item)))
    }

    /// The `Date:` field, or nothing.
    pub(super) fn date(&self) -> String {
        Headers::of(self.0).first("Date").map(|field| field.text()).unwrap_or_default()
    }

    /// Whether any field with its name contains the text.
    pub(super) fn has_anywhere(&self, needle: &Needle) -> bool {
        let (header, _) = split(self.0);
        // A header of nothing but ASCII, unfolded and without encoded words is its own text.
        let raw = header.is_ascii() && memmem::find(header, b"=?").is_none();
        if raw && !needle.ascii {
            return false;
        }
        let mut found = false;
        each_header_line(header, |line| {
            found = needle.is_in_plain(line);
            !found
        });
        found
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

    pub(super) fn has(&self, needle: &Needle) -> bool {
        needle.is_in(self.folded.get_or_init(|| folded_body(self.message, TEXT_MAX)))
    }
}
