//! HTML to plain text, as far as search and fingerprints need it.

/// Longest character reference that is read, in octets.
const MAX_REFERENCE: usize = 10;

/// The text of an HTML page: no tags, no comments, no scripts and styles; the usual character references resolved.
/// Never fails; linear in the size of the page.
#[must_use]
pub fn text_of_html(page: &str) -> String {
    let mut out = String::with_capacity(page.len() / 2);
    let mut rest = page;
    while let Some(at) = rest.find(['<', '&']) {
        let (text, from) = rest.split_at(at);
        out.push_str(text);
        rest = if from.starts_with('<') { markup(&mut out, from) } else { reference(&mut out, from) };
    }
    out.push_str(rest);
    out
}

/// Passes a tag, a comment, or an element whose content is not text; returns what follows.
fn markup<'a>(out: &mut String, from: &'a str) -> &'a str {
    if let Some(comment) = from.strip_prefix("<!--") {
        return comment.find("-->").and_then(|end| comment.get(end + 3..)).unwrap_or_default();
    }
    let inner = from.get(1..).unwrap_or_default();
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
        out.push('<');
        return inner;
    }
    let Some(end) = inner.find('>') else { return "" };
    let (tag, after) = inner.split_at(end);
    let after = after.get(1..).unwrap_or_default();
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if is_inline(tag) {
        return after;
    }
    out.push(' ');
    for hidden in ["script", "style"] {
        if name.eq_ignore_ascii_case(hidden) {
            return after_element(after, hidden);
        }
    }
    after
}

/// Tags that do not part words.
fn is_inline(tag: &str) -> bool {
    let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    ["a", "b", "i", "u", "em", "strong", "span", "font", "small", "big", "wbr", "s", "sub", "sup"]
        .iter()
        .any(|inline| inline.eq_ignore_ascii_case(name))
}

/// What follows the end tag of an element; nothing when it is not closed.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    let mut rest = content;
    while let Some(at) = rest.find("</") {
        rest = rest.get(at + 2..).unwrap_or_default();
        if rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return rest.find('>').and_then(|end| rest.get(end + 1..)).unwrap_or_default();
        }
    }
    ""
}

/// Resolves a character reference; one that is unknown stays as it is.
fn reference<'a>(out: &mut String, from: &'a str) -> &'a str {
    let inner = from.get(1..).unwrap_or_default();
    let end = inner.bytes().take(MAX_REFERENCE).position(|b| b == b';');
    let resolved = end.and_then(|end| inner.get(..end)).and_then(character);
    match (resolved, end) {
        (Some(c), Some(end)) => {
            out.push(c);
            inner.get(end + 1..).unwrap_or_default()
        }
        _ => {
            out.push('&');
            inner
        }
    }
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).map(|c| if c.is_control() { ' ' } else { c });
    }
    let known = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("copy", '©'),
        ("reg", '®'),
        ("yen", '¥'),
        ("euro", '€'),
        ("hellip", '…'),
        ("mdash", '—'),
        ("ndash", '–'),
        ("lsquo", '‘'),
        ("rsquo", '’'),
        ("ldquo", '“'),
        ("rdquo", '”'),
    ];
    known.into_iter().find(|(n, _)| *n == name).map(|(_, c)| c)
}
