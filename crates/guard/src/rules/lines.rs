//! A rule file as numbered lines, whatever editor wrote it.

use sekisho_message::say;

use super::{Finding, Severity};

/// Longest line that is read, in bytes. Longer ones disable themselves.
pub const MAX_LINE: usize = 1_000;
/// Most lines that are read. What comes after is ignored and reported.
pub const MAX_LINES: usize = 20_000;

/// The lines of a file that hold something, without their ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Line number from 1 and the line without blanks around it.
    pub lines: Vec<(u32, String)>,
    /// What was odd about the file as text.
    pub findings: Vec<Finding>,
}

/// Splits `bytes` into lines. CRLF, LF and CR end a line; a byte order mark is
/// dropped; UTF-16 with a mark is understood; bytes that are not UTF-8 are read as
/// Shift-JIS, where every character outside ASCII becomes U+FFFD, because none of
/// them can decide anything.
#[must_use]
pub fn read(bytes: &[u8]) -> Lines {
    let mut out = Lines::default();
    let decoded = match bytes {
        [0xFF, 0xFE, rest @ ..] => Some(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Some(utf16(rest, u16::from_be_bytes)),
        _ => None,
    };
    if decoded.is_some() {
        out.findings.push(Finding::new(
            0,
            Severity::Note,
            say!(ja: "UTF-16 で書かれています。UTF-8 での保存をお勧めします。", en: "The file is UTF-16; saving it as UTF-8 is advised."),
        ));
    }
    let bytes = decoded.as_deref().map_or(bytes, str::as_bytes);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut foreign = None;
    for (index, raw) in split(bytes).enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if index >= MAX_LINES {
            out.findings.push(Finding::new(
                number,
                Severity::Error,
                say!(ja: "{MAX_LINES} 行を超えたため、ここから先は読みません。", en: "More than {MAX_LINES} lines: nothing from here on is read."),
            ));
            break;
        }
        if raw.len() > MAX_LINE {
            out.findings.push(Finding::new(
                number,
                Severity::Error,
                say!(ja: "行が {MAX_LINE} バイトより長いため無効です。", en: "The line is longer than {MAX_LINE} bytes and has no effect."),
            ));
            continue;
        }
        let line = match std::str::from_utf8(raw) {
            Ok(line) => line.to_owned(),
            Err(_) => {
                foreign.get_or_insert(number);
                shift_jis(raw)
            }
        };
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{1A}');
        if !line.is_empty() {
            out.lines.push((number, line.to_owned()));
        }
    }
    if let Some(number) = foreign {
        out.findings.push(Finding::new(
            number,
            Severity::Note,
            say!(ja: "UTF-8 ではない文字があり、Shift-JIS として読みました。", en: "There are characters that are not UTF-8; they were read as Shift-JIS."),
        ));
    }
    out
}

/// Pieces between line ends; CRLF counts as one end.
fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&b| b == b'\n').flat_map(|line| line.strip_suffix(b"\r").unwrap_or(line).split(|&b| b == b'\r'))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn shift_jis(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            0x00..=0x7F => text.push(char::from(byte)),
            0x81..=0x9F | 0xE0..=0xFC => match (byte, rest.next()) {
                (0x81, Some(0x40)) => text.push('\u{3000}'),
                _ => text.push(char::REPLACEMENT_CHARACTER),
            },
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    text
}
