//! Text files of other servers, whatever wrote them.

use sekisho_message::charset;

/// Reads text: UTF-16 with a mark, UTF-8, and line by line Shift-JIS for what is neither.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let utf16 = |rest: &[u8], join: fn([u8; 2]) -> u16| {
        let (pairs, _) = rest.as_chunks::<2>();
        String::from_utf16_lossy(&pairs.iter().map(|pair| join(*pair)).collect::<Vec<_>>())
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    // The second octet of a Shift-JIS character is never a line end.
    bytes.split_inclusive(|byte| *byte == b'\n').map(line).collect()
}

/// A file name or a line.
pub(crate) fn line(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => charset::decode("shift_jis", bytes),
    }
}

/// Lines with their numbers from 1; CRLF, LF and CR end a line.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let split = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    (1..).zip(split)
}

/// A name as a folder's: no level empty, no control characters.
pub(crate) fn folder_name(levels: &[String]) -> String {
    let clean = |level: &String| {
        let level: String = level.chars().map(|c| if c.is_control() || c == '/' { '_' } else { c }).collect();
        let level: String = level.trim().chars().take(60).collect();
        if level.is_empty() { "_".to_owned() } else { level }
    };
    levels.iter().map(clean).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_editor_is_read() {
        assert_eq!(decode("山田".as_bytes()), "山田");
        assert_eq!(decode(b"\x8eR\x93c\r\nplain \xe5\xb1\xb1\n"), "山田\r\nplain 山\n");
        assert_eq!(decode(&[0xFF, 0xFE, 0x71, 0x5C, 0x0A, 0x00]), "山\n");
        let numbered: Vec<_> = lines("a\r\nb\rc\n").collect();
        assert_eq!(numbered, [(1, "a"), (2, "b"), (3, "c"), (4, "")]);
    }

    #[test]
    fn names_become_folders() {
        assert_eq!(folder_name(&["a/b".into(), String::new(), "山田".into()]), "a_b/_/山田");
    }
}
