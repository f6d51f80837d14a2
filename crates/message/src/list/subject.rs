//! Subject tags: `[users] Hello`.

use crate::charset::decode_header;
use crate::header::{encode_text, encode_words, unfold};

/// The raw value of a subject with the tag before it; `None` when its text has the tag already or the tag is empty.
///
/// The value, folded and encoded as it may be, stays as it is; the tag is encoded if it must be.
#[must_use]
pub fn tag_subject(value: &[u8], tag: &str) -> Option<Vec<u8>> {
    let tag = tag.trim();
    if tag.is_empty() || decode_header(&unfold(value)).contains(tag) {
        return None;
    }
    let value = value.trim_ascii();
    // White space between two encoded words would not be shown, so it goes into the first of them.
    let joins = !tag.is_ascii() && value.starts_with(b"=?");
    let mut out = if joins { encode_words(&format!("{tag} ")) } else { encode_text(tag) }.into_bytes();
    if !value.is_empty() {
        out.push(b' ');
        out.extend_from_slice(value);
    }
    Some(out)
}

/// A decoded subject without the tag, wherever it stands.
#[must_use]
pub fn strip_tag(subject: &str, tag: &str) -> String {
    let tag = tag.trim();
    if tag.is_empty() {
        return subject.to_owned();
    }
    subject.replace(tag, " ").split_whitespace().collect::<Vec<_>>().join(" ")
}
