//! Text of any charset to Unicode (RFC 2045 §6, RFC 2047, RFC 1468, WHATWG Encoding for the tables).

mod iso2022jp;
#[cfg(test)]
mod tests;
mod word;

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, WINDOWS_1252};

pub use word::decode_header;

/// Decodes octets that are said to be in the charset `label` (`iso-2022-jp`, `Shift_JIS`, `windows-1252` …).
///
/// An unknown label, an empty one, and `us-ascii` are guessed: UTF-8 where valid, ISO-2022-JP by its escapes, else a
/// Japanese charset in which the text reads as Japanese, else windows-1252. Octets that mean nothing become U+FFFD.
#[must_use]
pub fn decode(label: &str, octets: &[u8]) -> String {
    if iso2022jp::has_escapes(octets) && !is_utf16(label) {
        return text_in(EUC_JP, &iso2022jp::to_euc(octets));
    }
    match encoding(label) {
        Some(encoding) => text_in(encoding, octets),
        None => guess(octets),
    }
}

/// Whether [`decode`] knows the charset. `us-ascii` counts as known.
#[must_use]
pub fn is_known(label: &str) -> bool {
    encoding(label).is_some() || is_ascii_label(label) || is_iso2022jp(label)
}

/// The encoding of a label; `None` when it must be guessed.
fn encoding(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().trim_matches(['"', '\'']);
    if is_ascii_label(label) || is_iso2022jp(label) {
        return None;
    }
    let found = Encoding::for_label_no_replacement(label.as_bytes());
    found.or_else(|| {
        // Names that the WHATWG's list lacks, but mailers use.
        match label.to_ascii_lowercase().as_str() {
            "cp932" | "ms932" | "mskanji" | "shiftjis" => Some(SHIFT_JIS),
            "eucjp" | "cp51932" | "eucjp-ms" | "eucjp-win" => Some(EUC_JP),
            "cp936" | "ms936" => Some(GBK),
            "cp949" | "ms949" | "uhc" => Some(EUC_KR),
            "cp950" | "ms950" => Some(encoding_rs::BIG5),
            "utf8mb4" | "utf_8" => Some(UTF_8),
            "latin-1" | "iso8859_1" => Some(WINDOWS_1252),
            _ => None,
        }
    })
}

/// Charsets that WHATWG takes for windows-1252, but that promise nothing about octets with the eighth bit.
fn is_ascii_label(label: &str) -> bool {
    ["us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "7bit", "8bit"].iter().any(|l| l.eq_ignore_ascii_case(label))
}

/// ISO-2022-JP and its kin are known by their escapes; without escapes they are ASCII, or not what they say.
fn is_iso2022jp(label: &str) -> bool {
    let kin = |prefix: &str| label.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    kin("iso-2022-jp") || kin("csiso2022jp") || kin("cp5022") || kin("jis7") || kin("jis8")
}

fn is_utf16(label: &str) -> bool {
    label.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("utf-16"))
}

fn text_in(encoding: &'static Encoding, octets: &[u8]) -> String {
    encoding.decode(octets).0.into_owned()
}

fn guess(octets: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(octets) {
        return text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned();
    }
    // Japanese text is never long without kana, and other text hardly ever makes kana by chance.
    let japanese = [SHIFT_JIS, EUC_JP].into_iter().filter_map(|encoding| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(octets)?;
        let kana = text.chars().filter(|c| matches!(c, '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FC}')).count();
        let foreign = text.chars().filter(|c| !c.is_ascii()).count();
        (kana * 4 >= foreign && kana > 0).then(|| (kana, text.into_owned()))
    });
    match japanese.max_by_key(|(kana, _)| *kana) {
        Some((_, text)) => text,
        None if mostly_utf8(octets) => String::from_utf8_lossy(octets).into_owned(),
        None => text_in(WINDOWS_1252, octets),
    }
}

/// Whether the text is UTF-8 that was cut or damaged in a place or two.
fn mostly_utf8(octets: &[u8]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in octets.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > 4 * bad
}
