//! Body parts: `BODY[…]`, `BINARY[…]` and the old names (RFC 3501 §6.4.5, RFC 3516).

use std::borrow::Cow;

use sekisho_message::header::Headers;
use sekisho_message::structure::{self, SectionItem, SectionPath, Structure};
use sekisho_message::transfer;
use sekisho_proto::imap::fetch::{Part, What};
use sekisho_proto::imap::print;

/// How far [`print()`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// The part to go on with; 0 when all are printed.
    pub(super) next: usize,
    /// A `BINARY` part is encoded in an unknown way; it is left out.
    pub(super) unknown_encoding: bool,
}

/// Appends ` name value` for each part from the `from`th on, until `out` is as long as `limit`. The space is left out after
/// the opening parenthesis.
pub(super) fn print<'a>(
    out: &mut Vec<u8>,
    parts: impl Iterator<Item = &'a Part>,
    body: &[u8],
    from: usize,
    limit: usize,
) -> Printed {
    let mut taken_apart = None;
    let mut printed = Printed::default();
    for (at, part) in parts.enumerate().skip(from) {
        if at > from && out.len() >= limit {
            printed.next = at;
            break;
        }
        let mut message = Message { body, structure: &mut taken_apart };
        printed.unknown_encoding |= !one(out, part, &mut message);
    }
    printed
}

/// The octets that a `BODY[…]` section names; `None` when there is no such part.
pub(in crate::imap) fn octets<'a>(part: &Part, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let whole = match part.what {
        What::All if part.path.is_empty() => Cow::Borrowed(body),
        _ => Message { body, structure: &mut None }.section(&part.path, item(&part.what))?,
    };
    Some(match part.partial {
        None => whole,
        Some(partial) => Cow::Owned(cut(&whole, partial).to_vec()),
    })
}

/// `false` when the part is encoded in an unknown way.
fn one(out: &mut Vec<u8>, part: &Part, message: &mut Message<'_, '_>) -> bool {
    match part.what {
        // The whole message, which is what most ask for.
        What::All | What::Binary if part.path.is_empty() => value(out, part, Some(message.body)),
        What::Binary | What::BinarySize => match message.binary(&part.path) {
            Binary::Unknown => return false,
            // Its grammar has numbers only.
            Binary::Absent if part.what == What::BinarySize => {
                label(out, part);
                print::number(out, 0);
            }
            Binary::Absent => value(out, part, None),
            Binary::Content(content) if part.what == What::BinarySize => {
                label(out, part);
                print::number(out, content.len() as u64);
            }
            Binary::Content(content) => value(out, part, Some(&content)),
        },
        _ => {
            let found = message.section(&part.path, item(&part.what));
            value(out, part, found.as_deref());
        }
    }
    true
}

/// A message that is taken apart when somebody first asks for a numbered part.
struct Message<'m, 'a> {
    body: &'a [u8],
    structure: &'m mut Option<Structure<'a>>,
}

enum Binary<'a> {
    Content(Cow<'a, [u8]>),
    Absent,
    Unknown,
}

impl<'a> Message<'_, 'a> {
    fn section(&mut self, path: &[u32], item: SectionItem<'_>) -> Option<Cow<'a, [u8]>> {
        let path = SectionPath { part: path, item };
        if path.part.is_empty() {
            return structure::section(self.body, path);
        }
        let body = self.body;
        self.structure.get_or_insert_with(|| Structure::of(body)).section(path)
    }

    /// The content of a part without its transfer encoding.
    fn binary(&mut self, path: &[u32]) -> Binary<'a> {
        if path.is_empty() {
            return Binary::Content(Cow::Borrowed(self.body));
        }
        let Some(content) = self.section(path, SectionItem::Whole) else { return Binary::Absent };
        let header = self.section(path, SectionItem::Mime).unwrap_or_default();
        let encoding = Headers::of(&header).first("Content-Transfer-Encoding").map(|field| field.unfolded());
        let encoding = encoding.as_deref().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        match encoding.as_slice() {
            b"" | b"7bit" | b"8bit" | b"binary" => Binary::Content(content),
            b"base64" | b"quoted-printable" => Binary::Content(match content {
                Cow::Borrowed(bytes) => transfer::decode(&encoding, bytes),
                Cow::Owned(bytes) => Cow::Owned(transfer::decode(&encoding, &bytes).into_owned()),
            }),
            _ => Binary::Unknown,
        }
    }
}

fn item(what: &What) -> SectionItem<'_> {
    match what {
        What::All | What::Binary | What::BinarySize => SectionItem::Whole,
        What::Header => SectionItem::Header,
        What::HeaderFields(names) => SectionItem::Fields(names),
        What::HeaderFieldsNot(names) => SectionItem::FieldsNot(names),
        What::Text => SectionItem::Text,
        What::Mime => SectionItem::Mime,
    }
}

fn label(out: &mut Vec<u8>, part: &Part) {
    if !out.ends_with(b"(") {
        out.push(b' ');
    }
    out.extend_from_slice(part.label.as_bytes());
    out.push(b' ');
}

fn value(out: &mut Vec<u8>, part: &Part, bytes: Option<&[u8]>) {
    label(out, part);
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"NIL");
        return;
    };
    let bytes = part.partial.map_or(bytes, |partial| cut(bytes, partial));
    if part.what == What::Binary && memchr::memchr(0, bytes).is_some() {
        out.push(b'~'); // literal8: only BINARY may hold NUL
    }
    out.reserve(bytes.len() + 24);
    print::literal(out, bytes);
}

/// `count` octets from `first` on, as far as there are so many.
fn cut(bytes: &[u8], (first, count): (u64, u64)) -> &[u8] {
    let first = usize::try_from(first).unwrap_or(usize::MAX).min(bytes.len());
    let end = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(first).min(bytes.len());
    bytes.get(first..end).unwrap_or_default()
}
