//! The text of a message for search (RFC 3501 §6.4.4 BODY, TEXT, HEADER).

mod casemap;
mod html;
mod signature;
#[cfg(test)]
mod tests;
mod whole;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use crate::structure::{Part, PartKind, Structure};

pub use casemap::casemap;
pub use html::text_of_html;
pub use signature::{Builder, Grams, Signature};
pub use whole::{each_header_line, folded_body};

/// The readable text of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchText {
    /// All header fields of the message and of messages within it, decoded, a line each.
    pub header: String,
    /// All text parts, decoded; HTML without its tags; and the names of attachments, a line each.
    pub body: String,
}

/// Extracts the text of a message, at most `limit` octets of header and of body text each.
#[must_use]
pub fn extract(message: &[u8], limit: usize) -> SearchText {
    let structure = Structure::of(message);
    SearchText { header: header_text(&structure, limit), body: body_text(&structure, limit) }
}

/// One form for texts that a person holds to be the same: NFKC (full-width letters, half-width kana), lower case, runs of
/// white space as one space, none outside. Fold both sides, then look for one in the other.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        push_ascii_folded(&mut out, text);
        return out;
    }
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        // Most words are plain, and then there is nothing to normalise.
        if word.is_ascii() {
            let start = out.len();
            out.push_str(word);
            out[start..].make_ascii_lowercase();
        } else if is_nfkc_quick(word.chars()) == IsNormalized::Yes {
            out.extend(word.chars().flat_map(char::to_lowercase));
        } else {
            push_folded(&mut out, word);
        }
    }
    out
}

/// The text parts of a message, decoded, at most `limit` octets of them; HTML as the text in it.
#[must_use]
pub fn body_text(structure: &Structure<'_>, limit: usize) -> String {
    let mut out = String::new();
    for part in structure.parts() {
        if out.len() >= limit {
            break;
        }
        if part.kind == PartKind::Leaf {
            let text = leaf_text(structure, part, limit - out.len());
            push_line(&mut out, &text, limit);
        }
        if let Some(name) = file_name(part) {
            push_line(&mut out, &name, limit);
        }
    }
    out
}

/// The name of an attachment, if the part has one.
#[must_use]
pub fn file_name(part: &Part<'_>) -> Option<String> {
    let disposition = part.content.disposition.as_ref();
    disposition.and_then(|d| d.parameters.get("filename")).or_else(|| part.content.media.parameters.get("name"))
}

fn header_text(structure: &Structure<'_>, limit: usize) -> String {
    let mut out = String::new();
    let inner = structure.parts().iter().filter_map(|part| match part.kind {
        PartKind::Message(inner) => structure.parts().get(inner),
        _ => None,
    });
    for root in structure.root().into_iter().chain(inner) {
        for field in structure.header(root) {
            if out.len() >= limit {
                return out;
            }
            push_line(&mut out, &format!("{}: {}", field.name(), field.text()), limit);
        }
    }
    out
}

fn leaf_text(structure: &Structure<'_>, part: &Part<'_>, limit: usize) -> String {
    let media = &part.content.media;
    if !media.is_kind("text") {
        return String::new();
    }
    // Decoding is at worst three octets for one, and a tag-ridden page more; do not decode what cannot be kept.
    let mut start = part.clone();
    start.body.end = start.body.end.min(start.body.start.saturating_add(limit.saturating_mul(8)));
    let text = structure.text(&start);
    if media.is("text", "html") { text_of_html(&text) } else { text }
}

fn push_line(out: &mut String, line: &str, limit: usize) {
    if line.is_empty() {
        return;
    }
    let mut end = line.len().min(limit.saturating_sub(out.len()));
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    out.push_str(line.get(..end).unwrap_or_default());
    if out.len() < limit && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Most mail has nothing to normalise, and every message passes here.
fn push_ascii_folded(out: &mut String, text: &str) {
    let mut space = false;
    for b in text.bytes() {
        if matches!(b, b'\t'..=b'\r' | b' ') {
            space = !out.is_empty();
            continue;
        }
        if space {
            out.push(' ');
            space = false;
        }
        out.push(char::from(b.to_ascii_lowercase()));
    }
}

/// Normalisation may make white space of what was none.
fn push_folded(out: &mut String, word: &str) {
    let normal: String = word.nfkc().flat_map(char::to_lowercase).collect();
    for (index, piece) in normal.split_whitespace().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(piece);
    }
}
