//! BODY and BODYSTRUCTURE (RFC 3501 §7.4.2 and §9 `body`).

use super::wire::{nstring, number, string};
use super::{Content, Parameters, Part, PartKind, Structure, envelope};

/// The structure of the whole message in parentheses, with extension data for BODYSTRUCTURE.
pub(super) fn body(structure: &Structure<'_>, extended: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + 96 * structure.parts.len());
    let printer = Printer { structure, extended };
    printer.part(&mut out, 0);
    out
}

struct Printer<'a, 'm> {
    structure: &'a Structure<'m>,
    extended: bool,
}

impl Printer<'_, '_> {
    /// One part and those within it. The walk bounds how deep this goes.
    fn part(&self, out: &mut Vec<u8>, index: usize) {
        let Some(part) = self.structure.parts.get(index) else { return };
        out.push(b'(');
        match &part.kind {
            PartKind::Multipart(children) => self.multipart(out, part, children),
            PartKind::Message(inner) => {
                self.basic(out, part);
                let header = self.structure.parts.get(*inner).map(|p| p.header.clone()).unwrap_or_default();
                out.push(b' ');
                out.extend_from_slice(&envelope(self.structure.message.get(header).unwrap_or_default()));
                out.push(b' ');
                self.part(out, *inner);
                out.push(b' ');
                number(out, part.lines);
                self.extension(out, part);
            }
            PartKind::Leaf => {
                self.basic(out, part);
                if part.content.media.is_kind("text") {
                    out.push(b' ');
                    number(out, part.lines);
                }
                self.extension(out, part);
            }
        }
        out.push(b')');
    }

    fn multipart(&self, out: &mut Vec<u8>, part: &Part<'_>, children: &[usize]) {
        for child in children {
            self.part(out, *child);
        }
        out.push(b' ');
        string(out, &part.content.media.subtype);
        if self.extended {
            out.push(b' ');
            parameters(out, &part.content.media.parameters);
            disposition_and_after(out, &part.content);
        }
    }

    /// Type, subtype and the body fields.
    fn basic(&self, out: &mut Vec<u8>, part: &Part<'_>) {
        let content = &part.content;
        let (kind, subtype) = printed_type(part);
        string(out, kind);
        out.push(b' ');
        string(out, subtype);
        out.push(b' ');
        if content.media.is_kind("text") && content.media.parameters.raw("charset").is_none() {
            // What a text without a charset is in (RFC 2046 §4.1.2).
            let mut with_charset = content.media.parameters.clone();
            with_charset.0.push((b"charset".to_vec(), b"us-ascii".to_vec()));
            parameters(out, &with_charset);
        } else {
            parameters(out, &content.media.parameters);
        }
        out.push(b' ');
        nstring(out, content.id.as_deref());
        out.push(b' ');
        nstring(out, content.description.as_deref());
        out.push(b' ');
        string(out, &content.encoding);
        out.push(b' ');
        number(out, part.body.len());
    }

    fn extension(&self, out: &mut Vec<u8>, part: &Part<'_>) {
        if self.extended {
            out.push(b' ');
            nstring(out, part.content.md5.as_deref());
            disposition_and_after(out, &part.content);
        }
    }
}

/// A message that was nested too deeply to be taken apart must not be called one: the grammar wants its envelope.
fn printed_type<'a>(part: &'a Part<'_>) -> (&'a [u8], &'a [u8]) {
    let media = &part.content.media;
    if part.kind == PartKind::Leaf && media.is("message", "rfc822") {
        return (b"application", b"octet-stream");
    }
    (&media.kind, &media.subtype)
}

fn disposition_and_after(out: &mut Vec<u8>, content: &Content<'_>) {
    out.push(b' ');
    match &content.disposition {
        Some(disposition) => {
            out.push(b'(');
            string(out, &disposition.kind);
            out.push(b' ');
            parameters(out, &disposition.parameters);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    match content.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        [one] => string(out, one),
        several => list(out, several.iter().map(Vec::as_slice)),
    }
    out.push(b' ');
    nstring(out, content.location.as_deref());
}

fn parameters(out: &mut Vec<u8>, parameters: &Parameters) {
    if parameters.0.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    list(out, parameters.0.iter().flat_map(|(name, value)| [name.as_slice(), value.as_slice()]));
}

fn list<'a>(out: &mut Vec<u8>, strings: impl Iterator<Item = &'a [u8]>) {
    out.push(b'(');
    for (index, text) in strings.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        string(out, text);
    }
    out.push(b')');
}
