//! A message from a file as the store wants it.

use memchr::memchr_iter;
use sekisho_message::header::Headers;
use sekisho_message::{Time, date};

/// The same message with CRLF at the end of every line.
pub(crate) fn crlf(bytes: Vec<u8>) -> Vec<u8> {
    let bare = memchr_iter(b'\n', &bytes).filter(|at| *at == 0 || bytes.get(at - 1) != Some(&b'\r')).count();
    if bare == 0 {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + bare);
    let mut last = 0;
    for at in memchr_iter(b'\n', &bytes) {
        let line = bytes.get(last..at).unwrap_or_default();
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
        last = at + 1;
    }
    out.extend_from_slice(bytes.get(last..).unwrap_or_default());
    out
}

/// Whether the bytes begin as a message does: with a header field, or an empty line.
pub(crate) fn is_message(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\r\n") || bytes.starts_with(b"\n") {
        return true;
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = name.trim_ascii_end();
    name.len() < line.len() && !name.is_empty() && name.len() <= 100 && name.iter().all(u8::is_ascii_graphic)
}

/// When it was received: the uppermost Received field, else Date.
pub(crate) fn received(bytes: &[u8]) -> Option<Time> {
    let headers = Headers::of(bytes);
    let trace = headers.first("Received").map(|field| field.text());
    let trace = trace.as_deref().and_then(|text| date::parse(text.rsplit(';').next()?.trim()));
    trace.or_else(|| date::parse(headers.text("Date")?.trim())).filter(|time| time.0 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_crlf() {
        assert_eq!(crlf(b"a\nb\r\nc\n\nd".to_vec()), b"a\r\nb\r\nc\r\n\r\nd");
        assert_eq!(crlf(b"a\r\n".to_vec()), b"a\r\n");
        assert_eq!(crlf(b"\n".to_vec()), b"\r\n");
    }

    #[test]
    fn messages_begin_with_a_field() {
        assert!(is_message(b"Received: x\r\n") && is_message(b"\r\nbody") && is_message(b"X-Y :z"));
        assert!(!is_message(b"\x80\x01\x02:abc\r\n") && !is_message(b"just text\r\n") && !is_message(b""));
    }

    #[test]
    fn the_uppermost_trace_tells_when() {
        let message =
            b"Received: from a by b; Mon, 05 Jan 2026 09:00:00 +0900\r\nDate: Sun, 04 Jan 2026 00:00:00 +0000\r\n\r\n";
        assert_eq!(received(message), Some(Time::from_seconds(1_767_571_200)));
        assert_eq!(received(b"Date: Mon, 05 Jan 2026 00:00:00 +0000\r\n\r\n"), Some(Time::from_seconds(1_767_571_200)));
        assert_eq!(received(b"Subject: x\r\n\r\n"), None);
    }
}
