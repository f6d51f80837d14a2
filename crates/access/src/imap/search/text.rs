//! Texts in messages: decoded whatever their charset and encoding, compared by `i;unicode-casemap` (RFC 5051).
//!
//! RFC 3501 §6.4.4 asks for substrings. So the whole decoded text is looked through; nothing is split into words.

use std::cell::OnceCell;

use memchr::memmem::{self, Finder};
use sekisho_message::header::{Headers, split};
use sekisho_message::search::{Grams, Signature, casemap, each_header_line, folded_body};
use sekisho_store::index::TEXT_MAX;

/// A text that is looked for.
#[derive(Debug)]
pub(super) struct Needle {
    finder: Finder<'static>,
    ascii: bool,
    grams: Grams,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let folded = casemap(text);
        Self {
            finder: Finder::new(folded.as_bytes()).into_owned(),
            ascii: folded.is_ascii(),
            grams: Grams::of(&folded),
        }
    }

    /// It is long enough for a signature to say anything about it.
    pub(super) fn has_grams(&self) -> bool {
        !self.grams.is_empty()
    }

    /// `false` when what the signature is of does not contain it.
    pub(super) fn may_be_in(&self, signature: Signature<'_>) -> bool {
        signature.may_hold(&self.grams)
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
