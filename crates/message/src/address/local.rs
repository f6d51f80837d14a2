//! The local part: dot-string or quoted string (RFC 5321 §4.1.2, RFC 6531 §3.3).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::AddressError;

/// Splits an address into its unquoted local part and the rest, which begins with `@`.
pub(super) fn split(text: &str) -> Result<(Cow<'_, str>, &str), AddressError> {
    if text.starts_with('"') { split_quoted(text) } else { split_dot_string(text) }
}

/// Whether a local part can be written at all: not empty, and no control characters (RFC 5321 §4.1.2
/// allows none, not even quoted).
pub(super) fn check(local: &str) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::NoLocalPart);
    }
    if local.chars().any(forbidden) {
        return Err(AddressError::BadLocalPart);
    }
    Ok(())
}

/// The local part as it stands in an address: as it is when it is a dot-string, else quoted.
pub(super) fn written(local: &str) -> Cow<'_, str> {
    if is_dot_string(local) {
        return Cow::Borrowed(local);
    }
    let mut quoted = String::with_capacity(local.len() + 2);
    quoted.push('"');
    for c in local.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

/// Lower case and NFC: one form for what a person takes for the same name (RFC 6532 §3.1).
pub(super) fn folded(local: &str) -> Cow<'_, str> {
    if !local.is_ascii() {
        return Cow::Owned(local.to_lowercase().nfc().collect());
    }
    if local.bytes().any(|b| b.is_ascii_uppercase()) {
        return Cow::Owned(local.to_ascii_lowercase());
    }
    Cow::Borrowed(local)
}

/// `atext` of RFC 5322 §3.2.3, widened to UTF-8 by RFC 6532 §3.2.
pub(crate) fn is_atext(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^' | '_' | '`' | '{' | '|' | '}'
        | '~' => true,
        c => !c.is_ascii() && !forbidden(c) && !c.is_whitespace(),
    }
}

/// Characters that no local part may hold: controls, line and paragraph separators, the replacement character.
fn forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFFD}')
}

fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn split_dot_string(text: &str) -> Result<(Cow<'_, str>, &str), AddressError> {
    let at = text.find('@').ok_or(AddressError::NoDomain)?;
    let (local, rest) = text.split_at(at);
    if local.is_empty() {
        return Err(AddressError::NoLocalPart);
    }
    if !is_dot_string(local) {
        return Err(AddressError::BadLocalPart);
    }
    Ok((Cow::Borrowed(local), rest))
}

fn split_quoted(text: &str) -> Result<(Cow<'_, str>, &str), AddressError> {
    let mut local = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Cow::Owned(local), text.get(at + 1..).unwrap_or_default())),
            '\\' => {
                // quoted-pairSMTP: only visible ASCII and space may be escaped.
                let (_, escaped) = chars.next().ok_or(AddressError::BadLocalPart)?;
                if !matches!(escaped, ' '..='~') {
                    return Err(AddressError::BadLocalPart);
                }
                local.push(escaped);
            }
            c if forbidden(c) => return Err(AddressError::BadLocalPart),
            c => local.push(c),
        }
    }
    Err(AddressError::BadLocalPart)
}
